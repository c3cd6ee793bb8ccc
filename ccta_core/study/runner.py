"""Runs a study on this machine: worker processes, a queue of chunks, parts on disk.

Ctrl-C and kills lose the chunks in hand; `resume` goes on with what is missing.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from pathlib import Path

from ccta_core.config import Config, cache_root
from ccta_core.corpus.spec import Corpus
from ccta_core.errors import CctaError, DamagedFileError, StoppedError
from ccta_core.models.catalog import ModelInfo
from ccta_core.study.items import check_items, write_items
from ccta_core.study.locks import CANCEL, LOCK, hold
from ccta_core.study.parts import missing_parts
from ccta_core.study.plan import (
    CHUNK,
    Plan,
    check_same,
    config_of,
    extended,
    folder_of,
    planned,
    read_plan,
    write_plan,
)
from ccta_core.study.selection import selected
from ccta_core.study.state import is_shipped
from ccta_core.study.table import Study, keep_table
from ccta_core.study.worker import Chunk, measure_part

_CHUNKS_A_PROCESS = 16
"""Then a worker starts afresh: what libraries keep for every shape of input does not pile up."""
Report = Callable[["Progress"], None]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: parts done of all, rows a second, seconds left."""

    done: int
    total: int
    items: int
    """Items x models that this run has measured."""
    seconds: float
    before: int = 0
    """Parts that were there when this run began."""

    @property
    def line(self) -> str:
        """What a person reads while waiting."""
        if not self.items:
            return f"{self.done}/{self.total} parts"
        rate = self.items / max(self.seconds, 1e-9)
        return f"{self.done}/{self.total} parts  {rate:.2f} items/s  {_left(self)} left"


@dataclass(frozen=True, slots=True)
class Request:
    """What to study, as a person asks for it."""

    name: str
    data: str
    models: Sequence[ModelInfo]
    layers: Sequence[int] = (0,)
    languages: Sequence[str] | None = None
    limit: int | None = None
    config: Config = Config(shuffles=20)  # noqa: RUF009 - a frozen value
    chunk: int = CHUNK
    allow_overlap: bool = False
    crop: int | None = None
    """Contexts are cut to so many tokens around their answers (`study.crop`)."""
    per_group: int | None = None
    """Items of a group (premise, paragraph) at most."""


def create(request: Request, *, extend: bool = False) -> Plan:
    """Reads the data and writes plan and items, or finds the same study begun before.

    With `extend` a study under this name may get more models or more items.

    Raises CctaError where the name stands for another study or for other texts (the difference is
    shown), where its folder has rows but no plan, and as `planned` and the readers do.
    """
    corpus, plan = drafted(request)
    folder = cache_root() / "studies" / request.name
    if (folder / "manifest.json").exists():
        known = read_plan(folder)
        if not extend:
            check_same(known, plan)
            _check_items(folder, corpus)
            return known
        plan = extended(known, plan, [example.id for example in corpus.examples])
        _check_items(folder, corpus)
    elif next(folder.glob("parts/*/*.parquet"), None) is not None:
        raise CctaError(
            f"{folder} has rows of a study whose manifest.json is gone: nobody can tell what they "
            "were measured with; put the file back, delete the folder, or choose another name"
        )
    folder.mkdir(parents=True, exist_ok=True)
    write_items(folder, corpus.examples, corpus.languages)
    _write_left_out(folder, corpus.left_out)
    write_plan(folder, plan)  # last: a study without a plan does not exist
    return plan


def _check_items(folder: Path, corpus: Corpus) -> None:
    """Raises CctaError where the study has other texts; texts that were lost are written anew."""
    try:
        check_items(folder, corpus.examples, corpus.languages)
    except DamagedFileError:
        if not is_shipped(folder):  # what ships goes without texts
            write_items(folder, corpus.examples, corpus.languages)


def drafted(request: Request) -> tuple[Corpus, Plan]:
    """The items of a study and its plan; nothing is written. Raises CctaError as `create` does."""
    corpus = selected(
        request.data, request.languages,
        limit=request.limit, per_group=request.per_group, crop=request.crop,
    )  # fmt: skip
    plan = planned(
        request.name, request.data, corpus, request.models, request.layers, request.config,
        chunk=request.chunk, allow_overlap=request.allow_overlap, crop=request.crop,
        per_group=request.per_group,
    )  # fmt: skip
    return corpus, plan


def run(name: str, *, workers: int = 1, report: Report | None = None) -> Plan:
    """Measures every missing part of a study that was created; returns its plan.

    `workers` are processes of one thread each; 0 works in this process, with the same results.

    Raises StoppedError when the study is asked to stop, CctaError where another run has it, a
    worker dies, or a chunk can't be measured.
    """
    with opened(name) as (folder, plan, missing):
        if missing:
            config_of(plan)  # refuses to add rows to those of an earlier version
        if missing and workers:
            _work(folder, plan, missing, workers, report or to_stderr)
        elif missing:
            _work_here(folder, plan, missing, report or to_stderr)
    return plan


