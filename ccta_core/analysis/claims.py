"""Tests the three claims on a study: the tables, the tests and their controls."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ccta_core.analysis.correlation import holm
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
from ccta_core.analysis.questions import (
    CorrelationQuestion,
    ScoreCorrelation,
    StudyModel,
    correlations,
)
from ccta_core.analysis.synonyms import SynonymTest, synonym_test
from ccta_core.analysis.training_languages import (
    Checkpoint,
    TrainingRanking,
    rank_training_languages,
)
from ccta_core.analysis.two_way import TwoWay, two_way
from ccta_core.errors import CctaError
from ccta_core.languages import language
from ccta_core.models.catalog import is_twin, split_twin
from ccta_core.study.storage.table import Study


def models(study: Study) -> list[str]:
    """Returns the models that have rows, in the manifest's order, without random twins."""
    return [name for name in measured_models(study) if not is_twin(name)]


def twins(study: Study) -> list[tuple[str, str]]:
    """Returns (trained model, its twin with a random head) of those that both have rows."""
    present = measured_models(study)
    pairs = [(split_twin(name)[0], name) for name in present if is_twin(name)]
    return [pair for pair in pairs if pair[0] in present]


def measured_models(study: Study) -> list[str]:
    """Returns the models that have rows, in the manifest's order."""
    there = set(study.query("SELECT DISTINCT model FROM pairs")["model"])
    return [entry["id"] for entry in study.manifest.models if entry["id"] in there]


def checkpoints(study: Study) -> pd.DataFrame:
    """Returns a row a model: training language, seed, mean score over the study's items and
    languages.

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
    """Returns a row of `checkpoints` that has a training language and a majority."""
    low = row.excess_low if np.isfinite(row.excess_low) else None
    seed = 1 if pd.isna(row.seed) else int(row.seed)
    return Checkpoint(str(row.training_language), seed, row.score, row.majority, low)


def _excess_lows(study: Study) -> dict[str, float]:
    """Returns by model how far its score is at least above that of the commonest label."""
    sums = study.query(
        'SELECT model, "group", count(*) AS n, sum(source_score - (gold = common)::INT) AS excess '
        "FROM rows JOIN (SELECT model, gold AS common FROM pairs WHERE gold IS NOT NULL "
        "GROUP BY model, gold QUALIFY row_number() OVER (PARTITION BY model "
        "ORDER BY count(DISTINCT item) DESC, gold) = 1) USING (model) "
        'WHERE gold IS NOT NULL GROUP BY model, "group" ORDER BY model, "group"'
    )
    return {str(model): _low(group_sums) for model, group_sums in sums.groupby("model")}


def _low(sums: pd.DataFrame) -> float:
    """Returns the lower end of the 95% interval of `excess` over `n`, both sums of groups."""
    ends = mean_interval(sums["excess"].to_numpy(float), sums["n"].to_numpy(float))
    return ends.low if ends else float("nan")


def items(study: Study, model: str, layer: int, pair: tuple[str, str]) -> pd.DataFrame:
    """Returns a row an item of one ordered pair: measures, the target's score and confidence."""
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
    """Returns the long table that ranks training languages: one row a checkpoint, item and pair."""
    return study.query(
        f'SELECT models.training_language, models.seed, pairs."group", pairs.item, '
        f"source_lang || '-' || target_lang AS pair, {measure} AS value "
        "FROM pairs JOIN models USING (model) WHERE layer = ? AND models.training_language IS NOT "
        "NULL",
        [layer],
    )


def cells(study: Study, layer: int) -> pd.DataFrame:
    """Returns a row a model and language read: its score, and `ems` and `gain` over the language's
    pairs.

    Models without a training language have none.
    """
    return study.query(
        "SELECT model, training_language, source_lang AS lang, avg(ems) AS ems, "
        "avg(gain) AS gain, avg(source_score) AS score FROM rows "
        "WHERE layer = ? AND training_language IS NOT NULL GROUP BY ALL ORDER BY ALL",
        [layer],
    )


