"""Measures what the cache holds, kind by kind, and clears it: never outside it, never what
ships.
"""

import os
import shutil
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from ccta_core.config import cache_root
from ccta_core.errors import CctaError
from ccta_core.permissions import PEOPLE, refuse_if_read_only, refuse_unless_administrator
from ccta_core.store.pairs import SHIPPED as SHIPPED_PAIRS

MARK = "shipped"
"""A file of this name in a study's folder says that the study came with the product."""
_FRESH = 600
"""Seconds: a training whose files are younger may be going on."""


@dataclass(frozen=True, slots=True)
class CacheKind:
    """One kind of things that are kept, and what is lost when it is cleared."""

    name: str
    folder: str
    title: str
    loss: str
    clearable: bool = True


KINDS = (
    CacheKind("pairs", "pairs", "Comparisons that ship", "", clearable=False),
    CacheKind(
        "results", "results", "Comparisons of your own", "they are computed again when asked for"
    ),
    CacheKind("tables", "tables", "Tables computed from studies", "they are computed again"),
    CacheKind("planes", "planes", "Planes of words and places on them", "they are found again"),
    CacheKind("retrieval", "retrieval", "Retrieval scores", "they are computed again"),
    CacheKind("lessons", "lessons", "Lessons on sentences of your own", "they are measured again"),
    CacheKind("studies", "studies", "Studies of your own", "their rows have to be measured again"),
    CacheKind(
        "uploads", "data", "Files handed in", "their studies stay, but can't be started again"
    ),
    CacheKind(
        "people",
        PEOPLE,
        "Files, tags and notes of people who logged in or came from elsewhere",
        "their tags and notes are lost; their studies stay, but can't be started again",
    ),
    CacheKind("training", "training", "Training runs", "their checkpoints: trainings can't go on"),
    CacheKind("models", "models", "Models trained here", "", clearable=False),
)


@dataclass(frozen=True, slots=True)
class CacheUse:
    """The bytes that one kind takes, and the number of entries in its folder."""

    kind: CacheKind
    folder: Path
    count: int
    bytes: int


def usage() -> list[CacheUse]:
    """Measures what each kind takes: of pairs what ships, of studies what doesn't."""
    return [_use(kind) for kind in KINDS]


def clear(name: str, spare: Collection[str] = ()) -> int:
    """Deletes everything of a kind but the entries in `spare`; returns the bytes that are free.

    Raises CctaError on a kind that is none or is not cleared, a folder that leads out of the cache,
    a training that may be going on, and where something can't be deleted.
    """
    refuse_if_read_only("Clearing the cache")
    refuse_unless_administrator("Clearing the cache")
    clearable = {kind.name: kind for kind in KINDS if kind.clearable}
    if name not in clearable:
        raise CctaError(f"{name!r} is not cleared here; expected one of: {', '.join(clearable)}")
    kind = clearable[name]
    root, folder = cache_root().resolve(), cache_root() / kind.folder
    if folder.resolve() != root / kind.folder:
        raise CctaError(f"{folder} leads out of the cache {root}; clear it by hand")
    freed = 0
    for path in _entries(kind, folder):
        if path.name in spare:
            continue
        if name == "training" and any(
            time.time() - status.st_mtime < _FRESH for status in _files(path)
        ):
            raise CctaError(
                f"{path.name} was written in the last {_FRESH // 60} minutes: a training may be "
                "going on; wait until it ends, or stop it"
            )
        size = _size(path)
        _delete(path)
        freed += size
    return freed


def _use(kind: CacheKind) -> CacheUse:
    folder = SHIPPED_PAIRS if kind.name == "pairs" else cache_root() / kind.folder
    paths = list(_entries(kind, folder))
    count = sum(1 for _ in _files(folder)) if kind.name in ("pairs", "results") else len(paths)
    return CacheUse(kind, folder, count, sum(_size(path) for path in paths))


def _entries(kind: CacheKind, folder: Path) -> Iterator[Path]:
    """Yields the entries of a kind's folder that may be cleared with it."""
    try:
        paths = sorted(folder.iterdir())
    except OSError:
        return
    for path in paths:
        if kind.name == "studies" and ((path / MARK).exists() or not path.is_dir()):
            continue
        yield path


def _files(path: Path) -> Iterator[os.stat_result]:
    """Yields the files at or below a path; links are not followed."""
    if path.is_symlink() or not path.is_dir():
        try:
            yield path.lstat()
        except OSError:
            return
        return
    for place, _, names in os.walk(path):
        for name in names:
            try:
                yield os.lstat(Path(place) / name)
            except OSError:
                continue  # deleted meanwhile


def _size(path: Path) -> int:
    return sum(status.st_size for status in _files(path))


def _delete(path: Path) -> None:
    try:
        if path.is_symlink() or not path.is_dir():
            path.unlink()
        else:
            shutil.rmtree(path)
    except OSError as error:
        raise CctaError(f"{path} can't be deleted ({error.strerror}); do it by hand") from error
