"""A person's own file: `file:PATH`, csv, tsv, jsonl or parquet, in one of two layouts.

- One row an item and language: `id`, `lang` and `text`, and where there is more `text2`, `label`,
  `group`, `answer` with `answer_start` (an offset into `text2`; without it the answer is looked
  for), `tags` (one for each word of `text`, words between spaces). Rows with one id say the same
  thing in their languages.
- One column a language, named by its code, `en_2` and so on for second texts; `id`, `label` and
  `group` beside them. `id` is never Indonesian: its column is `ind`. Without an id the row's number
  stands in.

Labels are free, but where the first is one of a known task (nli, paraphrase) all must be.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import regex

from ccta_core.corpus.answers import answer_spans
from ccta_core.corpus.items import Item, LeftOut
from ccta_core.corpus.nli import LABELS, UNLABELLED
from ccta_core.corpus.panx import NOT_IOB2, as_iob2
from ccta_core.corpus.source import Found, Opened, Placed, Streams
from ccta_core.corpus.tables import Row, Table, Values, open_table
from ccta_core.errors import CctaError
from ccta_core.languages import LANGUAGES

_LONG = ("id", "lang", "text")
_INDONESIAN = ("id", "ind")
_SECOND = "_2"
_FAMILIES = (LABELS, ("paraphrase", "different"))
_TASKS = ("nli", "paraphrase")


def open_file(where: str) -> Opened:
    """The data in a file. Raises CctaError (one line) where it has neither layout."""
    if not where:
        raise CctaError("file: names no file; expected file:PATH")
    table = open_table(Path(where))
    long = {"lang", "text"} <= set(table.columns)
    wide = {} if long else _language_columns(table.columns)
    missing = [name for name in _LONG if name not in table.columns]
    if (missing and not wide) or (long and missing):
        raise CctaError(
            f"{where} has no column {' or '.join(missing)}; expected id, lang and text, or one "
            f"column a language (en, es, ...), found: {', '.join(table.columns)[:200]}"
        )

    def streams(langs: Sequence[str]) -> Streams:
        rows = _wide_items(table, wide, langs) if wide else _long_items(table, langs)
        yield tuple(langs), rows

    return Opened(
        source=f"file:{Path(where).name}",
        task=_task(table),
        split="all",
        licence="your own file",
        languages=lambda: tuple(wide) or _languages(table),
        streams=streams,
        listed=bool(wide),
        together=bool(wide),
        size=table.size,
    )


def _language_columns(columns: Sequence[str]) -> dict[str, str]:
    """Language -> its column."""
    found = {name: name for name in columns if name in LANGUAGES and name != _INDONESIAN[0]}
    if _INDONESIAN[1] in columns:
        found[_INDONESIAN[0]] = _INDONESIAN[1]
    return found


def _languages(table: Table) -> tuple[str, ...]:
    """The languages of a file with a row for each item and language: the whole file is read."""
    found = {str(row.values.get("lang")): None for row in table.rows() if isinstance(row, Row)}
    known = tuple(lang for lang in found if lang in LANGUAGES)
    if not known:
        raise CctaError(
            f"{table.path} has no row of a known language; expected codes such as en or es in the "
            f"column lang, found: {', '.join(found)[:80] or 'no row'}"
        )
    return known


def _task(table: Table) -> str:
    """What the columns and the first label say that the file is about."""
    columns = set(table.columns)
    if "answer" in columns:
        return "qa"
    if "tags" in columns:
        return "ner"
    if "label" not in columns:
        return "retrieval"
    first = next((row for row in table.rows() if isinstance(row, Row)), None)
    family = _family(_cell(first.values, "label")) if first else None
    return _TASKS[_FAMILIES.index(family)] if family else "classification"


def _family(label: str) -> tuple[str, ...] | None:
    return next((family for family in _FAMILIES if label.casefold() in family), None)


@dataclass(slots=True)
class _Labels:
    """Reads labels; the first one decides whether they are those of a known task."""

    path: Path
    family: tuple[str, ...] | None = None
    begun: bool = field(default=False)

    def read(self, found: Placed, values: Values) -> Placed:
        """The item with its row's label. Raises CctaError, naming the line, on an unknown one."""
        if "label" not in values:
            return found
        label = _cell(values, "label")
        if label in UNLABELLED:
            return replace(found, refused=found.refused or "it has no gold label")
        if not self.begun:
            self.family, self.begun = _family(label), True
        if self.family and label.casefold() not in self.family:
            line = found.place.rpartition(":")[2]
            raise CctaError(
                f"{self.path}:{line}: unknown label {label!r}, expected one of: "
                f"{', '.join(self.family)}"
            )
        known = label.casefold() if self.family else label
        return replace(found, item=replace(found.item, label=known))


