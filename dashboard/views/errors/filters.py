"""What the list of errors is filtered by and sorted by."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from ccta_core.measures import EXPORTED, MEASURES, SAME_PREDICTION

RIGHT = ("any", "rr", "rw", "wr", "ww")
"""Right (r) or wrong (w) in the source and in the target."""
AGREEMENT = ("any", "same", "different")
BETWEEN = "\x1f"
_SPLIT = "(SELECT unnest(string_split(?, chr(31))))"
_PAIR = "item, least(source_lang, target_lang), greatest(source_lang, target_lang)"


@dataclass(frozen=True, slots=True)
class Range:
    """A measure (a name of SORTS) from `low` to `high`, both included; unknown values are out."""

    name: str
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Filters:
    """What a comparison must be. An empty text means any; `items` None too.

    `items` are the ids of a tag, `joined`. `find` is searched for in ids, whatever the case;
    `places` are texts that hold it, each as "language id", `joined`: one of the two is enough.
    """

    model: str
    layer: int
    source: str = ""
    target: str = ""
    right: str = "any"
    agreement: str = "any"
    gold: str = ""
    source_says: str = ""
    target_says: str = ""
    ranges: tuple[Range, ...] = ()
    items: str | None = None
    find: str = ""
    places: str = ""

    @property
    def open(self) -> bool:
        """Whether no language is named: pairs of languages are then without a direction."""
        return not self.source and not self.target

    @property
    def whole(self) -> "Filters":
        """The filters without right or wrong: the comparisons that a share is taken of."""
        return replace(self, right="any")

    @property
    def without_predictions(self) -> "Filters":
        """The filters without those on predictions: the rows of a table of predictions."""
        return replace(self, right="any", agreement="any", source_says="", target_says="")


@dataclass(frozen=True, slots=True)
class Query:
    """SQL for a relation with the columns of `rows`, and its parameters."""

    sql: str
    parameters: tuple[Any, ...]


def select_comparisons(filters: Filters) -> Query:
    """The comparisons that pass, each once."""
    passing = _passing_rows(filters)
    if not filters.open or _is_one_way(filters):
        return passing
    if _is_symmetric(filters):
        return Query(f"{passing.sql} AND source_lang < target_lang", passing.parameters)
    once = f"row_number() OVER (PARTITION BY {_PAIR} ORDER BY source_lang) = 1"
    return Query(f"{passing.sql} QUALIFY {once}", passing.parameters)


def flag_comparisons(filters: Filters) -> Query:
    """Every comparison of `filters.whole` whose gold is known, with `chosen`: whether it passes.

    Columns: item, group, a and b (the languages, in alphabetical order where none is named), ems,
    gain, chosen (0 or 1).
    """
    whole, right = filters.whole, _right_sql(filters.right) or "TRUE"
    gold_known = "source_correct IS NOT NULL AND target_correct IS NOT NULL"
    if filters.open and not _is_symmetric(whole):  # chosen where one of its two directions passes
        passing = _passing_rows(whole)
        return Query(
            'SELECT item, "group", least(source_lang, target_lang) AS a, '
            "greatest(source_lang, target_lang) AS b, any_value(ems) AS ems, "
            f"any_value(gain) AS gain, max(({right})::INT) AS chosen "
            f"FROM ({passing.sql} AND {gold_known}) GROUP BY ALL",
            passing.parameters,
        )
    if filters.open and filters.right in ("rw", "wr"):
        right = "source_correct <> target_correct"
    passing = select_comparisons(whole)
    return Query(
        'SELECT item, "group", source_lang AS a, target_lang AS b, ems, gain, '
        f"({right})::INT AS chosen FROM ({passing.sql}) WHERE {gold_known}",
        passing.parameters,
    )


def joined(names: Iterable[str]) -> str:
    """Names as one parameter of a query: quick to compare and to pass, however many there are."""
    return BETWEEN.join(names)


def _passing_rows(filters: Filters) -> Query:
    """The ordered rows that pass."""
    tests, parameters = ["model = ?", "layer = ?"], [filters.model, filters.layer]
    equal = {
        "source_lang": filters.source, "target_lang": filters.target, "gold": filters.gold,
        "source_predicted": filters.source_says, "target_predicted": filters.target_says,
    }  # fmt: skip
    for name, value in equal.items():
        if value:
            tests.append(f"{name} = ?")
            parameters.append(value)
    for test in (_right_sql(filters.right), _agreement_sql(filters.agreement)):
        tests += [test] if test else []
    for bounds in filters.ranges:
        tests.append(f"{finite(bounds.name)} BETWEEN ? AND ?")
        parameters += [bounds.low, bounds.high]
    more, added = _item_tests(filters)
    where = " AND ".join((*tests, *more))
    return Query(f"SELECT * FROM rows WHERE {where}", (*parameters, *added))


def _item_tests(filters: Filters) -> tuple[list[str], list[Any]]:
    """The tests by id: items of a tag, texts that hold a word."""
    tests, parameters = [], []
    if filters.items is not None:
        tests.append(f"item IN {_SPLIT}")
        parameters.append(filters.items)
    if filters.find:
        sides = (f"{side}_lang || ' ' || item IN {_SPLIT}" for side in ("source", "target"))
        tests.append(f"(contains(lower(item), lower(?)) OR {' OR '.join(sides)})")
        parameters += [filters.find, filters.places, filters.places]
    return tests, parameters


def _right_sql(combination: str) -> str:
    if combination == "any":
        return ""
    signs = {"r": "", "w": "NOT "}
    source, target = (signs[letter] for letter in combination)
    return f"{source}source_correct AND {target}target_correct"


def _agreement_sql(agreement: str) -> str:
    signs = {"same": "", "different": "NOT "}
    return f"{signs[agreement]}({SAME_PREDICTION})" if agreement in signs else ""


def _is_one_way(filters: Filters) -> bool:
    """Whether no comparison passes in both of its directions."""
    predictions = filters.source_says, filters.target_says
    apart = all(predictions) and predictions[0] != predictions[1]
    return (
        filters.right in ("rw", "wr")
        or apart
        or (any(predictions) and filters.agreement == "different")
    )


def _is_symmetric(filters: Filters) -> bool:
    """Whether every comparison that passes does so in both of its directions."""
    one_sided = filters.source_says != filters.target_says
    return not one_sided and not any(directed(bounds.name) for bounds in filters.ranges)


CONTROLS = tuple(name for name in EXPORTED if name != "ems")
"""What a range can be asked of, beside EMS and the length."""
_LENGTH = "greatest(source_units, target_units)"
_SIDED = ("confidence", "probability", "score", "mass_error", "completeness_error", "special_share")
UNKNOWN = 1e308
"""Stands for what is not known, at the end of either order."""


def _sort_columns() -> dict[str, str]:
    sided = {f"{side}_{name}": "" for name in _SIDED for side in ("source", "target")}
    plain = {name: f'"{name}"' for name in (*EXPORTED, "links", *sided)}
    return {**plain, "length": _LENGTH, "item": "item"}


SORTS = MappingProxyType(_sort_columns())
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
    return (name in MEASURES and MEASURES[name].directed) or name.startswith(("source_", "target_"))


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
}  # fmt: skip


def sortable_names(task: str) -> Sequence[str]:
    """What the list of a task's comparisons can be sorted by, in the order of the menu."""
    first = ("ems", "gain", "item", "length")
    rest = [name for name in SORTS if name not in first]
    return [*first, *(name for name in rest if task == "qa" or not name.endswith("_score"))]
