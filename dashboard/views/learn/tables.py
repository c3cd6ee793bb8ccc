"""The tables of the Learn page: a sum along the path, a plan by hand."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ccta_core.consistency import (
    SideMass,
    every_arrangement,
    mass,
    permutation_test,
    shuffled,
)
from ccta_core.measures import label
from ccta_core.transport import ems, ems_values
from ccta_core.types import PermutationTest, TransportPlan
from ccta_core.zoo.lesson import Lesson, LessonSentence, TrapezoidEstimate

PIVOT = "en"
CENTERED = "centered"
TEXTS = ("premise", "hypothesis")
SPECIALS = "specials"


def words_table(told: LessonSentence) -> pd.DataFrame:
    """One row a word, the special tokens last: attribution in logits, and mass."""
    table = pd.DataFrame(
        {
            "position": range(len(told.words)),
            "word": told.words,
            "text": [TEXTS[segment] for segment in told.segments],
            "attribution": told.scores,
            "mass": told.mass,
        }
    )
    table.loc[len(table)] = [len(told.words), SPECIALS, "", told.specials, np.nan]
    return table


def path_table(told: LessonSentence) -> pd.DataFrame:
    """One row a point of the path and a word: its slope there and its sum from 0 to there."""
    path, names = told.path, (*told.words, SPECIALS)
    points, columns = path.rates.shape
    return pd.DataFrame(
        {
            "alpha": np.repeat(path.alphas, columns),
            "probability": np.repeat(path.probability, columns),
            "score": np.repeat(path.values, columns),
            "position": np.tile(np.arange(columns), points),
            "word": list(names) * points,
            "slope": path.rates.ravel(),
            "sum_so_far": path.so_far.ravel(),
        }
    )


def sum_table(told: LessonSentence, estimate: TrapezoidEstimate) -> pd.DataFrame:
    """A waterfall from F(baseline) to F(input): words, specials, and what the estimate misses.

    `start` and `end` bound each bar; `value` is its height, `kind` tells what it is.
    """
    steps = [*estimate.scores, estimate.specials]
    gap = told.difference - float(np.sum(steps))
    names = ["padding", *told.words, SPECIALS, "missed", "sentence"]
    kinds = ["end", *["word"] * len(told.words), "specials", "gap", "end"]
    values = [told.f_baseline, *steps, gap, told.f_input]
    ends = np.cumsum([told.f_baseline, *steps, gap]).tolist()
    starts = [0.0, *ends[:-1], 0.0]
    return pd.DataFrame(
        {
            "position": range(len(names)),
            "name": names,
            "kind": kinds,
            "value": values,
            "start": starts,
            "end": [*ends, told.f_input],
        }
    )


def error_table(told: LessonSentence) -> pd.DataFrame:
    """The completeness error by points on the way: evenly spaced ones, and the engine's."""
    even = told.estimates
    return pd.DataFrame(
        {
            "points": [*(one.points for one in even), told.evaluations],
            "places": [*["evenly spaced"] * len(even), "the engine's"],
            "error": [*(one.error for one in even), told.error],
        }
    )


def estimate_of(told: LessonSentence, points: int) -> TrapezoidEstimate:
    """The estimate from so many points."""
    return next(one for one in told.estimates if one.points == points)


def pieces_table(told: LessonSentence, kind: str) -> pd.DataFrame:
    """One row a subword: its score, its word's score, and the word's mass of this kind."""
    masses = word_masses(told, kind)
    homes = [piece.word for piece in told.pieces]
    return pd.DataFrame(
        {
            "subword": [piece.text for piece in told.pieces],
            "score": [piece.score for piece in told.pieces],
            "word_position": pd.array(homes, dtype="Int64"),
            "word": ["" if at is None else told.words[at] for at in homes],
            "word_score": [np.nan if at is None else told.scores[at] for at in homes],
            "word_mass": [np.nan if at is None else masses[at] for at in homes],
        }
    )


def word_masses(told: LessonSentence, kind: str) -> np.ndarray:
    """Masses `abs`, `positive` or `negative`, as the engine makes them. Shape: (words,)."""
    return mass(told.scores, None, kind)[0]


def similarity_table(lesson: Lesson, lang: str, space: str) -> pd.DataFrame:
    """One row a pair of words, English and `lang`, with its cosine in the space."""
    cosines = lesson.couples[lang].spaces[space].similarity
    rows, columns = (grid.ravel() for grid in np.indices(cosines.shape))
    source, target = lesson.sentences[PIVOT].words, lesson.sentences[lang].words
    return pd.DataFrame(
        {
            "source_position": rows,
            "target_position": columns,
            "source": [source[at] for at in rows],
            "target": [target[at] for at in columns],
            "cosine": cosines.ravel(),
        }
    )


def places_table(lesson: Lesson, lang: str, space: str) -> pd.DataFrame:
    """One row a word of either language: its place on the first two principal components."""
    found = lesson.couples[lang].spaces[space]
    parts = []
    for side, (code, places) in enumerate(((PIVOT, found.source), (lang, found.target))):
        told = lesson.sentences[code]
        parts.append(
            pd.DataFrame(
                {
                    "side": side,
                    "language": code,
                    "position": range(len(told.words)),
                    "word": told.words,
                    "text": [TEXTS[segment] for segment in told.segments],
                    "x": places[:, 0],
                    "y": places[:, 1],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def side_of(told: LessonSentence) -> SideMass:
    """What the engine's controls need of a sentence."""
    counts = np.bincount([piece.word for piece in told.pieces if piece.word is not None])
    return SideMass(told.mass, told.scores, np.array(told.segments), counts.astype(float))


def cosines(lesson: Lesson, lang: str) -> np.ndarray:
    """Centred cosines of English and `lang`. Shape: (English words, words of `lang`)."""
    return lesson.couples[lang].spaces[CENTERED].similarity


def reference_table(lesson: Lesson, lang: str) -> pd.DataFrame:
    """EMS and what it is held against, one row each."""
    source, target = (side_of(lesson.sentences[code]) for code in (PIVOT, lang))
    found = cosines(lesson, lang)
    return pd.DataFrame(
        {
            "name": [label(key) for key in ("ems", "ems_uniform", "ems_unrelated")],
            "value": [
                ems(source.mass, target.mass, found).ems,
                ems(np.ones_like(source.mass), np.ones_like(target.mass), found).ems,
                lesson.couples[lang].unrelated,
            ],
        }
    )


def shuffled_table(lesson: Lesson, lang: str, shuffles: int, seed: int) -> pd.DataFrame:
    """EMS of each shuffle, drawn as the engine draws them."""
    source, target = (side_of(lesson.sentences[code]) for code in (PIVOT, lang))
    values = shuffled(source, target, cosines(lesson, lang), shuffles=shuffles, seed=seed)
    return pd.DataFrame({"shuffle": range(1, shuffles + 1), "ems": values})


def every_deal(lesson: Lesson, lang: str) -> np.ndarray:
    """EMS of every way to deal the masses out again within premise and hypothesis, both sides."""
    source, target = (side_of(lesson.sentences[code]) for code in (PIVOT, lang))
    return ems_values(*every_arrangement(source, target), cosines(lesson, lang))


def tested(values: np.ndarray, found: float) -> PermutationTest:
    """What shuffles say about an EMS, counted as the engine counts them."""
    return permutation_test(found, values)


def tested_exactly(deals: np.ndarray, found: float) -> PermutationTest:
    """What all deals say about an EMS."""
    return permutation_test(found, deals, exact=True)


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
