"""A study's table as one DuckDB file in the cache: written whole or not at all, read-only after.

python -m ccta_core.study.built FOLDER (that of a finished study)

The file holds every stored row once, with what `rows` adds to it; `rows` (both directions) and
`pairs` are views of it, so that it takes half the room and a fifth of the time of two tables.
"""

import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ccta_core.config import cache_root
from ccta_core.errors import CctaError, DamagedFileError
from ccta_core.study.plan import read_plan
from ccta_core.study.schema import NAMES, VERSION
from ccta_core.study.table import LEAST_ROOM, Study, connect, other_side

if TYPE_CHECKING:
    import duckdb

_LAYOUT = 1
"""Raised when a file of an earlier layout must not be read."""
_MEMORY = "600MB"
_ABANDONED = 600.0
"""Seconds after which what a stopped build left behind is removed."""
_OF_MODEL = ("task", "training_language", "seed")


def table_file(study: Study, tries: int = 0) -> Path:
    """Where the table of the study as it is now lies, or would; elsewhere after failed tries."""
    import duckdb

    facts = f"{stamp(study)}|{VERSION}|{_LAYOUT}|{duckdb.__version__}|{tries}"
    mark = hashlib.sha256(facts.encode()).hexdigest()[:16]
    return cache_root() / "tables" / f"{study.name}-{mark}.duckdb"


def stamp(study: Study) -> str:
    """Another word whenever the study's rows may have changed: its plan, its finished parts."""
    parts = sorted(study.folder.glob("parts/*/*.parquet"))
    digest = hashlib.sha256(json.dumps(asdict(study.plan), sort_keys=True).encode())
    for path in parts:
        with suppress(OSError):  # it was just set aside: the next stamp is another
            facts = path.stat()
            own = path.relative_to(study.folder)
            digest.update(f"|{own}|{facts.st_size}|{facts.st_mtime_ns}".encode())
    return digest.hexdigest()[:16]


def tables_of(name: str) -> list[Path]:
    """The tables that were built of studies of this name, whatever their stamp."""
    own = re.compile(re.escape(name) + r"-[0-9a-f]{16}\.duckdb")
    places = (cache_root() / "tables").glob("*.duckdb")
    return sorted(path for path in places if own.fullmatch(path.name))


def stored_rows(study: Study) -> int:
    """How many rows a finished study has on disk, from its plan."""
    plan, langs = study.plan, len(study.plan.languages)
    return plan.items * len(plan.models) * len(plan.layers) * langs * (langs - 1) // 2


def settings(threads: int | None = None) -> dict[str, Any]:
    """What every connection gets: bounded memory, a place to spill to that may be written."""
    spill = Path(tempfile.gettempdir()) / f"ccta-spill-{os.getpid()}"
    found: dict[str, Any] = {"memory_limit": _MEMORY, "temp_directory": str(spill)}
    return found | ({"threads": threads} if threads else {})


def from_parts(study: Study, *, threads: int | None = None) -> "duckdb.DuckDBPyConnection":
    """The views over Parquet, for any number of cursors.

    Raises CctaError where no part is finished yet.
    """
    connection = connect(study)
    for name, value in settings(threads).items():
        connection.execute(f"SET {name} = $1", [value])
    # A cursor does not see a frame that is registered: it becomes a table.
    connection.execute("CREATE TABLE kept AS SELECT * FROM models")
    connection.unregister("models")
    connection.execute("ALTER TABLE kept RENAME TO models")
    return connection


def from_file(path: Path) -> "duckdb.DuckDBPyConnection":
    """The table of a file that was built.

    Raises DamagedFileError where it can't be opened or is not what was written.
    """
    import duckdb

    try:
        connection = duckdb.connect(str(path), read_only=True, config=settings())
        (said,) = connection.sql("SELECT stored FROM facts").fetchall()
        (found,) = connection.sql("SELECT count(*) FROM pairs").fetchall()
    except (duckdb.Error, ValueError) as error:
        raise DamagedFileError(f"{path} can't be read ({error}); it is built again") from error
    if said != found:
        connection.close()
        raise DamagedFileError(f"{path} has {found[0]} of {said[0]} rows; it is built again")
    return connection


