"""Computes p-values by permuting one side, whole groups at a time, or by turning groups' signs.

A verdict must not hang on a seed. Where all arrangements can be counted they are; turned signs have
their distribution computed (no seed at all, up to 400 groups); permutations are drawn until the
decision at .05 is stable, and what is left of their Monte-Carlo error is told as `PValue.error`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import beta

from ccta_core.analysis.coefficients import fractional_midranks, linear_parts, signs, standardise
from ccta_core.analysis.resampling import BLOCKS, FEW, Groups, chunk

EXACT_SIGNS = 12
"""Up to so many groups every combination of signs is tried."""
GRID_SIGNS = 400
"""Up to so many groups the distribution over all combinations of signs is computed on a grid."""
_CELLS = 2**18
"""Cells of the grid: with 66 groups p is then known within about .0002 at .05."""
_MOST_DRAWS = 1_000_000
"""Permutations at the most, for a decision that stays open."""
_MOST_WORK = 60_000_000
"""Numbers touched at the most by permutations whose decision stays open: a few seconds."""
LEVEL = 0.05
"""What is decided by a p-value, before or after Holm's correction."""
_ENOUGH_WORK = 14_000_000
"""Numbers touched at the most for the digits of a p whose side of .05 is sure."""
_PRECISE = 400
"""Arrangements as extreme as the data from which p is known to 5% of itself."""
_OPEN = 0.001
"""The chance that a decision that is called stable is another one with all permutations [ours]."""
_WORK = 30_000_000
"""Numbers to be touched by all permutations: with more, groups' signs are turned instead."""
_PARTNERS = 5
_MOVABLE = 0.9
_TIE = 1e-9

Score = Callable[[np.ndarray], np.ndarray]
"""(arrangements, items) indices -> (arrangements,) values: item i gets the value of index[i]."""


@dataclass(frozen=True, slots=True)
class PValue:
    """A two-sided p-value and how it was found.

    `error` is the Monte-Carlo standard error of p: 0 where all arrangements count, None without p.
    """

    p: float | None
    method: str
    error: float | None = None


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
        return PValue(arrangement_p(score, orders), "exact permutation", 0.0)
    what = "permutation" if groups.single else "permutation of whole groups"
    test = settled_p(
        score,
        lambda drawn, stream: group_orders(groups, drawn, stream, depth),
        draws=draws,
        seed=seed,
        width=groups.items * depth,
    )
    return PValue(test.p, what, test.error)


