"""A study's log: what its runs wrote, read back as runs with their rates."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import regex

from ccta_core.config import cache_root
from ccta_core.errors import CctaError
from ccta_core.study.plan import Plan, read_plan
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

    plan: Plan
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
        ragged, begun = self.plan.items % self.plan.chunk > 0, self.told[0].done
        rated = [
            ((line.done - begun) * self.plan.chunk, line.rate)
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
            yield from _runs(path.parent, read_plan(path.parent))
        except (CctaError, OSError):
            continue  # a study that never began, or is being deleted


def _runs(folder: Path, plan: Plan) -> Iterator[Run]:
    lines = log_lines(folder)
    heads = [(at, match) for at, line in enumerate(lines) if (match := _HEAD.match(line))]
    ends = (*(at for at, _ in heads), len(lines))[1:]
    for (at, match), end in zip(heads, ends, strict=True):
        if told := progress(lines[at + 1 : end]):
            yield Run(plan, match[1], int(match[2]), tuple(told))
