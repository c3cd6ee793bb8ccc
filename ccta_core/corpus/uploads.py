"""Keeps files that a person hands in, in the cache by their content, and says what they hold.

A file lies at `data/STEM-HASH.ENDING` in the cache folder, the hash over its bytes: the same file
handed in twice is kept once, and a study's data never changes under its name.
"""

import csv
import hashlib
import io
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import regex

from ccta_core.config import cache_root
from ccta_core.corpus.demo import read_demo
from ccta_core.corpus.items import LeftOut, places_by_reason
from ccta_core.corpus.spec import Scan, read_corpus, scan
from ccta_core.errors import CctaError
from ccta_core.permissions import refuse_if_read_only

FOLDER = "data"
ENDINGS = (".csv", ".tsv", ".jsonl", ".parquet")
MOST_MEGABYTES = 50
"""The size limit of a file that is handed in; a larger one can be named as file:PATH."""
_LONGEST_STEM = 40


@dataclass(frozen=True, slots=True)
class UploadContents:
    """What a file holds: items and labels of each language, the items that all languages have, and
    what is not used and why.
    """

    name: str
    task: str
    items: Mapping[str, int]
    """Language -> items."""
    labels: Mapping[str, int]
    """Gold label -> items, each counted once."""
    shared: int
    """Items that every language has."""
    apart: str | None
    """Why the languages have none in common."""
    left_out: tuple[LeftOut, ...]
    repaired: tuple[LeftOut, ...]

    def reasons(self) -> "list[ReasonCount]":
        """Returns why rows are not used, the commonest reason first."""
        return by_reason(self.left_out)


def uploads() -> list[str]:
    """Returns the names of the files kept, in order."""
    paths = (cache_root() / FOLDER).glob("*-*.*")
    return sorted(path.name for path in paths if path.suffix in ENDINGS)


def spec_of(name: str) -> str:
    """Returns the spec of a kept file: `file:PATH`.

    Raises CctaError where there is none of this name.
    """
    if name not in uploads():
        raise CctaError(f"no file {name!r} is kept here; hand it in again")
    return f"file:{(cache_root() / FOLDER / name).absolute()}"


def keep(name: str, content: bytes) -> str:
    """Keeps a file under its content's address and returns the name it has now.

    Raises CctaError on an ending that can't be read, an empty file, one over the size limit, and
    where the folder can't be written.
    """
    refuse_if_read_only("Handing in a file")
    ending = Path(name).suffix.lower()
    if ending not in ENDINGS:
        raise CctaError(
            f"{name} ends in {ending or 'nothing'!r}; expected one of: {' '.join(ENDINGS)}"
        )
    if not content:
        raise CctaError(f"{name} is empty; expected at least one row")
    if len(content) > MOST_MEGABYTES << 20:
        raise CctaError(
            f"{name} has {len(content) >> 20} MiB; at most {MOST_MEGABYTES} can be handed in: put "
            "it on this machine and name it as file:PATH on the command line"
        )
    stem = regex.sub(r"[^\p{L}\p{N}_-]+", "-", Path(name).stem).strip("-")[:_LONGEST_STEM]
    kept = f"{stem or 'file'}-{hashlib.sha256(content).hexdigest()[:12]}{ending}"
    _write(cache_root() / FOLDER / kept, content)
    return kept


def check(name: str) -> UploadContents:
    """Reads a kept file through, as `ccta data check` does.

    Raises CctaError (one line, the file by its name) where it can't be read as parallel text or
    has fewer than two languages.
    """
    spec = spec_of(name)
    try:
        scanned = scan(spec)
        if len(scanned.languages) < 2:
            raise CctaError(
                f"{name} has one language, {scanned.languages[0]}; a study compares two or more"
            )
        return _checked(name, spec, scanned)
    except CctaError as error:
        raise CctaError(_without_folder(str(error), spec)) from error


def sample_file() -> bytes:
    """Returns a small CSV as it can be handed in: two groups of three items in three languages."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("id", "group", "lang", "text", "text2", "label"))
    for item in read_demo("nli")[:6]:
        for lang in ("en", "es", "ar"):
            side = item.sentences[lang]
            writer.writerow((item.id, item.group, lang, side.text, side.text2, item.label))
    return text.getvalue().encode("utf-8-sig")


def forget(name: str) -> None:
    """Deletes a kept file, if there is one of this name."""
    refuse_if_read_only("Deleting a file")
    if name in uploads():
        with suppress(OSError):
            (cache_root() / FOLDER / name).unlink()


class ReasonCount(NamedTuple):
    """Why rows were left out or put right: how many rows, and where the first ones stand."""

    reason: str
    rows: int
    places: str


def by_reason(rows: Sequence[LeftOut], shown: int = 3) -> list[ReasonCount]:
    """Returns the reasons of rows with the first `shown` places of each, the commonest reason
    first.
    """
    return [
        ReasonCount(
            reason,
            len(places),
            ", ".join(line_of(place) for place in places[:shown])
            + (", …" if len(places) > shown else ""),
        )
        for reason, places in places_by_reason(rows).items()
    ]


def line_of(place: str) -> str:
    """Returns the line, the row or the id at the end of a place."""
    return place.rpartition(":")[2]


def _checked(name: str, spec: str, scanned: Scan) -> UploadContents:
    try:
        corpus, apart = read_corpus(spec, scanned.languages), None
    except CctaError as error:
        corpus, apart = None, _without_folder(str(error), spec)
    labelled = {(item.id, item.label) for item in scanned.reading.items if item.label is not None}
    labels = Counter(label for _, label in labelled)
    return UploadContents(
        name=name,
        task=scanned.task,
        items=dict(Counter(item.lang for item in scanned.reading.items)),
        labels=dict(sorted(labels.items())),
        shared=len(corpus.examples) if corpus else 0,
        apart=apart,
        left_out=corpus.left_out if corpus else scanned.reading.left_out,
        repaired=corpus.repaired if corpus else scanned.repaired,
    )


def _without_folder(line: str, spec: str) -> str:
    """Replaces the file's path in a reader's message by its name."""
    path = spec.removeprefix("file:")
    return line.replace(spec, Path(path).name).replace(path, Path(path).name)


def _write(path: Path, content: bytes) -> None:
    if path.exists() and path.stat().st_size == len(content):
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise CctaError(
            f"{path.parent} can't be written ({error.strerror}); make room, or set CCTA_CACHE to "
            "another folder"
        ) from error
