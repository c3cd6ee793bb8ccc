"""How often a model is right where a score is low, and where it is high."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import beta

from ccta_core.errors import CctaError
from ccta_core.statistics.correlation import check_draws
from ccta_core.statistics.groups import (
    Groups,
    Names,
    Numbers,
    column,
    grouped,
    in_order,
    same_length,
    truths,
)
from ccta_core.statistics.ranks import midshares
from ccta_core.statistics.resampling import BLOCKS, DRAWS, FEW, group_weights


@dataclass(frozen=True, slots=True)
class Decile:
    """Items whose score lies between two ranks: `number` counts from 1, the lowest scores.

    `score_low`, `score_high` and `score_mean` are in the score's unit; `accuracy` in [0, 1] has the
    95% interval `low` to `high`.
    """

    number: int
    score_low: float
    score_high: float
    score_mean: float
    n: int
    n_groups: int
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Deciles:
    """Accuracy by decile of a score, and the top decile's less the bottom one's.

    A decile that ties leave empty is missing. `reliable` is False below 10 groups in some decile;
    `rise` and its interval are None with fewer than two deciles.
    """

    deciles: tuple[Decile, ...]
    rise: float | None
    rise_low: float | None
    rise_high: float | None
    n: int
    n_groups: int
    reliable: bool
    notice: str = ""


def accuracy_by_decile(  # noqa: PLR0913 - three columns, the bins and the resampling
    score: Numbers,
    correct: Numbers,
    groups: Names | None = None,
    *,
    bins: int = 10,
    seed: int = 0,
    draws: int = DRAWS,
) -> Deciles:
    """Accuracy in each tenth of the items, ordered by score.

    Shape: `score` (items,), any unit; `correct` (items,) 1 or 0. Equal scores share a decile, so
    deciles can differ in size. Assumption: groups are independent; the deciles' borders are taken
    as given. Interval: percentiles of whole groups drawn, all deciles together; where a decile is
    all right or all wrong no resample varies, and the interval is Clopper and Pearson's (1934) with
    the decile's groups as trials. Raises CctaError on unequal lengths, missing values, values of
    `correct` other than 0 and 1, fewer than two bins and no item.
    """
    check_draws(draws)
    columns = {"score": column(score, "score"), "correct": truths(correct, "correct")}
    n = same_length(columns)
    if n == 0 or bins < 2:
        raise CctaError(f"expected at least one item and two bins, got {n} and {bins}")
    found, (values, right) = in_order(grouped(groups, n), *columns.values())
    bin_of = np.minimum((midshares(values) * bins).astype(int), bins - 1)
    numbers = np.unique(bin_of)
    members = (bin_of[:, None] == numbers).astype(np.float64)  # (items, deciles)
    rates = _rates(members, right, found, draws, seed)
    deciles = tuple(
        _decile(int(number), values[inside], right[inside], found.codes[inside], rates[:, at])
        for at, number in enumerate(numbers)
        for inside in [bin_of == number]
    )
    few = [decile.number for decile in deciles if decile.n_groups < FEW]
    notice = f"fewer than {FEW} groups in decile {', '.join(map(str, few))}" if few else ""
    rise = _rise(deciles, rates)
    return Deciles(deciles, *rise, n, found.count, not few, notice)


def _rates(
    members: np.ndarray, right: np.ndarray, groups: Groups, draws: int, seed: int
) -> np.ndarray:
    """Accuracy of each decile in each resample, NaN where it has no item. (draws, deciles)."""
    blocks = groups.merged(BLOCKS, seed)
    hits, items = blocks.sums(members * right[:, None]), blocks.sums(members)
    parts = []
    for weights in group_weights(blocks.count, draws, seed):
        with np.errstate(invalid="ignore"):
            parts.append((weights @ hits) / (weights @ items))
    return np.concatenate(parts)


def _decile(
    number: int, score: np.ndarray, right: np.ndarray, codes: np.ndarray, rates: np.ndarray
) -> Decile:
    groups, accuracy = len(np.unique(codes)), float(right.mean())
    if 0 < accuracy < 1:
        low, high = np.nanpercentile(rates, [2.5, 97.5])
    else:
        low = beta.ppf(0.025, groups, 1) if accuracy else 0.0
        high = 1.0 if accuracy else beta.ppf(0.975, 1, groups)
    edges = (float(score.min()), float(score.max()), float(score.mean()))
    return Decile(number + 1, *edges, len(score), groups, accuracy, float(low), float(high))


def _rise(
    deciles: tuple[Decile, ...], rates: np.ndarray
) -> tuple[float | None, float | None, float | None]:
    if len(deciles) < 2:
        return None, None, None
    low, high = np.nanpercentile(rates[:, -1] - rates[:, 0], [2.5, 97.5])
    return deciles[-1].accuracy - deciles[0].accuracy, float(low), float(high)
