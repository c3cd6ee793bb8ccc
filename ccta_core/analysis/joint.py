"""One test of claim 1 over all models of a study: languages permuted together for every model."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from ccta_core.analysis.correlation import ALL_ORDERS, check_draws
from ccta_core.analysis.permutation import (
    PValue,
    all_orders,
    arrangement_p,
    group_orders,
    settled_p,
)
from ccta_core.analysis.resampling import DRAWS, Groups, bootstrap_interval
from ccta_core.errors import CctaError

_FEWEST = 4
"""With fewer languages a model has no correlation to be averaged."""
_FLAT = 1e-15
_ORDERS_FOR_SD = 4000


@dataclass(frozen=True, slots=True)
class JointCorrelation:
    """The mean over models of a correlation over languages, and one test for all of them.

    `by_model` are the correlations it is the mean of, in the order of the rows. `low` and `high`
    are its 95% interval (languages drawn, the same for all models), `p` is two-sided: languages are
    permuted, the same for all models, so that models which share their encoder and their items are
    one piece of evidence. `p_error` is the Monte-Carlo standard error of p, 0 where every order was
    tried; `least_p` is the smallest p that this number of languages allows. `detectable` is about
    the smallest mean r that such a test shows at .05 in four of five cases: by Fisher's z, of as
    many units as would give one correlation the spread that the permuted means have (a permuted r
    of n units has variance 1 / (n - 1)); None where those are three or fewer.
    """

    r: float
    low: float | None
    high: float | None
    p: float
    p_error: float
    by_model: tuple[float, ...]
    n_languages: int
    least_p: float
    detectable: float | None
    reliable: bool
    notice: str = ""

    @property
    def significant(self) -> bool:
        """Whether p is below .05."""
        return self.p < 0.05


def joint_correlation(
    x: np.ndarray,
    y: np.ndarray,
    fixed: np.ndarray | None = None,
    *,
    seed: int = 0,
    draws: int = DRAWS,
) -> JointCorrelation:
    """Tests whether x correlates with y over languages, all models together.

    Shape: `x`, `y` and `fixed` (models, languages), NaN where a model has no value (its training
    language). The statistic is the mean over models of Pearson's r over the languages of which a
    model has both; with `fixed`, of the partial r with it held fixed. p: the languages' labels of y
    are permuted, in one order for all models (all orders up to 8 languages, else drawn until the
    decision at .05 is stable); with `fixed` those of the residuals of y, which are fitted again
    (Freedman and Lane, 1983). A cell that an order brings to a missing one is left out, so a
    permuted r has one language less, which makes the test conservative. Raises CctaError on
    tables of other shapes, and where no model has four languages that vary.
    """
    check_draws(draws)
    tables = [
        np.asarray(table, np.float64) for table in (x, y, *([] if fixed is None else [fixed]))
    ]
    if len({table.shape for table in tables}) > 1 or tables[0].ndim != 2:
        shapes = ", ".join(str(table.shape) for table in tables)
        raise CctaError(f"expected tables of models x languages of one shape, got {shapes}")
    present = np.all([np.isfinite(table) for table in tables], axis=0)
    enough = present.sum(1) >= _FEWEST + len(tables) - 2
    varying = [_vary(table, present) for table in tables]
    kept = enough & np.all(varying, axis=0)
    if not kept.any():
        raise CctaError(f"no model has {_FEWEST} languages whose values differ")
    tables = [np.where(present, table, np.nan)[kept] for table in tables]
    columns = present[kept].any(0)  # a language that no model has is none
    tables = [table[:, columns] for table in tables]
    languages = int(columns.sum())
    by_model = _correlations(tables, np.ones((1, languages)))[0]

    def statistic(weights: np.ndarray) -> np.ndarray:
        return _mean(_correlations(tables, weights))

    width = tables[0].size * len(tables)
    interval = bootstrap_interval(statistic, languages, draws=draws, seed=seed, width=width)
    test = _permuted(tables, draws, seed)
    return JointCorrelation(
        float(by_model.mean()),
        interval.low,
        interval.high,
        float(test.p or 0.0),
        float(test.error or 0.0),
        tuple(by_model.tolist()),
        languages,
        least_permutation_p(languages),
        _detectable(tables, seed),
        interval.reliable,
        interval.notice,
    )


def _detectable(tables: list[np.ndarray], seed: int) -> float | None:
    x, y, *rest = tables
    moved, fixed = (_residuals(y, rest[0]), rest[0]) if rest else (y, None)
    orders = np.tile(np.arange(y.shape[1]), (_ORDERS_FOR_SD, 1))
    orders = np.random.default_rng([seed, 0x5D]).permuted(orders, axis=1)
    spread = float(np.nanstd(_of_orders(x, moved, fixed, orders)))
    units = 1 + spread**-2
    if units <= 3:
        return None
    return float(np.tanh((norm.ppf(0.975) + norm.ppf(0.8)) / np.sqrt(units - 3)))


def least_permutation_p(count: int) -> float:
    """Returns the smallest p of a permutation of `count` languages: one order of n!, or one drawn
    order of the million that are drawn at the most.
    """
    return max(1.0 / math.factorial(count), 1e-6)


def _vary(table: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Returns which rows differ by more than rounding where they count. Shape: (models,)."""
    high = np.where(present, table, -np.inf).max(1)
    low = np.where(present, table, np.inf).min(1)
    return high - low > 1e-12 * np.maximum(np.abs(high), np.abs(low))


