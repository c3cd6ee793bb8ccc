"""Names the columns of a head and says whether they are classes, labels or scores."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ccta_core.errors import CctaError
from ccta_core.models.catalog import CLASSES, LABELS, SCORES

SCORE = "score"
"""The name of a single score that nobody named."""
_PROBLEM_TYPES = (
    "single_label_classification", "multi_label_classification", "regression",
)  # fmt: skip
_GENERIC = re.compile(r"LABEL_\d+")
_SHOWN = 8


def check_label_numbers(name: str, settings: Mapping[str, Any]) -> None:
    """Raises CctaError where config.json does not number its labels from 0, or counts two ways.

    A gap or a number from 1 on would name a column by its neighbour's name.
    """
    table = settings.get("id2label")
    if table is None:
        return
    written = [str(number) for number in table] if isinstance(table, Mapping) else []
    numbers = sorted(int(number) for number in written if number.isdecimal())
    if not numbers or len(numbers) < len(written) or numbers != list(range(len(numbers))):
        shown = ", ".join(written[:_SHOWN]) or "not at all"
        raise CctaError(
            f"{name}: id2label in config.json numbers its labels {shown}; expected 0, 1, 2 and so "
            "on, one a column of the head: mend it there"
        )
    declared = settings.get("num_labels")
    if isinstance(declared, int) and declared != len(numbers):
        raise CctaError(
            f"{name}: config.json has num_labels {declared} and {len(numbers)} names in id2label; "
            "expected as many names as the head has columns: mend it there"
        )


class ColumnNames(NamedTuple):
    """The names of a head's columns, all different, and what a person should know of them."""

    names: tuple[str, ...]
    notices: tuple[str, ...]


def column_names(name: str, task: str, settings: Mapping[str, Any], columns: int) -> ColumnNames:
    """Returns the names of a head's columns by config.json, with a sentence for each doubtful
    thing.

    Tags are named as they are stored, classes in lower case where that is unique; columns that
    share a name are told apart by their number. Raises CctaError on tags that share one, and on a
    tagger of a single tag.
    """
    if task == "qa":
        return ColumnNames(("start", "end"), ())
    stored = _stored(settings.get("id2label"), columns)
    notices = list(_other_numbers(name, stored, settings.get("label2id")))
    shared = sorted({label for label in stored if stored.count(label) > 1})
    if task == "ner":
        if columns == 1:
            raise CctaError(f"{name} has the one tag {stored[0]!r}: every word would be tagged so")
        if shared:
            raise CctaError(
                f"{name}: id2label in config.json gives several columns the tag "
                f"{', '.join(map(repr, shared[:_SHOWN]))}; give each a name of its own there"
            )
        return ColumnNames(stored, tuple(notices))
    if shared:
        stored = _numbered_names(stored)
        notices.append(
            f"Several columns of {name} are called {', '.join(map(repr, shared[:_SHOWN]))} in "
            "config.json: each is shown with its number."
        )
    if columns == 1 and _GENERIC.fullmatch(stored[0]):
        is_score = outputs_of(name, settings, columns) == SCORES
        return ColumnNames((SCORE if is_score else stored[0],), tuple(notices))
    lower = tuple(label if _GENERIC.fullmatch(label) else label.lower() for label in stored)
    names = stored if len(set(lower)) < len(lower) else lower
    return ColumnNames(names, tuple(notices))


def outputs_of(name: str, settings: Mapping[str, Any], columns: int) -> str:
    """Returns CLASSES, LABELS or SCORES: what a classification head's columns are by
    `problem_type`.

    A single column is a score: its softmax would be 1 whatever it says. With `problem_type`
    multi_label_classification it is a label that holds or not. Raises CctaError on another type.
    """
    kind = settings.get("problem_type")
    if kind not in (None, *_PROBLEM_TYPES):
        raise CctaError(
            f"{name}: problem_type in config.json is {kind!r}; expected one of: "
            f"{', '.join(_PROBLEM_TYPES)}, or none"
        )
    if kind == "multi_label_classification":
        return LABELS
    return SCORES if kind == "regression" or columns == 1 else CLASSES


def task_named(task: str, labels: Sequence[str], outputs: str) -> str:
    """Returns the task of a classification head by its labels: nli, paraphrase, or
    classification.
    """
    if task != "classification" or outputs != CLASSES:
        return task
    if {"entailment", "neutral", "contradiction"} <= set(labels):
        return "nli"
    same = re.compile(r"paraphrase|equivalent|duplicate")
    return "paraphrase" if any(same.search(label) for label in labels) else task


def _stored(table: Mapping[Any, Any] | None, columns: int) -> tuple[str, ...]:
    """Returns the names in config.json; LABEL_n for a column without one."""
    named = {
        int(number): "" if label is None else str(label).strip()
        for number, label in (table or {}).items()
    }
    return tuple(named.get(column) or f"LABEL_{column}" for column in range(columns))


def _other_numbers(name: str, stored: Sequence[str], numbers: object) -> Iterator[str]:
    """Yields a sentence where label2id contradicts id2label."""
    for label, number in numbers.items() if isinstance(numbers, Mapping) else ():
        columns = [column for column, stored_label in enumerate(stored) if stored_label == label]
        if columns and number not in columns:
            yield (
                f"label2id in {name}'s config.json gives {label!r} the number {number}, id2label "
                f"{columns[0]}: id2label counts."
            )
            return


def _numbered_names(stored: Sequence[str]) -> tuple[str, ...]:
    """Returns the names; those that several columns share are followed by the column's number."""
    names = [
        f"{label} ({column})" if stored.count(label) > 1 else label
        for column, label in enumerate(stored)
    ]
    generic = tuple(f"LABEL_{column}" for column in range(len(stored)))
    return tuple(names) if len(set(names)) == len(names) else generic
