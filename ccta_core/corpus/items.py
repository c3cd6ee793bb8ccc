"""Defines the labelled item of one language that readers give and trainers take, for every task."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ccta_core.types import Span


@dataclass(frozen=True, slots=True)
class Item:
    """A text with its gold answer in one language.

    `text` and `text2` are premise and hypothesis, two sentences, or question and context; a tagged
    item has one text. `label` is the gold class; `answers` are the gold answers as character spans
    of `text2`; `words` are the spans of `text` that carry `tags` (IOB2, one a word). Items of one
    `group` share a premise, a paragraph or an article: they are not independent.
    """

    id: str
    group: str
    lang: str
    text: str
    text2: str | None = None
    label: str | None = None
    answers: tuple[Span, ...] = ()
    words: tuple[Span, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An item that could not be used: where it stands ("dev-es.tsv:17") and why."""

    place: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReadItems:
    """The items that a reader gave, in file order, and what it left out."""

    items: tuple[Item, ...]
    left_out: tuple[LeftOut, ...] = ()


def places_by_reason(rows: Sequence[LeftOut]) -> dict[str, list[str]]:
    """Maps each reason to the places it holds for, in file order; the commonest reason comes
    first.
    """
    places: dict[str, list[str]] = {}
    for row in by_line(rows):
        places.setdefault(row.reason, []).append(row.place)
    return dict(sorted(places.items(), key=lambda entry: -len(entry[1])))


def by_line(rows: Sequence[LeftOut]) -> list[LeftOut]:
    """Sorts the rows by their places: line 9 before line 10."""
    return sorted(rows, key=lambda row: _place_order(row.place))


def _place_order(place: str) -> list[tuple[bool, int, str]]:
    """Returns a sort key in which digits count as numbers and stand before text."""
    parts = re.findall(r"[0-9]{1,18}|[^0-9]+|[0-9]+", place)
    return [
        (False, int(part), "") if re.fullmatch(r"[0-9]{1,18}", part) else (True, 0, part)
        for part in parts
    ]


def linked_groups(pairs: Iterable[tuple[str, str]], ids: Sequence[str]) -> list[str]:
    """Returns the group of each pair of texts: the id of the first pair it is linked to by shared
    texts.

    Two pairs are linked where they share a text, or where a chain of such pairs joins them
    (union-find).
    """
    parent: dict[str, str] = {}
    pairs = list(pairs)
    for left, right in pairs:
        parent[_root(parent, left)] = _root(parent, right)
    first: dict[str, str] = {}
    return [
        first.setdefault(_root(parent, left), id_)
        for (left, _), id_ in zip(pairs, ids, strict=True)
    ]


def _root(parent: dict[str, str], text: str) -> str:
    while parent.setdefault(text, text) != text:
        parent[text] = parent[parent[text]]
        text = parent[text]
    return text
