"""A study's rows in few files, made from its parts: what questions are answered from.

The parts of a model are copied, every page checked against its checksum, into one Parquet file in
the cache, with what `rows` adds to a row. A file is never trusted by its place alone: its name
holds a mark of the manifest and of the parts it was copied from, and a digest of its bytes. It
takes its name when it is complete, so that any number of processes may read and write at once.
"""

import hashlib
import logging
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ccta_core.config import cache_root
from ccta_core.errors import CctaError, DamagedFileError
from ccta_core.stamps import Stamp, stamp_of
from ccta_core.store.files import key_of
from ccta_core.study.manifest import Manifest, read_manifest
from ccta_core.study.storage.parts import part_path, rows_file
from ccta_core.study.storage.schema import NAMES, VERSION, arrow_schema, names_of

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_log = logging.getLogger(__name__)

LEAST_ROOM = 0.05
"""Where 1 - u is smaller, `calibrated` is null (docs/method.md, 4)."""
OF_MODEL = ("task", "training_language", "seed")
"""What a row says of its model, from the manifest."""
_LAYOUT = 2
"""Raised when files of an earlier layout must not be read."""
_MEMORY = "600MB"
_IN_USE = 600.0
"""Seconds for which a file of an earlier state may still be read by somebody."""


@dataclass(frozen=True, slots=True)
class Part:
    """A finished part as it was when its study was looked at."""

    model: str
    path: Path
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Source:
    """What the files of one state of a study are made from: folder, manifest, finished parts."""

    folder: Path
    manifest: Manifest
    parts: tuple[Part, ...]
    rows: Path | None = None
    """The one file of a study that ships: there are no parts then."""

    @property
    def changed(self) -> CctaError:
        """What to say where the study on disk is another one by now."""
        return CctaError(
            f"the study {self.manifest.name} has changed since it was opened; open it again"
        )


def finished_parts(folder: Path, manifest: Manifest) -> tuple[Part, ...]:
    """Returns the parts of the manifest that are there now, those of a model together."""
    parts = []
    for model, chunk in manifest.parts:
        path = part_path(folder, model, chunk)
        with suppress(FileNotFoundError):
            parts.append(Part(model, path, stamp_of(path)))
    return tuple(sorted(parts, key=lambda part: part.path))


def source_of(folder: Path, manifest: Manifest) -> Source:
    """Returns what a study's files are made from, as it is now."""
    rows = rows_file(folder)
    return Source(folder, manifest, () if rows else finished_parts(folder, manifest), rows)


def tables_of(name: str) -> list[Path]:
    """Returns the files kept for studies of this name, whatever their state when they were made."""
    return sorted((cache_root() / "tables" / name).glob("*.parquet"))


def connection_settings() -> dict[str, Any]:
    """Returns DuckDB's settings: bounded memory, a place to spill to, one thread, so that sums
    keep their bits.
    """
    spill = Path(tempfile.gettempdir()) / f"ccta-spill-{os.getpid()}"
    return {"memory_limit": _MEMORY, "temp_directory": str(spill), "threads": 1}


def columns_sql(names: Sequence[str]) -> str:
    """Names of columns as SQL."""
    return ", ".join(f'"{name}"' for name in names)


def compact(source: Source) -> list[Path]:
    """Returns the study's files, one a model; those that are missing or damaged are written.

    A study that has one file of all rows is read from it, and nothing is written. Where the cache
    can't be written they lie in a folder that goes with this process. Raises CctaError where no
    part is finished, the study on disk has changed, or nothing can be written anywhere;
    DamagedFileError where a part, or the one file, is not what was written.
    """
    name = source.manifest.name
    if not source.parts and source.rows is None:
        raise CctaError(f"the study {name} has no finished part yet; run it first")
    if key_of(asdict(read_manifest(source.folder))) != key_of(asdict(source.manifest)):
        raise source.changed
    if source.rows is not None:
        if not is_whole(source.rows):
            raise DamagedFileError(
                f"{source.rows} is not what was written; restore it from where the program came"
            )
        return [source.rows]
    by_model = [list(parts) for _, parts in groupby(source.parts, key=lambda part: part.model)]
    by_mark = {_state_mark(source.manifest, parts): parts for parts in by_model}
    problem = OSError()
    for root in _roots():
        folder = root / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            kept = {mark: path for mark in by_mark if (path := _kept_file(folder, mark))}
            missing = {mark: parts for mark, parts in by_mark.items() if mark not in kept}
            files = kept | (_write_files(source, missing, folder) if missing else {})
        except OSError as error:
            _log.warning("no table can be kept in %s: %s", folder, error)
            problem = error
            continue
        _forget_others(folder, files.values())
        return [files[mark] for mark in by_mark]
    raise CctaError(
        f"the table of {name} can't be written ({problem.strerror or problem}); make room, or set "
        "CCTA_CACHE to another disk"
    )


