"""A study's DuckDB connection for an export: little memory, and the same answer every time."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ccta_core.errors import CctaError, DamagedFileError
from ccta_core.study.parts import part_path
from ccta_core.study.table import Study, connect

if TYPE_CHECKING:
    import duckdb

_MEMORY = "300MB"


@contextmanager
def opened(study: Study) -> "Iterator[duckdb.DuckDBPyConnection]":
    """A connection with `rows` and `pairs` that spills to disk and works in one thread.

    One thread: rows keep their order and sums their last bits. Raises CctaError where no part is
    finished, DamagedFileError where a part can't be read.
    """
    import duckdb

    if not study.done[0]:  # looking sets damaged parts aside
        raise CctaError(f"the study {study.name} has no finished part yet; run it first")
    with tempfile.TemporaryDirectory() as spill:
        connection = connect(study)
        try:
            connection.execute("SET threads = 1")
            connection.execute(f"SET memory_limit = '{_MEMORY}'")
            connection.execute("SET temp_directory = $1", [spill])
            yield connection
        except duckdb.Error as error:
            raise _explained(study, error) from error
        finally:
            connection.close()


def _explained(study: Study, error: Exception) -> CctaError:
    """The error in one line, with the name of the part that can't be read, if it is one."""
    path = _damaged(study)
    if path is None:
        return CctaError(f"the rows of {study.name} can't be gone through: {error}")
    return DamagedFileError(
        f"{path} can't be read ({error}); delete it and run ccta study resume {study.name}"
    )


def _damaged(study: Study) -> Path | None:
    """The first part whose pages can't be read: what is looked at before is its end only."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for model, chunk in study.plan.parts:
        path = part_path(study.folder, model, chunk)
        try:
            if path.exists():
                pq.read_table(path)
        except (OSError, pa.ArrowException):
            return path
    return None
