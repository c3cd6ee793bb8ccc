import json
import logging
import os
import stat

import pytest

from ccta_core.config import Config, cache_root
from ccta_core.models.catalog import find
from ccta_core.permissions import NO_TEXTS
from ccta_core.store.files import key_of, read_entry, write_entry
from ccta_core.store.pairs import find_pair, keep_pair, pair_key
from ccta_core.types import Sentence
from tests.made_pair import make_result, request_of

KEY = key_of("something", 1)


def test_what_is_written_is_read_back(tmp_path):
    payload = {"x": [0.1, 1e-300, -1.5], "text": "日本語 <&> \u200f"}
    write_entry(tmp_path, KEY, payload)
    assert read_entry(tmp_path, KEY) == payload
    assert not list(tmp_path.rglob("*.tmp"))


def test_what_is_not_there_is_none(tmp_path):
    assert read_entry(tmp_path, KEY) is None


def test_where_no_texts_are_kept_nothing_of_a_pair_is_written(monkeypatch):
    request = request_of()
    what = (request.model, request.source, request.target, request.config)
    monkeypatch.setenv(NO_TEXTS, "1")
    assert keep_pair(make_result(request), *what) is None
    assert not (cache_root() / "results").exists()
    monkeypatch.delenv(NO_TEXTS)
    assert keep_pair(make_result(request), *what) is None
    assert find_pair(*what) is not None


@pytest.mark.parametrize(
    "damage", [lambda b: b[:20], lambda b: b"", lambda b: b"x" + b[1:], lambda b: b[:-9] + bytes(9)]
)
def test_a_damaged_entry_is_set_aside_and_computed_again(tmp_path, damage, caplog):
    write_entry(tmp_path, KEY, {"x": 1})
    path = next(tmp_path.rglob("*.json.gz"))
    path.write_bytes(damage(path.read_bytes()))
    with caplog.at_level(logging.WARNING):
        assert read_entry(tmp_path, KEY) is None
    assert "set aside" in caplog.text
    assert len(list(tmp_path.rglob("*.damaged"))) == 1
    write_entry(tmp_path, KEY, {"x": 2})
    assert read_entry(tmp_path, KEY) == {"x": 2}


def test_keys_depend_on_every_part():
    assert len({key_of("a", 1), key_of("a", 2), key_of("b", 1), key_of("a", "1")}) == 4


def test_numbers_that_are_not_json_are_never_written(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_entry(tmp_path, KEY, {"x": float("nan")})
    assert not list(tmp_path.rglob("*.json.gz"))


def test_the_same_payload_gives_the_same_bytes(tmp_path):
    for folder in ("a", "b"):
        write_entry(tmp_path / folder, KEY, json.loads('{"x": [1, 2]}'))
    one, two = (next((tmp_path / folder).rglob("*.json.gz")) for folder in ("a", "b"))
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_a_failed_write_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_entry(tmp_path, KEY, {"x": 1})
    assert not [path for path in tmp_path.rglob("*") if stat.S_ISREG(path.stat().st_mode)]


def test_a_focus_makes_another_comparison():
    info, plain = find("e5-small/nli-en"), Sentence("a b", "en", "c d")
    aimed = Sentence("a b", "en", "c d", ((0, 1),))
    pairs = [(plain, plain), (aimed, plain), (plain, aimed)]
    assert len({pair_key(info, *pair, Config()) for pair in pairs}) == 3
