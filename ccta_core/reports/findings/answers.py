"""What a study says to each claim, in sentences that promise no more than the numbers do."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ccta_core.analysis.claims import ItemLevel
from ccta_core.analysis.questions import ScoreCorrelation
from ccta_core.analysis.seeds import SEEDS
from ccta_core.analysis.synonyms import Contrast, SynonymTest
from ccta_core.analysis.training_languages import TrainingRanking
from ccta_core.analysis.wording import name_of
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
    """Claim 1, unit language: how EMS, gain and embeddings alone go with the score."""
    known = _known(tested)
    if not known:
        return "This study has too few languages beside a training language to say anything."
    parts = [f"{number(value)} for {label(measure)}" for measure, value in _medians(known).items()]
    held = sum(map(_holds, known))
    models, few = len({one.model for one in known}), min(one.correlation.n for one in known)
    doubt = f" With only {few} languages none is reliable." if few < _FEWEST else ""
    return (
        f"Over {models} models the median correlation with the score is {', '.join(parts)}; "
        f"{held} of {len(known)} tests have p < .05 after Holm.{doubt}"
    )


def explained(tested: Sequence[ScoreCorrelation]) -> str:
    """Whether embeddings alone would show claim 1 too; empty where that can't be asked."""
    known = _known(tested)
    medians = _medians(known)
    if not {"ems", "gain", "ems_uniform"} <= set(medians):
        return ""
    held = {
        measure: sum(_holds(one) for one in known if one.measure == measure) for measure in medians
    }
    if held["gain"]:
        return (
            f"What attributions add to the embeddings (the gain) correlates with the score in "
            f"{held['gain']} of {len({one.model for one in known})} models after Holm."
        )
    if medians["ems_uniform"] > medians["ems"] - _NEAR:
        return (
            "Embeddings alone correlate with the score about as closely, and that the attributions "
            "add to it (the gain) is shown for no model."
        )
    return "That the attributions add to what the embeddings say (the gain) is shown for no model."


def performance_in_all(studies: Sequence[Sequence[ScoreCorrelation]]) -> str:
    """Claim 1 over studies: how many models show that a measure correlates with the score."""
    known = [one for tested in studies for one in _known(tested)]
    parts = []
    for measure in CLAIMED:
        held = [_holds(one) for one in known if one.measure == measure]
        parts.append(f"{label(measure)} in {sum(held)} of {len(held)}")
    return (
        f"Shown to correlate with the score (p < .05 after Holm within a study), model by model: "
        f"{', '.join(parts)}."
    )


def items_in_all(rows: Sequence[ItemLevel]) -> str:
    """Claim 1 at the unit item over studies; empty without items to compare."""
    rises = [one.deciles.rise_low for one in rows if one.deciles and one.deciles.rise is not None]
    held = [one for one in rows if one.confidence and one.confidence.difference is not None]
    sure = [one.confidence.difference or 0 for one in held if one.confidence and _below(one.p_holm)]
    if not rises or not held:
        return ""
    above = sum(low is not None and low > 0 for low in rises)
    return (
        f"Item by item, more predictions are right in the highest tenth of EMS than in the lowest "
        f"(95%) in {above} of {len(rises)} models and pairs; EMS says better than the model's own "
        f"confidence which are right in {sum(one > 0 for one in sure)} of {len(held)}, worse in "
        f"{sum(one < 0 for one in sure)} (p < .05 after Holm)."
    )


def training(ranking: TrainingRanking | None, measure: str = "ems") -> str:
    """Claim 2: whether the first training language by a measure is shown to be above the others."""
    if ranking is None or not ranking.languages:
        return "This study has fewer than two training languages to compare."
    first = ranking.languages[0]
    name = name_of(first.name)
    if not ranking.comparisons:
        return f"Only {name} is left: there is nothing to rank."
    near = max(ranking.comparisons, key=lambda one: 2.0 if one.p_holm is None else one.p_holm)
    mean = f"{name} has the highest mean {label(measure)}, {number(first.mean, 3)}"
    if _below(near.p_holm):
        return f"{mean}, above every other of {len(ranking.languages)} (p < .05 after Holm)."
    p = "" if near.p_holm is None else f"p = {near.p_holm:.2g} after Holm, "
    return (
        f"{mean}, but is not shown to be above {name_of(near.other)} "
        f"({p}{ranking.n_groups} groups of items)."
    )


