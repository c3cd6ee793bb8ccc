"""Claim 1 at every unit: consistency against performance over languages, pairs, items, models."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from ccta_core.analysis.correlation import Correlation, correlate, holm, mantel
from ccta_core.analysis.intervals import mean_interval
from ccta_core.analysis.partial import PartialCorrelation, partial_correlation
from ccta_core.analysis.prediction import (
    Auroc,
    AurocDifference,
    Deciles,
    accuracy_by_decile,
    auroc,
    compare_auroc,
)
from ccta_core.analysis.scores import language_scores, with_scores
from ccta_core.errors import CctaError
from ccta_core.languages import LANGUAGES
from ccta_core.measures import FIXED, MEASURES, WITH_CONTROLS
from ccta_core.study.storage.table import Study

HOME, OTHERS = "training", "others"
"""Consistency with each model's training language, or the mean over all other languages."""
TOGETHER = "all models"
"""The name under which training languages are tested together."""


@dataclass(frozen=True, slots=True)
class ScoreCorrelation:
    """One correlation of one model: which measure against the score, and its p after Holm."""

    model: str
    measure: str
    correlation: Correlation
    p_holm: float | None


@dataclass(frozen=True, slots=True)
class StudyModel:
    """A model of a study and the language it was trained in, if one."""

    id: str
    home: str | None


@dataclass(frozen=True, slots=True)
class CorrelationQuestion:
    """What is held against what, over which unit.

    `home`: with which language consistency is measured at the unit language (`HOME`, `OTHERS` or a
    code). `pair`: source and target at the unit item. `languages` in the study's order.
    """

    unit: str
    x: str
    y: str
    kind: str
    models: tuple[StudyModel, ...]
    layer: int
    languages: tuple[str, ...]
    home: str = HOME
    pair: tuple[str, str] = ("", "")

    @property
    def measures(self) -> tuple[str, ...]:
        """The measure asked for, then EMS and its controls: what one table shows."""
        return tuple(name for name in dict.fromkeys((self.x, *WITH_CONTROLS)) if name != self.y)


def points(study: Study, question: CorrelationQuestion) -> pd.DataFrame:
    """Returns one row a model and unit of which both measures are known.

    Columns: model, label, source, target, group, n, x, y; `group` names what is not independent.
    """
    tables = [
        table.dropna(subset=[question.x, question.y]).assign(
            x=lambda rows: rows[question.x], y=lambda rows: rows[question.y]
        )
        for model in question.models
        if len(table := units(study, question, model, (question.x, question.y)))
    ]
    columns = ["model", "label", "source", "target", "group", "n", "x", "y"]
    if not tables:
        return pd.DataFrame(columns=columns)
    return pd.concat(tables, ignore_index=True)[columns]


def units(
    study: Study, question: CorrelationQuestion, model: StudyModel, names: Sequence[str]
) -> pd.DataFrame:
    """Returns one row a unit of one model: its label, languages, group, n and the mean of each
    measure.

    The training language itself is left out (METHOD 5). The score of a language is that over all
    items of the split where the models' cards have it (`scores.language_scores`). Empty where the
    study does not have the training language.
    """
    counterpart = home_of(question, model)
    if question.unit in ("language", "training") and counterpart is None:
        return pd.DataFrame()
    wanted = list(dict.fromkeys(names))
    means = ", ".join(f"avg({MEASURES[name].sql_at(question.unit)}) AS {name}" for name in wanted)
    query = _unit_query(question, counterpart)
    table = study.query(
        f"SELECT {query.keys}, count(*) AS n, {means} FROM rows "
        f"WHERE model = ? AND layer = ? AND {query.where} GROUP BY ALL ORDER BY ALL",
        [model.id, question.layer, *query.parameters],
    )
    table = table.assign(model=model.id, label=_labels(question, table))
    return with_scores(study, table, question.unit)


def point_intervals(
    study: Study, question: CorrelationQuestion, names: tuple[str, ...]
) -> pd.DataFrame:
    """Returns the 95% intervals of the means that are points, at the unit language.

    One row a model, target and measure: low and high. Groups of items are independent; scores of
    the models' cards have the cards' intervals.
    """
    rows = []
    scores = language_scores(study)
    for model in question.models:
        counterpart = home_of(question, model)
        if question.unit != "language" or counterpart is None:
            continue
        query = _unit_query(question, counterpart)
        for name in names:
            sql = MEASURES[name].sql_at(question.unit)
            sums = study.query(
                f'SELECT target_lang AS target, rows."group" AS part, sum({sql}) AS total, '
                f"count({sql}) AS known FROM rows WHERE model = ? AND layer = ? AND {query.where} "
                "GROUP BY ALL HAVING known > 0 ORDER BY ALL",
                [model.id, question.layer, *query.parameters],
            )
            for target, part in sums.groupby("target"):
                of_card = scores.bounds.get((model.id, str(target))) if name == "score" else None
                ends = of_card or mean_interval(part["total"].to_numpy(), part["known"].to_numpy())
                if ends is not None:
                    rows.append((model.id, str(target), name, *ends))
    return pd.DataFrame(rows, columns=["model", "target", "measure", "low", "high"])


