"""MRPC (Dolan & Brockett, 2005): paraphrase or not, English, in Microsoft's tab-separated files.

The files begin with a byte order mark and a header; quotes are ordinary characters. An id is
`{split}-{row}`, rows from 1; a group is a cluster of pairs linked by shared sentence ids.
"""

from collections.abc import Iterator
from pathlib import Path

from ccta_core.corpus.formats.pawsx import with_label_name
from ccta_core.corpus.items import Item, linked_groups
from ccta_core.corpus.lines import columns, list_files, text_rows
from ccta_core.corpus.source import DataSource, PlacedItem, ReaderOutput
from ccta_core.errors import CctaError

_COLUMNS = ("Quality", "#1 ID", "#2 ID", "#1 String", "#2 String")


def languages(folder: Path, split: str) -> tuple[str, ...]:
    """Returns English, the only language of the set."""
    list_files(folder, f"msr_paraphrase_{split}.txt", "MRPC")
    return ("en",)


def read(folder: Path, split: str, lang: str) -> Iterator[ReaderOutput]:
    """Yields the items, in file order."""
    path = folder / f"msr_paraphrase_{split}.txt"
    header, *lines = text_rows(path)
    if tuple(header.split("\t")) != _COLUMNS:
        raise CctaError(f"{path}:1: expected the columns {' | '.join(_COLUMNS)}, found {header!r}")
    rows = [columns(path, number, line, _COLUMNS) for number, line in enumerate(lines, 2)]
    ids = [f"{split}-{row}" for row in range(1, len(rows) + 1)]
    groups = linked_groups([(row[1], row[2]) for row in rows], ids)
    for number, (row, id_, group) in enumerate(zip(rows, ids, groups, strict=True), 2):
        label, _, _, first, second = row
        item = with_label_name(Item(id_, group, lang, first, second, label), f"{path}:{number}")
        yield PlacedItem(f"{path.name}:{number}", item)


SOURCE = DataSource(
    name="mrpc",
    what="paraphrase or not, English news",
    task="paraphrase",
    folder="mrpc",
    licence="Microsoft, for research",
    splits=("train", "test"),
    languages=languages,
    read=read,
)
