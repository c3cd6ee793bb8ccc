"""Measures the lesson of the page Learn with a shipped model (docs/method.md, 2 to 4).

python -m research.zoo.lesson
"""

import json
import sys
from dataclasses import replace
from typing import Any

import numpy as np

from ccta_core.attribution.integrated_gradients import unit_means, unit_sums
from ccta_core.attribution.protocol import never
from ccta_core.attribution.quadrature import completeness_error, interval_weights
from ccta_core.attribution.rates import Path, rates, values
from ccta_core.attribution.readings import baselines
from ccta_core.config import Config, Quadrature
from ccta_core.models.load import load_model
from ccta_core.models.model import Model
from ccta_core.pipeline import attribute, attribute_layers, compare
from ccta_core.pipeline.sentences import Input, forward, select_targets
from ccta_core.projection.plane import Plane
from ccta_core.space.maps import cosine, into_space, normal
from ccta_core.types import Sentence
from ccta_core.zoo.lesson import FORM, LESSON

_MODEL = "e5-small/nli-en"
_PIVOT = "en"
TEXTS = {
    "en": ("The children slept", "Nobody slept"),
    "es": ("Los niños durmieron", "Nadie durmió"),
    "ar": ("نام الأطفال", "لم ينم أحد"),
    "zh": ("孩子们睡觉了", "没有人睡觉"),
}
"""Own sentences of five words each, without full stops: in Chinese they would be words."""
_STEPS = 100
_ESTIMATES = (2, 3, 5, 9, 17, 33, 65, 129)
_SPACES = {"raw": "none", "centered": "centered"}
_TIGHT = Quadrature(tolerance=1e-3)
"""The scores are what every step is held against: finer than the product's own settings."""


def measured() -> dict[str, Any]:
    """The lesson as JSON takes it; the explained class is the English prediction everywhere."""
    model = load_model(_MODEL)
    sentences = {lang: Sentence(one, lang, two) for lang, (one, two) in TEXTS.items()}
    target_class = str(attribute(model, [sentences[_PIVOT]])[0].predicted)
    config = Config(target_class=target_class, quadrature=_TIGHT)
    return {
        "form": FORM,
        "model": model.id,
        "revision": model.revision,
        "target_class": target_class,
        "align_layer": model.info.align_layer,
        "sentences": {
            lang: _sentence(model, sentence, config) for lang, sentence in sentences.items()
        },
        "couples": {
            lang: _couple(model, sentences[_PIVOT], sentence, config)
            for lang, sentence in sentences.items()
        },
    }


def _sentence(model: Model, sentence: Sentence, config: Config) -> dict[str, Any]:
    found = attribute(model, [sentence], config)[0]
    usual = attribute(model, [sentence], replace(config, quadrature=Quadrature()))[0]
    one = _input(model, sentence, config.target_class)
    members = [group for part in one.encoded.maps for group in part.members]
    home = {token: word for word, group in enumerate(members) for token in group}
    logits = _logits(model, sentence, _even(_STEPS + 1))
    chances = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
    label = model.labels.index(config.target_class)
    return {
        "lang": sentence.lang,
        "texts": sentence.segments,
        "words": [unit.text for unit in found.units],
        "segments": [unit.segment for unit in found.units],
        "pieces": [
            [text, home.get(token), round(float(score), 5)]
            for token, (text, score) in enumerate(
                zip(found.subwords, found.subword_scores, strict=True)
            )
        ],
        "scores": _round(found.scores, 5),
        "specials": _round(found.subword_scores.sum() - found.scores.sum(), 5),
        "f_input": _round(found.f_input, 5),
        "f_baseline": _round(found.f_baseline, 5),
        "prediction": dict(zip(model.labels, _round(chances[-1]), strict=True)),
        "blank_prediction": dict(zip(model.labels, _round(chances[0]), strict=True)),
        "special_shares": _special_shares(model, sentence, config.target_class),
        "evaluations": usual.evaluations,
        "error": _round(usual.completeness_error, 6),
        "path": _path(model, one, config, chances[:, label]),
        "estimates": [_estimate(model, one, config, count) for count in _ESTIMATES],
    }


def _special_shares(model: Model, sentence: Sentence, target_class: str) -> list[float]:
    """At every layer the model offers; these are 0, 1, ... without a gap."""
    usual = Config(target_class=target_class)
    found = attribute_layers(model, [sentence], model.info.layers, usual)
    return [_round(found[layer][0].special_share) for layer in range(len(found))]


