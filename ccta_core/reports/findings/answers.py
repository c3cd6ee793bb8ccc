"""What a study says to each claim, in sentences that promise no more than the numbers do."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ccta_core.analysis.claims import ItemLevel
from ccta_core.analysis.questions import ScoreCorrelation
from ccta_core.analysis.seeds import SEEDS
from ccta_core.analysis.synonyms import Contrast, SynonymTest
from ccta_core.analysis.training_languages import TrainingRanking
from ccta_core.languages import language
from ccta_core.measures import label
from ccta_core.text import number

CLAIMED = ("ems", "gain", "ems_uniform")
"""The measures that are put to the claims."""
FEW_SEEDS = "Too few seeds: this holds for these checkpoints only."
_ALPHA = 0.05
_FEWEST = 10
_NEAR = 0.1
"""Correlations that differ by less are called alike [ours]."""


def performance(tested: Sequence[ScoreCorrelation]) -> str:
    """Says of claim 1, unit language, how EMS, gain and embeddings alone correlate with the
    score.
    """
    rows = _rows_of_claim(tested)
    if not rows:
        return "This study has too few languages beside a training language to say anything."
    parts = [f"{number(value)} for {label(measure)}" for measure, value in _medians(rows).items()]
    held = sum(map(_is_significant, rows))
    models, few = len({row.model for row in rows}), min(row.correlation.n for row in rows)
    doubt = f" With only {few} languages none is reliable." if few < _FEWEST else ""
    return (
        f"Over {models} models the median correlation with the score is {', '.join(parts)}; "
        f"{held} of {len(rows)} tests have p < .05 after Holm.{doubt}"
    )


def explained(tested: Sequence[ScoreCorrelation]) -> str:
    """Returns whether embeddings alone would show claim 1 too; empty where that can't be asked."""
    rows = _rows_of_claim(tested)
    medians = _medians(rows)
    if not {"ems", "gain", "ems_uniform"} <= set(medians):
        return ""
    held = {
        measure: sum(_is_significant(row) for row in rows if row.measure == measure)
        for measure in medians
    }
    if held["gain"]:
        return (
            f"What attributions add to the embeddings (the gain) correlates with the score in "
            f"{held['gain']} of {len({row.model for row in rows})} models after Holm."
        )
    if medians["ems_uniform"] > medians["ems"] - _NEAR:
        return (
            "Embeddings alone correlate with the score about as closely, and that the attributions "
            "add to it (the gain) is shown for no model."
        )
    return "That the attributions add to what the embeddings say (the gain) is shown for no model."


def performance_in_all(studies: Sequence[Sequence[ScoreCorrelation]]) -> str:
    """Says of claim 1 over studies in how many models each measure is shown to correlate with
    the score.
    """
    rows = [row for tested in studies for row in _rows_of_claim(tested)]
    parts = []
    for measure in CLAIMED:
        held = [_is_significant(row) for row in rows if row.measure == measure]
        parts.append(f"{label(measure)} in {sum(held)} of {len(held)}")
    return (
        f"Shown to correlate with the score (p < .05 after Holm within a study), model by model: "
        f"{', '.join(parts)}."
    )


def items_in_all(rows: Sequence[ItemLevel]) -> str:
    """Says what studies show of claim 1 at the unit item; empty without items to compare."""
    rises = [row.deciles.rise_low for row in rows if row.deciles and row.deciles.rise is not None]
    compared = [row for row in rows if row.confidence and row.confidence.difference is not None]
    shown = [
        row.confidence.difference or 0
        for row in compared
        if row.confidence and _below_alpha(row.p_holm)
    ]
    if not rises or not compared:
        return ""
    above = sum(low is not None and low > 0 for low in rises)
    return (
        f"Item by item, more predictions are right in the highest tenth of EMS than in the lowest "
        f"(95%) in {above} of {len(rises)} models and pairs; EMS says better than the model's own "
        f"confidence which are right in {sum(gap > 0 for gap in shown)} of {len(compared)}, worse "
        f"in {sum(gap < 0 for gap in shown)} (p < .05 after Holm)."
    )


