"""All rows of a study as CSV or Parquet, a batch at a time: ids and numbers, never a text."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from ccta_core.study.export.facts import provenance
from ccta_core.study.export.measures import WHAT
from ccta_core.study.export.opened import opened
from ccta_core.study.schema import COLUMNS, PREDICTIONS, TEXT_TASKS, VERSION
from ccta_core.study.table import Study

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_BATCH = 20_000
_BOM = b"\xef\xbb\xbf"
_FORMULA = "^[=+@\\t\\r\\n-]"
"""What a spreadsheet takes for the beginning of a formula."""
_KINDS = {"seed": "BIGINT", "training_language": "VARCHAR", "task": "VARCHAR"}
"""Types where all values may be missing."""


def write_csv(study: Study, file: IO[bytes]) -> None:
    """UTF-8 with a byte order mark; an apostrophe before what a spreadsheet takes for a formula."""
    from pyarrow.csv import CSVWriter

    file.write(_BOM)
    with _batches(study, guarded=True) as reader, CSVWriter(file, reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch)


def write_parquet(study: Study, file: IO[bytes]) -> None:
    """One file; the schema's version and provenance in its metadata, meanings in its fields'."""
    from pyarrow.parquet import ParquetWriter

    with _batches(study, guarded=False) as reader:
        schema = _described(reader.schema, study)
        with ParquetWriter(file, schema, compression="zstd") as writer:
            for batch in reader:
                writer.write_batch(batch.cast(schema))


@contextmanager
def _batches(study: Study, *, guarded: bool) -> "Iterator[pa.RecordBatchReader]":
    """The rows in batches, in the order of the parts, first one direction, then the other."""
    with opened(study) as connection:
        found = connection.sql("SELECT * FROM rows LIMIT 0")
        chosen = ", ".join(_chosen(found, guarded))
        yield connection.sql(f"SELECT {chosen} FROM rows").to_arrow_reader(_BATCH)


def _chosen(rows: "duckdb.DuckDBPyRelation", guarded: bool) -> Iterator[str]:
    """The columns as SQL: without texts, of their own type, and safe for a spreadsheet if asked."""
    for name, kind in zip(rows.columns, map(str, rows.types), strict=True):
        value = f'"{name}"'
        if name in PREDICTIONS:
            value = f"CASE WHEN task NOT IN {TEXT_TASKS} THEN {value} END"
        if name in _KINDS:
            value = f"TRY_CAST({value} AS {_KINDS[name]})"
        if guarded and _KINDS.get(name, kind) == "VARCHAR":
            value = (
                f"CASE WHEN regexp_matches({value}, '{_FORMULA}') THEN '''' ELSE '' END || {value}"
            )
        yield f'{value} AS "{name}"'


def _described(schema: "pa.Schema", study: Study) -> "pa.Schema":
    """The schema with what each column means, its version, and where the numbers come from."""
    import pyarrow as pa

    what: dict[str, Any] = {column.name: column.what for column in COLUMNS}
    what |= {
        "calibrated": WHAT["calibrated"],
        "task": "what the model was made for",
        "training_language": "language the model was trained on",
        "seed": "seed of its training",
    }
    fields = [field.with_metadata({"description": what[field.name]}) for field in schema]
    facts = json.dumps(provenance(study), ensure_ascii=False, sort_keys=True)
    return pa.schema(fields, {"ccta.schema": str(VERSION), "ccta.provenance": facts})
