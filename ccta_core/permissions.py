"""What people may do with an installation: everything, or look and compare only; and what is whose.

One switch, the variable CCTA_READ_ONLY (`ccta dashboard --read-only` sets it), asked by every
function that keeps, changes, deletes or starts something for whoever calls it: hiding a button is
no protection. Pairs are still computed and their results kept, which is what a demo is for.

Files that are handed in, tags, notes, studies and adjustments belong to the person who made them.
On the command line and from Python that is LOCAL, whose things lie where they always did; a server
says who asks (`identify_by`), and each person's things lie in a folder of their own.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ccta_core.config import cache_root
from ccta_core.errors import CctaError

VARIABLE = "CCTA_READ_ONLY"
NO_TEXTS = "CCTA_KEEP_NO_TEXTS"
"""Set, no result of a pair is kept: each is computed again, and nothing that was typed stays."""
ADMINISTRATORS = "CCTA_ADMINISTRATORS"
"""Names the people, as their login names them, separated by commas, who may do everything."""
OWNER = "owner"
"""A file of this name in the folder of a study or an adjustment has its owner's key."""
PEOPLE = "people"
"""The folder in the cache with a folder for each person."""
_T = TypeVar("_T")
_OFF = ("", "0", "no", "off", "false")


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks: a name that a login vouches for, or one that nobody can guess (`login` False)."""

    name: str
    login: bool = False

    @property
    def key(self) -> str:
        """A name for the person's folder, of which the person's own name can't be told."""
        return hashlib.sha256(f"{self.login}:{self.name}".encode()).hexdigest()[:32]

    @property
    def administrator(self) -> bool:
        """Whether the person may see and change what is others': LOCAL, and whom the setting
        names.
        """
        names = os.environ.get(ADMINISTRATORS, "").split(",")
        return self == LOCAL or (self.login and self.name in [each.strip() for each in names])

    @property
    def root(self) -> Path:
        """The folder of the person's files, tags and notes; LOCAL's is the cache itself."""
        return cache_root() if self == LOCAL else cache_root() / PEOPLE / self.key


LOCAL = Person("local")
"""Whoever works on this machine: the command line, Python, and a dashboard of one person."""
_identify: Callable[[], Person] = lambda: LOCAL  # noqa: E731 - replaced by `identify_by`
_acting: ContextVar[Person | None] = ContextVar("acting", default=None)


class NotYoursError(CctaError):
    """Something that belongs to another person, or to whoever runs the installation."""


class ReadOnlyError(CctaError):
    """Something that a read-only installation does not do."""


def read_only() -> bool:
    """Whether this installation is read-only. A value that is neither on nor off is on."""
    return _is_on(VARIABLE)


def keeps_texts() -> bool:
    """Whether results of pairs are kept, with the texts that were typed."""
    return not _is_on(NO_TEXTS)


def _is_on(variable: str) -> bool:
    return os.environ.get(variable, "").strip().lower() not in _OFF


def refuse_if_read_only(what: str) -> None:
    """Raises ReadOnlyError, which names `what` as the beginning of a sentence, where it is."""
    if read_only():
        raise ReadOnlyError(
            f"{what} is not possible here: this installation is read-only ({VARIABLE} is set); "
            "use one of your own"
        )


def identify_by(identify: Callable[[], Person]) -> None:
    """Has this process ask `identify` who it works for; a server's call, once."""
    global _identify
    _identify = identify


def person() -> Person:
    """Returns whom this process works for now."""
    return _acting.get() or _identify()


@contextmanager
def acting_for(someone: Person) -> Iterator[None]:
    """Works for a person, whoever else would be asked."""
    token = _acting.set(someone)
    try:
        yield
    finally:
        _acting.reset(token)


def for_this_person(function: Callable[[], _T]) -> Callable[[], _T]:
    """Returns the function as one that works for the person of now, whenever it is called: a file
    is made when it is asked for, outside the page that offered it.
    """
    someone = person()

    def called_later() -> _T:
        with acting_for(someone):
            return function()

    return called_later


def refuse_unless_administrator(what: str) -> None:
    """Raises NotYoursError, which names `what` as the beginning of a sentence, for other people."""
    if not person().administrator:
        raise NotYoursError(
            f"{what} is for administrators here; ask one, or use an installation of your own"
        )


def claim(folder: Path) -> None:
    """Notes that what lies in a folder belongs to the person; of LOCAL nothing is written.

    Raises OSError where the folder can't be written.
    """
    if person() != LOCAL:
        (folder / OWNER).write_text(person().key, "ascii")


def may_read(folder: Path) -> bool:
    """Returns whether the person may know of what lies in a folder: it is theirs, or nobody's."""
    return owner_of(folder) in (None, person().key) or person().administrator


def may_change(folder: Path) -> bool:
    """Returns whether the person may change what lies in a folder: theirs, or an administrator."""
    return owner_of(folder) == person().key or person().administrator


def refuse_to_change(folder: Path, what: str) -> None:
    """Raises NotYoursError, beginning with `what`, where the person may not change what lies in a
    folder.
    """
    if not may_change(folder):
        refuse_unless_administrator(what)


def owner_of(folder: Path) -> str | None:
    """Returns the key of the person to whom what lies in a folder belongs; None of nobody."""
    try:
        return (folder / OWNER).read_text("ascii", "replace").strip()
    except OSError:
        return None