def beside_twin(study: Study, layer: int, trained: str, twin: str) -> pd.DataFrame:
    """Returns a row an item and pair that both models have: `ems` and `gain` of each."""
    return study.query(
        'SELECT a."group", a.ems, a.gain, b.ems AS twin_ems, b.gain AS twin_gain '
        "FROM pairs a JOIN pairs b USING (item, layer, source_lang, target_lang) "
        "WHERE layer = ? AND a.model = ? AND b.model = ? ORDER BY item, source_lang, target_lang",
        [layer, trained, twin],
    )


def differences(study: Study, layer: int) -> pd.DataFrame:
    """Returns a row a model, item and pair: mean differences over linked, unlinked, shuffled words.

    Twins with a random head are left out.
    """
    return study.query(
        "SELECT model, \"group\", item, source_lang || '-' || target_lang AS pair, "
        "linked_difference, unlinked_difference, shuffled_difference "
        "FROM pairs WHERE layer = ? AND linked_difference IS NOT NULL AND list_contains(?, model)",
        [layer, models(study)],
    )


TWO_WAY_MEASURES = ("ems", "gain", "score")
_FEWEST_ITEMS = 20
ITEM_MEASURES = ("ems", "gain", "ems_uniform", "ems_shuffled", "ems_unrelated", "target_confidence")


def by_language(study: Study, layer: int) -> list[ScoreCorrelation]:
    """Tests claim 1 at the unit language: x(L) = mean measure(training language, L), y =
    score(L).
    """
    return _against_score(study, layer, "language", least=3)


def by_pair(study: Study, layer: int) -> list[ScoreCorrelation]:
    """Tests claim 1 at the unit pair: mean measure against the mean score of the two languages."""
    return _against_score(study, layer, "pair", least=6)


def _against_score(study: Study, layer: int, unit: str, *, least: int) -> list[ScoreCorrelation]:
    """Returns the trained models' correlations of `least` units and more, Holm's correction over
    them.
    """
    training_language = {entry["id"]: entry["training_language"] for entry in study.manifest.models}
    trained = tuple(StudyModel(model, training_language[model]) for model in models(study))
    languages = tuple(study.manifest.languages)
    question = CorrelationQuestion(unit, "ems", "score", "pearson", trained, layer, languages)
    enough = [entry for entry in correlations(study, question) if entry.correlation.n >= least]
    adjusted = holm([entry.correlation.p for entry in enough]).adjusted
    return [replace(entry, p_holm=p) for entry, p in zip(enough, adjusted, strict=True)]


@dataclass(frozen=True, slots=True)
class ItemLevel:
    """Claim 1 at the unit item, for one model and ordered pair.

    The AUROC of each measure, EMS's less that of the model's own confidence with its p after Holm
    over all models and pairs, being right by tenth of EMS, and the partial correlation; None where
    something can't be said.
    """

    model: str
    pair: str
    aurocs: dict[str, Auroc]
    confidence: AurocDifference | None
    p_holm: float | None
    deciles: Deciles | None
    partial: PartialCorrelation | None
    n: int


def by_item(study: Study, layer: int, pairs: list[tuple[str, str]]) -> list[ItemLevel]:
    """Tests what EMS tells of a right prediction in the target language, item by item.

    The partial correlation holds ems_uniform, length and fertility fixed.
    """
    rows = []
    for model in models(study):
        for pair in pairs:
            table = items(study, model, layer, pair)
            if len(table) >= _FEWEST_ITEMS:
                rows.append(_item_level(model, "-".join(pair), table))
    ps = [level.confidence.p if level.confidence else None for level in rows]
    return [replace(level, p_holm=p) for level, p in zip(rows, holm(ps).adjusted, strict=True)]


def _item_level(model: str, pair: str, table: pd.DataFrame) -> ItemLevel:
    aurocs = {}
    for measure in ITEM_MEASURES:
        complete = table.dropna(subset=[measure, "target_correct"])
        if len(complete) >= _FEWEST_ITEMS:
            aurocs[measure] = auroc(complete[measure], _right(complete), list(complete["group"]))
    deciles = confidence = None
    complete = table.dropna(subset=["ems", "target_correct", "target_confidence"])
    if len(complete) >= _FEWEST_ITEMS:
        right, groups = _right(complete), list(complete["group"])
        deciles = accuracy_by_decile(complete["ems"], right, groups)
        confidence = compare_auroc(complete["ems"], complete["target_confidence"], right, groups)
    return ItemLevel(model, pair, aurocs, confidence, None, deciles, _partial(table), len(table))


