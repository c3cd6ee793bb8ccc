"""Studies and what they can be made of, in words; no Streamlit."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ccta_core.corpus.catalogue import DataSet
from ccta_core.corpus.uploads import spec_of
from ccta_core.models.catalog import ModelInfo
from ccta_core.reports.study.facts import layers, outline
from ccta_core.study.request import StudyRequest
from ccta_core.study.run.progress import FAILED, FINISHED, STOPPED
from ccta_core.study.run.status import RUNNING, STARTING, StudyStatus
from ccta_core.study.storage.table import Study
from ccta_core.text import command_line, count, duration, number, option

if TYPE_CHECKING:
    import pandas as pd

ALIKE = ("nli", "paraphrase", "qa", "ner")
"""Tasks whose data only their own models read."""
_FIRST_LANGUAGES = ("en", "es", "zh", "ar")
_ORDER = (RUNNING, STARTING, FAILED, STOPPED, FINISHED)
_FILE = "file:"


@dataclass(frozen=True, slots=True)
class DataFacts:
    """What data is about, its languages, and whether only pairs with English are parallel."""

    task: str
    languages: tuple[str, ...]
    paired: bool = False

    @property
    def first_languages(self) -> list[str]:
        """Those a form begins with: four, or two where only pairs go; common ones first."""
        common = [lang for lang in _FIRST_LANGUAGES if lang in self.languages]
        rest = [lang for lang in self.languages if lang not in common]
        return [*common, *rest][: 2 if self.paired else 4]


@dataclass(frozen=True, slots=True)
class DataChoice:
    """Data that a study can be made of: its key in the session, its name in the menu."""

    key: str
    label: str

    @property
    def spec(self) -> str:
        """How the engine names it: of a file handed in, the path."""
        return spec_of(self.key.removeprefix(_FILE)) if self.key.startswith(_FILE) else self.key


def data_choices(sets: Iterable[DataSet], uploads: Sequence[str]) -> dict[str, DataChoice]:
    """What a study can read, by key: bundled, files handed in, sets that are here, of the hub."""
    parallel = [data_set for data_set in sets if data_set.parallel]
    bundled = [data_set for data_set in parallel if data_set.name.startswith("demo:")]
    named = sorted(
        (data_set for data_set in parallel if data_set not in bundled),
        key=lambda data_set: not data_set.present,
    )
    choices = [
        DataChoice(spec, _data_label(spec, data_set))
        for data_set in bundled
        for spec in data_set.specs
    ]
    choices += [
        DataChoice(_FILE + name, f"{name} · {'of another person' if '/' in name else 'your file'}")
        for name in uploads
    ]
    choices += [
        DataChoice(spec, _data_label(spec, data_set))
        for data_set in named
        for spec in data_set.specs
    ]
    return {choice.key: choice for choice in choices}


def fitting(models: Mapping[str, ModelInfo], task: str) -> dict[str, ModelInfo]:
    """The models that can read data of a task: those made for it; any head for plain sentences;
    for texts with classes those that have classes.
    """
    others = ("qa", "ner") if task == "classification" else ()
    return {
        name: info
        for name, info in models.items()
        if info.labels and info.task not in others and (task not in ALIKE or info.task == task)
    }


def shared_layers(models: Sequence[ModelInfo]) -> list[int]:
    """The layers that every one of the models has."""
    if not models:
        return []
    common = set(models[0].layers).intersection(*(info.layers for info in models[1:]))
    return sorted(common)


def first_layer(layers: Sequence[int]) -> int:
    """The layer a form begins with: two thirds up, which is 8 of 12."""
    return layers[len(layers) * 2 // 3]


def suggested_name(key: str, taken: Collection[str]) -> str:
    """A free name for a study of this data."""
    stem = re.sub(r"[^A-Za-z0-9]+", "-", key.removeprefix(_FILE).partition(".")[0]).strip("-")[:40]
    names = (stem or "study", *(f"{stem or 'study'}-{number}" for number in range(2, 10_000)))
    return next(name for name in names if name not in taken)


def command(request: StudyRequest, workers: int) -> str:
    """The `ccta` line that starts the same study."""
    return command_line(["study", "run", *request.arguments, *option("workers", workers)])


def summary(states: Sequence[StudyStatus]) -> str:
    """How many studies there are and what they are doing, in one sentence."""
    kinds = Counter(state.kind for state in states)
    parts = [f"{kinds[kind]} {kind}" for kind in _ORDER if kinds[kind]]
    return f"{count(len(states), 'study')}: {', '.join(parts)}."


def state_line(state: StudyStatus) -> str:
    """What a study is doing: how far it is, how fast, how long it takes still; or why it ended."""
    share = f"{state.done} of {count(state.total, 'part')}"
    if state.kind == STARTING:
        return "starting: reading the data"
    if state.kind == RUNNING:
        if state.rate is None or state.left is None:
            return f"running · {share} · loading models and measuring the first parts"
        per_minute = f"{state.rate * 60:.2g} items/min"
        speed = f"{state.rate:.2g} items/s" if state.rate >= 0.1 else per_minute
        return f"running · {share} · {speed} · {duration(state.left)} left"
    if state.kind == FINISHED:
        return "finished"
    reason = "" if state.line in ("", state.kind) else f": {state.line}"
    return f"{state.kind} at {share}{reason}" if state.manifest else f"{state.kind}{reason}"


def about(state: StudyStatus) -> str:
    """Data, items, languages, models and layers of a study."""
    manifest = state.manifest
    if manifest is None:
        return "" if state.busy else "it came to no plan: fill in the form again, or delete it"
    facts = [*outline(manifest), count(len(manifest.models), "model"), layers(manifest)]
    return " · ".join([*facts, "ships with the product"] if state.shipped else facts)


def headline_means(study: Study) -> tuple[float | None, ...]:
    """Means over the study's comparisons: EMS, shuffled, embeddings only; how many there are."""
    row = study.query(
        "SELECT avg(ems) AS ems, avg(ems_shuffled) AS shuffled, avg(ems_uniform) AS uniform, "
        "count(ems) AS n FROM pairs WHERE isfinite(ems)"
    ).iloc[0]
    return tuple(None if value != value else float(value) for value in row)


def headline(means: Sequence[float | None]) -> str:
    """A study's finding in a line: EMS beside what it must be held against."""
    ems, shuffled, uniform, n = means
    if ems is None or not n:
        return ""
    held = [
        f"{number(value)} {words}"
        for value, words in ((shuffled, "with shuffled masses"), (uniform, "from embeddings only"))
        if value is not None
    ]
    beside = f", {' and '.join(held)}" if held else ""
    return f"EMS is {number(ems)} on average{beside} (n = {count(int(n), 'comparison')})."


def left_out_table(rows: Iterable[object]) -> "pd.DataFrame":
    """One row for each line that was left out or repaired: where it stands and why."""
    import pandas as pd

    return pd.DataFrame(
        [(row.place, row.reason) for row in rows],  # type: ignore[attr-defined]
        columns=["place", "reason"],
    )


def _data_label(spec: str, data_set: DataSet) -> str:
    where = "" if data_set.present else ", fetched from the hub"
    return f"{spec} · {data_set.what}{where}"
