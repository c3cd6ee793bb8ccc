"""Pearson, Spearman and Kendall under weights: what a resample's coefficient is.

Two forms. `of_items` gives the coefficient exactly for any weights of the items. `Moments` gives it
from sums over groups, which is fast for any number of items: exactly for Pearson, to first order
(ranks taken once, each item's influence on them kept) for Spearman and Kendall.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ccta_core.errors import CctaError
from ccta_core.statistics.groups import Groups
from ccta_core.statistics.ranks import MidSums, concordance, midshares, unlike
from ccta_core.statistics.resampling import BLOCKS, Statistic

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

    def over(self, groups: Groups, seed: int) -> tuple[Statistic, int]:
        """The statistic as a function of the weights of groups (or blocks), and their number."""
        blocks = groups.merged(BLOCKS, seed)
        sums = blocks.sums(self.columns)
        return lambda weights: self.finish(weights @ sums), blocks.count


def check_kind(kind: str, kinds: tuple[str, ...] = KINDS) -> None:
    """Raises CctaError on an unknown coefficient."""
    if kind not in kinds:
        raise CctaError(f"unknown correlation {kind!r}; choose {', '.join(kinds)}")


def over_groups(
    kind: str, x: np.ndarray, y: np.ndarray, groups: Groups, seed: int
) -> tuple[Statistic, int, int]:
    """The coefficient as a function of groups' weights; how many groups; columns it works on."""
    if kind != "pearson" and len(x) <= RANKED_ANEW[kind]:
        item = of_items(kind, x, y)
        return lambda weights: item(weights[:, groups.codes]), groups.count, len(x)
    statistic, count = moments(kind, x, y).over(groups, seed)
    return statistic, count, count


def of_items(kind: str, x: np.ndarray, y: np.ndarray) -> Statistic:
    """The coefficient exactly, as a function of (draws, items) weights."""
    if kind == "pearson":
        found = moments(kind, x, y)
        return lambda weights: found.finish(weights @ found.columns)
    return _spearman(x, y) if kind == "spearman" else _kendall(x, y)


def moments(kind: str, x: np.ndarray, y: np.ndarray) -> Moments:
    """The coefficient from sums over items; Spearman and Kendall to first order."""
    if kind == "pearson":
        x, y = standard(x), standard(y)
        return Moments(np.column_stack([np.ones(len(x)), x, y, x * x, y * y, x * y]), _pearson)
    parts = np.column_stack(linear_parts(kind, x, y))
    return Moments(parts, lambda sums: ratio(sums[:, 0], sums[:, 1], sums[:, 2]))


def linear_parts(
    kind: str, x: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each item's part in the numerator and the two denominators. Shape: three of (items,).

    Coefficient = mean(first) / sqrt(mean(second) mean(third)). For Spearman and Kendall these are
    the Hoeffding projections of the V-statistics: an item moves the ranks of the others too.
    """
    if kind == "pearson":
        x, y = standard(x), standard(y)
        return x * y, x * x, y * y
    if kind == "spearman":
        a, b = midshares(x), midshares(y)
        return _projection(x, y, a, b), _projection(x, x, a, a), _projection(y, y, b, b)
    score, unlike_x, unlike_y = (
        2 * part - part.mean() for part in (concordance(x, y), unlike(x), unlike(y))
    )
    return score, unlike_x, unlike_y


def standard(values: np.ndarray) -> np.ndarray:
    """Mean 0 and standard deviation 1 (with n below)."""
    away = values - values.mean()
    away = away - away.mean()
    return away / np.sqrt(np.mean(away**2))


def ratio(above: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The first by the root of the others' product, in [-1, 1]; NaN where a variance is zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.clip(above / np.sqrt(first * second), -1, 1)
    return np.where((first > _FLAT) & (second > _FLAT), found, np.nan)


def _drawn(total: np.ndarray) -> np.ndarray:
    """The sum of the weights, NaN where nothing was drawn (tables of pairs: one language only)."""
    return np.where(total > 0, total, np.nan)


def _pearson(sums: np.ndarray) -> np.ndarray:
    x, y, xx, yy, xy = (sums[:, 1:] / _drawn(sums[:, :1])).T
    return ratio(xy - x * y, xx - x * x, yy - y * y)


def _projection(x: np.ndarray, y: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Parts of mean(a b) - 1/4, where a and b are the shares below x and y of the same sample."""
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
    """sign(v_i - v_j). Shape: (items, items)."""
    return np.sign(values[:, None] - values[None, :])
