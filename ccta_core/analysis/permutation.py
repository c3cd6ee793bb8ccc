"""Computes p-values by permuting one side, whole groups at a time, or by turning groups' signs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ccta_core.analysis.coefficients import fractional_midranks, linear_parts, signs, standardise
from ccta_core.analysis.resampling import BLOCKS, FEW, Groups, chunk

EXACT_SIGNS = 12
"""Up to so many groups every combination of signs is tried."""
_WORK = 30_000_000
"""Numbers to be touched by all permutations: with more, groups' signs are turned instead."""
_PARTNERS = 5
_MOVABLE = 0.9
_TIE = 1e-9

Score = Callable[[np.ndarray], np.ndarray]
"""(arrangements, items) indices -> (arrangements,) values: item i gets the value of index[i]."""


@dataclass(frozen=True, slots=True)
class PValue:
    """A two-sided p-value and how it was found."""

    p: float | None
    method: str


def association_p(  # noqa: PLR0913 - the question, whose groups, the resampling
    kind: str, x: np.ndarray, y: np.ndarray, groups: Groups, *, draws: int, seed: int
) -> PValue:
    """Tests the hypothesis that x and y are not associated, groups respected.

    - Fewer than 10 items, each its own group: all n! arrangements of y (exact).
    - Else, where nine items in ten are in groups whose size five groups or more share, and the work
      is bounded: a group's values of y go, together, to another group of the same size, in random
      order within it. What the items of a group have in common stays together on both sides.
      p = (1 + as extreme) / (1 + draws).
    - Else (uneven groups, or very many items): the part of each group in the numerator has its
      sign turned at random (Hemerik, Goeman and Finos, 2020); all combinations for up to 12 groups.
    Under the hypothesis y does not depend on x; unequal variances alone can lower p.
    """
    depth = len(x) if kind == "kendall" else 1
    if rearrangeable(groups, draws, depth):
        score = association_score(kind, x, y)
        return rearranged_p(score, groups, draws=draws, seed=seed, depth=depth)
    return sign_test(linear_parts(kind, x, y).association, groups, draws=draws, seed=seed)


def rearrangeable(groups: Groups, draws: int, depth: int = 1) -> bool:
    """Returns whether groups can change places: few items, or sizes shared and the work bounded.

    `depth`: numbers touched for an item of one arrangement.
    """
    if groups.single and groups.count < FEW:
        return True
    # Nearly all items must be in groups whose size several groups share, or few could move.
    sizes = groups.sizes
    shared = np.bincount(sizes)[sizes] >= _PARTNERS
    movable = bool(sizes[shared].sum() >= _MOVABLE * groups.items)
    return movable and groups.items * draws * depth <= _WORK


def rearranged_p(score: Score, groups: Groups, *, draws: int, seed: int, depth: int = 1) -> PValue:
    """Tests a score (0 where there is no association) by letting groups change places."""
    if groups.single and groups.count < FEW:
        orders = all_orders(groups.items, groups.items * depth)
        return PValue(arrangement_p(score, orders, exact=True), "exact permutation")
    orders = group_orders(groups, draws, seed, depth)
    what = "permutation" if groups.single else "permutation of whole groups"
    return PValue(arrangement_p(score, orders, exact=False), what)


def sign_test(parts: np.ndarray, groups: Groups, *, draws: int, seed: int) -> PValue:
    """Tests the hypothesis that the sum of the parts is zero by turning the signs of groups' sums.

    Shape: `parts` (items,). More than 2,000 groups are thrown together at random first.
    """
    blocks = groups.merged(BLOCKS, seed)
    sums = blocks.sums(parts[:, None])[:, 0]
    size = np.abs(sums).sum()
    if size == 0:
        return PValue(1.0, "signs of groups turned")
    hit = tried = 0
    for turned in sign_rows(blocks.count, draws, seed):
        hit += int(np.sum(np.abs(turned @ sums) >= abs(sums.sum()) - _TIE * size))
        tried += len(turned)
    if blocks.count <= EXACT_SIGNS:
        return PValue(hit / tried, "signs of groups turned, exact")
    return PValue((1 + hit) / (1 + tried), "signs of groups turned")


def sign_rows(count: int, draws: int, seed: int) -> Iterator[np.ndarray]:
    """Yields rows of 1 and -1, all of them for up to 12 groups, else `draws` random ones."""
    if count <= EXACT_SIGNS:
        bits = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
        yield 1.0 - 2 * bits
        return
    generator = np.random.default_rng(seed)
    rows = chunk(count)
    for start in range(0, draws, rows):
        drawn = generator.integers(0, 2, (min(rows, draws - start), count), np.int8)
        yield 1.0 - 2 * drawn


def all_orders(count: int, width: int = 0) -> Iterator[np.ndarray]:
    """Yields all n! orders, in parts. Shape: (some, n).

    `width` bounds the memory: numbers held for an order.
    """
    orders = np.zeros((1, 0), np.int64)
    for new in range(count):
        orders = np.concatenate(
            [np.insert(orders, position, new, axis=1) for position in range(new + 1)]
        )
    rows = chunk(max(count, width))
    for start in range(0, len(orders), rows):
        yield orders[start : start + rows]


def group_orders(groups: Groups, draws: int, seed: int, depth: int = 1) -> Iterator[np.ndarray]:
    """Yields random orders that move whole groups to groups of the same size. Shape: (some, items).

    Items of a group stay together and are shuffled within it; a group whose size no other has stays
    where it is. `depth` bounds the memory: numbers held for an item.
    """
    generator = np.random.default_rng(seed)
    by_group = np.argsort(groups.codes, kind="stable")
    sizes = groups.sizes
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    slots = [by_group[first[sizes == size][:, None] + np.arange(size)] for size in np.unique(sizes)]
    rows = chunk(groups.items * depth)
    for start in range(0, draws, rows):
        some = min(rows, draws - start)
        order = np.empty((some, groups.items), np.int64)
        for slot in slots:  # (groups of this size, size)
            places = np.tile(np.arange(len(slot)), (some, 1))
            moved = slot[generator.permuted(places, axis=1)]
            if slot.shape[1] > 1:
                moved = generator.permuted(moved, axis=2)
            order[:, slot.ravel()] = moved.reshape(some, -1)
        yield order


def arrangement_p(score: Score, orders: Iterator[np.ndarray], *, exact: bool) -> float:
    """Returns the share of orders whose score is at least as far from zero as that of the data.

    `exact` says that `orders` are all there are; else the data count as one more.
    """
    hit = tried = 0
    observed: float | None = None
    for order in orders:
        if observed is None:
            observed = abs(float(score(np.arange(order.shape[1])[None])[0]))
        hit += int(np.sum(np.abs(score(order)) >= observed - _TIE))
        tried += len(order)
    return hit / tried if exact else (1 + hit) / (1 + tried)


def association_score(kind: str, x: np.ndarray, y: np.ndarray) -> Score:
    """Returns the numerator of the coefficient: its denominator is the same in every
    arrangement.
    """
    if kind == "kendall":
        left, right = signs(x), signs(y)
        pairs = len(x) * len(x)

        def concordant(order: np.ndarray) -> np.ndarray:
            moved = right[order[:, :, None], order[:, None, :]]
            return np.tensordot(moved, left, axes=([1, 2], [0, 1])) / pairs

        return concordant
    if kind == "spearman":
        x, y = fractional_midranks(x), fractional_midranks(y)
    left, right = standardise(x) / len(x), standardise(y)
    return lambda order: right[order] @ left
