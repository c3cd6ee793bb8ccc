"""The measures of a comparison: what a list of them can be sorted and cut by, and its words."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

from ccta_core.study.export.measures import MEASURES as STORED
from dashboard.tables.study_measures import DIRECTED, MEASURES

CONTROLS = tuple(name for name in STORED if name != "ems")
"""What a range can be asked of, beside EMS and the length."""
_LENGTH = "greatest(source_units, target_units)"
_SIDED = ("confidence", "probability", "score", "mass_error", "completeness_error", "special_share")
UNKNOWN = 1e308
"""Stands for what is not known, at the end of either order."""


def _sorts() -> dict[str, str]:
    sided = {f"{side}_{name}": "" for name in _SIDED for side in ("source", "target")}
    plain = {name: f'"{name}"' for name in (*STORED, "links", *sided)}
    return {**plain, "length": _LENGTH, "item": "item"}


SORTS = MappingProxyType(_sorts())
"""What the list can be sorted by, and its SQL."""


@dataclass(frozen=True, slots=True)
class Order:
    """By a measure of SORTS; unknown values last, ties by item, then languages."""

    name: str
    down: bool = False

    @property
    def value(self) -> str:
        """The measure, with what is not known at the end of either order."""
        if self.name == "item":
            return "item"
        return f"coalesce(({finite(self.name)})::DOUBLE, {-UNKNOWN if self.down else UNKNOWN})"

    @property
    def direction(self) -> str:
        """ASC or DESC."""
        return "DESC" if self.down else "ASC"

    @property
    def sql(self) -> str:
        """What follows ORDER BY."""
        return f"{self.value} {self.direction}, item, source_lang, target_lang"


def finite(name: str) -> str:
    """The SQL of a measure of SORTS, null where it is not known."""
    sql = SORTS[name]
    return sql if name == "item" else f"CASE WHEN isfinite(({sql})::DOUBLE) THEN {sql} END"


def directed(name: str) -> bool:
    """Whether a measure of SORTS differs between a pair and the pair turned round."""
    return name in DIRECTED or name.startswith(("source_", "target_"))


def label(name: str) -> str:
    """What a measure of SORTS is called."""
    if name in _LABELS:
        return _LABELS[name]
    side, _, rest = name.partition("_")
    if side in ("source", "target") and rest in _SIDED:
        return f"{label(rest)}, {side}"
    return MEASURES[name].label if name in MEASURES else name.replace("_", " ")


_LABELS = {
    "item": "item", "length": "length (words)", "links": "linked words",
    "link_spearman": "rank correlation of linked words", "p_value": "p against shuffled",
    "shuffled_sd": "SD of shuffled",
}  # fmt: skip


def sortable_names(task: str) -> Sequence[str]:
    """What the list of a task's comparisons can be sorted by, in the order of the menu."""
    first = ("ems", "gain", "item", "length")
    rest = [name for name in SORTS if name not in first]
    return [*first, *(name for name in rest if task == "qa" or not name.endswith("_score"))]
