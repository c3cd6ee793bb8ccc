"""What a study says to each claim, in sentences that promise no more than the numbers do.

The findings, the pages Correlation, Languages and Learn and the README take their verdicts here.
"""

from collections.abc import Mapping, Sequence

from ccta_core.analysis.joint import JointCorrelation
from ccta_core.analysis.performance import ALPHA, Performance, SingleTests
from ccta_core.analysis.pooled_items import PooledEstimate, PooledItems
from ccta_core.analysis.seeds import SEEDS
from ccta_core.analysis.synonyms import Contrast, SynonymTest
from ccta_core.analysis.training_languages import TrainingRanking
from ccta_core.languages import language
from ccta_core.measures import label
from ccta_core.text import count, interval, listing, number, p_phrase, percent, signed

CLAIMED = ("ems", "gain", "ems_uniform")
"""The measures that are put to the claims."""
RANKED = ("ems", "gain", "z", "link_spearman")
"""What training languages are ranked by: EMS, and three scales of agreement beyond embeddings."""
BEYOND = RANKED[1:]
"""Gain grows with the concentration of mass, z and the rank correlation of links do not: a first
place by one of them that another gives to somebody else is no finding."""
FEW_SEEDS = "Too few seeds: this holds for these checkpoints only."


def performance(result: Performance | None) -> str:
    """Says of claim 1 over languages what the joint test shows, and what attributions add."""
    if result is None:
        return "This study has too few languages beside a training language to say anything."
    ems = result.joint["ems"]
    shown = "correlates with" if ems.significant else "is not shown to correlate with"
    parts = ", ".join(
        f"{label(name)} {_estimate(result.joint[name])}"
        for name in ("ems_uniform", "gain", "gain_calibrated")
        if name in result.joint
    )
    scored = f" over {result.scores.items:,} items" if result.scores.from_cards else ""
    return (
        f"Over {count(ems.n_languages, 'language')} and {count(len(ems.by_model), 'model')} EMS "
        f"{shown} the score{scored} (mean r {_estimate(ems)}; {parts}; one joint test each). "
        f"{_resolution(ems)}{added(result)}"
    ).strip()


def _resolution(ems: JointCorrelation) -> str:
    """Says of a correlation that is not shown how large one would have been."""
    if ems.significant:
        return ""
    if ems.detectable is None:
        return "With so few languages hardly any correlation would be shown. "
    return (
        f"A mean r of {number(ems.detectable)} would be shown in four of five cases, a smaller one "
        "more seldom. "
    )


def added(result: Performance) -> str:
    """Says whether attributions add to embeddings over languages; empty where it can't be asked."""
    if not result.added:
        return ""
    parts = listing([f"{label(name)} {_estimate(entry)}" for name, entry in result.added.items()])
    shown = [label(name) for name, entry in result.added.items() if entry.significant]
    what = f"{listing(shown)} still does" if shown else "nothing more is shown"
    return f"With embeddings only held fixed {what}: {parts}."


def _estimate(entry: JointCorrelation) -> str:
    return f"{number(entry.r)}, {p_phrase(entry.p)}"


def single_tests(single: SingleTests | None) -> str:
    """Says what tests of one model each could have shown, and how many did."""
    if single is None:
        return "No model can be tested."
    if not single.can_pass:
        return (
            f"Of single models {single.tests} tests over {single.languages} languages can't pass "
            f"Holm's correction at any effect (smallest p {number(single.least_p, 3)}): they are "
            "described, not counted."
        )
    power = " and ".join(f"{percent(value)} at r = {r}" for r, value in single.power.items())
    if not single.counted:
        return (
            f"Of single models {single.tests} tests over {single.languages} languages have a power "
            f"of {power} each: they are described, not counted."
        )
    shown = ", ".join(f"{label(name)} in {hits}" for name, hits in single.shown.items())
    return (
        f"Model by model (p < .05 after Holm over {single.tests} tests): "
        f"{shown}. One such test has a power of {power}, so what it does not show is not absent."
    )


