"""Masses dealt out anew within the segments of a text: at random, or in every way there is."""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np

MOST_DRAWS = 6399
"""Arrangements of a pair's masses that are looked at: all, where there are no more."""


@dataclass(frozen=True, slots=True, eq=False)
class SideMass:
    """One side of a comparison: its masses, and of its units what the controls need.

    Shape: every array is (units,); `mass` sums to 1, `scores` are signed.
    """

    mass: np.ndarray
    scores: np.ndarray
    segments: np.ndarray
    subword_counts: np.ndarray


class Arrangements(NamedTuple):
    """Masses of both sides, an arrangement of both a row.

    Shape: `source` (arrangements, source units), `target` (arrangements, target units).
    """

    source: np.ndarray
    target: np.ndarray


def every_arrangement(source: SideMass, target: SideMass) -> Arrangements:
    """Returns both sides' masses in every distinct arrangement within their segments, all
    combinations.

    Permutations that only exchange equal masses are one arrangement; every arrangement stands for
    as many permutations.
    """
    ways_s, ways_t = _all_arrangements(source), _all_arrangements(target)
    return Arrangements(np.repeat(ways_s, len(ways_t), axis=0), np.tile(ways_t, (len(ways_s), 1)))


def few_arrangements(source: SideMass, target: SideMass) -> bool:
    """Returns whether all arrangements of both sides' masses are few enough to go through."""
    return _count_arrangements(source) * _count_arrangements(target) <= MOST_DRAWS


def shuffled_masses(
    source: SideMass, target: SideMass, shuffles: int, draw: np.random.Generator
) -> Arrangements:
    """Returns both sides' masses permuted within their segments, a draw a row: of each draw the
    source's first, then the target's.
    """
    sides = (source, target)
    places = [segment_units(side) for side in sides]
    moved = Arrangements(*(np.empty((shuffles, len(side.mass))) for side in sides))
    for row in range(shuffles):
        for side, segments, into in zip(sides, places, moved, strict=True):
            for where in segments:
                into[row, where] = side.mass[draw.permutation(where)]
    return moved


def segment_units(side: SideMass) -> list[np.ndarray]:
    """Returns the units of each segment."""
    return [np.flatnonzero(side.segments == segment) for segment in np.unique(side.segments)]


def _mass_kinds(masses: np.ndarray) -> list[int]:
    """Numbers the units so that equal masses have the same number."""
    return np.unique(np.round(masses, 12), return_inverse=True)[1].tolist()


def _count_arrangements(side: SideMass) -> int:
    """Counts the distinct ways to deal the masses out within the segments."""
    ways = 1
    for where in segment_units(side):
        kinds = _mass_kinds(side.mass[where])
        ways *= math.factorial(len(kinds))
        for count in Counter(kinds).values():
            ways //= math.factorial(count)
    return ways


def _all_arrangements(side: SideMass) -> np.ndarray:
    """Returns the masses in every distinct arrangement. Shape: (arrangements, units)."""
    places = segment_units(side)
    orders = [list(_orders(_mass_kinds(side.mass[where]))) for where in places]
    rows = np.empty((math.prod(map(len, orders)), len(side.mass)))
    for row, chosen in zip(rows, product(*orders), strict=True):
        for where, order in zip(places, chosen, strict=True):
            row[where] = side.mass[where][order]
    return rows


def _orders(kinds: list[int]) -> Iterator[list[int]]:
    """Yields orders of the units, one for each distinct sequence of their kinds,
    lexicographically.
    """
    units = [
        [unit for unit, kind in enumerate(kinds) if kind == wanted] for wanted in sorted({*kinds})
    ]
    sequence = sorted(kinds)
    while True:
        unused = [iter(of_kind) for of_kind in units]
        yield [next(unused[kind]) for kind in sequence]
        # The next sequence: raise the last entry that can be, put what follows in order.
        rising = [left for left in range(len(sequence) - 1) if sequence[left] < sequence[left + 1]]
        if not rising:
            return
        pivot = rising[-1]
        to = max(place for place in range(len(sequence)) if sequence[place] > sequence[pivot])
        sequence[pivot], sequence[to] = sequence[to], sequence[pivot]
        sequence[pivot + 1 :] = sequence[:pivot:-1]
