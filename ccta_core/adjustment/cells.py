"""A cell of a plan: the command that runs it, and how it stands by what lies in the cache."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ccta_core.adjustment.measures import TABLES, measures_folder
from ccta_core.adjustment.plan import (
    Measurement,
    Plan,
    PlanCell,
    Studied,
    Training,
)
from ccta_core.adjustment.settings import (
    MANIFEST,
    Adjustment,
    as_facts,
    folder_of,
    read_manifest,
    read_settings,
    status_of,
)
from ccta_core.config import cache_root
from ccta_core.errors import CctaError
from ccta_core.study.run.locks import held
from ccta_core.study.run.status import status_of as study_state
from ccta_core.training.finish import scored_languages
from ccta_core.training.recipe import as_facts as recipe_facts

FINISHED, RUNNING, STOPPED, FAILED, DIFFERS, NOT_RUN = (
    "finished", "running", "stopped", "failed", "other settings", "not run",
)  # fmt: skip
_MACHINE = ("log_every", "checkpoint_every", "probes")
"""Settings of an adjustment that do not decide its weights."""


@dataclass(frozen=True, slots=True)
class CellState:
    """How a cell stands: one of the kinds above, and in a line why it failed or differs."""

    cell: PlanCell
    kind: str
    line: str = ""


def state_of(plan: Plan, cell: PlanCell) -> CellState:
    """Returns a cell's state. What lies in the cache under its id counts if it was made with the
    declared settings.

    One that was begun with other settings differs: it is neither used nor overwritten.
    """
    work = cell.work
    if isinstance(work, Adjustment):
        state = _adjustment_state(cell, work)
    elif isinstance(work, Training):
        state = _training_state(cell, work)
    elif isinstance(work, Measurement):
        state = _measurement_state(cell, work)
    else:
        state = _study_state(cell, work)
    if state.kind not in (FINISHED, DIFFERS) and held(lock_path(plan, cell)):
        return CellState(cell, RUNNING)
    failure = failure_path(plan, cell)
    if state.kind in (NOT_RUN, STOPPED) and failure.exists():
        return CellState(cell, FAILED, failure.read_text("utf-8").strip())
    return state


def lock_path(plan: Plan, cell: PlanCell) -> Path:
    """Returns a file that is locked while the cell's process is at work, whoever began it."""
    return plan.folder / f"{file_name(cell.id)}.lock"


def failure_path(plan: Plan, cell: PlanCell) -> Path:
    """Returns a file with the last line of a run that failed."""
    return plan.folder / f"{file_name(cell.id)}.failed"


def log_path(plan: Plan, cell: PlanCell) -> Path:
    """Returns the file that the cell's runs write their output to."""
    return plan.folder / f"{file_name(cell.id)}.log"


def file_name(cell_id: str) -> str:
    """Returns a cell's id as a file's name."""
    return cell_id.replace("/", "~")


def model_folder(model: str) -> Path:
    """Returns where a model of the plan lies."""
    return cache_root() / "models" / model


def words_of(cell: PlanCell) -> list[str]:
    """Returns the arguments of `ccta` that run the cell, or go on with it."""
    work = cell.work
    if isinstance(work, Adjustment):
        return _adjust_words(work)
    if isinstance(work, Training):
        return _train_words(work, model_folder(cell.id))
    if isinstance(work, Measurement):
        return _measure_words(work)
    if (cache_root() / "studies" / work.name / "manifest.json").exists():
        return ["study", "resume", work.name, "--workers", "1"]
    return [
        "study", "run", "--name", work.name, "--data", work.data,
        "--model", ",".join(work.models), "--langs", ",".join(work.languages),
        "--layers", ",".join(map(str, work.layers)), "--limit", str(work.items),
        *(["--spread"] if work.spread else []), "--workers", "1",
    ]  # fmt: skip


def _adjust_words(work: Adjustment) -> list[str]:
    if (folder_of(work.name) / MANIFEST).exists():
        return ["adjust", "resume", work.name]
    size = [] if work.pairs is None else ["--pairs", str(work.pairs)]
    return [
        "adjust", "run", "--name", work.name, "--lang", work.lang, "--model", work.model,
        "--seed", str(work.seed), *size, *_repeat_flag("--parallel", work.parallel),
        *_repeat_flag("--test", work.tests), *(["--placebo"] if work.placebo else []),
        *(["--noise", str(work.noise)] if work.noise else []),
    ]  # fmt: skip


def _train_words(work: Training, out: Path) -> list[str]:
    task = work.task
    start = [] if work.start is None else ["--from", work.start]
    terms = work.continual
    kept = (
        []
        if terms is None
        else [
            "--continual", terms.source, "--align-weight", str(terms.align_weight),
            "--anchor-weight", str(terms.anchor_weight),
        ]
    )  # fmt: skip
    return [
        "models", "train", "--task", task.name, *_repeat_flag("--train", task.train),
        "--lang", "en", "--limit", str(task.items), "--epochs", str(task.epochs),
        "--seed", str(work.seed), "--precision", task.precision, *start, *kept,
        "--eval", task.evaluate, "--eval-langs", ",".join(work.languages), "--out", str(out),
    ]  # fmt: skip


