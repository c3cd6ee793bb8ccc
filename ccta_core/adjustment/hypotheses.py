"""H1 to H7 of the experiment on adjustment, fixed before the first run (docs/method.md, 7)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as student

from ccta_core.adjustment.tables import cross_key, detectable, hardly_learnt_rows
from ccta_core.languages import language
from ccta_core.measures import label
from ccta_core.text import count, interval, listing, number, signed

SUPPORTED, PARTLY, REFUTED, NOT_RUN = "supported", "partly", "not supported", "not run"
UNDECIDED = "not decided"
LEAST_SEEDS = 3
"""Seeds in each of the four languages below which nothing is decided: one seed shows nothing."""
LANGUAGES = ("es", "ru", "vi", "hi")
"""Those of the hypotheses: EFI's."""
PUBLISHED_GAINS = {"es": 0.005, "ru": 0.004, "vi": 0.013, "hi": 0.013}
"""XNLI accuracy that mBERT gained by AlignFreeze's realignment (contrastive loss on dictionary
links, no anchor, languages jointly; means over 5 seeds; NAACL 2025): another method."""
Tables = Mapping[str, pd.DataFrame]


@dataclass(frozen=True, slots=True)
class Change:
    """A difference of two arms in one language, with what it rests on.

    `low` and `high` are its 95% interval, `detectable` the smallest effect that the seeds could
    have shown (None for one seed). All are shares of 1. `learnt` is the same over the seeds in
    which both arms learnt the task; None where those are all, or none.
    """

    lang: str
    reference: str
    difference: float
    low: float | None
    high: float | None
    seeds: int
    detectable: float | None
    learnt: "Change | None" = None

    @property
    def sign(self) -> int:
        """1 or -1 where the whole interval lies above or below zero, else 0."""
        if self.low is None or self.high is None:
            return 0
        return int(self.low > 0) - int(self.high < 0)

    @property
    def text(self) -> str:
        """The change in words, in points."""
        resolution = (
            ""
            if self.detectable is None
            else f", could have seen {signed(100 * self.detectable, 1).lstrip('+')}"
        )
        learnt = (
            ""
            if self.learnt is None
            else (f"; where the task was learnt {self.learnt._amount} ({self.learnt._basis})")
        )
        return f"{self._amount} over the {self.reference} ({self._basis}{resolution}{learnt})"

    @property
    def _amount(self) -> str:
        return signed(100 * self.difference, 1)

    @property
    def _basis(self) -> str:
        low, high = (None if end is None else 100 * end for end in (self.low, self.high))
        return f"{interval(low, high, 1)}; {count(self.seeds, 'seed')}"


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


JOINED = ("ems", "gain", "gain_calibrated")
"""Measures of consistency that are compared between arms."""


def difference(row: "pd.Series[Any]", *, resolution: bool = True) -> str:
    """Returns a difference of two arms with its interval, and with its `resolution` the smallest
    that the seeds could have shown; `row` is one of `consistency_contrasts`.
    """
    low, high, smallest = (_number_or_none(row[key]) for key in ("low", "high", "detectable"))
    seen = "" if smallest is None or not resolution else f"; could have seen {number(smallest, 3)}"
    if resolution and (learnt := _learnt(row)) is not None:
        ends = interval(learnt.low, learnt.high, 3)
        seen += (
            f"; where the task was learnt {signed(learnt.difference, 3)} "
            f"({ends}; {count(learnt.seeds, 'seed')})"
        )
    return f"{signed(float(row['difference']), 3)} ({interval(low, high, 3)}{seen})"


def moved(rows: pd.DataFrame, *, resolution: bool = True) -> str:
    """Returns the differences of EMS, gain and gain less chance between two arms, in words."""
    shown = rows[rows["measure"].isin(JOINED)]
    return listing([
        f"{label(str(row['measure']))} {difference(row, resolution=resolution)}"
        for _, row in shown.iterrows()
    ])  # fmt: skip


TASK_NAMES = {"nli": "inference", "ner": "names", "qa": "answers"}


def hardly_learnt(tables: Tables, lang: str = "", task: str = "") -> list[str]:
    """Returns a line for each trained model, of a language and a task or of all, that hardly learnt
    its task in English: what it scores elsewhere tells of the training and not of the alignment.
    """
    lines = []
    for row in hardly_learnt_rows(tables["scores"]).itertuples():
        if row.lang in (lang or row.lang, "") and row.task == (task or row.task):
            name = f"{TASK_NAMES[str(row.task)]}, {language(str(row.lang)).name}, {row.arm}"
            lines.append(
                f"{name}, seed {row.seed}: the task was hardly learnt (English "
                f"{number(100 * float(row.score), 1)}, originals on average "
                f"{number(100 * float(row.expected), 1)}), so "
                "its differences tell of the training, not of the alignment"
            )
    return lines


