"""How far a run is: what it writes to `progress.jsonl` in the study's folder, one event a line.

An event is a JSON object with its `kind` and its `time` (UTC, ISO 8601):

- `launched`: a process of its own was begun (`action`, `workers`) and reads the data;
- `progress`: `done` of `total` parts are measured, `before` of them by earlier runs; this run has
  measured `items` (items x models) in `seconds`, `rate` items a second, and has `left` seconds to
  go. The first of a run has measured nothing yet;
- `stopped`, `failed` (both with a `message`), `finished`: how a run ended.

What is written on stderr is made from the same values.
"""

import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Sized
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from ccta_core.errors import CctaError, StoppedError
from ccta_core.study.manifest import Manifest
from ccta_core.study.run.locks import HELD

_log = logging.getLogger(__name__)

FILE = "progress.jsonl"
LAUNCHED, PROGRESS, STOPPED, FAILED, FINISHED = (
    "launched", "progress", "stopped", "failed", "finished",
)  # fmt: skip
_TAIL = 131_072
"""Bytes from the end that are read of a study's progress."""


@dataclass(frozen=True, slots=True)
class StudyProgress:
    """Parts that are measured, of all, and what a run has measured in how many seconds."""

    done: int
    total: int
    items: int
    """Items x models that this run has measured."""
    seconds: float
    before: int = 0
    """Parts that were there when this run began."""
    workers: int | None = None
    """Processes of the run; None on a cluster."""

    @property
    def rate(self) -> float | None:
        """Items x models a second; None before the first part."""
        return self.items / max(self.seconds, 1e-9) if self.items else None

    @property
    def left(self) -> float | None:
        """Seconds until the last part at this pace; None before the first part."""
        if not self.items:
            return None
        return self.seconds / max(1, self.done - self.before) * (self.total - self.done)

    @property
    def line(self) -> str:
        """What a person reads while waiting."""
        if self.rate is None or self.left is None:
            return f"{self.done}/{self.total} parts"
        left = f"{self.left / 60:.0f} min" if self.left >= 60 else "under a minute"
        return f"{self.done}/{self.total} parts  {self.rate:.2f} items/s  {left} left"


Report = Callable[[StudyProgress], None]


@dataclass(frozen=True, slots=True)
class StudyEvent:
    """One line of a study's progress; `progress` is there where that is its kind."""

    kind: str
    time: str
    message: str = ""
    progress: StudyProgress | None = None


class MeasuredSpan(NamedTuple):
    """Items x models, and the seconds in which they were measured."""

    items: int
    seconds: float


@dataclass(frozen=True, slots=True)
class StudyRun:
    """One run of a study by its progress: when it began, with how many processes."""

    manifest: Manifest
    when: str
    workers: int
    """1 also where the process that was asked measured by itself."""
    progress: tuple[StudyProgress, ...]

    @property
    def measured(self) -> MeasuredSpan | None:
        """What was measured between the first part of each process and the last part.

        So the start of processes and models is left out, and a last chunk that is not full. None
        where there are no two such events.
        """
        ragged = self.manifest.items % self.manifest.chunk > 0
        timed = [
            each
            for each in self.progress
            if each.items
            and each.done - each.before >= self.workers
            and not (ragged and each.done == each.total)
        ]
        if len(timed) < 2:
            return None
        first, last = timed[0], timed[-1]
        return MeasuredSpan(last.items - first.items, last.seconds - first.seconds)


class RunProgress:
    """Counts what a run measures, writes it to the study's folder and tells whoever waits."""

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        missing: Sized,
        *,
        workers: int | None,
        report: Report | None = None,
    ) -> None:
        self._folder, self._report, self._began = folder, report or to_stderr, time.monotonic()
        self._total, self._workers = len(manifest.parts), workers
        self._before = self._done = self._total - len(missing)
        self._items = 0
        self._tell()

    def add(self, items: int) -> None:
        """Counts one more part of so many items."""
        self._done += 1
        self._items += items
        self._tell()

    @property
    def seconds_a_part(self) -> float | None:
        """Seconds from one finished part of this run to the next; None before the first."""
        parts = self._done - self._before
        return (time.monotonic() - self._began) / parts if parts else None

    def _tell(self) -> None:
        seconds = round(time.monotonic() - self._began, 3) if self._items else 0.0
        progress = StudyProgress(
            self._done, self._total, self._items, seconds, self._before, self._workers
        )
        write_event(
            self._folder, PROGRESS, **asdict(progress), rate=progress.rate, left=progress.left
        )
        self._report(progress)