def training(ranking: TrainingRanking | None, measure: str = "ems") -> str:
    """Says of claim 2 whether the first training language by a measure is shown to be above the
    others.
    """
    if ranking is None or not ranking.languages:
        return "This study has fewer than two training languages to compare."
    first = ranking.languages[0]
    name = language(first.name).name
    if not ranking.comparisons:
        return f"Only {name} is left: there is nothing to rank."
    near = max(
        ranking.comparisons,
        key=lambda comparison: 2.0 if comparison.p_holm is None else comparison.p_holm,
    )
    mean = f"{name} has the highest mean {label(measure)}, {number(first.mean, 3)}"
    if _below_alpha(near.p_holm):
        return f"{mean}, above every other of {len(ranking.languages)} (p < .05 after Holm)."
    p = "" if near.p_holm is None else f"p = {near.p_holm:.2g} after Holm, "
    return (
        f"{mean}, but is not shown to be above {language(near.other).name} "
        f"({p}{ranking.n_groups} groups of items)."
    )


def training_in_all(rankings: Sequence[TrainingRanking | None], measure: str, lang: str) -> str:
    """Says of claim 2 over studies how often a training language is first, and how often shown
    to be.
    """
    ranked = [
        ranking
        for ranking in rankings
        if ranking is not None
        and ranking.comparisons
        and lang in {each.name for each in ranking.languages}
    ]
    first = [ranking for ranking in ranked if ranking.languages[0].name == lang]
    shown = sum(all(_below_alpha(each.p_holm) for each in ranking.comparisons) for ranking in first)
    return (
        f"By {label(measure)}, {language(lang).name} is first in {len(first)} of {len(ranked)} "
        f"rankings, and shown to be above every other in {shown}."
    )


def doubts(ranking: TrainingRanking | None) -> str:
    """Returns what a reader of a ranking must know: who is left out, and how few seeds there
    are.
    """
    if ranking is None or not ranking.languages:
        return ""
    ranked = {row.name for row in ranking.languages}
    names = ", ".join(
        language(row.training_language).name
        + (f" (seed {row.seed})" if row.training_language in ranked else "")
        for row in ranking.left_out
    )
    out = [f"Left out, not shown above the majority: {names}."] if names else []
    seeds = min(row.seeds for row in ranking.languages)
    return " ".join([*out, FEW_SEEDS if seeds < SEEDS else f"{seeds} seeds a language."])


def synonyms(test: SynonymTest) -> str:
    """Says of claim 3 whether words that mean the same differ, and whether less than by chance."""
    by_name = contrasts(test)
    if not by_name:
        return "This study has too few linked words to say anything."
    first = next(iter(by_name.values()))
    others = " and ".join(
        f"{name} by {number(contrast.other)}" for name, contrast in by_name.items()
    )
    says = (
        "They do differ, but by less than the chance level"
        if _all_differ_less(by_name)
        else "That they differ less than by chance is not shown"
    )
    return (
        f"{says}: words that mean the same by {number(first.linked)} of an even share, {others} "
        f"(medians, {first.n:,} pairs of sentences)."
    )


def synonyms_in_all(tests: Sequence[SynonymTest]) -> str:
    """Says of claim 3 in how many studies words that mean the same differ less than by chance."""
    answered = [by_name for test in tests if (by_name := contrasts(test))]
    held = sum(map(_all_differ_less, answered))
    return (
        f"They differ less than re-paired words and than shuffled masses (p < .05) in {held} of "
        f"{len(answered)} tests."
    )


def _all_differ_less(by_name: Mapping[str, Contrast]) -> bool:
    return all(
        contrast.auc is not None and contrast.auc > 0.5 and _below_alpha(contrast.p)
        for contrast in by_name.values()
    )


def _below_alpha(p: float | None) -> bool:
    return p is not None and p < _ALPHA


def contrasts(test: SynonymTest) -> dict[str, Contrast]:
    """Returns what linked words are held against, by name, where there is enough of it."""
    every = {"re-paired words": test.unlinked, "shuffled masses": test.shuffled}
    return {name: contrast for name, contrast in every.items() if contrast.auc is not None}


def _rows_of_claim(tested: Sequence[ScoreCorrelation]) -> list[ScoreCorrelation]:
    return [row for row in tested if row.correlation.r is not None and row.measure in CLAIMED]


def _medians(rows: Sequence[ScoreCorrelation]) -> dict[str, float]:
    return dict(_each_median(rows))


def _each_median(rows: Sequence[ScoreCorrelation]) -> Iterator[tuple[str, float]]:
    for measure in CLAIMED:
        coefficients = [
            row.correlation.r
            for row in rows
            if row.measure == measure and row.correlation.r is not None
        ]
        if coefficients:
            yield measure, float(np.median(coefficients))


def _is_significant(row: ScoreCorrelation) -> bool:
    return row.p_holm is not None and row.p_holm < _ALPHA
