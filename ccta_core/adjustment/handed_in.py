"""Parallel text that a person hands in: one table, or two files of lines that translate each other.

It is kept where files of the page Studies are (corpus/uploads.py), always as one table.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import regex

from ccta_core.adjustment.background import FINISHED, orders
from ccta_core.adjustment.parallel import read_parallel
from ccta_core.corpus.caps import check_caps, check_cell, check_rows
from ccta_core.corpus.lines import lines
from ccta_core.corpus.uploads import (
    ENDINGS,
    check_size,
    forget,
    keep_read,
    kept_name,
    read_apart,
    spec_of,
)
from ccta_core.errors import CctaError
from ccta_core.permissions import refuse_if_read_only

_LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class HandedIn:
    """A file as it came: its name and its bytes."""

    name: str
    content: bytes

    @property
    def is_table(self) -> bool:
        """Whether its name ends as a table's does."""
        return Path(self.name).suffix.lower() in ENDINGS


@dataclass(frozen=True, slots=True)
class KeptText:
    """Parallel text by its name among the uploads: its pairs, and what was left out, by reason."""

    name: str
    pairs: int
    dropped: dict[str, int]


def keep_parallel(files: Sequence[HandedIn], lang: str) -> KeptText:
    """Keeps one table or two line-parallel files of a language and English.

    Raises CctaError (one line, the files by their names) on any other number or kind of files, on
    sides of unequal length, where it can't be told which is English, and where no pair is left:
    then nothing is kept.
    """
    refuse_if_read_only("Handing in a file")
    tables = [file for file in files if file.is_table]
    if len(files) == 1 and tables:
        (file,) = files
        kept_name(file.name, file.content)
        facts = read_apart(read_table, [(_plain_name(file), file.content)], lang)
        name, content = file.name, file.content
    elif len(files) == 2 and not tables:
        for file in files:
            check_size(file.name, file.content)
        sides = [(_plain_name(file), file.content) for file in files]
        facts = read_apart(read_lines, sides, lang)
        name = f"{sides[0][0].partition('.')[0]}-{lang}.csv"
        content = facts["table"].encode("utf-8")
    else:
        names = ", ".join(file.name for file in files) or "no file"
        raise CctaError(
            f"{names}: expected one table ({' '.join(ENDINGS)}) or two files of lines, line i of "
            f"one translating line i of the other, such as text.{lang} and text.en"
        )
    return KeptText(keep_read(name, content), facts["pairs"], facts["dropped"])


def read_table(path: str, lang: str) -> dict[str, Any]:
    """Returns how many pairs a table of parallel text has and what was dropped, as plain values.

    Raises CctaError as `keep_parallel`.
    """
    check_caps(Path(path))
    text = read_parallel((f"file:{path}",), lang)
    return {"pairs": len(text.pairs), "dropped": text.dropped}


def read_lines(first: str, second: str, lang: str) -> dict[str, Any]:
    """Returns the same of two files of lines, with them as the text of one CSV table, one column a
    language.

    Raises CctaError as `keep_parallel`.
    """
    for path in (first, second):
        for number, line in lines(Path(path)):
            check_rows(Path(path), number)
            check_cell(Path(path), f"line {number}", "text", len(line))
    text = read_parallel((f"{first},{second}",), lang)
    body = io.StringIO()
    writer = csv.writer(body, lineterminator="\n")
    writer.writerow((text.lang, "en"))
    writer.writerows(text.pairs)
    return {"pairs": len(text.pairs), "dropped": text.dropped, "table": body.getvalue()}


def forget_parallel(name: str) -> None:
    """Deletes a kept file. Raises CctaError while a run that is not finished still reads it."""
    refuse_if_read_only("Deleting a file")
    spec = spec_of(name)
    users = [
        state.order.name
        for state in orders()
        if spec in state.order.parallel and state.kind != FINISHED
    ]
    if users:
        raise CctaError(f"{name} is read by {', '.join(users)}; delete that run first")
    forget(name)


def _plain_name(file: HandedIn) -> str:
    """Returns a name that a file may have anywhere, with its endings, by which English is told; a
    comma would part two names.
    """
    return regex.sub(r"[^\p{L}\p{N}._-]+", "-", Path(file.name).name)[-_LONGEST_NAME:]
