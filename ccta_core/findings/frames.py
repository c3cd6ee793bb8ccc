"""What the claims are tested on: small tables cut from a study's rows."""

from typing import Any

import numpy as np
import pandas as pd

from ccta_core.models.catalog import RANDOM_HEAD, is_random_head
from ccta_core.statistics.ranking import Checkpoint
from ccta_core.study.table import Study

MEASURES = ("ems", "ems_uniform", "ems_shuffled", "ems_unrelated", "gain")
"""EMS, and what it must be held against."""


def models(study: Study) -> list[str]:
    """The models that have rows, in the plan's order, without twins with a random head."""
    return [name for name in measured_models(study) if not is_random_head(name)]


def twins(study: Study) -> list[tuple[str, str]]:
    """(trained model, its twin with a random head), of those that both have rows."""
    present = measured_models(study)
    pairs = [(name.removesuffix(RANDOM_HEAD), name) for name in present if is_random_head(name)]
    return [pair for pair in pairs if pair[0] in present]


def measured_models(study: Study) -> list[str]:
    """The models that have rows, in the plan's order."""
    there = set(study.query("SELECT DISTINCT model FROM pairs")["model"])
    return [one["id"] for one in study.plan.models if one["id"] in there]


def checkpoints(study: Study) -> pd.DataFrame:
    """One row a model: training language, seed, mean score over the study's items and languages.

    `majority` is the share of the commonest gold label, NaN for answers; models may name labels
    differently. `excess_low` is the lower end of the 95% interval of score less majority:
    Student's t on whole groups of items (linearised ratio of sums); NaN with fewer than two groups.
    """
    scores = study.query(
        "SELECT model, training_language, seed, avg(source_score) AS score FROM rows "
        "GROUP BY ALL ORDER BY model"
    )
    labels = study.query(
        "SELECT model, max(n) / sum(n) AS majority FROM (SELECT model, gold, count(DISTINCT item) "
        "AS n FROM pairs WHERE gold IS NOT NULL GROUP BY model, gold) GROUP BY model"
    )
    shares = dict(zip(labels["model"], labels["majority"], strict=True))
    scores["majority"] = [shares.get(name, np.nan) for name in scores["model"]]
    lows = _excess_lows(study)
    return scores.assign(excess_low=[lows.get(name, np.nan) for name in scores["model"]])


def checkpoint(row: Any) -> Checkpoint:
    """A row of `checkpoints` that has a training language and a majority."""
    low = row.excess_low if np.isfinite(row.excess_low) else None
    seed = 1 if pd.isna(row.seed) else int(row.seed)
    return Checkpoint(str(row.training_language), seed, row.score, row.majority, low)


def _excess_lows(study: Study) -> dict[str, float]:
    """How far above always naming the commonest label each model is at least."""
    sums = study.query(
        'SELECT model, "group", count(*) AS n, sum(source_score - (gold = common)::INT) AS excess '
        "FROM rows JOIN (SELECT model, gold AS common FROM pairs WHERE gold IS NOT NULL "
        "GROUP BY model, gold QUALIFY row_number() OVER (PARTITION BY model "
        "ORDER BY count(DISTINCT item) DESC, gold) = 1) USING (model) "
        'WHERE gold IS NOT NULL GROUP BY model, "group" ORDER BY model, "group"'
    )
    return {str(model): _low(own) for model, own in sums.groupby("model")}


def _low(sums: pd.DataFrame) -> float:
    """The lower end of the 95% interval of `excess` over `n`, both sums of groups."""
    from scipy.stats import t

    groups, total = len(sums), float(sums["n"].sum())
    if groups < 2:
        return float("nan")
    mean = float(sums["excess"].sum()) / total
    residuals = sums["excess"] - mean * sums["n"]
    error = np.sqrt(groups / (groups - 1) * float((residuals**2).sum())) / total
    return float(mean - t.ppf(0.975, groups - 1) * error)


