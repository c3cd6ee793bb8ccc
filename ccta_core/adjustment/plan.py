"""A declared experiment in TOML: arms, languages, tasks and seeds, and the cells that they make."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import product
from pathlib import Path
from typing import Any, TypeVar, get_origin

from ccta_core.adjustment.continual import ALIGN_WEIGHT, ANCHOR_WEIGHT, ContinualSettings
from ccta_core.adjustment.measures import MeasureSettings
from ccta_core.adjustment.parallel import usual_tests
from ccta_core.adjustment.settings import Adjustment, check_name
from ccta_core.adjustment.tables import cross_key
from ccta_core.config import cache_root
from ccta_core.errors import CctaError
from ccta_core.languages import language
from ccta_core.models.catalog import ADJUSTED, BACKBONE
from ccta_core.training.recipe import TASKS, Recipe, recipe_for

ARMS = ("original", "adjusted", "placebo", "continual", "continual-placebo")
ADJUST, TRAIN, MEASURE, STUDY = "adjust", "train", "measure", "study"
"""Kinds of cells: an adjusted backbone, a task on a backbone, measures of either, a study."""
PRECISIONS = ("bfloat16", "float32")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Parallel:
    """The parallel text of one language, and how many of its pairs an adjustment draws."""

    lang: str
    parallel: tuple[str, ...]
    pairs: int | None


@dataclass(frozen=True, slots=True)
class TaskSettings:
    """A task: what it is trained on in English, and on which data and languages it is scored.

    `cross` is data across languages, its "{lang}" the adjusted one: questions in that language on
    English contexts. Languages of which it has no file are not scored so.
    """

    name: str
    train: tuple[str, ...]
    evaluate: str
    items: int
    epochs: int
    languages: tuple[str, ...]
    unseen: tuple[str, ...] = ()
    cross: str = ""
    cross_languages: tuple[str, ...] = ()
    precision: str = "bfloat16"
    """Of all its trainings, so that no two arms of it differ in that: bfloat16 or float32."""

    def __post_init__(self) -> None:
        _check_one_of("precision", self.precision, PRECISIONS)

    def cross_of(self, lang: str) -> str | None:
        """Returns the data across languages of one of them; None where there is none."""
        return self.cross.replace("{lang}", lang) if lang in self.cross_languages else None

    def recipe(self, seed: int) -> Recipe:
        """Returns the recipe by which the task is trained from this seed."""
        return recipe_for(
            self.name, seed=seed, epochs=self.epochs, bfloat16=self.precision == "bfloat16"
        )


@dataclass(frozen=True, slots=True)
class Dose:
    """What of an adjustment varies: pairs drawn (None: all) and the share of links re-paired."""

    pairs: int | None
    noise: float = 0.0

    def suffix(self, usual: int | None) -> str:
        """Returns the ending of a name that tells this dose from the language's usual one."""
        size = "" if self.pairs == usual else f"-{self.pairs or 'all'}"
        return size + (f"-noise{round(100 * self.noise)}" if self.noise else "")


@dataclass(frozen=True, slots=True)
class Training:
    """A task's training: on which arm of which language's adjustment, from which seed."""

    task: TaskSettings
    arm: str
    seed: int
    start: str | None
    """The backbone it stands on; None: the embedded one."""
    languages: tuple[str, ...]
    """It is scored in."""
    continual: ContinualSettings | None = None
    """The terms of continual learning, with the pairs and links of the same adjustment."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """Measures of one model in one language; of a task's model also what it makes of each item.

    `evaluate` is the task's data, read in the languages `scored` up to `limit` items each; `cross`
    is data across languages, whose items are kept under `cross_key`.
    """

    settings: MeasureSettings
    evaluate: str | None = None
    scored: tuple[str, ...] = ()
    limit: int = 0
    cross: str | None = None

    @property
    def keys(self) -> set[str]:
        """What its items are kept under: languages, and one for those across languages."""
        return {*self.scored, *([cross_key(self.settings.lang)] if self.cross else [])}


@dataclass(frozen=True, slots=True)
class Studied:
    """A study of several arms of one language and seed on the same items."""

    name: str
    models: tuple[str, ...]
    data: str
    languages: tuple[str, ...]
    layers: tuple[int, ...]
    items: int
    seed: int
    spread: bool = False
    """Items of as many premises spread evenly over the data, instead of its first."""


@dataclass(frozen=True, slots=True)
class PlanCell:
    """One run of the experiment: its id, what must be there before it, and what it is."""

    id: str
    kind: str
    needs: tuple[str, ...]
    work: Adjustment | Training | Measurement | Studied
    block: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """A declared experiment. `cells` come in the order of work, each after what it needs."""

    name: str
    model: str
    cells: tuple[PlanCell, ...]
    tasks: Mapping[str, TaskSettings] = field(hash=False)
    languages: Mapping[str, Parallel] = field(hash=False)
    tests: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    align_weight: float = ALIGN_WEIGHT
    anchor_weight: float = ANCHOR_WEIGHT

    @property
    def folder(self) -> Path:
        """Where locks, logs and times of its runs lie."""
        return cache_root() / "plans" / self.name


def read_plan(path: Path, data: str | None = None) -> Plan:
    """Returns the plan of a file; `data` takes the place of its folder of data sets.

    Raises CctaError (one line) where the file can't be read, a name in it is unknown, or a block
    asks for what isn't declared.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise CctaError(f"expected a plan at {path} ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CctaError(f"{path} is no TOML: {error}") from error
    try:
        return _plan(_fill_data_folder(table, data or str(table.get("data", ""))))
    except CctaError as error:
        raise CctaError(f"{path}: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CctaError(
            f"{path}: expected name, [languages.XX], [tasks.NAME] and [[block]] as in "
            f"research/adjustment.toml; found {type(error).__name__} {error}"
        ) from error


