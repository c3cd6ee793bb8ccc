"""All rows of a study as CSV or Parquet, a batch at a time: ids and numbers, never a text."""

import json
from collections.abc import Iterator
from itertools import chain
from typing import IO, TYPE_CHECKING, Any

from ccta_core.measures import MEASURES
from ccta_core.reports.study.facts import provenance
from ccta_core.study.storage.schema import COLUMNS, PREDICTIONS, TEXT_TASKS
from ccta_core.study.storage.table import Study

if TYPE_CHECKING:
    import pyarrow as pa

_BOM = b"\xef\xbb\xbf"
_FORMULA = "^[=+@\\t\\r\\n-]"
"""What a spreadsheet takes for the beginning of a formula."""


def write_csv(study: Study, file: IO[bytes]) -> None:
    """Writes UTF-8 with a byte order mark; an apostrophe goes before what a spreadsheet takes
    for a formula.
    """
    from pyarrow.csv import CSVWriter

    file.write(_BOM)
    batches = _batches(study, guarded=True)
    first = next(batches)
    with CSVWriter(file, first.schema) as writer:
        for batch in chain([first], batches):
            writer.write_batch(batch)


def write_parquet(study: Study, file: IO[bytes]) -> None:
    """Writes one file; the schema's version and provenance are in its metadata, meanings in its
    fields'.
    """
    from pyarrow.parquet import ParquetWriter

    batches = _batches(study, guarded=False)
    first = next(batches)
    schema = _described(first.schema, study)
    with ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in chain([first], batches):
            writer.write_batch(batch.cast(schema))


def _batches(study: Study, *, guarded: bool) -> "Iterator[pa.RecordBatch]":
    """Returns the rows in batches, in the order of the parts, first one direction, then the other.

    Without texts, and if `guarded` safe for a spreadsheet.
    """
    columns = study.query("DESCRIBE rows")
    chosen = []
    for name, kind in zip(columns["column_name"], columns["column_type"], strict=True):
        value = f'"{name}"'
        if name in PREDICTIONS:
            value = f"CASE WHEN task NOT IN {TEXT_TASKS} THEN {value} END"
        if guarded and kind == "VARCHAR":
            value = (
                f"CASE WHEN regexp_matches({value}, '{_FORMULA}') THEN '''' ELSE '' END || {value}"
            )
        chosen.append(f'{value} AS "{name}"')
    return study.batches(f"SELECT {', '.join(chosen)} FROM rows")


def _described(schema: "pa.Schema", study: Study) -> "pa.Schema":
    """Returns the schema with what each column means, the version that measured the rows, and
    where the numbers come from.
    """
    import pyarrow as pa

    what: dict[str, Any] = {column.name: column.what for column in COLUMNS}
    what |= {
        "calibrated": MEASURES["calibrated"].meaning,
        "task": "what the model was made for",
        "training_language": "language the model was trained on",
        "seed": "seed of its training",
    }
    fields = [field.with_metadata({"description": what[field.name]}) for field in schema]
    facts = json.dumps(provenance(study), ensure_ascii=False, sort_keys=True)
    return pa.schema(fields, {"ccta.schema": str(study.manifest.schema), "ccta.provenance": facts})