def languages(study: Study, model: str, layer: int) -> pd.DataFrame:
    """One row a language: mean of each measure with the training language, and its score.

    The training language itself is left out (METHOD 5). Empty where the study does not have it.
    """
    home = next(one["training_language"] for one in study.plan.models if one["id"] == model)
    means = ", ".join(f"avg({name}) AS {name}" for name in MEASURES)
    return study.query(
        f"SELECT target_lang AS lang, {means}, avg(target_score) AS score, count(*) AS n, "
        "avg(target_subwords / target_units) AS fertility "
        "FROM rows WHERE model = ? AND layer = ? AND source_lang = ? GROUP BY target_lang "
        "ORDER BY target_lang",
        [model, layer, home],
    )


def pairs(study: Study, model: str, layer: int) -> dict[str, np.ndarray]:
    """Language x language tables: each measure's mean and the mean score of the two languages.

    Shape of each: (languages, languages), in the study's order; the diagonal is NaN.
    """
    means = ", ".join(f"avg({name}) AS {name}" for name in MEASURES)
    found = study.query(
        f"SELECT source_lang, target_lang, {means}, "
        "avg((source_score + target_score) / 2) AS score FROM rows "
        "WHERE model = ? AND layer = ? GROUP BY source_lang, target_lang",
        [model, layer],
    )
    order = list(study.plan.languages)
    tables = {}
    for name in (*MEASURES, "score"):
        wide = found.pivot(index="source_lang", columns="target_lang", values=name)
        tables[name] = wide.reindex(index=order, columns=order).to_numpy(float)
    return tables


def items(study: Study, model: str, layer: int, pair: tuple[str, str]) -> pd.DataFrame:
    """One row an item of one ordered pair: measures, the target's score and confidence."""
    return study.query(
        'SELECT item, "group", ems, ems_uniform, ems_shuffled, ems_unrelated, gain, '
        "link_spearman, target_score, target_correct, target_confidence, "
        "source_units + target_units AS units, "
        "(source_subwords + target_subwords) / (source_units + target_units) AS fertility, "
        "linked_difference, unlinked_difference, shuffled_difference "
        "FROM rows WHERE model = ? AND layer = ? AND source_lang = ? AND target_lang = ? "
        "ORDER BY item",
        [model, layer, *pair],
    )


def consistency(study: Study, layer: int, measure: str) -> pd.DataFrame:
    """The long table that ranks training languages: one row a checkpoint, item and pair."""
    return study.query(
        f'SELECT models.training_language, models.seed, pairs."group", pairs.item, '
        f"source_lang || '-' || target_lang AS pair, {measure} AS value "
        "FROM pairs JOIN models USING (model) WHERE layer = ? AND models.training_language IS NOT "
        "NULL",
        [layer],
    )


def cells(study: Study, layer: int) -> pd.DataFrame:
    """One row a model and language read: its score, and `ems` and `gain` over the language's pairs.

    Models without a training language have none.
    """
    return study.query(
        "SELECT model, training_language, source_lang AS lang, avg(ems) AS ems, "
        "avg(gain) AS gain, avg(source_score) AS score FROM rows "
        "WHERE layer = ? AND training_language IS NOT NULL GROUP BY ALL ORDER BY ALL",
        [layer],
    )


def beside_twin(study: Study, layer: int, trained: str, twin: str) -> pd.DataFrame:
    """One row an item and pair that both models have: `ems` and `gain` of each."""
    return study.query(
        'SELECT a."group", a.ems, a.gain, b.ems AS twin_ems, b.gain AS twin_gain '
        "FROM pairs a JOIN pairs b USING (item, layer, source_lang, target_lang) "
        "WHERE layer = ? AND a.model = ? AND b.model = ? ORDER BY item, source_lang, target_lang",
        [layer, trained, twin],
    )


def differences(study: Study, layer: int) -> pd.DataFrame:
    """One row a model, item and pair: mean differences over linked, unlinked, shuffled words.

    Twins with a random head are left out.
    """
    return study.query(
        "SELECT model, \"group\", item, source_lang || '-' || target_lang AS pair, "
        "linked_difference, unlinked_difference, shuffled_difference "
        "FROM pairs WHERE layer = ? AND linked_difference IS NOT NULL AND list_contains(?, model)",
        [layer, models(study)],
    )