def _cell(values: Values, name: str) -> str:
    """A value as text, empty where there is none."""
    value = values.get(name)
    return "" if value is None else str(value).strip()


def _nested(values: Values) -> str | None:
    """The first column whose value is no text or number; tags may be a list."""
    kinds = (list, dict)
    return next(
        (name for name in values if isinstance(values[name], kinds) and name != "tags"), None
    )


def _wide_items(table: Table, columns: Mapping[str, str], langs: Sequence[str]) -> Iterator[Found]:
    labels = _Labels(table.path)
    for row in table.rows():
        if isinstance(row, LeftOut):
            yield row
            continue
        nested = _nested(row.values)
        if nested:
            yield LeftOut(row.place, f"expected text in {nested}, found a list or an object")
            continue
        id_ = _cell(row.values, "id") or f"row-{row.number}"
        group = _cell(row.values, "group") or id_
        for lang in langs:
            text = _cell(row.values, columns[lang])
            second = columns[lang] + _SECOND
            text2 = _cell(row.values, second) if second in table.columns else None
            item = Item(id_, group, lang, text, text2)
            yield labels.read(Placed(row.place, item), row.values)


def _long_items(table: Table, langs: Sequence[str]) -> Iterator[Found]:
    labels = _Labels(table.path)
    for row in table.rows():
        if isinstance(row, LeftOut):
            yield row
            continue
        id_, lang = _cell(row.values, "id"), _cell(row.values, "lang")
        nested = _nested(row.values)
        if nested:
            yield LeftOut(row.place, f"expected text in {nested}, found a list or an object")
        elif lang not in LANGUAGES:
            yield LeftOut(row.place, f"unknown language {lang!r}")
        elif not id_:
            yield LeftOut(row.place, "it has no id")
        elif lang in langs:
            group = _cell(row.values, "group") or id_
            text2 = _cell(row.values, "text2") if row.values.get("text2") is not None else None
            item = Item(id_, group, lang, _cell(row.values, "text"), text2 or None)
            found = _with_tags(_with_answer(Placed(row.place, item), row.values), row.values)
            yield labels.read(found, row.values)


def _with_answer(found: Placed, values: Values) -> Placed:
    if "answer" not in values:
        return found
    if found.item.text2 is None:
        return replace(found, refused="an answer needs its context in text2")
    raw = str(values.get("text2") or "")
    lead = len(raw) - len(raw.lstrip())
    start = _offset(values.get("answer_start"))
    if start is not None:
        start -= lead
    spans = answer_spans(found.item.text2, [(_cell(values, "answer"), start)])
    item = replace(found.item, answers=spans.spans)
    return replace(found, item=item, repaired=spans.repaired, refused=spans.refused)


def _offset(value: Any) -> int | None:
    """An offset as it stands in a cell, None where there is none that is a whole number."""
    text = "" if value is None else str(value).strip().removesuffix(".0")
    return int(text) if text.isascii() and text.isdigit() else None


def _with_tags(found: Placed, values: Values) -> Placed:
    if "tags" not in values:
        return found
    value = values["tags"]
    tags = [str(tag) for tag in value] if isinstance(value, list) else str(value or "").split()
    words = tuple(match.span() for match in regex.finditer(r"\S+", found.item.text))
    if len(tags) != len(words):
        reason = f"expected a tag for each of its {len(words)} words, found {len(tags)}"
        return replace(found, refused=reason)
    try:
        iob2, wrong = as_iob2(tags)
    except CctaError as error:
        return replace(found, refused=str(error))
    item = replace(found.item, words=words, tags=iob2)
    return replace(found, item=item, repaired=(*found.repaired, *[NOT_IOB2] * wrong))
