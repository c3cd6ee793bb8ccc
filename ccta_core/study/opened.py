"""A study held open for questions: one DuckDB connection, asked from many threads.

A finished study is read from one DuckDB file in the cache, built once. Until it is there, where it
can't be written and while a study is unfinished, the same views are read from the Parquet parts.
"""

import logging
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ccta_core import children
from ccta_core.errors import CctaError, DamagedFileError
from ccta_core.study import built
from ccta_core.study.built import build, from_file, from_parts, stamp, stored_rows, table_file
from ccta_core.study.table import Study

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

__all__ = ["Opened", "opened", "stamp"]

_log = logging.getLogger(__name__)
_AT_ONCE = 50_000
"""Stored rows up to which the file is built before the first answer: well below a second."""


_BUILDING: set[subprocess.Popen] = set()
"""Processes that build a table, also of studies that nobody here asks about any more."""


@dataclass(frozen=True, slots=True, eq=False)
class _Held:
    """A connection with the views `rows` and `pairs`, and the file it reads, if it is one."""

    connection: "duckdb.DuckDBPyConnection"
    file: Path | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Opened:
    """A study's views `rows` and `pairs`, ready to be asked.

    Raises CctaError where no part is finished yet.
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self._lock = threading.Lock()
        self._building: subprocess.Popen | None = None
        self._awaited: Path | None = None
        self._tries = 0
        self._held = self._begin()

    @property
    def file(self) -> Path | None:
        """The file that is read now; None where the parts are."""
        return self._held.file

    def ask(self, query: str, parameters: Sequence[Any] = ()) -> "pd.DataFrame":
        """The answer to a query, on a cursor of its own: threads don't wait for each other.

        A file that turns out to be damaged is built again and asked again. Raises CctaError where
        a part of the study can't be read, or the question needs more memory than it may have.
        """
        import duckdb

        try:
            return self._asked(query, parameters)
        except duckdb.OutOfMemoryException as error:
            raise CctaError(
                f"the question needs more memory than it may have ({_reason(error)}); ask for less"
            ) from error
        except duckdb.Error as error:
            if not (_damaged(error) or isinstance(error, duckdb.InvalidInputException)):
                raise
            raise CctaError(
                f"a part of the study {self.study.name} can't be read ({_reason(error)}); "
                "`ccta study resume` measures it again"
            ) from error

    def wait(self) -> None:
        """Returns when the file is not being built here any more."""
        if self._building is not None:
            self._building.wait()
            self._change()

    def _asked(self, query: str, parameters: Sequence[Any]) -> "pd.DataFrame":
        import duckdb

        self._change()
        held = self._held
        try:
            return _answer(held, query, parameters)
        except duckdb.Error as error:
            if held.file is None or not _damaged(error):
                raise
            self._leave(held, error)
        return _answer(self._held, query, parameters)

    def _begin(self) -> _Held:
        """The file if it is whole, else the parts while the file is built."""
        file = table_file(self.study)
        if file.exists():
            try:
                return _Held(from_file(file), file)
            except DamagedFileError as error:
                _log.warning("%s", error)
                with suppress(OSError):
                    file.unlink()
        return self._built(file)

    def _built(self, file: Path) -> _Held:
        held = _Held(from_parts(self.study))
        done, total = self.study.done
        if done < total:
            return held
        self._awaited = file
        if stored_rows(self.study) <= _AT_ONCE:
            return _build(self.study, file) or held
        words = [str(self.study.folder), str(self._tries)]
        with suppress(OSError):  # no process can be started: the parts do
            self._building = children.start(built.__name__, words)
            _keep(self._building)
        return held

    def _change(self) -> None:
        """Has questions read the file as soon as this or another process has built it."""
        file = self._awaited
        if file is None or not file.exists():
            return
        with self._lock:
            if self._building is not None:
                self._building.poll()  # else it stays in the list of processes
            self._awaited = None
            if self._held.file is None:
                with suppress(DamagedFileError):
                    self._held = _Held(from_file(file), file)

    def _leave(self, held: _Held, error: Exception) -> None:
        """Deletes a file that can't be read; once for all threads, and built again once.

        The new file has another name: while a question holds the old one, DuckDB gives nothing else
        under its name.
        """
        with self._lock:
            if self._held is not held or held.file is None:
                return
            _log.warning("%s can't be read (%s); it is built again", held.file, error)
            with suppress(OSError):
                held.file.unlink()
            self._tries += 1
            if self._tries > 1:
                self._held = _Held(from_parts(self.study))
            else:
                self._held = self._built(table_file(self.study, self._tries))


def _keep(building: subprocess.Popen) -> None:
    """Holds a process until it has ended: it would end with the last reference to it."""
    _BUILDING.add(building)
    for child in list(_BUILDING):
        if child.poll() is not None:
            _BUILDING.discard(child)


def opened(study: Study) -> Opened:
    """The study's table, opened. Raises CctaError where no part is finished yet."""
    return Opened(study)


def _answer(held: _Held, query: str, parameters: Sequence[Any]) -> "pd.DataFrame":
    with held.lock:  # a connection refuses to do two things at once; its cursors are apart
        cursor = held.connection.cursor()
    return cursor.execute(query, list(parameters)).df()


def _build(study: Study, file: Path) -> _Held | None:
    """Builds the file and opens it; None, with a line in the log, where that can't be."""
    try:
        build(study, file)
        return _Held(from_file(file), file)
    except (OSError, CctaError) as error:
        _log.info("the study %s is read from its parts: %s", study.name, error)
        return None


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0]


def _damaged(error: "duckdb.Error") -> bool:
    """Whether a file is not what it was: what DuckDB raises then, and ever after on the connection.

    A wrong checksum is an error of no class of its own.
    """
    import duckdb

    return type(error) is duckdb.Error or isinstance(
        error,
        duckdb.IOException
        | duckdb.SerializationException
        | duckdb.FatalException
        | duckdb.InternalException
        | duckdb.ConnectionException,
    )
