"""Measures a lesson: what every step of the page Learn shows of one text in several languages."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from scipy.interpolate import CubicSpline

from ccta_core.attribution.batches import in_batches
from ccta_core.attribution.integrated_gradients import unit_means, unit_sums
from ccta_core.attribution.protocol import Stop, never
from ccta_core.attribution.quadrature import completeness_error
from ccta_core.attribution.rates import Path, rates
from ccta_core.attribution.readings import baselines
from ccta_core.config import Config, Quadrature
from ccta_core.errors import CctaError, StoppedError
from ccta_core.models.catalog import CLASSES
from ccta_core.models.model import Model
from ccta_core.pipeline import attribute, attribute_layers
from ccta_core.pipeline.pairs import check_pair, compare_cached
from ccta_core.pipeline.sentences import Input, forward, select_targets
from ccta_core.projection.plane import Plane
from ccta_core.result import PairResult
from ccta_core.space.maps import cosine, into_space, normal, similarities
from ccta_core.transport import ems
from ccta_core.types import Sentence
from ccta_core.zoo.lesson import FORM, Lesson, LessonOf, find_lesson, keep_lesson, lesson_of

MOST_WORDS = 30
"""Words of a text of one's own, premise and hypothesis together: more fit into no picture."""
_STEPS = 100
_ESTIMATES = (2, 3, 5, 9, 17, 33, 65, 129)
_SPACES = {"raw": "none", "centered": "centered"}
_TIGHT = Quadrature(tolerance=1e-3)
"""The scores are what every step is held against: finer than the product's own settings."""
Early = Callable[[Sequence[Lesson]], None]
"""Is given the lesson so far, without couples, in a list of one."""


@dataclass(frozen=True, slots=True, eq=False)
class _Nodes:
    """Points (points,), F there, dF/dalpha by token (points, tokens) and by word, the specials
    last.
    """

    points: np.ndarray
    values: np.ndarray
    by_token: np.ndarray
    by_word: np.ndarray

    def at(self, points: np.ndarray) -> "_Nodes":
        """Returns those of some of the points."""
        chosen = np.searchsorted(self.points, points)
        return _Nodes(points, self.values[chosen], self.by_token[chosen], self.by_word[chosen])


def measure_lesson(model: Model, wanted: LessonOf, stop: Stop, early: Early) -> Lesson:
    """Measures the lesson on a pair through the store: what is known is read, what is new is kept.

    `early` is given the lesson so far after each sentence, before the two are compared. Raises
    CctaError on texts that the model can't compare, of one language, or of more than MOST_WORDS
    words; StoppedError soon after `stop` is true.
    """
    known = find_lesson(wanted)
    if known is not None:
        return known
    source, target = wanted.source, wanted.target
    check_lesson(model, source, target, wanted.config)
    label = str(attribute(model, [source], wanted.config)[0].predicted)
    config = replace(wanted.config, target_class=label, quadrature=_TIGHT)
    sentences = {side.lang: side for side in (source, target)}
    payload = lesson_payload(
        model, sentences, config, stop, lambda so_far: early([lesson_of(so_far)])
    )

    def compare(first: Sentence, second: Sentence) -> PairResult | None:
        # A text beside itself is there to be looked at, not to be tested against other sentences.
        return (
            None if first == second else compare_cached(model, first, second, wanted.config, stop)
        )

    payload = with_couples(model, sentences, payload, compare)
    keep_lesson(payload, wanted)
    return lesson_of(payload)


def check_lesson(model: Model, source: Sentence, target: Sentence, config: Config) -> None:
    """Raises CctaError, one line, where these two make no lesson of this model."""
    if model.info.outputs != CLASSES:
        raise CctaError(f"the columns of {model.id} are no classes; expected a model with classes")
    if source.lang == target.lang:
        raise CctaError("both texts are in one language; choose two different languages")
    check_pair(model, source, target, config)
    for sentence in (source, target):
        words = sum(len(part.members) for part in model.encode(sentence).maps)
        if words > MOST_WORDS:
            raise CctaError(
                f"the {sentence.lang} text has {words} words; Learn shows at most {MOST_WORDS}, "
                "Pair shows longer ones"
            )


