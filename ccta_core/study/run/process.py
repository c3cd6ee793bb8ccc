"""A study as a process of its own, which outlives whoever starts it.

The process is the command line's (`python -m ccta_core study run ...`); what it writes goes to
`log.txt` in the study's folder, how far it is to `progress.jsonl`, and a lock that ends with it
tells that it is at work.
"""

import os
import shutil
import signal
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from ccta_core.children import start_apart
from ccta_core.config import cache_root
from ccta_core.corpus.resolve import check_readable
from ccta_core.errors import CctaError
from ccta_core.models.added import available_models
from ccta_core.models.catalog import split_twin
from ccta_core.permissions import (
    claim,
    may_read,
    refuse_if_read_only,
    refuse_to_change,
    refuse_unless_administrator,
)
from ccta_core.quotas import refuse_beyond
from ccta_core.study.cost import Cost
from ccta_core.study.manifest import folder_of, names
from ccta_core.study.request import StudyRequest, check_name
from ccta_core.study.run.host import check_disk, check_memory, check_turn
from ccta_core.study.run.locks import CANCEL, HELD, LOCK, held, hold
from ccta_core.study.run.progress import (
    LAUNCHED,
    STOPPED,
    launched_process,
    read_events,
    write_event,
)
from ccta_core.study.run.status import LOG, at_work, is_shipped, status_of
from ccta_core.study.storage.table_files import tables_of
from ccta_core.text import count

IDLE: Final = "idle"
"""`stop`: nothing was running."""
ENDED: Final = "ended"
"""`stop`: the run has ended."""
ASKED: Final = "asked"
"""`stop`: the run was asked and will end, but has not yet."""
_PATIENCE = 4.0
"""Seconds in which a run obeys."""


def check_new(request: StudyRequest) -> None:
    """Raises CctaError (one line) where the name stands for a study that is here."""
    mine = cache_root() / "studies" / request.name
    if request.name in names() or not may_read(mine):
        raise CctaError(
            f"the name {request.name} stands for another study; choose another, or resume that one"
        )


def check_room(cost: Cost) -> None:
    """Raises CctaError where the disk has not the room a study will take."""
    check_disk(cost.bytes)


def start(request: StudyRequest, workers: int, cost: Cost | None = None) -> None:
    """Starts a study in a process of its own and returns at once.

    Raises CctaError (one line) as `check_new`, `check_room` and `check_turn`, where the person's
    studies would take more than they may or the workers more memory than is free, where the request
    can't be written on a command line, and where it is being started already or its folder can't be
    written.
    """
    refuse_if_read_only("Starting a study")
    check_new(request)
    check_readable(request.data)
    _check_models(request.models)
    _check_host(workers, cost.bytes if cost else 0)
    _launch(cache_root() / "studies" / request.name, ["run", *request.arguments], workers)


def _check_host(workers: int, more: int) -> None:
    """Raises CctaError where this machine or the person has no room for one study more."""
    check_turn()
    check_disk(more)
    check_memory(workers)
    refuse_beyond("studies", more)


def _check_models(models: Sequence[str]) -> None:
    """Raises NotYoursError where one who may add no model names one that is not here: measuring
    would add it.
    """
    known = available_models()
    unknown = [name for name in models if split_twin(name)[0] not in known]
    if unknown:
        refuse_unless_administrator(f"Adding the model {unknown[0][:80]}")


def resume(name: str, workers: int) -> None:
    """Goes on with a study in a process of its own and returns at once.

    Raises CctaError where there is none of this name, it runs already, or it ships, and where this
    machine or the person has no room for it.
    """
    refuse_if_read_only("Resuming a study")
    folder = folder_of(name)
    refuse_to_change(folder, f"Resuming {name}")
    if is_shipped(folder):
        raise CctaError(f"{name} ships with the product; start a study of your own")
    if status_of(folder).busy:
        raise CctaError(f"{name} is running already; stop it first")
    _check_host(workers, 0)
    _launch(folder, ["resume", name], workers)


def stop(name: str) -> Literal["idle", "ended", "asked"]:
    """Stops a study's run, waiting a few seconds for its end. What is finished is kept.

    A run that measures is asked; one that is only being started, or does not obey, is ended. Where
    nothing runs, nothing is written. Raises CctaError where there is no study of this name, and
    where its folder can't be written and the run can't be ended otherwise.
    """
    refuse_if_read_only("Stopping a study")
    folder = find_folder(name)
    refuse_to_change(folder, f"Stopping {name}")
    if not _busy(folder):
        return IDLE
    events = read_events(folder)
    if (events and events[-1].kind != LAUNCHED) or not at_work(folder):
        _wait(folder, asking=True)
    if at_work(folder):
        _end(folder)
        _wait(folder)
    return ASKED if _busy(folder) else ENDED


