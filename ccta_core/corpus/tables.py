"""Reads the rows of a csv, tsv, jsonl or parquet file one after another: it may exceed the
memory.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from ccta_core.corpus.cells import class_names, declared_names
from ccta_core.corpus.delimited import read_header, read_records
from ccta_core.corpus.items import LeftOut
from ccta_core.corpus.lines import lines
from ccta_core.errors import CctaError

_BATCH = 1024
_KEYS_READ = 100_000
"""Objects of a jsonl file whose keys are read for its columns."""
_DELIMITERS = {".csv": ",", ".tsv": "\t"}
Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row: where it stands ("mine.csv:17"), its number from 1, its values by column.

    `note` is what a reader of the file should know of how it was read.
    """

    place: str
    number: int
    values: Values
    note: str | None = None


@dataclass(frozen=True, slots=True)
class TableFile:
    """A file of rows; each call of `rows` reads it from the beginning.

    A row that can't be parsed comes as what is left out; `columns` are the header's (of jsonl those
    of the first `_KEYS_READ` objects); `size` is the bytes of its rows, of parquet those after
    decompression.
    """

    path: Path
    columns: tuple[str, ...]
    size: int
    rows: Callable[[], Iterator[TableRow | LeftOut]]


def open_table(path: Path) -> TableFile:
    """Opens the table in a file.

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


def _delimited(path: Path, delimiter: str) -> TableFile:
    names = read_header(path, delimiter)
    _check_names(path, names)

    def rows() -> Iterator[TableRow | LeftOut]:
        for number, record in enumerate(read_records(path, delimiter, names), 1):
            if isinstance(record, LeftOut):
                yield record
            else:
                values = dict(zip(names, record.fields, strict=True))
                yield TableRow(f"{path.name}:{record.line}", number, values, record.note)

    return TableFile(path, tuple(names), path.stat().st_size, rows)


def _check_names(path: Path, names: Sequence[str]) -> None:
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    if not any(names) or twice:
        problem = f"the column {twice[0]!r} twice" if twice else "an empty line"
        raise CctaError(f"{path}:1: expected a header with each column once, found {problem}")


def _jsonl(path: Path) -> TableFile:
    def rows() -> Iterator[TableRow | LeftOut]:
        for number, line in lines(path):
            if not line.strip():
                continue
            place = f"{path.name}:{number}"
            try:
                values = json.loads(line)
            except (ValueError, RecursionError):
                values = None
            if isinstance(values, dict):
                yield TableRow(place, number, values)
            else:
                yield LeftOut(place, "expected one JSON object, found something else")

    # An object need not have every key: a second text may begin in the middle of the file.
    objects = (row for row in islice(rows(), _KEYS_READ) if isinstance(row, TableRow))
    columns = dict.fromkeys(name for row in objects for name in row.values)
    if not columns:
        raise CctaError(f"{path} has no JSON object; expected one on each line")
    return TableFile(path, tuple(columns), path.stat().st_size, rows)


def _parquet(path: Path) -> TableFile:
    import pyarrow
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            names = tuple(file.schema_arrow.names)
            classes = _declared_classes(file.schema_arrow.metadata or {})
            groups = range(file.metadata.num_row_groups)
            size = sum(file.metadata.row_group(group).total_byte_size for group in groups)
    except (pyarrow.ArrowException, OSError) as error:
        raise CctaError(f"{path} is not a parquet file ({error}); write it again") from error

    def rows() -> Iterator[TableRow | LeftOut]:
        number = 0
        try:
            with ParquetFile(path) as file:
                for batch in file.iter_batches(batch_size=_BATCH):
                    for values in batch.to_pylist():
                        number += 1
                        for column, names_of_classes in classes.items():
                            values[column] = class_names(values.get(column), names_of_classes)
                        yield TableRow(f"{path.name}:{number}", number, values)
        except MemoryError:
            raise  # Arrow's is one of its own errors too: it says nothing of the file
        except (pyarrow.ArrowException, OSError) as error:
            raise CctaError(
                f"{path} is damaged after row {number} ({error}); write it again"
            ) from error

    return TableFile(path, names, size, rows)


def _declared_classes(metadata: Mapping[bytes, bytes]) -> dict[str, tuple[str, ...]]:
    """Maps each column to the names of its classes, which `datasets` keeps beside the schema."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
    except (KeyError, ValueError, TypeError):
        return {}
    return declared_names(features) if isinstance(features, dict) else {}