def home_of(question: CorrelationQuestion, model: StudyModel) -> str | None:
    """Returns the language a model's consistency is measured with; None where the study lacks
    it.
    """
    if question.unit == "training" or question.home == HOME:
        return model.home if model.home in question.languages else None
    return question.home


def correlations(study: Study, question: CorrelationQuestion) -> tuple[ScoreCorrelation, ...]:
    """Returns the correlation of the measure and of each control, for every model; p also after
    Holm.

    Holm's correction is over everything that is returned. At the unit `training` the models are
    taken together and a group is a language that is read.
    """
    rows = []
    if question.unit == "training":
        tables = [units(study, question, model, _columns(question)) for model in question.models]
        tables = [table for table in tables if len(table)]
        if tables:
            rows = _correlate_measures(question, TOGETHER, pd.concat(tables, ignore_index=True))
    else:
        for model in question.models:
            table = units(study, question, model, _columns(question))
            if len(table):
                rows += _correlate_measures(question, model.id, table)
    adjusted = holm([correlation.p for _, _, correlation in rows]).adjusted if rows else ()
    return tuple(ScoreCorrelation(*row, p) for row, p in zip(rows, adjusted, strict=True))


def held_fixed(
    study: Study, question: CorrelationQuestion, model: StudyModel
) -> tuple[PartialCorrelation, ...]:
    """Returns the correlation with embeddings only, length and fertility held fixed.

    From 20 independent units on all at once, below that one at a time (METHOD 5). Empty for pairs
    of languages, which are not independent, and where a column does not vary or is not known.
    """
    names = tuple(name for name in FIXED if name not in (question.x, question.y))
    if question.unit == "pair":
        return ()
    table = units(study, question, model, (question.x, question.y, *names))
    if table.empty:
        return ()
    complete = table.dropna(subset=[question.x, question.y, *names])
    covariates = {name: complete[name].to_numpy(float) for name in names}
    kind = "pearson" if question.kind == "pearson" else "spearman"
    try:
        return partial_correlation(
            complete[question.x],
            complete[question.y],
            covariates,
            groups=_groups(complete),
            kind=kind,
        )
    except CctaError:
        return ()


def family(code: str) -> str:
    """Returns a language's family; the code where it is not known."""
    return LANGUAGES[code].family if code in LANGUAGES else code


def _columns(question: CorrelationQuestion) -> tuple[str, ...]:
    return (*question.measures, question.y)


class _UnitQuery(NamedTuple):
    """SQL of a unit: the columns that name it, the rows that count, and the query's parameters."""

    keys: str
    where: str
    parameters: list[str]


def _unit_query(question: CorrelationQuestion, counterpart: str | None) -> _UnitQuery:
    if question.unit == "item":
        keys = 'source_lang AS source, target_lang AS target, "group", item'
        return _UnitQuery(keys, "source_lang = ? AND target_lang = ?", list(question.pair))
    if question.unit == "pair":
        keys = (
            "least(source_lang, target_lang) AS source, "
            'greatest(source_lang, target_lang) AS target, NULL AS "group"'
        )
        return _UnitQuery(keys, "true", [])
    if counterpart == OTHERS:
        keys = "'' AS source, target_lang AS target, target_lang AS \"group\""
        return _UnitQuery(keys, "true", [])
    keys = 'source_lang AS source, target_lang AS target, target_lang AS "group"'
    where, parameters = "source_lang = ?", [str(counterpart)]
    if question.unit == "training":
        same_items = shared([model.id for model in question.models])
        where = f"{where} AND {same_items.sql}"
        parameters = [*parameters, *same_items.parameters]
    return _UnitQuery(keys, where, parameters)


def _labels(question: CorrelationQuestion, table: pd.DataFrame) -> pd.Series:
    if question.unit == "item":
        return table["item"]
    if question.unit == "language":
        return table["target"]
    joint = "\N{EN DASH}" if question.unit == "pair" else "\N{RIGHTWARDS ARROW}"
    return table["source"] + joint + table["target"]