def items(result: PooledItems) -> str:
    """Says of claim 1 at the unit item what EMS tells of a right prediction."""
    if not result.aurocs or result.less_confidence is None:
        return "This study has too few items, or predictions of one kind only, to say anything."
    ems, less = result.aurocs["ems"], result.less_confidence
    low = ems.low
    tells = low is not None and low > 0.5
    verb = "tells" if tells else "is not shown to tell"
    than = "not shown to differ from"
    if less.clear:
        than = "worse than" if less.value < 0 else "better than"
    text = (
        f"Within a model and pair EMS {verb} right predictions from wrong ones (AUROC "
        f"{_span(ems, 3)}; embeddings only {number(result.aurocs['ems_uniform'].value, 3)}), "
        f"{than} the model's own confidence (difference {_span(less, 3, sign=True)})."
    )
    text += _by_source(result.home_right, result.home_wrong)
    if result.partial is None:
        return text
    more = "adds" if result.partial.clear and result.partial.value > 0 else "is not shown to add"
    return (
        f"{text} Here it {more} to embeddings, length and fertility (partial r "
        f"{_span(result.partial, 2)})."
    )


def _by_source(right: PooledEstimate | None, wrong: PooledEstimate | None) -> str:
    """Says of EMS whether it tells right from wrong where the source text is predicted wrong: else
    it tells which translations are predicted as the source is.
    """
    if right is None or wrong is None:
        return ""
    text = (
        f" Where the source is predicted right its AUROC is {_span(right, 3)}, where wrong "
        f"{_span(wrong, 3)}"
    )
    if wrong.low is not None and wrong.low > 0.5:
        return f"{text}."
    return (
        f"{text}: it tells which translations are predicted as the source is, not which are right."
    )


def _span(estimate: PooledEstimate, digits: int, *, sign: bool = False) -> str:
    value = signed(estimate.value, digits) if sign else number(estimate.value, digits)
    if estimate.low is None:
        return value
    return f"{value}, 95% {interval(estimate.low, estimate.high, digits)}"


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
    if is_first(ranking, first.name):
        return f"{mean}, above every other of {len(ranking.languages)} (p < .05 after Holm)."
    p = "" if near.p_holm is None else f"p = {near.p_holm:.2g} after Holm, "
    return (
        f"{mean}, but is not shown to be above {language(near.other).name} "
        f"({p}{ranking.n_groups} groups of items)."
    )


def is_first(ranking: TrainingRanking | None, lang: str) -> bool:
    """Returns whether a training language is shown to be above every other."""
    return (
        ranking is not None
        and bool(ranking.comparisons)
        and ranking.languages[0].name == lang
        and all(_below_alpha(gap.p_holm) for gap in ranking.comparisons)
    )


def beyond_embeddings(rankings: Mapping[str, TrainingRanking | None]) -> str:
    """Says whether a first place by gain stands when z and the rank correlation of links are
    asked; empty where there is no ranking.
    """
    firsts = firsts_beyond(rankings)
    if not firsts:
        return ""
    by_measure = ", ".join(
        f"{language(lang).name} by {label(name)}" for name, lang in firsts.items()
    )
    if len(set(firsts.values())) > 1:
        return f"Beyond embeddings no first place stands: {by_measure}."
    lang = firsts["gain"]
    shown = [label(name) for name in BEYOND if is_first(rankings[name], lang)]
    name = language(lang).name
    if not shown:
        return f"Beyond embeddings {name} is first by all three scales, shown above all by none."
    return (
        f"Beyond embeddings {name} is first by gain, z and the rank correlation of links; above "
        f"every other it is shown to be by {listing(shown)}."
    )


def firsts_beyond(rankings: Mapping[str, TrainingRanking | None]) -> dict[str, str]:
    """Returns the first training language by each of `BEYOND`; empty where one ranks none."""
    firsts = {
        name: ranking.languages[0].name
        for name in BEYOND
        if (ranking := rankings.get(name)) is not None and ranking.comparisons
    }
    return firsts if len(firsts) == len(BEYOND) else {}


