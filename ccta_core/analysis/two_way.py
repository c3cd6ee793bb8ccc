"""Splits a table's variance between its rows (training language) and its columns (language
read).
"""

import math
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from ccta_core.analysis.correlation import check_draws
from ccta_core.analysis.resampling import (
    DRAWS,
    Groups,
    Names,
    Numbers,
    chunk,
    column,
    grouped,
    varies,
)
from ccta_core.errors import CctaError

_TIE = 1e-9
_SEED = 0


@dataclass(frozen=True, slots=True)
class Effect:
    """What one side of the table adds to the rest (type II sums of squares).

    `share` of all variance in [0, 1]; `f` and `p_normal` are the F test's, which assumes normal
    residuals of one variance; `p` is the permutation's.
    """

    sum_of_squares: float
    df: int
    share: float
    f: float
    p_normal: float
    p: float


@dataclass(frozen=True, slots=True)
class TwoWay:
    """A two-way table as row effect + column effect + rest.

    The shares are of the total variance. `runs` is what the runs of one row differ by; None where
    each row has one run, whose doing is then part of `rows`. `residual_share` holds chance and any
    interaction: with one value a cell they are not to be told apart. `overlap_share` is what the
    others explain only together: 0 in a full table, not 0 (and possibly negative) where cells are
    missing, as where each training language's own column is left out.
    """

    rows: Effect
    columns: Effect
    runs: Effect | None
    residual_share: float
    overlap_share: float
    n: int
    n_rows: int
    n_columns: int
    n_runs: int
    method: str


def two_way(
    values: Numbers,
    rows: Names,
    columns: Names,
    *,
    runs: Names | None = None,
    draws: int = DRAWS,
) -> TwoWay:
    """Returns the shares of the variance of a table's values: its rows', its columns', and the
    rest.

    Shape: `values` (cells,), any unit; `rows` and `columns` name each value's place, say training
    language and language; cells may be missing or repeated. value = row + column + rest, by least
    squares (statsmodels' OLS and anova_lm, type II).

    p: for rows, values change places within their column, so that what the columns do stays; for
    columns, within their row. p = (1 + as large a sum of squares) / (1 + draws). This assumes that
    without the effect the values of a column (row) are exchangeable; where they share items they
    are not quite, and p speaks of these languages, not of all languages.

    `runs` names the model of each value, where a row has several (seeds of one training language):
    value = row + run + column + rest, and rows are held against runs, not against the rest: f is
    the mean square of rows over that of runs, and for p whole runs change their rows (with 18 runs
    of 6 rows; with few runs p can't be small). Runs change values within their cell, columns within
    their run. With one run a row `runs` changes nothing.

    Raises CctaError on unequal lengths, missing values, fewer than two rows or columns, a table
    that falls apart (rows that share no column), a run in two rows, no more values than effects,
    and values that do not vary.
    """
    check_draws(draws)
    value = column(values, "values")
    row_groups, column_groups = grouped(rows, len(value)), grouped(columns, len(value))
    run_groups = row_groups if runs is None else grouped(runs, len(value))
    _check(value, row_groups, column_groups, run_groups)
    nested = run_groups.count > row_groups.count
    find = _nested if nested else _plain
    row_effect, between, column_effect, residual = find(
        value, row_groups, column_groups, run_groups, draws
    )
    within = between.share if between else 0.0
    places = "of whole runs (rows), within cells (runs), within runs (columns)"
    return TwoWay(
        row_effect,
        column_effect,
        between,
        residual,
        1 - residual - row_effect.share - within - column_effect.share,
        len(value),
        row_groups.count,
        column_groups.count,
        run_groups.count,
        f"additive, type II; p: {draws} permutations "
        f"{places if nested else 'within columns (rows)'}",
    )


_Shared = tuple[Effect, Effect | None, Effect, float]


def _plain(
    value: np.ndarray, row_groups: Groups, column_groups: Groups, _: Groups, draws: int
) -> _Shared:
    """Returns effects of rows, no runs, columns, and the share that is left over."""
    full, total = _basis(row_groups.codes, column_groups.codes), _squares(value)
    table = _table(value, row_groups.codes, column_groups.codes)
    row_effect = _effect(table.loc["C(row)"], total, _p(value, full, column_groups.codes, draws))
    column_effect = _effect(table.loc["C(column)"], total, _p(value, full, row_groups.codes, draws))
    return row_effect, None, column_effect, float(table.loc["Residual", "sum_sq"]) / total


def _nested(
    value: np.ndarray, row_groups: Groups, column_groups: Groups, run_groups: Groups, draws: int
) -> _Shared:
    """Returns the same effects where some row has several runs."""
    full, total = _basis(run_groups.codes, column_groups.codes), _squares(value)
    outer, inner = (
        _table(value, codes, column_groups.codes) for codes in (row_groups.codes, run_groups.codes)
    )
    cells = row_groups.codes * column_groups.count + column_groups.codes
    between = _between(outer, inner, total, _p(value, full, cells, draws))
    row_effect = _against(
        outer.loc["C(row)"],
        between,
        total,
        _p_of_rows(value, row_groups, column_groups, run_groups, draws),
    )
    column_effect = _effect(inner.loc["C(column)"], total, _p(value, full, run_groups.codes, draws))
    return row_effect, between, column_effect, float(inner.loc["Residual", "sum_sq"]) / total


