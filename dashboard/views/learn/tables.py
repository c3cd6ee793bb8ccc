"""The tables of the Learn page: a sum along the path, a plan by hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ccta_core.arrangements import SideMass, every_arrangement, few_arrangements
from ccta_core.consistency import mass, permutation_test, shuffled
from ccta_core.measures import label
from ccta_core.transport import ems, ems_values
from ccta_core.types import PermutationTest, TransportPlan
from ccta_core.zoo.lesson import Lesson, LessonSentence, TrapezoidEstimate

CENTERED = "centered"
TEXTS = ("premise", "hypothesis")
SPECIALS = "specials"


def words_table(sentence: LessonSentence) -> pd.DataFrame:
    """One row a word, the special tokens last: attribution in logits, and mass."""
    table = pd.DataFrame(
        {
            "position": range(len(sentence.words)),
            "word": sentence.words,
            "text": [TEXTS[segment] for segment in sentence.segments],
            "attribution": sentence.scores,
            "mass": sentence.mass,
        }
    )
    table.loc[len(table)] = [len(sentence.words), SPECIALS, "", sentence.specials, np.nan]
    return table


def path_table(sentence: LessonSentence) -> pd.DataFrame:
    """One row a point of the path and a word: its slope there and its sum from 0 to there."""
    path, names = sentence.path, (*sentence.words, SPECIALS)
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


def sum_table(sentence: LessonSentence, estimate: TrapezoidEstimate) -> pd.DataFrame:
    """A waterfall from F(baseline) to F(input): words, specials, and what the estimate misses.

    `start` and `end` bound each bar; `value` is its height, `kind` tells what it is.
    """
    steps = [*estimate.scores, estimate.specials]
    gap = sentence.difference - float(np.sum(steps))
    names = ["padding", *sentence.words, SPECIALS, "missed", "sentence"]
    kinds = ["end", *["word"] * len(sentence.words), "specials", "gap", "end"]
    values = [sentence.f_baseline, *steps, gap, sentence.f_input]
    ends = np.cumsum([sentence.f_baseline, *steps, gap]).tolist()
    starts = [0.0, *ends[:-1], 0.0]
    return pd.DataFrame(
        {
            "position": range(len(names)),
            "name": names,
            "kind": kinds,
            "value": values,
            "start": starts,
            "end": [*ends, sentence.f_input],
        }
    )


def error_table(sentence: LessonSentence) -> pd.DataFrame:
    """The completeness error by points on the way: evenly spaced ones, and the engine's."""
    even = sentence.estimates
    return pd.DataFrame(
        {
            "points": [*(estimate.points for estimate in even), sentence.evaluations],
            "places": [*["evenly spaced"] * len(even), "the engine's"],
            "error": [*(estimate.error for estimate in even), sentence.error],
        }
    )


def estimate_of(sentence: LessonSentence, points: int) -> TrapezoidEstimate:
    """The estimate from so many points."""
    return next(estimate for estimate in sentence.estimates if estimate.points == points)


def pieces_table(sentence: LessonSentence, kind: str) -> pd.DataFrame:
    """One row a subword: its score, its word's score, and the word's mass of this kind."""
    masses = word_masses(sentence, kind)
    word_of_piece = [piece.word for piece in sentence.pieces]
    return pd.DataFrame(
        {
            "subword": [piece.text for piece in sentence.pieces],
            "score": [piece.score for piece in sentence.pieces],
            "word_position": pd.array(word_of_piece, dtype="Int64"),
            "word": ["" if word is None else sentence.words[word] for word in word_of_piece],
            "word_score": [
                np.nan if word is None else sentence.scores[word] for word in word_of_piece
            ],
            "word_mass": [np.nan if word is None else masses[word] for word in word_of_piece],
        }
    )


def word_masses(sentence: LessonSentence, kind: str) -> np.ndarray:
    """Masses `abs`, `positive` or `negative`, as the engine makes them. Shape: (words,)."""
    return mass(sentence.scores, None, kind)[0]


