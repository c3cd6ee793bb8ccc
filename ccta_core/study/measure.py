"""The one function that measures a chunk of parallel examples; every runner calls it.

All languages of an item are measured together, so nothing between forward pass and row is stored.
A row depends on the model, the settings and the chunk alone: not on workers, order or kills.
"""

import hashlib
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from ccta_core.attribution.protocol import Stop, never
from ccta_core.config import Config
from ccta_core.consistency import Compared, controls, fixed_null
from ccta_core.evaluation.answers import answer_scores
from ccta_core.models.catalog import SCORES
from ccta_core.models.frequency import log_frequencies
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
from ccta_core.space.links import Links, mutual_links
from ccta_core.space.maps import into_space, normal, pair_similarities
from ccta_core.tasks.spans import ANSWER
from ccta_core.transport import ems, ems_values
from ccta_core.types import ParallelExample

StudyRow = dict[str, Any]
"""The columns of schema.py by name."""
_DIFFERENCES = ("linked_difference", "unlinked_difference", "shuffled_difference")


@dataclass(frozen=True, slots=True, eq=False)
class SideWords:
    """One side's words: masses, texts, and log frequencies where the tokenizer has them.

    Shape: `mass` and `frequency` (units,).
    """

    mass: np.ndarray
    texts: tuple[str, ...]
    frequency: np.ndarray | None


@dataclass(frozen=True, slots=True, eq=False)
class _MeasuredItem:
    """One example with its sides and their words by language, at one layer.

    `vectors` keeps each side's unit vectors in a space, (language, space) -> (units, width).
    """

    example: ParallelExample
    sides: dict[str, Side]
    words: dict[str, SideWords]
    vectors: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)

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
) -> list[StudyRow]:
    """Returns the rows (schema.py) of every example x unordered language pair x layer, in that
    order.

    The gold label is explained where there is one, else the gold answer; it must be one of the
    model's labels. Raises CctaError on examples that are not for the model's head, StoppedError
    soon after `stop` turns true.
    """
    inputs = _inputs(model, examples, langs, layers, config)
    starts = baselines_of(model, inputs, layers, config)
    rows: dict[int, list[StudyRow]] = {}
    for layer in layers:
        settings = config.with_layer(layer)
        sides = iter(sides_of(model, inputs, settings, stop, starts))
        items = []
        for example in examples:
            by_lang = {lang: next(sides) for lang in langs}
            words = {lang: words_of(model, side) for lang, side in by_lang.items()}
            items.append(_MeasuredItem(example, by_lang, words))
        rows[layer] = list(_rows(model, items, langs, settings))
    return [row for layer in layers for row in rows[layer]]


def _inputs(
    model: Model,
    examples: Sequence[ParallelExample],
    langs: Sequence[str],
    layers: Sequence[int],
    config: Config,
) -> list[Input]:
    """Returns every example in every language, read once, select_targets at its gold."""
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
    """Returns the gold label; the answer in focus of a question; else each sentence's own
    prediction.
    """
    if example.label is not None and model.info.outputs != SCORES:
        model.class_index(example.label)  # a label that no prediction can equal is refused
        return example.label
    return ANSWER if model.info.task == "qa" else "each"


def _rows(
    model: Model, items: Sequence[_MeasuredItem], langs: Sequence[str], config: Config
) -> Iterator[StudyRow]:
    for item in items:
        # The targets of the chance level: items with the same gold label and another group.
        unrelated = [
            other
            for other in items
            if other.example.group != item.example.group
            and other.example.label == item.example.label
        ]
        values = {lang: _side_values(item, lang) for lang in langs}
        embeddings = {lang: item.sides[lang].embeddings for lang in langs}
        spaces = pair_similarities(model.info, align_layer(model, config), embeddings, config.space)
        for source, target in combinations(langs, 2):
            space = spaces[source, target]
            row = _pair(item, source, target, space.similarity, config)
            for column, pair in (
                ("ems_unrelated", _Direction(item, source, target, space.name)),
                ("ems_unrelated_back", _Direction(item, target, source, space.name)),
            ):
                targets = _nearest(item, pair.target, unrelated, config.unrelated)
                row[column] = _chance_level(model, pair, targets, config)
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
    pair = Compared(left.for_controls(), right.for_controls(), similarity, plan)
    # Drawn in the order of the language codes: the same in every study, however it names them.
    seed = _seed(config.seed, item.example.id, *sorted((source, target)), config.layer)
    ordered = pair if source < target else pair.turned
    null = fixed_null(ordered, shuffles=config.shuffles, seed=seed)
    values = controls(pair, null, links=links).as_dict()
    del values["calibrated"]  # needs the study's mean of unrelated pairs: table.py adds it
    return {
        "ems": plan.ems,
        **values,
        "links": len(links),
        **differences(item.words[source], item.words[target], links, np.random.default_rng(seed)),
        "marginal_error": plan.marginal_error,
    }


