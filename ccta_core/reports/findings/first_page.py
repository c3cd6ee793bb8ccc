"""The first page of the findings: five lines that the README repeats, and the warnings."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ccta_core.analysis.chance import Share
from ccta_core.analysis.performance import Performance
from ccta_core.analysis.pooled_items import PooledEstimate
from ccta_core.measures import label
from ccta_core.reports.findings import answers
from ccta_core.reports.findings.evidence import StudyEvidence, main_studies
from ccta_core.reports.findings.random_head import Sanity
from ccta_core.text import count, interval, listing, number, p_phrase, percent

MOST_WORDS = 250
"""A page that is read in two minutes."""


Heads = Mapping[str, Sequence[float]]
"""By model: the share of the gain that each of its random heads keeps, where several were drawn."""


def five_lines(evidence: Sequence[StudyEvidence], heads: Heads | None = None) -> list[str]:
    """Returns the five lines: random head, claim 1 over languages and over items, claims 2 and 3.

    Data sets are counted once, by their largest study; claim 2 asks every study. A study has one
    random head, `heads` are others that were measured apart.
    """
    mains = main_studies(evidence)
    checks = [check for entry in evidence for check in entry.random_heads]
    return [
        f"- **Before all: a random head.** {random_head(checks, heads or {})}{chance(mains)}",
        f"- **Claim 1 over languages.** {over_languages(mains)}",
        f"- **Claim 1 over items.** {over_items(mains)}",
        f"- **Claim 2, Spanish.** {spanish(evidence, mains)}",
        f"- **Claim 3, synonyms.** {answers.synonyms_in_all([entry.synonyms for entry in mains])}",
    ]


def random_head(checks: Sequence[Sanity], heads: Heads) -> str:
    """Says how much of the gain randomly initialised heads keep: a study's one, and the others."""
    kept = [check for check in checks if check.kept is not None]
    if not kept:
        return "Not measured: how much of the gain is the encoder's and not the decision's is open."
    check = kept[0]
    ends = check.gain.kept
    span = f" (95% {interval(100 * ends.low, 100 * ends.high, 0)}%)" if ends else ""
    others, most = "", check.kept or 0
    if heads:
        shares = [share for of_model in heads.values() for share in of_model]
        most = float(np.mean(shares))
        others = (
            f", {len(shares)} heads of {count(len(heads), 'model')} {percent(most)} "
            f"({interval(100 * min(shares), 100 * max(shares), 0)}%)"
        )
    reading = "most reads the decision" if most < 0.5 else "most is the encoder's"
    return f"It keeps {percent(check.kept)} of the gain{span}{others}: {reading}."


def chance(mains: Sequence[StudyEvidence]) -> str:
    """Says how much of the gain is there without a translation, and with another class explained.

    Empty where no study has that control.
    """
    asked = [(entry.data, entry.chance) for entry in mains if entry.chance is not None]
    if not asked:
        return ""
    name, found = asked[0]
    text = f" Unrelated sentences reach {_of_gain(found.unrelated)}"
    if found.other_class is not None:
        text += f", another class {percent(found.other_class.of_gain)}"
    return f"{text}; {name}."


def _of_gain(share: Share) -> str:
    ends = share.ends
    span = f" ({interval(100 * ends.low, 100 * ends.high, 0)}%)" if ends else ""
    return f"{percent(share.of_gain)}{span}"


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
    more = [name for name, result in results if _adds(result)]
    unsure = [
        f"{label(name)} {number(entry.r)}, {p_phrase(entry.p)}"
        for name, entry in results[0][1].added.items()
    ]
    given = f"add to embeddings {_where(more)}" if more else "are not shown to add to embeddings"
    named = "" if more == [results[0][0]] else f"{results[0][0]}: "
    held = f" ({named}{'; '.join(unsure)})" if unsure else ""
    return f"{'; '.join(parts)}. Attributions {given}{held}."


def _held(result: Performance) -> bool:
    return result.joint["ems"].significant and result.joint["ems"].r > 0


def _adds(result: Performance) -> bool:
    return any(entry.significant and entry.r > 0 for entry in result.added.values())


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
    name, first = results[0]
    less, partial = first.less_confidence, first.partial
    text = (
        f"In {name} EMS tells right from wrong predictions (AUROC "
        f"{number(first.aurocs['ems'].value, 3)}"
    )
    if less is not None and less.low is not None and less.high is not None:
        side = "above" if less.value > 0 else "below"
        low, high = (-less.high, -less.low) if less.value < 0 else (less.low, less.high)
        unsure = ", not shown to differ" if low < 0 else f", 95% {interval(low, high, 3)}"
        text += f"; {number(abs(less.value), 3)} {side} confidence{unsure}"
    text += ")."
    if partial is None:
        return text
    adds = [data for data, each in results if _sign(each.partial) > 0]
    return (
        f"{text} Beyond embeddings, length and fertility it adds {_where(adds)} "
        f"({name}: partial r {number(partial.value)})."
    )


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
    asked = {data: langs for data, langs in firsts.items() if langs}
    if not asked:
        return text
    stands = [data for data, langs in asked.items() if len(set(langs.values())) == 1]
    return f"{text} Gain, z and link order share a first language {_where(stands)}."


def warnings(evidence: Sequence[StudyEvidence]) -> str:
    """Returns what a reader must know: settings, what is shared, what was not controlled."""
    configs = [entry.study.manifest.config for entry in evidence]
    layers = sorted({entry.layer for entry in evidence}, reverse=True)
    settings = [
        f"layer {listing([str(layer) for layer in layers], 'or')}",
        "gold class",
        _either(str(config["baseline"]).upper() for config in configs),
        f"{_either(str(config['shuffles']) for config in configs)} shuffles",
        _either(str(config["precision"]) for config in configs),
    ]
    without = sum(entry.chance is None for entry in evidence)
    unknown = f"; {count(without, 'study', 'studies')} without a chance level"
    return (
        f"Warnings: one small backbone; {', '.join(settings)}; machine-made links; a data set "
        f"counts once{unknown if without else ''}."
    )


def _either(values: Iterable[str]) -> str:
    return listing(sorted(set(values)), "or")
