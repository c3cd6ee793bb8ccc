"""Measures items: attributes each sentence under every setting, removes units, asks the model."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from ccta_core.attribution.protocol import Baseline, Stop, never
from ccta_core.consistency import mass
from ccta_core.corpus.labels import gold_class
from ccta_core.errors import CctaError
from ccta_core.faithfulness.bounds import Extremes
from ccta_core.faithfulness.orders import (
    Order,
    aopc,
    deletion_curve,
    flip_rank,
    insertion_curve,
    lengths_of,
    order_of,
    random_orders,
    removed_sets,
)
from ccta_core.faithfulness.removal import Removals
from ccta_core.faithfulness.rows import RowFile
from ccta_core.faithfulness.settings import LENGTH, POSITION, RANDOM, FaithfulnessDesign, Noise
from ccta_core.models.model import Model
from ccta_core.pipeline.sentences import (
    ForwardPass,
    Input,
    attributions,
    baselines_of,
    check,
    forward,
    select_targets,
)
from ccta_core.sensitivity.settings import Setting, run_config
from ccta_core.types import ParallelExample, Unit

CHUNK = 2
"""Items measured together: what is lost when a run is killed. Fixed, so that batches are the same
whether or not it was."""
_DIGITS = 7
_ROUNDING = 1e-9
_NO_ROOM = 1e-6
"""Where best and worst order differ by less in probability, no order is better than another."""


@dataclass(frozen=True, slots=True, eq=False)
class _Cell:
    """One sentence after its forward pass, with what is explained of it.

    `row` is the place of its item among those measured together.
    """

    row: int
    item: ParallelExample
    lang: str
    input: Input

    @property
    def units(self) -> tuple[Unit, ...]:
        """The units that can be removed: all of the window that is explained."""
        return tuple(unit for segment in self.input.encoded.maps for unit in segment.units)


@dataclass(frozen=True, slots=True)
class _Ranking:
    """One order of the units of one sentence; `draw` tells random ones apart."""

    name: str
    order: Order
    draw: int = 0
    mass_change: float | None = None


def measure(
    model: Model,
    design: FaithfulnessDesign,
    rows: RowFile,
    report: Callable[[str], None] = lambda _line: None,
    stop: Stop = never,
) -> list[dict[str, Any]]:
    """Measures every item that `rows` does not hold yet, and returns the rows of all.

    A chunk of items is appended when it is complete: a killed run loses one chunk and goes on to
    the same rows. Raises CctaError on a layer or class the model does not have and where no item
    has two units, StoppedError soon after `stop` turns true.
    """
    config = replace(design.config, target_class="auto" if design.target == "gold" else "each")
    sentences = [item.sentences[lang] for item in design.items for lang in design.languages]
    for layer in {setting.layer for setting in design.settings}:
        check(model, sentences, config.with_layer(layer))
    records = rows.read(CHUNK, len(design.items))
    if records:
        report(f"{len(records)} of {len(design.items)} items were measured before")
    for start in range(len(records), len(design.items), CHUNK):
        items = design.items[start : start + CHUNK]
        new = measure_items(model, design, items, stop)
        rows.append(new)
        records += new
        asked = sum(
            replaced["evaluations"]
            for record in new
            for cell in record["cells"]
            for replaced in cell["replacements"].values()
        )
        report(f"{len(records)}/{len(design.items)} items, {asked} texts read with units removed")
    if not any(record["cells"] for record in records):
        raise CctaError(
            "no units are left to remove: every text has a single one; expected longer texts"
        )
    return records


def short_items(
    model: Model, items: Sequence[ParallelExample], languages: Sequence[str], most: int
) -> list[ParallelExample]:
    """The items with at most `most` units in each of the languages.

    Raises CctaError where there is none.
    """
    short = [
        item
        for item in items
        if all(
            sum(len(part.units) for part in model.encode(item.sentences[lang]).maps) <= most
            for lang in languages
        )
    ]
    if not short:
        raise CctaError(f"no item has at most {most} units in {' '.join(languages)}")
    return short


def measure_items(
    model: Model, design: FaithfulnessDesign, items: Sequence[ParallelExample], stop: Stop = never
) -> list[dict[str, Any]]:
    """The rows of some items, read and attributed together: plain numbers, one row an item."""
    cells = _cells(model, design, items)
    rankings = _rankings(model, design, cells, stop)
    inputs = [cell.input for cell in cells]
    replaced = {
        kind: _replaced(
            Removals(model, inputs, kind, design.config.precision), design, rankings, stop
        )
        for kind in design.replacements
    }
    records: list[dict[str, Any]] = [
        {"item": item.id, "group": item.group, "label": item.label, "cells": []} for item in items
    ]
    for number, cell in enumerate(cells):
        records[cell.row]["cells"].append(
            {
                "lang": cell.lang,
                "units": len(cell.units),
                "explained": cell.input.explained.label,
                "mass_change": {
                    ranking.name: _rounded(ranking.mass_change)
                    for ranking in rankings[number]
                    if ranking.mass_change is not None
                },
                "replacements": {kind: replaced[kind][number] for kind in design.replacements},
            }
        )
    return records


def _cells(
    model: Model, design: FaithfulnessDesign, items: Sequence[ParallelExample]
) -> list[_Cell]:
    """Every sentence of two units or more, after one forward pass, with its target."""
    layers = sorted({setting.layer for setting in design.settings})
    places = [(row, item, lang) for row, item in enumerate(items) for lang in design.languages]
    passes = forward(model, [item.sentences[lang] for _, item, lang in places], layers)
    by_label: dict[str, list[int]] = {}
    for number, (_, item, _) in enumerate(places):
        by_label.setdefault(_label(model, design, item), []).append(number)
    inputs: dict[int, Input] = {}
    for label, numbers in by_label.items():
        chosen: list[ForwardPass] = [passes[number] for number in numbers]
        inputs |= zip(numbers, select_targets(model, chosen, label, layers), strict=True)
    cells = [_Cell(*place, inputs[number]) for number, place in enumerate(places)]
    return [cell for cell in cells if len(cell.units) > 1]


def _label(model: Model, design: FaithfulnessDesign, item: ParallelExample) -> str:
    """What is explained of an item: its gold class, or what the model predicts of each text."""
    if design.target == "each":
        return "each"
    if model.info.task in ("qa", "ner"):
        return "auto"  # the answer or the words in focus
    return gold_class(item.label, model.labels, item=item.id, model=model.id)


def _rankings(
    model: Model, design: FaithfulnessDesign, cells: Sequence[_Cell], stop: Stop
) -> list[list[_Ranking]]:
    """The orders of every sentence's units: one a setting, then those that ignore the model."""
    rankings: list[list[_Ranking]] = [[] for _ in cells]
    randoms = [
        random_orders(len(cell.units), design.draws + 1, design.config.seed, _name(cell))
        for cell in cells
    ]
    ties = [drawn[-1] for drawn in randoms]  # equal masses say nothing of each other
    runs = list(dict.fromkeys((s.method, s.layer, s.baseline) for s in design.settings))
    for run in runs:
        settings = [s for s in design.settings if (s.method, s.layer, s.baseline) == run]
        for setting, masses, changes in _masses(model, design, cells, settings, stop):
            for number, masses_of_setting in enumerate(masses):
                order = order_of(masses_of_setting, ties[number])
                change = None if changes is None else changes[number]
                rankings[number].append(_Ranking(str(setting), order, 0, change))
    for number, cell in enumerate(cells):
        rankings[number] += [
            _Ranking(RANDOM, tuple(order.tolist()), draw)
            for draw, order in enumerate(randoms[number][:-1])
        ]
        length = order_of(lengths_of(cell.units), ties[number])
        rankings[number].append(_Ranking(LENGTH, length))
        rankings[number].append(_Ranking(POSITION, tuple(range(len(cell.units)))))
    return rankings