def _nearest(
    item: _MeasuredItem, lang: str, unrelated: Sequence[_MeasuredItem], size: int
) -> list[_MeasuredItem]:
    """Returns the unrelated items nearest in length to the item in this language, one a group.

    None where the chunk has fewer than asked for: a mean over fewer would have another spread.
    """
    length = len(item.sides[lang].mass)
    ranked = sorted(
        unrelated, key=lambda other: (abs(len(other.sides[lang].mass) - length), other.example.id)
    )
    by_group: dict[str, _MeasuredItem] = {}
    for other in ranked:
        by_group.setdefault(other.example.group, other)
    chosen = list(by_group.values())[:size]
    return chosen if len(chosen) == size else []


def _chance_level(
    model: Model,
    pair: _Direction,
    unrelated: Sequence[_MeasuredItem],
    config: Config,
) -> float | None:
    """Returns the mean EMS of one side of an item against unrelated items' sides of the other
    language.
    """
    if not unrelated:
        return None
    layer, mass = align_layer(model, config), pair.item.sides[pair.source].mass
    left = pair.item.vectors_of(model, pair.source, pair.space, layer)
    values = []
    for other in unrelated:
        right = other.vectors_of(model, pair.target, pair.space, layer)
        similarity = np.clip(left @ right.T, -1.0, 1.0)
        target_mass = other.sides[pair.target].mass
        values.append(ems_values(mass[None], target_mass[None], similarity)[0])
    return float(np.mean(values))


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


def words_of(model: Model, side: Side) -> SideWords:
    """Returns the words of one side of an item."""
    composed = (unicodedata.normalize("NFC", unit.text) for unit in side.attribution.units)
    texts = tuple(text.casefold() for text in composed)
    return SideWords(side.mass, texts, log_frequencies(model, side.input.encoded))


def differences(
    source: SideWords, target: SideWords, links: Links, draw: np.random.Generator
) -> dict[str, float | None]:
    """Returns mean |n_s m_i - n_t m_j| over links, over unlinked words, over links with shuffled
    masses.

    Unlinked: each link's source word with the target word of another link (`pair_unlinked`). Mass
    scales as 1/n, so n m is 1 for a word of average weight (docs/method.md, 5). None below two
    links.
    """
    if len(links) < 2:
        return dict.fromkeys(_DIFFERENCES)
    rows, columns = (np.array(places) for places in zip(*links, strict=True))
    heavy, light = source.mass * len(source.mass), target.mass * len(target.mass)
    others = pair_unlinked(source, target, links, draw)
    shuffled = np.abs(draw.permutation(heavy)[rows] - draw.permutation(light)[columns])
    values = (
        np.abs(heavy[rows] - light[columns]),
        np.abs(heavy[rows] - light[others]),
        shuffled,
    )
    return {name: float(value.mean()) for name, value in zip(_DIFFERENCES, values, strict=True)}


def pair_unlinked(
    source: SideWords, target: SideWords, links: Links, draw: np.random.Generator
) -> np.ndarray:
    """Chooses for each link's source word the target word of another link, each used once.

    Of all such assignments the one whose words are nearest in log frequency to the words they stand
    in for. A word whose link has the same form on either side would be a translation again: it is
    taken only where nothing else is left. Without frequencies: the links' targets turned by a
    random step. Shape: (links,), places of target words.
    """
    rows, columns = (np.array(places) for places in zip(*links, strict=True))
    if target.frequency is None:
        return np.roll(columns, 1 + int(draw.integers(len(columns) - 1)))
    common = target.frequency[columns]
    cost = np.abs(common[:, None] - common[None, :])
    again = _alike(source.texts, rows) | _alike(target.texts, columns)
    # Weights that no sum of differences outgrows: forms are avoided first, own partners always.
    most = 1.0 + cost.max() * len(links)
    cost[again] += most
    np.fill_diagonal(cost, most * (len(links) + 1))
    return columns[linear_sum_assignment(cost)[1]]


def _alike(texts: tuple[str, ...], places: np.ndarray) -> np.ndarray:
    """Returns which two of the words have one form. Shape: (links, links)."""
    forms = np.array([texts[place] for place in places], dtype=object)
    return np.equal.outer(forms, forms).astype(bool)


def _seed(seed: int, *parts: object) -> int:
    """Returns a seed of its own for every item, pair and layer: permutations are not shared."""
    text = "|".join(map(str, (seed, *parts)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")
