"""Reads records of comma- or tab-separated text, in which a stray quote never swallows lines.

A quote counts where it stands around a whole field, its own doubled inside (RFC 4180). A field in
quotes may go on over lines; but so seems one that merely begins with a quote, until the next such
quote closes it. What is sure is read, what is not is left out by line:

- `.tsv`: quotes are common in texts, tabs are not. A quote counts where it closes on its line, or
  over lines without a tab and without rows between; any other is part of the text (which is said
  where it begins a field).
- `.csv`: a quote that closes nowhere, or has text behind it, leaves its line out. A field over
  lines that holds commas is one text (which is said) where none of these lines could be a row of
  its own; else they are all left out.
"""

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ccta_core.corpus.items import LeftOut
from ccta_core.corpus.lines import raw_lines
from ccta_core.errors import CctaError

_MOST_LINES = 1000
"""Lines over which the end of a field is looked for."""
_CODE = re.compile(r"\s*\w{2,3}\s*")
"""What may be the code of a language."""
_ADVICE = 'a field with quotes must stand in quotes wholly, its own doubled: "she said ""yes"""'
_ONE_CHARACTER = "a quote begins a field and does not close on its line: read as part of the text"
_ONE_TEXT = "a field in quotes goes on over lines and holds commas: read as one text"


@dataclass(frozen=True, slots=True)
class Record:
    """One record: the line it begins on, its fields, and a note on how it was read."""

    line: int
    fields: list[str]
    note: str | None = None


def read_header(path: Path, delimiter: str) -> list[str]:
    """Returns the names in the first line that is not empty; none for an empty file.

    Raises CctaError where their quotes can't be read.
    """
    for number, raw in raw_lines(path):
        line = _without_end(raw)
        if line:
            split = _split(line, delimiter)
            if split.unclosed or split.stray:
                raise CctaError(f"{path}:{number}: the header's quotes can't be read; {_ADVICE}")
            return [name.strip() for name in split.fields]
    return []


def read_records(path: Path, delimiter: str, names: Sequence[str]) -> Iterator[Record | LeftOut]:
    """Yields the records after the header `names`, in order, and what is no record by place and
    reason.

    Raises CctaError where the file is not UTF-8 text.
    """
    lines = _Lines(raw_lines(path))
    language = names.index("lang") if "lang" in names else None
    reader = _RecordReader(path.name, delimiter, len(names), language)
    header = True
    while (numbered := lines.take()) is not None:
        line = _without_end(numbered.text)
        if not line:
            continue
        if header:
            header = False
        elif '"' not in line:
            yield reader.record(numbered.number, line.split(delimiter))
        else:
            yield from reader.quoted(numbered, lines)


class _NumberedLine(NamedTuple):
    """A line of a file with its end, and its number from 1."""

    number: int
    text: str


class _Lines:
    """Numbered lines that can be read ahead before they are taken."""

    def __init__(self, lines: Iterator[tuple[int, str]]) -> None:
        self._lines = (_NumberedLine(*line) for line in lines)
        self._ahead: deque[_NumberedLine] = deque()

    def take(self) -> _NumberedLine | None:
        """Returns the next line, None at the end."""
        return self._ahead.popleft() if self._ahead else next(self._lines, None)

    def ahead(self, count: int) -> Iterator[str]:
        """Yields the next `count` lines, which stay to be taken."""
        for place in range(count):
            if place == len(self._ahead):
                line = next(self._lines, None)
                if line is None:
                    return
                self._ahead.append(line)
            yield self._ahead[place].text


@dataclass(frozen=True, slots=True)
class _Split:
    """The fields of a text between delimiters; a field with a wrong quote stands as it is.

    `unclosed`: a quote begins a field and does not close; `stray`: text stands behind a closing
    quote; `spanning` are the fields in quotes that have a line end.
    """

    fields: list[str]
    spanning: tuple[str, ...]
    unclosed: bool
    stray: bool


class _LongRecord(NamedTuple):
    """A record that goes on over more lines than its first; `split` is None where it is none."""

    split: _Split | None
    more_lines: int