def spanish(
    rankings: Mapping[str, Mapping[str, TrainingRanking | None]],
    others: Mapping[str, Mapping[str, TrainingRanking | None]],
) -> str:
    """Says of claim 2 over data sets, by name, where Spanish is shown to be above every other.

    `others` are smaller studies of the same data: they share items or models, and are not counted.
    """
    ranked = {name: of_study for name, of_study in rankings.items() if _ranks(of_study, "es")}
    if not ranked:
        return "No study ranks Spanish."
    shown = [name for name, of_study in ranked.items() if is_first(of_study["ems"], "es")]
    gained = [name for name, of_study in ranked.items() if is_first(of_study.get("gain"), "es")]
    beside = {}
    for measure in ("ems", "gain"):
        smaller = [
            f"`{name}`"
            for name, of_study in others.items()
            if (ranking := of_study.get(measure)) is not None
            and len(ranking.languages) >= _RANKED
            and is_first(ranking, "es")
        ]
        beside[measure] = f" (but in smaller {listing(smaller)})" if smaller else ""
    return (
        f"Spanish is above all in {len(shown)} of {count(len(ranked), 'data set')} by "
        f"EMS{beside['ems']}, in {len(gained)} by gain{beside['gain']}."
    )


_RANKED = 4
"""Training languages below which a first place is no ranking: one of three is first anyway."""


def _ranks(rankings: Mapping[str, TrainingRanking | None], lang: str) -> bool:
    ranking = rankings.get("ems")
    return (
        ranking is not None
        and bool(ranking.comparisons)
        and lang in {each.name for each in ranking.languages}
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
        if all_differ_less(by_name)
        else "That they differ less than by chance is not shown"
    )
    return (
        f"{says}: words that mean the same by {number(first.linked)} of an even share, {others} "
        f"(medians, {first.n:,} pairs of sentences)."
    )


def synonyms_in_all(tests: Sequence[SynonymTest], floor: float | None = None) -> str:
    """Says of claim 3 over data sets that they do differ, by how much, and less than by chance.

    `floor` is what the words of one sentence differ by between two models that differ in their
    seed alone.
    """
    answered = [by_name for test in tests if (by_name := contrasts(test))]
    if not answered:
        return "No study has enough linked words."
    held = sum(map(all_differ_less, answered))
    linked = [next(iter(by_name.values())).linked for by_name in answered]
    shuffled = [each["shuffled masses"].other for each in answered if "shuffled masses" in each]
    same = "" if floor is None else f" (one sentence, two seeds: {number(floor)})"
    return (
        f"Linked words do differ, by {_range(linked)} of an even share{same}, less than "
        f"shuffled ({_range(shuffled)}) and re-paired words in {_of(held, len(answered))}."
    )


def _of(held: int, number: int) -> str:
    whole = count(number, "data set")
    return f"all {whole}" if held == number > 1 else f"{held} of {whole}"


def _range(values: Sequence[float | None]) -> str:
    finite = sorted(value for value in values if value is not None)
    if not finite:
        return "an unknown part"
    ends = (number(finite[0]), number(finite[-1]))
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def all_differ_less(by_name: Mapping[str, Contrast]) -> bool:
    """Returns whether linked words are shown to differ less than everything they are held
    against.
    """
    return all(
        contrast.auc is not None and contrast.auc > 0.5 and _below_alpha(contrast.p)
        for contrast in by_name.values()
    )


def _below_alpha(p: float | None) -> bool:
    return p is not None and p < ALPHA


def contrasts(test: SynonymTest) -> dict[str, Contrast]:
    """Returns what linked words are held against, by name, where there is enough of it."""
    every = {"re-paired words": test.unlinked, "shuffled masses": test.shuffled}
    return {name: contrast for name, contrast in every.items() if contrast.auc is not None}
