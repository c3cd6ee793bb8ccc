"""Orders in which units are removed, and what the model's replies along one say of it.

A set of removed units is an integer whose bit u is set where unit u is removed.
"""

import zlib
from collections.abc import Mapping, Sequence

import numpy as np

from ccta_core.types import Unit

Order = tuple[int, ...]


def order_of(masses: np.ndarray, ties: np.ndarray) -> Order:
    """Units in descending order of mass; equal masses as `ties` ranks them. Shape: (units,)."""
    return tuple(np.lexsort((ties, -masses)).tolist())


def random_orders(n: int, draws: int, seed: int, name: str) -> list[np.ndarray]:
    """`draws` permutations of n units, the same for the same seed and name."""
    generator = np.random.default_rng([seed, zlib.crc32(name.encode("utf-8"))])
    return [generator.permutation(n) for _ in range(draws)]


def lengths_of(units: Sequence[Unit]) -> np.ndarray:
    """Characters of every unit: what a ranking by word length goes by. Shape: (units,)."""
    return np.array([unit.end - unit.start for unit in units], dtype=float)


def removed_sets(order: Order) -> list[int]:
    """The sets that are removed one after another: of one unit, of two, up to all."""
    removed, sets = 0, []
    for unit in order:
        removed |= 1 << unit
        sets.append(removed)
    return sets


def aopc(values: Mapping[int, float], order: Order) -> float:
    """The area over the perturbation curve: f(x) - mean over k of f(x without the first k units).

    All steps count, k = 1 to n (Samek et al., 2017; ERASER's comprehensiveness, DeYoung et al.,
    2020, without its bins). Of the order turned round it is ERASER's sufficiency, f(x) - mean of
    f(the first k units alone), k = 0 to n - 1: both are one functional of an order.
    """
    return values[0] - float(np.mean([values[removed] for removed in removed_sets(order)]))


def flip_rank(kept: Mapping[int, bool], order: Order) -> float | None:
    """The share of units removed until the explained class is no longer predicted; never: 1.

    None where it is not predicted of the whole text either.
    """
    if not kept[0]:
        return None
    for step, removed in enumerate(removed_sets(order), 1):
        if not kept[removed]:
            return step / len(order)
    return 1.0


def deletion_curve(values: Mapping[int, float], order: Order) -> list[float]:
    """The values after 0 to n units are removed. Shape: (n + 1,)."""
    return [values[removed] for removed in (0, *removed_sets(order))]


def insertion_curve(values: Mapping[int, float], order: Order) -> list[float]:
    """The values with the first 0 to n units alone. Shape: (n + 1,)."""
    return deletion_curve(values, order[::-1])[::-1]
