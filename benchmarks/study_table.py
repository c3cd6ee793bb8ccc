"""What pages ask of a study of a million rows, timed, and what it takes to open it.

python benchmarks/study_table.py [--rows 1000000] [--models 1] [--chunk 18] [--study NAME]

The rows are random numbers in the study's own files, in parts of `--chunk` items as a run writes
them; with `--study` they are those of a study that is here. Prints what the first opening takes
(the parts are checked and copied), a later one in a process of its own, and the median of every
question. On a busy machine the CPU time says more than the clock.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ccta_core.config import Config
from ccta_core.corpus.demo import read_demo
from ccta_core.corpus.spec import Corpus
from ccta_core.models.catalog import ModelInfo
from ccta_core.study.manifest import make_manifest, write_manifest
from ccta_core.study.request import StudyRequest
from ccta_core.study.storage.parts import part_path
from ccta_core.study.storage.schema import COLUMNS, arrow_schema
from ccta_core.study.storage.table import Study, open_study
from ccta_core.study.storage.table_files import compact
from dashboard.views.errors import tables
from dashboard.views.errors.filters import Filters, Order
from dashboard.views.errors.tables import confusion

LANGS = ("ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh")
LABELS = ("entailment", "neutral", "contradiction")
PAGE = 50
LATER = """
import sys, time
import duckdb, pandas
from pathlib import Path
from ccta_core.study.manifest import read_plan
from ccta_core.study.storage.table import Study
place = Path(sys.argv[1])
began = time.perf_counter()
Study(place, read_plan(place)).query("SELECT 1")
print(time.perf_counter() - began)
"""


def questions(model, layer):
    every = Filters(model, layer)
    wrong = replace(every, right="rw")
    down = Order("p_value", down=True)
    return {
        "language x language means": lambda study: study.query(
            "SELECT source_lang, target_lang, avg(ems), avg(gain), count(*) FROM rows "
            "WHERE model = ? GROUP BY ALL",
            [model],
        ),
        "means by model and pair": lambda study: study.query(
            "SELECT model, source_lang, target_lang, avg(ems), avg(ems_unrelated), "
            "avg(target_score) FROM pairs GROUP BY ALL"
        ),
        "calibrated by pair": lambda study: study.query(
            "SELECT source_lang, target_lang, avg(calibrated) FROM rows GROUP BY ALL"
        ),
        "errors: how many are right in one language only": lambda s: tables.count(s, wrong),
        "errors: first page by EMS": lambda s: tables.rows_of_page(s, wrong, Order("ems"), 0, PAGE),
        "errors: page at 10,000, right in one language only": lambda s: tables.rows_of_page(
            s, wrong, Order("ems"), 10_000, PAGE
        ),
        "errors: page at 10,000 of all": lambda s: tables.rows_of_page(
            s, every, Order("ems"), 10_000, PAGE
        ),
        "errors: page at 400,000 of all": lambda s: tables.rows_of_page(
            s, every, Order("ems"), 400_000, PAGE
        ),
        "errors: page at 400,000 of all, by p downwards": lambda s: tables.rows_of_page(
            s, every, down, 400_000, PAGE
        ),
        "errors: share and differences": lambda s: tables.summarise_selection(s, wrong),
        "errors: table of predictions": lambda s: confusion(s, every, LABELS),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="ordered rows, all models")
    parser.add_argument("--models", type=int, default=1)
    parser.add_argument("--chunk", type=int, default=18, help="items of a part")
    parser.add_argument("--study", help="one that is here, instead of random rows")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        study = open_study(options.study) if options.study else None
        os.environ["CCTA_CACHE"] = str(Path(place) / "cache")
        if study is None:
            study = made(Path(place) / "study", options.rows, options.models, options.chunk)
        parts = [part.size for part in study.source.parts]
        print(f"{len(parts)} parts of {sum(parts) / 1e6:.0f} MB")
        timed_study(study, options.repeats)


def timed_study(study, repeats):
    study.source.parts[0].path.read_bytes()
    began, busy = time.perf_counter(), time.process_time()
    study.query("SELECT 1")
    opened, cpu = time.perf_counter() - began, time.process_time() - busy
    size = sum(path.stat().st_size for path in compact(study.source))
    later = subprocess.run(
        [sys.executable, "-c", LATER, str(study.folder)], capture_output=True, text=True, check=True
    )
    (rows,) = study.query("SELECT count(*) AS n FROM rows")["n"]
    print(
        f"{rows:,} rows; opened first in {opened:.1f} s ({cpu:.1f} s CPU), {size / 1e6:.0f} MB of "
        f"table files; later in {float(later.stdout):.3f} s\n"
    )
    print("| question | s | CPU s |\n|---|---|---|")
    model, layer = study.manifest.models[0]["id"], study.manifest.layers[-1]
    for name, question in questions(model, layer).items():
        clock, cpu = [], []
        for _ in range(repeats):
            began, busy = time.perf_counter(), time.process_time()
            question(study)
            clock.append(time.perf_counter() - began)
            cpu.append(time.process_time() - busy)
        print(f"| {name} | {statistics.median(clock):.3f} | {statistics.median(cpu):.3f} |")


def made(folder, wanted, models=1, chunk=18):
    """A study of random rows in parts as large as a run writes them in the end."""
    pairs = [(a, b) for at, a in enumerate(LANGS) for b in LANGS[at + 1 :]]
    items = -(-wanted // (2 * len(pairs) * models))
    examples = (read_demo("nli") * (items // 60 + 1))[:items]
    corpus = Corpus("demo:nli", "nli", "all", "CC BY 4.0", LANGS, tuple(examples))
    infos = [
        ModelInfo(f"made/m{n}", "nli", "en", LABELS, tuple(range(12)), 7, "r")
        for n in range(models)
    ]
    request = StudyRequest(
        name="made", data="demo:nli", models=[info.id for info in infos], layers=[8],
        config=Config(), chunk=chunk,
    )  # fmt: skip
    manifest = make_manifest(request, corpus, infos)
    folder.mkdir(exist_ok=True)
    write_manifest(folder, manifest)
    draw = np.random.default_rng(0)
    for info in infos:
        for number in range(manifest.chunks):
            own = min(chunk, items - number * chunk)
            path = part_path(folder, info.id, number)
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(
                table(draw, info.id, number * chunk, own, pairs), path, compression="zstd"
            )
    return Study(folder, manifest)


def table(draw, model, first, items, pairs):
    count = items * len(pairs)
    item = np.repeat(np.arange(first, first + items), len(pairs))
    fixed = {
        "item": [f"dev-{n}" for n in item], "group": [f"dev-{n // 3 * 3}" for n in item],
        "gold": [LABELS[n % 3] for n in item], "model": [model] * count,
        "target_class": [LABELS[n % 3] for n in item],
        "source_lang": [a for a, _ in pairs] * items, "target_lang": [b for _, b in pairs] * items,
        "source_predicted": draw.choice(LABELS, count),
        "target_predicted": draw.choice(LABELS, count),
    }  # fmt: skip
    makers = {
        "float64": lambda: draw.random(count), "bool": lambda: draw.random(count) < 0.6,
        "int32": lambda: draw.integers(5, 60, count), "int16": lambda: np.full(count, 8),
    }  # fmt: skip
    columns = {c.name: fixed[c.name] if c.name in fixed else makers[c.type]() for c in COLUMNS}
    return pa.table(columns).cast(arrow_schema())


if __name__ == "__main__":
    main()
