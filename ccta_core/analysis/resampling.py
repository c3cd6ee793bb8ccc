"""Groups dependent items and draws whole groups for intervals: BCa, percentiles for few groups."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import norm

from ccta_core.errors import CctaError

Numbers = np.ndarray | Sequence[float]
Names = np.ndarray | Sequence[str]


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """The group of every item: items of one group depend on each other, groups do not.

    Shape: `codes` (items,), integers from 0 to `count` - 1, each of them used.
    """

    codes: np.ndarray
    count: int

    @property
    def items(self) -> int:
        """How many items there are."""
        return len(self.codes)

    @property
    def sizes(self) -> np.ndarray:
        """Items of each group. Shape: (groups,)."""
        return np.bincount(self.codes, minlength=self.count)

    @property
    def single(self) -> bool:
        """Whether every item is a group of its own."""
        return self.count == len(self.codes)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sums over each group. Shape: (items, columns) -> (groups, columns)."""
        columns = [
            np.bincount(self.codes, weights=column, minlength=self.count) for column in values.T
        ]
        return np.column_stack(columns)

    def merged(self, most: int, seed: int) -> "Groups":
        """Merges groups at random and evenly into at most `most` blocks.

        Sums of independent groups are independent, so a resampling of blocks has the same variance
        as one of groups, estimated from `most` values (2,000 give its root to about 1.6%).
        """
        if self.count <= most:
            return self
        block = np.random.default_rng(seed).permutation(self.count) % most
        return Groups(block[self.codes], most)


def grouped(groups: Names | None, items: int) -> Groups:
    """Returns the groups by name, in order of the names; without names every item is its own.

    Raises CctaError on another number of names than items, and on a missing name.
    """
    if groups is None:
        return Groups(np.arange(items), items)
    if len(groups) != items:
        raise CctaError(f"expected one group an item: got {len(groups)} groups for {items} items")
    codes, names = pd.factorize(np.asarray(groups, object), sort=True)
    if items and codes.min() < 0:
        raise CctaError(
            f"item {int(np.argmin(codes)) + 1} has no group; name each item's premise or paragraph"
        )
    return Groups(codes, len(names))


def column(values: Numbers, name: str) -> np.ndarray:
    """Returns a column of finite numbers as float64. Shape: (items,).

    Raises CctaError where it is not one-dimensional or a value is no number, missing or infinite.
    """
    try:
        numbers = np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise CctaError(f"{name} is not made of numbers: {error}; expected one an item") from None
    if numbers.ndim != 1:
        raise CctaError(f"{name} has the shape {numbers.shape}; expected one number an item")
    if not np.isfinite(numbers).all():
        place = int(np.argmin(np.isfinite(numbers)))
        raise CctaError(
            f"{name} has {numbers[place]} at place {place + 1}; leave items without a value out"
        )
    return numbers


def same_length(columns: dict[str, np.ndarray]) -> int:
    """Returns how many items all columns have. Raises CctaError where they differ."""
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        listing = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise CctaError(f"expected one value an item in every column: got {listing}")
    return next(iter(lengths.values()))


def read_outcomes(values: Numbers, name: str) -> np.ndarray:
    """Returns a column of right (1) and wrong (0). Raises CctaError on any other value."""
    outcomes = column(values, name)
    strange = outcomes[(outcomes != 0) & (outcomes != 1)]
    if len(strange):
        raise CctaError(f"{name} has {strange[0]}; expected 1 (right) or 0 (wrong) for each item")
    return outcomes


def in_order(groups: Groups, *columns: np.ndarray) -> tuple[Groups, tuple[np.ndarray, ...]]:
    """Sorts items by group, then by value: no result depends on the order in which items came."""
    keys = columns[::-1] if groups.single else (*columns[::-1], groups.codes)
    order = np.lexsort(keys)
    codes = groups.codes if groups.single else groups.codes[order]
    return Groups(codes, groups.count), tuple(values[order] for values in columns)


def varies(values: np.ndarray) -> bool:
    """Returns whether the numbers differ by more than rounding."""
    if not len(values):
        return False
    return bool(np.ptp(values) > 1e-12 * np.max(np.abs(values)))


DRAWS = 2000
"""Bootstrap draws and permutations unless told otherwise."""
BLOCKS = 2000
"""More groups than this are thrown together where only their sums are needed."""
FEW = 10
"""Below this number of groups an interval is marked unreliable."""
_ROOM = 2_000_000
"""Numbers held at once: bounds the memory."""
_TIE = 1e-10
_UNDEFINED = 0.05
"""A larger share of draws without a value makes an interval unreliable."""

