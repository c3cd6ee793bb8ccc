"""The measures that can be exported as means: their names, labels and what they mean."""

from collections.abc import Sequence

from ccta_core.errors import CctaError
from ccta_core.study.storage.schema import COLUMNS

_CALIBRATED = "EMS rescaled so that unrelated texts are 0 and perfect agreement 1: not a control"

WHAT = {
    **{
        column.name: column.what
        for column in COLUMNS
        if column.type == "float64"
        and not column.name.startswith(("source_", "target_"))
        and column.name != "ems_unrelated_back"
    },
    "calibrated": _CALIBRATED,
}
"""What each measure is, in a few words."""
MEASURES = tuple(WHAT)
"""What `--measure` takes."""
DEFAULT = ("ems", "gain")
"""The measures of the heatmaps where none is named; the first is the scatter's."""
TABLE = ("ems", "ems_uniform", "ems_shuffled", "ems_unrelated", "gain")
"""EMS and its controls: in every table of means."""
DIRECTED = ("ems_unrelated", "calibrated")
"""They differ between a pair and the pair turned round."""
SIGNED = ("gain", "z", "link_spearman", "calibrated")
"""Measures that may be below zero and are coloured around it."""
_LABELS = {
    "ems": "EMS",
    "ems_uniform": "uniform",
    "ems_length": "by length",
    "ems_shuffled": "shuffled",
    "ems_unrelated": "unrelated",
    "shuffled_sd": "SD of shuffled",
    "p_value": "p",
}


def label(measure: str) -> str:
    """How a measure is called in tables and figures."""
    return _LABELS.get(measure, measure.replace("_", " "))


def checked(measures: Sequence[str]) -> tuple[str, ...]:
    """The measures, each once. Raises CctaError on an unknown one and where none is named."""
    found = tuple(dict.fromkeys(measures))
    unknown = [name for name in found if name not in MEASURES]
    if unknown or not found:
        raise CctaError(
            f"unknown measure {', '.join(map(repr, unknown)) or 'nothing'}; expected some of: "
            f"{', '.join(MEASURES)}"
        )
    return found
