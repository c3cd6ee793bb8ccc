"""Parallel text that a person hands in: one table, or two files of lines that translate each other.

It is kept where files of the page Studies are (corpus/uploads.py), always as one table.
"""

import csv
import io
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ccta_core.adjustment.background import FINISHED, orders
from ccta_core.adjustment.parallel import ParallelText, read_parallel
from ccta_core.corpus.uploads import ENDINGS, MOST_MEGABYTES, forget, keep, spec_of, uploads
from ccta_core.errors import CctaError
from ccta_core.permissions import refuse_if_read_only


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
    tables = [file for file in files if file.is_table]
    if len(files) == 1 and tables:
        before = uploads()
        name = keep(tables[0].name, tables[0].content)
        spec = spec_of(name)
        try:
            text = read_parallel((spec,), lang)
        except CctaError as error:
            if name not in before:
                forget(name)
            message = str(error).replace(spec, tables[0].name)
            raise CctaError(message.replace(spec.removeprefix("file:"), tables[0].name)) from error
    elif len(files) == 2 and not tables:
        text = _read_lines(files, lang)
        name = keep(f"{Path(files[0].name).name.partition('.')[0]}-{lang}.csv", _table_of(text))
    else:
        names = ", ".join(file.name for file in files) or "no file"
        raise CctaError(
            f"{names}: expected one table ({' '.join(ENDINGS)}) or two files of lines, line i of "
            f"one translating line i of the other, such as text.{lang} and text.en"
        )
    return KeptText(name, len(text.pairs), text.dropped)


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


def _read_lines(files: Sequence[HandedIn], lang: str) -> ParallelText:
    """Reads two files under names that keep their endings, by which English is told."""
    if any(len(file.content) > MOST_MEGABYTES << 20 for file in files):
        raise CctaError(f"at most {MOST_MEGABYTES} MiB a file can be handed in")
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for place, file in zip(("first", "second"), files, strict=True):
            ending = Path(file.name).name.partition(".")[2].replace(",", "")
            paths.append(Path(folder) / f"{place}.{ending}")
            paths[-1].write_bytes(file.content)
        try:
            return read_parallel((",".join(map(str, paths)),), lang)
        except CctaError as error:
            text = str(error)
            for path, file in zip(paths, files, strict=True):
                text = text.replace(str(path), file.name)
            raise CctaError(text) from error


def _table_of(text: ParallelText) -> bytes:
    """The pairs as a table of one column a language."""
    body = io.StringIO()
    writer = csv.writer(body, lineterminator="\n")
    writer.writerow((text.lang, "en"))
    writer.writerows(text.pairs)
    return body.getvalue().encode("utf-8")
