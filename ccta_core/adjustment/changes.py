"""Differences of two arms of the experiment on adjustment, in numbers and in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as student

from ccta_core.adjustment.tables import cross_key, detectable, hardly_learnt_rows
from ccta_core.languages import language
from ccta_core.measures import label
from ccta_core.text import count, interval, listing, number, signed

LANGUAGES = ("es", "ru", "vi", "hi")
"""Those of the hypotheses: EFI's."""
Tables = Mapping[str, pd.DataFrame]
JOINED = ("ems", "gain", "gain_calibrated")
"""Measures of consistency that are compared between arms."""
TASK_NAMES = {"nli": "inference", "ner": "names", "qa": "answers"}


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


def difference(row: "pd.Series[Any]", *, resolution: bool = True) -> str:
    """Returns a difference of two arms with its interval, and with its `resolution` the smallest
    that the seeds could have shown; `row` is one of `consistency_contrasts`.
    """
    low, high, smallest = (number_or_none(row[key]) for key in ("low", "high", "detectable"))
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
    low, high, reach = (number_or_none(row[key]) for key in ("low", "high", "detectable"))
    reference, difference, seeds = str(row["reference"]), float(row["difference"]), row["seeds"]
    return Change(lang, reference, difference, low, high, int(seeds), reach, _learnt(row, lang))


def _learnt(row: "Mapping[str, Any] | pd.Series[Any]", lang: str = "") -> Change | None:
    difference = number_or_none(row.get("learnt_difference"))
    if difference is None:
        return None
    low, high = (number_or_none(row[f"learnt_{end}"]) for end in ("low", "high"))
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


def number_or_none(value: float | None) -> float | None:
    """Returns a cell of a table as a number; None where it is empty."""
    return None if value is None or np.isnan(value) else float(value)
