"""A study and its rows, asked in SQL over one connection: the one road from disk to a frame."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from ccta_core.errors import CctaError
from ccta_core.measures import label
from ccta_core.reports.notebook import table_of_cells
from ccta_core.stamps import stamp_of
from ccta_core.store.files import key_of
from ccta_core.study.manifest import Manifest, folder_of, read_manifest
from ccta_core.study.storage.parts import missing_parts
from ccta_core.study.storage.schema import NAMES
from ccta_core.study.storage.table_files import (
    OF_MODEL,
    Source,
    columns_sql,
    compact,
    connection_settings,
    is_whole,
    source_of,
)
from ccta_core.text import count, number

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import pyarrow as pa

_log = logging.getLogger(__name__)
Answer = TypeVar("Answer")
_HELD = 4
"""Studies that stay open; the one that was asked longest ago is closed first."""


_SHOWN_ROWS = 12
"""Rows of means that a notebook's cell shows."""
MEANS = """
SELECT model, layer, source_lang, target_lang, count(*) AS n, avg(ems) AS ems,
    avg(ems_uniform) AS ems_uniform, avg(ems_shuffled) AS ems_shuffled,
    avg(ems_unrelated) AS ems_unrelated, avg(gain) AS gain,
    avg(source_score) AS source_score, avg(target_score) AS target_score
FROM rows GROUP BY ALL ORDER BY ALL
"""
"""SQL: a study's means, a row for each model, layer and ordered pair of languages."""


class PartsDone(NamedTuple):
    """How many parts of a study are measured, of how many."""

    done: int
    total: int


