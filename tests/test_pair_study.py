"""Items of a study on the Pair page: their texts, their gold labels, the way back."""

import json
from dataclasses import replace

import pytest

from ccta_core.errors import CctaError
from ccta_core.study.storage.items import FILE
from ccta_core.study.storage.texts import examples_of, ids_of
from dashboard.session import Origin
from tests.made_pair import MODEL, clean, html_of, opener, said
from tests.made_study import made_study


@pytest.fixture
def study(tmp_path):
    return made_study(tmp_path / "ccta-cache" / "studies", name="mine", items=12)


@pytest.fixture
def page(monkeypatch):
    return opener(monkeypatch)


def test_some_items_are_read_in_the_order_of_the_study(study):
    ids = ids_of(study)
    assert len(ids) == 12
    some = examples_of(study, [ids[7], ids[2], ids[3], "nobody"])
    assert tuple(some) == (ids[2], ids[3], ids[7])
    assert tuple(examples_of(study)) == ids
    assert some[ids[2]].label is not None


def test_without_its_own_texts_the_data_are_read_again(study):
    kept = examples_of(study)
    (study.folder / FILE).unlink()
    again = examples_of(study, list(kept)[:2])
    assert [again[one].label for one in again] == [kept[one].label for one in list(kept)[:2]]


@pytest.mark.parametrize("data", ["xnli:/not/here#test", "demo:qa"])
def test_missing_data_are_named_in_one_line(study, data):
    (study.folder / FILE).unlink()
    lost = replace(study, manifest=replace(study.manifest, data=data))
    with pytest.raises(CctaError) as caught:
        examples_of(lost)
    assert data in str(caught.value)
    assert "not here" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_address_opens_an_item_of_a_study(page, study):
    item = ids_of(study)[4]
    app = clean(page({"study": "mine", "item": item, "model": MODEL.id, "src": "en", "tgt": "de"}))
    assert not said(app)
    assert (app.query_params["study"], app.query_params["item"]) == ("mine", item)
    label = examples_of(study, [item])[item].label
    assert f"Gold label: {label}." in html_of(app)
    clean(app.run())
    assert app.query_params["study"] == "mine"


def test_a_study_that_is_not_here_is_one_line(page, study):
    app = clean(page({"study": "<b>other</b>", "item": "x-1"}))
    assert len(app.warning) == 1
    assert "study" not in app.query_params
    manifest = study.folder / "manifest.json"
    found = json.loads(manifest.read_text("utf-8"))
    manifest.write_text(json.dumps(found | {"data": "xnli:/not/here#test"}), encoding="utf-8")
    (study.folder / FILE).unlink()
    app = clean(page({"study": "mine", "item": "x-1"}))
    assert len(app.warning) == 1
    assert "/not/here#test" in said(app)


def test_the_way_back_is_offered_where_one_came_from(page):
    app = clean(page())
    assert not [button for button in app.button if button.label.startswith("Back")]
    app.session_state["back"] = Origin("errors", {"study": "mine"})
    clean(app.run())
    assert [button for button in app.button if button.label == "Back to errors"]
