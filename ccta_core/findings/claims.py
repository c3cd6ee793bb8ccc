"""The three claims as tables with their controls; ccta_core/statistics has the methods."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ccta_core.errors import CctaError
from ccta_core.findings import frames
from ccta_core.statistics.correlation import Correlation, correlate
from ccta_core.statistics.matrices import mantel
from ccta_core.statistics.multiple import holm
from ccta_core.statistics.partial import PartialCorrelation, partial_correlation
from ccta_core.statistics.prediction import Auroc, auroc
from ccta_core.statistics.ranking import Checkpoint, TrainingRanking
from ccta_core.statistics.synonyms import SynonymTest, synonym_test
from ccta_core.statistics.training import rank_training_languages
from ccta_core.study.table import Study

ITEM_MEASURES = ("ems", "gain", "ems_uniform", "ems_shuffled", "ems_unrelated", "target_confidence")


@dataclass(frozen=True, slots=True)
class Tested:
    """One correlation of one model: which measure against the score, and its p after Holm."""

    model: str
    measure: str
    found: Correlation
    p_holm: float | None


def by_language(study: Study, layer: int) -> list[Tested]:
    """Claim 1 at the unit language: x(L) = mean measure(training language, L), y = score(L)."""
    rows = []
    for model in _models(study):
        table = frames.languages(study, model, layer)
        for measure in frames.MEASURES:
            known = table[[measure, "score"]].dropna()
            if len(known) >= 3:
                rows.append((model, measure, correlate(known[measure], known["score"])))
    return _with_holm(rows)


def by_pair(study: Study, layer: int) -> list[Tested]:
    """Claim 1 at the unit pair: mean measure against the mean score of the two languages."""
    rows = []
    for model in _models(study):
        tables = frames.pairs(study, model, layer)
        for measure in frames.MEASURES:
            table = tables[measure]
            if len(table) >= 4 and np.isfinite(table[~np.eye(len(table), dtype=bool)]).all():
                both = (table + table.T) / 2
                rows.append((model, measure, mantel(both, tables["score"])))
    return _with_holm(rows)


@dataclass(frozen=True, slots=True)
class ItemLevel:
    """Claim 1 at the unit item, for one model and pair: AUROC of each measure, and the partial."""

    model: str
    pair: str
    aurocs: dict[str, Auroc]
    partial: PartialCorrelation | None
    n: int


def by_item(study: Study, layer: int, pairs: list[tuple[str, str]]) -> Iterator[ItemLevel]:
    """AUROC of each measure as a predictor of a right prediction in the target language.

    The partial correlation holds ems_uniform, length and fertility fixed.
    """
    for model in _models(study):
        for pair in pairs:
            table = frames.items(study, model, layer, pair)
            if len(table) < 20:
                continue
            aurocs = {}
            for measure in ITEM_MEASURES:
                known = table.dropna(subset=[measure, "target_correct"])
                if len(known) >= 20:
                    right = known["target_correct"].to_numpy(bool)
                    aurocs[measure] = auroc(known[measure], right, list(known["group"]))
            yield ItemLevel(model, "-".join(pair), aurocs, _partial(table), len(table))


def _partial(table: pd.DataFrame) -> PartialCorrelation | None:
    known = table.dropna(subset=["ems", "ems_uniform", "target_score", "units", "fertility"])
    covariates = {
        name: known[name].to_numpy(float) for name in ("ems_uniform", "units", "fertility")
    }
    try:
        found = partial_correlation(
            known["ems"], known["target_score"], covariates, groups=list(known["group"])
        )
    except CctaError:
        return None
    return found[0] if len(found) == 1 else None


def training_languages(study: Study, layer: int, measure: str) -> TrainingRanking | None:
    """Claim 2: which training language is the most consistent; None with fewer than two."""
    table = frames.consistency(study, layer, measure).dropna(subset=["value"])
    if table["training_language"].nunique() < 2:
        return None
    table["seed"] = table["seed"].fillna(1).astype(int)
    scores = frames.checkpoints(study).dropna(subset=["training_language"])
    known = [
        Checkpoint(row.training_language, int(row.seed or 1), row.score, row.majority)
        for row in scores.itertuples()
        if np.isfinite(row.majority)
    ]
    return rank_training_languages(table, known)


def synonyms(study: Study, layer: int) -> SynonymTest:
    """Claim 3: differences over linked words against re-paired words and shuffled masses.

    The unit is a pair of sentences: the mean over its links.
    """
    table = frames.differences(study, layer)
    return synonym_test(
        table["linked_difference"].to_numpy(float),
        table["unlinked_difference"].to_numpy(float),
        table["shuffled_difference"].to_numpy(float),
        list(table["group"]),
    )


def _models(study: Study) -> list[str]:
    """The models that have rows, in the plan's order."""
    there = {name for (name,) in study.sql("SELECT DISTINCT model FROM pairs").fetchall()}
    return [one["id"] for one in study.plan.models if one["id"] in there]


def _with_holm(rows: list[tuple[str, str, Correlation]]) -> list[Tested]:
    """Holm's correction over everything that one table shows."""
    known = [found.p for _, _, found in rows if found.p is not None]
    adjusted = iter(holm(known).adjusted) if known else iter(())
    return [
        Tested(model, measure, found, None if found.p is None else next(adjusted))
        for model, measure, found in rows
    ]