@dataclass(frozen=True)
class Study:
    """A study on disk, finished or not, with the parts it had when they were first asked for.

    A run that goes on adds parts to the folder, not to this value: open the study again for them.
    """

    folder: Path
    manifest: Manifest

    @property
    def name(self) -> str:
        """The study's name."""
        return self.manifest.name

    @property
    def done(self) -> PartsDone:
        """Parts that are there now, of how many."""
        total = len(self.manifest.parts)
        return PartsDone(total - len(missing_parts(self.folder, self.manifest)), total)

    @cached_property
    def source(self) -> Source:
        """What its rows are read from: the parts that were finished when this was first asked."""
        return source_of(self.folder, self.manifest)

    @cached_property
    def stamp(self) -> str:
        """Another word for every other manifest or set of parts: what answers are kept under."""
        source = self.source
        facts = [(str(part.path), part.stamp) for part in source.parts]
        if source.rows is not None:
            facts.append((str(source.rows), stamp_of(source.rows)))
        return key_of(asdict(self.manifest), facts)[:16]

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> "pd.DataFrame":
        """Returns the answer to a question over the views `rows` and `pairs` and the table
        `models`.

        `rows` has both directions of every pair with `calibrated` and the model's `task`,
        `training_language` and `seed`; `pairs` has each stored row once; `models` a row a model.
        The answer is the same every time, to the last bit: a question runs in one thread.

        Raises CctaError where no part is finished yet, the study has changed on disk since it was
        opened, or the question needs more memory than it may have; DamagedFileError where a part
        can't be read.
        """
        return self._answer(sql, parameters, lambda answer: answer.df())

    def batches(
        self, sql: str, parameters: Sequence[Any] = (), size: int = 20_000
    ) -> "Iterator[pa.RecordBatch]":
        """Yields the same as Arrow batches of at most so many rows, for answers of any length.

        Raises as `query` does, also between two batches.
        """
        import duckdb
        import pyarrow as pa

        reader: pa.RecordBatchReader = self._answer(
            sql, parameters, lambda answer: answer.to_arrow_reader(size)
        )
        try:
            yield from reader
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            raise CctaError(
                f"the rows of {self.name} can't be read to the end ({_reason(error)}); try again"
            ) from error

    def records(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[dict[str, Any]]:
        """Yields the same as a dictionary a row, with None where there is no value."""
        for batch in self.batches(sql, parameters):
            yield from batch.to_pylist()

    def table(self, *, arrow: bool = False) -> Any:
        """Returns all rows: one an item x ordered pair x model x layer, as a DataFrame or Arrow
        table.

        The columns are those of docs/schema.md. Raises as `query` does.
        """
        sql = "SELECT * FROM rows"
        if arrow:
            return self._answer(sql, (), lambda answer: answer.to_arrow_table())
        return self.query(sql)

    def means(self) -> "pd.DataFrame":
        """Returns EMS, its controls and the scores, averaged: a row for each model, layer and
        ordered pair of languages.

        Raises as `query` does.
        """
        return self.query(MEANS)

    def _repr_html_(self) -> str:
        """Returns what a notebook shows where a cell ends with the study: its extent and its first
        means.
        """
        manifest, parts = self.manifest, self.done
        title = f"{manifest.title}; {parts.done} of {count(parts.total, 'part')} measured"
        if not parts.done:
            return table_of_cells(title, [], [], "")
        means = self.means()
        names = ["model", "layer", "source_lang", "target_lang", "n", "ems", "ems_shuffled", "gain"]
        headings = ["model", "layer", "from", "to", "n", *map(label, names[5:])]
        rows = [
            [number(value) if isinstance(value, float) else str(value) for value in row]
            for row in means[names].head(_SHOWN_ROWS).itertuples(index=False)
        ]
        left = len(means) - len(rows)
        note = f"{count(left, 'more row')} of means(); table() has every item" if left else ""
        return table_of_cells(title, headings, rows, note)

    def _answer(
        self,
        sql: str,
        parameters: Sequence[Any],
        fetch: "Callable[[duckdb.DuckDBPyRelation], Answer]",
    ) -> Answer:
        """Returns what a question gives; asked once more where a file was lost or damaged
        meanwhile.
        """
        import duckdb

        slot = _slot_of(self)
        connection = slot.open(self.source)
        try:
            return fetch(connection.cursor().sql(sql, params=list(parameters)))
        except duckdb.OutOfMemoryException as error:
            raise CctaError(
                f"the question needs more memory than it may have ({_reason(error)}); ask for less"
            ) from error
        except duckdb.Error:
            if not slot.give_up(connection):
                raise  # the question itself is wrong
        return fetch(slot.open(self.source).cursor().sql(sql, params=list(parameters)))


def open_study(name: str) -> Study:
    """Returns the study of this name: the user's, else one that ships.

    Raises CctaError, listing the known ones, where there is none; DamagedFileError where its
    manifest can't be read.
    """
    folder = folder_of(name)
    return Study(folder, read_manifest(folder))


def keep_table(study: Study) -> None:
    """Writes what questions are answered from, so that the first one need not wait for it.

    Where that can't be there is a line in the log: the study itself is whole.
    """
    try:
        compact(study.source)
    except CctaError as error:
        _log.warning("%s", error)


def other_side(name: str) -> str:
    """Returns the column that holds, of the stored pair, what `name` is of the pair turned
    round.
    """
    if name in ("ems_unrelated", "target_class"):
        return {"ems_unrelated": "ems_unrelated_back"}.get(name, name)
    side, _, rest = name.partition("_")
    return {"source": f"target_{rest}", "target": f"source_{rest}"}.get(side, name)


@dataclass(frozen=True, slots=True, eq=False)
class _Connection:
    """The connection to one state of one study, and the files it reads."""

    database: "duckdb.DuckDBPyConnection"
    files: list[Path]
    lock: threading.Lock = field(default_factory=threading.Lock)

    def cursor(self) -> "duckdb.DuckDBPyConnection":
        """Returns a cursor for one question of any thread; a connection itself does one thing at a
        time.
        """
        with self.lock:
            return self.database.cursor()


@dataclass(slots=True, eq=False)
class _Slot:
    """Where the connection to one state of a study is kept: opened once, by whoever asks first."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    connection: _Connection | None = None

    def open(self, source: Source) -> _Connection:
        """Returns the connection. Raises as `compact` does."""
        with self.lock:
            if self.connection is None:
                files = compact(source)
                self.connection = _Connection(_connect(source.manifest, files), files)
            return self.connection

    def give_up(self, connection: _Connection) -> bool:
        """Returns whether a file of the connection is gone or damaged: the next one reads files
        made anew.

        Also where another thread has seen that before.
        """
        with self.lock:
            if self.connection is connection and all(map(is_whole, connection.files)):
                return False
            if self.connection is connection:
                self.connection = None
            return True


_slots: "OrderedDict[tuple[Path, str], _Slot]" = OrderedDict()
_guard = threading.Lock()


def _slot_of(study: Study) -> _Slot:
    key = (study.folder, study.stamp)
    with _guard:
        slot = _slots.pop(key, None) or _Slot()
        _slots[key] = slot
        while len(_slots) > _HELD:
            _slots.popitem(last=False)  # closed when its last question is answered
        return slot


def _connect(manifest: Manifest, files: Sequence[Path]) -> "duckdb.DuckDBPyConnection":
    import duckdb

    connection = duckdb.connect(":memory:", config=connection_settings())
    paths = ", ".join("'" + str(path).replace("'", "''") + "'" for path in files)
    connection.execute(f"CREATE VIEW stored AS SELECT * FROM read_parquet([{paths}])")
    connection.execute(f"CREATE VIEW pairs AS SELECT {columns_sql(NAMES)} FROM stored")
    # Every stored row and the same turned round: source and target change places.
    names, facts = [name for name in NAMES if name != "ems_unrelated_back"], columns_sql(OF_MODEL)
    turned = ", ".join(f'"{other_side(name)}" AS "{name}"' for name in names)
    connection.execute(
        f"CREATE VIEW rows AS SELECT {columns_sql(names)}, calibrated, {facts} FROM stored "
        f"UNION ALL SELECT {turned}, calibrated_back, {facts} FROM stored"
    )
    connection.execute(
        "CREATE TABLE models (model VARCHAR, task VARCHAR, training_language VARCHAR, seed BIGINT)"
    )
    models = [[model.get(name) for name in ("id", *OF_MODEL)] for model in manifest.models]
    connection.executemany("INSERT INTO models VALUES (?, ?, ?, ?)", models)
    return connection


def _reason(error: Exception) -> str:
    return str(error).partition("\n")[0]
