"""Correlates two columns, or two tables, with intervals, p-values and Holm's correction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ccta_core.analysis.coefficients import check_kind, of_items, over_groups
from ccta_core.analysis.permutation import (
    PValue,
    all_orders,
    arrangement_p,
    association_p,
    association_score,
    group_orders,
    settled_p,
)
from ccta_core.analysis.resampling import (
    DRAWS,
    Groups,
    Interval,
    Names,
    Numbers,
    bootstrap_interval,
    column,
    grouped,
    in_order,
    same_length,
    varies,
)
from ccta_core.errors import CctaError


@dataclass(frozen=True, slots=True)
class Holm:
    """P-values corrected for their number, in the order they came; None stays None.

    `rejected` says which are below `alpha` after the correction.
    """

    p_values: tuple[float | None, ...]
    adjusted: tuple[float | None, ...]
    rejected: tuple[bool, ...]
    alpha: float


def holm(p_values: Sequence[float | None], alpha: float = 0.05) -> Holm:
    """Corrects p-values by Holm (1979): the chance of any false rejection is at most `alpha`.

    Holds however the tests depend on each other. A None (a test that could not be made) is not
    counted. Raises CctaError on a value outside [0, 1].
    """
    given = tuple(None if p is None else float(p) for p in p_values)
    tested = [p for p in given if p is not None]
    strange = [p for p in tested if not 0 <= p <= 1]
    if strange:
        raise CctaError(f"expected p-values in [0, 1], got {strange[0]}")
    if not tested:
        return Holm(given, given, (False,) * len(given), alpha)
    from statsmodels.stats.multitest import multipletests

    rejected, adjusted, *_ = multipletests(tested, alpha=alpha, method="holm")
    each = iter(zip(adjusted.tolist(), rejected.tolist(), strict=True))
    pairs = [(None, False) if p is None else next(each) for p in given]
    return Holm(given, tuple(p for p, _ in pairs), tuple(bad for _, bad in pairs), alpha)


@dataclass(frozen=True, slots=True)
class Correlation:
    """A correlation in [-1, 1] with its 95% interval and two-sided p-value.

    `r` is None where a column does not vary or there are fewer than three items; `low`, `high` and
    `p` are None where there are fewer than three groups too. `n` counts the items, `n_groups` what
    is independent. `reliable` is False below 10 groups and where the interval is not what it should
    be; `notice` then says why, else it is empty. `method` says how the numbers were found.
    `p_error` is the Monte-Carlo standard error of `p`, 0 where all arrangements were counted.
    """

    r: float | None
    low: float | None
    high: float | None
    p: float | None
    n: int
    n_groups: int
    method: str
    reliable: bool
    notice: str = ""
    p_error: float | None = None


def correlate(  # noqa: PLR0913 - two columns, the question and the resampling
    x: Numbers,
    y: Numbers,
    *,
    kind: str = "pearson",
    groups: Names | None = None,
    seed: int = 0,
    draws: int = DRAWS,
) -> Correlation:
    """Returns the correlation of two columns over items of which some belong together.

    Shape: `x`, `y` (items,), any unit; `groups` one name an item (its premise or paragraph), else
    each item is its own. `kind`: "pearson", "spearman" or "kendall" (tau-b); ties get midranks.

    Assumptions: groups are independent draws of one population; items of a group may depend on each
    other in any way. Interval: whole groups drawn, BCa with the jackknife over groups (Efron,
    1987); percentiles, marked unreliable, below 10 groups. Spearman (up to 3,000 items) and Kendall
    (up to 500) are ranked anew in each resample; beyond that ranks are taken once and each item's
    influence on all ranks is kept (its Hoeffding projection). More than 2,000 groups are thrown
    together into 2,000 random blocks. p: permuting.association_p, which also says how groups are
    moved. The result does not depend on the order of the items, and is the same for the same seed.
    Raises CctaError on columns of unequal length and on missing values.
    """
    check_kind(kind)
    check_draws(draws)
    x, y = column(x, "x"), column(y, "y")
    n = same_length({"x": x, "y": y})
    clusters = grouped(groups, n)
    reason = why_undefined(clusters, x=x, y=y)
    if reason:
        return unknown_correlation(kind, (n, clusters.count), reason)
    clusters, (x, y) = in_order(clusters, x, y)
    statistic, count, width = over_groups(kind, x, y, clusters, seed)
    r = float(statistic(np.ones((1, count)))[0])
    if clusters.count < 3:
        reason = f"{clusters.count} groups: no interval and no p-value below 3"
        return unknown_correlation(kind, (n, clusters.count), reason, r)
    interval = bootstrap_interval(statistic, count, draws=draws, seed=seed, width=width)
    test = association_p(kind, x, y, clusters, draws=draws, seed=seed)
    return assemble_correlation(kind, r, interval, test, (n, clusters.count), draws)


def assemble_correlation(  # noqa: PLR0913 - the parts of one result
    kind: str, r: float, interval: Interval, test: PValue, sizes: tuple[int, int], draws: int
) -> Correlation:
    """Makes a correlation of its parts; `sizes` are the items and the groups."""
    method = f"{kind}; interval: {interval.method}, {draws} draws; p: {test.method}"
    low, high, reliable = interval.low, interval.high, interval.reliable
    return Correlation(
        r, low, high, test.p, *sizes, method, reliable, interval.notice, p_error=test.error
    )


def unknown_correlation(
    kind: str, sizes: tuple[int, int], reason: str, r: float | None = None
) -> Correlation:
    """Makes a correlation without interval and p-value; `sizes` are the items and the groups."""
    return Correlation(r, None, None, None, *sizes, kind, False, reason)


def why_undefined(groups: Groups, **columns: np.ndarray) -> str:
    """Returns why these columns have no coefficient, or nothing."""
    if groups.items < 3:
        return f"{groups.items} items: no correlation below 3"
    flat = [name for name, values in columns.items() if not varies(values)]
    return f"{' and '.join(flat)} does not vary" if flat else ""


def check_draws(draws: int) -> None:
    """Raises CctaError on fewer than 100 draws."""
    if draws < 100:
        raise CctaError(f"expected at least 100 draws, got {draws}; 2000 is the default")


ALL_ORDERS = 8
"""Up to so many languages all arrangements are tried (8! = 40,320)."""


def mantel(
    a: np.ndarray, b: np.ndarray, *, kind: str = "pearson", seed: int = 0, draws: int = DRAWS
) -> Correlation:
    """Returns the correlation of two language x language tables over their pairs of languages.

    Shape: `a`, `b` (languages, languages), any unit, languages in the same order; the diagonals are
    not read. Tables that equal their transposes count each pair once, others both directions.
    `n` of the result counts pairs, `n_groups` languages. Pairs that share a language depend on each
    other, so languages, not pairs, are drawn and rearranged.

    p: rows and columns of `b` rearranged together (Mantel, 1967; QAP: Krackhardt, 1988), all
    arrangements for up to 8 languages. Interval: languages drawn with replacement (Snijders and
    Borgatti, 1999), where two copies of one language make no pair; BCa from 10 languages on, below
    that percentiles, marked unreliable. The assumption is that the languages are a sample of those
    the claim is about. Raises CctaError on tables of another shape and on missing values.
    """
    check_kind(kind)
    check_draws(draws)
    first, second = _table(a, "a"), _table(b, "b")
    if first.shape != second.shape:
        raise CctaError(f"expected two tables of one size, got {first.shape} and {second.shape}")
    rows, columns = _pairs(first, second)
    x, y = column(first[rows, columns], "a"), column(second[rows, columns], "b")
    count, n = len(first), len(x)
    flat = [name for name, values in (("a", x), ("b", y)) if not varies(values)]
    if count < 4:
        return unknown_correlation(
            kind, (n, count), f"{count} languages: no correlation of tables below 4"
        )
    if flat:
        return unknown_correlation(kind, (n, count), f"{' and '.join(flat)} does not vary")
    pairs = of_items(kind, x, y)

    def statistic(weights: np.ndarray) -> np.ndarray:
        return pairs(weights[:, rows] * weights[:, columns])

    interval = bootstrap_interval(statistic, count, draws=draws, seed=seed, width=n)
    score = _rearranged(association_score(kind, x, y), rows, columns)
    width = n * (n if kind == "kendall" else 1)
    if count <= ALL_ORDERS:
        test = PValue(arrangement_p(score, all_orders(count, width)), "QAP, exact", 0.0)
    else:
        languages, depth = Groups(np.arange(count), count), max(1, width // count)
        drawn = settled_p(
            score,
            lambda wanted, stream: group_orders(languages, wanted, stream, depth),
            draws=draws,
            seed=seed,
            width=width,
        )
        test = PValue(drawn.p, "QAP", drawn.error)
    r = float(pairs(np.ones((1, n)))[0])
    return assemble_correlation(
        f"{kind} over pairs of languages", r, interval, test, (n, count), draws
    )


def _table(values: np.ndarray | list[Numbers], name: str) -> np.ndarray:
    table = np.asarray(values, np.float64)
    if table.ndim != 2 or table.shape[0] != table.shape[1]:
        raise CctaError(f"{name} has the shape {table.shape}; expected languages x languages")
    return table


def _pairs(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns row and column of each pair: one direction where both tables are symmetric, else
    both.
    """
    rows, columns = np.triu_indices(len(a), 1)
    alike = [np.abs(table[rows, columns] - table[columns, rows]) <= 1e-12 for table in (a, b)]
    if np.all(alike):
        return rows, columns
    rows, columns = np.nonzero(~np.eye(len(a), dtype=bool))
    return rows, columns


def _rearranged(
    score: Callable[[np.ndarray], np.ndarray], rows: np.ndarray, columns: np.ndarray
) -> Callable[[np.ndarray], np.ndarray]:
    """Returns the score of orders of languages, from the score of orders of pairs."""
    count = int(max(rows.max(), columns.max())) + 1
    place = np.zeros((count, count), np.int64)
    place[columns, rows] = np.arange(len(rows))  # one direction: the pair stands for both
    place[rows, columns] = np.arange(len(rows))
    return lambda order: score(place[order[:, rows], order[:, columns]])