def _fill_data_folder(value: Any, data: str) -> Any:
    """Returns the table with the folder of data sets in its specs."""
    if isinstance(value, str):
        return value.replace("{data}", data)
    if isinstance(value, list):
        return [_fill_data_folder(entry, data) for entry in value]
    if isinstance(value, dict):
        return {key: _fill_data_folder(entry, data) for key, entry in value.items()}
    return value


def _plan(table: Mapping[str, Any]) -> Plan:
    check_name(str(table["name"]))
    languages = {
        lang: Parallel(
            language(lang).code,
            _strings("parallel", row["parallel"]),
            _pairs(row.get("pairs", "all")),
        )
        for lang, row in table["languages"].items()
    }
    for name in table.get("tasks", {}):
        _check_one_of("task", name, TASKS)
    tasks = {
        name: _read_record(TaskSettings, {"name": name, **row})
        for name, row in table.get("tasks", {}).items()
    }
    weights = table.get("continual", {})
    plan = Plan(
        name=table["name"],
        model=str(table.get("model", BACKBONE)),
        cells=(),
        tasks=tasks,
        languages=languages,
        tests=_strings("tests", table.get("tests", ())) or usual_tests(),
        sentences=_strings("sentences", table.get("sentences", ())),
        unseen=tuple(language(each).code for each in _strings("unseen", table.get("unseen", ()))),
        align_weight=float(weights.get("align_weight", ALIGN_WEIGHT)),
        anchor_weight=float(weights.get("anchor_weight", ANCHOR_WEIGHT)),
    )
    cells: dict[str, PlanCell] = {}
    for block in table["block"]:
        for cell in _cells(plan, block, table.get("study", {})):
            cells.setdefault(cell.id, cell)
    return replace(plan, cells=tuple(cells.values()))


def _cells(plan: Plan, block: Mapping[str, Any], study: Mapping[str, Any]) -> Iterator[PlanCell]:
    """Yields the cells of a block, each after those that it needs."""
    title = str(block["title"])
    unknown = set(block) - {
        "title", "languages", "arms", "tasks", "seeds", "pairs", "noise", "measure", "study"
    }  # fmt: skip
    if unknown:
        raise CctaError(f"the block {title!r} has unknown keys: {', '.join(sorted(unknown))}")
    for name in ("languages", "arms", "tasks"):
        _strings(name, block[name])
    if not isinstance(block["seeds"], list) or not all(
        type(each) is int for each in block["seeds"]
    ):
        raise CctaError(f"seeds is {block['seeds']!r}; expected a list of whole numbers, as [1, 2]")
    for lang in block["languages"]:
        _check_one_of("language", lang, tuple(plan.languages))
    for arm in block["arms"]:
        _check_one_of("arm", arm, ARMS)
    for task in block["tasks"]:
        _check_one_of("task", task, tuple(plan.tasks))
    # Seeds outermost: after one seed of everything the second begins.
    for seed, lang in product(block["seeds"], block["languages"]):
        usual = plan.languages[lang].pairs
        sizes = [_pairs(size) for size in block.get("pairs", [])] or [usual]
        doses = [Dose(size, noise) for size in sizes for noise in block.get("noise", [0.0])]
        for dose, arm in product(doses, block["arms"]):
            yield from _arm_cells(plan, block, (lang, arm, dose, seed))
        if block.get("study"):
            yield _study_cell(plan, block, study, (lang, seed))


