"""The three claims as tables with their controls; ccta_core/statistics has the methods."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ccta_core.errors import CctaError
from ccta_core.findings import frames
from ccta_core.findings.wording import name_of
from ccta_core.statistics.correlation import Correlation, correlate
from ccta_core.statistics.deciles import Deciles, accuracy_by_decile
from ccta_core.statistics.matrices import mantel
from ccta_core.statistics.multiple import holm
from ccta_core.statistics.partial import PartialCorrelation, partial_correlation
from ccta_core.statistics.prediction import Auroc, AurocDifference, auroc, compare_auroc
from ccta_core.statistics.ranking import Checkpoint, TrainingRanking
from ccta_core.statistics.synonyms import SynonymTest, synonym_test
from ccta_core.statistics.training import rank_training_languages
from ccta_core.statistics.two_way import TwoWay, two_way
from ccta_core.study.table import Study

TWO_WAY_MEASURES = ("ems", "gain", "score")
_FEWEST_ITEMS = 20
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
    for model in frames.models(study):
        table = frames.languages(study, model, layer)
        for measure in frames.MEASURES:
            known = table[[measure, "score"]].dropna()
            if len(known) >= 3:
                rows.append((model, measure, correlate(known[measure], known["score"])))
    return _with_holm(rows)


def by_pair(study: Study, layer: int) -> list[Tested]:
    """Claim 1 at the unit pair: mean measure against the mean score of the two languages."""
    rows = []
    for model in frames.models(study):
        tables = frames.pairs(study, model, layer)
        for measure in frames.MEASURES:
            table = tables[measure]
            if len(table) >= 4 and np.isfinite(table[~np.eye(len(table), dtype=bool)]).all():
                both = (table + table.T) / 2
                rows.append((model, measure, mantel(both, tables["score"])))
    return _with_holm(rows)


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
    """What EMS says of a right prediction in the target language, item by item.

    The partial correlation holds ems_uniform, length and fertility fixed.
    """
    rows = []
    for model in frames.models(study):
        for pair in pairs:
            table = frames.items(study, model, layer, pair)
            if len(table) >= _FEWEST_ITEMS:
                rows.append(_item_level(model, "-".join(pair), table))
    ps = [one.confidence.p if one.confidence else None for one in rows]
    return [replace(one, p_holm=p) for one, p in zip(rows, _adjusted(ps), strict=True)]


def _item_level(model: str, pair: str, table: pd.DataFrame) -> ItemLevel:
    aurocs = {}
    for measure in ITEM_MEASURES:
        known = table.dropna(subset=[measure, "target_correct"])
        if len(known) >= _FEWEST_ITEMS:
            aurocs[measure] = auroc(known[measure], _right(known), list(known["group"]))
    deciles = confidence = None
    known = table.dropna(subset=["ems", "target_correct", "target_confidence"])
    if len(known) >= _FEWEST_ITEMS:
        right, groups = _right(known), list(known["group"])
        deciles = accuracy_by_decile(known["ems"], right, groups)
        confidence = compare_auroc(known["ems"], known["target_confidence"], right, groups)
    return ItemLevel(model, pair, aurocs, confidence, None, deciles, _partial(table), len(table))


def _right(known: pd.DataFrame) -> np.ndarray:
    return known["target_correct"].to_numpy(bool)


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
    """Claim 2: which training language is the most consistent; None with fewer than two.

    Checkpoints whose score is not shown above the majority's are left out and named. Raises
    CctaError where two models have the same training language and seed.
    """
    _check_apart(study)
    table = frames.consistency(study, layer, measure).dropna(subset=["value"])
    if table["training_language"].nunique() < 2:
        return None
    table["seed"] = table["seed"].fillna(1).astype(int)
    return rank_training_languages(table, list(_checkpoints(study).values()))


def _check_apart(study: Study) -> None:
    """What differs between two runs of one language and seed is not the language."""
    runs = frames.checkpoints(study).dropna(subset=["training_language"]).fillna({"seed": 1})
    for (lang, seed), same in runs.groupby(["training_language", "seed"])["model"]:
        if len(same) > 1:
            raise CctaError(
                f"{' and '.join(same)} are trained on {name_of(lang)} with one seed, {seed:.0f}; a "
                "ranking takes one of them: study them apart"
            )


def two_ways(study: Study, layer: int) -> dict[str, TwoWay]:
    """How much of each measure goes with the training language, how much with the language read.

    Checkpoints not shown above the majority are left out; measures with too few cells are missing.
    """
    table = frames.cells(study, layer)
    out = {name for name, one in _checkpoints(study).items() if not one.usable}
    table = table[~table["model"].isin(out)]
    found = {}
    for measure in TWO_WAY_MEASURES:
        known = table.dropna(subset=[measure])
        rows, columns = list(known["training_language"]), list(known["lang"])
        try:
            found[measure] = two_way(known[measure], rows, columns, runs=list(known["model"]))
        except CctaError:  # one row or column, or no value left over: nothing to share out
            continue
    return found


def _checkpoints(study: Study) -> dict[str, Checkpoint]:
    """The models with a training language and a majority to be held against, by id."""
    scores = frames.checkpoints(study).dropna(subset=["training_language", "majority"])
    return {row.model: frames.checkpoint(row) for row in scores.itertuples()}


def synonyms(study: Study, layer: int) -> SynonymTest:
    """Claim 3: differences over linked words against unlinked words and shuffled masses.

    The unit is a pair of sentences: the mean over its links.
    """
    table = frames.differences(study, layer)
    return synonym_test(
        table["linked_difference"].to_numpy(float),
        table["unlinked_difference"].to_numpy(float),
        table["shuffled_difference"].to_numpy(float),
        list(table["group"]),
    )


def _with_holm(rows: list[tuple[str, str, Correlation]]) -> list[Tested]:
    """Holm's correction over everything that one table shows."""
    adjusted = _adjusted([found.p for _, _, found in rows])
    return [Tested(*row, p) for row, p in zip(rows, adjusted, strict=True)]


def _adjusted(ps: list[float | None]) -> list[float | None]:
    """Holm's correction of the p-values there are."""
    known = [p for p in ps if p is not None]
    found = iter(holm(known).adjusted) if known else iter(())
    return [None if p is None else next(found) for p in ps]
