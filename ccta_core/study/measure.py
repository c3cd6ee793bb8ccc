"""The one function that measures a chunk of parallel examples; every runner calls it.

All languages of an item are measured together, so nothing between forward pass and row is stored.
A row depends on the model, the settings, the item and its unrelated items alone: not on workers,
order or kills.
"""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from ccta_core.arrangements import SideMass
from ccta_core.attribution.protocol import Stop, never
from ccta_core.config import Config
from ccta_core.consistency import Compared, controls, fixed_null, gain_of, shuffled
from ccta_core.evaluation.answers import answer_scores
from ccta_core.models.catalog import CLASSES, SCORES
from ccta_core.models.model import Model
from ccta_core.pipeline.sentences import (
    ForwardPass,
    Input,
    baselines_of,
    check,
    forward,
    select_targets,
)
from ccta_core.pipeline.sides import Side, align_layer, sides_of
from ccta_core.space.links import mutual_links
from ccta_core.space.maps import into_space, normal, pair_similarities
from ccta_core.study.drawing import draw_unrelated
from ccta_core.study.linked_words import SideWords, differences, words_of
from ccta_core.tasks import task_of
from ccta_core.tasks.spans import ANSWER
from ccta_core.transport import ems, ems_values
from ccta_core.types import ParallelExample

StudyRow = dict[str, Any]
"""The columns of schema.py by name."""


class Unrelated(NamedTuple):
    """The unrelated items of a chunk's: others that are measured beside them, and, for each item of
    the chunk, the places of its unrelated ones among the items and those others after one another.
    """

    beside: Sequence[ParallelExample]
    places: Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True, eq=False)
class _MeasuredItem:
    """One example with its sides and their words by language, at one layer.

    `other_class` has the sides that explain another class than the gold one, of the items chosen
    for `gain_other_class`. `vectors` keeps each side's unit vectors in a space, (language, space)
    -> (units, width).
    """

    example: ParallelExample
    sides: dict[str, Side]
    words: dict[str, SideWords]
    other_class: dict[str, Side]
    vectors: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)
    masses: dict[str, SideMass] = field(default_factory=dict)

    def masses_of(self, lang: str) -> SideMass:
        """Returns what the controls need of one side; computed once."""
        if lang not in self.masses:
            self.masses[lang] = self.sides[lang].for_controls()
        return self.masses[lang]

    def vectors_of(self, model: Model, lang: str, space: str, layer: int) -> np.ndarray:
        """Returns one side's embeddings in the space, each of length 1; computed once."""
        if (lang, space) not in self.vectors:
            mapped = into_space(model.info, layer, lang, self.sides[lang].embeddings, space)
            self.vectors[lang, space] = normal(mapped)
        return self.vectors[lang, space]


@dataclass(frozen=True, slots=True, eq=False)
class _Direction:
    """One side of an item on its way to another language, compared in a space."""

    item: _MeasuredItem
    source: str
    target: str
    space: str


