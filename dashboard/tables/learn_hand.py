"""A plan moved by hand: what it still leaves, what it is worth, what the best one is worth."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ccta_core.transport import ems
from ccta_core.types import TransportPlan
from ccta_core.zoo.lesson import Lesson
from dashboard.tables.learn import CENTERED, PIVOT, cosines, similarity_table

WHOLE = 1e-6
"""A plan that leaves or overdraws more than this of any word's mass has no score."""


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """What is to be moved. Shape: `source` (n,), `target` (m,), `similarity` (n, m)."""

    source: np.ndarray
    target: np.ndarray
    similarity: np.ndarray

    @property
    def best(self) -> TransportPlan:
        """The exact optimum."""
        return ems(self.source, self.target, self.similarity)


@dataclass(frozen=True, slots=True, eq=False)
class ByHand:
    """A plan moved by hand, broken or not.

    Shape: `plan` (n, m); `left_source` (n,) and `left_target` (m,) are what no flow carries yet,
    negative where flows carry more than there is. `score` is None unless everything fits.
    """

    plan: np.ndarray
    left_source: np.ndarray
    left_target: np.ndarray
    score: float | None

    @property
    def moved(self) -> float:
        """The mass that is moved."""
        return float(self.plan.sum())


def problem_of(lesson: Lesson, lang: str) -> Problem:
    """English masses to those of `lang`, over the centred cosines."""
    source, target = lesson.sentences[PIVOT].mass, lesson.sentences[lang].mass
    return Problem(source, target, cosines(lesson, lang))


def by_hand(problem: Problem, plan: Sequence[Sequence[float]] | np.ndarray | None) -> ByHand:
    """The plan as it stands; an empty one where there is none, or none that fits the words.

    The score is sum_ij T_ij cos_ij, and only a plan with T >= 0 and the masses as its sums has one.
    """
    found = _readable(plan, problem.similarity.shape)
    left_source = problem.source - found.sum(1)
    left_target = problem.target - found.sum(0)
    off = max(np.abs(left_source).max(), np.abs(left_target).max(), -float(found.min()))
    score = float((found * problem.similarity).sum()) if off <= WHOLE else None
    return ByHand(found, left_source, left_target, score)


def hand_table(lesson: Lesson, lang: str, mine: ByHand) -> pd.DataFrame:
    """One row a pair of words: cosine, the mass moved by hand and the mass the optimum moves."""
    optimum = problem_of(lesson, lang).best.matrix
    pairs = similarity_table(lesson, lang, CENTERED)
    return pairs.assign(by_hand=mine.plan.ravel(), optimum=optimum.ravel())


def _readable(plan: Sequence[Sequence[float]] | np.ndarray | None, shape: tuple) -> np.ndarray:
    """The plan as numbers, or zeros: what the browser sends is not trusted."""
    try:
        found = np.array(plan, dtype=np.float64)
    except (TypeError, ValueError):
        return np.zeros(shape)
    return found if found.shape == shape and np.isfinite(found).all() else np.zeros(shape)