def build(study: Study, path: Path, *, threads: int | None = None) -> None:
    """Writes the study's table to a temporary place, syncs it and renames it to `path`.

    Tables of earlier stamps of the study are deleted. Raises CctaError where the disk has too
    little room, or the study's rows can't be read or become others meanwhile; OSError where the
    folder can't be written, and FileExistsError where another process builds it now.
    """
    import duckdb

    with _place(path) as place:
        _check_room(study, place)
        temporary, before = place / "table.duckdb", stamp(study)
        try:
            _write(study, temporary, threads)
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            raise CctaError(f"the table of {study.name} can't be built ({reason})") from error
        if stamp(study) != before:  # deleted and begun anew meanwhile: the name is another table's
            raise CctaError(f"the study {study.name} changed while its table was built")
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    _forget_others(study, path)


@contextmanager
def _place(path: Path) -> Iterator[Path]:
    """A folder beside `path` that one build has at a time; removed with all it holds."""
    place = path.with_name(f".{path.stem}.building")
    with suppress(FileNotFoundError):
        if _idle(place) > _ABANDONED:
            shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _check_room(study: Study, place: Path) -> None:
    """The file takes about as much as the parts; twice as much must be free."""
    needed = 2 * sum(path.stat().st_size for path in study.folder.glob("parts/*/*.parquet"))
    free = shutil.disk_usage(place).free
    if free < needed:
        raise CctaError(
            f"the table of {study.name} needs {needed / 1e6:.0f} MB free, {free / 1e6:.0f} are; "
            "make room, or set CCTA_CACHE to another disk"
        )


def _write(study: Study, path: Path, threads: int | None) -> None:
    connection = from_parts(study, threads=threads)
    try:
        connection.execute(f"ATTACH '{str(path).replace(chr(39), chr(39) * 2)}' AS made")
        connection.execute(_CHANCE)
        connection.execute(f"CREATE TABLE made.stored AS {_STORED} LIMIT 0")
        for model in study.plan.models:  # one after the other: sorted in bounded memory
            connection.execute(f"INSERT INTO made.stored {_STORED} {_ORDERED}", [model["id"]])
        connection.execute("CREATE TABLE made.facts AS SELECT count(*) AS stored FROM made.stored")
        connection.execute("USE made")
        connection.execute(f"CREATE VIEW pairs AS SELECT {_columns(NAMES)} FROM stored")
        connection.execute(f"CREATE VIEW rows AS {_both_ways()}")
        connection.execute("USE memory")
        connection.execute("DETACH made")
    finally:
        connection.close()


_CHANCE = """
CREATE TABLE chance AS
SELECT model, layer, source_lang, target_lang, avg(ems_unrelated) AS there,
    avg(ems_unrelated_back) AS back
FROM pairs GROUP BY ALL
"""


def _calibrated(chance: str) -> str:
    return f"CASE WHEN 1 - {chance} >= {LEAST_ROOM} THEN (ems - {chance}) / (1 - {chance}) END"


_STORED = f"""
SELECT pairs.*, {_calibrated("chance.there")} AS calibrated,
    {_calibrated("chance.back")} AS calibrated_back,
    {", ".join(f"models.{name}" for name in _OF_MODEL)}
FROM pairs
JOIN chance USING (model, layer, source_lang, target_lang)
LEFT JOIN models USING (model)
"""
_ORDERED = "WHERE pairs.model = $1 ORDER BY layer, source_lang, target_lang, item"


def _both_ways() -> str:
    """Every stored row and the same turned round, as the view `rows` of table.py has them."""
    names = [name for name in NAMES if name != "ems_unrelated_back"]
    back = ", ".join(f'"{other_side(name)}" AS "{name}"' for name in names)
    facts = _columns(_OF_MODEL)
    return (
        f"SELECT {_columns(names)}, calibrated, {facts} FROM stored UNION ALL "
        f"SELECT {back}, calibrated_back AS calibrated, {facts} FROM stored"
    )


def _columns(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _forget_others(study: Study, path: Path) -> None:
    """Deletes tables of earlier stamps, and what stopped builds left behind."""
    for other in tables_of(study.name):
        with suppress(OSError):
            if other != path:
                other.unlink()
    for other in path.parent.glob(".*.building"):
        with suppress(OSError):
            if _idle(other) > _ABANDONED:
                shutil.rmtree(other, ignore_errors=True)


def _idle(place: Path) -> float:
    """Seconds since anything in a folder was written."""
    return time.time() - max(path.stat().st_mtime for path in (place, *place.iterdir()))


def main(folder: str, tries: str = "0") -> int:
    """Builds the table of the study in a folder, with one thread; 1 where that can't be."""
    place = Path(folder)
    try:
        os.nice(10)
        study = Study(place, read_plan(place))
        build(study, table_file(study, int(tries)), threads=1)
    except (OSError, CctaError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
