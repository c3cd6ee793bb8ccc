"""Computes coefficients of two columns under weights: the ranks and correlations of resamples."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ccta_core.analysis.resampling import BLOCKS, Groups, GroupStatistic, Statistic
from ccta_core.errors import CctaError


class MidSums:
    """Sums, for every item, the weight below it and half the weight at its value, in one order.

    Sorting happens once. With each weight 1 the sum is the midrank less one half.
    """

    def __init__(self, values: np.ndarray) -> None:
        self.order = np.argsort(values, kind="stable")
        ordered = values[self.order]
        new = np.concatenate([[True], ordered[1:] != ordered[:-1]])
        starts = np.flatnonzero(new)
        ends = np.concatenate([starts[1:], [len(values)]])
        run = np.cumsum(new) - 1
        self._starts, self._ends = starts[run], ends[run]

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """Sums the weights. Shape: (draws, items) weights -> (draws, items) sums."""
        total = np.zeros((len(weights), weights.shape[1] + 1))
        np.cumsum(weights[:, self.order], axis=1, out=total[:, 1:])
        sums = np.empty_like(weights, np.float64)
        sums[:, self.order] = (total[:, self._starts] + total[:, self._ends]) / 2
        return sums


def fractional_midranks(values: np.ndarray) -> np.ndarray:
    """Returns (midrank - 1/2) / n of every item, in (0, 1); their mean is one half. Shape:
    (items,).
    """
    return MidSums(values)(np.ones((1, len(values))))[0] / len(values)


def concordance(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Returns for each item i the mean over j of sign(x_i - x_j) sign(y_i - y_j). Shape: (items,).

    Counting is n log n: pairs to the lower left by halving the ranks, the others by subtraction.
    """
    count = len(x)
    of_x, of_y = _value_ranks(x), _value_ranks(y)
    # A pair (x, y) as one number, x first: the numbers below an item's are all smaller xs and, of
    # the same x, the smaller ys. So the difference counts the items of the same x with a smaller y.
    of_both = _value_ranks(of_x.rank * count + of_y.rank)
    beneath = of_both.below - of_x.below
    # The same with y first: the items of the same y with a smaller x.
    beside = _value_ranks(of_y.rank * count + of_x.rank).below - of_y.below
    # The plane around an item has four quarters. One is counted; each of the others is what its
    # half plane leaves when the quarters and the ties in it are taken away.
    low_left = _dominated(of_x.rank, of_y.rank)
    high_left = of_x.below - low_left - beside
    low_right = of_y.below - low_left - beneath
    to_the_right = count - of_x.below - of_x.equal
    tied_right = of_y.equal - beside - of_both.equal
    high_right = to_the_right - low_right - tied_right
    return (low_left + high_right - high_left - low_right) / count


def share_unlike(values: np.ndarray) -> np.ndarray:
    """Returns the share of items with another value, for each item. Shape: (items,)."""
    return 1 - _value_ranks(values).equal / len(values)


class _ValueRanks(NamedTuple):
    """For each item: its value's rank among the different values, and how many items have a lower
    value and how many the same one (the item itself too). Shape: (items,) each.
    """

    rank: np.ndarray
    below: np.ndarray
    equal: np.ndarray


def _value_ranks(values: np.ndarray) -> _ValueRanks:
    _, ranks, counts = np.unique(values, return_inverse=True, return_counts=True)
    return _ValueRanks(ranks, (np.cumsum(counts) - counts)[ranks], counts[ranks])


