"""The columns of a study's rows: names, types and what they mean. One row an item x pair x layer.

Rows are stored once a pair of languages, in the order in which the study names them; `table.py`
gives both directions.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ccta_core.measures import MEASURES

VERSION = 5
"""Raised when a column is added or changes its meaning; an older reader refuses a later schema.
2: `mass_error`, and `converged` says that it is within the tolerance (of 1: that completeness and
the last movement of the masses were).
3: `gain_unrelated` and `gain_other_class`, and `shuffled_difference` is the mean of as many
shuffles within each text as EMS's null has (before: of one, across the texts).
4: unrelated items are drawn from the whole study (before: from the chunk).
5: an item without a gold label is explained in every language for the class that the model predicts
in English, else in the study's first language (before: each language for its own prediction, and
`target_class` was the source's)."""
SINCE_CHANCE_OF_GAIN = 3
"""The version whose rows have the chance level of the gain."""
SINCE_DRAWN_FROM_ALL = 4
"""The version that draws unrelated items from the whole study, which orders its items."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its Arrow type by name, and what it holds."""

    name: str
    type: str
    what: str


_BOTH = ("source", "target")


def _measures(*keys: str) -> Iterator[Column]:
    """Returns the columns of measures: what they mean, and when they are null (measures.py)."""
    for measure in (MEASURES[key] for key in keys):
        null = f"; null: {measure.missing}" if measure.missing else ""
        yield Column(measure.key, "float64", measure.meaning + null)


_KEYS = (
    Column("item", "string", "id of the item in its data set"),
    Column("group", "string", "premise, paragraph or cluster; items of one are not independent"),
    Column(
        "gold",
        "string",
        "the gold label as the model names it; null where the answer is marked in the text",
    ),
    Column("model", "string", "id of the model"),
    Column("layer", "int16", "layer of the attribution, 0 = embedding output"),
    Column("source_lang", "string", "language of the source"),
    Column("target_lang", "string", "language of the target"),
    Column(
        "target_class",
        "string",
        "what is explained: the gold label or answer, else what is "
        "predicted in English (the study's first language where it has no English)",
    ),
)
_VALUES = (
    *_measures("ems", "ems_uniform", "ems_length", "ems_shuffled", "shuffled_sd", "p_value"),
    *_measures("ems_unrelated"),
    Column("ems_unrelated_back", "float64", "the same from the target to unrelated sources"),
    *_measures(
        "gain",
        "gain_unrelated",
        "gain_other_class",
        "z",
        "link_spearman",
        "sign_agreement",
        "cross_segment_mass",
    ),
    Column("links", "int32", "mutual one-to-one word links"),
    *_measures("linked_difference", "unlinked_difference", "shuffled_difference"),
    *_measures("marginal_error"),
)


def _sided(name: str, kind: str, what: str) -> tuple[Column, ...]:
    return tuple(Column(f"{side}_{name}", kind, f"{side}: {what}") for side in _BOTH)


_SIDES = (
    *_sided(
        "predicted",
        "string",
        "predicted label or answer; of labels that hold or not all that do (a + b), or no label; "
        "null where the head gives scores",
    ),
    *_sided(
        "correct",
        "bool",
        "prediction equals gold (an answer: after SQuAD's normalisation; of labels that hold or "
        "not the gold one holds, and no other); null where the head gives scores",
    ),
    *_sided("score", "float64", "1 or 0; of an answer its F1; null where the head gives scores"),
    *_sided("probability", "float64", "of the gold label; null for answers and scores"),
    *_sided(
        "confidence",
        "float64",
        "probability of the prediction (of labels: of all being as predicted, taken as "
        "independent); null where the head gives scores",
    ),
    *_sided("units", "int32", "words"),
    *_sided("subwords", "int32", "tokens of the words, without specials"),
    *_sided("special_share", "float64", "share of the attribution on special tokens"),
    *_sided("completeness_error", "float64", "of the attribution"),
    *_sided(
        "mass_error",
        "float64",
        "bound on the L1 error of the unit masses, 90% coverage; null where the method has no such "
        "estimate, and of studies of schema 1",
    ),
    *_sided("converged", "bool", "whether the attribution is within its tolerance"),
    *_sided("evaluations", "int32", "gradient evaluations"),
    *_sided("truncated", "bool", "whether the text was cut"),
)

COLUMNS = (*_KEYS, *_VALUES, *_SIDES)
PREDICTIONS = ("source_predicted", "target_predicted")
TEXT_TASKS = ("qa", "ner")
"""Tasks whose predictions hold words of the data: answers, and names found in a text."""
NAMES = tuple(column.name for column in COLUMNS)
_SINCE = {
    2: ("source_mass_error", "target_mass_error"),
    3: ("gain_unrelated", "gain_other_class"),
}


def names_of(version: int) -> tuple[str, ...]:
    """Returns the columns that the parts of a study of this schema hold, in order."""
    later = {name for since, names in _SINCE.items() if version < since for name in names}
    return tuple(name for name in NAMES if name not in later)


def arrow_schema() -> Any:
    """Returns the columns as a pyarrow schema."""
    import pyarrow as pa

    kinds = {
        "string": pa.string(), "int16": pa.int16(), "int32": pa.int32(),
        "float64": pa.float64(), "bool": pa.bool_(),
    }  # fmt: skip
    return pa.schema([pa.field(column.name, kinds[column.type]) for column in COLUMNS])
