"""What a page asks of a study of a million rows, timed: DuckDB over Parquet parts.

python benchmarks/study_table.py [--rows 1000000]

The rows are random numbers in the study's own files; every query opens the parts anew, as a page's
first query does. Prints the median of five.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ccta_core.config import Config
from ccta_core.corpus.demo import read_demo
from ccta_core.corpus.spec import Corpus
from ccta_core.models.catalog import ModelInfo
from ccta_core.study.parts import part_path
from ccta_core.study.plan import planned, write_plan
from ccta_core.study.schema import COLUMNS, arrow_schema
from ccta_core.study.table import Study

LANGS = ("ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh")
LABELS = ("entailment", "neutral", "contradiction")
QUERIES = {
    "language x language means": "SELECT source_lang, target_lang, avg(ems), avg(gain), count(*) "
    "FROM rows WHERE model = 'made/m0' GROUP BY ALL",
    "means by model and pair": "SELECT model, source_lang, target_lang, avg(ems), "
    "avg(ems_unrelated), avg(target_score) FROM pairs GROUP BY ALL",
    "errors: filter, sort, one page of 50": "SELECT * FROM rows WHERE target_correct = false AND "
    "source_correct AND ems < .5 AND source_lang = 'en' ORDER BY ems LIMIT 50 OFFSET 10000",
    "errors: how many": "SELECT count(*) FROM rows WHERE NOT target_correct AND source_correct",
    "calibrated by pair": "SELECT source_lang, target_lang, avg(calibrated) FROM rows GROUP BY ALL",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="ordered rows, all models")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        study, rows, size = made(Path(place), options.rows)
        print(f"{rows:,} ordered rows, {size / 1e6:.0f} MB of Parquet, {len(LANGS)} languages")
        print("| query | median s | slowest s |\n|---|---|---|")
        for name, query in QUERIES.items():
            times = []
            for _ in range(5):
                began = time.perf_counter()
                study.sql(query).fetchall()
                times.append(time.perf_counter() - began)
            print(f"| {name} | {statistics.median(times):.3f} | {max(times):.3f} |")


def made(folder, wanted, models=5, chunk=1000):
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
