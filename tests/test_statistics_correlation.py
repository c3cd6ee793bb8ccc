"""Correlations: the same as scipy's and statsmodels', groups respected, doubt told."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.outliers_influence import variance_inflation_factor

from ccta_core.analysis import coefficients
from ccta_core.analysis.coefficients import KINDS, concordance, moments, of_items, share_unlike
from ccta_core.analysis.correlation import correlate, holm, mantel
from ccta_core.analysis.partial import partial_correlation
from ccta_core.analysis.permutation import all_orders, group_orders, sign_test
from ccta_core.analysis.resampling import grouped
from ccta_core.errors import CctaError

SCIPY = {"pearson": stats.pearsonr, "spearman": stats.spearmanr, "kendall": stats.kendalltau}
THREES = np.repeat(np.arange(40), 3)


def columns(n=60, slope=0.5, seed=0, levels=None):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=n)
    y = slope * x + generator.normal(size=n)
    return (x, y) if levels is None else (np.round(x * levels), np.round(y * levels))


def ends(found):
    return [found.r, found.low, found.high, found.p]


@pytest.mark.parametrize("kind", KINDS)
def test_coefficients_are_scipys_with_ties_and_in_every_resample(kind):
    x, y = columns(levels=2)
    assert correlate(x, y, kind=kind, draws=100).r == pytest.approx(SCIPY[kind](x, y).statistic)
    drawn = np.random.default_rng(1).integers(0, 60, (5, 60))
    weights = np.stack([np.bincount(own, minlength=60) for own in drawn]).astype(float)
    expected = [SCIPY[kind](x[own], y[own]).statistic for own in drawn]
    assert of_items(kind, x, y)(weights) == pytest.approx(expected)


@pytest.mark.parametrize("kind", KINDS)
def test_taken_once_ranks_give_the_same_coefficient_and_spread(kind):
    x, y = columns(400, levels=3)
    exact, linear = of_items(kind, x, y), moments(kind, x, y)
    everything = np.ones((1, 400))
    assert linear.finish(everything @ linear.columns)[0] == pytest.approx(exact(everything)[0])
    weights = np.random.default_rng(0).multinomial(400, np.full(400, 1 / 400), 300).astype(float)
    once, anew = linear.finish(weights @ linear.columns), exact(weights)
    assert np.corrcoef(once, anew)[0, 1] > 0.97
    assert once.std() == pytest.approx(anew.std(), rel=0.05)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=30))
@settings(max_examples=50, deadline=None)
def test_concordance_is_what_counting_all_pairs_gives(items):
    x, y = np.array(items, float).T
    signs = [np.sign(side[:, None] - side) for side in (x, y)]
    assert concordance(x, y) == pytest.approx((signs[0] * signs[1]).mean(1))
    assert share_unlike(x) == pytest.approx((x[:, None] != x).mean(1))


def test_the_interval_is_scipys_bca():
    x, y = columns(40)
    found = correlate(x, y, draws=8000)
    reference = stats.bootstrap(
        (x, y),
        lambda a, b, axis: SCIPY["pearson"](a, b, axis=axis).statistic,
        paired=True,
        n_resamples=8000,
        method="BCa",
        rng=np.random.default_rng(0),
    ).confidence_interval
    assert [found.low, found.high] == pytest.approx(list(reference), abs=0.02)
    assert "BCa" in found.method
    assert found.reliable
    assert not found.notice


def test_below_ten_units_p_is_exact_and_the_interval_unreliable():
    found = correlate([1, 2, 3], [1, 2, 3])
    assert (found.r, found.p, found.n_groups) == (pytest.approx(1), pytest.approx(2 / 6), 3)
    x, y = columns(6)
    every = [
        abs(np.corrcoef(x, y[list(order)])[0, 1]) for order in itertools.permutations(range(6))
    ]
    found = correlate(x, y, draws=100)
    assert found.p == pytest.approx(np.mean(np.array(every) >= abs(found.r) - 1e-9))
    assert not found.reliable
    assert "percentile" in found.method
    assert "only 6 independent units" in found.notice


@pytest.mark.parametrize("kind", KINDS)
def test_order_scale_and_place_of_the_items_do_not_matter(kind):
    x, y = columns(120)
    names = np.array([f"p{group}" for group in THREES])
    found = correlate(x, y, kind=kind, groups=names, draws=200)
    order = np.random.default_rng(3).permutation(120)
    moved = correlate(x[order], y[order], kind=kind, groups=names[order], draws=200)
    assert moved == found
    scaled = correlate(3 * x + 7, 0.1 * y - 2, kind=kind, groups=names, draws=200)
    assert ends(scaled) == pytest.approx(ends(found))
    assert correlate(-x, y, kind=kind, draws=100).r == pytest.approx(-found.r)


@pytest.mark.parametrize("kind", KINDS)
def test_copies_within_a_group_are_no_evidence(kind):
    x, y = (side[np.argsort(columns(40)[0])] for side in columns(40))  # the order of groups
    once = correlate(x, y, kind=kind, draws=400)
    thrice = correlate(np.repeat(x, 3), np.repeat(y, 3), kind=kind, groups=THREES, draws=400)
    assert (thrice.n, thrice.n_groups) == (120, 40)
    assert [thrice.r, thrice.low, thrice.high] == pytest.approx([once.r, once.low, once.high])
    assert thrice.p == pytest.approx(once.p, abs=0.02)
    alone = correlate(np.repeat(x, 3), np.repeat(y, 3), kind=kind, draws=400)
    assert alone.high - alone.low < 0.7 * (thrice.high - thrice.low)


def test_groups_move_as_wholes():
    groups = grouped(["c", "a", "a", "b", "b", "c", "d"], 7)
    orders = np.concatenate(list(group_orders(groups, 50, 0)))
    assert (np.sort(orders, 1) == np.arange(7)).all()
    came = groups.codes[orders]
    for code in range(groups.count):
        inside = came[:, groups.codes == code]
        assert (inside == inside[:, :1]).all()
    assert (orders[:, 6] == 6).all()  # no other group has one item
    assert len({tuple(order) for order in orders[:, :6]}) > 20
    assert len({tuple(order) for part in all_orders(5) for order in part}) == 120


def test_signs_of_few_groups_are_all_tried():
    found = sign_test(np.array([0.5, 0.5, 2, 3]), grouped([0, 0, 1, 2], 4), draws=100, seed=0)
    assert found.p == 2 / 8
    x, y = columns(21)
    found = correlate(x, y, groups=np.repeat(np.arange(6), np.arange(1, 7)), draws=100)
    assert "signs of groups turned, exact" in found.method


@pytest.mark.parametrize("sizes", [np.full(20, 3), 1 + np.arange(20) % 7])
def test_p_is_small_for_nothing_one_time_in_twenty(sizes):
    generator = np.random.default_rng(5)
    groups = np.repeat(np.arange(20), sizes)
    small = {True: 0, False: 0}
    for seed in range(150):
        x, y = generator.normal(size=(2, 20))[:, groups] + generator.normal(size=(2, len(groups)))
        for known in small:
            found = correlate(x, y, groups=groups if known else None, seed=seed, draws=100)
            small[known] += found.p < 0.05
    assert small[True] <= 17  # 7.5 expected: beyond 17 one time in a thousand
    assert small[False] > small[True]


def test_many_items_take_another_way_to_the_same_answer(monkeypatch):
    x, y = columns(900, slope=0.2)
    groups = np.repeat(np.arange(300), 3)
    few = {kind: correlate(x, y, kind=kind, groups=groups) for kind in KINDS}
    monkeypatch.setattr(coefficients, "RANKED_ANEW", {"spearman": 0, "kendall": 0})
    for kind in KINDS:
        many = correlate(np.tile(x, 2), np.tile(y, 2), kind=kind, groups=np.tile(groups, 2))
        assert many.r == pytest.approx(few[kind].r, abs=0.002)
        assert [many.low, many.high] == pytest.approx([few[kind].low, few[kind].high], abs=0.02)
    x, y = columns(20_000, slope=0.05)
    found = correlate(x, y)
    assert "signs" in found.method
    half = 1.96 * (1 - found.r**2) / np.sqrt(20_000)  # 2,000 blocks against the normal theory
    assert [found.low, found.high] == pytest.approx([found.r - half, found.r + half], abs=0.002)


def test_what_has_no_answer_says_so():
    flat = correlate([1, 1, 1, 1], [1, 2, 3, 4])
    assert (flat.r, flat.low, flat.p, flat.reliable) == (None, None, None, False)
    assert flat.notice == "x does not vary"
    assert correlate([1, 2], [1, 2]).r is None
    two = correlate([1, 2, 3, 5], [1, 2, 4, 3], groups=["a", "a", "b", "b"])
    assert two.r is not None
    assert two.low is None
    line = correlate(np.arange(12), np.arange(12))
    assert (line.low, line.high, line.reliable) == (pytest.approx(1), pytest.approx(1), False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"y": [1, 2]}, "x 3, y 2"),
        ({"x": [1, 2, np.nan]}, "x has nan at place 3"),
        ({"x": [[1, 2, 3]]}, "one number an item"),
        ({"x": ["a", "b", "c"]}, "x is not made of numbers"),
        ({"kind": "tau"}, "unknown correlation 'tau'"),
        ({"groups": ["a", None, "b"]}, "item 2 has no group"),
        ({"groups": ["a"]}, "got 1 groups for 3 items"),
        ({"draws": 10}, "at least 100 draws"),
    ],
)
def test_bad_columns_are_named(arguments, said):
    with pytest.raises(CctaError, match=said):
        correlate(**({"x": [1, 2, 3], "y": [1, 3, 2]} | arguments))


def symmetric(count, seed):
    table = np.random.default_rng(seed).normal(size=(count, count))
    return table + table.T


@pytest.mark.parametrize("kind", KINDS)
def test_mantel_tries_every_order_of_languages(kind):
    a, b = symmetric(5, 0), symmetric(5, 1)
    upper = np.triu_indices(5, 1)
    every = []
    for order in itertools.permutations(range(5)):
        moved = b[np.ix_(order, order)]
        every.append(abs(SCIPY[kind](a[upper], moved[upper]).statistic))
    found = mantel(a, b, kind=kind, draws=100)
    assert found.r == pytest.approx(SCIPY[kind](a[upper], b[upper]).statistic)
    assert found.p == pytest.approx(np.mean(np.array(every) >= abs(found.r) - 1e-9))
    assert (found.n, found.n_groups, found.reliable) == (10, 5, False)


def test_mantel_reads_both_directions_of_tables_that_differ():
    a, b = np.random.default_rng(0).normal(size=(2, 12, 12))
    off = ~np.eye(12, dtype=bool)
    found = mantel(a, b, draws=200)
    assert found.r == pytest.approx(np.corrcoef(a[off], b[off])[0, 1])
    assert (found.n, found.reliable) == (132, True)
    same = symmetric(12, 0)
    np.fill_diagonal(same, np.nan)  # never read
    other = same + symmetric(12, 1)
    assert mantel(same, other, draws=200).n == 66
    assert mantel(same, other, draws=200).p < 0.05
    shuffled = np.random.default_rng(1).permutation(12)
    moved = mantel(same[np.ix_(shuffled, shuffled)], other[np.ix_(shuffled, shuffled)], draws=200)
    assert moved.r == pytest.approx(mantel(same, other, draws=200).r)
    with pytest.raises(CctaError, match="languages x languages"):
        mantel(a[:3], b)
    assert mantel(a[:3, :3], b[:3, :3]).r is None


def caused(n=200, own=0.0, seed=0):
    """x and y both follow z; y follows x by `own` besides."""
    z, x, y, w = np.random.default_rng(seed).normal(size=(4, n))
    x = z + x
    return x, z + own * x + y, {"z": z, "w": w}


def test_partial_correlation_is_that_of_the_residuals():
    x, y, held = caused(own=0.3)
    (found,) = partial_correlation(x, y, held, draws=400)
    design = np.column_stack([np.ones(200), *held.values()])
    left = [side - design @ np.linalg.lstsq(design, side, rcond=None)[0] for side in (x, y)]
    assert found.correlation.r == pytest.approx(np.corrcoef(*left)[0, 1])
    assert found.covariates == ("z", "w")
    regressors = np.column_stack([np.ones(200), x, *held.values()])
    expected = [variance_inflation_factor(regressors, at) for at in (1, 2, 3)]
    assert [found.vif[name] for name in ("x", "z", "w")] == pytest.approx(expected)
    ranks = {name: stats.rankdata(v) for name, v in held.items()}
    (of_ranks,) = partial_correlation(stats.rankdata(x), stats.rankdata(y), ranks, draws=100)
    (spearman,) = partial_correlation(x, y, held, kind="spearman", draws=400)
    assert spearman.correlation.r == pytest.approx(of_ranks.correlation.r)


@pytest.mark.parametrize("kind", ["pearson", "spearman"])
def test_what_a_covariate_does_is_taken_away(kind):
    x, y, held = caused(600)
    groups = np.repeat(np.arange(200), 3)
    assert correlate(x, y, kind=kind, groups=groups, draws=200).low > 0.3
    (found,) = partial_correlation(x, y, held, kind=kind, groups=groups, draws=400)
    assert found.correlation.low < 0.02
    assert found.correlation.high > -0.02
    x, y, held = caused(600, own=0.5)
    (found,) = partial_correlation(x, y, held, kind=kind, groups=groups, draws=400)
    assert found.correlation.low > 0.1
    assert found.correlation.p < 0.01


def test_few_units_allow_one_covariate_at_a_time():
    x, y, held = caused(15)
    found = partial_correlation(x, y, held, draws=200)
    assert [one.covariates for one in found] == [("z",), ("w",)]
    assert all("one covariate at a time" in one.correlation.notice for one in found)
    assert len(partial_correlation(x, y, {"z": held["z"]}, draws=200)) == 1
    (double,) = partial_correlation(*caused(50)[:2], {"twice": 2 * caused(50)[0]}, draws=100)
    assert double.correlation.r is None
    assert double.vif == {"x": np.inf, "twice": np.inf}
    with pytest.raises(CctaError, match="at least one covariate"):
        partial_correlation(x, y, {})


def test_holm_by_hand_and_without_what_is_unknown():
    found = holm([0.01, None, 0.04, 0.03])
    assert found.adjusted == (pytest.approx(0.03), None, pytest.approx(0.06), pytest.approx(0.06))
    assert found.rejected == (True, False, False, False)
    assert holm([]).adjusted == ()
    with pytest.raises(CctaError, match=r"in \[0, 1\]"):
        holm([1.5])


def test_columns_of_a_data_frame_do():
    frame = pd.DataFrame({"x": [1.0, 2, 4], "y": [1.0, 3, 2], "group": ["a", "b", "c"]})
    found = correlate(frame["x"], frame["y"], groups=frame["group"], draws=100)
    assert found.r == pytest.approx(np.corrcoef([1, 2, 4], [1, 3, 2])[0, 1])
