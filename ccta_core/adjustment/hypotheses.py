"""H1 to H7 of the experiment on adjustment, fixed before the first run (docs/method.md, 7)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ccta_core.adjustment.changes import (
    LANGUAGES,
    Change,
    Tables,
    moved,
    number_or_none,
    retrieval_changes,
    task_changes,
)
from ccta_core.languages import language
from ccta_core.text import count, listing, number, signed

SUPPORTED, PARTLY, REFUTED, NOT_RUN = "supported", "partly", "not supported", "not run"
UNDECIDED = "not decided"
LEAST_SEEDS = 3
"""Seeds in each of the four languages below which nothing is decided: one seed shows nothing."""
PUBLISHED_GAINS = {"es": 0.005, "ru": 0.004, "vi": 0.013, "hi": 0.013}
"""XNLI accuracy that mBERT gained by AlignFreeze's realignment (contrastive loss on dictionary
links, no anchor, languages jointly; means over 5 seeds; NAACL 2025): another method."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a hypothesis came to: its claim, the verdict in a word or two, and the evidence.

    `seeds` counts by language what it rests on, `parts` names what has to have them where that is
    several things.
    """

    key: str
    claim: str
    verdict: str
    evidence: tuple[str, ...]
    seeds: Mapping[str, int] = field(default_factory=dict)
    parts: str = ""


def verdicts(tables: Tables) -> list[Verdict]:
    """Returns each hypothesis with its verdict: "not run" where no cell of it is finished, "not
    decided", with what it would be so far, where a language has fewer than three seeds.
    """
    return [_decided(verdict) for verdict in _leanings(tables)]


def _decided(verdict: Verdict) -> Verdict:
    few = [lang for lang in LANGUAGES if verdict.seeds.get(lang, 0) < LEAST_SEEDS]
    if verdict.verdict == NOT_RUN or not few:
        return verdict
    names = listing([f"{language(lang).name} ({verdict.seeds.get(lang, 0)})" for lang in few])
    line = (
        f"so far {verdict.verdict}; decided once each language has {LEAST_SEEDS} seeds"
        f"{verdict.parts}, which {names} {'has' if len(few) == 1 else 'have'} not"
    )
    return replace(verdict, verdict=UNDECIDED, evidence=(line, *verdict.evidence))


def _leanings(tables: Tables) -> list[Verdict]:
    return [
        _judge_inference(tables),
        _judge_other_tasks(tables),
        _judge_answers(tables),
        _judge_forgetting(tables),
        _judge_continual(tables),
        _judge_strong_encoder(tables),
        _judge_attributions(tables),
    ]


def _judge_inference(tables: Tables) -> Verdict:
    claim = "Inference improves in es, ru, vi and hi over the original and over the placebo."
    changes = task_changes(tables, "nli", "adjusted", ("original", "placebo"))
    return _judge_improvement("H1", claim, changes, needed=len(LANGUAGES), references=2)


def _judge_other_tasks(tables: Tables) -> Verdict:
    claim = "Names, retrieval and cross-lingual answers improve in three of the four languages."
    parts = {
        "names": task_changes(tables, "ner", "adjusted", ("original", "placebo")),
        "retrieval (Tatoeba to English at two thirds of the depth, no task; intervals over seeds "
        "alone, these sentences as given)": retrieval_changes(tables),
        "cross-lingual answers": task_changes(tables, "qa", "adjusted", ("original",), cross=True),
    }
    each = {
        name: _judge_improvement("", "", changes, needed=3, references=1)
        for name, changes in parts.items()
    }
    evidence = [f"{name}: {line}" for name, verdict in each.items() for line in verdict.evidence]
    evidence += [f"{name}: not run" for name, verdict in each.items() if verdict.verdict == NOT_RUN]
    seeds = {lang: min(v.seeds.get(lang, 0) for v in each.values()) for lang in LANGUAGES}
    verdict = _join_verdicts([v.verdict for v in each.values()])
    named = " of names, of retrieval and of cross-lingual answers"
    return Verdict("H2", claim, verdict, tuple(evidence), seeds, named)


def _judge_answers(tables: Tables) -> Verdict:
    claim = "Answers in one language (question and context alike) do not improve."
    changes = task_changes(tables, "qa", "adjusted", ("original",))
    higher = [lang for lang, rows in changes.items() if rows[0].sign > 0]
    verdict = NOT_RUN if not changes else REFUTED if higher else SUPPORTED
    return Verdict("H3", claim, verdict, _evidence_lines(changes), _seeds_of(changes))


def _judge_forgetting(tables: Tables) -> Verdict:
    """Returns what the arms of each language and task come to; one with fewer seeds than decide is
    told, and counts only where its language has no other.
    """
    claim = "A task's training lowers AUC of related over unrelated words (forgetting)."
    table = tables["forgetting"]
    if not len(table):
        return Verdict("H4", claim, NOT_RUN, ())
    last = table["layer"].max()
    last_layer = table[(table["layer"] == last) & table["usual"]]
    by_arm = last_layer.groupby(["lang", "task", "arm"])["seed"].nunique()
    seeds = {str(lang): int(most) for lang, most in by_arm.groupby("lang").max().items()}
    evidence, signs = [], []
    for (task, lang, arm), rows in last_layer.groupby(["task", "lang", "arm"]):
        above = int((rows["low"] > 0).sum())
        counted = len(rows) >= min(LEAST_SEEDS, seeds[str(lang)])
        if counted:
            signs.append(above == len(rows))
        evidence.append(
            f"{task}, {language(str(lang)).name}, {arm}: AUC at layer {last} falls by "
            f"{signed(float(rows['difference'].mean()), 3).lstrip('+')} (mean of "
            f"{count(len(rows), 'seed')}; the interval lies above zero in {above}"
            f"{'' if counted else '; too few to count'})"
        )
    inner = table[(table["layer"] == round(last * 2 / 3)) & table["usual"]]
    if len(inner) and last > 1:
        means = inner.groupby(["task", "lang", "arm"])["difference"].mean()
        evidence.append(
            f"at layer {inner['layer'].iloc[0]} it falls by {number(float(means.min()), 3)} to "
            f"{number(float(means.max()), 3)}"
        )
    return Verdict("H4", claim, _share_of_signs(signs), tuple(evidence), seeds)


def _judge_continual(tables: Tables) -> Verdict:
    claim = "Continual learning gives the best inference."
    changes = task_changes(
        tables, "nli", "continual", ("original", "adjusted", "continual-placebo")
    )
    return _judge_improvement("H5", claim, changes, needed=len(LANGUAGES), references=2)


def _judge_strong_encoder(tables: Tables) -> Verdict:
    claim = "A strong, already aligned encoder gains less than mBERT did."
    changes = task_changes(tables, "nli", "adjusted", ("original",))
    smaller, evidence = [], []
    for lang, (change,) in ((lang, rows) for lang, rows in changes.items() if len(rows) == 1):
        published = PUBLISHED_GAINS[lang]
        smaller.append(change.high is not None and change.high < published)
        evidence.append(
            f"{language(lang).name}: {change.text}; mBERT by another method (AlignFreeze) "
            f"{signed(100 * published, 1)}"
        )
    seeds = _seeds_of(changes)
    return Verdict("H6", claim, _share_of_signs(smaller), tuple(evidence), seeds)


def _judge_attributions(tables: Tables) -> Verdict:
    claim = "Adjustment raises EMS but not the gain: it moves embeddings, not attributions."
    table = tables["consistency_contrasts"]
    if not len(table):
        return Verdict("H7", claim, NOT_RUN, ())
    adjusted = table[table["arm"] == "adjusted"]
    holds, evidence, seeds = [], [], {}
    for (lang, layer), rows in adjusted.groupby(["lang", "layer"], sort=False):
        against = dict(iter(rows.groupby("reference")))
        first = against.get("original", rows[:0]).set_index("measure")
        if not {"ems", "gain"} <= set(first.index):
            continue
        ems, gain = (number_or_none(first.loc[key, "low"]) for key in ("ems", "gain"))
        if ems is not None and gain is not None:
            holds.append(ems > 0 >= gain)
        seeds[str(lang)] = int(first["seeds"].max())
        told = [f"over the {name}: {moved(of)}" for name, of in against.items()]
        evidence.append(
            f"{language(str(lang)).name}, layer {layer} ({count(seeds[str(lang)], 'seed')}), "
            f"{'; '.join(told)}"
        )
    return Verdict("H7", claim, _share_of_signs(holds), tuple(evidence), seeds)


def _judge_improvement(
    key: str, claim: str, changes: Mapping[str, list[Change]], *, needed: int, references: int
) -> Verdict:
    """Returns whether the arm is above every reference in enough languages."""
    whole = {lang: rows for lang, rows in changes.items() if len(rows) >= references}
    if not whole:
        return Verdict(key, claim, NOT_RUN, _evidence_lines(changes))
    seeds = _seeds_of(whole)
    higher = [lang for lang, rows in whole.items() if all(row.sign > 0 for row in rows)]
    verdict = SUPPORTED if len(higher) >= needed else PARTLY if higher else REFUTED
    missing = [language(lang).name for lang in LANGUAGES if lang not in whole]
    tail = (f"not run (or not whole): {listing(missing)}",) if missing else ()
    return Verdict(key, claim, verdict, (*_evidence_lines(changes), *tail), seeds)


def _seeds_of(changes: Mapping[str, list[Change]]) -> dict[str, int]:
    return {lang: min(row.seeds for row in rows) for lang, rows in changes.items()}


def _evidence_lines(changes: Mapping[str, list[Change]]) -> tuple[str, ...]:
    return tuple(
        f"{language(lang).name}: {listing([row.text for row in rows])}"
        for lang, rows in changes.items()
    )


def _join_verdicts(parts: list[str]) -> str:
    run = [part for part in parts if part != NOT_RUN]
    if not run:
        return NOT_RUN
    if all(part == SUPPORTED for part in run) and len(run) == len(parts):
        return SUPPORTED
    return REFUTED if all(part == REFUTED for part in run) else PARTLY


def _share_of_signs(signs: list[bool]) -> str:
    if not signs:
        return NOT_RUN
    return SUPPORTED if all(signs) else PARTLY if any(signs) else REFUTED