def _correlate_measures(
    question: CorrelationQuestion, model: str, table: pd.DataFrame
) -> list[tuple[str, str, Correlation]]:
    """Returns the correlation of every measure with y, over the units where both are known."""
    rows = []
    for name in question.measures:
        complete = table.dropna(subset=[name, question.y])
        if question.unit == "pair":
            pairs = _matrix(complete, name, question), _matrix(complete, question.y, question)
            result = mantel(*pairs, kind=question.kind)
        else:
            result = correlate(
                complete[name], complete[question.y], kind=question.kind, groups=_groups(complete)
            )
        rows.append((model, name, result))
    return rows


def _groups(table: pd.DataFrame) -> list[str]:
    return [str(name) for name in table["group"]]


def _matrix(table: pd.DataFrame, name: str, question: CorrelationQuestion) -> np.ndarray:
    """Returns a symmetric language x language table of the languages of which every pair is
    known.
    """
    wide = table.pivot(index="source", columns="target", values=name)
    order = list(question.languages)
    half = wide.reindex(index=order, columns=order).to_numpy(float)
    both = np.where(np.isfinite(half), half, half.T)
    missing = ~np.isfinite(both) & ~np.eye(len(both), dtype=bool)
    kept = np.ones(len(both), dtype=bool)
    while missing[np.ix_(kept, kept)].any():
        kept[np.argmax(np.where(kept, missing[:, kept].sum(1), -1))] = False
    return both[np.ix_(kept, kept)]


CONFIDENCE = "confidence"
FEWEST = 20
"""With fewer items nothing is said, as in `ccta_core.analysis.claims.by_item`."""


@dataclass(frozen=True, slots=True)
class Told:
    """How well a measure tells right predictions from wrong ones, and against the confidence.

    `against` is None for the confidence itself, and where it is not known. `p_holm` is its p,
    `p_own` that of the AUROC against a half, both corrected for the measures shown together.
    """

    measure: str
    own: Auroc
    against: AurocDifference | None
    p_holm: float | None = None
    p_own: float | None = None


def told_measures(question: CorrelationQuestion) -> tuple[str, ...]:
    """Returns EMS and its controls, with the measure asked for where it belongs to a pair of
    texts.
    """
    asked = (question.x,) if not MEASURES[question.x].sided else ()
    return tuple(dict.fromkeys((*asked, *WITH_CONTROLS)))


def right_items(study: Study, question: CorrelationQuestion) -> pd.DataFrame:
    """Returns one row an item of the first model: every measure, `right` (1 or 0) and the
    confidence.

    Right is the prediction in the target language. Columns as `tables.correlation.units`.
    """
    names = (*told_measures(question), CONFIDENCE, "correct")
    table = units(study, question, question.models[0], names)
    return table.dropna(subset=["correct"]).rename(columns={"correct": "right"})


def deciles(study: Study, question: CorrelationQuestion, measure: str) -> Deciles | None:
    """Returns the accuracy by tenths of a measure; None with fewer than 20 items."""
    complete = right_items(study, question).dropna(subset=[measure])
    if len(complete) < FEWEST:
        return None
    return accuracy_by_decile(complete[measure], complete["right"], list(complete["group"]))


def told_apart(study: Study, question: CorrelationQuestion, measure: str) -> Told | None:
    """Returns one measure's AUROC beside that of the model's confidence, on the items that have
    both.

    None with fewer than 20 items.
    """
    table = right_items(study, question)
    complete = table.dropna(subset=[measure])
    sure = complete.dropna(subset=[CONFIDENCE])
    if measure != CONFIDENCE and len(sure) >= FEWEST:
        difference = compare_auroc(
            sure[measure], sure[CONFIDENCE], sure["right"], list(sure["group"])
        )
        return Told(measure, difference.first, difference)
    if len(complete) < FEWEST:
        return None
    return Told(measure, auroc(complete[measure], complete["right"], list(complete["group"])), None)


def corrected(study: Study, results: tuple[Told, ...]) -> tuple[Told, ...]:
    """Returns the results with both p-values corrected by Holm's method, each over all of them.

    Takes the study to be kept like every other answer: the correction takes a third of a second.
    """
    del study
    own_ps = holm([result.own.p for result in results]).adjusted
    against = holm([result.against.p if result.against else None for result in results]).adjusted
    return tuple(
        Told(result.measure, result.own, result.against, p, p_own)
        for result, p, p_own in zip(results, against, own_ps, strict=True)
    )


class SqlCondition(NamedTuple):
    """A condition in SQL with question marks, and the parameters that they stand for."""

    sql: str
    parameters: list[str]


def shared(models: Sequence[str]) -> SqlCondition:
    """Returns the condition that is true of rows whose item every one of the models has."""
    marks = ", ".join("?" for _ in models)
    return SqlCondition(
        f"item IN (SELECT item FROM pairs WHERE model IN ({marks}) GROUP BY item "
        f"HAVING count(DISTINCT model) = {len(models)})",
        list(models),
    )