def _squares(value: np.ndarray) -> float:
    return float(np.sum((value - value.mean()) ** 2))


def _row_of(rows: np.ndarray, runs: np.ndarray) -> np.ndarray:
    """Returns each run's row. Shape: (runs,). Raises CctaError where a run is in two rows."""
    pairs = np.unique(np.column_stack([runs, rows]), axis=0)
    if len(pairs) > len(np.unique(runs)):
        raise CctaError("a run stands in two rows; expected one training language a model")
    return pairs[:, 1]


def _check(value: np.ndarray, rows: Groups, columns: Groups, runs: Groups) -> None:
    if rows.count < 2 or columns.count < 2:
        raise CctaError(
            f"expected at least two rows and two columns, got {rows.count} and {columns.count}"
        )
    if _basis(rows.codes, columns.codes).shape[1] < rows.count + columns.count - 1:
        raise CctaError(
            "the table falls apart: some rows share no column with the others, even by way of "
            "others; keep rows and columns that hang together"
        )
    _row_of(rows.codes, runs.codes)
    if len(value) <= (rank := _basis(runs.codes, columns.codes).shape[1]):
        raise CctaError(f"{len(value)} values for {rank} effects: nothing is left over; add cells")
    if not varies(value):
        raise CctaError("every value of the table is the same: there is no variance to share out")


def _table(value: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> pd.DataFrame:
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    frame = pd.DataFrame({"value": value, "row": rows, "column": columns})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # no residual: F is 0 / 0
        return anova_lm(ols("value ~ C(row) + C(column)", frame).fit(), typ=2)


def _effect(line: pd.Series, total: float, p: float) -> Effect:
    squares, df = float(line["sum_sq"]), int(line["df"])
    return Effect(squares, df, squares / total, float(line["F"]), float(line["PR(>F)"]), p)


def _between(outer: pd.DataFrame, inner: pd.DataFrame, total: float, p: float) -> Effect:
    """Returns the effect of runs beyond rows and columns, tested against the rest."""
    rest = inner.loc["Residual"]
    squares = float(outer.loc["Residual", "sum_sq"] - rest["sum_sq"])
    df = int(outer.loc["Residual", "df"] - rest["df"])
    f = _ratio(squares / df, float(rest["sum_sq"] / rest["df"]))
    return Effect(squares, df, squares / total, f, float(stats.f.sf(f, df, rest["df"])), p)


def _against(line: pd.Series, runs: Effect, total: float, p: float) -> Effect:
    """Returns the effect of rows beyond columns, tested against the runs within them."""
    squares, df = float(line["sum_sq"]), int(line["df"])
    f = _ratio(squares / df, runs.sum_of_squares / runs.df)
    return Effect(squares, df, squares / total, f, float(stats.f.sf(f, df, runs.df)), p)


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else math.inf


def _basis(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Returns an orthonormal basis of all additive tables. Shape: (cells, rank)."""
    design = np.hstack([codes[:, None] == np.unique(codes) for codes in (rows, columns)])
    vectors, sizes, _ = np.linalg.svd(design.astype(np.float64), full_matrices=False)
    return vectors[:, sizes > _TIE * sizes[0]]


def _p(value: np.ndarray, full: np.ndarray, within: np.ndarray, draws: int) -> float:
    """Returns the share of permutations within the groups `within` that fit as well as the data.

    What those groups' means explain is the same in each permutation, so the sum of squares of the
    other side goes with that of the full model.
    """
    generator = np.random.default_rng(_SEED)
    centred = value - value.mean()
    slots = [np.flatnonzero(within == code) for code in np.unique(within)]
    observed, size = np.sum((centred @ full) ** 2), np.sum(centred**2)
    hit, rows = 0, chunk(len(value))
    for start in range(0, draws, rows):
        some = min(rows, draws - start)
        moved = np.empty((some, len(value)))
        for slot in slots:
            moved[:, slot] = generator.permuted(np.tile(centred[slot], (some, 1)), axis=1)
        hit += int(np.sum(np.sum((moved @ full) ** 2, axis=1) >= observed - _TIE * size))
    return (1 + hit) / (1 + draws)


def _p_of_rows(
    value: np.ndarray, row_groups: Groups, column_groups: Groups, run_groups: Groups, draws: int
) -> float:
    """Returns the share of rearrangements of whole runs over the rows that fit as well as the data.

    Runs and columns together explain the same in each, so the sum of squares of rows and columns
    decides, as the F of rows against runs would.
    """
    generator = np.random.default_rng(_SEED)
    row_of, centred = _row_of(row_groups.codes, run_groups.codes), value - value.mean()
    observed = np.sum((centred @ _basis(row_groups.codes, column_groups.codes)) ** 2)
    least = observed - _TIE * np.sum(centred**2)
    hit = 0
    for _ in range(draws):
        moved = _basis(generator.permutation(row_of)[run_groups.codes], column_groups.codes)
        hit += int(np.sum((centred @ moved) ** 2) >= least)
    return (1 + hit) / (1 + draws)
