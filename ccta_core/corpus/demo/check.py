"""Says what is wrong with the files of the demo corpus, one line a problem.

python -m ccta_core.corpus.demo.check [FOLDER]
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ccta_core.corpus.demo.faults import FAULTS, Part
from ccta_core.corpus.demo.forms import FORMS, Form
from ccta_core.corpus.demo.reader import REFERENCE, ROOT, Row, cells_of, out_of_step, read_line
from ccta_core.errors import CctaError


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at and what is wrong with it: one line a problem, with file and line."""

    items: int
    languages: tuple[str, ...]
    problems: tuple[str, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the problems of a folder; returns 1 where there are some, else 0."""
    parser = argparse.ArgumentParser(
        prog="python -m ccta_core.corpus.demo.check",
        description="Says what is wrong with the files of the demo corpus, one line a problem.",
    )
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=ROOT,
        metavar="FOLDER",
        help=f"holds {' '.join(FORMS)}; default: the shipped corpus",
    )
    done = checked(parser.parse_args(arguments).folder)
    for problem in done.problems:
        sys.stdout.write(f"{problem}\n")
    if not done.problems:
        sys.stdout.write(f"no problem in {done.items} items of {len(done.languages)} languages\n")
    return 1 if done.problems else 0


def checked(folder: Path) -> Checked:
    """Everything that is wrong with the four parts in a folder, part by part."""
    found: list[str] = []
    parts = {name: _part(folder / name, form, found) for name, form in FORMS.items()}
    languages = sorted({path.stem for name in FORMS for path in (folder / name).glob("*.tsv")})
    for name in FORMS:
        found += _missing(folder / name, languages)
    for part in parts.values():
        for fault in FAULTS:
            found += fault(part)
    items = sum(len(part.reference) for part in parts.values())
    return Checked(items, tuple(languages), tuple(found))


def _missing(folder: Path, languages: Sequence[str]) -> list[str]:
    wanted = languages or [REFERENCE]
    return [
        f"{folder}/{lang}.tsv: the file is missing; every part is in every language"
        for lang in wanted
        if not (folder / f"{lang}.tsv").is_file()
    ]


def _part(folder: Path, form: Form, found: list[str]) -> Part:
    """The rows of a folder that can be read; the others go to `found`, with lines out of step."""
    files, whole = {}, set()
    for path in sorted(folder.glob("*.tsv")):
        before = len(found)
        files[path.stem] = _file(path, form, found)
        if len(found) == before:
            whole.add(path.stem)
    if REFERENCE in whole:
        # beside a line that can't be read all that follow would count as out of step
        for lang in sorted(whole):
            found += out_of_step(folder / f"{lang}.tsv", files[lang], files[REFERENCE])
    return Part(str(folder), form, files)


def _file(path: Path, form: Form, found: list[str]) -> list[Row]:
    rows = []
    try:
        raw = path.read_bytes()
        if b"\r" in raw or raw.startswith(b"\xef\xbb\xbf"):
            found.append(f"{path}: expected lines that end in LF and no byte order mark")
        for place, cells in cells_of(path, form):
            try:
                rows.append(read_line(place, path.stem, cells, form))
            except CctaError as error:
                found.append(str(error))
    except (CctaError, OSError) as error:
        found.append(str(error))
    return rows


if __name__ == "__main__":
    sys.exit(main())