def _arm_cells(
    plan: Plan, block: Mapping[str, Any], place: tuple[str, str, Dose, int]
) -> Iterator[PlanCell]:
    """Yields an arm's backbone, its tasks and, where the block asks for them, their measures."""
    lang, arm, dose, seed = place
    title = str(block["title"])
    text = plan.languages[lang]
    backbone, before = plan.model, tuple[str, ...]()
    if arm != "original":
        adjustment = adjustment_of(plan, lang, dose, seed, placebo=arm.endswith("placebo"))
        backbone, before = adjustment.id, (adjustment.id,)
        yield PlanCell(adjustment.id, ADJUST, (), adjustment, title)
    models: list[tuple[str, tuple[str, ...], Training | None]] = []
    if not arm.startswith("continual"):
        models.append((backbone, before, None))
    for name in block["tasks"]:
        task = plan.tasks[name]
        model = task_id(name, lang, arm, dose.suffix(text.pairs), seed)
        adjusted = task.languages if arm == "original" else (lang,)
        scored = tuple(dict.fromkeys(("en", *adjusted, *task.unseen)))
        kept = (
            ContinualSettings(
                adjustment_name(backbone),
                align_weight=plan.align_weight,
                anchor_weight=plan.anchor_weight,
            )
            if arm.startswith("continual")
            else None
        )
        start = None if backbone == BACKBONE else backbone
        work = Training(task, arm, seed, start, scored, kept)
        models.append((model, (model,), work))
        yield PlanCell(model, TRAIN, before, work, title)
    if block.get("measure"):
        for model, needs, training in models:
            settings = MeasureSettings(
                model=model,
                lang=lang,
                parallel=text.parallel,
                tests=plan.tests,
                sentences=plan.sentences,
                unseen=plan.unseen if training is None else (),
            )
            measured = Measurement(settings)
            if training is not None:
                task = training.task
                measured = Measurement(
                    settings, task.evaluate, training.languages, task.items, task.cross_of(lang)
                )
            yield PlanCell(f"measure/{model}/{lang}", MEASURE, needs, measured, title)


def _study_cell(
    plan: Plan, block: Mapping[str, Any], study: Mapping[str, Any], place: tuple[str, int]
) -> PlanCell:
    lang, seed = place
    models = tuple(task_id(study["task"], lang, arm, "", seed) for arm in block["arms"])
    # A study of other arms of the same language and seed has a name of its own.
    ending = f"-{block['study']}" if isinstance(block["study"], str) else ""
    name = f"{plan.name}-{lang}-s{seed}{ending}"
    work = Studied(
        name=name,
        models=models,
        data=study["data"],
        languages=("en", lang),
        layers=tuple(study["layers"]),
        items=int(study["items"]),
        seed=seed,
        spread=bool(study.get("spread", False)),
    )
    return PlanCell(f"study/{name}", STUDY, models, work, str(block["title"]))


def adjustment_of(plan: Plan, lang: str, dose: Dose, seed: int, *, placebo: bool) -> Adjustment:
    """Returns the adjustment of a language at a dose, or its placebo."""
    text = plan.languages[lang]
    noise = f"-noise{round(100 * dose.noise)}" if dose.noise else ""
    return Adjustment(
        name=f"{lang}-{dose.pairs or 'all'}-s{seed}{'-placebo' if placebo else ''}{noise}",
        lang=lang,
        parallel=text.parallel,
        model=plan.model,
        pairs=dose.pairs,
        seed=seed,
        placebo=placebo,
        noise=dose.noise,
        tests=plan.tests,
    )


def task_id(task: str, lang: str, arm: str, dose: str, seed: int) -> str:
    """Returns the id of a task's model: the original arm is one for all languages."""
    place = arm if arm == "original" else f"{lang}-{arm}{dose}"
    return f"own/{task}-{place}-s{seed}"


def adjustment_name(model: str) -> str:
    """Returns the name of an adjustment by the id of its backbone."""
    return model.removeprefix(f"{ADJUSTED}/")


def _strings(name: str, value: Any) -> tuple[str, ...]:
    """Returns a list of a plan. Raises CctaError where it is something else: a text would be read
    letter by letter.
    """
    if isinstance(value, str) or not all(isinstance(each, str) for each in value):
        raise CctaError(f'{name} is {value!r}; expected a list of texts, as ["..."]')
    return tuple(value)


def _pairs(value: Any) -> int | None:
    if value == "all":
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise CctaError(f'pairs are a whole number or "all"; found {value!r}')
    return value


def _check_one_of(what: str, name: str, choices: Sequence[str]) -> None:
    if name not in choices:
        raise CctaError(f"unknown {what} {name!r}; expected one of: {', '.join(choices)}")


def _read_record(kind: type[_T], row: Mapping[str, Any]) -> _T:
    """Returns a frozen record from a table of TOML, lists as tuples."""
    names = {each.name for each in fields(kind)}  # type: ignore[arg-type]
    unknown = set(row) - names
    if unknown:
        raise CctaError(f"unknown keys: {', '.join(sorted(unknown))}; expected {sorted(names)}")
    lists = {each.name for each in fields(kind) if get_origin(each.type) is tuple}  # type: ignore[arg-type]
    return kind(
        **{key: _strings(key, value) if key in lists else value for key, value in row.items()}
    )
