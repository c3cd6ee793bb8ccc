"""The paper's three claims on one study, as a table of numbers with intervals and a sentence."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ccta_core.languages import language
from ccta_core.statistics.seeds import SEEDS
from ccta_core.study.table import Study, open_study
from dashboard.tables.asking import Ask

if TYPE_CHECKING:
    from ccta_core.findings.claims import Tested
    from ccta_core.statistics.ranking import TrainingRanking
    from ccta_core.statistics.synonyms import Contrast

MEASURES = {"ems": "EMS", "gain": "gain over shuffled", "ems_uniform": "embeddings only"}
_ALPHA = 0.05
_FEWEST = 10
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


def found(ask: Ask, name: str, claim: str, layer: int) -> Found:
    """The answer of the study `name`, whose table `ask` is, to claim "1", "2" or "3" at a layer.

    Raises CctaError where the study has no finished part.
    """
    del ask  # what is kept is kept for this table; the claims open the study themselves
    tests = {"1": _performance, "2": _training, "3": _synonyms}
    return tests[claim](open_study(name), layer)


def _performance(study: Study, layer: int) -> Found:
    """Claim 1, unit language: does a language's consistency go with its score?"""
    from ccta_core.findings import claims

    every = claims.by_language(study, layer)
    tested = [one for measure in MEASURES for one in every if one.measure == measure]
    rows = [
        (
            MEASURES[one.measure],
            one.model.split("/")[-1],
            one.found.r,
            one.found.low,
            one.found.high,
            one.found.n,
            one.found.reliable,
        )
        for one in tested
        if one.found.r is not None
    ]
    return Found(_frame(rows), _said(tested), "correlation with the score", 0.0, "languages")


def _said(tested: "list[Tested]") -> str:
    known = [one for one in tested if one.found.r is not None]
    if not known:
        return "This study has too few languages beside a training language to say anything."
    parts = []
    for measure, name in MEASURES.items():
        own = [one.found.r for one in known if one.measure == measure and one.found.r is not None]
        if own:
            parts.append(f"{np.median(own):.2f} for {name}".replace("-", "\N{MINUS SIGN}"))
    held = sum(one.p_holm is not None and one.p_holm < _ALPHA for one in known)
    models, few = len({one.model for one in known}), min(one.found.n for one in known)
    doubt = f" With only {few} languages none is reliable." if few < _FEWEST else ""
    return (
        f"Over {models} models the median correlation with the score is {', '.join(parts)}; "
        f"{held} of {len(known)} tests have p < .05 after Holm.{doubt}"
    )


def _training(study: Study, layer: int) -> Found:
    """Claim 2: which training language is the most consistent?"""
    from ccta_core.findings import claims

    rows, sentences = [], []
    for measure in MEASURES:
        ranking = claims.training_languages(study, layer, measure)
        if ranking is None or not ranking.languages:
            continue
        rows += [
            (
                MEASURES[measure],
                language(one.name).name,
                one.mean,
                one.low,
                one.high,
                ranking.n_groups,
                ranking.reliable,
            )
            for one in ranking.languages
        ]
        if measure == "ems":
            sentences.append(_first(ranking))
    said = " ".join(sentences) or "This study has fewer than two training languages to compare."
    return Found(_frame(rows), said, "mean over items and pairs", None, "groups of items")


def _first(ranking: "TrainingRanking") -> str:
    """Whether the training language with the highest mean EMS is shown to be above the others."""
    first = ranking.languages[0]
    name, seeds = language(first.name).name, min(one.seeds for one in ranking.languages)
    doubt = " Too few seeds: this holds for these checkpoints only." if seeds < SEEDS else ""
    if not ranking.comparisons:
        return f"Only {name} is left: there is nothing to rank.{doubt}"
    near = max(ranking.comparisons, key=lambda one: 2.0 if one.p_holm is None else one.p_holm)
    mean = f"{name} has the highest mean EMS, {first.mean:.3f}"
    if near.p_holm is not None and near.p_holm < _ALPHA:
        return f"{mean}, above every other of {len(ranking.languages)} (p < .05 after Holm).{doubt}"
    p = "" if near.p_holm is None else f"p = {near.p_holm:.2g} after Holm, "
    return (
        f"{mean}, but is not shown to be above {language(near.other).name} "
        f"({p}{ranking.n_groups} groups of items).{doubt}"
    )


def _synonyms(study: Study, layer: int) -> Found:
    """Claim 3: do linked words get different shares of the attribution?"""
    from ccta_core.findings import claims

    test = claims.synonyms(study, layer)
    pairs = (("re-paired words", test.unlinked), ("shuffled masses", test.shuffled))
    known = [(name, one) for name, one in pairs if one.auc is not None]
    rows = [
        ("against", name, one.auc, one.low, one.high, one.n_groups, one.reliable)
        for name, one in known
    ]
    return Found(
        _frame(rows),
        _differ(known),
        "P(the other differs more)",
        0.5,
        "groups of items",
    )


def _differ(known: "list[tuple[str, Contrast]]") -> str:
    if not known:
        return "This study has too few linked words to say anything."
    first = known[0][1]
    others = " and ".join(f"{name} by {one.other:.2f}" for name, one in known)
    less = all(one.auc is not None and one.auc > 0.5 for _, one in known)
    sure = all(one.p is not None and one.p < _ALPHA for _, one in known)
    says = (
        "They do differ, but less than chance would have it"
        if less and sure
        else ("That they differ less than by chance is not shown")
    )
    return (
        f"{says}: words that mean the same by {first.linked:.2f} of an even share, {others} "
        f"(medians, {first.n:,} pairs of sentences)."
    )


def _frame(rows: list[tuple]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    return table.astype(dict.fromkeys(("value", "low", "high"), float))