def task_changes(
    tables: Tables, task: str, arm: str, references: tuple[str, ...], *, cross: bool = False
) -> dict[str, list[Change]]:
    """Returns the changes of an arm in each adjusted language itself, by language, one a reference.

    With `cross` on questions in that language and English contexts.
    """
    table = tables["contrasts"]
    changes: dict[str, list[Change]] = {}
    if not len(table):
        return changes
    scored = table["lang"].map(cross_key) if cross else table["lang"]
    rows = table[(table["task"] == task) & (table["arm"] == arm) & (table["eval_lang"] == scored)]
    for row in rows[rows["reference"].isin(references)].itertuples():
        changes.setdefault(str(row.lang), []).append(change_of(row._asdict(), str(row.lang)))
    return {lang: changes[lang] for lang in LANGUAGES if lang in changes}


def change_of(row: "Mapping[str, Any] | pd.Series[Any]", lang: str) -> Change:
    """Returns the change in a language that a row of `contrasts` holds."""
    low, high, reach = (_number_or_none(row[key]) for key in ("low", "high", "detectable"))
    reference, difference, seeds = str(row["reference"]), float(row["difference"]), row["seeds"]
    return Change(lang, reference, difference, low, high, int(seeds), reach, _learnt(row, lang))


def _learnt(row: "Mapping[str, Any] | pd.Series[Any]", lang: str = "") -> Change | None:
    difference = _number_or_none(row.get("learnt_difference"))
    if difference is None:
        return None
    low, high = (_number_or_none(row[f"learnt_{end}"]) for end in ("low", "high"))
    seeds = int(row["learnt_seeds"])
    return Change(lang, str(row["reference"]), difference, low, high, seeds, None)


def retrieval_changes(tables: Tables) -> dict[str, list[Change]]:
    """Returns changes of Tatoeba retrieval at two thirds of the depth: adjusted less original, and
    less placebo.

    Foreign queries, English index, mean over all tokens with the specials. Over seeds: Student's t.
    """
    table = tables["sentences"]
    changes: dict[str, list[Change]] = {}
    if not len(table):
        return changes
    layer = round(table["layer"].max() * 2 / 3)
    rows = table[
        (table["set"] == "tatoeba") & (table["task"] == "") & (table["layer"] == layer)
        & table["specials"] & table["usual"] & (table["lang_of_set"] == table["lang"])
    ]  # fmt: skip
    for lang in LANGUAGES:
        values = {
            arm: rows[(rows["lang"] == lang) & (rows["arm"] == arm)].set_index("seed")[
                "foreign_to_english"
            ]
            for arm in ("original", "adjusted", "placebo")
        }
        adjusted = values["adjusted"]
        if len(adjusted) and len(values["original"]):
            difference = adjusted - float(values["original"].iloc[0])
            changes.setdefault(lang, []).append(_change_over_seeds(lang, "original", difference))
        both = adjusted.index.intersection(values["placebo"].index)
        if len(both):
            difference = adjusted.loc[both] - values["placebo"].loc[both]
            changes.setdefault(lang, []).append(_change_over_seeds(lang, "placebo", difference))
    return changes


def _change_over_seeds(lang: str, reference: str, differences: pd.Series) -> Change:
    values = differences.to_numpy(float)
    mean, number = float(values.mean()), len(values)
    if number < 2:
        return Change(lang, reference, mean, None, None, number, None)
    sd = float(values.std(ddof=1))
    error = sd / number**0.5
    reach = float(student.ppf(0.975, number - 1)) * error
    smallest = detectable(error, number - 1)
    return Change(lang, reference, mean, mean - reach, mean + reach, number, smallest)


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
    claim = "A task's training lowers AUC of related over unrelated words (forgetting)."
    table = tables["forgetting"]
    if not len(table):
        return Verdict("H4", claim, NOT_RUN, ())
    last = table["layer"].max()
    last_layer = table[(table["layer"] == last) & table["usual"]]
    evidence, signs = [], []
    for (task, lang, arm), rows in last_layer.groupby(["task", "lang", "arm"]):
        above = int((rows["low"] > 0).sum())
        signs.append(above == len(rows))
        evidence.append(
            f"{task}, {language(str(lang)).name}, {arm}: AUC at layer {last} falls by "
            f"{signed(float(rows['difference'].mean()), 3).lstrip('+')} (mean of "
            f"{count(len(rows), 'seed')}; the interval lies above zero in {above})"
        )
    inner = table[(table["layer"] == round(last * 2 / 3)) & table["usual"]]
    if len(inner) and last > 1:
        means = inner.groupby(["task", "lang", "arm"])["difference"].mean()
        evidence.append(
            f"at layer {inner['layer'].iloc[0]} it falls by {number(float(means.min()), 3)} to "
            f"{number(float(means.max()), 3)}"
        )
    by_arm = last_layer.groupby(["lang", "task", "arm"])["seed"].nunique()
    seeds = {str(lang): int(few) for lang, few in by_arm.groupby("lang").min().items()}
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
        ems, gain = (_number_or_none(first.loc[key, "low"]) for key in ("ems", "gain"))
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


def _number_or_none(value: float | None) -> float | None:
    return None if value is None or np.isnan(value) else float(value)
