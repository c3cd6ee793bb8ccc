"""The lesson that Learn teaches: its own invariants, and a plan moved by hand."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

import ccta_core as ccta
from ccta_core.errors import DamagedFileError
from ccta_core.models.catalog import find
from ccta_core.zoo.lesson import LESSON, read_lesson
from dashboard.views.learn import tables as tables
from dashboard.views.learn.tables import TransportProblem, hand_table, problem_of, read_hand_plan
from dashboard.views.learn.view import LANGUAGES, MASSES, PARTNERS, POINTS
from dashboard.views.learn.wording import of_chance
from research.zoo.lesson import TEXTS
from tests.strategies import transport_problems

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
        "the model changed: run python -m research.zoo.lesson again"
    )


@lang
def test_attributions_are_complete(told):
    whole = told.scores.sum() + told.specials
    assert whole == pytest.approx(told.difference, abs=0.001)
    assert told.error < 0.05  # the masses are what is controlled, within .02
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
    deals = tables.arrangement_scores(LESSON_READ, "en")
    assert len(deals) == 144
    assert deals.max() == pytest.approx(1)
    test = tables.compare_with_arrangements(deals, 1.0)
    assert test.p_value == test.least_p == pytest.approx(12 / 144)
    assert test.outcome == "too few arrangements"


@partner
def test_shuffles_are_among_all_deals(code):
    drawn = tables.shuffled_table(LESSON_READ, code, 19, 3)["ems"].to_numpy()
    deals = tables.arrangement_scores(LESSON_READ, code)
    assert all(np.abs(deals - value).min() < 1e-9 for value in drawn)
    assert tables.compare_with_shuffles(drawn, float(drawn.max())).p_value >= 2 / 20


@partner
def test_what_shuffles_say_is_the_verdict_of_their_p(code):
    values = tables.shuffled_table(LESSON_READ, code, 99, 0)["ems"].to_numpy()
    high, low = of_chance(1.1, values), of_chance(-1.1, values)
    assert (
        high == "0 of 99 shuffles reach this EMS, p = 0.010: more than shuffled masses would give."
    )
    assert low.startswith("99 of 99 shuffles reach this EMS, p = 1.00: not shown to be more than ")


def test_a_damaged_lesson_says_what_to_do(tmp_path):
    path = tmp_path / "lesson.json"
    for body in ("", "{}", '{"form": 0}', "[1]", LESSON.read_text("utf-8")[:5000]):
        path.write_text(body, encoding="utf-8")
        with pytest.raises(DamagedFileError, match=r"research\.zoo\.lesson"):
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
        "import sys, dashboard.views.learn.alone, dashboard.views.learn.couple; "
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
    problem = TransportProblem(source / source.sum(), target / target.sum(), similarity)
    plan, left, right = np.zeros(similarity.shape), problem.source.copy(), problem.target.copy()
    cells = [(i, j) for i in range(len(left)) for j in range(len(right))]
    for part in (0.5, 1.0):  # some cells take a half of what fits, then all take the rest
        chance.shuffle(cells)
        for i, j in cells:
            moved = part * min(left[i], right[j])
            plan[i, j] += moved
            left[i] -= moved
            right[j] -= moved
    mine = read_hand_plan(problem, plan)
    assert mine.score is not None
    assert mine.score <= problem.best.ems + 1e-9


@given(transport_problems(largest=4), st.floats(0.01, 0.9))
def test_a_plan_that_breaks_the_masses_has_no_score(found, share):
    source, target, similarity = found
    problem = TransportProblem(source / source.sum(), target / target.sum(), similarity)
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
        assert read_hand_plan(problem, broken).score is None
    part = read_hand_plan(problem, share * best)
    assert part.left_source.sum() == pytest.approx(1 - share)
    assert part.moved == pytest.approx(share)
    assert read_hand_plan(problem, best).score == pytest.approx(problem.best.ems)


def test_the_table_of_a_plan_has_both():
    problem = problem_of(LESSON_READ, "es")
    table = hand_table(LESSON_READ, "es", read_hand_plan(problem, None))
    assert table["by_hand"].sum() == 0
    assert (table["optimum"] * table["cosine"]).sum() == pytest.approx(problem.best.ems)
