"""Links words: mutual nearest neighbours (SimAlign's argmax), or the largest flows of a plan."""

from collections.abc import Iterator, Sequence, Set
from typing import TypeVar

import numpy as np

from ccta_core.space.maps import normal

T = TypeVar("T")
Links = list[tuple[int, int]]
_CELLS = 1_000_000
"""Similarities in one padded batch: 8 MB of float64."""
_ROUNDING = 9
"""Decimals of a flow: what differs by less is a tie."""


def mutual_links(similarity: np.ndarray) -> Links:
    """Returns one-to-one links (i, j) where each is the other's most similar unit.

    Shape: `similarity` (source units, target units).
    """
    forward, backward = similarity.argmax(1), similarity.argmax(0)
    return [(i, int(j)) for i, j in enumerate(forward) if backward[j] == i]


def mutual_links_batch(sources: Sequence[np.ndarray], targets: Sequence[np.ndarray]) -> list[Links]:
    """Returns the mutual links of many sentence pairs by cosine, in order: `mutual_links` of each
    alone.

    Shape: each of `sources` and `targets` is (units, width). Pairs of similar size are padded and
    solved together; padding is never linked.
    """
    links: list[Links] = [[] for _ in sources]
    for batch in _batches([(len(s), len(t)) for s, t in zip(sources, targets, strict=True)]):
        left = _padded([normal(sources[index]) for index in batch])
        right = _padded([normal(targets[index]) for index in batch])
        cosines = np.clip(left @ right.transpose(0, 2, 1), -1.0, 1.0)
        rows = np.array([len(sources[index]) for index in batch])
        columns = np.array([len(targets[index]) for index in batch])
        real_row = np.arange(cosines.shape[1]) < rows[:, None]
        real_column = np.arange(cosines.shape[2]) < columns[:, None]
        cosines[~(real_row[:, :, None] & real_column[:, None, :])] = -np.inf
        forward, backward = cosines.argmax(2), cosines.argmax(1)
        back = np.take_along_axis(backward, forward, axis=1)
        mutual = (back == np.arange(cosines.shape[1])) & real_row
        for index, kept, best in zip(batch, mutual, forward, strict=True):
            links[index] = [(int(i), int(best[i])) for i in np.flatnonzero(kept)]
    return links


def plan_links(plan: np.ndarray, similarity: np.ndarray) -> Links:
    """Returns one-to-one links (i, j) where T_ij > 0 is the largest flow of its row and of its
    column.

    Flows equal to nine decimals are a tie, which the more similar pair wins. Shape: both
    (source units, target units).
    """
    flows = np.round(plan, _ROUNDING)
    ranked = np.where(flows > 0, flows + 10.0 ** -(_ROUNDING + 2) * similarity, -np.inf)
    return [(i, j) for i, j in mutual_links(ranked) if flows[i, j] > 0]


def one_to_one(links: Set[tuple[int, int]]) -> Links:
    """Returns the links whose two words have no other link."""
    lefts, rights = [i for i, _ in links], [j for _, j in links]
    return sorted((i, j) for i, j in links if lefts.count(i) == 1 and rights.count(j) == 1)


def alignment_error_rate(links: Set[T], sure: Set[T], possible: Set[T]) -> float:
    """Returns AER = 1 - (|A & S| + |A & P|) / (|A| + |S|), with S inside P (Och and Ney, 2003)."""
    possible = possible | sure
    return 1 - (len(links & sure) + len(links & possible)) / max(1, len(links) + len(sure))


def _batches(sizes: Sequence[tuple[int, int]]) -> Iterator[list[int]]:
    """Yields indices grouped by size, each group within the budget of cells, padding included."""
    batch: list[int] = []
    rows = columns = 0
    for index in sorted(range(len(sizes)), key=lambda index: sizes[index]):
        n, m = max(rows, sizes[index][0]), max(columns, sizes[index][1])
        if batch and n * m * (len(batch) + 1) > _CELLS:
            yield batch
            batch, (n, m) = [], sizes[index]
        batch.append(index)
        rows, columns = n, m
    if batch:
        yield batch


def _padded(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Stacks (units, width) arrays of unequal length, zeros at the end."""
    stacked = np.zeros((len(rows), max(map(len, rows)), rows[0].shape[1]))
    for into, row in zip(stacked, rows, strict=True):
        into[: len(row)] = row
    return stacked
