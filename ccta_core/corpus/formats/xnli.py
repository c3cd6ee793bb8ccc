"""XNLI (Conneau et al., 2018) in XTREME's form, with KorNLI's Korean where it stands beside it.

`dev-LANG.tsv` is premise TAB hypothesis TAB label; `test-LANG.tsv` has two columns and its labels
are the lines of `test.labels.txt`; `ko/xnli.{split}.ko.tsv` has a header and three columns. An id
is `{split}-{row}`, rows from 1. The rows that share an English premise are one group, in every
language (three rows in all of XNLI): translations of different premises are sometimes the same.
"""

from collections.abc import Iterator
from pathlib import Path

from ccta_core.corpus.cells import UNLABELLED
from ccta_core.corpus.items import Item
from ccta_core.corpus.labels import nli_label
from ccta_core.corpus.lines import columns, list_files, parallel_rows, text_rows
from ccta_core.corpus.source import DataSource, PlacedItem, ReaderOutput
from ccta_core.errors import CctaError
from ccta_core.languages import LANGUAGES

_COLUMNS = ("premise", "hypothesis", "label")
_KOREAN = "ko"


def languages(folder: Path, split: str) -> tuple[str, ...]:
    """Returns the languages with a file of this split, without Korean."""
    paths = list_files(folder, f"{split}-*.tsv", "XNLI")
    codes = (path.stem.removeprefix(f"{split}-") for path in paths)
    return tuple(code for code in codes if code in LANGUAGES)


def read(folder: Path, split: str, lang: str) -> Iterator[ReaderOutput]:
    """Yields the items of one language, in file order."""
    path = _path(folder, split, lang)
    english = text_rows(_path(folder, split, "en"))
    # A row's group is the id of the first row with the same English premise.
    first: dict[str, str] = {}
    groups = [
        first.setdefault(line.split("\t")[0].strip(), f"{split}-{row}")
        for row, line in enumerate(english, 1)
    ]
    for row, (number, line) in enumerate(_lines(folder, split, lang, len(english)), 1):
        premise, hypothesis, label = columns(path, number, line, _COLUMNS)
        place, id_ = f"{path.name}:{number}", f"{split}-{row}"
        if label in UNLABELLED:
            item = Item(id_, groups[row - 1], lang, premise, hypothesis)
            yield PlacedItem(place, item, refused="it has no gold label")
            continue
        gold = nli_label(label, f"{path}:{number}")
        yield PlacedItem(place, Item(id_, groups[row - 1], lang, premise, hypothesis, gold))


def _path(folder: Path, split: str, lang: str) -> Path:
    if lang == _KOREAN:
        return folder / "ko" / f"xnli.{split}.ko.tsv"
    return folder / f"{split}-{lang}.tsv"


def _lines(folder: Path, split: str, lang: str, expected: int) -> Iterator[tuple[int, str]]:
    """Yields (line number, premise TAB hypothesis TAB label) of each row, as many as in English."""
    path = _path(folder, split, lang)
    header = int(lang == _KOREAN)
    rows = text_rows(path)[header:]
    if len(rows) != expected:
        raise CctaError(
            f"{path} has {len(rows)} rows and {split}-en.tsv has {expected}; expected "
            "line-parallel files, get them again"
        )
    if split == "test" and not header:
        labels = parallel_rows(folder / "test.labels.txt", path)
        rows = [f"{row}\t{label}" for row, label in zip(rows, labels, strict=True)]
    yield from enumerate(rows, 1 + header)


SOURCE = DataSource(
    name="xnli",
    what="natural language inference, 15 languages, line-parallel; ko (KorNLI) when named",
    task="nli",
    folder="xnli",
    licence="CC BY-NC 4.0",
    splits=("dev", "test"),
    languages=languages,
    read=read,
    more_languages=(_KOREAN,),
)
