"""EMS with its controls: what it would be without the attributions, or without the translation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

from ccta_core.transport import ems_values
from ccta_core.types import Controls, TransportPlan

_FEWEST_LINKS = 5
_LEAST_ROOM = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class SideMass:
    """One side of a comparison: its masses and what the controls need of its units.

    Shape: every array is (units,); `mass` sums to 1, `scores` are signed.
    """

    mass: np.ndarray
    scores: np.ndarray
    segments: np.ndarray
    subword_counts: np.ndarray


def mass(scores: np.ndarray, norms: np.ndarray | None, kind: str) -> tuple[np.ndarray, bool]:
    """Unit scores -> masses that sum to 1, and whether they had to be uniform (all were 0).

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
        return np.full(len(raw), 1 / len(raw)), True
    return raw / total, False


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """Two sides, the similarity of their units and the optimal plan between them."""

    source: SideMass
    target: SideMass
    similarity: np.ndarray
    plan: TransportPlan


def controls(
    pair: Compared,
    *,
    shuffles: int,
    seed: int,
    links: Sequence[tuple[int, int]],
    unrelated: Sequence[float] = (),
) -> Controls:
    """Every control of docs/method.md, 4 for one pair; None where one can't be computed.

    `links` are one-to-one word links; `unrelated` holds the EMS against unrelated targets, empty
    where there is no corpus.
    """
    source, target, similarity, plan = pair.source, pair.target, pair.similarity, pair.plan
    uniform, length, null = _references(source, target, similarity, shuffles, seed)
    mean = float(null.mean()) if len(null) else None
    sd = float(null.std(ddof=1)) if len(null) > 1 else None
    gain = plan.ems - mean if mean is not None else None
    chance = float(np.mean(unrelated)) if len(unrelated) else None
    return Controls(
        ems_uniform=uniform,
        ems_length=length,
        ems_shuffled=mean,
        shuffled_sd=sd,
        p_value=_p_value(plan.ems, null),
        ems_unrelated=chance,
        gain=gain,
        z=gain / sd if gain is not None and sd is not None and sd > 1e-12 else None,
        calibrated=_calibrated(plan.ems, chance),
        link_spearman=link_spearman(source.scores, target.scores, links),
        sign_agreement=float((plan.matrix * _same_sign(source.scores, target.scores)).sum()),
        cross_segment_mass=_cross_segment(source, target, plan),
    )


def shuffled(
    source: SideMass, target: SideMass, similarity: np.ndarray, *, shuffles: int, seed: int
) -> np.ndarray:
    """EMS with both sides' masses permuted independently within their segments.

    Shape: (shuffles,); the same seed gives the same values.
    """
    return ems_values(*_shuffled_masses(source, target, shuffles, seed), similarity)


def _references(
    source: SideMass, target: SideMass, similarity: np.ndarray, shuffles: int, seed: int
) -> tuple[float, float, np.ndarray]:
    """EMS under uniform masses, under masses by length, and under shuffled ones, in one call."""
    moved_s, moved_t = _shuffled_masses(source, target, shuffles, seed)
    values = ems_values(
        np.vstack([np.ones(len(source.mass)), source.subword_counts, moved_s]),
        np.vstack([np.ones(len(target.mass)), target.subword_counts, moved_t]),
        similarity,
    )
    return float(values[0]), float(values[1]), values[2:]


def _shuffled_masses(
    source: SideMass, target: SideMass, shuffles: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Both sides' masses, permuted. Shape: (shuffles, source units), (shuffles, target units)."""
    draw = np.random.default_rng(seed)
    sides = (source, target)
    groups = [
        [np.flatnonzero(side.segments == segment) for segment in np.unique(side.segments)]
        for side in sides
    ]
    moved = tuple(np.empty((shuffles, len(side.mass))) for side in sides)
    for row in range(shuffles):
        for side, segments, into in zip(sides, groups, moved, strict=True):
            for where in segments:
                into[row, where] = side.mass[draw.permutation(where)]
    return moved[0], moved[1]


def link_spearman(
    source: np.ndarray, target: np.ndarray, links: Sequence[tuple[int, int]]
) -> float | None:
    """Spearman's rho of signed unit scores over one-to-one links (EXN); None below 5 links."""
    if len(links) < _FEWEST_LINKS:
        return None
    left, right = source[[i for i, _ in links]], target[[j for _, j in links]]
    if np.ptp(left) == 0 or np.ptp(right) == 0:
        return None
    return float(spearmanr(left, right).statistic)


def _same_sign(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    return np.sign(source)[:, None] == np.sign(target)[None, :]


def _cross_segment(source: SideMass, target: SideMass, plan: TransportPlan) -> float | None:
    """The mass that moves between premise and hypothesis; None for a single text."""
    if not source.segments.any() or not target.segments.any():
        return None
    return float(plan.matrix[source.segments[:, None] != target.segments[None, :]].sum())


def _p_value(value: float, null: np.ndarray) -> float | None:
    """P = (1 + #{null >= value}) / (R + 1)."""
    return (1 + int((null >= value - 1e-12).sum())) / (len(null) + 1) if len(null) else None


def _calibrated(value: float, chance: float | None) -> float | None:
    if chance is None or 1 - chance < _LEAST_ROOM:
        return None
    return (value - chance) / (1 - chance)
