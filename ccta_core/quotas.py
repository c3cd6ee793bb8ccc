"""What one person may take of an installation: of its queue, its time and its disk.

Each limit is a variable of the environment and a flag of `ccta dashboard`. One that is not set has
two defaults: for administrators and whoever works at the machine alone (most have none), and for
everybody else, where a second person waits for what the first one takes.
"""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ccta_core.config import cache_root
from ccta_core.errors import CctaError
from ccta_core.permissions import owner_of, person
from ccta_core.text import size

RESULTS = "results"
"""The folder of the cache with results of pairs."""
_UPLOADS, _STUDIES = "data", "studies"
_LEDGER = "results.txt"
"""In a person's folder: the results that were computed for them, a path in RESULTS a line."""
_OFF = ("0", "no", "off", "none")
_AMOUNT = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,3})?) ?([kMGT]?)B?")
_TIMES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_SHIPPED = "shipped"


class QuotaError(CctaError):
    """Something for which a person has no room or no turn left."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit: its variable, what it counts, and what it is where the variable is not set.

    `alone` is for administrators and the person at the machine, `shared` for everybody else; None
    is no limit.
    """

    variable: str
    what: str
    alone: int | None
    shared: int | None

    @property
    def flag(self) -> str:
        """Its flag of `ccta dashboard`."""
        return "--" + self.variable.removeprefix("CCTA_").lower().replace("_", "-")


LIMITS = {
    "characters": Limit("CCTA_JOB_CHARACTERS", "characters of a pair's texts", None, 20_000),
    "seconds": Limit("CCTA_JOB_SECONDS", "seconds that a pair is computed", None, 300),
    "waiting": Limit("CCTA_JOBS_WAITING", "jobs of a person that wait", 24, 24),
    "uploads": Limit("CCTA_UPLOAD_QUOTA", "bytes of files handed in", None, 500_000_000),
    "results": Limit("CCTA_RESULT_QUOTA", "bytes of comparisons kept", None, 200_000_000),
    "studies": Limit("CCTA_STUDY_QUOTA", "bytes of studies", None, 5_000_000_000),
    "model": Limit("CCTA_MODEL_SIZE", "bytes of weights of a model", 20_000_000_000, 5_000_000_000),
    "studies at once": Limit("CCTA_STUDIES_AT_ONCE", "studies that run at the same time", 4, 4),
}
"""By name. Only `studies at once` is one for all people together."""
KINDS = {
    "uploads": "Files handed in",
    "results": "Comparisons computed for you",
    "studies": "Studies",
}
"""Kinds of things that take a person's disk, and what they are called on a page."""


@dataclass(frozen=True, slots=True)
class DiskUse:
    """The bytes that the person takes of one kind, and may take."""

    title: str
    used: int
    allowed: int


def allowed(name: str) -> int | None:
    """Returns a limit of LIMITS for the person of now; None where there is none.

    Raises CctaError where its variable is no amount.
    """
    limit = LIMITS[name]
    text = os.environ.get(limit.variable, "").strip()
    if text:
        return read_amount(text, limit.variable)
    return limit.alone if person().administrator else limit.shared


def read_amount(text: str, name: str) -> int | None:
    """Returns an amount: a number, which may end in k, M, G or T (500M, 1.5 GB); None of "off" and
    0. Raises CctaError, which names what it was for, on anything else.
    """
    if text.lower() in _OFF:
        return None
    match = _AMOUNT.fullmatch(text)
    amount = round(float(match[1]) * _TIMES[match[2]]) if match else 0
    if amount < 1:
        raise CctaError(
            f"{name} is {text[:40]!r}; expected a number such as 300, 500M or 5G, or off"
        )
    return amount


def disk_uses() -> list[DiskUse]:
    """Returns what the person takes of each kind that is limited for them."""
    limits = {kind: allowed(kind) for kind in KINDS}
    return [
        DiskUse(KINDS[kind], used(kind), most) for kind, most in limits.items() if most is not None
    ]


def refuse_beyond(kind: str, more: int) -> None:
    """Raises QuotaError (one line) where `more` bytes of a kind are more than the person may take,
    or they take as much as they may already.
    """
    most = allowed(kind)
    if most is None:
        return
    taken = used(kind)
    if taken + more > most or taken >= most:
        this = f" and this takes {size(more)} more" if more else ""
        raise QuotaError(
            f"{KINDS[kind].lower()}: you use {size(taken)} of {size(most)}{this}; delete some, or "
            f"ask whoever runs this installation ({LIMITS[kind].variable})"
        )


def used(kind: str) -> int:
    """Returns the bytes that the person takes of a kind of KINDS."""
    if kind == "uploads":
        return bytes_of(person().root / _UPLOADS)
    if kind == "studies":
        key = None if person().root == cache_root() else person().key
        return sum(bytes_of(path) for path in _folders() if owner_of(path) == key)
    return sum(_size(path) for path in _ledger_paths())


def note_result(path: Path) -> None:
    """Notes that a result was kept for the person; nothing where results are not limited."""
    if allowed("results") is None:
        return
    ledger = person().root / _LEDGER
    ledger.parent.mkdir(parents=True, exist_ok=True)
    with ledger.open("a", encoding="ascii") as file:  # one short line: written at once or not
        file.write(f"{path.relative_to(cache_root() / RESULTS).as_posix()}\n")


def bytes_of(folder: Path) -> int:
    """Returns the bytes of all files in a folder, at any depth; links are not followed."""
    return sum(_size(Path(place) / name) for place, _, names in os.walk(folder) for name in names)


def _folders() -> Iterable[Path]:
    """Returns the folders of studies in the cache that did not come with the product."""
    root = cache_root() / _STUDIES
    try:
        return [path for path in root.iterdir() if not (path / _SHIPPED).exists()]
    except OSError:
        return []


def _ledger_paths() -> list[Path]:
    """Returns the results that were kept for the person, each once; some may be cleared by now."""
    try:
        lines = (person().root / _LEDGER).read_text("ascii", "replace").splitlines()
    except OSError:
        return []
    return [cache_root() / RESULTS / line for line in dict.fromkeys(lines)]


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0  # deleted meanwhile
