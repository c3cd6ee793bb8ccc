"""Reads a person's own file: `file:PATH`, csv, tsv, jsonl or parquet, in one of two layouts.

- One row an item and language: `id`, `lang` and `text`, and where there is more `text2`, `label`,
  `group`, `answer` with `answer_start` (an offset into `text2`; without it the answer is looked
  for), `tags` (one for each word of `text`, words between spaces). Rows with one id say the same
  thing in their languages.
- One column a language, named by its code, `en_2` and so on for second texts; `id`, `label` and
  `group` beside them. `id` is never Indonesian: its column is `ind`. Without an id the row's number
  stands in.

Labels are free, but where the first is one of a known task (nli, paraphrase) all must be. Other
columns are not read; one that is nearly one of these, as Label or hypothesis, is refused.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import regex

from ccta_core.corpus.answers import answer_spans
from ccta_core.corpus.cells import UNLABELLED, label_of, text_of, whole_number_of
from ccta_core.corpus.formats.panx import NOT_IOB2, as_iob2
from ccta_core.corpus.items import Item, LeftOut
from ccta_core.corpus.labels import CLASSES, is_number
from ccta_core.corpus.source import WHOLE, OpenDataSet, PlacedItem, ReaderOutput, Streams
from ccta_core.corpus.tables import TableFile, TableRow, Values, open_table
from ccta_core.errors import CctaError
from ccta_core.languages import LANGUAGES

_LONG = ("id", "lang", "text")
_READ = (*_LONG, "text2", "label", "group", "answer", "answer_start", "tags")
_OTHERWISE = {
    "premise": "text", "sentence1": "text", "hypothesis": "text2", "sentence2": "text2",
    "context": "text2", "gold_label": "label", "gold": "label", "labels": "label",
}  # fmt: skip
"""What other files call a column, and what it is called here."""
_INDONESIAN = ("id", "ind")
_SECOND = "_2"
_ANSWERED, _TAGGED = "qa", "ner"
_PEEKED = 20
"""Rows that tell whether a file has a header."""
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


def open_file(where: str) -> OpenDataSet:
    """Opens the data in a file. Raises CctaError (one line) where it has neither layout."""
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
            f"{_other_separator(table)}"
        )
    _check_columns(table, wide)
    _check_header(table, wide)
    task = _task(table, long=long)
    labels = _Labels(table.path, CLASSES.get(task), labelled=task not in (_ANSWERED, _TAGGED))

    def streams(langs: Sequence[str]) -> Streams:
        yield (
            tuple(langs),
            (
                _wide_items(table, labels, wide, langs)
                if wide
                else _long_items(table, labels, langs)
            ),
        )

    return OpenDataSet(
        source=f"file:{Path(where).name}",
        task=task,
        split="all",
        licence="your own file",
        languages=lambda: tuple(wide) or _languages(table),
        streams=streams,
        listed=bool(wide),
        together=bool(wide),
        size=table.size,
        labels=lambda: _all_labels(table) if labels.labelled else (),
    )


def _language_columns(columns: Sequence[str]) -> dict[str, str]:
    """Maps each language to its column."""
    by_language = {name: name for name in columns if name in LANGUAGES and name != _INDONESIAN[0]}
    if _INDONESIAN[1] in columns:
        by_language[_INDONESIAN[0]] = _INDONESIAN[1]
    return by_language


def _other_separator(table: TableFile) -> str:
    """Returns a hint on how the file is separated where its header is one name; else nothing."""
    if len(table.columns) != 1 or table.path.suffix.lower() not in (".csv", ".tsv"):
        return ""
    for mark, name in _SEPARATORS.items():
        if len(parts := table.columns[0].split(mark)) > 1:
            wanted = "commas" if table.path.suffix.lower() == ".csv" else "tabs"
            return f"; its {len(parts)} names stand between {name}: save it with {wanted}"
    return ""


def _check_columns(table: TableFile, wide: Mapping[str, str]) -> None:
    """Raises CctaError where a column is nearly one that is read: the file would be another without
    it, a pair of texts one text, or labelled items unlabelled.
    """
    read = ("id", "group", "label") if wide else _READ
    for column in table.columns:
        name = column.strip().casefold()
        code = bool(wide) and column.isupper() and name.partition("_")[0] in LANGUAGES
        expected = name if name in read or code else _OTHERWISE.get(name)
        if (expected in read or code) and expected not in table.columns:
            raise CctaError(
                f"{table.path}:1: the column {column!r} is not read; call it {expected!r}, or "
                "leave it out"
            )


def _check_header(table: TableFile, wide: Mapping[str, str]) -> None:
    """Raises CctaError where a language's column holds no text: numbers (a column `no` would be
    Norwegian), or the codes of languages where the first line is a row (`1,en,Hello` would name a
    column en).
    """
    numbers, empty, codes, seen = dict(wide), set(wide), bool(wide), False
    for row in islice(table.rows(), _PEEKED if wide else 0):
        if isinstance(row, TableRow):
            values = {lang: _text(row.values, column) for lang, column in wide.items()}
            seen = True
            codes = codes and all(value in LANGUAGES for value in values.values())
            numbers = {lang: numbers[lang] for lang in numbers
                       if not values[lang] or is_number(values[lang])}  # fmt: skip
            if not numbers and not codes:
                return
            empty = {lang for lang in empty if not values[lang]}
    for lang, column in numbers.items():
        if lang not in empty:
            raise CctaError(
                f"{table.path}: the column {column!r} would be {LANGUAGES[lang].name} and holds "
                "numbers; call it something else"
            )
    if codes and seen:
        raise CctaError(
            f"{table.path}:1: the column {next(iter(wide.values()))!r} holds codes of languages "
            "and no text: is the first line a row? Expected a header (id, lang, text, ...)"
        )


def _languages(table: TableFile) -> tuple[str, ...]:
    """Returns the languages of a file with a row for each item and language: the whole file is
    read.
    """
    codes: dict[str, None] = {}
    left_out: list[LeftOut] = []
    for row in table.rows():
        if isinstance(row, TableRow):
            codes[_text(row.values, "lang")] = None
        else:
            left_out.append(row)
    languages = tuple(lang for lang in codes if lang in LANGUAGES)
    if not languages:
        why = (
            f"; {len(left_out)} lines left out, the first ({left_out[0].place}): "
            if left_out
            else ""
        )
        raise CctaError(
            f"{table.path} has no row of a known language; expected codes such as en or es in the "
            f"column lang, found: {', '.join(codes)[:80] or 'no row'}"
            f"{why}{left_out[0].reason if left_out else ''}"
        )
    return languages


def _task(table: TableFile, *, long: bool) -> str:
    """Returns the task that the columns and the first label point to."""
    columns = set(table.columns)
    if long and "answer" in columns:
        return _ANSWERED
    if long and "tags" in columns:
        return _TAGGED
    if "label" not in columns:
        return "retrieval"
    labels = (_text(row.values, "label") for row in table.rows() if isinstance(row, TableRow))
    first = next((label for label in labels if label not in UNLABELLED), "").casefold()
    return next((task for task, classes in CLASSES.items() if first in classes), "classification")


def _all_labels(table: TableFile) -> tuple[str, ...]:
    """Returns every label of the file, whichever of its rows are used."""
    if table.size > WHOLE:
        return ()
    labels: dict[str, None] = {}
    for row in table.rows():
        if isinstance(row, TableRow):
            try:
                labels[label_of(row.values.get("label"))] = None
            except CctaError:
                continue  # reading the row says so
    return tuple(label for label in labels if label not in UNLABELLED)


@dataclass(frozen=True, slots=True)
class _Labels:
    """Reads the labels of a file; where the first is one of a known task, all must be."""

    path: Path
    classes: tuple[str, ...] | None
    labelled: bool

    def read(self, placed: PlacedItem, values: Values) -> PlacedItem:
        """Returns the item with its row's label. Raises CctaError, naming the line, on an unknown
        one.
        """
        if not self.labelled or "label" not in values:
            return placed
        try:
            label = label_of(values["label"])
        except CctaError as error:
            raise CctaError(f"{self.path}:{placed.place.rpartition(':')[2]}: {error}") from error
        if label in UNLABELLED:
            return replace(placed, refused=placed.refused or "it has no gold label")
        if self.classes and label.casefold() not in self.classes:
            raise CctaError(
                f"{self.path}:{placed.place.rpartition(':')[2]}: unknown label {label!r}, expected "
                f"one of: {', '.join(self.classes)}"
            )
        class_name = label.casefold() if self.classes else label
        return replace(placed, item=replace(placed.item, label=class_name))


def _text(values: Values, name: str) -> str:
    """Returns a value as text, empty where there is none or it is no text."""
    try:
        return text_of(values.get(name))
    except CctaError:
        return ""


def _nested(values: Values) -> str | None:
    """Returns the first column whose value is no text or number; tags may be a list."""
    kinds = (list, dict, bytes)
    return next(
        (name for name in values if isinstance(values[name], kinds) and name != "tags"), None
    )


def _row_notes(row: TableRow) -> tuple[str, ...]:
    return (row.note,) if row.note else ()


def _wide_items(
    table: TableFile, labels: _Labels, columns: Mapping[str, str], langs: Sequence[str]
) -> Iterator[ReaderOutput]:
    for row in table.rows():
        if isinstance(row, LeftOut):
            yield row
            continue
        nested = _nested(row.values)
        if nested:
            yield LeftOut(row.place, f"expected text in {nested}, found a list or an object")
            continue
        id_ = _text(row.values, "id") or f"row-{row.number}"
        group = _text(row.values, "group") or id_
        for place, lang in enumerate(langs):
            text = _text(row.values, columns[lang])
            second = columns[lang] + _SECOND
            text2 = _text(row.values, second) if second in table.columns else None
            item = Item(id_, group, lang, text, text2)
            noted = _row_notes(row) if place == 0 else ()
            yield labels.read(PlacedItem(row.place, item, noted), row.values)


def _long_items(table: TableFile, labels: _Labels, langs: Sequence[str]) -> Iterator[ReaderOutput]:
    for row in table.rows():
        if isinstance(row, LeftOut):
            yield row
            continue
        id_, lang = _text(row.values, "id"), _text(row.values, "lang")
        nested = _nested(row.values)
        if nested:
            yield LeftOut(row.place, f"expected text in {nested}, found a list or an object")
        elif lang not in LANGUAGES:
            yield LeftOut(row.place, f"unknown language {lang!r}")
        elif not id_:
            yield LeftOut(row.place, "it has no id")
        elif lang in langs:
            group = _text(row.values, "group") or id_
            text2 = _text(row.values, "text2") or None
            item = Item(id_, group, lang, _text(row.values, "text"), text2)
            answered = _with_answer(PlacedItem(row.place, item, _row_notes(row)), row.values)
            yield labels.read(_with_tags(answered, row.values), row.values)


def _with_answer(placed: PlacedItem, values: Values) -> PlacedItem:
    if "answer" not in values:
        return placed
    if placed.item.text2 is None:
        return replace(placed, refused="an answer needs its context in text2")
    start = None
    if _text(values, "answer_start"):
        start = whole_number_of(values["answer_start"])
        # The context is read without its outer spaces.
        raw = values["text2"]
        lead = len(raw) - len(raw.lstrip()) if isinstance(raw, str) else 0
        if start is None or not 0 <= start - lead < len(placed.item.text2):
            return replace(
                placed,
                refused=f"its answer_start is {_text(values, 'answer_start')!r}, no place in the "
                "context",
            )
        start -= lead
    spans = answer_spans(placed.item.text2, [(_text(values, "answer"), start)])
    item = replace(placed.item, answers=spans.spans)
    repaired = (*placed.repaired, *spans.repaired)
    return replace(placed, item=item, repaired=repaired, refused=spans.refused)


def _with_tags(placed: PlacedItem, values: Values) -> PlacedItem:
    if "tags" not in values or placed.refused:
        return placed
    value = values["tags"]
    try:
        tags = (
            [text_of(tag) for tag in value] if isinstance(value, list) else text_of(value).split()
        )
    except CctaError as error:
        return replace(placed, refused=f"its tags: {error}")
    words = tuple(match.span() for match in regex.finditer(r"\S+", placed.item.text))
    if len(tags) != len(words):
        reason = f"expected a tag for each of its {len(words)} words, found {len(tags)}"
        return replace(placed, refused=reason)
    try:
        iob2, wrong = as_iob2(tags)
    except CctaError as error:
        return replace(placed, refused=str(error))
    item = replace(placed.item, words=words, tags=iob2)
    return replace(placed, item=item, repaired=(*placed.repaired, *[NOT_IOB2] * wrong))