def lesson_payload(
    model: Model,
    sentences: Mapping[str, Sentence],
    config: Config,
    stop: Stop = never,
    early: Callable[[dict[str, Any]], None] = lambda payload: None,
) -> dict[str, Any]:
    """Every sentence by itself, as JSON takes it, `config.target_class` explained in all; the first
    is the one that `with_couples` compares with the others.

    `early` is given the payload with the sentences so far, after each. Raises StoppedError.
    """
    payload: dict[str, Any] = {
        "form": FORM,
        "model": model.id,
        "revision": model.revision,
        "target_class": config.target_class,
        "align_layer": model.info.align_layer,
        "pivot": next(iter(sentences)),
        "sentences": {},
        "couples": {},
    }
    for lang, sentence in sentences.items():
        payload["sentences"][lang] = _sentence(model, sentence, config, stop)
        early(payload)
    return payload


def with_couples(
    model: Model,
    sentences: Mapping[str, Sentence],
    payload: Mapping[str, Any],
    compare: Callable[[Sentence, Sentence], PairResult | None],
) -> dict[str, Any]:
    """The payload with its first sentence beside every one, itself included.

    `compare` gives the pair's controls, or None where they are not wanted.
    """
    pivot = payload["pivot"]
    couples, notices = {}, []
    for lang, sentence in sentences.items():
        couples[lang], notice = _couple(model, (sentences[pivot], sentence), payload["sentences"])
        result = compare(sentences[pivot], sentence)
        unrelated = None if result is None else result.controls.ems_unrelated
        couples[lang]["unrelated"] = None if unrelated is None else _round(unrelated, 6)
        notices += [notice] if notice and lang != pivot else []
    return {**payload, "couples": couples, **({"notices": notices} if notices else {})}


def _sentence(model: Model, sentence: Sentence, config: Config, stop: Stop) -> dict[str, Any]:
    attribution = attribute(model, [sentence], config)[0]
    usual = attribute(model, [sentence], replace(config, quadrature=Quadrature()))[0]
    _check_wanted(stop)
    item = _input(model, sentence, config.target_class)
    members = [group for part in item.encoded.maps for group in part.members]
    word_of = {token: word for word, group in enumerate(members) for token in group}
    logits = _logits(model, item, np.linspace(0, 1, _STEPS + 1).tolist(), stop)
    chances = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
    label = model.labels.index(config.target_class)
    shown, grid = (np.linspace(0, 1, count) for count in (_STEPS + 1, _ESTIMATES[-1]))
    nodes = _nodes(model, item, config, np.union1d(shown, grid), stop)
    return {
        "lang": sentence.lang,
        "texts": sentence.segments,
        "words": [unit.text for unit in attribution.units],
        "segments": [unit.segment for unit in attribution.units],
        "pieces": [
            [text, word_of.get(token), round(float(score), 5)]
            for token, (text, score) in enumerate(
                zip(attribution.subwords, attribution.subword_scores, strict=True)
            )
        ],
        "scores": _round(attribution.scores, 5),
        "specials": _round(attribution.subword_scores.sum() - attribution.scores.sum(), 5),
        "f_input": _round(attribution.f_input, 5),
        "f_baseline": _round(attribution.f_baseline, 5),
        "prediction": dict(zip(model.labels, _round(chances[-1]), strict=True)),
        "blank_prediction": dict(zip(model.labels, _round(chances[0]), strict=True)),
        "special_shares": _special_shares(model, sentence, config.target_class, stop),
        "evaluations": usual.evaluations,
        "error": _round(usual.completeness_error, 6),
        "path": _path(nodes, shown, chances[:, label]),
        "estimates": _trapezoids(nodes.at(grid)),
    }


def _special_shares(model: Model, sentence: Sentence, label: str, stop: Stop) -> list[float]:
    """At every layer the model offers; these are 0, 1, ... without a gap."""
    _check_wanted(stop)
    found = attribute_layers(model, [sentence], model.info.layers, Config(target_class=label))
    return [_round(found[layer][0].special_share) for layer in range(len(found))]


def _input(model: Model, sentence: Sentence, label: str) -> Input:
    return select_targets(model, forward(model, [sentence], [0]), label, [0])[0]


def _line(model: Model, item: Input) -> Path:
    start = baselines(model, [item.encoded], [0], kind="pad")[0].states[0]
    return Path(item.encoded, start, item.reading.states[0] - start, item.explained.target)


def _nodes(model: Model, item: Input, config: Config, points: np.ndarray, stop: Stop) -> _Nodes:
    places = points.tolist()
    nodes = dict(rates(model, [_line(model, item)], [(0, at) for at in places], config, stop))
    by_token = np.stack([nodes[0, at].rates for at in places])
    words = unit_sums(item.encoded, by_token.T).T
    rest = by_token.sum(1) - words.sum(1)
    f = np.array([nodes[0, at].value for at in places])
    return _Nodes(points, f, by_token, np.c_[words, rest])


