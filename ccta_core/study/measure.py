"""The one function that measures a chunk of parallel examples; every runner calls it.

All languages of an item are measured together, so nothing between forward pass and row is stored.
A row depends on the model, the settings and the chunk alone: not on workers, order or kills.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from ccta_core.attribution.protocol import Stop, never
from ccta_core.config import Config
from ccta_core.consistency import Compared, controls, fixed_null
from ccta_core.evaluation.answers import answer_scores
from ccta_core.models.catalog import SCORES
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
from ccta_core.study.differences import Words, differences, words_of
from ccta_core.tasks.spans import ANSWER
from ccta_core.transport import ems, ems_values
from ccta_core.types import Attribution, ParallelExample

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class _Item:
    """One example with its sides and their words by language, at one layer.

    `vectors` keeps each side's unit vectors in a space, (language, space) -> (units, width).
    """

    example: ParallelExample
    sides: dict[str, Side]
    words: dict[str, Words]
    vectors: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)

    def vectors_of(self, model: Model, lang: str, space: str, layer: int) -> np.ndarray:
        """One side's embeddings in the space, each of length 1; made once."""
        if (lang, space) not in self.vectors:
            mapped = into_space(model.info, layer, lang, self.sides[lang].embeddings, space)
            self.vectors[lang, space] = normal(mapped)
        return self.vectors[lang, space]


def measure(  # noqa: PLR0913 - what decides a row
    model: Model,
    examples: Sequence[ParallelExample],
    langs: Sequence[str],
    layers: Sequence[int],
    config: Config,
    stop: Stop = never,
) -> list[Row]:
    """The rows (schema.py) of every example x unordered language pair x layer, in that order.

    The gold label is explained where there is one, else the gold answer; it must be one of the
    model's labels. Raises CctaError on examples that are not for the model's head, StoppedError
    soon after `stop` turns true.
    """
    inputs = _inputs(model, examples, langs, layers, config)
    starts = baselines_of(model, inputs, layers, config)
    rows: dict[int, list[Row]] = {}
    for layer in layers:
        settings = config.with_layer(layer)
        sides = iter(sides_of(model, inputs, settings, stop, starts))
        items = [
            _item(model, example, {lang: next(sides) for lang in langs}) for example in examples
        ]
        rows[layer] = list(_rows(model, items, langs, settings))
    return [row for layer in layers for row in rows[layer]]


def _item(model: Model, example: ParallelExample, sides: dict[str, Side]) -> _Item:
    return _Item(example, sides, {lang: words_of(model, side) for lang, side in sides.items()})


def _inputs(
    model: Model,
    examples: Sequence[ParallelExample],
    langs: Sequence[str],
    layers: Sequence[int],
    config: Config,
) -> list[Input]:
    """Every example in every language, read once, select_targets at its gold."""
    sentences = [example.sentences[lang] for example in examples for lang in langs]
    for layer in layers:
        check(model, sentences, config.with_layer(layer))
    kept = sorted({*layers, align_layer(model, config)})
    passes = iter(forward(model, sentences, kept))
    inputs: list[Input] = []
    for example in examples:
        of_example: list[ForwardPass] = [next(passes) for _ in langs]
        inputs += select_targets(model, of_example, _explained(model, example), kept)
    return inputs


def _explained(model: Model, example: ParallelExample) -> str:
    """The gold label; the answer in focus of a question; else each sentence's own prediction."""
    if example.label is not None and model.info.outputs != SCORES:
        model.class_index(example.label)  # a label that no prediction can equal is refused
        return example.label
    return ANSWER if model.info.task == "qa" else "each"


def _rows(
    model: Model, items: Sequence[_Item], langs: Sequence[str], config: Config
) -> Iterator[Row]:
    strangers = {item.example.id: _strangers(item, items) for item in items}
    for item in items:
        facts = {lang: _facts(item, lang) for lang in langs}
        embeddings = {lang: item.sides[lang].embeddings for lang in langs}
        spaces = pair_similarities(model.info, align_layer(model, config), embeddings, config.space)
        for source, target in combinations(langs, 2):
            space = spaces[source, target]
            row = _pair(item, source, target, space.similarity, config)
            for column, (one, other) in (
                ("ems_unrelated", (source, target)),
                ("ems_unrelated_back", (target, source)),
            ):
                found = _nearest(item, other, strangers[item.example.id], config.unrelated)
                row[column] = _chance(model, (item, one), (found, other), space.name, config)
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
                **{f"source_{name}": value for name, value in facts[source].items()},
                **{f"target_{name}": value for name, value in facts[target].items()},
            }