def settled_p(
    score: Score,
    orders: Callable[[int, int], Iterator[np.ndarray]],
    *,
    draws: int,
    seed: int,
    width: int,
) -> PValue:
    """Draws arrangements until the decision at .05 no longer hangs on the seed.

    `orders(draws, seed)` yields that many random arrangements, `width` is how many numbers one
    touches. The first `draws` are doubled until `is_settled`; a p surely below .05 is then drawn on
    to a standard error of 5% of itself, for Holm's correction (or 14 million numbers). At the most
    a million draws or 60 million numbers. p = (1 + as extreme) / (1 + draws).
    """
    most = max(draws, min(_MOST_DRAWS, _MOST_WORK // width))
    looks = int(np.ceil(np.log2(most / draws))) + 1
    hit = tried = 0
    observed: float | None = None
    for look in range(looks):
        wanted = min(most, draws * 2**look)
        # A stream of its own for each look: what was drawn before stays, and counts.
        for order in orders(wanted - tried, seed if look == 0 else seed_of_look(seed, look)):
            if observed is None:
                observed = abs(float(score(np.arange(order.shape[1])[None])[0]))
            hit += int(np.sum(np.abs(score(order)) >= observed - _TIE))
        tried = wanted
        precise = hit / tried > LEVEL or hit >= _PRECISE or tried * width >= _ENOUGH_WORK
        if is_settled(hit, tried, looks) and precise:
            break
    p = (1 + hit) / (1 + tried)
    return PValue(p, "permutation", float(np.sqrt(p * (1 - p) / tried)))


def seed_of_look(seed: int, stream: int) -> int:
    """Returns the seed of another stream of draws of the same test."""
    return int(np.random.SeedSequence([seed, stream]).generate_state(1)[0])


def is_settled(hit: int, tried: int, looks: int) -> bool:
    """Returns whether a share of `hit` in `tried` draws is surely on one side of .05.

    An interval of the share (Clopper and Pearson, 1934; Bonferroni over the looks, the idea is
    Gandy's, 2009) excludes .05: another seed decides otherwise with probability .001 at most.
    """
    tail = _OPEN / (2 * looks)
    low = beta.ppf(tail, hit, tried - hit + 1) if hit else 0.0
    high = beta.ppf(1 - tail, hit + 1, tried - hit) if hit < tried else 1.0
    return bool(low > LEVEL or high < LEVEL)


def sign_test(parts: np.ndarray, groups: Groups, *, draws: int, seed: int) -> PValue:
    """Tests the hypothesis that the sum of the parts is zero by turning the signs of groups' sums.

    Shape: `parts` (items,). All combinations up to 12 groups; up to 400 the distribution of the sum
    over all 2^groups combinations (`sign_distribution_p`): neither has a seed. Beyond, combinations
    are drawn until the decision at .05 is stable; more than 2,000 groups are thrown together at
    random first.
    """
    blocks = groups.merged(BLOCKS, seed)
    sums = blocks.sums(parts[:, None])[:, 0]
    size = np.abs(sums).sum()
    if size == 0:
        return PValue(1.0, "signs of groups turned", 0.0)
    if EXACT_SIGNS < blocks.count <= GRID_SIGNS:
        return PValue(sign_distribution_p(sums), "signs of groups turned, all combinations", 0.0)
    reach = abs(sums.sum()) - _TIE * size
    if blocks.count <= EXACT_SIGNS:
        (turned,) = sign_rows(blocks.count, draws, seed)
        share = float(np.mean(np.abs(turned @ sums) >= reach))
        return PValue(share, "signs of groups turned, exact", 0.0)
    hit = tried = 0
    for look in range(8):
        wanted = draws * 2**look
        stream = seed if look == 0 else seed_of_look(seed, look)
        for turned in sign_rows(blocks.count, wanted - tried, stream):
            hit += int(np.sum(np.abs(turned @ sums) >= reach))
        tried = wanted
        if is_settled(hit, tried, 8):
            break
    p = (1 + hit) / (1 + tried)
    return PValue(p, "signs of groups turned", float(np.sqrt(p * (1 - p) / tried)))


def sign_distribution_p(sums: np.ndarray) -> float:
    """Returns the share of all 2^n combinations of signs whose sum is as far from zero as it is.

    The distribution of sum +-s_i is built up one group at a time, on a grid of 2^18 cells over its
    range (each s_i is rounded to whole cells; equal ones stay equal). Shape: `sums` (groups,).
    """
    sizes = np.abs(sums)
    steps = np.rint(sizes / sizes.sum() * (_CELLS // 2)).astype(np.int64)
    shares = np.ones(1)  # of the combinations whose positive steps add up to the index
    for step in np.sort(steps):
        grown = np.zeros(len(shares) + step)
        grown[: len(shares)] += shares / 2
        grown[step:] += shares / 2
        shares = grown
    signed = 2 * np.arange(len(shares)) - steps.sum()
    observed = abs(int(np.sum(np.sign(sums).astype(np.int64) * steps)))
    return min(1.0, float(shares[np.abs(signed) >= observed].sum()))


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


def arrangement_p(score: Score, orders: Iterator[np.ndarray]) -> float:
    """Returns the share of all orders whose score is at least as far from zero as the data's."""
    hit = tried = 0
    observed: float | None = None
    for order in orders:
        if observed is None:
            observed = abs(float(score(np.arange(order.shape[1])[None])[0]))
        hit += int(np.sum(np.abs(score(order)) >= observed - _TIE))
        tried += len(order)
    return hit / tried


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