def _dominated(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Returns how many items have a smaller x and a smaller y, for each item.

    Items stand in the order of x, equal x from high to low y, so that "before, with a smaller y" is
    what is asked for. Bit by bit from the top, two items whose ys first differ in this bit are
    counted here: the one with the bit set is the larger.
    """
    place = np.lexsort((-y, x))
    ranks = y[place]
    counts = np.zeros(len(x), np.int64)
    order = np.arange(len(x))
    for bit in range(int(ranks.max(initial=0)).bit_length() - 1, -1, -1):
        # `order` has items with the same higher bits next to each other, each such block still in
        # the order of x: sorting by one bit more is stable.
        key = ranks[order]
        bits = (key >> bit) & 1
        zeros = np.cumsum(1 - bits) - (1 - bits)  # items before this one whose bit is not set
        prefix = key >> (bit + 1)
        first = np.concatenate([[True], prefix[1:] != prefix[:-1]])
        before = np.maximum.accumulate(np.where(first, zeros, 0))  # those before its block
        counts[order] += bits * (zeros - before)
        order = order[np.argsort(key >> bit, kind="stable")]
    by_item = np.empty_like(counts)
    by_item[place] = counts
    return by_item


KINDS = ("pearson", "spearman", "kendall")
RANKED_ANEW = {"spearman": 3000, "kendall": 500}
"""Up to so many items a resample is ranked anew; beyond, ranks are taken once."""
_FLAT = 1e-12

Finish = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Columns whose weighted sums decide a statistic. Shape: `columns` (items, k).

    `finish` takes (draws, k) sums to (draws,) values.
    """

    columns: np.ndarray
    finish: Finish

    def over(self, groups: Groups, seed: int, columns: int = 1) -> GroupStatistic:
        """Returns the statistic as a function of the weights of groups, or of blocks of many
        groups.

        `columns` is how many numbers it works on for each group.
        """
        blocks = groups.merged(BLOCKS, seed)
        sums = blocks.sums(self.columns)
        return GroupStatistic(
            lambda weights: self.finish(weights @ sums), blocks.count, blocks.count * columns
        )


def check_kind(kind: str, kinds: tuple[str, ...] = KINDS) -> None:
    """Raises CctaError on an unknown coefficient."""
    if kind not in kinds:
        raise CctaError(f"unknown correlation {kind!r}; choose {', '.join(kinds)}")


def over_groups(
    kind: str, x: np.ndarray, y: np.ndarray, groups: Groups, seed: int
) -> GroupStatistic:
    """Returns the coefficient as a function of the weights of groups."""
    if kind != "pearson" and len(x) <= RANKED_ANEW[kind]:
        item = of_items(kind, x, y)
        return GroupStatistic(lambda weights: item(weights[:, groups.codes]), groups.count, len(x))
    return moments(kind, x, y).over(groups, seed)


def of_items(kind: str, x: np.ndarray, y: np.ndarray) -> Statistic:
    """Returns the coefficient exactly, as a function of (draws, items) weights."""
    if kind == "pearson":
        pearson = moments(kind, x, y)
        return lambda weights: pearson.finish(weights @ pearson.columns)
    return _spearman(x, y) if kind == "spearman" else _kendall(x, y)


def moments(kind: str, x: np.ndarray, y: np.ndarray) -> Moments:
    """Returns the coefficient from sums over items; Spearman and Kendall to first order."""
    if kind == "pearson":
        x, y = standardise(x), standardise(y)
        return Moments(np.column_stack([np.ones(len(x)), x, y, x * x, y * y, x * y]), _pearson)
    parts = np.column_stack(linear_parts(kind, x, y))
    return Moments(parts, lambda sums: ratio(sums[:, 0], sums[:, 1], sums[:, 2]))


class LinearParts(NamedTuple):
    """Each item's part in a coefficient = mean(association) / sqrt(mean(spread_x) mean(spread_y)).

    Shape of each: (items,).
    """

    association: np.ndarray
    spread_x: np.ndarray
    spread_y: np.ndarray


def linear_parts(kind: str, x: np.ndarray, y: np.ndarray) -> LinearParts:
    """Returns each item's part in the numerator and in the two factors of the denominator.

    For Spearman and Kendall these are the Hoeffding projections of the V-statistics: an item moves
    the ranks of the others too.
    """
    if kind == "pearson":
        x, y = standardise(x), standardise(y)
        return LinearParts(x * y, x * x, y * y)
    if kind == "spearman":
        a, b = fractional_midranks(x), fractional_midranks(y)
        return LinearParts(
            _projection(x, y, a, b), _projection(x, x, a, a), _projection(y, y, b, b)
        )
    score, unlike_x, unlike_y = (
        2 * part - part.mean() for part in (concordance(x, y), share_unlike(x), share_unlike(y))
    )
    return LinearParts(score, unlike_x, unlike_y)


def standardise(values: np.ndarray) -> np.ndarray:
    """Scales to mean 0 and standard deviation 1 (divisor n)."""
    away = values - values.mean()
    away = away - away.mean()
    return away / np.sqrt(np.mean(away**2))


def ratio(above: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Returns above / sqrt(first * second), in [-1, 1]; NaN where a variance is zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        quotients = np.clip(above / np.sqrt(first * second), -1, 1)
    return np.where((first > _FLAT) & (second > _FLAT), quotients, np.nan)


def _drawn(total: np.ndarray) -> np.ndarray:
    """Returns the sum of the weights, NaN where nothing was drawn (tables of pairs: one
    language only).
    """
    return np.where(total > 0, total, np.nan)


def _pearson(sums: np.ndarray) -> np.ndarray:
    x, y, xx, yy, xy = (sums[:, 1:] / _drawn(sums[:, :1])).T
    return ratio(xy - x * y, xx - x * x, yy - y * y)


def _projection(x: np.ndarray, y: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Returns the parts of mean(a b) - 1/4, where a and b are the shares below x and y in one
    sample.
    """
    above_x = b.mean() - MidSums(x)(b[None])[0] / len(x)
    above_y = a.mean() - MidSums(y)(a[None])[0] / len(y)
    return a * b + above_x + above_y - 2 * np.mean(a * b) - 0.25


def _spearman(x: np.ndarray, y: np.ndarray) -> Statistic:
    below_x, below_y = MidSums(x), MidSums(y)

    def statistic(weights: np.ndarray) -> np.ndarray:
        total = _drawn(weights.sum(1))
        a, b = (below(weights) / total[:, None] - 0.5 for below in (below_x, below_y))
        means = [
            np.einsum("bi,bi,bi->b", weights, left, right) / total
            for left, right in ((a, b), (a, a), (b, b))
        ]
        return ratio(*means)

    return statistic


def _kendall(x: np.ndarray, y: np.ndarray) -> Statistic:
    left, right = signs(x), signs(y)
    kernels = (left * right, left * left, right * right)

    def statistic(weights: np.ndarray) -> np.ndarray:
        pairs = _drawn(weights.sum(1)) ** 2
        return ratio(*(((weights @ kernel) * weights).sum(1) / pairs for kernel in kernels))

    return statistic


def signs(values: np.ndarray) -> np.ndarray:
    """Returns sign(v_i - v_j). Shape: (items, items)."""
    return np.sign(values[:, None] - values[None, :])
