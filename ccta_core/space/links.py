"""Word links between two sides: mutual nearest neighbours (SimAlign's argmax)."""

from collections.abc import Set
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def mutual_links(similarity: np.ndarray) -> list[tuple[int, int]]:
    """One-to-one links (i, j) where each is the other's most similar unit.

    Shape: `similarity` (source units, target units).
    """
    forward, backward = similarity.argmax(1), similarity.argmax(0)
    return [(i, int(j)) for i, j in enumerate(forward) if backward[j] == i]


def alignment_error_rate(links: Set[T], sure: Set[T], possible: Set[T]) -> float:
    """AER = 1 - (|A & S| + |A & P|) / (|A| + |S|), with S inside P (Och and Ney, 2003)."""
    possible = possible | sure
    return 1 - (len(links & sure) + len(links & possible)) / max(1, len(links) + len(sure))
