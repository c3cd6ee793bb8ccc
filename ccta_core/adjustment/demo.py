"""Demo items measured in every arm beforehand, with which the page Adjust opens; no model library.

An item's comparison in one arm is an entry of `store/files.py`; the linked words of all items in
one arm are a table. Both lie beside the tables of the plan.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ccta_core.adjustment.summary import ARMS
from ccta_core.errors import CctaError
from ccta_core.result import PairResult
from ccta_core.store.files import key_of, read_entry, write_entry

GROUPS = ("ferry", "bakery", "match", "library")
"""Premises of the demo corpus; each has three hypotheses."""
ITEMS = {"nli": tuple(f"{group}-{label}" for group in GROUPS for label in "cen")}
"""Task -> the demo items that are measured, in the order in which the page shows them."""
FOLDER = "demo"
PIVOT = "en"
_FORM = 1
"""Version of the files: raised when what they hold changes."""


@dataclass(frozen=True, slots=True)
class DemoPlace:
    """Which comparison: an item of a task, English with `lang`, in one arm of that language."""

    task: str
    lang: str
    arm: str
    item: str

    @property
    def key(self) -> str:
        """The address of the entry."""
        return key_of("demo", _FORM, self.task, self.lang, self.arm, self.item)


@dataclass(frozen=True, slots=True, eq=False)
class DemoPair:
    """A comparison in one arm, and the seed of the arm's training."""

    result: PairResult
    seed: int


def read_pair(folder: Path, place: DemoPlace) -> DemoPair | None:
    """Returns the comparison, or None where the arm has not been run on the item."""
    entry = read_entry(folder / FOLDER, place.key)
    if entry is None:
        return None
    try:
        return DemoPair(PairResult.from_payload(entry["pair"]), int(entry["seed"]))
    except (KeyError, TypeError, ValueError):
        return None  # of another form: as good as not measured


def read_arms(folder: Path, task: str, lang: str, item: str) -> dict[str, DemoPair | None]:
    """Returns an item's comparison in every arm, None where the arm has not been run."""
    return {arm: read_pair(folder, DemoPlace(task, lang, arm, item)) for arm in ARMS}


def write_pair(folder: Path, place: DemoPlace, payload: Mapping[str, Any], seed: int) -> None:
    """Writes the comparison whole or not at all. Raises OSError."""
    write_entry(folder / FOLDER, place.key, {"pair": payload, "seed": seed})


def words_path(folder: Path, lang: str, arm: str) -> Path:
    """Returns where the linked words of an arm lie: a row a link and layer (`read_words`)."""
    return folder / FOLDER / f"words-{lang}-{arm}.parquet"


def read_words(folder: Path, lang: str) -> pd.DataFrame:
    """Returns the linked words of the demo items in every arm that has been measured.

    Columns: arm, seed, model, revision, sentence, foreign, english, unrelated (words; the last is
    another one of the foreign sentence), foreign_place, english_place, layer, related_cosine,
    unrelated_cosine, related_l2, unrelated_l2, then x_foreign, y_foreign, x_english, y_english on
    the layer's plane, and plane_share, the share of the arm's variance on that plane. Empty where
    no arm has been measured. Raises CctaError on a file that can't be read.
    """
    parts = []
    for arm in ARMS:
        path = words_path(folder, lang, arm)
        if path.exists():
            try:
                parts.append(pd.read_parquet(path).assign(arm=arm))
            except (OSError, ValueError) as error:
                raise CctaError(
                    f"{path} can't be read ({type(error).__name__}); remove it, and make it again "
                    "with python -m research.adjustment.sentences"
                ) from error
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def holds(item: str, sentence: str) -> bool:
    """Returns whether a sentence is a part of an item: a premise goes by the name of its group."""
    return item == sentence or item.rpartition("-")[0] == sentence


def items_with(words: pd.DataFrame, foreign: str, english: str, items: Iterable[str]) -> list[str]:
    """Returns the items whose sentences hold a linked pair of words, in the order given."""
    rows = words[(words["foreign"] == foreign) & (words["english"] == english)]
    sentences = set(rows["sentence"])
    return [item for item in items if any(holds(item, sentence) for sentence in sentences)]
