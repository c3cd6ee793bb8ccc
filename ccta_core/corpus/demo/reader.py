"""Reads the bundled corpus and checks that its files say the same thing line by line."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest
from pathlib import Path
from types import MappingProxyType

from ccta_core.corpus.demo.forms import FORMS, Form
from ccta_core.corpus.demo.marks import NamedEntity
from ccta_core.corpus.lines import lines
from ccta_core.errors import CctaError
from ccta_core.types import ParallelExample, Sentence

ROOT = Path(__file__).parent
REFERENCE = "en"
"""The language whose ids and labels the other files must repeat."""


@dataclass(frozen=True, slots=True)
class DemoRow:
    """The item on one line of one file; `place` names it in messages."""

    place: str
    id: str
    group: str
    label: str | None
    sentence: Sentence
    entities: tuple[NamedEntity, ...] = ()


def read_demo(name: str) -> list[ParallelExample]:
    """Returns the items of one part of the corpus in file order, each in every language.

    The items of one group share a premise, a sentence or a context; the answer to a question is its
    sentence's focus. Raises CctaError on an unknown name, and on a line that can't be read or is
    not in step with the English file, naming the file and the line.
    """
    return list(_read_part(name))


def demo_names() -> tuple[str, ...]:
    """Returns the parts of the corpus that `read_demo` knows."""
    parts = sorted(path.parent.name for path in ROOT.glob(f"*/{REFERENCE}.tsv"))
    return tuple(name for name in parts if name in FORMS)


@cache
def demo_entities() -> Mapping[str, Mapping[str, tuple[NamedEntity, ...]]]:
    """Maps language -> item of the part "sentences" -> its names: (start, end, PER, LOC or ORG).

    Offsets count characters of the item's text in that language. Raises CctaError as `read_demo`.
    """
    files = read_files(_folder("sentences"), FORMS["sentences"])
    return MappingProxyType(
        {
            lang: MappingProxyType({row.id: row.entities for row in rows})
            for lang, rows in files.items()
        }
    )


def read_folder(folder: Path, part: str = "nli") -> tuple[ParallelExample, ...]:
    """Returns the parallel examples of a folder of `{lang}.tsv` files with the columns of a part.

    Raises CctaError, naming the file and the line, where the files are not line-parallel.
    """
    files = read_files(folder, FORMS[part])
    return tuple(
        ParallelExample(
            id=row.id,
            group=row.group,
            label=row.label,
            sentences={lang: rows[index].sentence for lang, rows in files.items()},
        )
        for index, row in enumerate(files[REFERENCE])
    )


def read_files(folder: Path, form: Form) -> dict[str, list[DemoRow]]:
    """Maps each language to the rows of its file, which say the same thing line by line.

    Raises CctaError as `read_folder`, and where the English file is missing.
    """
    files = {
        path.stem: [
            read_line(place, path.stem, cells, form) for place, cells in cells_of(path, form)
        ]
        for path in sorted(folder.glob("*.tsv"))
    }
    if REFERENCE not in files:
        raise CctaError(f"expected {REFERENCE}.tsv in {folder}; every other language repeats it")
    for lang, rows in files.items():
        for message in out_of_step(folder / f"{lang}.tsv", rows, files[REFERENCE]):
            raise CctaError(message)
    return files


def cells_of(path: Path, form: Form) -> Iterator[tuple[str, list[str]]]:
    """Yields (file:line, the cells between tabs) of every line after the first.

    Raises CctaError where the first line does not name the columns of the form.
    """
    for number, line in lines(path):
        cells = line.split("\t")
        if number > 1:
            yield f"{path}:{number}", cells
        elif tuple(cells) != form.columns:
            raise CctaError(
                f"{path}:1: expected the columns {' '.join(form.columns)}, found {line!r}"
            )


def read_line(place: str, lang: str, cells: Sequence[str], form: Form) -> DemoRow:
    """Reads one line. Raises CctaError, naming the place, where it is not of the form."""
    if len(cells) != len(form.columns):
        raise CctaError(
            f"{place}: expected {len(form.columns)} tab-separated columns, found {len(cells)}"
        )
    item, *rest = cells
    label = rest.pop(0) if form.labels else None
    if not form.group(item):
        raise CctaError(
            f"{place}: expected an id that says its group before a dash, as in ferry-e; "
            f"found {item!r}"
        )
    if label is not None and label not in form.labels:
        raise CctaError(f"{place}: expected one of {' '.join(form.labels)}, found {label!r}")
    try:
        sentence, entities = form.texts(lang, *rest)
    except CctaError as error:
        raise CctaError(f"{place}: {error}") from error
    return DemoRow(place, item, form.group(item), label, sentence, entities)


def out_of_step(path: Path, rows: Sequence[DemoRow], reference: Sequence[DemoRow]) -> Iterator[str]:
    """Yields a message for every row that has not the id and the label of the English one.

    The messages end where ids differ: from there on every line would be named.
    """
    for row, expected in zip_longest(rows, reference):
        if row is None or expected is None:
            yield _other_length(path, rows, reference)
            return
        if (row.id, row.label) != (expected.id, expected.label):
            yield (
                f"{row.place}: expected {_named(expected)} as in {REFERENCE}.tsv, "
                f"found {_named(row)}"
            )
        if row.id != expected.id:
            return


def _other_length(path: Path, rows: Sequence[DemoRow], reference: Sequence[DemoRow]) -> str:
    short = min(len(rows), len(reference))
    where = rows[short].place if len(rows) > short else f"{path}:{short + 2}"
    return (
        f"{where}: the file has {len(rows)} items, {REFERENCE}.tsv has {len(reference)}; "
        "each line must stand in every file"
    )


def _named(row: DemoRow) -> str:
    return row.id if row.label is None else f"{row.id} {row.label}"


@cache
def _read_part(name: str) -> tuple[ParallelExample, ...]:
    return read_folder(_folder(name), name)


def _folder(name: str) -> Path:
    if name not in demo_names():
        raise CctaError(f"unknown demo corpus {name!r}; expected one of: {', '.join(demo_names())}")
    return ROOT / name
