"""What this machine has room for: studies at the same time over all processes, memory, disk.

A study that runs holds the lock of one of so many files in `running/` of the cache. A lock ends
with its process, so a crash gives its turn back.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ccta_core.config import cache_root
from ccta_core.errors import CctaError
from ccta_core.memory import free_bytes
from ccta_core.quotas import LIMITS, allowed
from ccta_core.study.run.locks import held
from ccta_core.text import count, size

FOLDER = "running"
"""In the cache: a file for each study that may run at the same time."""
SPARE = 200_000_000
"""Bytes that stay free on the disk."""
_LEAST_MEMORY = 1 << 30
"""Bytes without which a worker can't begin (the embedded model); at most it was seen to hold
twice that."""


class NoTurnError(CctaError):
    """A study that can't run now, because as many run as may."""


@contextmanager
def hold_turn() -> Iterator[None]:
    """Holds one of the turns of studies that run at the same time.

    Raises NoTurnError where all are taken, CctaError where the cache can't be written or its file
    system knows no locks.
    """
    import fcntl

    for path in _turns():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("ab")
        except OSError as error:
            raise CctaError(
                f"{path.parent} can't be written ({error.strerror}); make room, or set CCTA_CACHE "
                "to another folder"
            ) from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            except OSError as error:
                raise CctaError(
                    f"{path} can't be locked ({error.strerror}); set CCTA_CACHE to a folder on "
                    "another disk"
                ) from error
            yield
            return
    if allowed("studies at once") is None:
        yield
        return
    raise _no_turn()


def check_turn() -> None:
    """Raises NoTurnError where as many studies run as may."""
    turns = _turns()
    if turns and all(held(path) for path in turns):
        raise _no_turn()


def check_memory(workers: int) -> None:
    """Raises CctaError where so many workers can't even begin in the memory that is free."""
    free = free_bytes()
    if free is None or free >= workers * _LEAST_MEMORY:
        return
    fit = free // _LEAST_MEMORY
    advice = f"take {count(fit, 'process')}" if fit else "end other programs"
    raise CctaError(
        f"{count(workers, 'process')} of a study take at least {size(workers * _LEAST_MEMORY)} of "
        f"memory and {size(free)} are free; {advice}"
    )


def check_disk(more: int = 0) -> None:
    """Raises CctaError where the cache's disk has not the room that a study will take (bytes), with
    SPARE left.
    """
    root = cache_root()
    place = next(path for path in (root, *root.absolute().parents) if path.exists())
    free = shutil.disk_usage(place).free
    if free < more + SPARE:
        taken, spare, here = (f"{number / 1e6:,.0f} MB" for number in (more, SPARE, free))
        what = f"the study takes about {taken} and" if more else "of a study's disk"
        raise CctaError(
            f"{what} {spare} stay free, but {root} has {here}; make room, or set CCTA_CACHE to "
            "another disk"
        )


def _turns() -> list[Path]:
    most = allowed("studies at once") or 0
    return [cache_root() / FOLDER / f"turn-{number}" for number in range(most)]


def _no_turn() -> NoTurnError:
    most = allowed("studies at once") or 0
    return NoTurnError(
        f"{count(most, 'study', 'studies')} run already, the most at the same time here; resume "
        f"when one has ended ({LIMITS['studies at once'].variable})"
    )
