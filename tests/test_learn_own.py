"""Learn on a pair of one's own: measured as the lesson was, kept, shown, held in the address."""

from dataclasses import replace
from threading import Event

import numpy as np
import pytest

from ccta_core.attribution.quadrature import completeness_error
from ccta_core.attribution.rates import rates
from ccta_core.config import Config
from ccta_core.errors import CctaError, StoppedError
from ccta_core.types import Sentence
from ccta_core.zoo.lesson import LessonOf, find_lesson, lesson_of
from ccta_core.zoo.measure_lesson import MOST_WORDS, _input, _line, lesson_payload, measure_lesson
from dashboard import resources
from dashboard.engine import Engine
from dashboard.views.learn import tables
from dashboard.views.learn.own import learn_query
from dashboard.views.pair.finding import axis_html
from dashboard.views.pair.presenting import neighbours
from dashboard.views.pair.view import PairRequest
from tests.heads import tiny
from tests.made_lesson import SOURCE, TARGET, keep_made_lesson, made_payload, own_query
from tests.made_pair import MODEL, clean, html_of, make_result, said

EN = Sentence("The ferry is late today.", "en", "Rain fell.")
ES = Sentence("El barco llega tarde.", "es", "Llueve.")
QUICK = Config(shuffles=9, unrelated=0)


# Measuring -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model():
    return tiny("paraphrase")


def never():
    return False


def test_a_lesson_is_measured_part_by_part_and_kept(model):
    wanted, parts = LessonOf(model.info, EN, ES, QUICK), []
    lesson = measure_lesson(model, wanted, never, parts.extend)
    assert [tuple(part.sentences) for part in parts] == [("en",), ("en", "es")]
    assert not any(part.couples for part in parts)
    assert lesson.pivot == "en"
    assert set(lesson.couples) == {"en", "es"}
    assert lesson.couples["en"].unrelated is None
    assert "No language mean" in lesson.notices[0]
    for told in lesson.sentences.values():
        # Five decimals are kept of every piece.
        assert told.scores.sum() + told.specials == pytest.approx(told.difference, abs=0.01)
        assert told.path.so_far[-1][:-1] == pytest.approx(told.scores, abs=0.01)
        assert told.path.so_far.sum(1) == pytest.approx(
            told.path.values - told.path.values[0], abs=0.02
        )
        assert sum(told.prediction.values()) == pytest.approx(1, abs=1e-4)
    problem = tables.problem_of(lesson, "es")
    assert problem.best.ems == pytest.approx(lesson.couples["es"].ems, abs=1e-3)
    itself = tables.problem_of(lesson, "en")
    assert itself.best.ems == pytest.approx(1, abs=1e-5)
    kept = find_lesson(wanted)
    assert kept is not None
    assert kept.sentences["es"].words == lesson.sentences["es"].words
    no_model = measure_lesson(None, wanted, never, parts.extend)
    assert no_model.couples["es"].ems == lesson.couples["es"].ems


def test_the_explained_class_is_the_sources_prediction(model):
    lesson = measure_lesson(model, LessonOf(model.info, EN, ES, QUICK), never, lambda parts: None)
    assert lesson.target_class == lesson.sentences["en"].predicted


def test_a_part_of_the_points_is_the_trapezoid_on_so_many(model):
    """The even points of the largest number hold those of every smaller one."""
    payload = lesson_payload(model, {"en": EN}, replace(QUICK, target_class="paraphrase"))
    told = lesson_of(payload).sentences["en"]
    f = {estimate.points: estimate for estimate in told.estimates}
    ends = told.path.rates[[0, -1]].mean(0)  # two points: the mean of both slopes
    assert f[2].scores == pytest.approx(ends[:-1], abs=2e-3)
    assert f[2].specials == pytest.approx(ends[-1], abs=2e-3)
    middle = told.path.rates[len(told.path.alphas) // 2]
    assert f[3].scores == pytest.approx((ends[:-1] + middle[:-1]) / 2, abs=2e-3)
    missed = f[129].scores.sum() + f[129].specials
    assert completeness_error(np.array([missed]), told.difference) < 0.01


def test_what_is_drawn_of_the_path_was_measured_there(model):
    """No curve is laid between other points: at a hundredth stands what the engine gives for it."""
    config = replace(QUICK, target_class="paraphrase")
    path = lesson_of(lesson_payload(model, {"en": EN}, config)).sentences["en"].path
    item = _input(model, EN, "paraphrase")
    found = dict(rates(model, [_line(model, item)], [(0, 0.37)], config, never))[0, 0.37]
    assert path.alphas[37] == 0.37
    assert path.values[37] == pytest.approx(found.value, abs=1e-4)
    assert path.rates[37].sum() == pytest.approx(found.rates.sum(), abs=5e-3)


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        (EN, replace(ES, lang="en"), "one language"),
        (EN, replace(ES, text2=None), "second text"),
        (replace(EN, text="word " * MOST_WORDS), ES, f"at most {MOST_WORDS}"),
    ],
)
def test_what_makes_no_lesson_is_one_line(model, source, target, words):
    with pytest.raises(CctaError, match=words):
        measure_lesson(model, LessonOf(model.info, source, target), never, lambda parts: None)


def test_a_lesson_is_stopped(model):
    with pytest.raises(StoppedError):
        measure_lesson(model, LessonOf(model.info, EN, ES), lambda: True, lambda parts: None)