def training_in_all(rankings: Sequence[TrainingRanking | None], measure: str, lang: str) -> str:
    """Claim 2 over studies: how often a training language is first, and how often shown to be."""
    ranked = [
        one
        for one in rankings
        if one is not None and one.comparisons and lang in {each.name for each in one.languages}
    ]
    first = [one for one in ranked if one.languages[0].name == lang]
    shown = sum(all(_below(each.p_holm) for each in one.comparisons) for one in first)
    return (
        f"By {label(measure)}, {name_of(lang)} is first in {len(first)} of {len(ranked)} "
        f"rankings, and shown to be above every other in {shown}."
    )


def doubts(ranking: TrainingRanking | None) -> str:
    """What a reader of a ranking must know: who is left out, and how few seeds there are."""
    if ranking is None or not ranking.languages:
        return ""
    ranked = {one.name for one in ranking.languages}
    names = ", ".join(
        name_of(one.training_language)
        + (f" (seed {one.seed})" if one.training_language in ranked else "")
        for one in ranking.left_out
    )
    out = [f"Left out, not shown above the majority: {names}."] if names else []
    seeds = min(one.seeds for one in ranking.languages)
    return " ".join([*out, FEW_SEEDS if seeds < SEEDS else f"{seeds} seeds a language."])


def synonyms(test: SynonymTest) -> str:
    """Claim 3: whether words that mean the same differ, and whether less than by chance."""
    known = contrasts(test)
    if not known:
        return "This study has too few linked words to say anything."
    first = next(iter(known.values()))
    others = " and ".join(f"{name} by {number(one.other)}" for name, one in known.items())
    says = (
        "They do differ, but by less than the chance level"
        if _less(known)
        else "That they differ less than by chance is not shown"
    )
    return (
        f"{says}: words that mean the same by {number(first.linked)} of an even share, {others} "
        f"(medians, {first.n:,} pairs of sentences)."
    )


def synonyms_in_all(tests: Sequence[SynonymTest]) -> str:
    """Claim 3 over studies: in how many words that mean the same differ less than by chance."""
    known = [found for one in tests if (found := contrasts(one))]
    held = sum(map(_less, known))
    return (
        f"They differ less than re-paired words and than shuffled masses (p < .05) in {held} of "
        f"{len(known)} tests."
    )


def _less(known: Mapping[str, Contrast]) -> bool:
    return all(one.auc is not None and one.auc > 0.5 and _below(one.p) for one in known.values())


def _below(p: float | None) -> bool:
    return p is not None and p < _ALPHA


def contrasts(test: SynonymTest) -> dict[str, Contrast]:
    """What linked words are held against, by name, where there is enough of it."""
    every = {"re-paired words": test.unlinked, "shuffled masses": test.shuffled}
    return {name: one for name, one in every.items() if one.auc is not None}


def _known(tested: Sequence[ScoreCorrelation]) -> list[ScoreCorrelation]:
    return [one for one in tested if one.correlation.r is not None and one.measure in CLAIMED]


def _medians(known: Sequence[ScoreCorrelation]) -> dict[str, float]:
    return dict(_each_median(known))


def _each_median(known: Sequence[ScoreCorrelation]) -> Iterator[tuple[str, float]]:
    for measure in CLAIMED:
        own = [
            one.correlation.r
            for one in known
            if one.measure == measure and one.correlation.r is not None
        ]
        if own:
            yield measure, float(np.median(own))


def _holds(one: ScoreCorrelation) -> bool:
    return one.p_holm is not None and one.p_holm < _ALPHA
