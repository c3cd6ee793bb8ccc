"""Writes files whole or not at all, and says in words why a disk takes nothing."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

_FULL = (errno.ENOSPC, errno.EDQUOT)
_CLOSED = (errno.EROFS, errno.EACCES, errno.EPERM)


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Opens a temporary file beside `path`, which is synced and renamed into its place at the end.

    However it ends otherwise, the temporary file is removed and `path` is what it was; only a kill
    leaves one behind (`*.tmp`), which nobody reads. Raises OSError where the folder can't be
    written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(3)}.tmp")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Has no other process between reading `path` and writing it anew, on this machine.

    The lock is a file beside it and ends with the process, however that ends; a file system without
    locks has none. Raises OSError where the folder can't be written.
    """
    import fcntl

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("ab") as lock:
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def disk_problem(error: BaseException) -> str | None:
    """Returns in one line that a disk is full or can't be written, and what to do; None of any
    other error.
    """
    if not isinstance(error, OSError) or error.errno not in (*_FULL, *_CLOSED):
        return None
    where = f" ({error.filename})" if error.filename else ""
    if error.errno in _FULL:
        return (
            f"the disk is full{where}: {error.strerror}; make room, or set CCTA_CACHE to another "
            "disk"
        )
    return (
        f"nothing can be written here{where}: {error.strerror}; see to the permissions, or set "
        "CCTA_CACHE to a folder that you may write to"
    )
