"""Intervals of shares, means and ratios whose items belong together: groups are independent."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, sqrt
from typing import NamedTuple

import numpy as np
import pandas as pd

from ccta_core.errors import CctaError

FEW = 10
"""With fewer groups an interval is not to be relied on."""
_LEVEL = 0.975


DRAWS = 2000
_ROOM = 4_000_000
"""Indices drawn at once: bounds the memory."""


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `n` comparisons of `groups` groups, with the 95% interval of their share.

    Clopper and Pearson's interval at the effective number of comparisons: as many independent ones
    as have the variance the groups show (Korn and Graubard, 1998); the number of groups where they
    show none. None where there is no comparison, or one group.
    """

    count: int
    n: int
    groups: int
    low: float | None = None
    high: float | None = None

    @property
    def value(self) -> float:
        """The share; NaN of nothing."""
        return self.count / self.n if self.n else float("nan")


@dataclass(frozen=True, slots=True)
class Difference:
    """Chosen comparisons less the others, within pairs of languages, with its 95% interval.

    A ratio of sums over groups, its variance linearised (Cochran, 1977, 6.4), Student's t.
    """

    value: float
    low: float
    high: float

    @property
    def clear(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low > 0 or self.high < 0


def clustered_interval(right: np.ndarray, groups: Sequence[str]) -> tuple[float, float]:
    """Returns the 95% percentile interval of a mean, whole groups drawn with replacement.

    Shape: `right` (items,), hits or scores; `groups` one name an item. Raises CctaError on no item
    and on unequal lengths.
    """
    interval = ratio_interval(right, np.ones(len(right)), groups)
    if interval is None:
        raise AssertionError("every group has an item")
    return interval


def f1_interval(
    correct: np.ndarray,
    gold: np.ndarray,
    predicted: np.ndarray,
    groups: Sequence[str] | None = None,
) -> tuple[float, float] | None:
    """Returns the 95% percentile interval of a corpus' F1 = 2 correct / (gold + predicted).

    Shape: counts (sentences,). Sentences are drawn, or groups of them. None without a gold entity:
    F1 is undefined.
    """
    if np.sum(gold) == 0:
        return None
    return ratio_interval(2 * np.asarray(correct), np.add(gold, predicted), groups)


def ratio_interval(
    numerators: np.ndarray, denominators: np.ndarray, groups: Sequence[str] | None = None
) -> tuple[float, float] | None:
    """Returns the 95% percentile interval of sum(numerators) / sum(denominators), 2,000 seeded
    draws.

    Shape: (items,); `groups` names one group an item, else each item is its own. A draw whose
    denominators are all zero has no ratio and is left out; None where no draw has one. Raises
    CctaError on no item and on unequal lengths.
    """
    above, below = _by_group(numerators, denominators, groups)
    generator = np.random.default_rng(0)
    step = max(1, _ROOM // len(above))  # draws at once
    parts = []
    for start in range(0, DRAWS, step):
        rows = generator.integers(0, len(above), (min(step, DRAWS - start), len(above)))
        tops, bottoms = above[rows].sum(1), below[rows].sum(1)
        parts.append(tops[bottoms > 0] / bottoms[bottoms > 0])
    ratios = np.concatenate(parts)
    if not len(ratios):
        return None
    low, high = np.percentile(ratios, [2.5, 97.5])
    return float(low), float(high)


def _by_group(
    numerators: np.ndarray, denominators: np.ndarray, groups: Sequence[str] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Returns both sums of each group, groups in order of their names. Shape: (groups,)."""
    count = len(numerators)
    if not count or len(denominators) != count or (groups is not None and len(groups) != count):
        raise CctaError(
            f"an interval needs one value an item and at least one item: got {count} numerators, "
            f"{len(denominators)} denominators, {count if groups is None else len(groups)} groups"
        )
    if groups is None:
        return np.asarray(numerators, np.float64), np.asarray(denominators, np.float64)
    _, group = np.unique(np.array(groups), return_inverse=True)
    return np.bincount(group, weights=numerators), np.bincount(group, weights=denominators)


class Ends(NamedTuple):
    """The ends of a 95% interval."""

    low: float
    high: float


def mean_interval(totals: np.ndarray, counts: np.ndarray) -> Ends | None:
    """Returns the 95% interval of a mean, sum(totals) / sum(counts) over independent groups.

    The one interval of a mean in the project (pages, exports, findings): a ratio of sums over
    groups, its variance linearised (Cochran, 1977, 6.4), Student's t. No draws, so no seed. Shape:
    (groups,) sums of the values and how many there are. None of fewer than two groups.
    """
    top, bottom = np.asarray(totals, np.float64), np.asarray(counts, np.float64)
    value = float(top.sum()) / float(bottom.sum()) if bottom.sum() > 0 else float("nan")
    away = float(np.sum((top - value * bottom) ** 2))
    return interval_of_sums(value, away, float(bottom.sum()), len(bottom))


def interval_of_sums(value: float, away: float, count: float, groups: int) -> Ends | None:
    """Returns the same from sums: `away` is the sum over groups of (total - mean x count)^2."""
    from scipy.special import stdtrit

    if groups < 2 or not count > 0 or not isfinite(value):
        return None
    half = float(stdtrit(groups - 1, _LEVEL)) * sqrt(away * groups / (groups - 1)) / count
    return Ends(value - half, value + half)


def share_of(hits: pd.Series, sizes: pd.Series) -> Share:
    """Returns the share of hits from each group's hits and comparisons."""
    from scipy.special import betaincinv

    k, n = (column.to_numpy(np.float64) for column in (hits, sizes))
    count, total, groups = float(k.sum()), float(n.sum()), len(n)
    if total == 0 or groups < 2:
        return Share(int(count), int(total), groups)
    share = count / total
    variance = groups / (groups - 1) * float(np.sum((k - share * n) ** 2)) / total**2
    # Clopper and Pearson's interval of as many independent comparisons as have this variance.
    effective = _effective(share, variance, total, groups)
    hit = share * effective
    low = betaincinv(hit, effective - hit + 1, 1 - _LEVEL) if hit > 0 else 0.0
    high = betaincinv(hit + 1, effective - hit, _LEVEL) if hit < effective else 1.0
    return Share(int(count), int(total), groups, float(low), float(high))


def difference(above: pd.Series, below: pd.Series) -> Difference | None:
    """Returns the ratio of two sums over groups; None where it isn't defined, or of fewer than
    two.
    """
    top, bottom = (column.to_numpy(np.float64) for column in (above, below))
    ends = mean_interval(top, bottom)
    if ends is None:
        return None
    return Difference(float(np.sum(top)) / float(np.sum(bottom)), *ends)


def _effective(share: float, variance: float, total: float, groups: int) -> float:
    """As many independent comparisons as have this variance, for the t of so many groups."""
    from scipy.special import ndtri, stdtrit

    if variance <= 0:
        return float(min(groups, total))
    ratio = float(ndtri(_LEVEL) / stdtrit(groups - 1, _LEVEL))
    return min(share * (1 - share) / variance * ratio**2, total)