def test_the_queue_tells_a_lessons_sentences():
    whole = lesson_of(made_payload())
    first = replace(whole, sentences={"en": whole.sentences["en"]}, couples={})
    seen = []

    def measure(model, wanted, stop, early):
        early([first])
        seen.append(job.parts)
        early([replace(whole, couples={})])
        seen.append(job.parts)
        return whole

    def load(info):
        ready.wait(10)
        return info

    ready = Event()
    engine = Engine(load=load, compare=lambda *_: None, further={LessonOf: measure})
    job = engine.submit(LessonOf(MODEL, SOURCE, TARGET), "a")
    assert job.slow, "nobody with a pair waits for a lesson"
    ready.set()
    assert job.done.wait(10)
    assert (seen, job.result) == ([1, 2], whole)
    without = Engine(load=lambda info: info, compare=lambda *_: None)
    job = without.submit(LessonOf(MODEL, SOURCE, TARGET), "a")
    assert job.done.wait(10)
    assert job.error == "this engine answers no LessonOf"


# The page ------------------------------------------------------------------------------------


@pytest.fixture
def page(opens, tmp_path, monkeypatch):
    monkeypatch.setenv("CCTA_CACHE", str(tmp_path))
    keep_made_lesson()
    return opens(tmp_path, "learn")


@pytest.mark.parametrize("step", range(1, 8))
def test_every_step_shows_the_pair(page, step):
    app = clean(page(**own_query(step=str(step))))
    assert not said(app)
    text = html_of(app)
    assert "<b>Notice</b>" in text
    assert "a notice of the lesson" in text
    assert "No model is loaded" not in text
    assert app.query_params["t1"] == [TARGET.text] or app.query_params["t1"] == TARGET.text
    if step == 4:
        assert "parrots" in text
        assert "children" not in text


@pytest.mark.parametrize("step", [8, 9])
def test_adjusted_models_stay_with_the_lessons_sentence(page, step):
    app = clean(page(**own_query(step=str(step))))
    assert "stays with the lesson" in html_of(app)
    assert "s1" in app.query_params, "the pair is there again at another step"


def test_the_way_back_to_the_lesson_and_to_the_pair_again(page):
    app = clean(page(**own_query(step="4")))
    clean(app.button(key="learn_to_lesson_input").click().run())
    assert "children" in html_of(app)
    assert set(app.query_params) == {"step"}
    clean(app.button(key="learn_to_own_input").click().run())
    assert "parrots" in html_of(app)


def test_a_pair_that_can_not_be_shown_is_said(page):
    assert "Type the same" in said(clean(page(item="own")))
    assert "two different languages" in said(clean(page(**own_query(tgt="en"))))
    assert "is empty" in said(clean(page(**own_query(s1="\u200b"))))
    assert "expected one of" in said(clean(page(**own_query(src="xx"))))


def test_long_texts_stay_out_of_the_address(page, monkeypatch):
    engine = Engine(load=lambda info: info, compare=lambda *_: None)
    monkeypatch.setattr(resources, "engine", lambda: engine)
    app = clean(page(**own_query(s1="word " * 900)))
    assert "s1" not in app.query_params
    assert app.text_area(key="learn_s1_input").value.startswith("word")


def test_pair_leads_to_the_same_pair():
    request = PairRequest(MODEL, SOURCE, TARGET, Config())
    assert learn_query(request) == own_query()
    assert learn_query(replace(request, target=replace(TARGET, lang="en"))) is None
    assert learn_query(replace(request, model=replace(MODEL, task="qa"))) is None
    assert learn_query(replace(request, source=replace(SOURCE, text="a " * 4000))) is None


# Ribbons, the axis, neighbours ------------------------------------------------------------------


def test_ribbons_are_the_plan_between_the_words_of_the_texts():
    lesson = lesson_of(made_payload())
    plan = tables.problem_of(lesson, "es").best.matrix
    payload = tables.ribbons_payload(lesson, "es", plan)
    for side, sentence in (("source", SOURCE), ("target", TARGET)):
        texts = sentence.segments
        for unit in payload[side]["units"]:
            assert texts[unit["segment"]][unit["start"] : unit["end"]] == unit["text"]
    # A word that comes twice has two places.
    starts = [(u["segment"], u["start"]) for u in payload["source"]["units"]]
    assert len(set(starts)) == len(starts)
    assert np.array(payload["plan"]).sum() == pytest.approx(1)


def test_names_on_the_axis_do_not_share_a_place():
    result = make_result(PairRequest(MODEL, SOURCE, TARGET, Config()))
    close = replace(
        result,
        plan=replace(result.plan, ems=0.5),
        controls=replace(result.controls, ems_shuffled=0.51, ems_uniform=0.9, ems_unrelated=None),
    )
    html = axis_html(close)
    levels = [part.split(";")[0] for part in html.split("--level:")[1:]]
    assert levels == ["0", "1", "0"], "EMS and shuffled are near, embeddings only is not"
    assert "EMS from 0 to 1: " in html
    assert axis_html(None).count("<i") == 0


def test_neighbours_end_where_the_items_do():
    items = ("a", "b", "c")
    assert neighbours(items, "b") == ("a", "c")
    assert neighbours(items, "a") == (None, "b")
    assert neighbours(items, "c") == ("b", None)
    assert neighbours(items, "own") == (None, None)


def test_a_pair_is_not_kept_where_texts_are_not(monkeypatch):
    monkeypatch.setenv("CCTA_KEEP_NO_TEXTS", "1")
    assert find_lesson(keep_made_lesson()) is None
    monkeypatch.delenv("CCTA_KEEP_NO_TEXTS")
    assert find_lesson(keep_made_lesson()) is not None
