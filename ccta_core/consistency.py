"""Controls of EMS: its value without the attributions, under permuted masses and by chance."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.stats import beta, spearmanr

from ccta_core.arrangements import (
    MOST_DRAWS,
    SideMass,
    every_arrangement,
    few_arrangements,
    segment_units,
    shuffled_masses,
)
from ccta_core.transport import ems_values
from ccta_core.types import ALPHA, Controls, PermutationTest, TransportPlan, Untestable

_FEWEST_LINKS = 5
_LEAST_ROOM = 0.05
_SAME = 1e-12
"""Masses or EMS that differ by less are equal but for rounding."""
_MOST_CELLS = 10_000_000
"""Cells of similarity (units x units) solved for a pair at most, about a second."""
_RISK = 0.01
"""Of pairs whose draws decide otherwise than all arrangements would, at most."""


class UnitMasses(NamedTuple):
    """Masses (units,) that sum to 1; `uniform` says that all are equal, since every score was 0."""

    masses: np.ndarray
    uniform: bool


def mass(scores: np.ndarray, norms: np.ndarray | None, kind: str) -> UnitMasses:
    """Scales unit scores to masses that sum to 1.

    `abs` |a|, `positive` and `negative` its parts, `norm` the L2 norms. Shape: (units,).
    """
    if kind == "norm" and norms is None:
        raise ValueError("norms are needed for the mass 'norm'")
    raw = {
        "abs": lambda: np.abs(scores),
        "positive": lambda: np.maximum(scores, 0),
        "negative": lambda: np.maximum(-scores, 0),
        "norm": lambda: np.asarray(norms, dtype=np.float64),
    }[kind]()
    total = raw.sum()
    if total <= 0:
        return UnitMasses(np.full(len(raw), 1 / len(raw)), True)
    return UnitMasses(raw / total, False)


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """Two sides, the similarity of their units and the optimal plan between them."""

    source: SideMass
    target: SideMass
    similarity: np.ndarray
    plan: TransportPlan

    @property
    def turned(self) -> "Compared":
        """The same comparison with its sides exchanged."""
        plan = TransportPlan(self.plan.matrix.T, self.plan.ems, self.plan.marginal_error)
        similarity = np.ascontiguousarray(self.similarity.T)
        return Compared(self.target, self.source, similarity, plan)


@dataclass(frozen=True, slots=True, eq=False)
class Null:
    """The null distribution of EMS under permuted masses, and the test. Shape: `values`
    (test.drawn,).
    """

    values: np.ndarray
    test: PermutationTest

    @property
    def mean(self) -> float | None:
        """Their mean; None where nothing could be permuted."""
        return float(self.values.mean()) if len(self.values) else None

    @property
    def sd(self) -> float | None:
        """Their standard deviation: estimated from draws, exact over all arrangements."""
        if len(self.values) < 2:
            return None
        return float(self.values.std(ddof=0 if self.test.exact else 1))


def controls(
    pair: Compared,
    null: Null,
    *,
    links: Sequence[tuple[int, int]],
    unrelated: Sequence[float] = (),
    gain_unrelated: float | None = None,
) -> Controls:
    """Computes every control of docs/method.md, 4 for one pair; None where one can't be computed.

    `links` are one-to-one word links; `unrelated` holds the EMS against unrelated targets, empty
    where there is no corpus, and `gain_unrelated` the mean gain against unrelated ones.
    """
    source, target, plan = pair.source, pair.target, pair.plan
    uniform, length = ems_values(
        np.stack([np.ones(len(source.mass)), source.subword_counts]),
        np.stack([np.ones(len(target.mass)), target.subword_counts]),
        pair.similarity,
    ).tolist()
    mean, sd = null.mean, null.sd
    gain = plan.ems - mean if mean is not None else None
    chance_level = float(np.mean(unrelated)) if len(unrelated) else None
    same_sign = np.sign(source.scores)[:, None] == np.sign(target.scores)[None, :]
    return Controls(
        ems_uniform=uniform,
        ems_length=length,
        ems_shuffled=mean,
        shuffled_sd=sd,
        p_value=null.test.p_value,
        ems_unrelated=chance_level,
        gain=gain,
        gain_unrelated=gain_unrelated,
        z=gain / sd if gain is not None and sd is not None and sd > 1e-12 else None,
        calibrated=_calibrated(plan.ems, chance_level),
        link_spearman=link_spearman(source.scores, target.scores, links),
        sign_agreement=float((plan.matrix * same_sign).sum()),
        cross_segment_mass=_cross_segment(source, target, plan),
    )


def fixed_null(pair: Compared, *, shuffles: int, seed: int) -> Null:
    """Draws a fixed number of permutations: a study's rows need their mean and SD.

    The masses of `pair.source` are drawn first. Whoever compares two sides in both orders gives
    them in one order here (types.in_order; a study: by language code): then the draws are the same.
    """
    reason = _untestable(pair, shuffles)
    if reason is not None:
        return Null(np.empty(0), PermutationTest(untestable=reason))
    values = shuffled(pair.source, pair.target, pair.similarity, shuffles=shuffles, seed=seed)
    return Null(values, permutation_test(pair.plan.ems, values))


def sequential_null(pair: Compared, *, shuffles: int, seed: int) -> Null:
    """Draws the null of one pair: all arrangements of the masses where they are few, else
    permutations until it is decided on which side of ALPHA p lies.

    `shuffles` permutations are drawn first, then they are doubled until an interval around the
    share q that reaches EMS (Clopper and Pearson, 1934) excludes ALPHA, or the cap is reached. The
    intervals of all looks together miss q in at most _RISK of the pairs (Bonferroni; the idea is
    Gandy's, 2009), so with probability 1 - _RISK every seed decides as the exact test does. That
    keeps the test valid though it stops early: an agreement is claimed only below ALPHA of an
    interval, which for q > ALPHA happens with probability _RISK / 2 at most, so the level is at
    most ALPHA + _RISK / 2. At the cap the test stays undecided, which claims nothing.

    The draws of `pair.source` come first, as in `fixed_null`; the first `shuffles` are its draws.
    """
    reason = _untestable(pair, shuffles)
    if reason is not None:
        return Null(np.empty(0), PermutationTest(untestable=reason))
    if few_arrangements(pair.source, pair.target):
        values = ems_values(*every_arrangement(pair.source, pair.target), pair.similarity)
        return Null(values, permutation_test(pair.plan.ems, values, exact=True))
    draw = np.random.default_rng(seed)
    # A solve takes a little more than in proportion to its cells: long texts have a lower cap.
    cap = max(shuffles, min(MOST_DRAWS, _MOST_CELLS // pair.similarity.size))
    risk = _RISK / (1 + math.ceil(math.log2((cap + 1) / (shuffles + 1))))
    values = _shuffled_ems(pair.source, pair.target, pair.similarity, shuffles, draw)
    while not (decided := _is_decided(pair.plan.ems, values, risk)) and len(values) < cap:
        more = min(len(values) + 1, cap - len(values))  # 99, 199, 399: p has round steps
        fresh = _shuffled_ems(pair.source, pair.target, pair.similarity, more, draw)
        values = np.concatenate([values, fresh])
    return Null(values, permutation_test(pair.plan.ems, values, decided=decided))


def permutation_test(
    value: float, null: np.ndarray, *, exact: bool = False, decided: bool = True
) -> PermutationTest:
    """Computes p of an EMS among those of permuted masses, drawn or (`exact`) all. Shape: `null`
    (draws,).

    p = (1 + #{null >= value}) / (R + 1) of R draws: the measured masses count as one of them; the
    plain share of all arrangements, which hold the measured one.
    """
    reached = _count_reaching(value, null)
    if exact:
        least = _count_reaching(float(null.max()), null) / len(null)
        return PermutationTest(len(null), True, reached / len(null), 0.0, least)
    p = (1 + reached) / (len(null) + 1)
    error = math.sqrt(p * (1 - p) / len(null))
    return PermutationTest(len(null), False, p, error, decided=decided)


class Gained(NamedTuple):
    """EMS of two sides, and how far it lies above shuffled masses; None without shuffles."""

    ems: float
    gain: float | None


def gain_of(
    source: SideMass,
    target: SideMass,
    similarity: np.ndarray,
    *,
    shuffles: int,
    draw: np.random.Generator,
) -> Gained:
    """Returns EMS of two sides and its gain over so many draws of shuffled masses.

    Shape: `similarity` (source units, target units).
    """
    moved = shuffled_masses(source, target, shuffles, draw)
    value, *null = ems_values(
        np.vstack([source.mass[None], moved.source]),
        np.vstack([target.mass[None], moved.target]),
        similarity,
    ).tolist()
    return Gained(value, value - float(np.mean(null)) if null else None)


def shuffled(
    source: SideMass, target: SideMass, similarity: np.ndarray, *, shuffles: int, seed: int
) -> np.ndarray:
    """Returns EMS with both sides' masses permuted independently within their segments.

    Shape: (shuffles,); the same seed gives the same values.
    """
    return _shuffled_ems(source, target, similarity, shuffles, np.random.default_rng(seed))


def _shuffled_ems(
    source: SideMass,
    target: SideMass,
    similarity: np.ndarray,
    shuffles: int,
    draw: np.random.Generator,
) -> np.ndarray:
    """Returns EMS of the next `shuffles` draws: of each the source's masses first, then the
    target's.
    """
    return ems_values(*shuffled_masses(source, target, shuffles, draw), similarity)


def _untestable(pair: Compared, shuffles: int) -> Untestable | None:
    """Returns why no permutation changes anything; None where one does."""
    if not shuffles:
        return "no shuffles"
    masses = [
        side.mass[where] for side in (pair.source, pair.target) for where in segment_units(side)
    ]
    if all(len(segment_masses) == 1 for segment_masses in masses):
        return "one unit a segment"
    if all(np.ptp(segment_masses) < _SAME for segment_masses in masses):
        return "equal masses"
    return None


def _count_reaching(value: float, null: np.ndarray) -> int:
    """Counts the values of the null that reach the value; equal ones may differ by rounding."""
    return int((null >= value - _SAME).sum())


def _is_decided(value: float, null: np.ndarray, risk: float) -> bool:
    """Returns whether the Clopper-Pearson interval of the share that reaches the value excludes
    ALPHA.
    """
    reached, draws = _count_reaching(value, null), len(null)
    low = beta.ppf(risk / 2, reached, draws - reached + 1) if reached else 0.0
    high = beta.ppf(1 - risk / 2, reached + 1, draws - reached) if reached < draws else 1.0
    return bool(high < ALPHA or low > ALPHA)


def link_spearman(
    source: np.ndarray, target: np.ndarray, links: Sequence[tuple[int, int]]
) -> float | None:
    """Returns Spearman's rho of signed unit scores over one-to-one links (EXN); None below 5
    links.
    """
    if len(links) < _FEWEST_LINKS:
        return None
    left, right = source[[i for i, _ in links]], target[[j for _, j in links]]
    if np.ptp(left) == 0 or np.ptp(right) == 0:
        return None
    return float(spearmanr(left, right).statistic)


def _cross_segment(source: SideMass, target: SideMass, plan: TransportPlan) -> float | None:
    """Returns the mass that moves between premise and hypothesis; None for a single text."""
    if not source.segments.any() or not target.segments.any():
        return None
    return float(plan.matrix[source.segments[:, None] != target.segments[None, :]].sum())


def _calibrated(value: float, chance_level: float | None) -> float | None:
    """Returns EMS scaled so that 0 is the chance level and 1 the highest value."""
    if chance_level is None or 1 - chance_level < _LEAST_ROOM:
        return None
    return (value - chance_level) / (1 - chance_level)