@dataclass(frozen=True, slots=True)
class _RecordReader:
    """Makes records of lines: `width` fields each; `language` is the column of the language's
    code.
    """

    name: str
    delimiter: str
    width: int
    language: int | None

    def record(self, line: int, fields: list[str], note: str | None = None) -> Record | LeftOut:
        """Returns the record, or its line where it has not as many fields as the header."""
        if len(fields) != self.width:
            return self._left_out(line, f"expected {self.width} fields, found {len(fields)}")
        return Record(line, fields, note)

    def quoted(self, first: _NumberedLine, lines: _Lines) -> Iterator[Record | LeftOut]:
        """Yields what stands on a line with quotes and on those over which its last field goes
        on.
        """
        number, line = first.number, _without_end(first.text)
        split = _split(line, self.delimiter)
        whole, more = self._over_lines(first.text, lines) if split.unclosed else (None, 0)
        tabs = self.delimiter == "\t"
        if whole is not None:
            holds = any(self.delimiter in field for field in whole.spanning)
            # In a table of one column every line could be a row, whatever it holds.
            unsure = (holds or self.width == 1) and any(map(self._row_like, lines.ahead(more)))
            if not (tabs and (holds or unsure)):
                for _ in range(more):
                    lines.take()
                if unsure:
                    yield from self._unsure(number, number + more)
                else:
                    yield self.record(number, whole.fields, _ONE_TEXT if holds else None)
                return
        if tabs:
            # Two fields that begin and end with a quote of their text look like one with a tab.
            plain = line.split("\t")
            fits = len(split.fields) != self.width and len(plain) == self.width
            note = _ONE_CHARACTER if split.unclosed else None
            yield self.record(number, plain if fits else split.fields, note)
        elif split.unclosed or split.stray:
            what = "a quote opens that does not close" if split.unclosed else "text follows a quote"
            yield self._left_out(number, f"{what}; {_ADVICE}")
        else:
            yield self.record(number, split.fields)

    def _over_lines(self, raw: str, lines: _Lines) -> _LongRecord:
        """Returns the record that begins with a line and goes on over others; none where it does
        not end, or not with the header's number of fields.
        """
        text = raw
        for more, following in enumerate(lines.ahead(_MOST_LINES), 1):
            text += following
            if '"' in following:
                split = _split(_without_end(text), self.delimiter)
                if split.stray and self.delimiter != "\t":
                    break
                if not split.unclosed:
                    fits = len(split.fields) == self.width
                    return _LongRecord(split if fits else None, more)
        return _LongRecord(None, 0)

    def _row_like(self, raw: str) -> bool:
        """Returns whether a line could be a row by itself."""
        line = _without_end(raw)
        for fields in (line.split(self.delimiter), _split(line, self.delimiter).fields):
            if len(fields) == self.width:
                return self.language is None or bool(_CODE.fullmatch(fields[self.language]))
        return False

    def _unsure(self, first: int, last: int) -> Iterator[LeftOut]:
        reason = (
            f"a field in quotes goes on over lines {first} to {last}, which look like rows of "
            f"their own: a quote without its pair? {_ADVICE}"
        )
        for line in range(first, last + 1):
            yield self._left_out(line, reason)

    def _left_out(self, line: int, reason: str) -> LeftOut:
        return LeftOut(f"{self.name}:{line}", reason)


def _without_end(raw: str) -> str:
    return raw.removesuffix("\n").removesuffix("\r")


def _split(text: str, delimiter: str) -> _Split:
    """Returns the fields of a text, which may have line ends inside quotes."""
    fields: list[str] = []
    spanning: list[str] = []
    unclosed = stray = False
    start = 0
    while True:
        end = -1
        if text.startswith('"', start):
            close = _closing(text, start + 1)
            if close < 0:
                unclosed = True
            elif close + 1 == len(text) or text.startswith(delimiter, close + 1):
                end = close + 1
                fields.append(text[start + 1 : close].replace('""', '"'))
                spanning += [fields[-1]] if "\n" in fields[-1] else []
            else:
                stray = True
        if end < 0:  # no quotes around it, or wrong ones
            delimiter_start = text.find(delimiter, start)
            end = len(text) if delimiter_start < 0 else delimiter_start
            fields.append(text[start:end])
        if end == len(text):
            return _Split(fields, tuple(spanning), unclosed, stray)
        start = end + 1


def _closing(text: str, start: int) -> int:
    """Returns the first quote from `start` on that is not doubled, -1 where there is none."""
    while True:
        place = text.find('"', start)
        if place < 0 or not text.startswith('"', place + 1):
            return place
        start = place + 2
