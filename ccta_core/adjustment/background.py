"""Adjustments in processes of their own, which outlive whoever starts them; loads no model library.

python -m ccta_core.adjustment.background NAME (what `start` runs)

An order is a run and, where it is asked for, its placebo after it. Its folder `adjusting/NAME` in
the cache has the order, a lock that its process holds, and the log of its runs.
"""

import json
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ccta_core.children import start as start_child
from ccta_core.children import start_apart
from ccta_core.config import cache_root
from ccta_core.corpus.resolve import SHARED, check_readable
from ccta_core.errors import CctaError
from ccta_core.languages import language
from ccta_core.permissions import claim, may_read, refuse_if_read_only, refuse_to_change
from ccta_core.study.run.locks import held, hold
from ccta_core.text import command_line, option

FINISHED, RUNNING, STOPPED = "finished", "running", "stopped"
LEAST_PAIRS = 100
_LOCK, _LOG, _ORDER = "process", "log.txt", "order.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_PATIENCE = 10.0
"""Seconds in which a process that was told to stop ends."""
_STEP = re.compile(
    r"^ccta: step (\d+)/(\d+)  alignment (\S+)  anchor (\S+)  .*  (\d+) min left$", re.M
)
_AUC = re.compile(r"^ccta: step (\d+): AUC (\S+),", re.M)
_SECONDS_A_PAIR = 0.4
"""One of the embedded model by LoRA: 2,012 s for 4,999 pairs on a core of the plan's machine."""
_FULL_TIMES = 3.0
"""Training every weight, against LoRA: its backward pass and Adam's moments; a rough guess."""


@dataclass(frozen=True, slots=True)
class AdjustmentOrder:
    """What is to be run. `pairs` None is all; `placebo` runs the same with re-paired links after.

    Raises CctaError on what can't be run.
    """

    name: str
    lang: str
    parallel: tuple[str, ...]
    pairs: int | None = None
    full: bool = False
    placebo: bool = True
    seed: int = 1

    def __post_init__(self) -> None:
        language(self.lang)
        if not _NAME.fullmatch(self.name):
            raise CctaError(
                "a name is letters, digits, dots, dashes and underscores, at most 60; found "
                f"{self.name!r}"
            )
        if not self.parallel:
            raise CctaError("an adjustment needs parallel text; name some")
        if self.pairs is not None and self.pairs < LEAST_PAIRS:
            raise CctaError(f"{self.pairs} pairs are too few; expected at least {LEAST_PAIRS}")

    @property
    def runs(self) -> tuple[str, ...]:
        """The names of its runs in order."""
        return (self.name, f"{self.name}-placebo") if self.placebo else (self.name,)

    @property
    def folder(self) -> Path:
        """Where the order, its lock and its log lie."""
        return _root() / self.name

    def words(self, run: str) -> list[str]:
        """The arguments of `ccta` that begin a run of the order."""
        size = [] if self.pairs is None else option("pairs", self.pairs)
        return [
            "adjust", "run", *option("name", run), *option("lang", self.lang),
            *(word for spec in self.parallel for word in option("parallel", spec)), *size,
            *option("seed", self.seed), *(["--full"] if self.full else []),
            *(["--placebo"] if run != self.name else []),
        ]  # fmt: skip

    @property
    def commands(self) -> list[str]:
        """The same as lines for a shell."""
        return [command_line(self.words(run)) for run in self.runs]


@dataclass(frozen=True, slots=True)
class OrderState:
    """How an order stands: its runs' states, and of the last one that spoke its step and losses."""

    order: AdjustmentOrder
    kind: str
    """running, stopped or finished."""
    runs: dict[str, str]
    run: str
    step: int = 0
    of_steps: int = 0
    alignment: str = ""
    anchor: str = ""
    minutes_left: int | None = None
    aucs: tuple[tuple[int, float], ...] = ()
    """(step, AUC) of the run's checkpoints so far."""
    line: str = ""
    """The last line of the log."""

    @property
    def share(self) -> float:
        """How much of all its runs is done, in [0, 1]."""
        if self.kind == FINISHED:
            return 1.0
        place = self.order.runs.index(self.run)
        now = self.step / self.of_steps if self.of_steps else 0.0
        return (place + now) / len(self.order.runs)


def seconds_of(pairs: int, order: AdjustmentOrder) -> float:
    """Returns about how long an order takes, by the finished runs here, else by ours."""
    pace = _SECONDS_A_PAIR * (_FULL_TIMES if order.full else 1.0)
    for path in sorted((cache_root() / "models" / "adjusted").glob("*/manifest.json")):
        facts = _read_json(path)
        alike = facts.get("settings", {}).get("full") == order.full
        if alike and facts.get("status") == FINISHED and facts.get("sentences"):
            pace = facts["seconds"] / facts["sentences"]
    return pace * pairs * len(order.runs)


def parallel_sets(lang: str) -> dict[str, str]:
    """Returns the parallel text of a language that is here: what it is called, and its spec."""
    specs = {}
    for name, where, form in (
        ("OPUS test sets", "opus_testsets", "opus"), ("IWSLT 2015", "iwslt15_en_vi", "iwslt"),
        ("FLORES", "flores200", "flores"), ("Parallel UD", "ud_pud", "pud"),
    ):  # fmt: skip
        if (SHARED / where).is_dir() and (form != "iwslt" or lang == "vi"):
            specs[name] = f"{form}:{SHARED / where}#en-{lang}"
    return specs


def orders() -> list[OrderState]:
    """Returns every order here, those at work first; no other person's."""
    folders = [path.parent for path in sorted(_root().glob(f"*/{_ORDER}"))]
    states = [state_of(folder.name) for folder in folders if may_read(folder)]
    return sorted(states, key=lambda state: state.kind != RUNNING)


