"""Keeps files that a person hands in, in the cache by their content, and says what they hold.

A file is kept once it was read: in a process of its own, under limits (`limited.py`), within the
caps of `caps.py`. It lies at `data/STEM-HASH.ENDING` in the cache folder, the hash over its bytes:
the same file handed in twice is kept once, and a study's data never changes under its name.
"""

import csv
import hashlib
import io
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import regex

from ccta_core.config import cache_root
from ccta_core.corpus.caps import MOST_MEGABYTES, check_caps
from ccta_core.corpus.demo import read_demo
from ccta_core.corpus.items import LeftOut, places_by_reason
from ccta_core.corpus.resolve import UPLOADS
from ccta_core.corpus.spec import Scan, read_corpus, scan
from ccta_core.errors import CctaError
from ccta_core.limited import Limits, call_limited
from ccta_core.permissions import PEOPLE, person, refuse_if_read_only
from ccta_core.quotas import refuse_beyond
from ccta_core.whole_files import whole_file

ENDINGS = (".csv", ".tsv", ".jsonl", ".parquet")
LIMITS = Limits()
"""Of the process that reads a file which is handed in."""
_LONGEST_STEM = 40
_LONGEST_REASON = 300


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
    """Returns the names of the files that the person keeps here, in order.

    An administrator's list goes on with those of others, as KEY/NAME.
    """
    own = _names_in(person().root)
    if not person().administrator:
        return own
    people = sorted(cache_root().glob(f"{PEOPLE}/*"))
    others = [folder for folder in people if folder != person().root]
    return own + [f"{folder.name}/{name}" for folder in others for name in _names_in(folder)]


def spec_of(name: str) -> str:
    """Returns the spec of a kept file: `file:PATH`.

    Raises CctaError where there is none of this name.
    """
    if name not in uploads():
        raise CctaError(f"no file {name!r} is kept here; hand it in again")
    return f"file:{_path_of(name).absolute()}"


def kept_name(name: str, content: bytes) -> str:
    """Returns the name under which a file would be kept: its own, and a hash over its bytes.

    Raises CctaError on an ending that can't be read, an empty file and one over the size limit.
    """
    ending = Path(name).suffix.lower()
    if ending not in ENDINGS:
        raise CctaError(
            f"{name} ends in {ending or 'nothing'!r}; expected one of: {' '.join(ENDINGS)}"
        )
    if not content:
        raise CctaError(f"{name} is empty; expected at least one row")
    check_size(name, content)
    stem = regex.sub(r"[^\p{L}\p{N}_-]+", "-", Path(name).stem).strip("-")[:_LONGEST_STEM]
    return f"{stem or 'file'}-{hashlib.sha256(content).hexdigest()[:12]}{ending}"


def check_size(name: str, content: bytes) -> None:
    """Raises CctaError where a file has more bytes than may be handed in."""
    if len(content) > MOST_MEGABYTES << 20:
        raise CctaError(
            f"{name} has {len(content) >> 20} MiB; at most {MOST_MEGABYTES} can be handed in: put "
            "it on this machine and name it as file:PATH on the command line"
        )


def keep(name: str, content: bytes) -> UploadContents:
    """Reads a file through, as `ccta data check` does, and keeps it under its content's address.

    Raises CctaError (one line, the file by its name) as `kept_name`, where it exceeds a cap, a
    limit or what the person may keep, where it can't be read as parallel text or has fewer than two
    languages, and where the folder can't be written: then it is not kept.
    """
    refuse_if_read_only("Handing in a file")
    kept = kept_name(name, content)
    _refuse_beyond_quota(kept, content)
    contents = read_apart(examine, [(kept, content)])
    left_out, repaired = (
        tuple(LeftOut(**row) for row in contents.pop(key)) for key in ("left_out", "repaired")
    )
    _write(_path_of(kept), content)
    return UploadContents(**contents, left_out=left_out, repaired=repaired)


def keep_read(name: str, content: bytes) -> str:
    """Keeps a file that was read as parallel text already, and returns the name it has now.

    Raises CctaError as `kept_name`, where it exceeds what the person may keep, and where the folder
    can't be written.
    """
    refuse_if_read_only("Handing in a file")
    kept = kept_name(name, content)
    _refuse_beyond_quota(kept, content)
    _write(_path_of(kept), content)
    return kept


def read_apart(
    function: Callable[..., Any], files: Sequence[tuple[str, bytes]], *arguments: str
) -> Any:
    """Calls a function with the paths of files that were not read yet, then the arguments, in a
    process under LIMITS; `files` are names without folders, with contents.

    Raises CctaError (one line, which names no folder) as `call_limited`.
    """
    what = " and ".join(name for name, _ in files)
    with tempfile.TemporaryDirectory(prefix="ccta-upload-") as folder:
        paths = []
        for number, (name, content) in enumerate(files):
            paths.append(Path(folder) / str(number) / name)
            paths[-1].parent.mkdir()
            paths[-1].write_bytes(content)
        try:
            return call_limited(function, (*map(str, paths), *arguments), LIMITS, what)
        except CctaError as error:
            line = str(error)
            for path in paths:
                line = line.replace(f"file:{path}", path.name).replace(str(path), path.name)
            raise CctaError(line) from error


def examine(path: str) -> dict[str, Any]:
    """Returns what a file holds, the fields of UploadContents, as plain values.

    Raises CctaError (one line) as `keep`.
    """
    name, spec = Path(path).name, f"file:{path}"
    check_caps(Path(path))
    scanned = scan(spec)
    if len(scanned.languages) < 2:
        raise CctaError(
            f"{name} has one language, {scanned.languages[0]}; a study compares two or more"
        )
    contents = asdict(_contents(name, spec, scanned))
    for row in (*contents["left_out"], *contents["repaired"]):
        row["reason"] = row["reason"][:_LONGEST_REASON]  # it may quote a cell
    return contents


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
            _path_of(name).unlink()


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


def _names_in(root: Path) -> list[str]:
    paths = (root / UPLOADS).glob("*-*.*")
    return sorted(path.name for path in paths if path.suffix in ENDINGS)


def _path_of(name: str) -> Path:
    """Returns where a file of the person lies, or another's, which an administrator's list has."""
    key, _, rest = name.rpartition("/")
    root = cache_root() / PEOPLE / key if key else person().root
    return root / UPLOADS / rest


def _contents(name: str, spec: str, scanned: Scan) -> UploadContents:
    try:
        corpus, apart = read_corpus(spec, scanned.languages), None
    except CctaError as error:
        corpus, apart = None, str(error).replace(spec, name).replace(spec[5:], name)
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


def _refuse_beyond_quota(kept: str, content: bytes) -> None:
    """Raises QuotaError where a file that is not kept yet takes more than the person has left."""
    if not _path_of(kept).exists():
        refuse_beyond("uploads", len(content))


def _write(path: Path, content: bytes) -> None:
    if path.exists() and path.stat().st_size == len(content):
        return
    try:
        with whole_file(path) as file:
            file.write(content)
    except OSError as error:
        raise CctaError(
            f"{path.parent} can't be written ({error.strerror}); make room, or set CCTA_CACHE to "
            "another folder"
        ) from error