def _masses(
    model: Model,
    design: FaithfulnessDesign,
    cells: Sequence[_Cell],
    settings: Sequence[Setting],
    stop: Stop,
) -> list[tuple[Setting, list[np.ndarray], list[float] | None]]:
    """One run of a method: every sentence's masses under each setting, and how noise moves them."""
    config = run_config(settings, design.config)
    layer = config.layer
    inputs = [cell.input for cell in cells]
    starts = (
        baselines_of(model, inputs, [layer], config)
        if settings[0].baseline
        else [None] * len(inputs)
    )

    def by_setting(read: Sequence[Input], starts: Sequence[Baseline | None]) -> list:
        explained = attributions(model, read, config, stop, starts)
        return [
            [
                mass(attribution.scores, attribution.norms, setting.mass).masses
                for attribution in explained
            ]
            for setting in settings
        ]

    masses = by_setting(inputs, starts)
    # Attention rollout reads no states but runs from the words: noise on states can't reach it.
    if not design.noise.scale or config.method == "rollout":
        return [
            (setting, of_setting, None)
            for setting, of_setting in zip(settings, masses, strict=True)
        ]
    worst = np.zeros((len(settings), len(cells)))
    for draw in range(design.noise.draws):
        noisy = [
            _with_noise(model, cell, layer, design.noise, (design.config.seed, draw))
            for cell in cells
        ]
        moved = by_setting(noisy, starts)
        change = [
            [np.abs(a - b).sum() for a, b in zip(before, after, strict=True)]
            for before, after in zip(masses, moved, strict=True)
        ]
        worst = np.maximum(worst, change)
    return list(zip(settings, masses, worst.tolist(), strict=True))


