"""Compares DecompX with integrated gradients: faithfulness and time on the same short items.

python -m research.decomposition.trial DATA [--items 30] [--minutes N]

Prints a table (docs/decisions/0012-decomposition.md has it). Items are kept in the cache one by
one: stopped, it goes on where it was. Attributions are float32, one text at a time, their time is
that of the processor; texts with words removed are read in bf16.
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from ccta_core.analysis.intervals import clustered_interval
from ccta_core.attribution.integrated_gradients import unit_sums
from ccta_core.cli.write import progress
from ccta_core.config import Config
from ccta_core.consistency import mass
from ccta_core.faithfulness.orders import Order, aopc, order_of, random_orders, removed_sets
from ccta_core.faithfulness.removal import Removals
from ccta_core.faithfulness.rows import RowFile, default_file
from ccta_core.faithfulness.settings import RANDOM, Search
from ccta_core.models.load import load_model
from ccta_core.models.model import Model
from ccta_core.pipeline.sentences import Input, attributions, baselines_of, forward, select_targets
from ccta_core.text import plain
from ccta_core.types import ParallelExample
from research.decomposition.decompx import logit_parts
from research.documents.faithfulness_parts import NLI

LANGUAGES = ("en",)
LAYERS = (0, 8)
MASSES = ("abs", "positive")
REPLACEMENTS = ("pad", "mask")
SEARCH = Search(width=2, exact=7)
METHODS = ("lig", "decompx")
_DRAWS = 3
_LEAST_ROOM = 1e-6
Record = dict[str, Any]


def by_decompx(model: Model, read: Input, layer: int) -> np.ndarray:
    """The decomposed logit of what is explained, by unit."""
    ((_, column),) = read.explained.target.places
    with torch.inference_mode():
        parts = logit_parts(model.hf_model, read.reading.states[layer], layer)
    return unit_sums(read.encoded, parts[:, column].double().numpy())


def by_gradients(model: Model, read: Input, layer: int) -> np.ndarray:
    """Integrated gradients from PAD at the default tolerance, by unit."""
    config = Config(layer=layer)
    starts = baselines_of(model, [read], [layer], config)
    return attributions(model, [read], config, starts=starts)[0].scores


_SCORES: Mapping[str, Callable[[Model, Input, int], np.ndarray]] = {
    "lig": by_gradients,
    "decompx": by_decompx,
}


def measure_item(model: Model, item: ParallelExample) -> Record:
    """The normalised gaps of every ranking of an item's texts, and the seconds of each method."""
    passes = forward(model, [item.sentences[lang] for lang in LANGUAGES], list(LAYERS))
    inputs = select_targets(model, passes, "each", list(LAYERS))
    orders: list[dict[str, Order]] = []
    seconds: dict[str, float] = {}
    for read, lang in zip(inputs, LANGUAGES, strict=True):
        of_text: dict[str, Order] = {}
        n = len([unit for part in read.encoded.maps for unit in part.units])
        *drawn, ties = random_orders(n, _DRAWS + 1, 0, f"{item.id} {lang}")
        for method in METHODS:
            for layer in LAYERS:
                before = time.process_time()
                scores = _SCORES[method](model, read, layer)
                name = f"{method} layer {layer}"
                spent = time.process_time() - before
                seconds[name] = seconds.get(name, 0.0) + spent / len(LANGUAGES)
                for kind in MASSES:
                    masses = mass(scores, None, kind).masses
                    of_text[f"{name} {kind}"] = order_of(masses, ties)
        of_text |= {f"{RANDOM} {draw}": tuple(order) for draw, order in enumerate(drawn)}
        orders.append(of_text)
    gaps = {kind: _gaps(model, inputs, orders, kind) for kind in REPLACEMENTS}
    return {"item": item.id, "group": item.group, "gaps": gaps, "seconds": seconds}


