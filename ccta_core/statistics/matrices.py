"""Do two tables of language pairs go together? Mantel's test, languages as the unit."""

from collections.abc import Callable, Iterator

import numpy as np

from ccta_core.errors import CctaError
from ccta_core.statistics.coefficients import check_kind, of_items
from ccta_core.statistics.correlation import Correlation, assembled, check_draws, unknown
from ccta_core.statistics.groups import Groups, Numbers, column, varies
from ccta_core.statistics.permuting import (
    PValue,
    all_orders,
    arrangement_p,
    association_score,
    group_orders,
)
from ccta_core.statistics.resampling import DRAWS, bootstrap_interval

ALL_ORDERS = 8
"""Up to so many languages all arrangements are tried (8! = 40,320)."""


def mantel(
    a: np.ndarray, b: np.ndarray, *, kind: str = "pearson", seed: int = 0, draws: int = DRAWS
) -> Correlation:
    """The correlation of two language x language tables over their pairs of languages.

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
        return unknown(kind, (n, count), f"{count} languages: no correlation of tables below 4")
    if flat:
        return unknown(kind, (n, count), f"{' and '.join(flat)} does not vary")
    pairs = of_items(kind, x, y)

    def statistic(weights: np.ndarray) -> np.ndarray:
        return pairs(weights[:, rows] * weights[:, columns])

    interval = bootstrap_interval(statistic, count, draws=draws, seed=seed, width=n)
    exact = count <= ALL_ORDERS
    p = arrangement_p(
        _rearranged(association_score(kind, x, y), rows, columns),
        _orders(count, draws, seed, n * (n if kind == "kendall" else 1)),
        exact=exact,
    )
    r = float(pairs(np.ones((1, n)))[0])
    test = PValue(p, "QAP, exact" if exact else "QAP")
    return assembled(f"{kind} over pairs of languages", r, interval, test, (n, count), draws)


def _table(values: np.ndarray | list[Numbers], name: str) -> np.ndarray:
    found = np.asarray(values, np.float64)
    if found.ndim != 2 or found.shape[0] != found.shape[1]:
        raise CctaError(f"{name} has the shape {found.shape}; expected languages x languages")
    return found


def _pairs(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of each pair: one direction where both tables are symmetric, else both."""
    rows, columns = np.triu_indices(len(a), 1)
    alike = [np.abs(table[rows, columns] - table[columns, rows]) <= 1e-12 for table in (a, b)]
    if np.all(alike):
        return rows, columns
    rows, columns = np.nonzero(~np.eye(len(a), dtype=bool))
    return rows, columns


def _orders(count: int, draws: int, seed: int, width: int) -> Iterator[np.ndarray]:
    if count <= ALL_ORDERS:
        return all_orders(count, width)
    return group_orders(Groups(np.arange(count), count), draws, seed, max(1, width // count))


def _rearranged(
    score: Callable[[np.ndarray], np.ndarray], rows: np.ndarray, columns: np.ndarray
) -> Callable[[np.ndarray], np.ndarray]:
    """The score of orders of languages, from the score of orders of pairs."""
    count = int(max(rows.max(), columns.max())) + 1
    place = np.zeros((count, count), np.int64)
    place[columns, rows] = np.arange(len(rows))  # one direction: the pair stands for both
    place[rows, columns] = np.arange(len(rows))
    return lambda order: score(place[order[:, rows], order[:, columns]])
