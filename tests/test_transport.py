import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from strategies import masses, transport_problems

from ccta_core.errors import CctaError
from ccta_core.space.maps import cosine
from ccta_core.transport import ems


def linear_programme(source, target, similarity):
    """The same optimum by an independent solver (HiGHS)."""
    n, m = similarity.shape
    rows = np.kron(np.eye(n), np.ones(m))
    columns = np.kron(np.ones(n), np.eye(m))
    found = linprog(
        -similarity.ravel(),
        A_eq=np.vstack([rows, columns]),
        b_eq=np.concatenate([source / source.sum(), target / target.sum()]),
        method="highs",
    )
    assert found.success
    return -found.fun


@settings(max_examples=150, deadline=None)
@given(transport_problems())
def test_the_plan_is_exact_and_feasible(problem):
    source, target, similarity = problem
    plan = ems(source, target, similarity)
    assert plan.ems == pytest.approx(linear_programme(source, target, similarity), abs=1e-7)
    assert -1 - 1e-9 <= plan.ems <= 1 + 1e-9
    assert (plan.matrix >= 0).all()
    assert plan.marginal_error < 1e-9
    np.testing.assert_allclose(plan.matrix.sum(1), source / source.sum(), atol=1e-9)
    np.testing.assert_allclose(plan.matrix.sum(0), target / target.sum(), atol=1e-9)


@settings(max_examples=50, deadline=None)
@given(transport_problems(), st.randoms(use_true_random=False))
def test_reordering_the_units_changes_nothing(problem, random):
    source, target, similarity = problem
    rows, columns = list(range(len(source))), list(range(len(target)))
    random.shuffle(rows)
    random.shuffle(columns)
    moved = ems(source[rows], target[columns], similarity[np.ix_(rows, columns)])
    assert moved.ems == pytest.approx(ems(source, target, similarity).ems, abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 9).flatmap(masses), st.integers(0, 2**16))
def test_identical_sides_score_one(mass, seed):
    vectors = np.random.default_rng(seed).normal(size=(len(mass), 5))
    assert ems(mass, mass, cosine(vectors, vectors)).ems == pytest.approx(1.0, abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(transport_problems(), st.floats(1e-3, 1e3))
def test_the_scale_of_masses_and_the_direction_do_not_matter(problem, factor):
    source, target, similarity = problem
    value = ems(source, target, similarity).ems
    assert ems(source * factor, target, similarity).ems == pytest.approx(value, abs=1e-9)
    assert ems(target, source, similarity.T).ems == pytest.approx(value, abs=1e-9)


def test_a_case_worked_by_hand():
    """Half the mass stays in place (1), a quarter moves at 0, a quarter at 0.5."""
    similarity = np.array([[1.0, 0.0], [0.2, 0.5]])
    plan = ems(np.array([0.75, 0.25]), np.array([0.5, 0.5]), similarity)
    np.testing.assert_allclose(plan.matrix, [[0.5, 0.25], [0.0, 0.25]], atol=1e-12)
    assert plan.ems == pytest.approx(0.625)


def test_a_large_problem_is_still_exact():
    draw = np.random.default_rng(3)
    source, target = draw.random(40), draw.random(37)
    similarity = draw.uniform(-1, 1, (40, 37))
    value = ems(source, target, similarity).ems
    assert value == pytest.approx(linear_programme(source, target, similarity), abs=1e-8)


@pytest.mark.parametrize(
    ("source", "target", "similarity"),
    [
        ([0.0, 0.0], [1.0], np.zeros((2, 1))),
        ([-0.1, 1.0], [1.0], np.zeros((2, 1))),
        ([np.nan, 1.0], [1.0], np.zeros((2, 1))),
        ([], [1.0], np.zeros((0, 1))),
        ([1.0], [1.0], np.zeros((2, 1))),
        ([1.0], [1.0], np.array([[np.nan]])),
    ],
)
def test_bad_input_is_refused_in_one_line(source, target, similarity):
    with pytest.raises(CctaError) as caught:
        ems(np.array(source), np.array(target), similarity)
    assert "\n" not in str(caught.value)


def test_cosine_of_a_zero_vector_is_zero():
    assert cosine(np.zeros((1, 3)), np.ones((2, 3))).tolist() == [[0.0, 0.0]]