Statistic = Callable[[np.ndarray], np.ndarray]
"""(draws, groups) weights -> (draws,) values, NaN where a draw has none."""


class GroupStatistic(NamedTuple):
    """A statistic as a function of the weights of `n_groups` groups (or blocks of groups).

    `width` is how many numbers one draw works on: it bounds the memory.
    """

    statistic: Statistic
    n_groups: int
    width: int


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95% interval; None where there is none. `notice` says what is wrong with it, or nothing."""

    low: float | None
    high: float | None
    method: str
    reliable: bool
    notice: str = ""


def bootstrap_interval(
    statistic: Statistic, count: int, *, draws: int, seed: int, width: int = 0
) -> Interval:
    """Returns the 95% interval of a statistic of `count` groups, whole groups drawn.

    From 10 groups on BCa, bias-corrected and accelerated (Efron, 1987), the acceleration from the
    jackknife over groups; below that the percentiles of the draws, marked unreliable. A draw
    without a value (a resample that does not vary) is left out. `width` is the number of columns
    the statistic works on, if larger than `count`: it bounds the memory.
    """
    if count < 3:
        return Interval(None, None, "no interval", False, f"no interval from {count} groups")
    rows = chunk(max(width, count))
    values = np.concatenate([statistic(w) for w in _weights(count, draws, seed, rows)])
    values, undefined = values[np.isfinite(values)], np.mean(~np.isfinite(values))
    if not len(values):
        return Interval(None, None, "no interval", False, "no resample has a value")
    notices = []
    if undefined > _UNDEFINED:
        notices.append(f"{undefined:.0%} of the resamples have no value and are left out")
    ends, method = np.array([0.025, 0.975]), "percentile"
    if count < FEW:
        notices.append(f"only {count} independent units: the interval is unreliable")
    elif np.ptp(values) <= _TIE:
        notices.append("every resample gives the same value: the interval is unreliable")
    else:
        bca_ends = _bca_ends(values, statistic, count, rows)
        if bca_ends is None:
            notices.append("the bias correction is undefined: percentiles instead")
        else:
            ends, method = bca_ends, "BCa"
    low, high = (float(end) for end in np.quantile(values, ends))
    return Interval(low, high, method, not notices, "; ".join(notices))


def chunk(width: int) -> int:
    """Returns how many rows of `width` numbers are held at once."""
    return max(1, _ROOM // max(1, width))


def group_weights(count: int, draws: int, seed: int, width: int = 0) -> Iterator[np.ndarray]:
    """Returns how often each group is drawn, some draws at a time. Shape: (some, groups)."""
    return _weights(count, draws, seed, chunk(max(width, count)))


def _weights(count: int, draws: int, seed: int, rows: int) -> Iterator[np.ndarray]:
    generator = np.random.default_rng(seed)
    for start in range(0, draws, rows):
        some = min(rows, draws - start)
        drawn = generator.integers(0, count, (some, count))
        drawn += np.arange(some)[:, None] * count
        flat = np.bincount(drawn.ravel(), minlength=some * count)
        yield flat.reshape(some, count).astype(np.float64)


def _bca_ends(values: np.ndarray, statistic: Statistic, count: int, rows: int) -> np.ndarray | None:
    """Returns the two shares of the draws between which the interval lies; None where undefined."""
    estimate = statistic(np.ones((1, count)))[0]
    below = np.mean(values < estimate - _TIE) / 2 + np.mean(values <= estimate + _TIE) / 2
    if not 0 < below < 1:
        return None
    bias, speed = norm.ppf(below), _acceleration(statistic, count, rows)
    z = bias + norm.ppf([0.025, 0.975])
    shrink = 1 - speed * z
    if (shrink <= 0).any():
        return None
    return norm.cdf(bias + z / shrink)


def _acceleration(statistic: Statistic, count: int, rows: int) -> float:
    """Returns the skewness of the jackknife over groups, by 6: sum d^3 / (6 (sum d^2)^1.5)."""
    parts = []
    for start in range(0, count, rows):
        some = min(rows, count - start)
        weights = np.ones((some, count))
        weights[np.arange(some), np.arange(start, start + some)] = 0
        parts.append(statistic(weights))
    left = np.concatenate(parts)
    left = left[np.isfinite(left)]
    away = left.mean() - left if len(left) else left
    spread = float(np.sum(away**2))
    return float(np.sum(away**3)) / (6 * spread**1.5) if spread > _TIE**2 else 0.0
