"""EMS and its gain over shuffled masses for every item, pair of languages and setting."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ccta_core.attribution.integrated_gradients import unit_means, unit_sums
from ccta_core.attribution.methods import method
from ccta_core.attribution.protocol import Baseline, Request, Scores, Stop, never
from ccta_core.attribution.readings import Reading, baselines, read
from ccta_core.config import Config
from ccta_core.consistency import Compared, SideMass, mass, shuffled
from ccta_core.corpus.labels import class_of
from ccta_core.errors import CctaError
from ccta_core.models.catalog import SCORES
from ccta_core.models.heads import Target
from ccta_core.models.model import Encoded, Model
from ccta_core.sensitivity.settings import Question, Setting
from ccta_core.space.maps import similarities
from ccta_core.transport import ems
from ccta_core.types import ParallelExample, in_order

Key = tuple[int, str, str]
"""(item, language, class): what is attributed once."""


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What one setting gives. Shape: `ems` and `gain` (items, pairs); the rest are means.

    `completeness_error` and `converged` are None where the method claims no completeness;
    `uniform` is the share of sides on which no unit had attribution of the mass's kind.
    """

    setting: Setting
    ems: np.ndarray
    gain: np.ndarray
    completeness_error: float | None
    converged: float | None
    evaluations: float
    special_share: float
    uniform: float


@dataclass(frozen=True, slots=True, eq=False)
class Measurements:
    """All settings in order and two controls, both (items, pairs).

    `uniform` is EMS without attributions; `repeat` the gain of the first setting with other
    shuffles: how far a ranking by gain agrees with itself.
    """

    settings: tuple[Measured, ...]
    uniform: np.ndarray
    notices: tuple[str, ...]
    repeat: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class _Sides:
    """Every sentence read once, and which class is explained of it in which pair.

    `baselines` is kind -> sentence -> baseline; `cells[item][pair]` holds the two keys,
    `similarity[item][pair]` the cosines of their units.
    """

    encoded: Mapping[tuple[int, str], Encoded]
    readings: Mapping[tuple[int, str], Reading]
    baselines: Mapping[str, Mapping[tuple[int, str], Baseline]]
    cells: tuple[tuple[tuple[Key, Key], ...], ...]
    similarity: tuple[tuple[np.ndarray, ...], ...]
    notices: tuple[str, ...]

    @property
    def keys(self) -> list[Key]:
        """Every key once, in order."""
        return list(dict.fromkeys(key for row in self.cells for cell in row for key in cell))


@dataclass(frozen=True, slots=True, eq=False)
class _Attributed:
    """One sentence under one method, summed over units. Shape: `scores`, `norms` (units,)."""

    scores: np.ndarray
    norms: np.ndarray | None
    found: Scores
    special_share: float


def measure(
    model: Model,
    question: Question,
    say: Callable[[str], None] = lambda _line: None,
    stop: Stop = never,
) -> Measurements:
    """Measures every setting; each sentence is read once, each method runs once for all masses.

    The shuffles are drawn from one seed: every setting is compared with the same permutations.
    Raises CctaError on a layer or class the model does not have, StoppedError on `stop`.
    """
    for setting in question.settings:
        model.check_layer(setting.layer)
    sides = _sides(model, question)
    found: dict[Setting, Measured] = {}
    runs = list(dict.fromkeys((s.method, s.layer, s.baseline) for s in question.settings))
    for number, run in enumerate(runs, 1):
        settings = [s for s in question.settings if (s.method, s.layer, s.baseline) == run]
        label = " ".join(str(part) for part in run if part is not None)
        say(f"{number}/{len(runs)} {label}: {len(sides.keys)} sentences")
        attributed = _attributed(model, sides, settings, question.config, stop)
        for setting in settings:
            found[setting] = _measured(setting, sides, attributed, question.config)
        if question.settings[0] in settings:
            other = replace(question.config, seed=(question.config.seed + 1) % 2**32)
            repeat = _measured(question.settings[0], sides, attributed, other).gain
    return Measurements(
        tuple(found[setting] for setting in question.settings),
        _uniform(sides),
        sides.notices,
        repeat,
    )


def _sides(model: Model, question: Question) -> _Sides:
    places = [
        (index, lang)
        for index in range(len(question.items))
        for lang in dict.fromkeys(lang for pair in question.pairs for lang in pair)
    ]
    rows = [model.encode(question.items[index].sentences[lang]) for index, lang in places]
    config = question.config
    at = model.info.align_layer if config.align_layer is None else config.align_layer
    layers = sorted({at, *(setting.layer for setting in question.settings)})
    kinds = dict.fromkeys(s.baseline for s in question.settings if s.baseline)
    starts = {kind: baselines(model, rows, layers, kind=kind) for kind in kinds}
    read_rows = read(model, rows, layers)
    encoded = dict(zip(places, rows, strict=True))
    readings = dict(zip(places, read_rows, strict=True))
    states = {place: _unit_states(encoded[place], readings[place], at) for place in places}
    spaces = [
        [
            similarities(
                model.info, at, ((a, states[index, a]), (b, states[index, b])), config.space
            )
            for a, b in question.pairs
        ]
        for index in range(len(question.items))
    ]
    notices = dict.fromkeys(space.notice for row in spaces for space in row if space.notice)
    return _Sides(
        encoded,
        readings,
        {kind: dict(zip(places, found, strict=True)) for kind, found in starts.items()},
        tuple(_cells(model, question, readings)),
        tuple(tuple(space.similarity for space in row) for row in spaces),
        tuple(notices),
    )


