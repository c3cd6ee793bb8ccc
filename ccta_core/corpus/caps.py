"""How large a table may be that a person hands in: columns, rows, cells, text; checked by reading
it once.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ccta_core.corpus.tables import TableFile, TableRow, open_table
from ccta_core.errors import CctaError

if TYPE_CHECKING:
    import pyarrow

MOST_MEGABYTES = 50
"""Of a file as it comes (MiB), and again of its texts (million characters) once they are unpacked:
a compressed table of a few kilobytes can hold gigabytes."""
MOST_COLUMNS = 500
MOST_ROWS = 250_000
MOST_CELLS = 1_000_000
LONGEST_CELL = 100_000
"""Characters."""
CAPS = (
    f"{MOST_MEGABYTES} MB, also once unpacked; {MOST_COLUMNS} columns, {MOST_ROWS:,} rows, "
    f"{MOST_CELLS:,} cells, {LONGEST_CELL:,} characters in a cell"
)
"""All of them in words."""
_INSTEAD = "hand in a part of it, or name it as file:PATH on the command line"
_BATCH = 1024


def check_caps(path: Path) -> None:
    """Reads a table through once. Raises CctaError (one line) where it exceeds a cap, and where it
    can't be read.
    """
    table = open_table(path)
    _refuse(len(table.columns) > MOST_COLUMNS, path, len(table.columns), MOST_COLUMNS, "columns")
    most = MOST_MEGABYTES << 20
    _refuse(table.size > most, path, table.size, most, "bytes once unpacked")
    if path.suffix.lower() == ".parquet":
        _check_parquet(path)
    _check_rows(table)


def check_rows(path: Path, rows: int) -> None:
    """Raises CctaError where a file has more rows than may be handed in."""
    _refuse(rows > MOST_ROWS, path, rows, MOST_ROWS, "rows")


def check_cell(path: Path, place: str, column: str, length: int) -> None:
    """Raises CctaError where a text is longer than one of a file that is handed in may be."""
    if length > LONGEST_CELL:
        raise CctaError(
            f"{path}: a cell of the column {column[:40]!r} ({place}) has {length:,} characters; "
            f"expected at most {LONGEST_CELL:,}"
        )


def _check_rows(table: TableFile) -> None:
    cells = characters = 0
    for number, row in enumerate(table.rows(), 1):
        check_rows(table.path, number)
        if not isinstance(row, TableRow):
            continue
        cells += len(row.values)
        _refuse(cells > MOST_CELLS, table.path, cells, MOST_CELLS, "cells")
        for column, value in row.values.items():
            length = _length(value)
            check_cell(table.path, row.place, column, length)
            characters += length
        _refuse_text(table.path, characters)


def _check_parquet(path: Path) -> None:
    """Checks what the file says of itself, and the values that are stored once for many rows: those
    are measured where they stand, never written out.
    """
    import pyarrow
    import pyarrow.compute as pc
    from pyarrow.parquet import ParquetFile

    with ParquetFile(path) as file:
        rows, leaves = file.metadata.num_rows, file.metadata.num_columns
        schema = file.schema_arrow
    check_rows(path, rows)
    _refuse(leaves > MOST_COLUMNS, path, leaves, MOST_COLUMNS, "columns")
    _refuse(rows * leaves > MOST_CELLS, path, rows * leaves, MOST_CELLS, "cells")
    columns = [field.name for field in schema if _is_text(field.type)]
    characters = 0
    try:
        with ParquetFile(path, read_dictionary=columns) as file:
            for column in columns:
                for batch in file.iter_batches(batch_size=_BATCH, columns=[column]):
                    values = batch.column(0)
                    lengths = pc.binary_length(values.dictionary)
                    check_cell(path, path.name, column, pc.max(lengths).as_py() or 0)
                    characters += pc.sum(pc.take(lengths, values.indices)).as_py() or 0
                    _refuse_text(path, characters)
    except (pyarrow.ArrowException, OSError) as error:
        if isinstance(error, MemoryError):
            raise
        raise CctaError(f"{path} is not a parquet file ({error}); write it again") from error


def _is_text(kind: "pyarrow.DataType") -> bool:
    import pyarrow.types as types

    value = kind.value_type if types.is_dictionary(kind) else kind
    return types.is_string(value) or types.is_binary(value)


def _length(value: Any) -> int:
    """Counts the characters of a value, of a list or an object those of all its texts."""
    if isinstance(value, str | bytes):
        return len(value)
    length, left = 0, [value]
    while left:  # not by recursion: JSON may be as deep as the reader's own stack
        each = left.pop()
        if isinstance(each, dict):
            left += [*each, *each.values()]
        elif isinstance(each, list):
            left += each
        else:
            length += len(each) if isinstance(each, str | bytes) else 1
    return length


def _refuse(exceeded: bool, path: Path, count: int, most: int, what: str) -> None:
    if exceeded:
        raise CctaError(
            f"{path} has {count:,} {what} or more; expected at most {most:,}: {_INSTEAD}"
        )


def _refuse_text(path: Path, characters: int) -> None:
    _refuse(
        characters > MOST_MEGABYTES << 20, path, characters, MOST_MEGABYTES << 20,
        "characters of text once unpacked",
    )  # fmt: skip