def _mean(correlations: np.ndarray) -> np.ndarray:
    """Returns the mean over models; a resample in which one does not vary has none of it."""
    counts = np.isfinite(correlations).sum(1)
    sums = np.nansum(correlations, axis=1)
    return np.where(counts == correlations.shape[1], sums / np.maximum(counts, 1), np.nan)


def _correlations(tables: list[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """Returns the (partial) correlation of every model under weights of languages.

    Shape: `tables` (models, languages) each, `weights` (draws, languages) -> (draws, models).
    """
    present = np.all([np.isfinite(table) for table in tables], axis=0).astype(np.float64)
    values = [np.nan_to_num(table) for table in tables]
    moments = _Moments(values, weights @ present.T, lambda product: weights @ (product * present).T)
    return moments.correlation()


@dataclass(frozen=True, slots=True, eq=False)
class _Moments:
    """Sums from which correlations are made: `sums` maps a (models, languages) table to them."""

    values: list[np.ndarray]
    totals: np.ndarray
    sums: Callable[[np.ndarray], np.ndarray]

    def covariance(self, first: int, second: int) -> np.ndarray:
        """Returns mean(a b) - mean(a) mean(b), of values moved to their means for accuracy."""
        left, right = (self.values[place] for place in (first, second))
        left = left - left.mean(1, keepdims=True)
        right = right - right.mean(1, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            means = [self.sums(table) / self.totals for table in (left * right, left, right)]
        return means[0] - means[1] * means[2]

    def correlation(self) -> np.ndarray:
        """Returns r of the first two tables; with the third held fixed where there is one."""
        variances = [self.covariance(place, place) for place in range(len(self.values))]
        r = _ratio(self.covariance(0, 1), variances[0], variances[1])
        if len(self.values) == 2:
            return r
        with_x = _ratio(self.covariance(0, 2), variances[0], variances[2])
        with_y = _ratio(self.covariance(1, 2), variances[1], variances[2])
        return partial_of(r, with_x, with_y)


def _ratio(above: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient = np.clip(above / np.sqrt(first * second), -1, 1)
    return np.where((first > _FLAT) & (second > _FLAT), quotient, np.nan)


def partial_of(r: np.ndarray, with_x: np.ndarray, with_y: np.ndarray) -> np.ndarray:
    """Returns the partial correlation from the three of x, y and what is held fixed."""
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.sqrt((1 - with_x**2) * (1 - with_y**2))
        return np.where(room > _FLAT, np.clip((r - with_x * with_y) / room, -1, 1), np.nan)


def _permuted(tables: list[np.ndarray], draws: int, seed: int) -> PValue:
    x, y, *rest = tables
    moved = y if not rest else _residuals(y, rest[0])
    languages = y.shape[1]
    groups = Groups(np.arange(languages), languages)
    fixed = rest[0] if rest else None

    def score(orders: np.ndarray) -> np.ndarray:
        return np.nan_to_num(_of_orders(x, moved, fixed, orders))

    depth = y.shape[0] * (2 + len(tables))
    if languages <= ALL_ORDERS:
        orders: Iterator[np.ndarray] = all_orders(languages, languages * depth)
        return PValue(arrangement_p(score, orders), "exact", 0.0)
    return settled_p(
        score,
        lambda wanted, stream: group_orders(groups, wanted, stream, depth),
        draws=draws,
        seed=seed,
        width=y.size,
    )


def _residuals(y: np.ndarray, fixed: np.ndarray) -> np.ndarray:
    """Returns y less its fit on `fixed`, a model at a time; NaN stays.

    Shape: (models, languages).
    """
    out = np.full_like(y, np.nan)
    for row, (values, covariate) in enumerate(zip(y, fixed, strict=True)):
        there = np.isfinite(values) & np.isfinite(covariate)
        design = np.column_stack([np.ones(there.sum()), covariate[there]])
        fit, *_ = np.linalg.lstsq(design, values[there], rcond=None)
        out[row, there] = values[there] - design @ fit
    return out


def _of_orders(
    x: np.ndarray, y: np.ndarray, fixed: np.ndarray | None, orders: np.ndarray
) -> np.ndarray:
    """Returns the mean (partial) r when the labels of y are in these orders. Shape: (orders,)."""
    total = np.zeros(len(orders))
    for row in range(len(x)):
        moved = y[row][orders]  # (orders, languages)
        others = x[row] if fixed is None else x[row] + 0 * fixed[row]
        present = (np.isfinite(moved) & np.isfinite(others)).astype(np.float64)
        count = present.sum(1)
        right = np.nan_to_num(moved - np.nanmean(y[row])) * present
        columns = [x[row]] if fixed is None else [x[row], fixed[row]]
        centred = [np.nan_to_num(column - np.nanmean(column)) for column in columns]
        mean_y = right.sum(1) / count
        spread_y = (right**2).sum(1) / count - mean_y**2
        means = [present @ column / count for column in centred]
        spreads = [
            present @ column**2 / count - mean**2
            for column, mean in zip(centred, means, strict=True)
        ]
        with_y = [
            _ratio(right @ column / count - mean * mean_y, spread, spread_y)
            for column, mean, spread in zip(centred, means, spreads, strict=True)
        ]
        if fixed is None:
            total += with_y[0]
        else:
            both = present @ (centred[0] * centred[1]) / count - means[0] * means[1]
            total += partial_of(with_y[0], _ratio(both, *spreads), with_y[1])
    return total / len(x)
