"""Runs a study on this machine: worker processes, a queue of chunks, parts on disk.

Ctrl-C and kills lose the chunks in hand; `resume` goes on with what is missing.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context, parent_process
from pathlib import Path

from ccta_core.config import cache_root
from ccta_core.corpus.spec import Corpus
from ccta_core.errors import CctaError, DamagedFileError, StoppedError
from ccta_core.permissions import refuse_if_read_only
from ccta_core.study.drawing import Draw, draw_unrelated
from ccta_core.study.manifest import (
    Manifest,
    PartKey,
    check_same,
    config_of,
    extended,
    folder_of,
    make_manifest,
    models_of,
    names,
    read_manifest,
    recorded_config,
    write_manifest,
)
from ccta_core.study.request import StudyRequest
from ccta_core.study.run.host import check_disk, check_memory, hold_turn
from ccta_core.study.run.locks import CANCEL, LOCK, hold
from ccta_core.study.run.progress import Report, RunProgress, recorded_end
from ccta_core.study.run.status import is_shipped
from ccta_core.study.run.worker import Chunk, measure_part
from ccta_core.study.selection import select_items
from ccta_core.study.storage.items import check_items, write_items
from ccta_core.study.storage.parts import has_rows, missing_parts
from ccta_core.study.storage.schema import SINCE_DRAWN_FROM_ALL
from ccta_core.study.storage.table import Study, keep_table

_log = logging.getLogger(__name__)
_FIRST_AFTER, _SILENT_AFTER, _TIMES_A_PART = 6 * 3600.0, 1800.0, 20.0
"""Seconds without a finished part after which workers are replaced: before the first part, which
may take an hour with a large model; later at least; and as times of what a part took so far."""
_REPLACED = 3
"""Times that the workers of a run may be begun."""
_CHUNKS_A_PROCESS = 16
"""Then a worker starts afresh: what libraries keep for every shape of input does not pile up."""


@dataclass(frozen=True, slots=True)
class StudyDraft:
    """What a study would measure: the items that were read, and its manifest."""

    corpus: Corpus
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class HeldStudy:
    """A study held for one run: its folder, its manifest and the parts that are missing."""

    folder: Path
    manifest: Manifest
    missing: list[PartKey]


def create(request: StudyRequest, *, extend: bool = False) -> Manifest:
    """Reads the data and writes manifest and items, or finds the same study begun before.

    With `extend` a study under this name may get more models or more items.

    Raises CctaError where the name stands for another study or for other texts (the difference is
    shown), where its folder has rows but no manifest, and as `draft` does.
    """
    refuse_if_read_only("Beginning a study")
    study = draft(request)
    corpus, manifest = study.corpus, study.manifest
    folder = cache_root() / "studies" / request.name
    if (folder / "manifest.json").exists():
        kept = read_manifest(folder)
        if not extend:
            check_same(kept, manifest)
            _check_items(folder, kept, corpus)
            return kept
        manifest = extended(kept, manifest, [example.id for example in corpus.examples])
        _check_items(folder, manifest, corpus)
    elif request.name in names():
        raise CctaError(
            f"{request.name} is a study that ships, which one of this name would hide; choose "
            "another name"
        )
    elif has_rows(folder):
        raise CctaError(
            f"{folder} has rows of a study whose manifest.json is gone: nobody can tell what they "
            "were measured with; put the file back, delete the folder, or choose another name"
        )
    folder.mkdir(parents=True, exist_ok=True)
    _write_items(folder, manifest, corpus)
    lines = [f"{row.place}\t{row.reason}\n" for row in corpus.left_out]
    (folder / "left_out.tsv").write_text("".join(lines), "utf-8")
    write_manifest(folder, manifest)  # last: a study without a manifest does not exist
    return manifest


def draft(request: StudyRequest) -> StudyDraft:
    """Returns a study's items and manifest; nothing is written.

    Raises CctaError as `models_of`, `select_items` and `make_manifest` do.
    """
    models = models_of(request)
    corpus = select_items(
        request.data, request.languages,
        limit=request.limit, spread=request.spread, per_group=request.per_group,
        crop=request.crop,
    )  # fmt: skip
    return StudyDraft(corpus, make_manifest(request, corpus, models))


def _check_items(folder: Path, manifest: Manifest, corpus: Corpus) -> None:
    """Raises CctaError where the study has other texts; texts that were lost are written anew."""
    ordered = [corpus.examples[place] for place in _draw(manifest, corpus).order]
    try:
        check_items(folder, ordered, corpus.languages)
    except DamagedFileError:
        if not is_shipped(folder):  # what ships goes without texts
            _write_items(folder, manifest, corpus)


def _write_items(folder: Path, manifest: Manifest, corpus: Corpus) -> None:
    draw = _draw(manifest, corpus)
    ordered = [corpus.examples[place] for place in draw.order]
    write_items(folder, ordered, corpus.languages, draw.unrelated)


def _draw(manifest: Manifest, corpus: Corpus) -> Draw:
    """Returns the order of a study's items; that of the file itself of an earlier version's."""
    if manifest.schema < SINCE_DRAWN_FROM_ALL:
        return Draw(tuple(range(len(corpus.examples))), ((),) * len(corpus.examples))
    config = recorded_config(manifest)
    return draw_unrelated(
        corpus.examples, config.unrelated, seed=config.seed, batches=manifest.drawn
    )


def run(name: str, *, workers: int = 1, report: Report | None = None) -> Manifest:
    """Measures every missing part of a study that was created; returns its manifest.

    `workers` are processes of one thread each; 0 works in this process, with the same results.

    Raises StoppedError when the study is asked to stop, CctaError where another run has it, as many
    studies run as may, there is no memory for the workers, a worker dies, or a chunk can't be
    measured.
    """
    with hold_study(name) as study:
        if study.missing:
            config_of(study.manifest)  # refuses to add rows to those of an earlier version
            with recorded_end(study.folder):
                progress = RunProgress(
                    study.folder, study.manifest, study.missing, workers=workers, report=report
                )
                check_disk()
                if workers:
                    check_memory(min(workers, len(study.missing)))
                    _work(study, min(workers, len(study.missing)), progress)
                else:
                    _work_here(study, progress)
    return study.manifest


@contextmanager
def hold_study(name: str) -> Iterator[HeldStudy]:
    """Holds a study for one run.

    When the run has ended well, its rows are made ready for questions. A finished study that ships
    is given as it is: nothing is written to the product's folder.
    Raises CctaError where there is none of this name, another run has it, as many studies run as
    may (`hold_turn`), its folder can't be written, or it ships with parts missing.
    """
    folder = folder_of(name)
    if is_shipped(folder):
        manifest = read_manifest(folder)
        if missing_parts(folder, manifest):
            raise CctaError(f"{name} ships with the product; start a study of your own")
        yield HeldStudy(folder, manifest, [])
        return
    with hold(folder / LOCK):
        # Under the lock only: before it, this could be the wish that the run at work shall stop.
        (folder / CANCEL).unlink(missing_ok=True)
        manifest = read_manifest(folder)
        missing = missing_parts(folder, manifest, thorough=True)
        if missing:
            refuse_if_read_only("Running a study")
        for path in folder.glob("parts/*/*.tmp"):
            path.unlink()  # of a run that was killed
        try:
            with hold_turn() if missing else nullcontext():
                yield HeldStudy(folder, manifest, missing)
        finally:
            with suppress(OSError):
                (folder / CANCEL).unlink()
        keep_table(Study(folder, manifest))


def check_wanted(folder: Path) -> None:
    """Raises StoppedError where the run of the study in this folder is asked to stop."""
    if (folder / CANCEL).exists():
        raise StoppedError(f"{folder.name} was stopped; resume goes on with what is missing")


def _work(study: HeldStudy, workers: int, progress: RunProgress) -> None:
    """Measures the parts in processes; those that stop answering are replaced, a few times.

    Raises CctaError where they stop answering again and again.
    """
    left = list(study.missing)
    for _ in range(_REPLACED):
        left = _measure(study, left, min(workers, len(left)), progress)
        if not left:
            return
        _log.warning(
            "no part was finished for %.0f s: the workers are replaced, %d parts to go",
            _patience(progress), len(left),
        )  # fmt: skip
    raise CctaError(
        f"the workers stopped answering {_REPLACED} times; what was finished is kept: resume, with "
        "fewer workers if it happens again"
    )


def _measure(
    study: HeldStudy, missing: list[PartKey], workers: int, progress: RunProgress
) -> list[PartKey]:
    """Measures parts in processes that have two chunks each: one in hand, one waiting.

    Returns the parts that are left where no part was finished for a long time: then the processes
    are ended.
    """
    chunks = iter([Chunk(study.folder, study.manifest, *part) for part in missing])
    left, heard = list(missing), time.monotonic()
    with suppress(_Stalled), _pool(workers) as pool:
        running: dict[Future[int], PartKey] = {}

        def submit(most: int) -> None:
            for chunk in islice(chunks, most):
                running[pool.submit(measure_part, chunk)] = PartKey(chunk.model, chunk.number)

        submit(2 * workers)
        while running:
            finished, _ = wait(running, timeout=1.0, return_when=FIRST_COMPLETED)
            check_wanted(study.folder)
            for future in finished:
                left.remove(running.pop(future))
                progress.add(_result(future))
                heard = time.monotonic()
                submit(1)
            if time.monotonic() - heard > _patience(progress):
                raise _Stalled  # ends the processes
    return left


class _Stalled(Exception):
    """No worker has finished a part for a long time."""


def _patience(progress: RunProgress) -> float:
    """Returns the seconds without a finished part after which workers count as hung: many times
    what a part took so far, the loading of models included.
    """
    usual = progress.seconds_a_part
    return _FIRST_AFTER if usual is None else max(_SILENT_AFTER, _TIMES_A_PART * usual)


def _work_here(study: HeldStudy, progress: RunProgress) -> None:
    """Measures the parts one after another, in a process that may be anybody's: no child is
    started.
    """
    import torch

    threads, folder = torch.get_num_threads(), study.folder
    try:
        for part in study.missing:
            try:
                chunk = Chunk(folder, study.manifest, *part)
                progress.add(measure_part(chunk, (folder / CANCEL).exists))
            except StoppedError:
                check_wanted(folder)  # names the study, and what to do
                raise
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
    """Opens fresh processes with one thread each; they are killed, not waited for, when the run
    ends early.
    """
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
    """Leaves Ctrl-C to the process that started this worker, and ends when that is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