def _input(model: Model, sentence: Sentence, label: str) -> Input:
    return select_targets(model, forward(model, [sentence], [0]), label, [0])[0]


def _line(model: Model, one: Input) -> Path:
    start = baselines(model, [one.encoded], [0], kind="pad")[0].states[0]
    return Path(one.encoded, start, one.reading.states[0] - start, one.explained.target)


def _even(count: int) -> list[float]:
    return np.linspace(0, 1, count).tolist()


def _nodes(
    model: Model, one: Input, config: Config, count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """F (points,), dF/dalpha by token (points, tokens) and by word, the specials last."""
    points = _even(count)
    found = dict(rates(model, [_line(model, one)], [(0, at) for at in points], config, never))
    by_token = np.stack([found[0, at].rates for at in points])
    words = unit_sums(one.encoded, by_token.T).T
    rest = by_token.sum(1) - words.sum(1)
    return np.array([found[0, at].value for at in points]), by_token, np.c_[words, rest]


def _logits(model: Model, sentence: Sentence, points: list[float]) -> np.ndarray:
    """Every class's logit along the path. Shape: (points, classes)."""
    columns = []
    for label in model.labels:
        line = _line(model, _input(model, sentence, label))
        found = values(model, [line], [(0, at) for at in points], Config(), never)
        columns.append([found[0, at] for at in points])
    return np.array(columns).T


def _path(model: Model, one: Input, config: Config, probability: np.ndarray) -> dict[str, Any]:
    f, _, by_word = _nodes(model, one, config, _STEPS + 1)
    points = tuple(_even(_STEPS + 1))
    parts = interval_weights(points)[1:-1] @ by_word  # the ends are points: nothing lies beyond
    so_far = np.concatenate([np.zeros((1, by_word.shape[1])), parts.cumsum(0)])
    return {
        "alphas": [round(at, 2) for at in points],
        "values": _round(f, 4),
        "probability": _round(probability, 4),
        "rates": _round(by_word, 3),
        "so_far": _round(so_far, 4),
    }


def _estimate(model: Model, one: Input, config: Config, count: int) -> dict[str, Any]:
    """The trapezoid rule on even points: what is plain enough for a blackboard."""
    f, by_token, by_word = _nodes(model, one, config, count)
    trapezoid = np.full(count, 1 / (count - 1))
    trapezoid[[0, -1]] /= 2
    difference = float(f[-1] - f[0])
    sums = trapezoid @ by_word
    return {
        "points": count,
        "scores": _round(sums[:-1], 5),
        "specials": _round(sums[-1], 5),
        "error": _round(completeness_error(trapezoid @ by_token, difference), 7),
    }


def _couple(model: Model, source: Sentence, target: Sentence, config: Config) -> dict[str, Any]:
    found = compare(model, source, target, config)
    at = model.info.align_layer
    states = [_word_states(model, sentence, at) for sentence in (source, target)]
    langs = (source.lang, target.lang)
    spaces: dict[str, Any] = {}
    plane = None
    for name, space in _SPACES.items():
        sides = [
            normal(into_space(model.info, at, lang, side, space))
            for lang, side in zip(langs, states, strict=True)
        ]
        plane, explained = _plane(np.concatenate(sides), plane)
        spaces[name] = {
            "similarity": _round(cosine(*sides), 6),
            "source": _round(plane[: len(sides[0])]),
            "target": _round(plane[len(sides[0]) :]),
            "explained": _round(explained),
        }
    return {
        "spaces": spaces,
        "ems": _round(found.ems, 6),
        "unrelated": _round(found.controls.ems_unrelated, 6),
    }


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
    one = forward(model, [sentence], [layer])[0]
    states = one.readings[0].states[layer].cpu().numpy()
    return unit_means(one.output.windows[0].encoded, states)


def _round(value: Any, digits: int = 5) -> Any:
    """Numbers that take little room: a float, or lists of them."""
    found = np.round(np.asarray(value, dtype=np.float64), digits) + 0.0
    return found.tolist()


def main() -> None:
    """Measures the lesson with the shipped model and writes it."""
    body = json.dumps(measured(), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    LESSON.write_text(body + "\n", encoding="utf-8")
    sys.stderr.write(f"{LESSON}: {LESSON.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
