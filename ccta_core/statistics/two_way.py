"""How much of a table is the training language's, and how much the language's that is read?"""

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ccta_core.errors import CctaError
from ccta_core.statistics.correlation import check_draws
from ccta_core.statistics.groups import Names, Numbers, column, grouped, varies
from ccta_core.statistics.resampling import DRAWS, chunk

_TIE = 1e-9


@dataclass(frozen=True, slots=True)
class Effect:
    """What one side of the table adds to the other (type II sums of squares).

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

    The shares are of the total variance. `residual_share` holds chance and any interaction: with
    one value a cell they are not to be told apart. `overlap_share` is what both explain only
    together: 0 in a full table, not 0 (and possibly negative) where cells are missing, as where
    each training language's own column is left out.
    """

    rows: Effect
    columns: Effect
    residual_share: float
    overlap_share: float
    n: int
    n_rows: int
    n_columns: int
    method: str


def two_way(
    values: Numbers, rows: Names, columns: Names, *, seed: int = 0, draws: int = DRAWS
) -> TwoWay:
    """Shares of the variance of values in a table: its rows', its columns', and the rest.

    Shape: `values` (cells,), any unit; `rows` and `columns` name each value's place, say training
    language and language; cells may be missing or repeated. value = row + column + rest, by least
    squares (statsmodels' OLS and anova_lm, type II).

    p: for rows, values change places within their column, so that what the columns do stays; for
    columns, within their row. p = (1 + as large a sum of squares) / (1 + draws). This assumes that
    without the effect the values of a column (row) are exchangeable; where they share items they
    are not quite, and p speaks of these languages, not of all languages. Raises CctaError on
    unequal lengths, missing values, fewer than two rows or columns, a table that falls apart (rows
    that share no column), no more values than effects, and values that do not vary.
    """
    check_draws(draws)
    value = column(values, "values")
    left, top = grouped(rows, len(value)), grouped(columns, len(value))
    full = _basis(left.codes, top.codes)
    _check(value, left.count, top.count, full.shape[1])
    found = _table(value, left.codes, top.codes)
    total = float(np.sum((value - value.mean()) ** 2))
    own, other = (
        _effect(found.loc[name], total, _p(value, full, within, draws, seed))
        for name, within in (("C(row)", top.codes), ("C(column)", left.codes))
    )
    residual = float(found.loc["Residual", "sum_sq"]) / total
    return TwoWay(
        own,
        other,
        residual,
        1 - residual - own.share - other.share,
        len(value),
        left.count,
        top.count,
        f"additive, type II; p: {draws} permutations within columns (rows)",
    )


def _check(value: np.ndarray, rows: int, columns: int, rank: int) -> None:
    if rows < 2 or columns < 2:
        raise CctaError(f"expected at least two rows and two columns, got {rows} and {columns}")
    if rank < rows + columns - 1:
        raise CctaError(
            "the table falls apart: some rows share no column with the others, even by way of "
            "others; keep rows and columns that hang together"
        )
    if len(value) <= rank:
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


def _basis(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """An orthonormal basis of all additive tables. Shape: (cells, rank)."""
    design = np.hstack([codes[:, None] == np.unique(codes) for codes in (rows, columns)])
    vectors, sizes, _ = np.linalg.svd(design.astype(np.float64), full_matrices=False)
    return vectors[:, sizes > _TIE * sizes[0]]


def _p(value: np.ndarray, full: np.ndarray, within: np.ndarray, draws: int, seed: int) -> float:
    """The share of permutations within the groups `within` that fit as well as the data.

    What those groups' means explain is the same in each permutation, so the sum of squares of the
    other side goes with that of the full model.
    """
    generator = np.random.default_rng(seed)
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
