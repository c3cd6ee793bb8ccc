"""What a study is doing: the lines its process writes, and what they say now."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import regex

from ccta_core.config import cache_root
from ccta_core.errors import CctaError
from ccta_core.store.usage import MARK
from ccta_core.study.manifest import SHIPPED, Manifest, read_manifest, roots
from ccta_core.study.run.locks import HELD, LOCK, held
from ccta_core.study.storage.parts import part_path
from ccta_core.text import count

LOG = "log.txt"
"""In a study's folder: what its runs wrote, one after another."""
_TAIL = 65_536
"""Bytes from the end that are read of a log."""
_LEAST_RATE = 0.02
"""Slower rates are written with too few digits to reckon with."""
_HEAD = regex.compile(r"== (\S+) ccta study \w+ with (\d+) process(?:es)?")
_LINE = regex.compile(r"(\d+)/(\d+) parts(?:  ([\d.]+) items/s  .* left)?")


@dataclass(frozen=True, slots=True)
class Progress:
    """A line of progress: parts done of all, items x models a second (0 where not said)."""

    done: int
    total: int
    rate: float


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a study by its log: when it began, with how many processes, what it told."""

    manifest: Manifest
    when: str
    workers: int
    told: tuple[Progress, ...]

    @property
    def measured(self) -> tuple[int, float] | None:
        """Items x models and seconds, between the first part of each process and the last part.

        So the start of processes and models is left out, and a last chunk that is not full. None
        where there are no two such lines.
        """
        if not self.told or self.told[0].rate:
            return None  # the beginning is not in what was read
        ragged, begun = self.manifest.items % self.manifest.chunk > 0, self.told[0].done
        rated = [
            ((line.done - begun) * self.manifest.chunk, line.rate)
            for line in self.told
            if line.rate >= _LEAST_RATE and not (ragged and line.done == line.total)
        ]
        if len(rated) <= self.workers:
            return None
        (first, slow), (last, rate) = rated[max(self.workers, 1) - 1], rated[-1]
        return last - first, last / rate - first / slow


def heading(action: str, workers: int) -> str:
    """The line a run's part of the log begins with."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return f"== {now} ccta study {action} with {count(workers, 'process')}\n"


def log_lines(folder: Path) -> list[str]:
    """The last lines of a study's log; empty where it has none."""
    try:
        with (folder / LOG).open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL))
            found = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    return found[1:] if size > _TAIL else found


def of_last_run(lines: list[str]) -> list[str]:
    """What the last run wrote, without its heading."""
    begins = max((at for at, line in enumerate(lines) if _HEAD.match(line)), default=-1)
    return lines[begins + 1 :]


def progress(lines: list[str]) -> list[Progress]:
    """The lines of progress, in order."""
    found = (_LINE.fullmatch(line.strip()) for line in lines)
    return [
        Progress(int(match[1]), int(match[2]), float(match[3] or 0)) for match in found if match
    ]


def runs_here() -> Iterator[Run]:
    """The runs of all studies in the cache whose logs tell of progress."""
    for path in sorted((cache_root() / "studies").glob(f"*/{LOG}")):
        try:
            yield from _runs(path.parent, read_manifest(path.parent))
        except (CctaError, OSError):
            continue  # a study that never began, or is being deleted


def _runs(folder: Path, manifest: Manifest) -> Iterator[Run]:
    lines = log_lines(folder)
    heads = [(at, match) for at, line in enumerate(lines) if (match := _HEAD.match(line))]
    ends = (*(at for at, _ in heads), len(lines))[1:]
    for (at, match), end in zip(heads, ends, strict=True):
        if told := progress(lines[at + 1 : end]):
            yield Run(manifest, match[1], int(match[2]), tuple(told))


STARTING, RUNNING, STOPPED, FAILED, FINISHED = (
    "starting", "running", "stopped", "failed", "finished",
)  # fmt: skip
_OURS = "ccta: "
_STOPPED = re.compile(r"stopped|.* was stopped; resume goes on .*|KeyboardInterrupt")
_ERROR = re.compile(r"[\w.]+(Error|Exception)\b")
_RECENT = 6
"""Parts whose times tell the rate of a run without a log."""


@dataclass(frozen=True, slots=True)
class State:
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


def states() -> list[State]:
    """Every study here by name, those that never came to a manifest included."""
    found: dict[str, Path] = {}
    for root in roots():
        for path in (*root.glob("*/manifest.json"), *root.glob(f"*/{LOG}")):
            found.setdefault(path.parent.name, path.parent)
    return [state_of(found[name]) for name in sorted(found)]


def state_of(folder: Path) -> State:
    """How the study in a folder stands."""
    whole = log_lines(folder)
    lines = of_last_run(whole)
    busy = at_work(folder)
    if not (folder / "manifest.json").exists():
        kind, line = (STARTING, "") if busy else _why(whole)
        return State(folder.name, folder, kind, None, line=line)
    try:
        manifest = read_manifest(folder)
    except CctaError as error:
        return State(folder.name, folder, FAILED, None, line=str(error))
    times = _times(folder, manifest)
    done, total = len(times), len(manifest.parts)
    if busy or (done < total and held(folder / LOCK)):
        rate = _rate(lines) if busy else _by_times(times, manifest)
        return State(folder.name, folder, RUNNING, manifest, done, total, rate=rate)
    if done == total:
        return State(folder.name, folder, FINISHED, manifest, done, total)
    kind, line = _why(whole)
    return State(folder.name, folder, kind, manifest, done, total, line)


def at_work(folder: Path) -> bool:
    """Whether a process that `process.start` or `process.resume` began is at work."""
    return held(folder / HELD)


def is_shipped(folder: Path) -> bool:
    """Whether a study came with the product: it is marked so, or lies where only those do."""
    if (folder / MARK).exists():
        return True
    own = (cache_root() / "studies").resolve()
    return SHIPPED.resolve() != own and folder.resolve().parent == SHIPPED.resolve()


def _times(folder: Path, manifest: Manifest) -> list[float]:
    """When each finished part of the manifest was written, earliest first."""
    wanted = {part_path(folder, model, chunk) for model, chunk in manifest.parts}
    found = []
    for path in folder.glob("parts/*/*.parquet"):
        try:
            found += [path.stat().st_mtime] if path in wanted else []
        except FileNotFoundError:
            continue  # set aside or deleted meanwhile
    return sorted(found)


def _rate(lines: list[str]) -> float | None:
    """What the log of the run at work says last."""
    return next((line.rate for line in reversed(progress(lines)) if line.rate), None)


def _by_times(times: list[float], manifest: Manifest) -> float | None:
    """Items a second over the latest parts; None where there are too few."""
    latest = times[-_RECENT:]
    if len(latest) < 2 or latest[-1] <= latest[0]:
        return None
    return (len(latest) - 1) * manifest.chunk / (latest[-1] - latest[0])


def _why(lines: list[str]) -> tuple[str, str]:
    """(stopped or failed, the reason) by the last thing a run wrote; no reason without a log."""
    if not lines:
        return STOPPED, ""
    last = next((line for line in reversed(lines) if line.strip()), "").strip()
    said = last.removeprefix(_OURS)
    if _STOPPED.fullmatch(said):
        return STOPPED, "stopped"
    if last.startswith(_OURS) or _ERROR.match(last):
        return FAILED, said
    return STOPPED, "it ended without a word: killed, or the machine went down"
