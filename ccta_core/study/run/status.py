"""What every study here is doing: from its manifest, its parts, its locks and its progress."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ccta_core.config import cache_root
from ccta_core.errors import CctaError
from ccta_core.permissions import may_read
from ccta_core.store.usage import MARK
from ccta_core.study.manifest import SHIPPED, Manifest, read_manifest, roots
from ccta_core.study.run.locks import HELD, LOCK, held
from ccta_core.study.run.progress import (
    FAILED,
    FILE,
    FINISHED,
    LAUNCHED,
    PROGRESS,
    STOPPED,
    StudyEvent,
    StudyRun,
    read_events,
    runs_of,
)
from ccta_core.study.storage.parts import part_path, rows_file

LOG = "log.txt"
"""In a study's folder: what its processes wrote, for people."""
STARTING, RUNNING = "starting", "running"


@dataclass(frozen=True, slots=True)
class StudyStatus:
    """A study as it stands; `manifest` is None where none was written (yet)."""

    name: str
    folder: Path
    kind: str
    """starting, running, stopped, failed or finished."""
    manifest: Manifest | None
    done: int = 0
    total: int = 0
    line: str = ""
    """Why it failed or stopped."""
    rate: float | None = None
    """Items x models a second of the run at work."""

    @property
    def busy(self) -> bool:
        """Whether a process is at work on it."""
        return self.kind in (STARTING, RUNNING)

    @property
    def shipped(self) -> bool:
        """Whether it came with the product."""
        return is_shipped(self.folder)

    @property
    def left(self) -> float | None:
        """Seconds until the run is done; None where its rate is not known yet."""
        if not self.rate or self.manifest is None:
            return None
        return (self.total - self.done) * self.manifest.chunk / self.rate


class RunEnd(NamedTuple):
    """How the last run of an unfinished study ended, and why."""

    kind: str
    reason: str


def statuses() -> list[StudyStatus]:
    """Returns every study here by name, those that never came to a manifest included; no other
    person's.
    """
    folders: dict[str, Path] = {}
    for root in roots():
        for path in (*root.glob("*/manifest.json"), *root.glob(f"*/{LOG}")):
            if may_read(path.parent):
                folders.setdefault(path.parent.name, path.parent)
    return [status_of(folders[name]) for name in sorted(folders)]


def status_of(folder: Path) -> StudyStatus:
    """Returns the status of the study in a folder."""
    events, busy = read_events(folder), at_work(folder)
    if not (folder / "manifest.json").exists():
        end = RunEnd(STARTING, "") if busy else _end_of(events)
        return StudyStatus(folder.name, folder, end.kind, None, line=end.reason)
    try:
        manifest = read_manifest(folder)
    except CctaError as error:
        return StudyStatus(folder.name, folder, FAILED, None, line=str(error))
    total = len(manifest.parts)
    whole = rows_file(folder) is not None
    done = total if whole else sum(part_path(folder, *part).exists() for part in manifest.parts)
    if busy or (done < total and held(folder / LOCK)):
        # Any other last event is of a run before this one, or of one that is only being started.
        progress = events[-1].progress if events else None
        rate = progress.rate if progress is not None else None
        return StudyStatus(folder.name, folder, RUNNING, manifest, done, total, rate=rate)
    if done == total:
        return StudyStatus(folder.name, folder, FINISHED, manifest, done, total)
    end = _end_of(events)
    return StudyStatus(folder.name, folder, end.kind, manifest, done, total, end.reason)


def runs_here() -> Iterator[StudyRun]:
    """Yields the runs of all studies in the cache, as far as their progress tells."""
    for path in sorted((cache_root() / "studies").glob(f"*/{FILE}")):
        try:
            yield from runs_of(path.parent, read_manifest(path.parent))
        except (CctaError, OSError):
            continue  # a study that never began, or is being deleted


def at_work(folder: Path) -> bool:
    """Returns whether a process that `process.start` or `process.resume` began is at work."""
    return held(folder / HELD)


def is_shipped(folder: Path) -> bool:
    """Returns whether a study came with the product: it is marked so, or lies where only those
    do.
    """
    if (folder / MARK).exists():
        return True
    users = (cache_root() / "studies").resolve()
    return SHIPPED.resolve() != users and folder.resolve().parent == SHIPPED.resolve()


def _end_of(events: list[StudyEvent]) -> RunEnd:
    """Returns how the last run ended, by the last event; no reason where there is none."""
    last = events[-1] if events else None
    if last is None or last.kind == FINISHED:  # since then it was extended, or has lost a part
        return RunEnd(STOPPED, "")
    if last.kind in (LAUNCHED, PROGRESS):
        return RunEnd(STOPPED, "it ended without a word: killed, or the machine went down")
    return RunEnd(FAILED, last.message) if last.kind == FAILED else RunEnd(STOPPED, "stopped")
