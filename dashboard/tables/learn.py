"""The lesson as tables: one for every picture of the page Learn; no Streamlit."""

import numpy as np
import pandas as pd

from ccta_core.consistency import (
    SideMass,
    every_arrangement,
    mass,
    permutation_test,
    shuffled,
)
from ccta_core.transport import ems, ems_values
from ccta_core.types import PermutationTest
from ccta_core.zoo.lesson import Estimate, Lesson, Told

PIVOT = "en"
CENTERED = "centered"
TEXTS = ("premise", "hypothesis")
SPECIALS = "specials"


def words_table(told: Told) -> pd.DataFrame:
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


def path_table(told: Told) -> pd.DataFrame:
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


def sum_table(told: Told, estimate: Estimate) -> pd.DataFrame:
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


def error_table(told: Told) -> pd.DataFrame:
    """The completeness error by points on the way: evenly spaced ones, and the engine's."""
    even = told.estimates
    return pd.DataFrame(
        {
            "points": [*(one.points for one in even), told.evaluations],
            "places": [*["evenly spaced"] * len(even), "the engine's"],
            "error": [*(one.error for one in even), told.error],
        }
    )


def estimate_of(told: Told, points: int) -> Estimate:
    """The estimate from so many points."""
    return next(one for one in told.estimates if one.points == points)


def pieces_table(told: Told, kind: str) -> pd.DataFrame:
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


def word_masses(told: Told, kind: str) -> np.ndarray:
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


def side_of(told: Told) -> SideMass:
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
            "name": ["EMS", "embeddings only", "unrelated"],
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
