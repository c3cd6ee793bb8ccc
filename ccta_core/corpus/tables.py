"""Rows of a csv, tsv, jsonl or parquet file, one after another: it may be larger than memory."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ccta_core.corpus.items import LeftOut
from ccta_core.corpus.lines import lines, raw_lines
from ccta_core.errors import CctaError

_BATCH = 1024
_DELIMITERS = {".csv": ",", ".tsv": "\t"}
Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One row: where it stands ("mine.csv:17"), its number from 1, its values by column."""

    place: str
    number: int
    values: Values


@dataclass(frozen=True, slots=True)
class Table:
    """A file of rows; each call of `rows` reads it from the beginning.

    A row that can't be parsed comes as what is left out; `columns` are the header's (of jsonl, the
    first object's); `size` is the bytes of its rows, of parquet those after decompression.
    """

    path: Path
    columns: tuple[str, ...]
    size: int
    rows: Callable[[], Iterator[Row | LeftOut]]


def open_table(path: Path) -> Table:
    """The table in a file.

    Raises CctaError (one line) where it can't be read, is empty, has another ending or encoding,
    or has no header.
    """
    kind = path.suffix.lower()
    if not path.is_file():
        raise CctaError(f"expected a file at {path}, which is not there; name one")
    if kind in _DELIMITERS:
        return _delimited(path, _DELIMITERS[kind])
    if kind == ".jsonl":
        return _jsonl(path)
    if kind == ".parquet":
        return _parquet(path)
    raise CctaError(
        f"{path} ends in {kind or 'nothing'!r}; expected .csv, .tsv, .jsonl or .parquet"
    )


def _delimited(path: Path, delimiter: str) -> Table:
    _, header = next(_records(path, delimiter), (0, []))
    names = [name.strip() for name in header]
    _check_names(path, names)

    def rows() -> Iterator[Row | LeftOut]:
        records = _records(path, delimiter)
        next(records)
        for number, (line, fields) in enumerate(records, 1):
            place = f"{path.name}:{line}"
            if len(fields) != len(names):
                reason = f"expected {len(names)} fields, found {len(fields)}"
                yield LeftOut(place, reason)
            else:
                yield Row(place, number, dict(zip(names, fields, strict=True)))

    return Table(path, tuple(names), path.stat().st_size, rows)


def _records(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(line it begins on, fields) of each record; a quoted field may have line ends in it."""
    reader = csv.reader((line for _, line in raw_lines(path)), delimiter=delimiter, strict=True)
    begins = 1
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise CctaError(
                f"{path}:{begins}: the quotes can't be read ({error}); a field with quotes must "
                'stand in quotes wholly, its own doubled: "she said ""yes"""'
            ) from error
        if fields:
            yield begins, fields
        begins = reader.line_num + 1


def _check_names(path: Path, names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if not any(names) or twice:
        found = f"the column {twice[0]!r} twice" if twice else "an empty line"
        raise CctaError(f"{path}:1: expected a header with each column once, found {found}")


def _jsonl(path: Path) -> Table:
    def rows() -> Iterator[Row | LeftOut]:
        for number, line in lines(path):
            if not line.strip():
                continue
            place = f"{path.name}:{number}"
            try:
                values = json.loads(line)
            except (ValueError, RecursionError):
                yield LeftOut(place, "expected one JSON object, found something else")
                continue
            if isinstance(values, dict):
                yield Row(place, number, values)
            else:
                yield LeftOut(place, "expected one JSON object, found something else")

    first = next((row for row in rows() if isinstance(row, Row)), None)
    if first is None:
        raise CctaError(f"{path} has no JSON object; expected one on each line")
    return Table(path, tuple(first.values), path.stat().st_size, rows)


def _parquet(path: Path) -> Table:
    import pyarrow
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            names = tuple(file.schema_arrow.names)
            groups = range(file.metadata.num_row_groups)
            size = sum(file.metadata.row_group(at).total_byte_size for at in groups)
    except (pyarrow.ArrowException, OSError) as error:
        raise CctaError(f"{path} is not a parquet file ({error}); write it again") from error

    def rows() -> Iterator[Row | LeftOut]:
        number = 0
        try:
            with ParquetFile(path) as file:
                for batch in file.iter_batches(batch_size=_BATCH):
                    for values in batch.to_pylist():
                        number += 1
                        yield Row(f"{path.name}:{number}", number, values)
        except (pyarrow.ArrowException, OSError) as error:
            raise CctaError(
                f"{path} is damaged after row {number} ({error}); write it again"
            ) from error

    return Table(path, names, size, rows)
