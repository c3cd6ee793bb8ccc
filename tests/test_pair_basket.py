"""Several models on one item: the basket in the address, its pictures and its table."""

from dataclasses import replace

import pytest

from dashboard.views.pair.basket import finding, less_chance, views_by_model
from dashboard.views.pair.tables import models_table
from dashboard.views.pair.view import MOST_MODELS, Options, choose
from tests.made_pair import (
    MODEL,
    OPTIONS,
    clean,
    html_of,
    make_result,
    opener,
    request_of,
    said,
)
from tests.made_study import made_study

SHALLOW = replace(MODEL, id="e5-small/nli-es", layers=(0, 1, 2))
OTHERS = [replace(MODEL, id=f"e5-small/nli-{number}") for number in range(MOST_MODELS)]
OFFER = Options(
    {model.id: model for model in (MODEL, SHALLOW, *OTHERS, replace(MODEL, id="m/qa", task="qa"))},
    OPTIONS.items,
    OPTIONS.parts,
)


def test_a_basket_holds_models_of_one_task_each_once():
    asked = f"{MODEL.id},{SHALLOW.id},{MODEL.id},m/qa,nobody/x"
    view, problems = choose({"basket": asked, "layer": "8"}, OFFER)
    assert view.basket == (MODEL.id, SHALLOW.id)
    assert [line for line in problems if "nobody/x" in line] == problems
    assert view.query()["basket"] == f"{MODEL.id},{SHALLOW.id}"
    assert choose(view.query(), OFFER) == (view, [])
    layers = {name: each.layer for name, each in views_by_model(view, OFFER).items()}
    assert layers == {MODEL.id: 8, SHALLOW.id: 2}  # its last: it has no layer 8
    full, problems = choose({"basket": ",".join(model.id for model in [*OTHERS, MODEL])}, OFFER)
    assert len(full.basket) == MOST_MODELS
    assert "holds 6 models" in problems[0]


def test_each_model_has_its_picture_and_its_row(monkeypatch):
    page = opener(monkeypatch, OFFER)
    app = clean(page({"basket": f"{MODEL.id},{SHALLOW.id}"}))
    keys = [one.proto.id for one in app.get("bidi_component")]
    assert sum("pair_picture_small_" in key for key in keys) == 2
    assert "2 of 2 models predict the same in both languages" in html_of(app)
    assert "Gain less chance" in html_of(app)
    assert not said(app)
    box = app.multiselect(key="pair_basket_input")
    clean(box.set_value([SHALLOW.id]).run())
    assert app.query_params["basket"] == SHALLOW.id


def test_what_the_models_come_to_is_said_in_one_sentence():
    result = make_result(request_of())
    assert finding({}, 2).startswith("2 models to measure")
    assert "1 of 1 model predict" in finding({MODEL.id: result}, 2)
    table = models_table({MODEL.id: result}, {MODEL.id: 0.25})
    assert table["gain_calibrated"][0] == 0.25
    assert table["source_probability"][0] == pytest.approx(0.7)


def test_the_gain_less_chance_is_that_of_the_study(tmp_path):
    study = made_study(tmp_path, items=12)
    row = study.query("SELECT * FROM rows WHERE layer = 8 LIMIT 1").iloc[0]
    pair = (row["source_lang"], row["target_lang"])
    values = less_chance(study, row["item"], 8, pair)
    expected = row["gain"] - row["gain_unrelated"]
    assert values.get(row["model"]) == (pytest.approx(expected) if expected == expected else None)
    assert less_chance(study, "nobody", 8, pair) == {}