def measure(  # noqa: PLR0913 - what decides a row
    model: Model,
    examples: Sequence[ParallelExample],
    langs: Sequence[str],
    layers: Sequence[int],
    config: Config,
    stop: Stop = never,
    *,
    unrelated: Unrelated | None = None,
) -> list[StudyRow]:
    """Returns the rows (schema.py) of every example x unordered language pair x layer, in that
    order.

    `unrelated` says which items are each one's chance level; where it is not given they are drawn
    from the examples (`drawing.py`).

    The gold label is explained where there is one, else the gold answer; it must be one of the
    model's labels. Without one it is what the model predicts in English (else in the first
    language), in every language alike. Raises CctaError on examples that are not for the model's
    head, StoppedError soon after `stop` turns true.
    """
    unrelated = unrelated or _drawn(examples, config)
    chosen = {each.id for each in examples if other_class(model, each) is not None}
    examples = [*examples, *unrelated.beside]
    inputs, others = _inputs(model, examples, langs, layers, config, chosen)
    starts = baselines_of(model, inputs, layers, config)
    # Another class moves neither the text nor its baseline: the same baselines serve again.
    again = [
        start
        for place, start in enumerate(starts)
        if examples[place // len(langs)].id in others
    ]  # fmt: skip
    rows: dict[int, list[StudyRow]] = {}
    for layer in layers:
        settings = config.with_layer(layer)
        sides = iter(sides_of(model, inputs, settings, stop, starts))
        flat = [item for of_example in others.values() for item in of_example]
        other_sides = iter(sides_of(model, flat, settings, stop, again) if flat else ())
        items = []
        for example in examples:
            by_lang = {lang: next(sides) for lang in langs}
            words = {lang: words_of(model, side) for lang, side in by_lang.items()}
            another = {lang: next(other_sides) for lang in langs} if example.id in others else {}
            items.append(_MeasuredItem(example, by_lang, words, another))
        rows[layer] = [
            row
            for item, places in zip(items, unrelated.places, strict=False)
            for row in _rows(model, item, [items[place] for place in places], langs, settings)
        ]
    return [row for layer in layers for row in rows[layer]]


def _drawn(examples: Sequence[ParallelExample], config: Config) -> Unrelated:
    """Returns the unrelated items drawn from the examples themselves, which keep their order."""
    draw = draw_unrelated(examples, config.unrelated, seed=config.seed)
    places = {
        place: tuple(draw.order[other] for other in others)
        for place, others in zip(draw.order, draw.unrelated, strict=True)
    }
    return Unrelated((), [places[place] for place in range(len(examples))])


class _Inputs(NamedTuple):
    """What is explained at the gold class, and, by item id, at another class of the items chosen
    for it; a sentence each, languages in order.
    """

    gold: list[Input]
    other: dict[str, list[Input]]


def _inputs(  # noqa: PLR0913 - what decides a row
    model: Model,
    examples: Sequence[ParallelExample],
    langs: Sequence[str],
    layers: Sequence[int],
    config: Config,
    chosen: Collection[str],
) -> _Inputs:
    """Returns every example in every language, read once, select_targets at its gold; those whose
    id is chosen at another class too.
    """
    sentences = [example.sentences[lang] for example in examples for lang in langs]
    for layer in layers:
        check(model, sentences, config.with_layer(layer))
    kept = sorted({*layers, align_layer(model, config)})
    passes = iter(forward(model, sentences, kept))
    inputs: list[Input] = []
    others: dict[str, list[Input]] = {}
    for example in examples:
        of_example: list[ForwardPass] = [next(passes) for _ in langs]
        home = of_example[langs.index("en") if "en" in langs else 0]
        inputs += select_targets(model, of_example, _explained(model, example, home), kept)
        other = other_class(model, example) if example.id in chosen else None
        if other is not None:
            others[example.id] = select_targets(model, of_example, other, kept)
    return _Inputs(inputs, others)


OTHER_CLASS_SHARE = 4
"""One item in so many is attributed for another class too: a control's mean needs no more, and
attribution is what a study costs."""


def other_class(model: Model, example: ParallelExample) -> str | None:
    """Returns the class that `gain_other_class` explains on one side: the next of the model's
    labels after the gold one.

    None of items that are not chosen (three in four, by a hash of the id: the same in every study),
    have no gold label, or whose model has no rivals of it.
    """
    label, labels = example.label, model.labels
    if model.info.outputs != CLASSES or label not in labels or len(labels) < 2:
        return None
    if _seed(0, "other class", example.id) % OTHER_CLASS_SHARE:
        return None
    return labels[(labels.index(label) + 1) % len(labels)]


def _explained(model: Model, example: ParallelExample, home: ForwardPass) -> str:
    """Returns the gold label; the answer in focus of a question; else, for all languages alike,
    the class that is predicted in one of them (`home`).
    """
    if example.label is not None and model.info.outputs != SCORES:
        model.class_index(example.label)  # a label that no prediction can equal is refused
        return example.label
    task = task_of(model.info.task)
    return ANSWER if model.info.task == "qa" else task.label(model, home.output, "each")


def _rows(
    model: Model,
    item: _MeasuredItem,
    unrelated: Sequence[_MeasuredItem],
    langs: Sequence[str],
    config: Config,
) -> Iterator[StudyRow]:
    values = {lang: _side_values(item, lang) for lang in langs}
    embeddings = {lang: item.sides[lang].embeddings for lang in langs}
    spaces = pair_similarities(model.info, align_layer(model, config), embeddings, config.space)
    for source, target in combinations(langs, 2):
        space = spaces[source, target]
        row = _pair(item, source, target, space.similarity, config)
        levels = [
            _chance_level(model, _Direction(item, *langs_of, space.name), unrelated, config)
            for langs_of in ((source, target), (target, source))
        ]
        gains = [level.gain for level in levels if level.gain is not None]
        row["ems_unrelated"], row["ems_unrelated_back"] = (level.ems for level in levels)
        row["gain_unrelated"] = float(np.mean(gains)) if gains else None
        row["gain_other_class"] = _gain_other_class(item, source, target, space.similarity, config)
        yield {
            "item": item.example.id,
            "group": item.example.group,
            "gold": item.example.label,
            "model": model.id,
            "layer": config.layer,
            "source_lang": source,
            "target_lang": target,
            "target_class": item.sides[source].attribution.target_class,
            **row,
            **{f"source_{name}": value for name, value in values[source].items()},
            **{f"target_{name}": value for name, value in values[target].items()},
        }


def _pair(
    item: _MeasuredItem, source: str, target: str, similarity: np.ndarray, config: Config
) -> StudyRow:
    """Measures EMS, its controls and the differences over word links of one language pair."""
    left, right = item.sides[source], item.sides[target]
    plan = ems(left.mass, right.mass, similarity)
    links = mutual_links(similarity)
    pair = Compared(item.masses_of(source), item.masses_of(target), similarity, plan)
    # Drawn in the order of the language codes: the same in every study, however it names them.
    seed = _seed(config.seed, item.example.id, *sorted((source, target)), config.layer)
    ordered = pair if source < target else pair.turned
    null = fixed_null(ordered, shuffles=config.shuffles, seed=seed)
    values = controls(pair, null, links=links).as_dict()
    # What needs unrelated items: the chance level (below), the study's mean of it (table.py).
    del values["calibrated"], values["gain_unrelated"]
    return {
        "ems": plan.ems,
        **values,
        "links": len(links),
        **differences(
            item.words[source],
            item.words[target],
            links,
            np.random.default_rng(seed),
            config.shuffles,
        ),
        "marginal_error": plan.marginal_error,
    }


class _ChanceLevel(NamedTuple):
    """Mean EMS and mean gain of one side against unrelated items; None without any."""

    ems: float | None
    gain: float | None


def _chance_level(
    model: Model,
    pair: _Direction,
    unrelated: Sequence[_MeasuredItem],
    config: Config,
) -> _ChanceLevel:
    """Returns the mean EMS and gain of one side of an item against unrelated items' sides of the
    other language.

    The gain's null has few shuffles for each unrelated item (one, of 20 asked for and five items):
    its mean over items is what counts.
    """
    if not unrelated:
        return _ChanceLevel(None, None)
    layer, source = align_layer(model, config), pair.item.masses_of(pair.source)
    left = pair.item.vectors_of(model, pair.source, pair.space, layer)
    shuffles = -(-config.shuffles // (4 * len(unrelated)))
    draw = np.random.default_rng(
        _seed(config.seed, pair.item.example.id, pair.source, pair.target, config.layer)
    )
    values, gains = [], []
    for other in unrelated:
        right = other.vectors_of(model, pair.target, pair.space, layer)
        similarity = np.clip(left @ right.T, -1.0, 1.0)
        target = other.masses_of(pair.target)
        found = gain_of(source, target, similarity, shuffles=shuffles, draw=draw)
        values.append(found.ems)
        if found.gain is not None:
            gains.append(found.gain)
    return _ChanceLevel(float(np.mean(values)), float(np.mean(gains)) if gains else None)


def _gain_other_class(
    item: _MeasuredItem, source: str, target: str, similarity: np.ndarray, config: Config
) -> float | None:
    """Returns the gain where one side explains the gold class and the other side another one.

    The mean of both ways round; None where the item was not chosen for it, or has no other class.
    """
    if not item.other_class or not config.shuffles:
        return None
    gains = []
    for left, right, turn in (
        (item.sides[source], item.other_class[target], "target"),
        (item.other_class[source], item.sides[target], "source"),
    ):
        masses = left.for_controls(), right.for_controls()
        value = float(ems_values(masses[0].mass[None], masses[1].mass[None], similarity)[0])
        seed = _seed(config.seed, item.example.id, source, target, config.layer, turn)
        null = shuffled(*masses, similarity, shuffles=config.shuffles, seed=seed)
        gains.append(value - float(null.mean()))
    return float(np.mean(gains))


def _side_values(item: _MeasuredItem, lang: str) -> StudyRow:
    """Returns what one side says whatever it is compared with.

    The score and whether the prediction is right are None where there is no gold, or no class. Of
    labels that hold or not, the gold one has to hold, and no other.
    """
    side, sentence, gold = item.sides[lang], item.example.sentences[lang], item.example.label
    attribution = side.attribution
    score: float | None = None
    correct: bool | None = None
    if attribution.predicted is not None and gold is not None:
        correct = attribution.predicted_labels == (gold,)
        score = float(correct)
    elif attribution.predicted is not None and sentence.focus:
        answers = [sentence.segments[-1][start:end] for start, end in sentence.focus]
        score, exact = answer_scores(attribution.predicted, answers, lang)
        correct = exact == 1.0
    return {
        "predicted": attribution.predicted,
        "correct": correct,
        "score": score,
        "probability": attribution.prediction.get(gold) if gold is not None else None,
        "confidence": attribution.confidence,
        "units": len(attribution.units),
        "subwords": sum(len(group) for text in side.input.encoded.maps for group in text.members),
        "special_share": attribution.special_share,
        "completeness_error": attribution.completeness_error,
        "mass_error": attribution.mass_error,
        "converged": attribution.converged,
        "evaluations": attribution.evaluations,
        "truncated": attribution.truncated,
    }


def _seed(seed: int, *parts: object) -> int:
    """Returns a seed of its own for every item, pair and layer: permutations are not shared."""
    text = "|".join(map(str, (seed, *parts)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")
