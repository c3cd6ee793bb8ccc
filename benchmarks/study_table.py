"""What pages ask of a study of a million rows, timed: DuckDB over Parquet parts against one file.

python benchmarks/study_table.py [--rows 1000000] [--models 1] [--chunk 18]

The rows are random numbers in the study's own files, in parts of `--chunk` items as a run writes
them. Every question is asked of the views over the parts and of the built file in turn, in this one
run; prints medians and their ratio, and what it takes to open and to build. On a busy machine the
CPU time says more of the file than the clock.
"""

import argparse
import os
import statistics
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
from ccta_core.study.built import build, from_parts, table_file
from ccta_core.study.opened import Opened, opened
from ccta_core.study.parts import part_path
from ccta_core.study.plan import planned, write_plan
from ccta_core.study.schema import COLUMNS, arrow_schema
from ccta_core.study.table import Study
from dashboard.tables import errors, errors_doubt
from dashboard.tables.errors_confusion import confusion
from dashboard.tables.errors_filters import Filters
from dashboard.tables.errors_sorts import Order

LANGS = ("ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh")
LABELS = ("entailment", "neutral", "contradiction")
MODEL, LAYER, PAGE = "made/m0", 8, 50
ALL = Filters(MODEL, LAYER)
WRONG = replace(ALL, right="rw")


def sql(query):
    return lambda ask: ask(query)


QUESTIONS = {
    "language x language means": sql(
        "SELECT source_lang, target_lang, avg(ems), avg(gain), count(*) FROM rows "
        f"WHERE model = '{MODEL}' GROUP BY ALL"
    ),
    "means by model and pair": sql(
        "SELECT model, source_lang, target_lang, avg(ems), avg(ems_unrelated), avg(target_score) "
        "FROM pairs GROUP BY ALL"
    ),
    "calibrated by pair": sql(
        "SELECT source_lang, target_lang, avg(calibrated) FROM rows GROUP BY ALL"
    ),
    "errors: how many are right in one language only": lambda ask: errors.count(ask, WRONG),
    "errors: first page by EMS": lambda ask: errors.page(ask, WRONG, Order("ems"), 0, PAGE),
    "errors: page at 10,000, right in one language only": lambda ask: errors.page(
        ask, WRONG, Order("ems"), 10_000, PAGE
    ),
    "errors: page at 10,000 of all": lambda ask: errors.page(ask, ALL, Order("ems"), 10_000, PAGE),
    "errors: page at 400,000 of all": lambda ask: errors.page(
        ask, ALL, Order("ems"), 400_000, PAGE
    ),
    "errors: page at 400,000 of all, by p downwards": lambda ask: errors.page(
        ask, ALL, Order("p_value", down=True), 400_000, PAGE
    ),
    "errors: share and differences": lambda ask: errors_doubt.found(ask, WRONG),
    "errors: table of predictions": lambda ask: confusion(ask, ALL, LABELS),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="ordered rows, all models")
    parser.add_argument("--models", type=int, default=1)
    parser.add_argument("--chunk", type=int, default=18, help="items of a part")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        os.environ["CCTA_CACHE"] = str(Path(place) / "cache")
        folder = Path(place) / "study"
        study, rows, size = made(folder, options.rows, options.models, options.chunk)
        parts = len(study.plan.parts)
        print(
            f"{rows:,} ordered rows, {len(LANGS)} languages, {parts} parts of {size / 1e6:.0f} MB"
        )
        compared(study, options.repeats)


def compared(study, repeats):
    parts, opening_parts = timed(lambda: Parts(study))
    parts.ask("SELECT count(*) FROM rows")  # the libraries are loaded, the parts once read
    _, building = timed(lambda: build(study, table_file(study)))
    table, opening = timed(lambda: opened(study))
    assert isinstance(table, Opened)
    assert table.file is not None
    print(
        f"built in {building:.1f} s, {table.file.stat().st_size / 1e6:.0f} MB; "
        f"opened in {opening:.3f} s, the parts in {opening_parts:.3f} s\n"
    )
    print("| question | parts s | file s | ratio | file, CPU s |\n|---|---|---|---|---|")
    for name, question in QUESTIONS.items():
        slow, fast, busy = [], [], []
        for _ in range(repeats):
            slow.append(timed(lambda: question(parts.ask))[1])  # noqa: B023
            began = time.process_time()
            fast.append(timed(lambda: question(table.ask))[1])  # noqa: B023
            busy.append(time.process_time() - began)
        one, other, cpu = (statistics.median(found) for found in (slow, fast, busy))
        print(f"| {name} | {one:.3f} | {other:.3f} | {one / other:.1f} | {cpu:.3f} |", flush=True)


class Parts:
    """The views over the parts, asked as the file is."""

    def __init__(self, study):
        self.connection = from_parts(study)

    def ask(self, query, parameters=()):
        return self.connection.cursor().execute(query, list(parameters)).df()


def timed(work):
    began = time.perf_counter()
    return work(), time.perf_counter() - began


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
    plan = planned("made", "demo:nli", corpus, infos, [8], Config(), chunk=chunk)
    folder.mkdir(exist_ok=True)
    write_plan(folder, plan)
    draw, size = np.random.default_rng(0), 0
    for info in infos:
        for number in range(plan.chunks):
            own = min(chunk, items - number * chunk)
            path = part_path(folder, info.id, number)
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(
                table(draw, info.id, number * chunk, own, pairs), path, compression="zstd"
            )
            size += path.stat().st_size
    return Study(folder, plan), items * len(pairs) * 2 * models, size


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