def similarity_table(lesson: Lesson, lang: str, space: str) -> pd.DataFrame:
    """One row a pair of words, the first language's and `lang`'s, with its cosine in the space."""
    cosines = lesson.couples[lang].spaces[space].similarity
    rows, columns = (grid.ravel() for grid in np.indices(cosines.shape))
    source, target = lesson.sentences[lesson.pivot].words, lesson.sentences[lang].words
    return pd.DataFrame(
        {
            "source_position": rows,
            "target_position": columns,
            "source": [source[index] for index in rows],
            "target": [target[index] for index in columns],
            "cosine": cosines.ravel(),
        }
    )


def places_table(lesson: Lesson, lang: str, space: str) -> pd.DataFrame:
    """One row a word of either language: its place on the first two principal components."""
    projection = lesson.couples[lang].spaces[space]
    parts = []
    for side, (code, places) in enumerate(
        ((lesson.pivot, projection.source), (lang, projection.target))
    ):
        sentence = lesson.sentences[code]
        parts.append(
            pd.DataFrame(
                {
                    "side": side,
                    "language": code,
                    "position": range(len(sentence.words)),
                    "word": sentence.words,
                    "text": [TEXTS[segment] for segment in sentence.segments],
                    "x": places[:, 0],
                    "y": places[:, 1],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def side_of(sentence: LessonSentence) -> SideMass:
    """What the engine's controls need of a sentence."""
    counts = np.bincount([piece.word for piece in sentence.pieces if piece.word is not None])
    return SideMass(
        sentence.mass, sentence.scores, np.array(sentence.segments), counts.astype(float)
    )


def cosines(lesson: Lesson, lang: str) -> np.ndarray:
    """Centred cosines of the first language and `lang`. Shape: (its words, words of `lang`)."""
    return lesson.couples[lang].spaces[CENTERED].similarity


def reference_table(lesson: Lesson, lang: str) -> pd.DataFrame:
    """EMS and its controls, one row each."""
    source, target = (side_of(lesson.sentences[code]) for code in (lesson.pivot, lang))
    similarity = cosines(lesson, lang)
    values = {
        "ems": ems(source.mass, target.mass, similarity).ems,
        "ems_uniform": ems(np.ones_like(source.mass), np.ones_like(target.mass), similarity).ems,
        "ems_unrelated": lesson.couples[lang].unrelated,
    }
    told = {label(key): value for key, value in values.items() if value is not None}
    return pd.DataFrame({"name": list(told), "value": list(told.values())})


def shuffled_table(lesson: Lesson, lang: str, shuffles: int, seed: int) -> pd.DataFrame:
    """EMS of each shuffle, drawn as the engine draws them."""
    source, target = (side_of(lesson.sentences[code]) for code in (lesson.pivot, lang))
    values = shuffled(source, target, cosines(lesson, lang), shuffles=shuffles, seed=seed)
    return pd.DataFrame({"shuffle": range(1, shuffles + 1), "ems": values})


def has_few_arrangements(lesson: Lesson, lang: str) -> bool:
    """Whether every permutation of the masses can be gone through."""
    return few_arrangements(*(side_of(lesson.sentences[code]) for code in (lesson.pivot, lang)))


def arrangement_scores(lesson: Lesson, lang: str) -> np.ndarray:
    """EMS of every permutation of the masses within premise and hypothesis, on both sides."""
    source, target = (side_of(lesson.sentences[code]) for code in (lesson.pivot, lang))
    return ems_values(*every_arrangement(source, target), cosines(lesson, lang))


def compare_with_shuffles(values: np.ndarray, observed: float) -> PermutationTest:
    """The permutation test of an EMS, counted as the engine counts it."""
    return permutation_test(observed, values)


def compare_with_arrangements(permutations: np.ndarray, observed: float) -> PermutationTest:
    """The exact permutation test of an EMS, over every arrangement of the masses."""
    return permutation_test(observed, permutations, exact=True)


WHOLE = 1e-6
"""A plan that leaves or overdraws more than this of any word's mass has no score."""


@dataclass(frozen=True, slots=True, eq=False)
class TransportProblem:
    """What is to be moved. Shape: `source` (n,), `target` (m,), `similarity` (n, m)."""

    source: np.ndarray
    target: np.ndarray
    similarity: np.ndarray

    @property
    def best(self) -> TransportPlan:
        """The exact optimum."""
        return ems(self.source, self.target, self.similarity)


@dataclass(frozen=True, slots=True, eq=False)
class HandPlan:
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


def problem_of(lesson: Lesson, lang: str) -> TransportProblem:
    """The first language's masses to those of `lang`, over the centred cosines."""
    source, target = lesson.sentences[lesson.pivot].mass, lesson.sentences[lang].mass
    return TransportProblem(source, target, cosines(lesson, lang))


def read_hand_plan(
    problem: TransportProblem, plan: Sequence[Sequence[float]] | np.ndarray | None
) -> HandPlan:
    """The plan as it stands; an empty one where there is none, or none that fits the words.

    The score is sum_ij T_ij cos_ij, and only a plan with T >= 0 and the masses as its sums has one.
    """
    flows = _parse_plan(plan, problem.similarity.shape)
    left_source = problem.source - flows.sum(1)
    left_target = problem.target - flows.sum(0)
    off = max(np.abs(left_source).max(), np.abs(left_target).max(), -float(flows.min()))
    score = float((flows * problem.similarity).sum()) if off <= WHOLE else None
    return HandPlan(flows, left_source, left_target, score)


def hand_table(lesson: Lesson, lang: str, hand_plan: HandPlan) -> pd.DataFrame:
    """One row a pair of words: cosine, the mass moved by hand and the mass the optimum moves."""
    optimum = problem_of(lesson, lang).best.matrix
    pairs = similarity_table(lesson, lang, CENTERED)
    return pairs.assign(by_hand=hand_plan.plan.ravel(), optimum=optimum.ravel())


def ribbons_payload(lesson: Lesson, lang: str, plan: np.ndarray) -> dict[str, Any]:
    """Both sentences and a plan between their words, as the picture of a pair draws them.

    Shape: `plan` (words of the first language, words of `lang`).
    """
    source, target = (_side_payload(lesson.sentences[code]) for code in (lesson.pivot, lang))
    return {
        "task": "nli",
        "target_class": lesson.target_class,
        "source": source,
        "target": target,
        "plan": plan.tolist(),
        "similarity": cosines(lesson, lang).tolist(),
    }


def _side_payload(sentence: LessonSentence) -> dict[str, Any]:
    units, places = [], [0] * len(sentence.texts)
    for text, segment in zip(sentence.words, sentence.segments, strict=True):
        start = sentence.texts[segment].index(text, places[segment])
        places[segment] = start + len(text)
        unit = {"text": text, "start": start, "end": places[segment], "segment": segment}
        units.append(unit)
    return {
        "lang": sentence.lang,
        "text": sentence.texts[0],
        "text2": sentence.texts[1] if len(sentence.texts) > 1 else None,
        "units": units,
        "attribution": sentence.scores.tolist(),
        "mass": sentence.mass.tolist(),
        "subwords": [piece.text for piece in sentence.pieces],
        "subword_attribution": [piece.score for piece in sentence.pieces],
        "prediction": dict(sentence.prediction),
        "converged": True,
    }


def _parse_plan(plan: Sequence[Sequence[float]] | np.ndarray | None, shape: tuple) -> np.ndarray:
    """The plan as numbers, or zeros: what the browser sends is not trusted."""
    try:
        flows = np.array(plan, dtype=np.float64)
    except (TypeError, ValueError):
        return np.zeros(shape)
    return flows if flows.shape == shape and np.isfinite(flows).all() else np.zeros(shape)
