"""Ranks under weights, without sorting again: what a resample's ranks are."""

import numpy as np


class MidSums:
    """For every item, the weight below it plus half the weight at its value, in one order.

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
        """Shape: (draws, items) weights -> (draws, items) sums."""
        total = np.zeros((len(weights), weights.shape[1] + 1))
        np.cumsum(weights[:, self.order], axis=1, out=total[:, 1:])
        found = np.empty_like(weights, np.float64)
        found[:, self.order] = (total[:, self._starts] + total[:, self._ends]) / 2
        return found


def midshares(values: np.ndarray) -> np.ndarray:
    """(midrank - 1/2) / n of every item, in (0, 1); their mean is one half. Shape: (items,)."""
    return MidSums(values)(np.ones((1, len(values))))[0] / len(values)


def concordance(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Mean over all j of sign(x_i - x_j) sign(y_i - y_j), for each item i. Shape: (items,).

    Counting is n log n: pairs to the lower left by halving the ranks, the others by subtraction.
    """
    count = len(x)
    (code_x, low_x, same_x), (code_y, low_y, same_y) = _places(x), _places(y)
    _, low_both, same = _places(code_x * count + code_y)
    _, low_turned, _ = _places(code_y * count + code_x)
    # Ties: items of the same x further down, items of the same y further left.
    beneath, beside = low_both - low_x, low_turned - low_y
    low_left = _dominated(code_x, code_y)
    high_left = low_x - low_left - beside
    low_right = low_y - low_left - beneath
    high_right = (count - low_x - same_x) - low_right - (same_y - beside - same)
    return (low_left + high_right - high_left - low_right) / count


def unlike(values: np.ndarray) -> np.ndarray:
    """The share of items with another value, for each item. Shape: (items,)."""
    return 1 - _places(values)[2] / len(values)


def _places(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each item: its value's place among the values, items below it, items that equal it."""
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    return codes, (np.cumsum(counts) - counts)[codes], counts[codes]


def _dominated(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """How many items have a smaller x and a smaller y, for each item.

    Items stand in the order of x, equal x from high to low y, so that "before, with a smaller y" is
    what is asked for. Bit by bit from the top, two items whose ys first differ in this bit are
    counted here: the one with the bit set is the larger.
    """
    place = np.lexsort((-y, x))
    ranks = y[place]
    counts = np.zeros(len(x), np.int64)
    order = np.arange(len(x))
    for bit in range(int(ranks.max(initial=0)).bit_length() - 1, -1, -1):
        key = ranks[order]
        one = (key >> bit) & 1
        zeros = np.cumsum(1 - one) - (1 - one)
        prefix = key >> (bit + 1)
        first = np.concatenate([[True], prefix[1:] != prefix[:-1]])
        before = np.maximum.accumulate(np.where(first, zeros, 0))
        counts[order] += one * (zeros - before)
        order = order[np.argsort(key >> bit, kind="stable")]
    found = np.empty_like(counts)
    found[place] = counts
    return found
