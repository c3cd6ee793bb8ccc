"""Keeps tags, notes and named sets of the items of a study, one SQLite file for each person."""

import json
import logging
import sqlite3
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ccta_core.errors import CctaError
from ccta_core.permissions import person, refuse_if_read_only

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
LONGEST_TAG = 40
LONGEST_NOTE = 4000
_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_PATIENCE = 5.0
"""Seconds to wait for another process that writes."""
_TABLES = """
CREATE TABLE IF NOT EXISTS tags (
    study TEXT NOT NULL, item TEXT NOT NULL, tag TEXT NOT NULL, made REAL NOT NULL,
    PRIMARY KEY (study, item, tag)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS notes (
    study TEXT NOT NULL, item TEXT NOT NULL, text TEXT NOT NULL, changed REAL NOT NULL,
    PRIMARY KEY (study, item)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sets (
    study TEXT NOT NULL, name TEXT NOT NULL, items TEXT NOT NULL, made REAL NOT NULL,
    PRIMARY KEY (study, name)
) WITHOUT ROWID;
"""
_TABLE_COUNT = 3


@dataclass(frozen=True, slots=True)
class Remark:
    """The tags on one item by name, and a note on it, which may be empty."""

    tags: tuple[str, ...] = ()
    note: str = ""


def remarks(study: str) -> dict[str, Remark]:
    """Returns the remarks on the items of a study, by id; empty where none was kept yet.

    Raises CctaError where the file can't be read now, for example because another program holds it:
    an empty answer would look as if there were none.
    """
    if not _path().exists():
        return {}
    return _run_on_sound_file(lambda connection: _read(connection, study), "read")


def counted(by_item: Mapping[str, Remark]) -> dict[str, int]:
    """Counts on how many items each tag is, tags in order of their names."""
    names = Counter(tag for remark in by_item.values() for tag in remark.tags)
    return dict(sorted(names.items()))


def tags(study: str) -> dict[str, int]:
    """Counts on how many items of a study each tag is, tags in order of their names.

    Raises CctaError as `remarks`.
    """
    return counted(remarks(study))


def add_tag(study: str, item: str, tag: str) -> None:
    """Puts a tag on an item; one that is there stays.

    Raises CctaError on a tag that is none (see `checked_tag`) and where it can't be kept.
    """
    tag_items(study, [item], tag)


def tag_items(study: str, items: Iterable[str], tag: str) -> None:
    """Puts a tag on many items at once, all or none. Raises CctaError as `add_tag`."""
    kept, now = checked_tag(tag), time.time()
    rows = [(study, item, kept, now) for item in items]
    _change("INSERT OR IGNORE INTO tags VALUES (?, ?, ?, ?)", *rows)


def remove_tag(study: str, item: str, tag: str) -> None:
    """Takes a tag off an item, if it is there. Raises CctaError where that can't be kept."""
    _change("DELETE FROM tags WHERE study = ? AND item = ? AND tag = ?", (study, item, tag))


def set_note(study: str, item: str, text: str) -> None:
    """Keeps a note on an item in place of the one before; an empty text removes it.

    Raises CctaError on a text that is too long and where it can't be kept.
    """
    kept = _clean(text).strip()
    if len(kept) > LONGEST_NOTE:
        raise CctaError(f"a note has at most {LONGEST_NOTE} characters, this one {len(kept)}")
    if kept:
        row = (study, item, kept, time.time())
        _change("INSERT OR REPLACE INTO notes VALUES (?, ?, ?, ?)", row)
    else:
        _change("DELETE FROM notes WHERE study = ? AND item = ?", (study, item))


def keep_set(study: str, name: str, items: Sequence[str]) -> str:
    """Keeps items under a name and returns the name as it is kept; a kept set never changes.

    Raises CctaError on a name that is none (see `checked_tag`), on one that other items of the
    study have already, and where it can't be kept.
    """
    kept = checked_tag(name)
    before = item_set(study, kept)
    if before is not None and set(before) != set(items):
        raise CctaError(
            f"{kept!a} is the name of another set of this study ({len(before)} items); choose "
            "another name, or delete that set first"
        )
    if before is None:
        row = (study, kept, json.dumps(list(items)), time.time())
        _change("INSERT OR IGNORE INTO sets VALUES (?, ?, ?, ?)", row)
    return kept


def item_set(study: str, name: str) -> tuple[str, ...] | None:
    """Returns the items that are kept under a name; None where there are none.

    Raises CctaError as `remarks`.
    """
    found = _look_up("SELECT items FROM sets WHERE study = ? AND name = ?", (study, name))
    return tuple(json.loads(found[0][0])) if found else None


