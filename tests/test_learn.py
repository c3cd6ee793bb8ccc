"""The page Learn: the lesson's own invariants, and every step of the page without a browser."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog
from streamlit.testing.v1 import AppTest

import ccta_core as ccta
from ccta_core.errors import DamagedFileError
from ccta_core.models.catalog import find
from ccta_core.zoo.lesson import LESSON, read_lesson
from ccta_core.zoo.lesson_measure import TEXTS
from dashboard import resources
from dashboard.charts.learn_claims import intervals
from dashboard.charts.learn_labels import label_places
from dashboard.charts.learn_words import pieces_html
from dashboard.components.learn_texts import STEPS
from dashboard.components.learn_view import LANGUAGES, MASSES, PARTNERS, POINTS
from dashboard.tables import learn as tables
from dashboard.tables.learn_claims import found
from dashboard.tables.learn_hand import Problem, by_hand, hand_table, problem_of
from tests.made_study import made_study
from tests.strategies import transport_problems

APP = str(Path(__file__).parents[1] / "dashboard" / "app.py")
LESSON_READ = read_lesson()
TOLD = list(LESSON_READ.sentences.values())
lang = pytest.mark.parametrize("told", TOLD, ids=lambda told: told.lang)
partner = pytest.mark.parametrize("code", PARTNERS)


# The data ------------------------------------------------------------------------------------


def test_the_file_is_small_and_of_the_shipped_model():
    assert LESSON.stat().st_size < 200_000
    assert set(LESSON_READ.sentences) == set(LANGUAGES) == set(TEXTS)
    assert set(LESSON_READ.couples) == set(PARTNERS)
    assert LESSON_READ.revision == find(LESSON_READ.model).revision, (
        "the model changed: run python -m ccta_core.zoo.lesson again"
    )


@lang
def test_attributions_are_complete(told):
    whole = told.scores.sum() + told.specials
    assert whole == pytest.approx(told.difference, abs=0.001)
    assert told.error < 0.01
    pieces = sum(piece.score for piece in told.pieces)
    assert pieces == pytest.approx(whole, abs=1e-4)


@lang
def test_words_are_the_sums_of_their_pieces(told):
    for at, score in enumerate(told.scores):
        own = [piece.score for piece in told.pieces if piece.word == at]
        assert sum(own) == pytest.approx(score, abs=1e-4)
    assert 3 <= len(told.words) <= 6
    spoken = "".join(told.texts).replace(" ", "")
    assert "".join(told.words) == spoken


@lang
def test_masses_sum_to_one(told):
    assert told.mass.sum() == pytest.approx(1)
    for kind in MASSES:
        masses = tables.word_masses(told, kind)
        assert masses.sum() == pytest.approx(1)
        assert (masses >= 0).all()
    assert told.mass == pytest.approx(tables.word_masses(told, "abs"))


@lang
def test_the_path_ends_at_the_attribution(told):
    path = told.path
    assert path.so_far[0] == pytest.approx(np.zeros(len(told.words) + 1))
    assert path.so_far[-1][:-1] == pytest.approx(told.scores, abs=0.01)
    assert path.so_far.sum(1) == pytest.approx(path.values - path.values[0], abs=0.02)
    assert path.probability[-1] == pytest.approx(
        told.prediction[LESSON_READ.target_class], abs=1e-3
    )
    assert sum(told.prediction.values()) == pytest.approx(1, abs=1e-3)


@lang
def test_more_points_miss_less(told):
    errors = {one.points: one.error for one in told.estimates}
    assert set(errors) == set(POINTS)
    assert errors[129] < 0.001 < errors[5]
    for one in told.estimates:
        table = tables.sum_table(told, one)
        gap = table.loc[table["kind"] == "gap"].iloc[0]
        assert gap["end"] == pytest.approx(told.f_input)
        miss = abs(gap["value"]) / max(abs(told.difference), 1e-9)
        assert miss == pytest.approx(one.error, abs=1e-3)


@partner
def test_the_optimum_is_that_of_a_linear_programme(code):
    problem = problem_of(LESSON_READ, code)
    n, m = problem.similarity.shape
    rows = [np.kron(np.eye(n)[at], np.ones(m)) for at in range(n)]
    columns = [np.kron(np.ones(n), np.eye(m)[at]) for at in range(m)]
    masses = np.concatenate([problem.source, problem.target])
    best = linprog(-problem.similarity.ravel(), A_eq=np.array([*rows, *columns]), b_eq=masses)
    assert problem.best.ems == pytest.approx(-best.fun, abs=1e-7)
    assert problem.best.ems == pytest.approx(LESSON_READ.couples[code].ems, abs=1e-4)


@partner
def test_the_plane_keeps_no_distance_too_long(code):
    """Unit vectors with cosine c are sqrt(2 - 2c) apart; a projection only shortens that."""
    for space in LESSON_READ.couples[code].spaces.values():
        gaps = np.linalg.norm(space.source[:, None] - space.target[None], axis=-1)
        assert (gaps <= np.sqrt(np.maximum(0, 2 - 2 * space.similarity)) + 1e-3).all()
        both = np.concatenate([space.source, space.target])
        assert both.mean(0) == pytest.approx([0, 0], abs=1e-4)
        assert space.explained[0] >= space.explained[1] > 0
        assert space.explained.sum() <= 1


def test_english_with_itself_is_perfect():
    problem = problem_of(LESSON_READ, "en")
    assert problem.best.ems == pytest.approx(1)
    deals = tables.every_deal(LESSON_READ, "en")
    assert len(deals) == 144
    assert deals.max() == pytest.approx(1)
    assert tables.share_reaching(deals, 1.0, drawn=False) == pytest.approx(12 / 144)


@partner
def test_shuffles_are_among_all_deals(code):
    drawn = tables.shuffled_table(LESSON_READ, code, 19, 3)["ems"].to_numpy()
    deals = tables.every_deal(LESSON_READ, code)
    assert all(np.abs(deals - value).min() < 1e-9 for value in drawn)
    assert tables.share_reaching(drawn, float(drawn.max()), drawn=True) >= 2 / 20


def test_a_damaged_lesson_says_what_to_do(tmp_path):
    path = tmp_path / "lesson.json"
    for body in ("", "{}", '{"form": 0}', "[1]", LESSON.read_text("utf-8")[:5000]):
        path.write_text(body, encoding="utf-8")
        with pytest.raises(DamagedFileError, match=r"ccta_core\.zoo\.lesson"):
            read_lesson(path)


def test_the_model_gives_the_lesson_again(model):
    sentences = [ccta.Sentence(TEXTS[code][0], code, TEXTS[code][1]) for code in ("en", "es")]
    again = ccta.compare(model, *sentences)
    assert again.target_class == LESSON_READ.target_class
    assert again.ems == pytest.approx(LESSON_READ.couples["es"].ems, abs=0.02)
    told = LESSON_READ.sentences["es"]
    assert tuple(unit.text for unit in again.target.units) == told.words
    assert again.target.scores == pytest.approx(told.scores, abs=0.05)


def test_the_page_needs_no_model():
    code = (
        "import sys, dashboard.components.learn_alone, dashboard.components.learn_couple; "
        "print([name for name in ('torch', 'transformers') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "[]"


# By hand -------------------------------------------------------------------------------------


@given(transport_problems(largest=5), st.randoms(use_true_random=False))
def test_no_plan_by_hand_beats_the_optimum(found, chance):
    source, target, similarity = found
    problem = Problem(source / source.sum(), target / target.sum(), similarity)
    plan, left, right = np.zeros(similarity.shape), problem.source.copy(), problem.target.copy()
    cells = [(i, j) for i in range(len(left)) for j in range(len(right))]
    for part in (0.5, 1.0):  # some cells take a half of what fits, then all take the rest
        chance.shuffle(cells)
        for i, j in cells:
            moved = part * min(left[i], right[j])
            plan[i, j] += moved
            left[i] -= moved
            right[j] -= moved
    mine = by_hand(problem, plan)
    assert mine.score is not None
    assert mine.score <= problem.best.ems + 1e-9


@given(transport_problems(largest=4), st.floats(0.01, 0.9))
def test_a_plan_that_breaks_the_masses_has_no_score(found, share):
    source, target, similarity = found
    problem = Problem(source / source.sum(), target / target.sum(), similarity)
    best = problem.best.matrix
    for broken in (
        share * best,
        (1 + share) * best,
        best - share,
        None,
        [[np.nan]],
        "x",
        [[1], []],
    ):
        assert by_hand(problem, broken).score is None
    part = by_hand(problem, share * best)
    assert part.left_source.sum() == pytest.approx(1 - share)
    assert part.moved == pytest.approx(share)
    assert by_hand(problem, best).score == pytest.approx(problem.best.ems)


def test_the_table_of_a_plan_has_both():
    problem = problem_of(LESSON_READ, "es")
    table = hand_table(LESSON_READ, "es", by_hand(problem, None))
    assert table["by_hand"].sum() == 0
    assert (table["optimum"] * table["cosine"]).sum() == pytest.approx(problem.best.ems)


# Pictures ------------------------------------------------------------------------------------


def test_labels_do_not_cover_each_other():
    points = [(100.0, 100.0), (104.0, 101.0), (102.0, 96.0), (300.0, 100.0)]
    ways = label_places(points, [60.0] * 4, 18.0, (0.0, 0.0, 500.0, 300.0))
    boxes = [(x + a, y + b) for (x, y), (a, b) in zip(points, ways, strict=True)]
    for at, one in enumerate(boxes):
        for other in boxes[at + 1 :]:
            assert abs(one[0] - other[0]) >= 60 or abs(one[1] - other[1]) >= 18


def test_words_are_escaped():
    table = tables.pieces_table(TOLD[0], "abs")
    table.loc[table["word_position"] == 0, "word"] = "<script>"
    html = pieces_html(table, lang='e"n', rtl=False, alt='"<b>')
    assert "<script>" not in html
    assert "&lt;/s&gt;" in html
    assert 'lang="e&quot;n"' in html


# The page ------------------------------------------------------------------------------------


@pytest.fixture
def page(monkeypatch):
    monkeypatch.setattr(resources, "studies", list)

    def open_page(**query):
        app = AppTest.from_file(APP, default_timeout=60).switch_page("views/learn.py")
        for key, value in query.items():
            app.query_params[key] = value
        return app.run()

    return open_page


def html_of(app):
    return "\n".join(element.proto.body for element in app.get("html"))


def said(app):
    return "\n".join(line.value.replace("\\", "") for line in [*app.warning, *app.error])


def clean(app):
    assert not app.exception
    assert "did not expect" not in said(app)
    return app


@pytest.mark.parametrize("code", ["en", "es", "ar", "zh"])
@pytest.mark.parametrize("step", range(1, 9))
def test_every_step_opens_in_every_language(page, step, code):
    app = clean(page(step=str(step), lang=code, **{"with": code}))
    text = html_of(app)
    assert STEPS[step - 1].question in text
    assert "<b>Notice</b>" in text
    assert "<b>Try</b>" in text
    assert " nan" not in text.lower()
    if step < 8:
        assert not said(app)
    else:
        assert "No study is here yet" in text


@pytest.mark.parametrize("step", range(1, 9))
def test_large_type_tells_the_same(page, step):
    app = clean(page(step=str(step), present="1"))
    assert app.query_params["present"] == "1"
    assert STEPS[step - 1].told.split(".")[0].replace("'", "&#x27;") in html_of(app)


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ({"step": "9"}, "expected one of 1"),
        ({"step": "<b>"}, "expected one of 1"),
        ({"lang": "xx"}, "expected one of en"),
        ({"with": "\u202e"}, "expected one of es"),
        ({"alpha": "2"}, "a number from 0 to 1"),
        ({"alpha": "nan"}, "a number from 0 to 1"),
        ({"points": "4"}, "expected one of 2"),
        ({"present": "yes"}, "0 or 1"),
        ({"shuffles": "1e9"}, "expected one of 19"),
        ({"seed": "-1"}, "a whole number"),
        ({"mass": "x"}, "expected one of abs"),
        ({"space": "x"}, "expected one of raw"),
        ({"claim": "4"}, "expected one of 1"),
    ],
)
def test_a_damaged_address_gives_a_notice_and_the_default(page, query, word):
    app = clean(page(**query))
    assert word in said(app)
    assert STEPS[0].question in html_of(app)


def test_next_and_previous_turn_the_page(page):
    app = clean(page())
    clean(app.button(key="learn_next_input").click().run())
    assert STEPS[1].question in html_of(app)
    assert app.query_params["step"] == "2"
    clean(app.button(key="learn_previous_input").click().run())
    assert STEPS[0].question in html_of(app)
    assert app.button(key="learn_previous_input").disabled


def test_the_language_read_alone_is_compared_next(page):
    app = clean(page(step="4"))
    clean(app.selectbox(key="learn_lang_input").select("ar").run())
    app.session_state["learn_step_input"] = "5"
    clean(app.run())
    assert app.selectbox(key="learn_with_input").value == "ar"


def test_a_link_with_a_language_compares_english_with_it(page):
    app = clean(page(step="6", lang="zh"))
    assert app.selectbox(key="learn_with_input").value == "zh"
    assert "with" not in app.query_params


def test_more_points_change_the_finding(page):
    app = clean(page(step="3", points="5"))
    clean(app.select_slider(key="learn_points_input").set_value("129").run())
    assert "129 evenly spaced points" in html_of(app)
    assert app.query_params["points"] == "129"


def test_shuffle_again_draws_others(page):
    app = clean(page(step="7", shuffles="19"))
    clean(app.button(key="learn_again_input").click().run())
    assert app.query_params["seed"] == "1"


def test_without_a_lesson_the_page_says_what_to_do(page, monkeypatch):
    def missing():
        raise DamagedFileError("no lesson; make it again with python -m ccta_core.zoo.lesson")

    monkeypatch.setattr(resources, "lesson", missing)
    app = clean(page())
    assert "ccta_core.zoo.lesson" in said(app)


# The claims ----------------------------------------------------------------------------------


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A study of two training languages, in this test's own cache."""
    monkeypatch.setenv("CCTA_CACHE", str(tmp_path))
    return made_study(tmp_path / "studies", items=12, layers=(8,))


def test_every_claim_is_answered(study):
    for claim in ("1", "2", "3"):
        answer = found(study.sql, study.name, claim, 8)
        assert len(answer.table)
        assert answer.sentence.endswith(".")
        assert answer.counted.startswith("n = ")
        known = answer.table.dropna()
        assert (known["low"] <= known["high"]).all()
        figure = intervals(answer.table, axis="x", zero=answer.zero, dark=True, large=False)
        assert sum(len(trace.x) for trace in figure.data) == len(answer.table)


def test_too_small_a_study_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("CCTA_CACHE", str(tmp_path))
    made_study(tmp_path / "studies", langs=("en", "es"), trained=("en",), items=3, layers=(8,))
    assert "too few languages" in found(None, "made", "1", 8).sentence
    assert "fewer than two training languages" in found(None, "made", "2", 8).sentence


@pytest.mark.parametrize("claim", ["1", "2", "3"])
def test_the_last_step_shows_the_study(page, monkeypatch, study, claim):
    monkeypatch.setattr(resources, "studies", lambda: [study.name])
    app = clean(page(step="8", claim=claim))
    text = html_of(app)
    assert "<b>Claim</b>" in text
    assert "Bars are 95% intervals" in text
    assert not said(app)
