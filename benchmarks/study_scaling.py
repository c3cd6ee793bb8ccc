"""What a study costs: core seconds of an item and language, of a pair, bytes of a row; one run.

python benchmarks/study_scaling.py [--items 18]: the demo's NLI items in en es zh ar, one thread.
The processor's time is counted, not the clock: what else runs on the machine matters less. Prints
the tables of docs/scaling.md between its markers.
"""

import argparse
import os
import tempfile
import time
from itertools import combinations
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # read by torch and POT when they are loaded

import torch

import ccta_core as ccta
from ccta_core.config import Config
from ccta_core.memory import peak_megabytes
from ccta_core.study import measure as study
from ccta_core.study.request import CHUNK
from ccta_core.study.storage.items import FILE, write_items
from ccta_core.study.storage.parts import part_path, write_part

MODEL = "e5-small/nli-en"
LANGS = ("en", "es", "zh", "ar")
LAYERS = (0, 4, 8, 11)
CORES = (2, 16, 128)
STUDIES = (  # items, languages, layers, models
    (500, 4, (8,), 1),
    (2490, 15, (8,), 1),
    (5010, 15, (8,), 1),
    (5010, 15, (0, 8), 1),
    (5010, 15, (8,), 20),
    (100_000, 4, (8,), 1),
)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=CHUNK)
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = ccta.load_model(MODEL)
    items = ccta.read_demo("nli")[: options.items]
    timed(model, items[:2], LANGS[:2], 11)  # what is loaded at the first call
    found = {layer: timed(model, items, LANGS, layer) for layer in LAYERS}
    fixed, row = sizes([rows for _, _, rows in found.values()])
    text = item_bytes(items)
    print("<!-- scaling: start -->")
    tokens = sum(row["source_subwords"] + row["target_subwords"] for row in found[8][2])
    print(
        f"{len(items)} items of the demo (NLI, {tokens / 2 / len(found[8][2]):.0f} subwords each) "
        f"in {' '.join(LANGS)}, {MODEL}, one thread:\n"
    )
    print("| layer | core seconds an item and language (a) | an item and pair (p) |")
    print("|---|---|---|")
    for layer, (side, pair, _) in found.items():
        print(f"| {layer} | {side:.3f} | {pair:.4f} |")
    peak = peak_megabytes()
    print(
        f"\nA part takes {fixed:,.0f} bytes and {row:.0f} for each row; an item {text:.0f} bytes a "
        f"language. The process held at most {peak:,.0f} MiB.\n"
    )
    costs = {layer: cost[:2] for layer, cost in found.items()}
    sizing(costs, fixed, row, text)
    print("<!-- scaling: end -->")


def timed(model, items, langs, layer):
    """Core seconds an item and language, core seconds an item and pair, and the rows."""
    spent, plain = [0.0], study._rows

    def pairs(*arguments):
        began = time.process_time()
        rows = list(plain(*arguments))
        spent[0] += time.process_time() - began
        return rows

    study._rows = pairs
    try:
        began = time.process_time()
        rows = study.measure(model, items, langs, [layer], Config(shuffles=20))
        total = time.process_time() - began
    finally:
        study._rows = plain
    couples = len(list(combinations(langs, 2)))
    return (total - spent[0]) / len(items) / len(langs), spent[0] / len(items) / couples, rows


def sizes(layers):
    """Bytes of a part without rows and of each row: two parts, of one layer and of all."""
    with tempfile.TemporaryDirectory() as name:
        folder, written = Path(name), []
        for at, part in enumerate((layers[0], [row for rows in layers for row in rows])):
            write_part(folder, MODEL, at, part)
            written.append((len(part), part_path(folder, MODEL, at).stat().st_size))
    (few, small), (many, large) = written
    row = (large - small) / (many - few)
    return small - few * row, row


def item_bytes(items):
    """Bytes of an item and language on disk."""
    langs = list(items[0].sentences)
    with tempfile.TemporaryDirectory() as name:
        write_items(Path(name), items, langs)
        return (Path(name) / FILE).stat().st_size / len(items) / len(langs)


def sizing(costs, fixed, row, text):
    hours = " | ".join(f"{cores} cores" for cores in CORES)
    print(f"| items | languages | layers | models | core hours | hours on {hours} | rows | GB |")
    print("|---" * (7 + len(CORES)) + "|")
    for items, langs, layers, models in STUDIES:
        pairs, chunks = langs * (langs - 1) // 2, -(-items // CHUNK)
        seconds = sum(langs * costs[at][0] + pairs * costs[at][1] for at in layers) * items * models
        parts, rows = chunks * models, items * pairs * len(layers) * models
        size = parts * fixed + rows * row + items * langs * text
        waves = (-(-parts // cores) for cores in CORES)  # a part is one core's
        spread = " | ".join(short(wave * seconds / parts / 3600) for wave in waves)
        print(
            f"| {items:,} | {langs} | {' '.join(map(str, layers))} | {models} "
            f"| {short(seconds / 3600)} | {spread} | {rows:,} | {short(size / 1e9)} |"
        )


def short(value):
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


if __name__ == "__main__":
    main()
