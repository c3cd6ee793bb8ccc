"""Kills at random: what comes of a run that is killed again and again, compared bit for bit.

    python benchmarks/chaos.py [--kills 50] [--seed 0]

Five kinds of work on a small random model: a study, the training of a task, an adjustment, a pair
that is kept, a file handed in. Each runs once undisturbed; then again in another cache, killed by
the kernel (SIGKILL) after a random share of that time and begun again, until its kills are spent,
and then to its end; where it comes to its end before, it starts from the beginning. Every file that
counts must have the same bytes as in the undisturbed run.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.families import build  # noqa: E402 - the path first
from tests.test_adjustment import write_pairs  # noqa: E402

CCTA = (sys.executable, "-m", "ccta_core")
LANGS = ("en", "es", "de")


@dataclass(frozen=True)
class Work:
    """A kind of work: its command, that with which it goes on, and the files that count."""

    name: str
    begin: tuple[str, ...]
    resume: tuple[str, ...]
    started: Callable[[Path], bool]
    """Whether there is something to go on with."""
    files: tuple[str, ...]


def rows(path: Path, count: int, *, labels: tuple[str, ...]) -> Path:
    """Writes items in three languages as lines of JSON."""
    lines = [
        {"id": n, "lang": lang, "text": f"The ferry {n} left at {n % 24}.", "label": labels[n % 3],
         "text2": f"Nobody {lang} baked {n} loaves."}
        for n in range(count) for lang in LANGS
    ]  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return path


def kinds(folder: Path) -> list[Work]:
    """All kinds of work, on a model and files that are made in a folder."""
    model = str(build(folder / "tiny", "bert", "classification"))
    labels = ("entailment", "neutral", "contradiction")
    data = f"file:{rows(folder / 'items.jsonl', 90, labels=labels)}"
    parallel = write_pairs(folder, count=400)
    study = (
        *CCTA, "study", "run", "--name", "chaos", "--model", model, "--data", data, "--langs",
        ",".join(LANGS), "--layers", "1", "--workers", "1",
    )  # fmt: skip
    train = (
        *CCTA, "models", "train", "--task", "nli", "--train", data, "--lang", "en", "--from", model,
        "--out", "{cache}/models/own/task", "--epochs", "4", "--batch-size", "4",
    )  # fmt: skip
    adjust = (
        *CCTA, "adjust", "run", "--name", "chaos", "--model", model, "--parallel", parallel,
        "--lang", "es", "--seed", "1",
    )  # fmt: skip
    pair = (
        *CCTA, "pair", "--model", model, "--source-lang", "en", "--target-lang", "es",
        "--source", "The ferry left.", "--target", "El ferri se fue.", "--layer", "1",
    )  # fmt: skip
    upload = (
        sys.executable, "-c",
        "import sys; from pathlib import Path; from ccta_core.corpus.uploads import keep;"
        "keep('items.jsonl', Path(sys.argv[1]).read_bytes())",
        str(folder / "items.jsonl"),
    )  # fmt: skip
    return [
        Work("study", study, study, lambda cache: True, ("studies/*/parts/*/*.parquet",)),
        Work("training", train, train, lambda cache: True,
             ("models/own/task/adapter_model.safetensors",)),
        Work("adjustment", adjust, (*CCTA, "adjust", "resume", "chaos"),
             lambda cache: any(cache.glob("models/adjusted/chaos/*.json")),
             ("models/adjusted/chaos/*.safetensors",)),
        Work("pair", pair, pair, lambda cache: True, ("results/**/*.json*",)),
        Work("upload", upload, upload, lambda cache: True, ("data/*.jsonl",)),
    ]  # fmt: skip


def run(command: tuple[str, ...], cache: Path, after: float | None = None) -> bool:
    """Runs a command, killed after some seconds where they are given; whether it was killed."""
    words = [word.replace("{cache}", str(cache)) for word in command]
    setting = {"CCTA_CACHE": str(cache), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        words, env=os.environ | setting, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    try:
        _, line = process.communicate(timeout=after)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return True
    if process.returncode:
        sys.exit(f"{' '.join(words[:6])} ended with {process.returncode}: {line.decode()[-500:]}")
    return False


def sums(cache: Path, patterns: tuple[str, ...]) -> dict[str, str]:
    """Returns the checksum of every file that counts, by its name in the cache."""
    found = sorted(path for pattern in patterns for path in cache.glob(pattern) if path.is_file())
    return {
        str(path.relative_to(cache)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in found
    }


def torn(work: Work, folder: Path, kills: int, draw: random.Random) -> tuple[int, bool]:
    """Does the work undisturbed and then under kills; how many hit it, and whether all is equal."""
    whole, killed = folder / f"{work.name}-whole", folder / f"{work.name}-killed"
    began = time.monotonic()
    run(work.begin, whole)
    took = time.monotonic() - began
    wanted = sums(whole, work.files)
    if not wanted:
        sys.exit(f"{work.name} wrote nothing that counts")
    hit, equal, begun = 0, True, False
    while hit < kills:
        command = work.resume if begun and work.started(killed) else work.begin
        begun = run(command, killed, after=took * draw.uniform(0.15, 1.0))
        hit += begun
        if not begun:  # it came to its end: from the beginning
            equal &= sums(killed, work.files) == wanted
            shutil.rmtree(killed)
    run(work.resume if begun and work.started(killed) else work.begin, killed)
    return hit, equal and sums(killed, work.files) == wanted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    draw = random.Random(options.seed)
    failed = 0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        works = kinds(folder)
        print(f"{options.kills} kills, seed {options.seed}\n")
        print("| work | kills that hit | same bytes |\n|---|---|---|", flush=True)
        for number, work in enumerate(works):
            share = options.kills // len(works) + (number < options.kills % len(works))
            hit, equal = torn(work, folder, share, draw)
            failed += not equal
            print(f"| {work.name} | {hit} of {share} | {'yes' if equal else 'NO'} |", flush=True)
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
