"""Training languages against languages that are read, and which is the most consistent."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ccta_core.errors import CctaError
from ccta_core.statistics.two_way import TwoWay, two_way
from ccta_core.study.table import Study
from dashboard.tables.languages import means
from dashboard.tables.study_measures import MEASURES
from dashboard.tables.study_models import shared, trained


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """Training languages against languages that are read.

    `table`: one row a model and language: model, source (training language), target, value, low,
    high (95%, groups of items drawn), n, groups.
    Its rows source = target are scores of the training language itself. `items` is how many items
    every model has: only they count. `left_out` are models not shown above the majority. `shares`
    says how much is the training language's; None, with the reason in `problem`, where it can't be
    told.
    """

    table: pd.DataFrame
    items: int
    left_out: tuple[str, ...]
    shares: TwoWay | None
    problem: str = ""


def training_table(study: Study, layer: int, measure: str, models: tuple[str, ...]) -> Trained:
    """The mean of a measure with each model's training language, by the language that is read.

    The shares of the two-way table leave each training language's own column out (METHOD 5).
    """
    known, left_out = trained(study)
    known = known[known["model"].isin(models)]
    names = list(known["model"])
    if not names:
        return Trained(pd.DataFrame(), 0, tuple(left_out), None, "no model has a training language")
    table = means(_sums(study, layer, measure, names), ["model", "source", "target"])
    away = table[table["source"] != table["target"]]
    shares, problem = _shares(away)
    items = int(table["n"].max()) if len(table) else 0
    return Trained(table, items, tuple(left_out), shares, problem)


def _sums(study: Study, layer: int, measure: str, names: Sequence[str]) -> pd.DataFrame:
    """One row a model, language and group: the sum over items and how many have the measure.

    What belongs to one text is there for the training language too.
    """
    alike, details = shared(names)
    own = "OR target_lang = training_language" if MEASURES[measure].sided else ""
    marks = ", ".join("?" for _ in names)
    return study.query(
        'SELECT model, source, target, "group", coalesce(sum(value), 0) AS total, '
        "count(value) AS known FROM (SELECT model, training_language AS source, "
        f'target_lang AS target, "group", item, avg({MEASURES[measure].at("training")}) AS value '
        f"FROM rows WHERE layer = ? AND model IN ({marks}) AND {alike} "
        f"AND (source_lang = training_language {own}) GROUP BY ALL) GROUP BY ALL "
        'ORDER BY model, source, target, "group"',
        [layer, *names, *details],
    )


def _shares(table: pd.DataFrame) -> tuple[TwoWay | None, str]:
    try:
        found = two_way(
            table["value"], list(table["source"]), list(table["target"]), runs=list(table["model"])
        )
    except CctaError as error:
        return None, str(error)
    return found, ""