def _pair(item: _Item, source: str, target: str, similarity: np.ndarray, config: Config) -> Row:
    """EMS, its controls and the differences over word links of one language pair."""
    left, right = item.sides[source], item.sides[target]
    plan = ems(left.mass, right.mass, similarity)
    links = mutual_links(similarity)
    pair = Compared(left.for_controls(), right.for_controls(), similarity, plan)
    # Drawn in the order of the language codes: the same in every study, however it names them.
    seed = _seed(config.seed, item.example.id, *sorted((source, target)), config.layer)
    ordered = pair if source < target else pair.turned
    null = fixed_null(ordered, shuffles=config.shuffles, seed=seed)
    found = controls(pair, null, links=links).as_dict()
    del found["calibrated"]  # needs the study's mean of unrelated pairs: table.py adds it
    return {
        "ems": plan.ems,
        **found,
        "links": len(links),
        **differences(item.words[source], item.words[target], links, np.random.default_rng(seed)),
        "marginal_error": plan.marginal_error,
    }


def _strangers(item: _Item, items: Sequence[_Item]) -> list[_Item]:
    """Items of the chunk with the same gold label and another group: the chance level's targets."""
    return [
        other
        for other in items
        if other.example.group != item.example.group and other.example.label == item.example.label
    ]


def _nearest(item: _Item, lang: str, strangers: Sequence[_Item], count: int) -> list[_Item]:
    """The strangers nearest in length to the item in this language, one a group.

    None where the chunk has fewer than asked for: a mean over fewer would have another spread.
    """
    own = len(item.sides[lang].mass)
    ranked = sorted(
        strangers, key=lambda other: (abs(len(other.sides[lang].mass) - own), other.example.id)
    )
    by_group: dict[str, _Item] = {}
    for other in ranked:
        by_group.setdefault(other.example.group, other)
    chosen = list(by_group.values())[:count]
    return chosen if len(chosen) == count else []


def _chance(
    model: Model,
    own: tuple[_Item, str],
    others: tuple[Sequence[_Item], str],
    space: str,
    config: Config,
) -> float | None:
    """Mean EMS of one side against unrelated items' sides of the other language."""
    (item, source), (strangers, target) = own, others
    if not strangers:
        return None
    at, mass = align_layer(model, config), item.sides[source].mass
    left = item.vectors_of(model, source, space, at)
    values = []
    for other in strangers:
        right = other.vectors_of(model, target, space, at)
        similarity = np.clip(left @ right.T, -1.0, 1.0)
        values.append(ems_values(mass[None], other.sides[target].mass[None], similarity)[0])
    return float(np.mean(values))


def _facts(item: _Item, lang: str) -> Row:
    """What one side says whatever it is compared with."""
    side = item.sides[lang]
    found = side.attribution
    best, gold = found.predicted, item.example.label
    score, correct = _scored(item, lang, found)
    return {
        "predicted": best,
        "correct": correct,
        "score": score,
        "probability": found.prediction.get(gold) if gold is not None else None,
        "confidence": found.confidence,
        "units": len(found.units),
        "subwords": sum(len(group) for one in side.input.encoded.maps for group in one.members),
        "special_share": found.special_share,
        "completeness_error": found.completeness_error,
        "mass_error": found.mass_error,
        "converged": found.converged,
        "evaluations": found.evaluations,
        "truncated": found.truncated,
    }


def _scored(item: _Item, lang: str, found: Attribution) -> tuple[float | None, bool | None]:
    """The item's score and whether it is right; None where there is no gold, or no class.

    Of labels that hold or not, the gold one has to hold, and no other.
    """
    if found.predicted is None:
        return None, None
    if item.example.label is not None:
        right = found.predicted_labels == (item.example.label,)
        return float(right), right
    sentence = item.example.sentences[lang]
    if not sentence.focus:
        return None, None
    golds = [sentence.segments[-1][start:end] for start, end in sentence.focus]
    f1, exact = answer_scores(found.predicted, golds, lang)
    return f1, exact == 1.0


def _seed(seed: int, *parts: object) -> int:
    """A seed of its own for every item, pair and layer: permutations are not shared."""
    text = "|".join(map(str, (seed, *parts)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")
