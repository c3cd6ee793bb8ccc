"""Reads the sentence that the page Learn explains, which was measured once (`research.zoo.lesson`),
and keeps lessons on a pair of one's own (`zoo.measure_lesson`).

It is read without a model.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from ccta_core.config import Config, cache_root
from ccta_core.errors import DamagedFileError
from ccta_core.models.catalog import ModelInfo
from ccta_core.permissions import keeps_texts
from ccta_core.store.files import key_of, read_entry, write_entry
from ccta_core.types import Sentence

_log = logging.getLogger(__name__)
LESSON = Path(__file__).with_suffix(".json")
FORM = 1
"""Version of the file's form."""
_VERSION = 1
"""Version of kept lessons: raised when their meaning changes."""
_PIVOT = "en"


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
    """The lesson's first language and another: the words in both spaces, `raw` and `centered`.

    `ems` is the engine's, `unrelated` its mean against five other sentences; None where that was
    not measured.
    """

    spaces: Mapping[str, Space]
    ems: float
    unrelated: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """Everything the page shows: the sentence by language, and the first language with each.

    `couples` is empty while the pair is still compared. `notices` say what could not be done as
    usual.
    """

    model: str
    revision: str
    target_class: str
    align_layer: int
    sentences: Mapping[str, LessonSentence]
    couples: Mapping[str, Couple]
    pivot: str = _PIVOT
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LessonOf:
    """What decides a lesson on a pair of one's own: a model and two texts in two languages."""

    model: ModelInfo
    source: Sentence
    target: Sentence
    config: Config = field(default_factory=Config)

    @property
    def key(self) -> str:
        """Its address in the store."""
        texts = [side.identity for side in (self.source, self.target)]
        info = self.model
        return key_of("lesson", _VERSION, self.config.fingerprint, info.id, info.revision, texts)


def find_lesson(wanted: LessonOf) -> Lesson | None:
    """The lesson that was measured before, or None; no model has to be in memory."""
    payload = read_entry(cache_root() / "lessons", wanted.key)
    if payload is None:
        return None
    try:
        return lesson_of(payload)
    except (KeyError, TypeError, ValueError):
        _log.warning("lesson %s has another form; it is measured again", wanted.key[:12])
        return None


def keep_lesson(payload: Mapping[str, Any], wanted: LessonOf) -> None:
    """Stores a lesson, where texts are kept; else it is measured again the next time."""
    if not keeps_texts():
        return
    root = cache_root() / "lessons"
    try:
        write_entry(root, wanted.key, payload)
    except OSError as error:
        _log.warning("a lesson was not kept: %s can't be written (%s)", root, error.strerror)


def read_lesson(path: Path = LESSON) -> Lesson:
    """Reads the stored lesson; it needs no model and no torch.

    Raises DamagedFileError where the file is missing or is not a lesson of this form.
    """
    try:
        return lesson_of(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedFileError(
            f"{path} is not a lesson; install the package anew, or in a clone make it again with "
            "python -m research.zoo.lesson"
        ) from error


_TUPLES = ("texts", "words", "segments", "special_shares")


def lesson_of(data: Mapping[str, Any]) -> Lesson:
    """The lesson that a payload holds. Raises KeyError, TypeError or ValueError for any other."""
    if data["form"] != FORM:
        raise ValueError(f"form {data['form']}, expected {FORM}")
    return Lesson(
        **{name: data[name] for name in ("model", "revision", "target_class", "align_layer")},
        sentences=_each(data["sentences"], _lesson_sentence),
        couples=_each(data["couples"], _couple),
        pivot=data.get("pivot", _PIVOT),
        notices=tuple(data.get("notices", ())),
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
