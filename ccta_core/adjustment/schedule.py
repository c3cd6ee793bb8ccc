"""Works through a plan: a process a cell, several at a time; killed, it goes on where it was."""

import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from ccta_core.adjustment.cells import (
    DIFFERS,
    FAILED,
    FINISHED,
    NOT_RUN,
    RUNNING,
    STOPPED,
    CellState,
    failure_path,
    lock_path,
    log_path,
    state_of,
    summary,
    words_of,
)
from ccta_core.adjustment.learning import Report
from ccta_core.adjustment.plan import Plan, PlanCell, Training
from ccta_core.adjustment.settings import hold_alone, write_whole
from ccta_core.children import start, start_apart
from ccta_core.errors import CctaError
from ccta_core.study.run.locks import held

LOCK = "process"
"""A file in a plan's folder that is locked while somebody works through it."""
LOG = "log.txt"
_TIMES = "times.jsonl"
_PAUSE = 1.0
"""Seconds between two looks at the processes."""


@dataclass(slots=True)
class _Child:
    """A cell's process; its lock ends with it, also where we are killed before it."""

    cell: PlanCell
    process: subprocess.Popen[str]
    began: float


def states(plan: Plan) -> list[CellState]:
    """Returns how every cell stands, in the plan's order."""
    return [state_of(plan, cell) for cell in plan.cells]


def status_line(plan: Plan, cell_states: list[CellState], workers: int = 1) -> str:
    """Returns the plan in one line: counts, and the time left where finished cells tell it."""
    left = _seconds_left(plan, cell_states)
    time_left = "" if left is None else f"; about {left / workers / 3600:.1f} h left"
    work = "at work" if held(plan.folder / LOCK) else "nobody at work"
    return f"{plan.name}: {summary(cell_states)} ({work}{time_left})"


def choose(plan: Plan, patterns: Sequence[str]) -> Plan:
    """Returns the plan's cells whose ids fit one of the patterns (as a shell's), and all that they
    need.

    Raises CctaError where none fits.
    """
    wanted: set[str] = set()
    for cell in reversed(plan.cells):  # needs come before what needs them
        if cell.id in wanted or any(fnmatchcase(cell.id, pattern) for pattern in patterns):
            wanted |= {cell.id, *cell.needs}
    if not wanted:
        raise CctaError(
            f"no cell of {plan.name} fits {' '.join(patterns)}; expected a pattern such as "
            f"{plan.cells[0].id}"
        )
    return replace(plan, cells=tuple(cell for cell in plan.cells if cell.id in wanted))


def run_plan(plan: Plan, *, workers: int, report: Report) -> list[CellState]:
    """Runs what is not finished, `workers` cells at a time, in the plan's order; how all stand.

    A cell whose run fails is left for the next time, and so is what needs it. Cells that another
    process is at work on are waited for where nothing else can be done. Raises CctaError where
    somebody works through the plan already.
    """
    if workers < 1:
        raise CctaError(f"{workers} workers run nothing; expected at least 1")
    with hold_alone(plan.folder / LOCK, f"the plan {plan.name}"):
        for cell in plan.cells:
            failure_path(plan, cell).unlink(missing_ok=True)
        children: dict[str, _Child] = {}
        try:
            while True:
                _reap(plan, children, report)
                cell_states = states(plan)
                for cell in _ready(cell_states, children, workers - len(children)):
                    children[cell.id] = _launch(plan, cell, workers)
                    report(f"{cell.id}: started")
                if not children and not any(state.kind == RUNNING for state in cell_states):
                    report(status_line(plan, cell_states, workers))
                    return cell_states
                time.sleep(_PAUSE)
        finally:
            for child in children.values():
                child.process.terminate()


def run_in_background(plan: Plan, words: list[str]) -> int:
    """Starts `ccta WORDS` as a process that outlives this one; its number.

    Raises CctaError where somebody works through the plan already.
    """
    if held(plan.folder / LOCK):
        raise CctaError(f"the plan {plan.name} is at work in another process; wait for it")
    plan.folder.mkdir(parents=True, exist_ok=True)
    with (plan.folder / LOG).open("ab") as log:
        return start_apart("ccta_core", words, log).pid


def _ready(
    cell_states: list[CellState], children: Mapping[str, _Child], free: int
) -> list[PlanCell]:
    """Returns at most `free` cells that can start: they are not done, and all that they need is."""
    finished = {state.cell.id for state in cell_states if state.kind == FINISHED}
    # A need that is no cell of the plan is a model that is there without it.
    waiting = {state.cell.id for state in cell_states} - finished
    ready = [
        state.cell
        for state in cell_states
        if state.kind in (NOT_RUN, STOPPED)
        and state.cell.id not in children
        and waiting.isdisjoint(state.cell.needs)
    ]
    return ready[: max(0, free)]


def _launch(plan: Plan, cell: PlanCell, workers: int) -> _Child:
    threads = str(max(1, (os.cpu_count() or 1) // workers))
    variables = {"OMP_NUM_THREADS": threads, "OMP_WAIT_POLICY": "passive"}
    # The lock is closed here and stays with the child, which inherits it.
    lock_file = hold_alone(lock_path(plan, cell), cell.id)
    with lock_file as lock, log_path(plan, cell).open("ab") as log:
        process = start(
            "ccta_core",
            words_of(cell),
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=(lock.fileno(),),
            env={**variables, **os.environ},
        )
    return _Child(cell, process, time.monotonic())


def _reap(plan: Plan, children: dict[str, _Child], report: Report) -> None:
    """Takes note of the processes that have ended."""
    for name, child in list(children.items()):
        code = child.process.poll()
        if code is None:
            continue
        del children[name]
        seconds = time.monotonic() - child.began
        state = state_of(plan, child.cell)
        if code == 0 and state.kind == FINISHED:
            row = {"id": name, "like": _kind_of_work(child.cell), "seconds": round(seconds, 1)}
            with (plan.folder / _TIMES).open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            report(f"{name}: finished in {seconds:.0f} s; {status_line(plan, states(plan))}")
            continue
        lines = log_path(plan, child.cell).read_text("utf-8", "replace").strip().split("\n")
        line = lines[-1].removeprefix("ccta: ") if code else f"it ended {state.kind}"
        write_whole(failure_path(plan, child.cell), f"{line}\n".encode())
        report(f"{name}: failed after {seconds:.0f} s: {line}")


def _kind_of_work(cell: PlanCell) -> str:
    """Cells that take about as long."""
    work = cell.work
    if isinstance(work, Training):
        return f"{cell.kind} {work.task.name} {'continual' if work.continual else 'plain'}"
    return cell.kind


def _seconds_left(plan: Plan, cell_states: list[CellState]) -> float | None:
    """Estimates the seconds of the work that is left from finished cells of the same kind; None
    where they tell nothing.
    """
    path = plan.folder / _TIMES
    if not path.exists():
        return None
    times: dict[str, list[float]] = {}
    for line in path.read_text("utf-8").splitlines():
        row: dict[str, Any] = json.loads(line)
        times.setdefault(row["like"], []).append(row["seconds"])
    every = [seconds for known_times in times.values() for seconds in known_times]
    left = 0.0
    for state in cell_states:
        if state.kind not in (FINISHED, DIFFERS, FAILED):
            alike = times.get(_kind_of_work(state.cell), every)
            left += sum(alike) / len(alike)
    return left
