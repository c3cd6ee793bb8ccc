"""The set of selected items: how it stands in an address, and what an address may not do."""

import pytest

from ccta_core import permissions
from ccta_core.errors import CctaError
from ccta_core.store import notes
from dashboard.widgets.selection import Selection, address_text, parse_address

ODD = ("a,b", "c:d", "%2C", "ünï 世界", "~", "x" * 50)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CCTA_CACHE", str(tmp_path))


@pytest.mark.parametrize("name", ["", "a, b: c%"])
def test_an_address_gives_back_its_items_whatever_they_are_called(name):
    text = address_text("made", [*ODD, ODD[0]], name)
    assert parse_address("made", text) == Selection(ODD, name)
    assert notes.set_names("made") == []
    assert address_text("made", []) == ""


def test_many_items_are_kept_under_a_short_name():
    items = [f"item-{number}" for number in range(500)]
    text = address_text("made", items)
    assert len(text) < 20
    assert parse_address("made", text).items == tuple(items)
    assert address_text("made", reversed(items)) == text  # the same set has the same name
    assert address_text("made", items[1:]) != text
    assert address_text("made", items, "the odd ones") == "the odd ones"


def test_a_read_only_installation_keeps_none(monkeypatch):
    monkeypatch.setenv(permissions.VARIABLE, "1")
    text = address_text("made", [f"item-{number}" for number in range(300)])
    assert len(parse_address("made", text).items) == 300
    assert notes.set_names("made") == []
    with pytest.raises(CctaError, match="select fewer"):
        address_text("made", [f"item-{number}" for number in range(3000)])


def test_a_name_that_is_not_kept_is_no_set():
    with pytest.raises(ValueError, match="name of a set"):
        parse_address("made", "nobody's")
