"""A study's rows on disk: one Parquet file a model and chunk, complete or absent; or, of one that
ships, one file with all of them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ccta_core.errors import CctaError
from ccta_core.study.manifest import Manifest, PartKey
from ccta_core.study.storage.schema import arrow_schema, names_of
from ccta_core.whole_files import whole_file

ROWS = "rows"
"""What the name of the one file begins with."""
_SLASH = "~"
"""Stands for the slash of a model's id in a folder's name."""


def part_path(folder: Path, model: str, chunk: int) -> Path:
    """Returns where a part lies."""
    return folder / "parts" / model.replace("/", _SLASH) / f"{chunk:05d}.parquet"


def rows_file(folder: Path) -> Path | None:
    """Returns the one file of all rows, `rows-DIGEST.parquet`; None of a study that has parts.

    Its rows are those of `table_files.compact`: nothing has to be made before the first question.
    """
    return next(iter(sorted(folder.glob(f"{ROWS}-*.parquet"))), None)


def has_rows(folder: Path) -> bool:
    """Returns whether a study has any rows, whole or not: looking closer would take long."""
    return rows_file(folder) is not None or any(folder.glob("parts/*/*.parquet"))


def write_part(folder: Path, model: str, chunk: int, rows: Sequence[dict[str, Any]]) -> None:
    """Writes a part to a temporary file, syncs it and renames it into place.

    The same rows give the same bytes. Raises CctaError where the disk takes no more.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = part_path(folder, model, chunk)
    table = pa.Table.from_pylist(list(rows), arrow_schema())
    try:
        with whole_file(path) as file:
            pq.write_table(table, file, compression="zstd", write_page_checksum=True)
    except OSError as error:
        raise CctaError(
            f"{path} can't be written ({error.strerror}); what was finished is kept: make room and "
            "resume"
        ) from error


def missing_parts(folder: Path, manifest: Manifest, *, thorough: bool = False) -> list[PartKey]:
    """Returns the parts that are not there, in the order of work; damaged ones are set aside first.

    `thorough` reads every page against its checksum; otherwise only what a file says of itself.
    Where one file has all rows nothing is missing.
    """
    if rows_file(folder) is not None:
        return []
    return [
        part
        for part in manifest.parts
        if not _whole(part_path(folder, *part), manifest.schema, thorough=thorough)
    ]


def _whole(path: Path, schema: int, *, thorough: bool) -> bool:
    """Returns whether a part is there and is a Parquet file with the columns of its study's
    schema.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.exists():
        return False
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            if tuple(file.schema_arrow.names) == names_of(schema) and file.metadata.num_rows:
                if thorough:
                    file.read()
                return True
    except (OSError, pa.ArrowInvalid):
        pass
    path.replace(path.with_suffix(".damaged"))
    return False
