"""Reads what an adjustment did to the lesson's sentence, measured once (`research.adjustment`).

It is read without a model.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ccta_core.errors import DamagedFileError

PULLING = Path(__file__).with_suffix(".json")
FORM = 1
"""Version of the file's form."""
ARMS = ("original", "adjusted", "placebo")


@dataclass(frozen=True, slots=True)
class WordDistance:
    """A word of a text beside an English one: their cosine distance in each arm run, in [0, 2].

    `text` is 0 for the premise, 1 for the hypothesis; `related` words are linked by the original.
    """

    text: int
    english: str
    foreign: str
    related: bool
    distances: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Pulling:
    """The lesson's sentence before and after an adjustment for `lang` and its placebo.

    `layer` is the last one, where an adjustment pulls; `pairs` sentence pairs were learnt from.
    """

    lang: str
    layer: int
    pairs: int
    seed: int
    models: Mapping[str, str]
    revisions: Mapping[str, str]
    word_pairs: Mapping[str, tuple[WordDistance, ...]]
    """By the language that English is beside."""

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms that were run, in order."""
        return tuple(arm for arm in ARMS if arm in self.models)


@dataclass(frozen=True, slots=True)
class ArmSummary:
    """An arm's mean distances of related and unrelated words, and how well it tells them apart."""

    related: float
    unrelated: float
    auc: float
    """The share of (unrelated, related) pairs of which the unrelated one is farther; ties half."""


def summarise(word_pairs: tuple[WordDistance, ...], arm: str) -> ArmSummary:
    """Returns an arm's numbers over all word pairs of a language."""
    near = [pair.distances[arm] for pair in word_pairs if pair.related]
    far = [pair.distances[arm] for pair in word_pairs if not pair.related]
    wins = sum((x > y) + (x == y) / 2 for x in far for y in near)
    return ArmSummary(sum(near) / len(near), sum(far) / len(far), wins / (len(near) * len(far)))


def read_pulling(path: Path = PULLING) -> Pulling:
    """Reads the stored distances.

    Raises DamagedFileError where the file is missing or is of another form.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data.pop("form") != FORM:
            raise ValueError("form")
        data["word_pairs"] = MappingProxyType(
            {
                code: tuple(WordDistance(**pair) for pair in pairs)
                for code, pairs in data["word_pairs"].items()
            }
        )
        return Pulling(**data)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedFileError(
            f"{path} is not what an adjustment did to the lesson; install the package anew, or in "
            "a clone make it again with python -m research.adjustment.lesson"
        ) from error