def to_stderr(progress: StudyProgress) -> None:
    """Writes a line a finished part."""
    sys.stderr.write(progress.line + "\n")
    sys.stderr.flush()


def write_event(folder: Path, kind: str, **values: Any) -> None:
    """Adds an event to the progress of the study in this folder.

    Where that can't be there is a line in the log: the parts themselves are what counts, and they
    say so where there is no room for them.
    """
    event = {"kind": kind, "time": datetime.now(UTC).isoformat(timespec="seconds"), **values}
    try:
        with (folder / FILE).open("a", encoding="utf-8") as file:
            file.write(json.dumps(event, ensure_ascii=False) + "\n")
    except OSError as error:
        _log.warning("%s can't be written: %s", folder / FILE, error.strerror)


def read_events(folder: Path) -> list[StudyEvent]:
    """Returns the latest events of a study in order; empty where nothing was written.

    Lines that are none (a run may be killed while it writes) are left out. A study of an earlier
    version has a log.txt for people alone.
    """
    try:
        with (folder / FILE).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    return [event for line in lines if (event := _event(line)) is not None]


def runs_of(folder: Path, manifest: Manifest) -> Iterator[StudyRun]:
    """Yields the runs of a study that measured on this machine, as far as its latest events
    tell.
    """
    begun: list[list[StudyEvent]] = []
    for event in read_events(folder):
        if event.progress is None:
            continue
        if not event.progress.items or not begun:
            begun.append([])
        begun[-1].append(event)
    for events in begun:
        progress = tuple(event.progress for event in events if event.progress is not None)
        if progress[0].workers is not None:
            yield StudyRun(manifest, events[0].time, max(progress[0].workers, 1), progress)


@contextmanager
def recorded_end(folder: Path) -> Iterator[None]:
    """Records how what runs in it ended: finished, stopped, or failed and why."""
    try:
        yield
    except BaseException as error:
        _write_end(folder, error)
        raise
    write_event(folder, FINISHED)


@contextmanager
def recorded_launch(folder: Path) -> Iterator[None]:
    """Records why a process of its own ended before it came to measure anything.

    Any other process, and a run that has begun to measure, is left to `recorded_end`.
    """
    try:
        yield
    except BaseException as error:
        events = read_events(folder)
        if events and events[-1].kind == LAUNCHED and launched_process(folder) == os.getpid():
            _write_end(folder, error)
        raise


def launched_process(folder: Path) -> int | None:
    """Returns the id of the process of its own that was begun last for the study in this folder."""
    try:
        return int((folder / HELD).read_text("ascii"))
    except (OSError, ValueError):
        return None


def _write_end(folder: Path, error: BaseException) -> None:
    if isinstance(error, (StoppedError, KeyboardInterrupt)):
        write_event(folder, STOPPED, message=str(error) or "stopped")
        return
    message = " ".join(str(error).split())
    if not isinstance(error, CctaError):  # its text alone may say little: KeyError: 'text'
        message = f"{type(error).__name__}: {message}"
    write_event(folder, FAILED, message=message)


def _event(line: str) -> StudyEvent | None:
    try:
        values = json.loads(line)
        progress = None
        if values["kind"] == PROGRESS:
            progress = StudyProgress(
                done=int(values["done"]),
                total=int(values["total"]),
                items=int(values["items"]),
                seconds=float(values["seconds"]),
                before=int(values["before"]),
                workers=None if values["workers"] is None else int(values["workers"]),
            )
        return StudyEvent(
            str(values["kind"]), str(values["time"]), str(values.get("message", "")), progress
        )
    except (ValueError, KeyError, TypeError):
        return None
