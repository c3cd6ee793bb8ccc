"""The paper's three claims on one study, as a table of numbers with intervals and a sentence."""

from dataclasses import dataclass

import pandas as pd

from ccta_core.languages import language
from ccta_core.measures import label
from ccta_core.study.storage.table import Study

_COLUMNS = ("measure", "what", "value", "low", "high", "n", "reliable")


@dataclass(frozen=True, slots=True, eq=False)
class ClaimAnswer:
    """What a study says to one claim.

    `table` has one row a number: measure, what it is of, value, its 95% interval, n and whether the
    interval can be relied on. `axis` names the values, `zero` is the value without an effect,
    `unit` is what n counts.
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


def answer_claim(study: Study, claim: str, layer: int) -> ClaimAnswer:
    """The answer of a study to claim "1", "2" or "3" at a layer.

    Raises CctaError where the study has no finished part.
    """
    tests = {"1": _answer_performance, "2": _answer_training, "3": _answer_synonyms}
    return tests[claim](study, layer)


def _answer_performance(study: Study, layer: int) -> ClaimAnswer:
    """Claim 1, unit language: does a language's consistency correlate with its score?"""
    from ccta_core.analysis.performance import performance
    from ccta_core.reports.findings import answers

    result = performance(study, layer)
    rows = [] if result is None else [
        (label(name), what, joint.r, joint.low, joint.high, joint.n_languages, joint.reliable)
        for what, entries in (("", result.joint), ("embeddings only held fixed", result.added))
        for name, joint in entries.items()
        if name in answers.CLAIMED
    ]  # fmt: skip
    sentence = answers.performance(result)
    return ClaimAnswer(_frame(rows), sentence, "mean correlation over models", 0.0, "languages")


def _answer_training(study: Study, layer: int) -> ClaimAnswer:
    """Claim 2: which training language is the most consistent?"""
    from ccta_core.analysis import claims
    from ccta_core.reports.findings import answers

    rankings = {
        measure: claims.training_languages(study, layer, measure) for measure in answers.RANKED
    }
    rows = [
        (
            label(measure),
            language(entry.name).name,
            entry.mean,
            entry.low,
            entry.high,
            ranking.n_groups,
            ranking.reliable,
        )
        for measure, ranking in rankings.items()
        if ranking is not None and measure in answers.CLAIMED
        for entry in ranking.languages
    ]
    parts = (
        answers.training(rankings["ems"]),
        answers.beyond_embeddings(rankings),
        answers.doubts(rankings["ems"]),
    )
    sentence = " ".join(part for part in parts if part)
    return ClaimAnswer(_frame(rows), sentence, "mean over items and pairs", None, "groups of items")


def _answer_synonyms(study: Study, layer: int) -> ClaimAnswer:
    """Claim 3: do linked words get different shares of the attribution?"""
    from ccta_core.analysis import claims
    from ccta_core.reports.findings import answers

    test = claims.synonyms(study, layer)
    rows = [
        (
            "against",
            name,
            contrast.auc,
            contrast.low,
            contrast.high,
            contrast.n_groups,
            contrast.reliable,
        )
        for name, contrast in answers.contrasts(test).items()
    ]
    sentence = answers.synonyms(test)
    return ClaimAnswer(_frame(rows), sentence, "P(the other differs more)", 0.5, "groups of items")


def _frame(rows: list[tuple]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    return table.astype(dict.fromkeys(("value", "low", "high"), float))
