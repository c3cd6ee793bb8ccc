"""What each study is doing, read from disk: its plan, its parts, its log, and who holds its locks.

Nothing here needs the process that started a run: a page may ask, and so may another program.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from ccta_core.config import cache_root
from ccta_core.errors import CctaError
from ccta_core.store.usage import MARK
from ccta_core.study.locks import HELD, LOCK, held
from ccta_core.study.log import LOG, log_lines, of_last_run, progress
from ccta_core.study.parts import part_path
from ccta_core.study.plan import SHIPPED, Plan, read_plan, roots

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
    """A study as it stands; `plan` is None where none was written (yet)."""

    name: str
    folder: Path
    kind: str
    """starting, running, stopped, failed or finished."""
    plan: Plan | None
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
        if not self.rate or self.plan is None:
            return None
        return (self.total - self.done) * self.plan.chunk / self.rate


def states() -> list[State]:
    """Every study here by name, those that never came to a plan included."""
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
        plan = read_plan(folder)
    except CctaError as error:
        return State(folder.name, folder, FAILED, None, line=str(error))
    times = _times(folder, plan)
    done, total = len(times), len(plan.parts)
    if busy or (done < total and held(folder / LOCK)):
        rate = _rate(lines) if busy else _by_times(times, plan)
        return State(folder.name, folder, RUNNING, plan, done, total, rate=rate)
    if done == total:
        return State(folder.name, folder, FINISHED, plan, done, total)
    kind, line = _why(whole)
    return State(folder.name, folder, kind, plan, done, total, line)


def at_work(folder: Path) -> bool:
    """Whether a process that `process.start` or `process.resume` began is at work."""
    return held(folder / HELD)


def is_shipped(folder: Path) -> bool:
    """Whether a study came with the product: it is marked so, or lies where only those do."""
    if (folder / MARK).exists():
        return True
    own = (cache_root() / "studies").resolve()
    return SHIPPED.resolve() != own and folder.resolve().parent == SHIPPED.resolve()


def _times(folder: Path, plan: Plan) -> list[float]:
    """When each finished part of the plan was written, earliest first."""
    wanted = {part_path(folder, model, chunk) for model, chunk in plan.parts}
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


def _by_times(times: list[float], plan: Plan) -> float | None:
    """Items a second over the latest parts; None where there are too few."""
    latest = times[-_RECENT:]
    if len(latest) < 2 or latest[-1] <= latest[0]:
        return None
    return (len(latest) - 1) * plan.chunk / (latest[-1] - latest[0])


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