def _right(table: pd.DataFrame) -> np.ndarray:
    return table["target_correct"].to_numpy(bool)


def _partial(table: pd.DataFrame) -> PartialCorrelation | None:
    complete = table.dropna(subset=["ems", "ems_uniform", "target_score", "units", "fertility"])
    covariates = {
        name: complete[name].to_numpy(float) for name in ("ems_uniform", "units", "fertility")
    }
    try:
        results = partial_correlation(
            complete["ems"], complete["target_score"], covariates, groups=list(complete["group"])
        )
    except CctaError:
        return None
    return results[0] if len(results) == 1 else None


def training_languages(study: Study, layer: int, measure: str) -> TrainingRanking | None:
    """Tests claim 2, which training language is the most consistent; None with fewer than two.

    Checkpoints whose score is not shown above the majority's are left out and named. Raises
    CctaError where two models have the same training language and seed.
    """
    runs = checkpoints(study).dropna(subset=["training_language"]).fillna({"seed": 1})
    for (lang, seed), same in runs.groupby(["training_language", "seed"])["model"]:
        if len(same) > 1:  # two such runs differ in something else than the language
            raise CctaError(
                f"{' and '.join(same)} are trained on {language(lang).name} with one seed, "
                f"{seed:.0f}; a ranking takes one of them: study them apart"
            )
    table = consistency(study, layer, measure).dropna(subset=["value"])
    if table["training_language"].nunique() < 2:
        return None
    table["seed"] = table["seed"].fillna(1).astype(int)
    return rank_training_languages(table, list(_checkpoints(study).values()))


def two_ways(study: Study, layer: int) -> dict[str, TwoWay]:
    """Splits the variance of each measure between the training language and the language read.

    Checkpoints not shown above the majority are left out; measures with too few cells are missing.
    """
    table = cells(study, layer)
    out = {name for name, trained in _checkpoints(study).items() if not trained.usable}
    table = table[~table["model"].isin(out)]
    analyses = {}
    for measure in TWO_WAY_MEASURES:
        complete = table.dropna(subset=[measure])
        rows, columns = list(complete["training_language"]), list(complete["lang"])
        try:
            analyses[measure] = two_way(
                complete[measure], rows, columns, runs=list(complete["model"])
            )
        except CctaError:  # one row or column, or no value left over: nothing to share out
            continue
    return analyses


def _checkpoints(study: Study) -> dict[str, Checkpoint]:
    """Returns the models with a training language and a majority to be held against, by id."""
    scores = checkpoints(study).dropna(subset=["training_language", "majority"])
    return {row.model: checkpoint(row) for row in scores.itertuples()}


def synonyms(study: Study, layer: int) -> SynonymTest:
    """Tests claim 3: differences over linked words against unlinked words and shuffled masses.

    The unit is a pair of sentences: the mean over its links.
    """
    table = differences(study, layer)
    return synonym_test(
        table["linked_difference"].to_numpy(float),
        table["unlinked_difference"].to_numpy(float),
        table["shuffled_difference"].to_numpy(float),
        list(table["group"]),
    )


class TrainedCheckpoints(NamedTuple):
    """The checkpoints that learned anything, as rows, and the names of those left out."""

    table: pd.DataFrame
    left_out: list[str]


def trained(study: Study) -> TrainedCheckpoints:
    """Returns the checkpoints with a training language that learned anything, and the names of the
    others.

    METHOD 5: a checkpoint that is not shown above the majority is left out.
    """
    scored = checkpoints(study).dropna(subset=["training_language"])
    usable = [
        not np.isfinite(row.majority) or checkpoint(row).usable for row in scored.itertuples()
    ]
    kept = np.array(usable, dtype=bool)
    return TrainedCheckpoints(scored[kept], list(scored["model"][~kept]))