def _with_noise(
    model: Model, cell: _Cell, layer: int, noise: Noise, seeds: tuple[int, int]
) -> Input:
    """The sentence with noise on its states at `layer`, and the logits that these give."""
    reading, encoded = cell.input.reading, cell.input.encoded
    states = reading.states[layer]
    generator = np.random.default_rng([*seeds, layer, zlib.crc32(_name(cell).encode("utf-8"))])
    drawn = torch.from_numpy(generator.standard_normal(states.shape)).to(states)
    states = states + noise.scale * states.square().mean().sqrt() * drawn
    with torch.inference_mode():
        logits = model.layer_suffix(layer)(states[None], model.inputs([encoded]))[0]
    return replace(cell.input, reading=replace(reading, logits=logits, states={layer: states}))


def _replaced(
    removals: Removals,
    design: FaithfulnessDesign,
    rankings: Sequence[Sequence[_Ranking]],
    stop: Stop,
) -> list[dict[str, Any]]:
    """What removing units says of every sentence's rankings: a dictionary a sentence."""
    removals.read(
        [
            (number, removed)
            for number, of_sentence in enumerate(rankings)
            for ranking in of_sentence
            for order in (ranking.order, ranking.order[::-1])
            for removed in (0, *removed_sets(order))
        ],
        stop,
    )
    return [
        _of_sentence(removals, number, rankings[number], extremes)
        for number, extremes in enumerate(removals.extremes(design.search, stop))
    ]


def _of_sentence(
    removals: Removals, number: int, rankings: Sequence[_Ranking], extremes: Extremes
) -> dict[str, Any]:
    probability, margin = removals.probability[number], removals.margin[number]
    whole = probability[0]
    best, worst = whole - extremes.lowest, whole - extremes.highest
    areas = [
        (aopc(probability, ranking.order), aopc(probability, ranking.order[::-1]))
        for ranking in rankings
    ]
    # An order that was measured is attainable: where the beam missed it, it is the bound.
    beaten = sum(max(both) > best + _ROUNDING or min(both) < worst - _ROUNDING for both in areas)
    best, worst = max(best, *map(max, areas)), min(worst, *map(min, areas))
    room = best - worst
    entries = [
        {
            "ranking": ranking.name,
            "draw": ranking.draw,
            "comprehensiveness": _rounded(first),
            "sufficiency": _rounded(last),
            "normalised_comprehensiveness": _share(first - worst, room),
            "normalised_sufficiency": _share(last - worst, room),
            "margin_comprehensiveness": _rounded(aopc(margin, ranking.order)),
            "margin_sufficiency": _rounded(aopc(margin, ranking.order[::-1])),
            "flip_rank": _rounded(flip_rank(removals.kept[number], ranking.order)),
            "deletion": [_rounded(p) for p in deletion_curve(probability, ranking.order)],
            "insertion": [_rounded(p) for p in insertion_curve(probability, ranking.order)],
        }
        for ranking, (first, last) in zip(rankings, areas, strict=True)
    ]
    return {
        "probability": _rounded(whole),
        "best": _rounded(best),
        "worst": _rounded(worst),
        "exact": extremes.exact,
        "beaten": beaten,
        "evaluations": len(probability),
        "rankings": entries,
    }


def _share(part: float, whole: float) -> float | None:
    return _rounded(part / whole) if whole > _NO_ROOM else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


def _name(cell: _Cell) -> str:
    return f"{cell.item.id} {cell.lang}"