def state_of(name: str) -> OrderState:
    """Returns how an order stands. Raises CctaError where there is none of this name."""
    order = _read_order(name)
    states = {run: _run_state(run) for run in order.runs}
    busy = _at_work(order)
    run = next((run for run, state in states.items() if state != FINISHED), order.runs[-1])
    done = all(state == FINISHED for state in states.values())
    kind = RUNNING if busy else FINISHED if done else STOPPED
    path = order.folder / _LOG
    log = path.read_text("utf-8", "replace") if path.exists() else ""
    _, _, of_run = log.rpartition(_begins(run))
    steps = _STEP.findall(of_run)
    lines = [line for line in of_run.strip().splitlines() if line]
    state = OrderState(
        order, kind, states, run,
        aucs=tuple((int(step), float(auc)) for step, auc in _AUC.findall(of_run)),
        line=lines[-1].removeprefix("ccta: ") if lines else "",
    )  # fmt: skip
    if not steps:
        return state
    step, of_steps, alignment, anchor, minutes = steps[-1]
    return replace(
        state, step=int(step), of_steps=int(of_steps), alignment=alignment, anchor=anchor,
        minutes_left=int(minutes),
    )  # fmt: skip


def start(order: AdjustmentOrder) -> None:
    """Starts an order in a process of its own and returns at once.

    Raises CctaError where one of its names is taken, or its folder can't be written.
    """
    refuse_if_read_only("Starting an adjustment")
    for spec in order.parallel:
        check_readable(spec)
    for run in order.runs:
        if order.folder.exists() or (_models() / run).exists():
            raise CctaError(f"the name {run} stands for another adjustment; choose another")
    try:
        order.folder.mkdir(parents=True)
        claim(order.folder)
        (order.folder / _ORDER).write_text(json.dumps(asdict(order)), "utf-8")
    except OSError as error:
        raise CctaError(f"{order.folder} can't be written ({error.strerror})") from error
    _launch(order)


def resume(name: str) -> None:
    """Goes on with an order that is not at work. Raises CctaError where it is, or there is none."""
    refuse_if_read_only("Resuming an adjustment")
    order = _changeable(name, "Resuming")
    if _at_work(order):
        raise CctaError(f"{name} is at work already; stop it first")
    _launch(order)


def stop(name: str) -> bool:
    """Ends an order's process and its run's, waiting a few seconds; whether they have ended.

    Its run goes on from its last checkpoint when it is resumed.
    """
    refuse_if_read_only("Stopping an adjustment")
    order = _changeable(name, "Stopping")
    lock = order.folder / _LOCK
    until = time.monotonic() + _PATIENCE
    while _at_work(order):
        number = lock.read_text("ascii", "replace").strip() if held(lock) else ""
        if number.isdigit():
            with suppress(ProcessLookupError):  # it has just ended
                os.kill(int(number), signal.SIGTERM)
        if time.monotonic() > until:
            return False
        time.sleep(0.3)
    return True


def delete(name: str) -> None:
    """Deletes an order, its runs and the backbones they made. Raises CctaError while at work."""
    refuse_if_read_only("Deleting an adjustment")
    order = _changeable(name, "Deleting")
    if _at_work(order):
        raise CctaError(f"{name} is at work; stop it first")
    for run in order.runs:
        shutil.rmtree(_models() / run, ignore_errors=True)
    shutil.rmtree(order.folder, ignore_errors=True)


def main(words: Sequence[str]) -> int:
    """Runs an order's runs one after the other; what is finished is left."""
    order = _read_order(words[0])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with hold(order.folder / _LOCK) as lock:
        lock.truncate(0)
        lock.write(str(os.getpid()).encode())
        lock.flush()
        for run in order.runs:
            if _run_state(run) == FINISHED:
                continue
            begun = (_models() / run / "manifest.json").exists()
            print(_begins(run), flush=True)  # noqa: T201 - its log
            child = start_child(
                "ccta_core", ["adjust", "resume", run] if begun else order.words(run)
            )
            code = child.wait()
            if code:
                return code
    return 0


def _launch(order: AdjustmentOrder) -> None:
    with (order.folder / _LOG).open("ab") as log:
        start_apart(__name__, [order.name], log)
    until = time.monotonic() + _PATIENCE
    while not held(order.folder / _LOCK) and time.monotonic() < until:
        time.sleep(0.1)


def _at_work(order: AdjustmentOrder) -> bool:
    """Whether its process is there, or one of its runs, which ends a few seconds after it."""
    locks = [order.folder / _LOCK, *(_models() / run / _LOCK for run in order.runs)]
    return any(held(lock) for lock in locks)


def _run_state(run: str) -> str:
    return str(_read_json(_models() / run / "manifest.json").get("status", "not begun"))


def _read_order(name: str) -> AdjustmentOrder:
    folder = _root() / name
    facts = _read_json(folder / _ORDER) if _NAME.fullmatch(name) and may_read(folder) else {}
    if not facts:
        raise CctaError(f"there is no order {name!r} here")
    return AdjustmentOrder(**facts | {"parallel": tuple(facts["parallel"])})


def _changeable(name: str, what: str) -> AdjustmentOrder:
    """Reads an order that the person may change. Raises CctaError where there is none."""
    order = _read_order(name)
    refuse_to_change(order.folder, f"{what} {name}")
    return order


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content


def _begins(run: str) -> str:
    return f"== {run} =="


def _root() -> Path:
    return cache_root() / "adjusting"


def _models() -> Path:
    return cache_root() / "models" / "adjusted"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
