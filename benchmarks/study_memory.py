"""Whether a study's memory grows with its items: peak of the run, of a worker, of a question.

    python benchmarks/study_memory.py [--items 1000 10000 50000] [--workers 1]

Each size is a study of its own in fresh processes: a file of made-up parallel sentences in English
and Spanish, and a tiny random model (three layers of width 16), so that what is measured is the
runner: reading, aligning, chunks, parts, the table, one question. Prints peaks of resident memory.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
NAME = "memory"
QUESTION = "SELECT source_lang, avg(ems), corr(ems, source_confidence) FROM rows GROUP BY ALL"
CHUNK = 90
"""Items; five times the usual, since a worker that starts afresh takes as long as 90 of these."""
LABELS = ("entailment", "neutral", "contradiction")


def write_items(path, items):
    with path.open("w", encoding="utf-8") as file:
        file.write("id\tgroup\tlabel\ten\ten_2\tes\tes_2\n")
        for n in range(items):
            file.write(
                f"i{n}\tg{n // 3}\t{LABELS[n % 3]}\tThe ferry {n} left.\tAhmed baked {n % 97}."
                f"\tEl ferry {n} fue.\tAhmed horneaba {n % 97}.\n"
            )


def run(folder, workers):
    """The run itself; MiB at the peak of this process and of its largest worker, seconds."""
    from ccta_core.config import Config
    from ccta_core.models.added import add
    from ccta_core.study.request import StudyRequest
    from ccta_core.study.run import local

    began = time.perf_counter()
    request = StudyRequest(
        name=NAME,
        data=f"file:{folder / 'items.tsv'}",
        models=[add(str(folder / "model")).id],
        layers=(1,),
        config=Config(shuffles=2, unrelated=0, method="input_x_gradient"),
        chunk=CHUNK,
    )
    local.create(request)
    local.run(NAME, workers=workers, report=lambda progress: None)
    took = time.perf_counter() - began
    return [peak(resource.RUSAGE_SELF), peak(resource.RUSAGE_CHILDREN), took]


def ask(folder, _):
    """The finished study is opened, its table built, one question asked of it."""
    from ccta_core import open_study
    from ccta_core.study.storage.table_files import compact

    study = open_study(NAME)
    compact(study.source)
    built = peak(resource.RUSAGE_SELF)
    began = time.perf_counter()
    study.query(QUESTION)
    return [built, peak(resource.RUSAGE_SELF), time.perf_counter() - began]


def peak(who):
    return resource.getrusage(who).ru_maxrss / 1024


def measured(step, folder, workers):
    command = [sys.executable, __file__, "--step", step, "--folder", folder, "--workers", workers]
    environment = os.environ | {"CCTA_CACHE": str(folder / "cache")}
    done = subprocess.run(
        list(map(str, command)), env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, nargs="+", default=[1_000, 10_000, 50_000])
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--step", choices=["run", "ask"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        step = run if options.step == "run" else ask
        print(json.dumps(step(options.folder, options.workers)))
        return
    from tests.families import build

    print("| items | run, MiB | worker, MiB | items/s | table built, MiB | asked, MiB | asked, s |")
    print("|---|---|---|---|---|---|---|")
    for items in options.items:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            build(folder / "model", "bert", "classification")
            write_items(folder / "items.tsv", items)
            own, worker, took = measured("run", folder, options.workers)
            built, asked, seconds = measured("ask", folder, options.workers)
        print(
            f"| {items:,} | {own:.0f} | {worker:.0f} | {items / took:.0f} | {built:.0f} "
            f"| {asked:.0f} | {seconds:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