@contextmanager
def opened(name: str) -> Iterator[tuple[Path, Plan, list[tuple[str, int]]]]:
    """A study held for one run: its folder, its plan and the parts that are missing.

    When the run has ended well, its rows are made ready for questions. A finished study that ships
    is given as it is: nothing is written to the product's folder.
    Raises CctaError where there is none of this name, another run has it, its folder can't be
    written, or it ships with parts missing.
    """
    folder = folder_of(name)
    if is_shipped(folder):
        plan = read_plan(folder)
        if missing_parts(folder, plan):
            raise CctaError(f"{name} ships with the product; start a study of your own")
        yield folder, plan, []
        return
    with hold(folder / LOCK):
        # Under the lock only: before it, this could be the wish that the run at work shall stop.
        (folder / CANCEL).unlink(missing_ok=True)
        plan = read_plan(folder)
        missing = missing_parts(folder, plan, thorough=True)
        for path in folder.glob("parts/*/*.tmp"):
            path.unlink()  # of a run that was killed
        try:
            yield folder, plan, missing
        finally:
            with suppress(OSError):
                (folder / CANCEL).unlink()
        keep_table(Study(folder, plan))


def check_wanted(folder: Path) -> None:
    """Raises StoppedError where the run of the study in this folder is asked to stop."""
    if (folder / CANCEL).exists():
        raise StoppedError(f"{folder.name} was stopped; resume goes on with what is missing")


def _work(
    folder: Path, plan: Plan, missing: list[tuple[str, int]], workers: int, report: Report
) -> None:
    began, total, done = time.monotonic(), len(plan.parts), len(plan.parts) - len(missing)
    before = done
    items, pending = 0, iter(missing)
    report(Progress(done, total, 0, 0.0))
    with _pool(min(workers, len(missing))) as pool:
        running: set[Future[int]] = set()
        for model, at in _first(pending, 2 * workers):
            running.add(pool.submit(measure_part, Chunk(folder, plan, model, at)))
        while running:
            finished, running = wait(running, timeout=1.0, return_when=FIRST_COMPLETED)
            check_wanted(folder)
            for future in finished:
                items += _result(future)
                done += 1
                report(Progress(done, total, items, time.monotonic() - began, before))
                for model, at in _first(pending, 1):
                    running.add(pool.submit(measure_part, Chunk(folder, plan, model, at)))


def _work_here(folder: Path, plan: Plan, missing: list[tuple[str, int]], report: Report) -> None:
    """The parts one after another, in a process that may be anybody's: no child is started."""
    import torch

    began, total, threads = time.monotonic(), len(plan.parts), torch.get_num_threads()
    items, done = 0, total - len(missing)
    before = done
    report(Progress(done, total, 0, 0.0))
    try:
        for model, at in missing:
            try:
                items += measure_part(Chunk(folder, plan, model, at), (folder / CANCEL).exists)
            except StoppedError:
                check_wanted(folder)  # says so in the words that the log is read by
                raise
            done += 1
            report(Progress(done, total, items, time.monotonic() - began, before))
            check_wanted(folder)
    finally:
        torch.set_num_threads(threads)


def _result(future: "Future[int]") -> int:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise CctaError(
            "a worker was killed (was there too little memory?); what was finished is kept: "
            "resume, with fewer workers if it happens again"
        ) from error


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Fresh processes with one thread each; killed, not waited for, when the run ends early."""
    os.environ["OMP_NUM_THREADS"] = "1"  # read when a worker starts; this process computes nothing
    pool = ProcessPoolExecutor(
        workers,
        mp_context=get_context("spawn"),
        initializer=_quiet,
        max_tasks_per_child=_CHUNKS_A_PROCESS,
    )
    try:
        yield pool
    except BaseException:
        processes = list((pool._processes or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.kill()
        raise
    pool.shutdown()


def _quiet() -> None:
    """A worker leaves Ctrl-C to the process that started it, and ends when that is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _first(pending: Iterator[tuple[str, int]], count: int) -> Iterator[tuple[str, int]]:
    for _ in range(count):
        found = next(pending, None)
        if found is None:
            return
        yield found


def _write_left_out(folder: Path, left_out: Sequence[object]) -> None:
    lines = [f"{row.place}\t{row.reason}\n" for row in left_out]  # type: ignore[attr-defined]
    (folder / "left_out.tsv").write_text("".join(lines), "utf-8")


def _left(progress: Progress) -> str:
    a_part = progress.seconds / max(1, progress.done - progress.before)
    minutes = a_part * (progress.total - progress.done) / 60
    return f"{minutes:.0f} min" if minutes >= 1 else "under a minute"


def to_stderr(progress: Progress) -> None:
    """A line a finished part."""
    sys.stderr.write(progress.line + "\n")
    sys.stderr.flush()
