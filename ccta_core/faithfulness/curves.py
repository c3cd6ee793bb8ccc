"""How a prediction falls as one item's words go in the order of their masses; loads no torch."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ccta_core.config import Config, cache_root
from ccta_core.languages import language
from ccta_core.models.catalog import ModelInfo
from ccta_core.permissions import keeps_texts
from ccta_core.store.files import key_of, read_entry, write_entry
from ccta_core.text import count, number
from ccta_core.types import Sentence

_log = logging.getLogger(__name__)
DRAWS = 19
"""Random orders beside the masses': one that is better than all of them has p = 1/20."""
MOST_STEPS = 12
"""Steps of a curve at most: of a longer text, several words go at once."""
_VERSION = 1
"""Version of stored curves: raised when their meaning changes."""
_NO_ROOM = 1e-6
"""Where all orders leave the same probability to this much, none is better than another."""


@dataclass(frozen=True, slots=True, eq=False)
class DeletionCurves:
    """The probability of the explained class of one text as its units are removed.

    Shape: `removed` (steps + 1,), how many units are gone, from 0 to all; `largest_first` and
    `smallest_first` (steps + 1,), in descending and ascending order of mass; `random`
    (DRAWS, steps + 1). `order` has the units' texts in descending order of mass. `flip` is how many
    units are gone, largest first, at the first step where the explained class is not predicted any
    more; None where it always is, or isn't of the whole text.
    """

    lang: str
    explained: str
    order: tuple[str, ...]
    removed: np.ndarray
    largest_first: np.ndarray
    smallest_first: np.ndarray
    random: np.ndarray
    flip: int | None

    @property
    def left(self) -> float:
        """The mean probability over all steps, largest mass first (1 - AOPC of the whole)."""
        return float(self.largest_first[1:].mean())

    @property
    def left_at_random(self) -> np.ndarray:
        """The same of every random order. Shape: (DRAWS,)."""
        return self.random[:, 1:].mean(1)

    @property
    def left_smallest_first(self) -> float:
        """The mean probability over all steps, smallest mass first."""
        return float(self.smallest_first[1:].mean())

    @property
    def faster_than(self) -> int:
        """Random orders in which the probability falls less than with the largest mass first."""
        return int((self.left_at_random > self.left + _NO_ROOM).sum())

    @property
    def slower_than(self) -> int:
        """Random orders in which it falls more than with the smallest mass first."""
        return int((self.left_at_random < self.left_smallest_first - _NO_ROOM).sum())

    @property
    def shown(self) -> bool:
        """Whether the masses name units that the model uses: faster than every random order."""
        return self.faster_than == len(self.random)

    @property
    def changes(self) -> bool:
        """Whether the order of removal matters at all."""
        areas = [*self.left_at_random, self.left, self.left_smallest_first]
        return bool(np.ptp(areas) > _NO_ROOM)

    @property
    def sentence(self) -> str:
        """What the curves say of this text, in plain words."""
        name = language(self.lang).name
        if not self.changes:
            return f"{name}: whichever words go first, the prediction changes in the same way."
        draws = len(self.random)
        head = (
            "the model uses the words of the largest mass"
            if self.shown
            else "not shown that the model uses the words of the largest mass"
        )
        return (
            f"{name}: {head}. The probability of {self.explained}, "
            f"{number(self.largest_first[0])} of the whole text, is {number(self.left)} on average "
            f"while they go first, against {number(float(self.left_at_random.mean()))} in random "
            f"order: lower than in {self.faster_than} of {draws} random orders. While the words of "
            "the smallest mass go first it stays higher than in "
            f"{self.slower_than} of {draws}.{self._flip_text}"
        )

    @property
    def _flip_text(self) -> str:
        if self.flip is None:
            return ""
        gone = f"{self.flip} of {count(len(self.order), 'word')}"
        return f" With {gone} gone, largest mass first, something else is predicted."

    def payload(self) -> dict[str, Any]:
        """Plain numbers and strings."""
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name in self.__slots__
            for value in [getattr(self, name)]
        }

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> Self:
        """The curves a payload was made from. Raises KeyError or TypeError where it is none."""
        arrays = {name: np.array(payload[name]) for name in _ARRAYS}
        return cls(**{**payload, **arrays, "order": tuple(payload["order"])})


_ARRAYS = ("removed", "largest_first", "smallest_first", "random")


@dataclass(frozen=True, slots=True, eq=False)
class PairCurves:
    """The curves of both texts of a pair; `replacement` is what words become: pad or mask."""

    replacement: str
    source: DeletionCurves
    target: DeletionCurves

    @property
    def sides(self) -> tuple[DeletionCurves, DeletionCurves]:
        """Source and target."""
        return self.source, self.target

    def payload(self) -> dict[str, Any]:
        """Plain numbers and strings."""
        return {
            "replacement": self.replacement,
            "source": self.source.payload(),
            "target": self.target.payload(),
        }

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> Self:
        """The curves a payload was made from. Raises KeyError or TypeError where it is none."""
        sides = (DeletionCurves.from_payload(payload[name]) for name in ("source", "target"))
        return cls(payload["replacement"], *sides)


@dataclass(frozen=True, slots=True)
class CurvesOf:
    """What decides curves: two texts as they are compared, and what a removed word becomes."""

    model: ModelInfo
    source: Sentence
    target: Sentence
    config: Config
    replacement: str = "pad"

    @property
    def key(self) -> str:
        """Their address in the store."""
        texts = [side.identity for side in (self.source, self.target)]
        info = self.model
        return key_of(
            "curves", _VERSION, self.config.fingerprint, info.id, info.revision, texts,
            self.replacement,
        )  # fmt: skip


def find_curves(wanted: CurvesOf) -> PairCurves | None:
    """The curves that were measured before, or None; no model has to be in memory."""
    payload = read_entry(cache_root() / "curves", wanted.key)
    if payload is None:
        return None
    try:
        return PairCurves.from_payload(payload)
    except (KeyError, TypeError, ValueError):
        _log.warning("curves %s have another form; they are measured again", wanted.key[:12])
        return None


def keep_curves(curves: PairCurves, wanted: CurvesOf) -> None:
    """Stores curves, where texts are kept; where they can't be, they are measured again the next
    time.
    """
    if not keeps_texts():
        return
    root = cache_root() / "curves"
    try:
        write_entry(root, wanted.key, curves.payload())
    except OSError as error:
        _log.warning("curves were not kept: %s can't be written (%s)", root, error.strerror)
