"""Estimates means of training languages and their differences, over groups of items and seeds."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from ccta_core.analysis.intervals import mean_interval
from ccta_core.analysis.permutation import is_settled, sign_test
from ccta_core.analysis.resampling import BLOCKS, Groups, chunk

SEEDS = 3
"""From so many seeds in each language on, a verdict is about training, not about checkpoints."""
_TIE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class CheckpointScores:
    """The scores of the checkpoints on the same items and pairs, summed over groups of items.

    Shape: `by_language` maps a training language to (seeds, groups) sums; `sizes` (groups,) is how
    many (item, pair) each group has.
    """

    by_language: Mapping[str, np.ndarray]
    sizes: np.ndarray

    @property
    def groups(self) -> int:
        """How many groups of items there are."""
        return len(self.sizes)

    def mean(self, name: str) -> float:
        """Returns the mean of a language's seeds' means."""
        return float(self.by_language[name].mean(0).sum() / self.sizes.sum())

    def contrast(self, weights: Mapping[str, float]) -> np.ndarray:
        """Returns a weighted sum of languages, each the mean of its seeds. Shape: (groups,)."""
        return np.sum([w * self.by_language[name].mean(0) for name, w in weights.items()], axis=0)


@dataclass(frozen=True, slots=True)
class ContrastEstimate:
    """A mean or a difference, its 95% interval and its p-value against 0 (None where none).

    `error` and `degrees`: the standard error and the degrees of freedom of its Student's t, where
    the interval is one.
    """

    value: float
    low: float | None
    high: float | None
    p: float | None
    error: float | None = None
    degrees: float | None = None


def of_checkpoints(
    scores: CheckpointScores, weights: Mapping[str, float], *, draws: int, seed: int
) -> ContrastEstimate:
    """Estimates a contrast of these checkpoints: only the items could have been others.

    Interval: groups are independent (`intervals.mean_interval`). p: the two languages change places
    in whole groups of items, that is, the sign of the group's difference is turned.
    """
    above = scores.contrast(weights)
    value = float(above.sum() / scores.sizes.sum())
    ends = mean_interval(above, scores.sizes)
    if scores.groups < 3 or ends is None:
        return ContrastEstimate(value, None, None, None)
    p = sign_test(above, Groups(np.arange(scores.groups), scores.groups), draws=draws, seed=seed).p
    return ContrastEstimate(value, *ends, p)


def over_seeds(
    scores: CheckpointScores, weights: Mapping[str, float], *, draws: int, seed: int
) -> ContrastEstimate:
    """Estimates a contrast of training languages: items and seeds could both have been others.

    Two levels: SE^2 = V_groups + sum_L w_L^2 s_L^2 / S_L, with V_groups the clustered variance of
    the contrast of the seeds' means and s_L^2 the variance of the S_L seeds' means (n - 1 below);
    Student's t with Satterthwaite's (1946) degrees of freedom. Seeds are independent within and
    between languages. With three to five seeds a bootstrap of seeds would be too narrow: it draws
    from so few values. What seeds do differently on each item is in both parts: the interval errs
    to the wide side. `draws` and `seed` have no effect: nothing is drawn.
    """
    del draws, seed
    total, count = scores.sizes.sum(), scores.groups
    above = scores.contrast(weights)
    value = float(above.sum() / total)
    if count < 3:
        return ContrastEstimate(value, None, None, None)
    residuals = above - value * scores.sizes
    parts = [count / (count - 1) * float(residuals @ residuals) / total**2]
    freedom = [count - 1]
    for name, weight in weights.items():
        means = scores.by_language[name].sum(1) / total
        parts.append(weight**2 * float(means.var(ddof=1)) / len(means))
        freedom.append(len(means) - 1)
    variance = sum(parts)
    if variance <= _TIE**2 * value**2:
        return ContrastEstimate(value, value, value, None)
    degrees = variance**2 / sum(part**2 / df for part, df in zip(parts, freedom, strict=True))
    error = float(np.sqrt(variance))
    reach = float(student.ppf(0.975, degrees)) * error
    p = 2 * float(student.sf(abs(value) / error, degrees))
    return ContrastEstimate(value, value - reach, value + reach, p, error, degrees)


def highest_p(scores: CheckpointScores, *, draws: int, seed: int) -> float | None:
    """Returns how often permuted labels put one training language as far above the rest.

    The labels are permuted within each group of items, all items and pairs of a group together; the
    statistic is the highest mean less the mean of the other languages, the highest picked anew each
    time. None below three groups.
    """
    if scores.groups < 3:
        return None
    table = np.column_stack([values.mean(0) for values in scores.by_language.values()])
    blocks = Groups(np.arange(len(table)), len(table)).merged(BLOCKS, seed)
    table = blocks.sums(table)
    generator = np.random.default_rng(seed)

    def lead(sums: np.ndarray) -> np.ndarray:
        best = sums.max(-1)
        return best - (sums.sum(-1) - best) / (sums.shape[-1] - 1)

    observed, size = lead(table.sum(0)), np.abs(table).sum()
    hit = tried = 0
    rows = chunk(table.size)
    looks = 7
    for look in range(looks):  # doubled until the decision at .05 does not hang on the seed
        while tried < draws * 2**look:
            some = min(rows, draws * 2**look - tried)
            moved = generator.permuted(np.tile(table, (some, 1, 1)), axis=2)
            hit += int(np.sum(lead(moved.sum(1)) >= observed - _TIE * size))
            tried += some
        if is_settled(hit, tried, looks):
            break
    return (1 + hit) / (1 + tried)