def _logits(model: Model, item: Input, points: list[float], stop: Stop) -> np.ndarray:
    """Every class's logit along the path. Shape: (points, classes)."""
    path, suffix = _line(model, item), model.layer_suffix(0)

    def read(chosen: list[int]) -> list[np.ndarray]:
        places = torch.tensor([points[index] for index in chosen], device=model.device)
        states = path.baseline + places[:, None, None] * path.delta
        inputs = model.inputs([item.encoded] * len(chosen))
        with torch.inference_mode():
            return list(suffix(states, inputs).double().cpu().numpy())

    rows = np.empty((len(points), len(model.labels)))
    lengths = [item.encoded.length] * len(points)
    for chosen, logits in in_batches(model, lengths, read, stop=stop, gradients=False):
        rows[list(chosen)] = np.reshape(logits, (len(chosen), -1))
    return rows


def _path(nodes: _Nodes, shown: np.ndarray, probability: np.ndarray) -> dict[str, Any]:
    """The path as measured at the points that are shown; the integral up to each is that of cubic
    splines through all nodes.

    Shape: `probability` of the explained class is that at the points shown.
    """
    measured = nodes.at(shown)
    return {
        "alphas": [round(float(at), 2) for at in shown],
        "values": _round(measured.values, 4),
        "probability": _round(probability, 4),
        "rates": _round(measured.by_word, 3),
        "so_far": _round(CubicSpline(nodes.points, nodes.by_word).antiderivative()(shown), 4),
    }


def _trapezoids(nodes: _Nodes) -> list[dict[str, Any]]:
    """The trapezoid rule on even points: what is plain enough for a blackboard.

    Every smaller number of points is a part of the largest.
    """
    most = len(nodes.values)
    difference = float(nodes.values[-1] - nodes.values[0])
    estimates = []
    for count in _ESTIMATES:
        every = (most - 1) // (count - 1)
        weights = np.full(count, 1 / (count - 1))
        weights[[0, -1]] /= 2
        sums = weights @ nodes.by_word[::every]
        error = completeness_error(weights @ nodes.by_token[::every], difference)
        estimates.append(
            {
                "points": count,
                "scores": _round(sums[:-1], 5),
                "specials": _round(sums[-1], 5),
                "error": _round(error, 7),
            }
        )
    return estimates


def _couple(
    model: Model, pair: tuple[Sentence, Sentence], measured: Mapping[str, Any]
) -> tuple[dict[str, Any], str | None]:
    """Both texts' words in both spaces and EMS; a notice where they can't be centred."""
    at = model.info.align_layer
    sides = [(sentence.lang, _word_states(model, sentence, at)) for sentence in pair]
    spaces: dict[str, Any] = {}
    plane, notice, cosines = None, None, np.empty(0)
    for name, space in _SPACES.items():
        usable = similarities(model.info, at, (sides[0], sides[1]), space)
        notice = usable.notice or notice
        vectors = [
            normal(into_space(model.info, at, lang, states, usable.name)) for lang, states in sides
        ]
        plane, explained = _plane(np.concatenate(vectors), plane)
        cosines = cosine(*vectors)
        spaces[name] = {
            "similarity": _round(cosines, 6),
            "source": _round(plane[: len(vectors[0])]),
            "target": _round(plane[len(vectors[0]) :]),
            "explained": _round(explained),
        }
    source, target = (np.abs(measured[sentence.lang]["scores"]) for sentence in pair)
    return {"spaces": spaces, "ems": _round(ems(source, target, cosines).ems, 6)}, notice


def _plane(vectors: np.ndarray, like: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """The first two principal components of unit vectors, and their shares of the variance.

    A component has no sign of its own: it is turned towards `like`, the same words in another
    space. Shape: `vectors` (words, width), `like` (words, 2) -> (words, 2), (2,).
    """
    plane = Plane.fit(vectors)
    places = plane.project(vectors)
    if like is not None:
        places = places * np.where((places * like).sum(0) < 0, -1.0, 1.0)
    return places, plane.explained


def _word_states(model: Model, sentence: Sentence, layer: int) -> np.ndarray:
    """The mean state of each word's subwords. Shape: (words, width)."""
    item = forward(model, [sentence], [layer])[0]
    states = item.readings[0].states[layer].cpu().numpy()
    return unit_means(item.output.windows[0].encoded, states)


def _check_wanted(stop: Stop) -> None:
    if stop():
        raise StoppedError


def _round(value: Any, digits: int = 5) -> Any:
    """Numbers that take little room: a float, or lists of them."""
    return (np.round(np.asarray(value, dtype=np.float64), digits) + 0.0).tolist()
