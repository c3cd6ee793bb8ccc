"""Deletion curves of a pair: measured, kept, said in words, shown on request."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ccta_core.config import Config, Quadrature, cache_root
from ccta_core.errors import CctaError
from ccta_core.faithfulness import deletion
from ccta_core.faithfulness.curves import (
    DRAWS,
    MOST_STEPS,
    CurvesOf,
    DeletionCurves,
    PairCurves,
    find_curves,
)
from ccta_core.faithfulness.deletion import measure_curves, measure_curves_cached
from ccta_core.pipeline import compare_cached
from ccta_core.types import Sentence
from dashboard.engine import Engine
from dashboard.session import widget_key
from dashboard.views.pair.charts import deletion_chart
from dashboard.views.pair.tables import curves_table
from tests.heads import tiny
from tests.made_pair import MODEL, SIDES, clean, html_of, opener, said

QUICK = Config(shuffles=0, unrelated=0, quadrature=Quadrature(max_points=9))
EN = Sentence("The ferry is late today.", "en", "Rain fell.")
ES = Sentence("El barco llega tarde.", "es", "Llueve.")


@pytest.fixture(scope="module")
def model():
    return tiny("paraphrase")


@pytest.mark.parametrize("kind", ["pad", "mask"])
def test_curves_are_the_models_own_probabilities(model, kind):
    """Against forward passes by hand along the order of the masses that the pair shows."""
    wanted = CurvesOf(model.info, EN, ES, QUICK, kind)
    curves = measure_curves(model, wanted)
    pair = compare_cached(model, EN, ES, QUICK)
    column = model.labels.index(pair.target_class)
    filler = {"pad": model.tokenizer.pad_token_id, "mask": model.tokenizer.mask_token_id}[kind]
    for side, sentence, attribution, masses in (
        (curves.source, EN, pair.source, pair.source_mass),
        (curves.target, ES, pair.target, pair.target_mass),
    ):
        order = np.argsort(-masses, kind="stable")
        assert len(set(masses)) == len(masses)
        encoded = model.encode(sentence)
        members = [list(group) for part in encoded.maps for group in part.members]
        for curve, units in ((side.largest_first, order), (side.smallest_first, order[::-1])):
            ids, expected = encoded.ids.clone(), []
            for unit in (None, *units):
                if unit is not None:
                    ids[members[unit]] = filler
                with torch.inference_mode():
                    logits = model.hf_model(
                        input_ids=ids[None],
                        attention_mask=torch.ones_like(ids)[None],
                        token_type_ids=encoded.type_ids[None],
                    ).logits[0]
                expected.append(float(logits.softmax(-1)[column]))
            np.testing.assert_allclose(curve, expected, atol=1e-5)
        assert side.order == tuple(attribution.units[unit].text for unit in order)
        assert side.explained == pair.target_class
        assert side.removed.tolist() == list(range(len(masses) + 1))
        assert side.random.shape == (DRAWS, len(masses) + 1)
        np.testing.assert_allclose(side.random[:, 0], side.largest_first[0])
        np.testing.assert_allclose(side.random[:, -1], side.largest_first[-1])
        assert len(np.unique(side.random, axis=0)) > DRAWS // 2


ANSWERS = {
    "qa": (
        Sentence("Who sings?", "en", "On Monday Anna sings."),
        Sentence("¿Quién canta?", "es", "El lunes canta Anna."),
    ),
    "ner": (Sentence("Anna went to Oslo.", "en"), Sentence("Anna fue a Oslo.", "es")),
}


@pytest.mark.parametrize("task", ANSWERS)
def test_answers_and_names_have_curves(task):
    model = tiny(task)
    sentences = ANSWERS[task]
    curves = measure_curves(model, CurvesOf(model.info, *sentences, QUICK))
    pair = compare_cached(model, *sentences, QUICK)
    for side, attribution in zip(curves.sides, (pair.source, pair.target), strict=True):
        assert side.explained == attribution.target_class
        assert sorted(side.order) == sorted(unit.text for unit in attribution.units)
        assert (side.largest_first > 0).all()
        assert (side.largest_first <= 1).all()
        assert np.ptp(side.largest_first) > 0


def test_a_long_text_loses_several_words_at_a_time(model):
    long = Sentence(" ".join(f"word {number}" for number in range(20)), "en", "Rain fell.")
    side = measure_curves(model, CurvesOf(model.info, long, ES, QUICK)).source
    assert len(side.removed) == MOST_STEPS + 1
    assert (side.removed[0], side.removed[-1]) == (0, len(side.order))
    assert (np.diff(side.removed) > 0).all()


def test_curves_are_kept_and_found_again(model, monkeypatch):
    wanted = CurvesOf(model.info, EN, ES, QUICK)
    assert find_curves(wanted) is None
    curves = measure_curves_cached(model, wanted)
    monkeypatch.setattr(deletion, "measure_curves", lambda *_: pytest.fail("measured again"))
    assert measure_curves_cached(model, wanted).payload() == curves.payload()
    for other in (
        replace(wanted, replacement="mask"),
        replace(wanted, config=QUICK.with_layer(1)),
        replace(wanted, source=ES, target=EN),
    ):
        assert find_curves(other) is None
    (entry,) = (cache_root() / "curves").rglob("*.json.gz")
    entry.write_bytes(b"damaged")
    assert find_curves(wanted) is None


def test_a_word_alone_has_no_order(model):
    wanted = CurvesOf(model.info, Sentence("Rain", "en"), Sentence("El barco llega", "es"), QUICK)
    with pytest.raises(CctaError, match="a text of one word has no order of removal"):
        measure_curves(model, wanted)


def side_of(left, flip=None, lang="en"):
    """A text of four words whose mean probability is `left` in the order of the masses and
    between .40 and .58 in random orders.
    """
    random = np.full((DRAWS, 5), 0.9)
    random[:, 1:] = np.linspace(0.4, 0.58, DRAWS)[:, None]
    curve = np.array([0.9, left, left, left, left])
    order = ("=cancelled", "ferry", "the", "was")
    return DeletionCurves(
        lang, "contradiction", order, np.arange(5), curve, 1.1 - curve, random, flip
    )


def test_the_sentence_says_what_the_curves_show():
    shown = side_of(0.3, flip=2)
    assert (shown.faster_than, shown.slower_than, shown.shown) == (DRAWS, DRAWS, True)
    assert shown.sentence == (
        "English: the model uses the words of the largest mass. The probability of contradiction, "
        "0.90 of the whole text, is 0.30 on average while they go first, against 0.49 in random "
        "order: lower than in 19 of 19 random orders. While the words of the smallest mass go "
        "first it stays higher than in 19 of 19. With 2 of 4 words gone, largest mass first, "
        "something else is predicted."
    )
    among = side_of(0.455)
    assert not among.shown
    assert among.faster_than == 13
    assert "English: not shown that the model uses the words of the largest mass." in among.sentence
    assert "something else" not in among.sentence
    flat = np.full(5, 0.7)
    same = replace(shown, largest_first=flat, smallest_first=flat, random=np.tile(flat, (DRAWS, 1)))
    assert same.sentence == (
        "English: whichever words go first, the prediction changes in the same way."
    )
    assert not same.shown


CURVES = PairCurves("pad", side_of(0.3, flip=2), side_of(0.455, lang="es"))


def test_the_table_and_the_chart_hold_the_curves():
    table = curves_table(CURVES)
    assert table["side"].tolist() == ["source"] * 5 + ["target"] * 5
    assert table["word"].tolist()[:3] == ["", "=cancelled", "ferry"]
    assert table["random_low"][1] == pytest.approx(0.4)
    assert table["random_high"][1] == pytest.approx(0.58)
    figure = deletion_chart(table[table["side"] == "target"], dark=False)
    lines = {trace.name: list(trace.y) for trace in figure.data}
    assert lines["largest mass first"] == CURVES.target.largest_first.tolist()
    assert lines["smallest mass first"] == CURVES.target.smallest_first.tolist()
    assert lines["random orders"] == CURVES.target.random.min(0).tolist()
    assert figure.layout.yaxis.title.text == "probability of contradiction"


def test_the_engine_measures_curves_one_after_another():
    order = []
    engine = Engine(
        load=lambda info: info,
        compare=lambda model, request, stop: order.append(request),
        compare_many=lambda model, requests, stop: order.append(requests) or list(requests),
        further={CurvesOf: lambda model, wanted, *_: order.append(wanted) or CURVES},
    )
    wanted = CurvesOf(MODEL, *SIDES, Config())
    first, second = (
        engine.submit(wanted, "a"),
        engine.submit(replace(wanted, replacement="mask"), "a"),
    )
    assert first.done.wait(10)
    assert second.done.wait(10)
    assert first.result is second.result is CURVES
    assert order == [wanted, replace(wanted, replacement="mask")], "never in one batch"
    assert engine.last_duration("removing") is not None
    assert engine.last_duration("attributing") is None
    without = Engine(load=lambda info: info, compare=lambda model, request, stop: None)
    job = without.submit(wanted, "a")
    assert job.done.wait(10)
    assert job.error == "this engine answers no CurvesOf"


def open_part(monkeypatch, curves):
    engine = Engine(
        load=lambda info: info,
        compare=lambda model, request, stop: None,
        further={CurvesOf: lambda model, wanted, stop, early: curves(model, wanted, stop)},
    )
    app = clean(opener(monkeypatch)(engine=engine))
    assert "while they go first" not in html_of(app)
    app.session_state[widget_key("pair", "faithfulness")] = True
    return clean(app.run())


def test_the_page_shows_curves_on_request(monkeypatch):
    asked = []
    app = open_part(monkeypatch, lambda model, wanted, stop: asked.append(wanted) or CURVES)
    assert "19 random orders" in html_of(app)
    assert not asked, "nothing is measured before it is asked for"
    app.button(key=widget_key("pair", "curves_go")).click().run()
    for _ in range(50):
        if "while they go first" in html_of(clean(app.run())):
            break
    (wanted,) = asked
    assert (wanted.source, wanted.target, wanted.replacement) == (*SIDES, "pad")
    text = html_of(app)
    assert CURVES.source.sentence in text
    assert "Spanish: a larger fall than in 13 of 19 random orders" in text
    assert len(app.get("plotly_chart")) == 2
    # Another replacement is another measurement, on request again.
    app.segmented_control(key=widget_key("pair", "removed")).set_value("mask").run()
    assert app.button(key=widget_key("pair", "curves_go"))
    assert len(asked) == 1


def test_what_cannot_be_measured_is_said(monkeypatch):
    def refuse(model, wanted, stop):
        raise CctaError("a text of one word has no order of removal; expected two words or more")

    app = open_part(monkeypatch, refuse)
    app.button(key=widget_key("pair", "curves_go")).click().run()
    for _ in range(50):
        if "no order of removal" in said(clean(app.run())):
            break
    assert "no order of removal" in said(app)
    assert app.button(key=widget_key("pair", "again_curves"))