def _gaps(
    model: Model, inputs: Sequence[Input], orders: Sequence[Mapping[str, Order]], kind: str
) -> list[dict[str, float | None]]:
    """Normalised comprehensiveness less normalised sufficiency, by text and ranking."""
    removals = Removals(model, inputs, kind, "bf16")
    removals.read(
        (number, removed)
        for number, of_text in enumerate(orders)
        for order in of_text.values()
        for way in (order, order[::-1])
        for removed in (0, *removed_sets(way))
    )
    gaps = []
    for number, extremes in enumerate(removals.extremes(SEARCH)):
        values = removals.probability[number]
        areas = {
            name: (aopc(values, order), aopc(values, order[::-1]))
            for name, order in orders[number].items()
        }
        # An order that was measured is attainable: where the beam missed it, it is the bound.
        best = max(values[0] - extremes.lowest, *map(max, areas.values()))
        worst = min(values[0] - extremes.highest, *map(min, areas.values()))
        room = best - worst
        gaps.append(
            {
                name: (first - last) / room if room > _LEAST_ROOM else None
                for name, (first, last) in areas.items()
            }
        )
    return gaps


def table(records: Sequence[Record]) -> str:
    """A line a ranking: its mean gap with each replacement, its seconds a text.

    DecompX also has its difference from integrated gradients of the same layer and mass.
    """
    heads = [f"gap, {kind.upper()}" for kind in REPLACEMENTS]
    differences = [f"less lig, {kind.upper()}" for kind in REPLACEMENTS]
    lines = [["ranking", *heads, *differences, "seconds a text"]]
    for method in METHODS:
        for layer in LAYERS:
            for kind in MASSES:
                name = f"{method} layer {layer} {kind}"
                other = name.replace(method, "lig") if method != "lig" else None
                seconds = np.mean(
                    [record["seconds"][f"{method} layer {layer}"] for record in records]
                )
                lines.append(
                    [
                        name,
                        *(_estimate(records, kind_of, name) for kind_of in REPLACEMENTS),
                        *(
                            _estimate(records, kind_of, name, other) if other else "-"
                            for kind_of in REPLACEMENTS
                        ),
                        plain(float(seconds), 2),
                    ]
                )
    random = [_estimate(records, kind_of, f"{RANDOM} 0") for kind_of in REPLACEMENTS]
    lines.append([f"({RANDOM})", *random, "-", "-", "-"])
    head, *rows = (f"| {' | '.join(line)} |" for line in lines)
    return "\n".join([head, "|" + "---|" * len(lines[0]), *rows])


def _estimate(records: Sequence[Record], kind: str, name: str, other: str | None = None) -> str:
    values, groups = [], []
    for record in records:
        for of_text in record["gaps"][kind]:
            if of_text[name] is not None:
                values.append(of_text[name] - (of_text[other] if other else 0.0))
                groups.append(record["group"])
    low, high = clustered_interval(np.array(values), groups)
    return f"{plain(float(np.mean(values)), 2)} [{plain(low, 2)}, {plain(high, 2)}]"


def main() -> None:
    """Measures what is missing and prints the table."""
    parser = argparse.ArgumentParser(description="Compare DecompX with integrated gradients.")
    parser.add_argument("data")
    parser.add_argument("--items", type=int, default=30)
    parser.add_argument("--minutes", type=float, default=1e6)
    options = parser.parse_args()
    until = time.monotonic() + 60 * options.minutes
    model = load_model(NLI.model)
    design = replace(NLI, items=options.items, languages=LANGUAGES).design(model, options.data)
    facts = {"trial": 1, "facts": design.facts(model.id, model.revision)}
    rows = RowFile(default_file(facts), facts)
    records = rows.read(1, len(design.items))
    for item in design.items[len(records) :]:
        if time.monotonic() > until:
            break
        records.append(measure_item(model, item))
        rows.append(records[-1:])
        progress(f"{len(records)}/{len(design.items)} items")
    sys.stdout.write(f"{len(records)} items in {', '.join(LANGUAGES)}\n\n{table(records)}\n")


if __name__ == "__main__":
    main()
