"""Reads the sentence that the page Learn explains, which was measured once (`research.zoo.lesson`).

It is read without a model.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from ccta_core.errors import DamagedFileError

LESSON = Path(__file__).with_suffix(".json")
FORM = 1
"""Version of the file's form."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A subword, its signed score and the index of its word; None of a special token."""

    text: str
    word: int | None
    score: float


@dataclass(frozen=True, slots=True, eq=False)
class AlongPath:
    """What happens between the baseline (0) and the sentence (1) at the embeddings.

    Shape: `alphas` (points,), `values` F (points,), `probability` of the explained class (points,),
    `rates` dF/dalpha by word, the specials last (points, words + 1), `so_far` their integral from
    0 to alpha, likewise.
    """

    alphas: np.ndarray
    values: np.ndarray
    probability: np.ndarray
    rates: np.ndarray
    so_far: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class TrapezoidEstimate:
    """The attribution from `points` evenly spaced points by the trapezoid rule.

    Shape: `scores` (words,). `error` is its completeness error.
    """

    points: int
    scores: np.ndarray
    specials: float
    error: float


@dataclass(frozen=True, slots=True, eq=False)
class LessonSentence:
    """The sentence in one language as the model reads it.

    Shape: `scores` (words,), signed, in logits of the explained class; `specials` is the sum over
    special tokens. `segments` is 0 for a word of the premise, 1 of the hypothesis. `prediction` and
    `blank_prediction` are the probabilities at the sentence and at the baseline; `special_shares`
    is the specials' part of sum |a| by layer, from 0; `evaluations` and `error` say what the
    engine's usual settings take.
    """

    lang: str
    texts: tuple[str, ...]
    words: tuple[str, ...]
    segments: tuple[int, ...]
    pieces: tuple[Piece, ...]
    scores: np.ndarray
    specials: float
    f_input: float
    f_baseline: float
    prediction: Mapping[str, float]
    blank_prediction: Mapping[str, float]
    special_shares: tuple[float, ...]
    evaluations: int
    error: float
    path: AlongPath
    estimates: tuple[TrapezoidEstimate, ...]

    @property
    def difference(self) -> float:
        """F(input) - F(baseline): what the scores add up to."""
        return self.f_input - self.f_baseline

    @property
    def mass(self) -> np.ndarray:
        """|scores| scaled to sum to 1. Shape: (words,)."""
        magnitudes = np.abs(self.scores)
        return magnitudes / magnitudes.sum()

    @property
    def predicted(self) -> str:
        """The likeliest class."""
        return max(self.prediction, key=lambda label: self.prediction[label])


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """The words of both sides in one space.

    Shape: `similarity` (source words, target words); `source` and `target` (words, 2), the first
    two principal components of all unit vectors together; `explained` (2,) their share of variance.
    """

    similarity: np.ndarray
    source: np.ndarray
    target: np.ndarray
    explained: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Couple:
    """English and another language: the words in both spaces, `raw` and `centered`.

    `ems` is the engine's, `unrelated` its mean against five other sentences.
    """

    spaces: Mapping[str, Space]
    ems: float
    unrelated: float


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """Everything the page shows: the sentence by language, and English with each of them."""

    model: str
    revision: str
    target_class: str
    align_layer: int
    sentences: Mapping[str, LessonSentence]
    couples: Mapping[str, Couple]


def read_lesson(path: Path = LESSON) -> Lesson:
    """Reads the stored lesson; it needs no model and no torch.

    Raises DamagedFileError where the file is missing or is not a lesson of this form.
    """
    try:
        return _lesson(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedFileError(
            f"{path} is not a lesson; install the package anew, or in a clone make it again with "
            "python -m research.zoo.lesson"
        ) from error


_TUPLES = ("texts", "words", "segments", "special_shares")


def _lesson(data: Mapping[str, Any]) -> Lesson:
    if data["form"] != FORM:
        raise ValueError(f"form {data['form']}, expected {FORM}")
    return Lesson(
        **{name: data[name] for name in ("model", "revision", "target_class", "align_layer")},
        sentences=_each(data["sentences"], _lesson_sentence),
        couples=_each(data["couples"], _couple),
    )


def _lesson_sentence(data: Mapping[str, Any]) -> LessonSentence:
    read: dict[str, Any] = {name: tuple(data[name]) for name in _TUPLES}
    read["pieces"] = tuple(Piece(*piece) for piece in data["pieces"])
    read["scores"] = np.array(data["scores"])
    read["path"] = AlongPath(**_arrays(data["path"]))
    read["estimates"] = tuple(
        TrapezoidEstimate(**{**estimate, "scores": np.array(estimate["scores"])})
        for estimate in data["estimates"]
    )
    return LessonSentence(**{**data, **read})


def _couple(data: Mapping[str, Any]) -> Couple:
    spaces = _each(data["spaces"], lambda space: Space(**_arrays(space)))
    return Couple(spaces, data["ems"], data["unrelated"])


def _each(data: Mapping[str, Any], read: Any) -> Mapping[str, Any]:
    return MappingProxyType({name: read(value) for name, value in data.items()})


def _arrays(data: Mapping[str, Sequence]) -> dict[str, np.ndarray]:
    return {name: np.array(values, dtype=np.float64) for name, values in data.items()}
