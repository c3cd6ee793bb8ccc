"""Computes bootstrap intervals in which whole groups are drawn."""

from collections.abc import Iterator, Sequence

import numpy as np

from ccta_core.errors import CctaError

DRAWS = 2000
_ROOM = 4_000_000
"""Indices drawn at once: bounds the memory."""


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
    ratios = np.concatenate([_ratios(above, below, rows) for rows in _draws(len(above))])
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


def _draws(count: int) -> Iterator[np.ndarray]:
    """Yields indices of `count` groups drawn with replacement, some rows at a time: DRAWS rows
    in all.
    """
    generator = np.random.default_rng(0)
    step = max(1, _ROOM // count)
    for start in range(0, DRAWS, step):
        yield generator.integers(0, count, (min(step, DRAWS - start), count))


def _ratios(above: np.ndarray, below: np.ndarray, rows: np.ndarray) -> np.ndarray:
    tops, bottoms = above[rows].sum(1), below[rows].sum(1)
    defined = bottoms > 0
    return tops[defined] / bottoms[defined]