def set_names(study: str) -> list[str]:
    """Returns the names of a study's kept sets, in order. Raises CctaError as `remarks`."""
    rows = _look_up("SELECT name FROM sets WHERE study = ? ORDER BY name", (study,))
    return [name for (name,) in rows]


def delete_set(study: str, name: str) -> None:
    """Forgets a kept set, if it is there. Raises CctaError where that can't be kept."""
    _change("DELETE FROM sets WHERE study = ? AND name = ?", (study, name))


def checked_tag(tag: str) -> str:
    """Returns the tag as it is kept: one line, single spaces, composed letters.

    Raises CctaError where nothing is left, it is too long, or it has a comma: addresses and tables
    put commas between tags.
    """
    kept = " ".join(_clean(tag).split())
    if not kept or len(kept) > LONGEST_TAG or "," in kept:
        raise CctaError(
            f"a tag is 1 to {LONGEST_TAG} characters without a comma; found {kept[:60]!a}"
        )
    return kept


def _clean(text: str) -> str:
    """Composes letters (NFC) and takes control characters and lone surrogates out."""
    composed = unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
    return "".join(
        letter for letter in composed
        if letter in "\n\t" or unicodedata.category(letter) not in ("Cc", "Cs")
    )  # fmt: skip


def _path() -> Path:
    return person().root / "notes.sqlite"


def _read(connection: sqlite3.Connection, study: str) -> dict[str, Remark]:
    by_item: dict[str, list[str]] = {}
    for item, tag in connection.execute(
        "SELECT item, tag FROM tags WHERE study = ? ORDER BY tag", (study,)
    ):
        by_item.setdefault(item, []).append(tag)
    texts = dict(connection.execute("SELECT item, text FROM notes WHERE study = ?", (study,)))
    return {
        item: Remark(tuple(by_item.get(item, ())), texts.get(item, ""))
        for item in (*by_item, *(item for item in texts if item not in by_item))
    }


def _look_up(query: str, values: tuple) -> list[tuple]:
    """The rows of a query. Raises CctaError where the file can't be read."""
    if not _path().exists():
        return []
    return _run_on_sound_file(
        lambda connection: connection.execute(query, values).fetchall(), "read"
    )


def _change(command: str, *rows: tuple) -> None:
    """Runs a command once for each row of values, all in one transaction."""
    refuse_if_read_only("Keeping a tag, note or set")

    def change(connection: sqlite3.Connection) -> None:
        with connection:
            connection.executemany(command, rows)

    _run_on_sound_file(change, "kept")


def _run_on_sound_file(work: Callable[[sqlite3.Connection], _T], what: str) -> _T:
    """Runs `work`, by which notes are `what`, on the file; a damaged file is set aside first and a
    new one begun.

    Raises CctaError where the file can't be read or written.
    """
    path = _path()
    try:
        try:
            return _run_on(path, work)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError | sqlite3.IntegrityError):
                raise  # the disk, a lock: the file is sound
            _set_aside(path, error)
            return _run_on(path, work)
    except (sqlite3.Error, OSError) as error:
        if getattr(error, "sqlite_errorcode", None) in _LOCKED:
            raise CctaError(
                f"tags and notes can't be {what} now: another program holds {path} ({error}); try "
                "again, or end that program"
            ) from error
        raise CctaError(
            f"tags and notes can't be {what} in {path} ({error}); make room, or set CCTA_CACHE to "
            "a folder that you may write to"
        ) from error


def _run_on(path: Path, work: Callable[[sqlite3.Connection], _T]) -> _T:
    with _connection(path) as connection:
        return work(connection)


@contextmanager
def _connection(path: Path) -> Iterator[sqlite3.Connection]:
    """Opens the file with its tables, anew for each piece of work: threads share nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=_PATIENCE)
    try:
        with suppress(sqlite3.OperationalError):  # read-only, or a disk without shared memory
            connection.execute("PRAGMA journal_mode = WAL")
        # A file of an earlier version has no sets yet; one that can't be written stays as it is.
        query = "SELECT count(*) FROM sqlite_master WHERE type = 'table'"
        tables = connection.execute(query).fetchone()[0]
        if tables < _TABLE_COUNT:
            with suppress(*[sqlite3.OperationalError] if tables else []):
                connection.executescript(_TABLES)
        yield connection
    finally:
        connection.close()


def _set_aside(path: Path, error: Exception) -> None:
    aside = path.with_name(f"{path.stem}.damaged-{time.time_ns()}.sqlite")
    path.replace(aside)
    for ending in ("-wal", "-shm"):  # they belong to what was set aside
        with suppress(FileNotFoundError):
            path.with_name(path.name + ending).replace(aside.with_name(aside.name + ending))
    _log.warning("%s is damaged (%s): it was set aside as %s", path, error, aside)
