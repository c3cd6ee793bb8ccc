"""One hostile session beside ten ordinary ones at the engine: how long do the ten wait?

    python benchmarks/fair_queue.py [--people 10] [--jobs 12] [--think 0.6] [--real]

Ten sessions ask for a pair each, wait for it, look at it for a moment and ask for the next; once
alone, and once beside a session that keeps as many jobs in the queue as it is let, short and long
ones, each with settings that nobody else has. Prints p50 and p95 of the ten and their ratio.

Without `--real` a pair's work is a pause (`SHORT`, `LONG`), so that the figures are the queue's and
not the machine's; with it the embedded model compares sentences of the demo at layer 11.
"""

import argparse
import random
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ccta_core.config import Config
from ccta_core.corpus.demo import read_demo
from ccta_core.models.catalog import find
from ccta_core.text import plain
from ccta_core.types import Sentence
from dashboard.engine import Engine
from dashboard.views.pair.view import PairRequest

MODEL = "e5-small/nli-en"
SHORT, LONG = 0.1, 0.4
"""Seconds of a pair where work is a pause; of a batch, half as much for each pair after the first,
as batches of the embedded model are (docs/benchmarks.md)."""
HELD = 24
"""Jobs that the hostile session holds in the queue at a time: what it is let by default."""
PATIENCE = 120.0
SIDES = read_demo("nli")[0].sentences
INFO = find(MODEL)


def main() -> None:
    """Measures both and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=12, help="jobs of each ordinary session")
    parser.add_argument("--think", type=float, default=0.6, help="mean seconds between two jobs")
    parser.add_argument("--real", action="store_true", help="compare with the embedded model")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    waits = {
        name: run(options, hostile=hostile)
        for name, hostile in (("ten alone", False), ("and a hostile one", True))
    }
    print(f"{'':<20} jobs   p50 s   p95 s")
    for name, seconds in waits.items():
        p50, p95 = np.percentile(seconds, [50, 95])
        print(f"{name:<20} {len(seconds):>4} {plain(p50):>7} {plain(p95):>7}")
    alone, beside = (np.percentile(seconds, 95) for seconds in waits.values())
    print(f"p95 beside a hostile session over p95 alone: {beside / alone:.2f}")


def run(options: argparse.Namespace, *, hostile: bool) -> list[float]:
    """Returns the seconds of every job of the ordinary sessions."""
    engine = real_engine() if options.real else paused_engine()
    warm_up(engine)
    ended, waits = threading.Event(), [[] for _ in range(options.people)]
    people = [
        threading.Thread(target=be_ordinary, args=(engine, number, options, waits[number]))
        for number in range(options.people)
    ]
    attacker = threading.Thread(target=be_hostile, args=(engine, ended))
    if hostile:
        attacker.start()
        time.sleep(0.5)  # its queue is full before anybody else comes
    for person in people:
        person.start()
    for person in people:
        person.join()
    ended.set()
    if hostile:
        attacker.join()
    return [seconds for of_person in waits for seconds in of_person]


def be_ordinary(
    engine: Engine, number: int, options: argparse.Namespace, waits: list[float]
) -> None:
    """Asks for pairs one after the other, with pauses; all with the same settings."""
    draw = random.Random(f"{options.seed} {number}")
    for turn in range(options.jobs):
        time.sleep(draw.expovariate(1 / options.think))
        began = time.perf_counter()
        job = engine.submit(short_pair(f"person {number} pair {turn}"), f"person {number}")
        if not job.done.wait(PATIENCE) or job.result is None:
            raise SystemExit(f"a job of person {number} did not end well: {job.error}")
        waits.append(time.perf_counter() - began)


def be_hostile(engine: Engine, ended: threading.Event) -> None:
    """Keeps as many jobs in the queue as it is let, half of them long, none to be computed with
    another's.
    """
    jobs: list[Any] = []
    number = 0
    while not ended.is_set():
        jobs = [job for job in jobs if not job.done.is_set()]
        while len(jobs) < HELD:
            number += 1
            make = long_pair if number % 2 else short_pair
            job = engine.submit(make(f"hostile {number}", Config(layer=11, seed=number)), "hostile")
            if job.error:
                break  # as many wait as may
            jobs.append(job)
        time.sleep(0.01)
    for job in jobs:
        engine.leave(job, "hostile")


def short_pair(text: str, config: Config | None = None) -> PairRequest:
    """Returns a pair with sentences of the demo that nobody has asked for yet."""
    source, target = (
        Sentence(f"{SIDES[lang].text} {text}", lang, SIDES[lang].text2) for lang in ("en", "es")
    )
    return PairRequest(INFO, source, target, config or Config(layer=11))


def long_pair(text: str, config: Config) -> PairRequest:
    """Returns a pair that is worked on among the slow ones."""
    source, target = (
        Sentence(f"{SIDES[lang].text} " * 12 + text, lang, SIDES[lang].text2)
        for lang in ("en", "es")
    )
    return PairRequest(INFO, source, target, config)


def paused_engine() -> Engine:
    """Returns an engine whose work is a pause."""

    def compare_many(
        model: object, requests: Sequence[PairRequest], stop: Callable[[], bool], early: object
    ) -> list[str]:
        long = len(requests[0].source.text) > 400
        until = time.monotonic() + (LONG if long else SHORT) * (1 + 0.5 * (len(requests) - 1))
        while time.monotonic() < until and not stop():
            time.sleep(0.01)
        return [request.source.text for request in requests]

    def compare(model: object, request: PairRequest, stop: Any, early: Any) -> Any:
        return compare_many(model, [request], stop, early)[0]

    return Engine(load=lambda info: info, compare=compare, compare_many=compare_many)  # type: ignore[arg-type]


def real_engine() -> Engine:
    """Returns an engine that compares with the embedded model; nothing is kept."""
    from ccta_core.models.load import load_model
    from ccta_core.pipeline import compare_many

    model = load_model(MODEL)

    def many(model: Any, requests: Sequence[PairRequest], stop: Any, early: Any) -> Any:
        pairs = [(request.source, request.target) for request in requests]
        return compare_many(model, pairs, requests[0].config, stop)

    return Engine(
        load=lambda info: model,
        compare=lambda model, request, stop, early: many(model, [request], stop, early)[0],
        compare_many=many,
    )


def warm_up(engine: Engine) -> None:
    """Has both workers do something once."""
    for request in (short_pair("warm"), long_pair("warm", Config(layer=11))):
        if not engine.submit(request, "warm").done.wait(PATIENCE):
            raise SystemExit("the engine does not answer")


if __name__ == "__main__":
    main()
