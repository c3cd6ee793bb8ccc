"""The paper's three claims on one study, as a table of numbers with intervals and a sentence."""

from dataclasses import dataclass

import pandas as pd

from ccta_core.languages import language
from ccta_core.measures import label
from ccta_core.study.storage.table import Study

_COLUMNS = ("measure", "what", "value", "low", "high", "n", "reliable")


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What a study says to one claim.

    `table` has one row a number: measure, what it is of, value, its 95% interval, n and whether the
    interval can be relied on. `axis` names the values, `zero` is where they say nothing, `unit` is
    what n counts.
    """

    table: pd.DataFrame
    sentence: str
    axis: str
    zero: float | None
    unit: str

    @property
    def counted(self) -> str:
        """n, of what."""
        low, high = int(self.table["n"].min()), int(self.table["n"].max())
        return f"n = {low if low == high else f'{low} to {high}'} {self.unit}"


def found(study: Study, claim: str, layer: int) -> Found:
    """The answer of a study to claim "1", "2" or "3" at a layer.

    Raises CctaError where the study has no finished part.
    """
    tests = {"1": _performance, "2": _training, "3": _synonyms}
    return tests[claim](study, layer)


def _performance(study: Study, layer: int) -> Found:
    """Claim 1, unit language: does a language's consistency go with its score?"""
    from ccta_core.analysis import claims
    from ccta_core.reports.findings import answers

    every = claims.by_language(study, layer)
    tested = [one for measure in answers.CLAIMED for one in every if one.measure == measure]
    rows = [
        (
            label(one.measure),
            one.model.split("/")[-1],
            one.correlation.r,
            one.correlation.low,
            one.correlation.high,
            one.correlation.n,
            one.correlation.reliable,
        )
        for one in tested
        if one.correlation.r is not None
    ]
    said = f"{answers.performance(tested)} {answers.explained(tested)}".strip()
    return Found(_frame(rows), said, "correlation with the score", 0.0, "languages")


def _training(study: Study, layer: int) -> Found:
    """Claim 2: which training language is the most consistent?"""
    from ccta_core.analysis import claims
    from ccta_core.reports.findings import answers

    rankings = {
        measure: claims.training_languages(study, layer, measure) for measure in answers.CLAIMED
    }
    rows = [
        (
            label(measure),
            language(one.name).name,
            one.mean,
            one.low,
            one.high,
            ranking.n_groups,
            ranking.reliable,
        )
        for measure, ranking in rankings.items()
        if ranking is not None
        for one in ranking.languages
    ]
    said = f"{answers.training(rankings['ems'])} {answers.doubts(rankings['ems'])}".strip()
    return Found(_frame(rows), said, "mean over items and pairs", None, "groups of items")


def _synonyms(study: Study, layer: int) -> Found:
    """Claim 3: do linked words get different shares of the attribution?"""
    from ccta_core.analysis import claims
    from ccta_core.reports.findings import answers

    test = claims.synonyms(study, layer)
    rows = [
        ("against", name, one.auc, one.low, one.high, one.n_groups, one.reliable)
        for name, one in answers.contrasts(test).items()
    ]
    said = answers.synonyms(test)
    return Found(_frame(rows), said, "P(the other differs more)", 0.5, "groups of items")


def _frame(rows: list[tuple]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    return table.astype(dict.fromkeys(("value", "low", "high"), float))
