"""Reads the bundled corpus and checks that its files say the same thing line by line."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ccta_core.errors import CctaError
from ccta_core.types import ParallelExample, Sentence

ROOT = Path(__file__).parent
REFERENCE = "en"
"""The language whose ids and labels the other files must repeat."""
COLUMNS = ("id", "label", "premise", "hypothesis")


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of one file; `place` names it in messages."""

    place: str
    id: str
    label: str
    sentence: Sentence


def read_demo(name: str) -> list[ParallelExample]:
    """The items of one part of the corpus in file order, each in every language.

    The items of one group share a premise. Raises CctaError on an unknown name, and on a line that
    is not in step with the English file, naming the file and the line.
    """
    return list(_read_part(name))


def demo_names() -> tuple[str, ...]:
    """The parts of the corpus that `read_demo` knows."""
    return tuple(sorted(path.parent.name for path in ROOT.glob(f"*/{REFERENCE}.tsv")))


@cache
def _read_part(name: str) -> tuple[ParallelExample, ...]:
    if name not in demo_names():
        raise CctaError(f"unknown demo corpus {name!r}; expected one of: {', '.join(demo_names())}")
    return read_folder(ROOT / name)


def read_folder(folder: Path) -> tuple[ParallelExample, ...]:
    """The parallel examples of a folder of `{lang}.tsv` files with the columns of COLUMNS.

    Raises CctaError, naming the file and the line, where the files are not line-parallel.
    """
    files = {path.stem: _read_file(path) for path in sorted(folder.glob("*.tsv"))}
    reference = files[REFERENCE]
    for lang, rows in files.items():
        _check_parallel(folder / f"{lang}.tsv", rows, reference)
    return tuple(
        ParallelExample(
            id=row.id,
            group=row.id.rpartition("-")[0],
            label=row.label,
            sentences={lang: rows[index].sentence for lang, rows in files.items()},
        )
        for index, row in enumerate(reference)
    )


def _read_file(path: Path) -> list[_Row]:
    header, *lines = path.read_text("utf-8").removesuffix("\n").split("\n")
    if tuple(header.split("\t")) != COLUMNS:
        raise CctaError(f"{path}:1: expected the columns {' '.join(COLUMNS)}, found {header!r}")
    return [_read_line(f"{path}:{number}", path.stem, line) for number, line in enumerate(lines, 2)]


def _read_line(place: str, lang: str, line: str) -> _Row:
    fields = line.split("\t")
    if len(fields) != len(COLUMNS):
        raise CctaError(
            f"{place}: expected {len(COLUMNS)} tab-separated columns, found {len(fields)}"
        )
    item, label, premise, hypothesis = fields
    try:
        return _Row(place, item, label, Sentence(premise, lang, hypothesis))
    except CctaError as error:
        raise CctaError(f"{place}: {error}") from error


def _check_parallel(path: Path, rows: list[_Row], reference: list[_Row]) -> None:
    for row, expected in zip(rows, reference, strict=False):
        if (row.id, row.label) != (expected.id, expected.label):
            raise CctaError(
                f"{row.place}: expected {expected.id} {expected.label} as in {REFERENCE}.tsv, "
                f"found {row.id} {row.label}"
            )
    if len(rows) != len(reference):
        raise CctaError(
            f"{path}:{len(rows) + 1}: the file ends after {len(rows)} items, "
            f"{REFERENCE}.tsv has {len(reference)}; each line must stand in every file"
        )