def is_whole(path: Path) -> bool:
    """Returns whether a file is there and its bytes are those that its name promises."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return False
    return digest[:16] == path.stem.rpartition("-")[2]


def _state_mark(manifest: Manifest, parts: Sequence[Part]) -> str:
    """Returns another name for every other state of a model's rows; other models of the study don't
    count.

    The manifest is part of it: two studies of one name may have parts of the same size and time.
    """
    model_manifest = {
        **asdict(manifest),
        "models": [each for each in manifest.models if each["id"] == parts[0].model],
    }
    facts = [(part.path.name, part.stamp) for part in parts]
    return f"{parts[0].path.parent.name}-{key_of(VERSION, _LAYOUT, model_manifest, facts)[:16]}"


def _roots() -> Iterator[Path]:
    """Yields where files are kept: in the cache, else as long as this process lives."""
    yield cache_root() / "tables"
    yield Path(_own_folder().name)


@cache
def _own_folder() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="ccta-tables-")


def _kept_file(folder: Path, mark: str) -> Path | None:
    """Returns the file of this mark, in use from now on; a damaged one is deleted and counts as
    none.
    """
    for path in folder.glob(f"{mark}-*.parquet"):
        if is_whole(path):
            with suppress(OSError):  # somebody else's, or a disk that takes nothing
                os.utime(path)
            return path
        _log.warning("%s is not what was written; it is made again", path)
        path.unlink(missing_ok=True)
    return None


def _write_files(
    source: Source, by_mark: Mapping[str, Sequence[Part]], folder: Path
) -> dict[str, Path]:
    """Writes the rows of models, a file each. Raises OSError where that can't be."""
    import duckdb

    files = {}
    models = {model["id"]: model for model in source.manifest.models}
    with duckdb.connect(":memory:", config=connection_settings()) as connection:
        # Every row looks up its chance level as it comes: as a join of two equals the optimizer
        # might hold the rows and stream the levels, in another order.
        connection.execute("SET disabled_optimizers = 'join_order,build_side_probe_side'")
        for mark, parts in by_mark.items():
            handle, name = tempfile.mkstemp(dir=folder, prefix=f".{mark}-", suffix=".tmp")
            os.close(handle)
            temporary = Path(name)
            try:
                _copy_parts(connection, source, parts, temporary, models[parts[0].model])
                with temporary.open("rb") as file:
                    os.fsync(file.fileno())
                    digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
                files[mark] = temporary.replace(folder / f"{mark}-{digest}.parquet")
            finally:
                temporary.unlink(missing_ok=True)
    return files


_CHANCE = """
CREATE OR REPLACE TABLE chance AS
SELECT layer, source_lang, target_lang, avg(ems_unrelated) AS there,
    avg(ems_unrelated_back) AS back
FROM read_parquet($1) GROUP BY ALL
"""


def _calibrated(chance: str) -> str:
    return f"CASE WHEN 1 - {chance} >= {LEAST_ROOM} THEN (ems - {chance}) / (1 - {chance}) END"


_STORED = f"""
SELECT {columns_sql(NAMES)}, {_calibrated("there")} AS calibrated,
    {_calibrated("back")} AS calibrated_back, CAST($task AS VARCHAR) AS task,
    CAST($training_language AS VARCHAR) AS training_language, CAST($seed AS BIGINT) AS seed
FROM checked LEFT JOIN chance USING (layer, source_lang, target_lang)
"""


def _copy_parts(
    connection: "duckdb.DuckDBPyConnection",
    source: Source,
    parts: Sequence[Part],
    path: Path,
    facts: Mapping[str, Any],
) -> None:
    """Writes a model's rows in the order of its parts, in memory that does not grow with them.

    `facts` are those of the model in the manifest.
    """
    import duckdb
    import pyarrow as pa

    problems: list[CctaError] = []  # of an error in `batches` DuckDB hands on the text alone
    first = _checked(source, parts[0])

    def batches() -> "Iterator[pa.RecordBatch]":
        yield from first.to_batches()
        for part in parts[1:]:
            try:
                yield from _checked(source, part).cast(first.schema).to_batches()
            except CctaError as error:
                problems.append(error)
                raise

    try:
        connection.execute(_CHANCE, [[str(part.path) for part in parts]])
        connection.register("checked", pa.RecordBatchReader.from_batches(first.schema, batches()))
        target = str(path).replace("'", "''")
        connection.execute(
            f"COPY ({_STORED}) TO '{target}' (FORMAT parquet, COMPRESSION snappy)",
            {name: facts.get(name) for name in OF_MODEL},
        )
    except duckdb.Error as error:
        if problems:
            raise problems[0] from error
        for part in parts:
            _checked(source, part)  # where the chance level could not be read: says which it is
        reason = str(error).partition("\n")[0]
        if isinstance(error, duckdb.IOException):
            _log.warning("%s", reason)
            raise OSError("the disk may be full") from error
        raise CctaError(f"the rows of {source.manifest.name} can't be copied ({reason})") from error


def _checked(source: Source, part: Part) -> "pa.Table":
    """Returns a part's rows, null in the columns that its schema has not.

    Raises DamagedFileError where a page is damaged, CctaError on another part.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(part.path, page_checksum_verification=True) as file:
            table = file.read(use_threads=False)
            present = names_of(source.manifest.schema)
            if tuple(table.column_names) != present:  # no checksum covers the end of a file
                raise pa.ArrowInvalid("its columns are not those of a study")
            for column in arrow_schema():
                if column.name not in present:
                    table = table.append_column(column, pa.nulls(len(table), column.type))
            table = table.select(NAMES)
        now = stamp_of(part.path)
    except FileNotFoundError:
        raise source.changed from None
    except (OSError, pa.ArrowException) as error:
        reason = str(error).partition("\n")[0]
        raise DamagedFileError(
            f"{part.path} can't be read ({reason}); `ccta study resume {source.manifest.name}` "
            "measures it again"
        ) from error
    if now != part.stamp:
        raise source.changed
    return table


def _forget_others(folder: Path, files: Iterable[Path]) -> None:
    """Deletes what is of earlier states, or was left behind, and is in nobody's use any more."""
    used = set(files)
    for path in folder.iterdir():
        with suppress(OSError):
            if path not in used and time.time() - path.stat().st_mtime > _IN_USE:
                path.unlink()
