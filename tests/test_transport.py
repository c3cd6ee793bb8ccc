import numpy as np
import ot
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from strategies import masses, transport_batches, transport_problems

from ccta_core import transport
from ccta_core.errors import CctaError
from ccta_core.space.maps import cosine
from ccta_core.transport import ems, ems_values


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


@settings(max_examples=100, deadline=None)
@given(transport_batches())
def test_many_masses_over_one_similarity_are_each_alone(batch):
    sources, targets, similarity = batch
    alone = [ems(s, t, similarity).ems for s, t in zip(sources, targets, strict=True)]
    assert ems_values(sources, targets, similarity).tolist() == alone


@settings(max_examples=100, deadline=None)
@given(transport_problems())
def test_the_compiled_entry_gives_what_pots_own_function_gives(problem):
    source, target, similarity = problem
    a, b = source / source.sum(), target / target.sum()
    expected = ot.emd(a, b, 1.0 - similarity)
    found = ems(source, target, similarity)
    assert found.ems == pytest.approx((expected * similarity).sum(), abs=1e-12)


def test_shuffled_masses_equal_the_plain_loop():
    draw = np.random.default_rng(11)
    source, target = draw.gamma(0.5, size=40), draw.gamma(0.5, size=33)
    moved_s = np.array([draw.permutation(source) for _ in range(20)])
    moved_t = np.array([draw.permutation(target) for _ in range(20)])
    similarity = cosine(draw.normal(size=(40, 8)), draw.normal(size=(33, 8)))
    first = ot.emd(source / source.sum(), target / target.sum(), 1 - similarity)
    np.testing.assert_allclose(ems(source, target, similarity).matrix, first, atol=1e-12)
    plain = [
        (ot.emd(s / s.sum(), t / t.sum(), 1 - similarity) * similarity).sum()
        for s, t in zip(moved_s, moved_t, strict=True)
    ]
    np.testing.assert_allclose(ems_values(moved_s, moved_t, similarity), plain, atol=1e-12)


def test_no_pairs_of_masses_give_no_values():
    assert ems_values(np.empty((0, 3)), np.empty((0, 2)), np.zeros((3, 2))).shape == (0,)


def test_masses_that_do_not_pair_up_are_refused():
    with pytest.raises(CctaError, match="expected pairs"):
        ems_values(np.ones((2, 1)), np.ones((3, 1)), np.ones((1, 1)))


@pytest.mark.parametrize("size", [1, 510])
def test_sizes_from_one_unit_to_a_full_input(size):
    draw = np.random.default_rng(size)
    source, target = draw.gamma(0.5, size=size), draw.gamma(0.5, size=size)
    source[1::7] = 0
    similarity = cosine(draw.normal(size=(size, 16)), draw.normal(size=(size, 16)))
    plan = ems(source, target, similarity)
    assert plan.marginal_error < 1e-9
    assert not plan.matrix[source == 0].any()
    # Optimal: the dual's bound is reached (weak duality leaves no better plan).
    _, log = ot.emd(
        source / source.sum(), target / target.sum(), 1 - similarity, numItermax=10**7, log=True
    )
    dual = log["u"] @ (source / source.sum()) + log["v"] @ (target / target.sum())
    assert (log["u"][:, None] + log["v"][None, :] <= 1 - similarity + 1e-9).all()
    assert 1 - plan.ems == pytest.approx(dual, abs=1e-9)


def test_a_solver_that_stops_early_says_so_in_one_line(monkeypatch):
    monkeypatch.setattr(transport, "_MOST_PIVOTS", 1)
    draw = np.random.default_rng(0)
    with pytest.raises(CctaError, match="before the optimum") as caught:
        ems(draw.random(30), draw.random(30), draw.uniform(-1, 1, (30, 30)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "words"),
    [(0, "infeasible"), (2, "unbounded"), (3, "largest number"), (9, "code is 9")],
)
def test_no_failure_of_the_solver_passes_in_silence(monkeypatch, code, words):
    entry = transport.emd_c
    monkeypatch.setattr(transport, "emd_c", lambda *given: (*entry(*given)[:4], code))
    for solve in (
        lambda: ems(np.ones(2), np.ones(2), np.eye(2)),
        lambda: ems_values(np.ones((1, 2)), np.ones((1, 2)), np.eye(2)),
    ):
        with pytest.raises(CctaError, match=words):
            solve()


def test_the_solver_itself_refuses_totals_that_differ():
    """What `ems` guards against by scaling; the code is the one the message is made from."""
    assert transport.emd_c(np.array([1.5]), np.array([1.0]), np.zeros((1, 1)), 100, 1)[4] == 0


@settings(max_examples=40, deadline=None)
@given(transport_problems())
def test_without_the_private_entry_the_public_one_gives_the_same(problem):
    """A release of POT may move what is not part of its interface."""
    quick = ems(*problem)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transport, "emd_c", None)
        public = ems(*problem)
    assert public.ems == pytest.approx(quick.ems, abs=1e-9)
    assert public.marginal_error < 1e-9
