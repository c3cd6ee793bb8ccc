"""Which items belong together, and the checks every column of numbers passes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

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
        """At most `most` blocks: groups are thrown together at random, evenly.

        Sums of independent groups are independent, so a resampling of blocks has the same variance
        as one of groups, estimated from `most` values (2,000 give its root to about 1.6%).
        """
        if self.count <= most:
            return self
        block = np.random.default_rng(seed).permutation(self.count) % most
        return Groups(block[self.codes], most)


def grouped(groups: Names | None, items: int) -> Groups:
    """The groups by name, in order of the names; without names every item is its own.

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
    """A column of finite numbers as float64. Shape: (items,).

    Raises CctaError where it is not one-dimensional or a value is no number, missing or infinite.
    """
    try:
        found = np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise CctaError(f"{name} is not made of numbers: {error}; expected one an item") from None
    if found.ndim != 1:
        raise CctaError(f"{name} has the shape {found.shape}; expected one number an item")
    if not np.isfinite(found).all():
        place = int(np.argmin(np.isfinite(found)))
        raise CctaError(
            f"{name} has {found[place]} at place {place + 1}; leave items without a value out"
        )
    return found


def same_length(columns: dict[str, np.ndarray]) -> int:
    """How many items all columns have. Raises CctaError where they differ."""
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise CctaError(f"expected one value an item in every column: got {told}")
    return next(iter(lengths.values()))


def truths(values: Numbers, name: str) -> np.ndarray:
    """A column of right (1) and wrong (0). Raises CctaError on any other value."""
    found = column(values, name)
    strange = found[(found != 0) & (found != 1)]
    if len(strange):
        raise CctaError(f"{name} has {strange[0]}; expected 1 (right) or 0 (wrong) for each item")
    return found


def in_order(groups: Groups, *columns: np.ndarray) -> tuple[Groups, tuple[np.ndarray, ...]]:
    """Items by group, then by value: no result depends on the order in which items came."""
    keys = columns[::-1] if groups.single else (*columns[::-1], groups.codes)
    order = np.lexsort(keys)
    codes = groups.codes if groups.single else groups.codes[order]
    return Groups(codes, groups.count), tuple(values[order] for values in columns)


def varies(values: np.ndarray) -> bool:
    """Whether the numbers differ by more than rounding."""
    if not len(values):
        return False
    return bool(np.ptp(values) > 1e-12 * np.max(np.abs(values)))