def _unit_states(encoded: Encoded, reading: Reading, layer: int) -> np.ndarray:
    """The mean of each unit's subword states. Shape: (units, width)."""
    return unit_means(encoded, reading.states[layer].cpu().numpy())


def _cells(
    model: Model, question: Question, readings: Mapping[tuple[int, str], Reading]
) -> Iterator[tuple[tuple[Key, Key], ...]]:
    """The two keys of every pair, an item at a time."""
    for index, item in enumerate(question.items):
        row = []
        for source, target in question.pairs:
            label = _label(model, item, readings[index, source], question.target)
            row.append(((index, source, label), (index, target, label)))
        yield tuple(row)


def _label(model: Model, item: ParallelExample, reading: Reading, kind: str) -> str:
    """The class that both sides of an item explain."""
    if len(reading.logits) != 1:
        raise CctaError(f"{model.id} is no classifier; the sensitivity of classes is measured")
    if kind == "source":
        if model.info.outputs == SCORES and len(model.labels) > 1:
            raise CctaError(f"{model.id} gives several scores, of which none is the prediction")
        return model.labels[int(reading.logits[0].argmax())]
    label = None if item.label is None else class_of(item.label, model.labels)
    if label is None:
        raise CctaError(
            f"item {item.id} has the gold label {item.label!r}, {model.id} knows: "
            f"{', '.join(model.labels)}; use --target-class source"
        )
    return label


def _attributed(
    model: Model, sides: _Sides, settings: Sequence[Setting], config: Config, stop: Stop
) -> dict[Key, _Attributed]:
    """One call of a method for all sentences; vectors only where a mass needs them."""
    first = settings[0]
    config = replace(
        config,
        layer=first.layer,
        baseline=first.baseline or config.baseline,
        mass="norm" if any(setting.mass == "norm" for setting in settings) else "abs",
    )
    starts = sides.baselines.get(first.baseline or "", {})
    requests = [
        Request(
            encoded=sides.encoded[key[:2]],
            states=sides.readings[key[:2]].states[first.layer],
            target=Target(((0, model.class_index(key[2])),)),
            baseline=starts.get(key[:2]),
            logits=sides.readings[key[:2]].logits,
        )
        for key in sides.keys
    ]
    found = method(first.method)(model, requests, config, stop)
    return {
        key: _summed(request.encoded, scores)
        for key, request, scores in zip(sides.keys, requests, found, strict=True)
    }


def _summed(encoded: Encoded, found: Scores) -> _Attributed:
    absolute = np.abs(found.scores)
    total = absolute.sum()
    vectors = found.vectors
    return _Attributed(
        scores=unit_sums(encoded, found.scores),
        norms=None if vectors is None else np.linalg.norm(unit_sums(encoded, vectors), axis=1),
        found=replace(found, vectors=None),
        special_share=float(absolute[encoded.special.numpy()].sum() / total) if total > 0 else 0.0,
    )


def _measured(
    setting: Setting, sides: _Sides, attributed: Mapping[Key, _Attributed], config: Config
) -> Measured:
    masses = {key: mass(one.scores, one.norms, setting.mass) for key, one in attributed.items()}
    ready = {
        key: _side(sides.encoded[key[:2]], one, masses[key][0]) for key, one in attributed.items()
    }
    values = np.empty((len(sides.cells), len(sides.cells[0]), 2))
    for item, row in enumerate(sides.cells):
        for pair, (a, b) in enumerate(row):
            similarity = sides.similarity[item][pair]
            plan = ems(ready[a].mass, ready[b].mass, similarity)
            drawn = Compared(ready[a], ready[b], similarity, plan)
            source, target = (sides.encoded[key[:2]].sentence for key in (a, b))
            if in_order(source, target)[0] != source:
                drawn = drawn.turned  # as `compare` draws, whichever side is called source
            null = shuffled(
                drawn.source, drawn.target, drawn.similarity,
                shuffles=config.shuffles, seed=config.seed,
            )  # fmt: skip
            values[item, pair] = plan.ems, plan.ems - null.mean()
    found = [one.found for one in attributed.values()]
    errors = [one.completeness_error for one in found if one.completeness_error is not None]
    return Measured(
        setting=setting,
        ems=values[..., 0],
        gain=values[..., 1],
        completeness_error=float(np.mean(errors)) if errors else None,
        converged=float(np.mean([one.converged for one in found])) if errors else None,
        evaluations=float(np.mean([one.evaluations for one in found])),
        special_share=float(np.mean([one.special_share for one in attributed.values()])),
        uniform=float(np.mean([flag for _, flag in masses.values()])),
    )


def _side(encoded: Encoded, one: _Attributed, masses: np.ndarray) -> SideMass:
    units = [unit for found in encoded.maps for unit in found.units]
    counts = unit_sums(encoded, np.ones(encoded.length))
    return SideMass(masses, one.scores, np.array([unit.segment for unit in units]), counts)


def _uniform(sides: _Sides) -> np.ndarray:
    """EMS of equal masses: what the embeddings give without any attribution."""
    return np.array(
        [
            [ems(np.ones(len(one)), np.ones(one.shape[1]), one).ems for one in row]
            for row in sides.similarity
        ]
    )
