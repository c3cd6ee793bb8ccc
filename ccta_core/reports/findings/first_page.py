"""The first page of the findings: five lines that the README repeats, and the warnings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ccta_core.analysis.performance import Performance
from ccta_core.analysis.pooled_items import PooledEstimate
from ccta_core.analysis.training_languages import TrainingRanking
from ccta_core.languages import language
from ccta_core.measures import label
from ccta_core.reports.findings import answers
from ccta_core.reports.findings.evidence import StudyEvidence, main_studies
from ccta_core.reports.findings.random_head import Sanity
from ccta_core.text import count, interval, listing, number, p_phrase, percent

MOST_WORDS = 250
"""A page that is read in two minutes."""


Heads = Mapping[str, Sequence[float]]
"""By model: the share of the gain that each of its random heads keeps, where several were drawn."""


@dataclass(frozen=True, slots=True)
class Apart:
    """Controls that no study holds: random heads beside a study's one, and what the words of one
    sentence differ by between two models that differ in their seed alone (claim 3's floor).
    """

    heads: Heads = field(default_factory=dict)
    another_seed: float | None = None


def five_lines(evidence: Sequence[StudyEvidence], apart: Apart | None = None) -> list[str]:
    """Returns the five lines: random head, claim 1 over languages and over items, claims 2 and 3.

    Data sets are counted once, by their largest study; claim 2 asks every study.
    """
    apart = apart or Apart()
    mains = main_studies(evidence)
    checks = [check for entry in evidence for check in entry.random_heads]
    tests = [entry.synonyms for entry in mains]
    return [
        f"- **Before all: gain (EMS less shuffled masses).** "
        f"{random_head(checks, apart.heads)}{chance(evidence)}",
        f"- **Claim 1 over languages.** {over_languages(mains)}",
        f"- **Claim 1 over items.** {over_items(mains)}",
        f"- **Claim 2, Spanish.** {spanish(evidence, mains)}",
        f"- **Claim 3, synonyms.** {answers.synonyms_in_all(tests, apart.another_seed)}",
    ]


def random_head(checks: Sequence[Sanity], heads: Heads) -> str:
    """Says how much of the gain stays under randomly initialised heads: under those measured apart,
    else under a study's one.
    """
    kept = [check for check in checks if check.kept is not None]
    if heads:
        shares = [share for of_model in heads.values() for share in of_model]
        most = float(np.mean(shares))
        each = {len(of_model) for of_model in heads.values()}
        told = f"Under {count(len(shares), 'random head')} {percent(most)} stays"
        if len(each) == 1:  # the same draws for every model
            told = (
                f"Under {count(each.pop(), 'random head')} each of {count(len(heads), 'model')} "
                f"keeps {percent(most)}"
            )
    elif kept:
        most, ends = kept[0].kept or 0.0, kept[0].gain.kept
        span = f" (95% {interval(100 * ends.low, 100 * ends.high, 0)}%)" if ends else ""
        told = f"Under a random head {percent(most)} stays{span}"
    else:
        return "How much of it stays under a random head was not measured."
    reading = "most is the head's" if most < 0.5 else "most is not the head's"
    return f"{told}: {reading}."


def chance(evidence: Sequence[StudyEvidence]) -> str:
    """Says how much of the gain is there without a translation, and with another class explained.

    Data sets are counted once, by their largest study that has that control; empty where none has.
    """
    largest: dict[str, StudyEvidence] = {}
    for entry in evidence:
        before = largest.get(entry.data)
        if entry.chance is not None and (before is None or _items(entry) > _items(before)):
            largest[entry.data] = entry
    asked = [(data, entry.chance) for data, entry in largest.items() if entry.chance is not None]
    if not asked:
        return ""
    reached = [f"{percent(found.unrelated.of_gain)} ({name})" for name, found in asked]
    text = f" Unrelated sentences reach {listing(reached)}"
    # With two classes the rival's scores are the class's own with another sign: no control.
    other = [(name, found.other_class) for name, found in asked
             if found.other_class and not _has_two_classes(largest[name])]  # fmt: skip
    if other:
        told = [f"{percent(share.of_gain)} ({name}, {count(share.groups, 'item')})"
                for name, share in other]  # fmt: skip
        text += f", another class explained {listing(told)}"
    return f"{text}."


def _has_two_classes(entry: StudyEvidence) -> bool:
    counted = entry.study.query("SELECT count(DISTINCT target_class) FROM rows")
    return int(counted.iloc[0, 0]) == 2


def _items(entry: StudyEvidence) -> int:
    return entry.study.manifest.items


def over_languages(mains: Sequence[StudyEvidence]) -> str:
    """Says where EMS is shown to correlate with the score, and whether attributions add to it."""
    results = [(entry.data, entry.performance) for entry in mains if entry.performance]
    if not results:
        return "No study has enough languages."
    shown = [f"{name} ({_joint(result)})" for name, result in results if _held(result)]
    missing = [
        f"{name} ({p_phrase(result.joint['ems'].p)})"
        for name, result in results
        if not _held(result)
    ]
    parts = [f"EMS correlates with the score in {listing(shown)}"] if shown else []
    if missing:
        what = "not shown" if shown else "EMS is not shown to correlate with the score"
        parts.append(f"{what} in {listing(missing)}")
    return f"{'; '.join(parts)}. {_added(results)}".rstrip()


def _added(results: Sequence[tuple[str, Performance]]) -> str:
    """Says where EMS and gain less chance (gain, where the first data set has no chance level) add
    to embeddings, with the first data set's numbers.
    """
    name, first = results[0]
    told: list[str] = []
    beyond = "gain_calibrated" if "gain_calibrated" in first.added else "gain"
    for key, entry in ((key, first.added[key]) for key in ("ems", beyond) if key in first.added):
        adds = [data for data, result in results if _adds(result, key)]
        named = "" if adds == [name] else f"{name}: "
        verb = " adds" if not told else ""
        told.append(
            f"{label(key)}{verb} {_where(adds)} ({named}{number(entry.r)}, {p_phrase(entry.p)})"
        )
    return f"Beyond embeddings {', '.join(told)}." if told else ""


def _held(result: Performance) -> bool:
    return result.joint["ems"].significant and result.joint["ems"].r > 0


def _adds(result: Performance, key: str) -> bool:
    entry = result.added.get(key)
    return entry is not None and entry.significant and entry.r > 0


def _joint(result: Performance) -> str:
    ems = result.joint["ems"]
    alone = result.joint.get("ems_uniform")
    beside = f"; embeddings only {number(alone.r)}" if alone else ""
    return f"{len(ems.by_model)} models, r {number(ems.r)}, joint {p_phrase(ems.p)}{beside}"


def over_items(mains: Sequence[StudyEvidence]) -> str:
    """Says what EMS tells of a right prediction, beside the model's confidence and embeddings."""
    results = [(entry.data, entry.items) for entry in mains if entry.items.less_confidence]
    if not results:
        return "No study has enough items."
    areas = ", ".join(f"{name} {number(each.aurocs['ems'].value, 3)}" for name, each in results)
    better, worse = (
        [name for name, each in results if _sign(each.less_confidence) == sign] for sign in (1, -1)
    )
    beside = f"{_where(better)} better than confidence"
    if worse:
        beside += f", worse {_where(worse)}"
    shown = [name for name, each in results if _above_chance(each.aurocs["ems"])]
    where = "" if len(shown) == len(results) else f" {_where(shown)}"
    wrong = [number(each.home_wrong.value, 3) for _, each in results if each.home_wrong]
    source = f"; where the source is wrong {', '.join(wrong)}" if wrong else ""
    text = f"EMS tells right from wrong predictions{where} (AUROC {areas}{source}), {beside}."
    name, first = results[0]
    if first.partial is None:
        return text
    adds = [data for data, each in results if _sign(each.partial) > 0]
    added = "everywhere" if len(adds) == len(results) > 1 else _where(adds)
    return (
        f"{text} Beyond embeddings, length and fertility it adds {added} "
        f"({name}: partial r {number(first.partial.value)})."
    )


def _above_chance(area: PooledEstimate) -> bool:
    return area.low is not None and area.low > 0.5


def _sign(estimate: PooledEstimate | None) -> int:
    """Returns 1 or -1 where the interval leaves zero out on that side, else 0."""
    if estimate is None or not estimate.clear:
        return 0
    return 1 if estimate.value > 0 else -1


def _where(names: Sequence[str]) -> str:
    return f"in {listing(names)}" if names else "nowhere"


def spanish(evidence: Sequence[StudyEvidence], mains: Sequence[StudyEvidence]) -> str:
    """Says of claim 2 where Spanish is shown first, and whether any first place by gain stands."""
    smaller = {entry.name: entry.rankings for entry in evidence if entry not in mains}
    text = answers.spanish({entry.data: entry.rankings for entry in mains}, smaller)
    firsts = {entry.data: answers.firsts_beyond(entry.rankings) for entry in mains}
    asked = {data: set(langs.values()) for data, langs in firsts.items() if langs}
    if not asked:
        return text
    ranked = {entry.data: entry.rankings["gain"] for entry in mains}
    stands = [
        f"{language(next(iter(of))).name} is first in {data}{_few_seeds(ranked[data])}"
        for data, of in asked.items()
        if len(of) == 1
    ]
    return f"{text} By gain, z and link order {listing(stands) or 'no language is first'}."


def _few_seeds(ranking: TrainingRanking | None) -> str:
    single = ranking is not None and min(row.seeds for row in ranking.languages) == 1
    return " (one checkpoint each)" if single else ""


def warnings(evidence: Sequence[StudyEvidence]) -> str:
    """Returns what a reader must know: settings, what is shared, what was not controlled."""
    layers = sorted({entry.layer for entry in evidence}, reverse=True)
    baselines = {str(entry.study.manifest.config["baseline"]).upper() for entry in evidence}
    settings = [
        f"layer {listing([str(layer) for layer in layers], 'or')}",
        "gold class",
        listing(sorted(baselines), "or"),
    ]
    held = {entry.data for entry in evidence if entry.chance is not None}
    without = [data for data in dict.fromkeys(entry.data for entry in evidence) if data not in held]
    unknown = f"; no chance level of the gain in {listing(without)}"
    return (
        f"Warnings: one small backbone; {', '.join(settings)}; inner masses may be unfaithful; "
        f"machine-made links{unknown if without else ''}."
    )
