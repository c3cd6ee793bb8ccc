"""Fits the plane of a model's common space on the demo corpus, and finds words on it."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self
from weakref import WeakKeyDictionary

import numpy as np

from ccta_core.attribution.integrated_gradients import unit_means
from ccta_core.attribution.protocol import Stop, never
from ccta_core.config import cache_root
from ccta_core.corpus.demo import DEMO_PARTS, read_demo
from ccta_core.errors import CctaError, StoppedError
from ccta_core.models.model import Model
from ccta_core.pipeline.pairs import check_pair
from ccta_core.pipeline.sentences import Input, forward, pair_label, select_targets
from ccta_core.projection.places import (
    FOLDER,
    PairPlaces,
    Places,
    PlacesOf,
    PlaneFacts,
    find_places,
    keep_entry,
    keep_places,
    model_parts,
)
from ccta_core.projection.plane import Plane
from ccta_core.space.maps import into_space, normal, usable_space
from ccta_core.store.files import key_of, read_entry
from ccta_core.types import ParallelExample, Sentence

_VERSION = 1
"""Version of stored planes: raised when what they are fitted on changes."""
_AT_ONCE = 16
"""Sentences between two looks at `stop`."""
_GROUPS = 20
"""Groups of the demo corpus that a plane is fitted on: about 6,500 words in 14 languages."""


@dataclass(frozen=True, slots=True, eq=False)
class FittedPlane:
    """A plane and what is said of it."""

    plane: Plane
    facts: PlaneFacts

    def payload(self) -> dict[str, Any]:
        """Plain numbers and strings."""
        plane = {"mean": self.plane.mean.tolist(), "axes": self.plane.axes.tolist()}
        return {**plane, "facts": asdict(self.facts)}

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> Self:
        """Returns the plane a payload was made from. Raises KeyError, TypeError or ValueError where
        it is none.
        """
        facts = dict(payload["facts"])
        first, second = facts.pop("explained")
        mean, axes = (np.array(payload[name], float) for name in ("mean", "axes"))
        if axes.shape != (2, len(mean)):
            raise ValueError(f"axes of shape {axes.shape} for a mean of {len(mean)}")
        facts_of = PlaneFacts(**facts, explained=(first, second))
        return cls(Plane(mean, axes, np.array([first, second])), facts_of)


_remembered: WeakKeyDictionary[Model, dict[str, FittedPlane]] = WeakKeyDictionary()


def fixed_plane(model: Model, layer: int, space: str, stop: Stop = never) -> FittedPlane:
    """Returns the plane of a model's words at a layer in a space: the same whatever is shown on it.

    The first two principal components of the unit vectors of all words of the demo corpus, one
    item a group in every language that has what the space needs; fitted once and kept in the
    cache. Raises CctaError where the demo corpus has nothing for the model's task, StoppedError
    soon after `stop` is true.
    """
    key = key_of("plane", _VERSION, *model_parts(model.info, space), layer, space)
    remembered = _remembered.setdefault(model, {})
    if key not in remembered:
        fitted = _stored(key)
        if fitted is None:
            fitted = _fit(model, layer, space, stop)
            keep_entry(key, fitted.payload())
        remembered[key] = fitted
    return remembered[key]


def measure_places(model: Model, wanted: PlacesOf, stop: Stop = never) -> Places:
    """Returns where the words of pairs lie on the fixed plane of the space that the transport of
    their languages reads.

    Raises CctaError where a pair can't be compared or the pairs are not of the same two languages,
    StoppedError soon after `stop` is true.
    """
    if not wanted.pairs:
        raise CctaError("there is no pair to place; expected one or more")
    first = wanted.pairs[0]
    langs = (first[0].lang, first[1].lang)
    for source, target in wanted.pairs:
        check_pair(model, source, target, wanted.config)
        if (source.lang, target.lang) != langs:
            raise CctaError(
                f"pairs of {' and '.join(langs)} and of {source.lang} and {target.lang} can lie in "
                "two spaces; place each two languages by themselves"
            )
    space = usable_space(model.info, wanted.align_layer, langs, wanted.config.space).name
    fitted = fixed_plane(model, wanted.align_layer, space, stop)
    vectors = list(_read_pairs(model, wanted, space, stop))
    pairs = [PairPlaces(*map(fitted.plane.project, sides)) for sides in vectors]
    words = np.concatenate([side for sides in vectors for side in sides])
    return Places(fitted.facts, tuple(pairs), fitted.plane.share(words))


def measure_places_cached(model: Model, wanted: PlacesOf, stop: Stop = never) -> Places:
    """Finds places through the store: what is known is read, what is new is kept."""
    places = find_places(wanted)
    if places is None:
        places = measure_places(model, wanted, stop)
        keep_places(places, wanted)
    return places


def _read_pairs(
    model: Model, wanted: PlacesOf, space: str, stop: Stop
) -> Iterator[list[np.ndarray]]:
    """Yields the unit vectors of both sides of each pair, in the window that is compared."""
    layer = wanted.align_layer
    for pair in wanted.pairs:
        _obey(stop)
        passes = forward(model, pair, [layer])
        label = pair_label(model, passes[0], wanted.config)
        inputs = select_targets(model, passes, label, [layer])
        yield [_unit_vectors(model, each, layer, space) for each in inputs]


def _unit_vectors(model: Model, read: Input, layer: int, space: str) -> np.ndarray:
    """Returns what the transport takes cosines of: units in the space, each of length 1."""
    states = unit_means(read.encoded, read.reading.states[layer].cpu().numpy())
    return normal(into_space(model.info, layer, read.encoded.sentence.lang, states, space))


def _fit(model: Model, layer: int, space: str, stop: Stop) -> FittedPlane:
    sentences = _demo_sentences(model, layer, space)
    vectors = []
    for start in range(0, len(sentences), _AT_ONCE):
        _obey(stop)
        passes = forward(model, sentences[start : start + _AT_ONCE], [layer])
        inputs = select_targets(model, passes, "each", [layer])
        vectors += [_unit_vectors(model, each, layer, space) for each in inputs]
    words = np.concatenate(vectors)
    plane = Plane.fit(words).turned()
    first, second = plane.explained.tolist()
    languages = len({sentence.lang for sentence in sentences})
    facts = PlaneFacts(space, layer, len(words), languages, (first, second))
    return FittedPlane(plane, facts)


def _demo_sentences(model: Model, layer: int, space: str) -> list[Sentence]:
    """Returns one item a group, in every language that lies in the space; at most `_GROUPS`."""
    part = DEMO_PARTS.get(model.info.task)
    if part is None:
        raise CctaError(
            f"the demo corpus has nothing for the task {model.info.task}, so there is no plane of "
            f"its words; expected a model for one of: {', '.join(DEMO_PARTS)}"
        )
    groups: dict[str, ParallelExample] = {}
    for item in read_demo(part):
        groups.setdefault(str(item.group), item)
    return [
        sentence
        for item in list(groups.values())[:_GROUPS]
        for lang, sentence in item.sentences.items()
        if usable_space(model.info, layer, (lang, lang), space).name == space
    ]


def _stored(key: str) -> FittedPlane | None:
    payload = read_entry(cache_root() / FOLDER, key)
    try:
        return None if payload is None else FittedPlane.from_payload(payload)
    except (KeyError, TypeError, ValueError):
        return None  # of another form: fitted again


def _obey(stop: Stop) -> None:
    if stop():
        raise StoppedError("stopped before there was a result")
