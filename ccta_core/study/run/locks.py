"""Who is at work on a study: locks in its folder that end with the process, however it ends."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ccta_core.errors import CctaError

LOCK = "lock"
"""A file in a study's folder that whoever measures it keeps locked, on this machine or on Ray."""
HELD = "process"
"""The same for a run that was begun as a process of its own; its text is the process id."""
CANCEL = "cancel"
"""A file of this name in a study's folder asks the run that holds LOCK to stop."""
_TRIES = 20


def held(path: Path) -> bool:
    """Returns whether another process has the file locked; the lock ends with the process."""
    import fcntl

    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    except OSError:
        return False  # a file system without locks: nobody can hold one
    return False


@contextmanager
def hold(path: Path) -> Iterator[IO[bytes]]:
    """Holds a lock in a study's folder; the open file, which a child process may inherit.

    Raises CctaError (one line) where another process has it, and where the folder can't be written
    or its file system knows no locks.
    """
    import fcntl

    folder = path.parent
    try:
        file = path.open("ab")
    except OSError as error:
        raise CctaError(
            f"{folder} can't be written ({error.strerror}); see to its permissions, or set "
            "CCTA_CACHE to another folder"
        ) from error
    with file:
        for attempt in range(_TRIES):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if attempt == _TRIES - 1:
                    raise CctaError(
                        f"the study {folder.name} is running already; wait for it, or stop it"
                    ) from error
                time.sleep(0.05)  # somebody may only be asking whether it is held
            except OSError as error:
                raise CctaError(
                    f"{path} can't be locked ({error.strerror}), so two runs could not be kept "
                    "apart; set CCTA_CACHE to a folder on another disk"
                ) from error
        yield file