def delete(name: str) -> int:
    """Deletes a study of the user's, rows and all; returns the bytes that are free again.

    Raises CctaError where it ships, runs, or lies outside the cache.
    """
    refuse_if_read_only("Deleting a study")
    folder = find_folder(name)
    refuse_to_change(folder, f"Deleting {name}")
    if is_shipped(folder):
        raise CctaError(f"{name} ships with the product and can't be deleted")
    users = (cache_root() / "studies").resolve()
    if folder.is_symlink() or folder.resolve().parent != users:
        raise CctaError(f"{folder} lies outside the cache {users}; delete it by hand")
    if _busy(folder):
        raise CctaError(f"{name} is running; stop it first")
    # Both locks are held meanwhile: no run begins in a folder that is half gone.
    with hold(folder / HELD), hold(folder / LOCK):
        tables = tables_of(name)
        size = sum(path.stat().st_size for path in (*folder.rglob("*"), *tables) if path.is_file())
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise CctaError(
                f"{folder} can't be deleted ({error.strerror}); do it by hand"
            ) from error
        for path in tables:  # what was computed from its rows
            path.unlink(missing_ok=True)
    return size


def log_tail(name: str, most: int = 200) -> str:
    """Returns the last lines of a study's log; empty where nothing was written."""
    try:
        with (find_folder(name) / LOG).open(encoding="utf-8", errors="replace") as log:
            return "".join(deque(log, most)).rstrip("\n")
    except OSError:
        return ""


def find_folder(name: str) -> Path:
    """Returns the folder of a study, of one that came to no manifest too.

    Raises CctaError, listing those there are, where there is none of this name.
    """
    check_name(name)
    folder = cache_root() / "studies" / name
    return folder if (folder / LOG).exists() and may_read(folder) else folder_of(name)


def _busy(folder: Path) -> bool:
    return at_work(folder) or held(folder / LOCK)


def _launch(folder: Path, words: Sequence[str], workers: int) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if words[0] == "run":
            claim(folder)
        with hold(folder / HELD) as lock, (folder / LOG).open("ab") as log:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            processes = count(workers, "process")
            log.write(f"== {now} ccta study {words[0]} with {processes}\n".encode())
            log.flush()
            write_event(folder, LAUNCHED, action=words[0], workers=workers)
            process = start_apart(
                "ccta_core",
                ["study", *words, "--workers", str(workers)],
                log,
                pass_fds=(lock.fileno(),),
            )
            lock.truncate(0)
            lock.write(str(process.pid).encode())
    except OSError as error:
        raise CctaError(
            f"{folder} can't be written ({error.strerror}); make room, or set CCTA_CACHE to "
            "another folder"
        ) from error
    threading.Thread(target=process.wait, daemon=True).start()  # no zombie while we live


def _wait(folder: Path, *, asking: bool = False) -> None:
    """Waits until a run has ended, for a few seconds; with `asking` tells it to."""
    until = time.monotonic() + _PATIENCE
    while _busy(folder) and time.monotonic() < until:
        if asking:
            # Again and again: a run that has only just begun removes what was asked before it.
            _ask(folder)
        time.sleep(0.1)


def _ask(folder: Path) -> None:
    """Asks the run of the study in this folder to stop.

    Raises CctaError where the folder can't be written and the run is no process that `stop` ends.
    """
    try:
        (folder / CANCEL).touch()
    except OSError as error:
        if not at_work(folder):
            raise CctaError(
                f"{folder.name} can't be asked to stop: {folder} can't be written "
                f"({error.strerror}); end the process that runs it"
            ) from error


def _end(folder: Path) -> None:
    """Ends a run's process and all that it started; parts are whole or absent however it ends."""
    number = launched_process(folder)
    if number is None or not at_work(folder):  # then the number may be another's by now
        return
    with suppress(OSError):
        os.killpg(number, signal.SIGTERM)
        write_event(folder, STOPPED, message="stopped")
        with (folder / LOG).open("a", encoding="utf-8") as log:
            log.write("ccta: stopped\n")
