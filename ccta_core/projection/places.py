"""Where the words of pairs lie on the fixed plane of their common space; loads no torch."""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from ccta_core.config import Config, cache_root
from ccta_core.models.catalog import ModelInfo, file_sums
from ccta_core.models.identity import MAPS
from ccta_core.permissions import keeps_texts
from ccta_core.store.files import key_of, read_entry, write_entry
from ccta_core.types import Sentence

_log = logging.getLogger(__name__)
FOLDER = "planes"
"""In the cache: planes, and the places of pairs on them."""
_VERSION = 1
"""Version of stored places: raised when their meaning changes."""


@dataclass(frozen=True, slots=True)
class PlacesOf:
    """What decides places: a model, pairs of texts in the same two languages, and the settings of
    their comparison.
    """

    model: ModelInfo
    pairs: tuple[tuple[Sentence, Sentence], ...]
    config: Config

    @property
    def align_layer(self) -> int:
        """The layer of the embeddings that are compared."""
        layer = self.config.align_layer
        return self.model.align_layer if layer is None else layer

    @property
    def key(self) -> str:
        """Their address in the store: only what moves a word, so no layer of attribution."""
        texts = [[side.identity for side in pair] for pair in self.pairs]
        config = self.config
        return key_of(
            "places", _VERSION, *model_parts(self.model, config.space), self.align_layer,
            config.space, config.target_class, texts,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class PlaneFacts:
    """What a picture says of its plane.

    `space` is the space that was really used, at `layer`; the plane was fitted on `words` unit
    vectors of the demo corpus in `languages` languages; `explained` is each direction's share of
    their variance.
    """

    space: str
    layer: int
    words: int
    languages: int
    explained: tuple[float, float]

    @property
    def kept(self) -> float:
        """The share of the demo words' variance on the plane."""
        return sum(self.explained)


@dataclass(frozen=True, slots=True, eq=False)
class PairPlaces:
    """The words of a pair on the plane. Shape: `source` and `target` (units, 2).

    A sentence lies at the mean of its words: the place of the mean of their unit vectors.
    """

    source: np.ndarray
    target: np.ndarray

    @property
    def sentences(self) -> np.ndarray:
        """Where both sentences lie. Shape: (2, 2), source and target by x and y."""
        return np.stack([self.source.mean(0), self.target.mean(0)])


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Pairs on one plane, in order; `share` is how much of the variance of their words lies on
    it.
    """

    plane: PlaneFacts
    pairs: tuple[PairPlaces, ...]
    share: float

    def payload(self) -> dict[str, Any]:
        """Plain numbers and strings."""
        pairs = [[pair.source.tolist(), pair.target.tolist()] for pair in self.pairs]
        return {"plane": asdict(self.plane), "pairs": pairs, "share": self.share}

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> Self:
        """The places a payload was made from. Raises KeyError, TypeError or ValueError where it is
        none.
        """
        facts = dict(payload["plane"])
        first, second = facts.pop("explained")
        pairs = [(np.array(s, float), np.array(t, float)) for s, t in payload["pairs"]]
        if any(side.ndim != 2 or side.shape[1] != 2 for pair in pairs for side in pair):
            raise ValueError("expected two coordinates a word")
        plane = PlaneFacts(**facts, explained=(first, second))
        return cls(plane, tuple(PairPlaces(*pair) for pair in pairs), float(payload["share"]))


def model_parts(info: ModelInfo, space: str) -> list[Any]:
    """Returns what of a model decides its words' vectors; the revision leaves out the maps."""
    maps = file_sums(info, [MAPS]) if space == "procrustes" else {}
    return [info.id, info.revision, maps]


def find_places(wanted: PlacesOf) -> Places | None:
    """Returns the places that were found before, or None; no model has to be in memory."""
    payload = read_entry(cache_root() / FOLDER, wanted.key)
    if payload is None:
        return None
    try:
        return Places.from_payload(payload)
    except (KeyError, TypeError, ValueError):
        _log.warning("places %s have another form; they are found again", wanted.key[:12])
        return None


def keep_places(places: Places, wanted: PlacesOf) -> None:
    """Stores places, where texts are kept; where they can't be, they are found again the next
    time.
    """
    if keeps_texts():
        keep_entry(wanted.key, places.payload())


def keep_entry(key: str, payload: Mapping[str, Any]) -> None:
    """Stores a plane or places; a folder that can't be written is logged and costs the saving."""
    root = cache_root() / FOLDER
    try:
        write_entry(root, key, payload)
    except OSError as error:
        _log.warning("places were not kept: %s can't be written (%s)", root, error.strerror)
