"""PAWS-X (Yang et al., 2019) in XTREME's form: sentence TAB sentence TAB label.

The labels of the test part are in `test.ids_labels.tsv`, by line (exact for German, about 1% off
elsewhere). An id is `dev-{row}` (rows from 1) or `test-{id}` with the id of that file. Sentences
are shared between pairs: a group is a cluster of pairs linked by shared English sentences. Fields
that kept their CSV quoting are read without it. A sentence "NS" or "WL" is one that was not
translated; every label that differs between languages stands in such a row.

The published parts share sentences: 1,471 of dev's 2,000 English pairs have one that stands, with
its words in whatever order, in test. `train` and `heldout` are made so that nothing learned of a
sentence helps on another: pairs are linked by shared sentences over both parts, word order and
punctuation aside, and a third of the clusters (by a checksum of the cluster's first id) is held
out. `heldout` has their dev pairs, whose labels are exact; `train` has all other pairs of both
parts; test pairs of held-out clusters are in neither.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ccta_core.corpus.items import Item, linked_groups
from ccta_core.corpus.labels import CLASSES
from ccta_core.corpus.lines import columns, list_files, parallel_rows, text_rows, without_csv_quotes
from ccta_core.corpus.source import DataSource, PlacedItem, ReaderOutput
from ccta_core.errors import CctaError
from ccta_core.languages import LANGUAGES

PARTS = ("dev", "test")
"""The published parts."""
LABELS = {str(number): name for number, name in enumerate(CLASSES["paraphrase"])}
UNTRANSLATED = ("ns", "wl")
_COLUMNS = ("sentence", "sentence", "label")


def languages(folder: Path, split: str) -> tuple[str, ...]:
    """Returns the languages with a file of this split."""
    part = split if split in PARTS else PARTS[0]
    paths = list_files(folder, f"{part}-*.tsv", "PAWS-X")
    codes = (path.stem.removeprefix(f"{part}-") for path in paths)
    return tuple(code for code in codes if code in LANGUAGES)


def read(folder: Path, split: str, lang: str) -> Iterator[ReaderOutput]:
    """Yields the items of one language, in file order."""
    if split not in PARTS:
        yield from _separated(folder, split, lang)
        return
    path, english = folder / f"{split}-{lang}.tsv", folder / f"{split}-en.tsv"
    rows = parallel_rows(path, english)
    ids = [f"{split}-{row}" for row in range(1, len(rows) + 1)]
    if split == "test":
        labels = [line.split("\t") for line in parallel_rows(folder / "test.ids_labels.tsv", path)]
        ids = [f"test-{fields[0]}" for fields in labels]
        rows = [f"{row}\t{fields[-1]}" for row, fields in zip(rows, labels, strict=True)]
    groups = linked_groups(_pairs(text_rows(english)), ids)
    for number, (line, id_, group) in enumerate(zip(rows, ids, groups, strict=True), 1):
        first, second, label = columns(path, number, line, _COLUMNS)
        item = with_label_name(Item(id_, group, lang, first, second, label), f"{path}:{number}")
        yield PlacedItem(f"{path.name}:{number}", item, refused=untranslated(item))


def _separated(folder: Path, split: str, lang: str) -> Iterator[ReaderOutput]:
    """Yields the pairs of `train` or of `heldout`; no sentence stands in both."""
    cluster: dict[str, str] = {}
    ids, pairs = [], []
    for part in PARTS:
        lines = text_rows(folder / f"{part}-en.tsv")
        ids += _ids(folder, part, len(lines))
        pairs += [(_words(first), _words(second)) for first, second in _pairs(lines)]
    cluster.update(zip(ids, linked_groups(pairs, ids), strict=True))
    for part in PARTS:
        for placed in read(folder, part, lang):
            if not isinstance(placed, PlacedItem):
                yield placed
                continue
            cluster_id = cluster[placed.item.id]
            wanted = (
                not _is_held_out(cluster_id)
                if split == "train"
                else _is_held_out(cluster_id) and part == "dev"
            )
            if wanted:
                yield replace(placed, item=replace(placed.item, group=cluster_id))


def _ids(folder: Path, part: str, count: int) -> list[str]:
    if part == "test":
        lines = parallel_rows(folder / "test.ids_labels.tsv", folder / "test-en.tsv")
        return [f"test-{line.split(chr(9))[0]}" for line in lines]
    return [f"{part}-{row}" for row in range(1, count + 1)]


def _words(text: str) -> str:
    """Returns the words of a sentence in alphabetical order: the same for every order of them."""
    return " ".join(sorted(re.findall(r"\w+", text.casefold())))


def _is_held_out(cluster: str) -> bool:
    return int(hashlib.sha256(cluster.encode()).hexdigest(), 16) % 3 == 0


def with_label_name(item: Item, place: str) -> Item:
    """Names the label of a pair, which is 1 or 0, and takes CSV quoting off its sentences.

    Raises CctaError, naming the place, on any other label.
    """
    if item.label not in LABELS:
        raise CctaError(
            f"{place}: unknown label {item.label!r}, expected 0 (different) or 1 (paraphrase)"
        )
    text, text2 = without_csv_quotes(item.text), without_csv_quotes(item.text2 or "")
    return replace(item, text=text, text2=text2, label=LABELS[item.label])


def untranslated(item: Item) -> str | None:
    """Returns why a pair can't be used, where one of its sentences is a mark for "not
    translated".
    """
    for text in (item.text, item.text2 or ""):
        if text.casefold() in UNTRANSLATED:
            return f"a sentence was not translated: it reads {text!r}"
    return None


def _pairs(lines: list[str]) -> list[tuple[str, str]]:
    fields = [[field.strip() for field in line.split("\t")] for line in lines]
    return [(row[0], row[1] if len(row) > 1 else row[0]) for row in fields]


SOURCE = DataSource(
    name="pawsx",
    what="paraphrase or not, de en es fr ja ko zh, line-parallel",
    task="paraphrase",
    folder="pawsx",
    licence="free use, credit Google",
    splits=(*PARTS, "train", "heldout"),
    languages=languages,
    read=read,
)