def _measure_words(work: Measurement) -> list[str]:
    settings = work.settings
    unseen = ["--unseen", ",".join(settings.unseen)] if settings.unseen else []
    scored = (
        []
        if work.evaluate is None
        else ["--eval", work.evaluate, "--eval-langs", ",".join(work.scored),
              "--limit", str(work.limit)]
    )  # fmt: skip
    return [
        "adjust", "measure", "--model", settings.model, "--lang", settings.lang,
        *_repeat_flag("--parallel", settings.parallel), *_repeat_flag("--test", settings.tests),
        *_repeat_flag("--sentences", settings.sentences), *unseen, *scored,
        *(["--cross", work.cross] if work.cross else []),
    ]  # fmt: skip


def _repeat_flag(flag: str, values: Iterable[str]) -> list[str]:
    return [word for value in values for word in (flag, value)]


def _adjustment_state(cell: PlanCell, work: Adjustment) -> CellState:
    if not (folder_of(work.name) / MANIFEST).exists():
        return CellState(cell, NOT_RUN)
    try:
        declared, present = (comparable(as_facts(s)) for s in (work, read_settings(work.name)))
        status = status_of(read_manifest(work.name), work.name)
    except CctaError as error:
        return CellState(cell, FAILED, str(error))
    difference = first_difference(declared, present)
    return CellState(cell, DIFFERS if difference else status, difference)


def _training_state(cell: PlanCell, work: Training) -> CellState:
    folder = model_folder(cell.id)
    path = folder / "card.json"
    if not path.exists():
        return CellState(cell, STOPPED if (folder / "checkpoint.pt").exists() else NOT_RUN)
    try:
        card = json.loads(path.read_text("utf-8"))
        facts = card["training"]
        present = {
            "start": facts["start"],
            "continual": facts.get("continual", {}).get("settings"),
            "data": [resolved(spec) for spec in facts["data"]],
            "items": facts["items"],
            **facts["recipe"],
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        return CellState(cell, FAILED, f"{path} can't be read ({type(error).__name__})")
    declared = {
        "start": work.start,
        "continual": None if work.continual is None else asdict(work.continual),
        "data": [resolved(spec) for spec in work.task.train],
        "items": work.task.items,
        **recipe_facts(work.task.recipe(work.seed)),
    }
    difference = first_difference(declared, present)
    if difference:
        return CellState(cell, DIFFERS, difference)
    scored = set(work.languages) <= set(card["scores"])
    return CellState(cell, FINISHED if scored else STOPPED)


def _measurement_state(cell: PlanCell, work: Measurement) -> CellState:
    folder = measures_folder(work.settings.model, work.settings.lang)
    whole = all((folder / f"{table}.parquet").exists() for table in TABLES)
    items = work.evaluate is None or work.keys <= scored_languages(
        model_folder(work.settings.model)
    )
    return CellState(cell, FINISHED if whole and items else NOT_RUN)


def _study_state(cell: PlanCell, work: Studied) -> CellState:
    state = study_state(cache_root() / "studies" / work.name)
    if state.manifest is None and not state.busy:
        return CellState(cell, NOT_RUN)
    return CellState(cell, state.kind if state.kind in (FINISHED, FAILED) else STOPPED, state.line)


def comparable(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings of an adjustment that decide its weights, folders by their absolute
    paths.
    """
    kept = {name: value for name, value in facts.items() if name not in _MACHINE}
    for name in ("parallel", "tests"):
        kept[name] = [resolved(spec) for spec in kept[name]]
    return kept


def resolved(spec: str) -> str:
    """Returns a spec with the absolute path of its folder."""
    name, colon, where = spec.partition(":")
    folder, mark, split = where.partition("#")
    return f"{name}:{Path(folder).resolve()}{mark}{split}" if colon and folder else spec


def first_difference(declared: Mapping[str, Any], present: Mapping[str, Any]) -> str:
    """Returns the first setting in which two differ, in words; empty where there is none."""
    for name in declared:
        if declared[name] != present.get(name):
            return f"{name} is {present.get(name)}, and the plan declares {declared[name]}"
    return ""


def summary(states: Sequence[CellState]) -> str:
    """Returns how many cells are in each state, in one line."""
    counts = [
        (kind, sum(state.kind == kind for state in states))
        for kind in (RUNNING, STOPPED, FAILED, DIFFERS, NOT_RUN)
    ]
    finished = sum(state.kind == FINISHED for state in states)
    rest = "".join(f", {number} {kind}" for kind, number in counts if number)
    return f"{finished} of {len(states)} cells finished{rest}"
