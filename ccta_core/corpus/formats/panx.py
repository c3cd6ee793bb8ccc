"""PAN-X (WikiAnn: Pan et al., 2017; Rahimi et al., 2019) in XTREME's form: token TAB tag.

Sentences are separated by empty lines. The text is the tokens with spaces between them, or without
in languages that are written without (zh ja th ...). Tags are IOB2 of PER, ORG and LOC; an entity
that begins with I- is made to begin with B-, and counted as repaired. An id is `{split}-{LANG}-
{sentence}` (from 1): the languages are not translations of each other. Sentences with the same
words are one group: WikiAnn repeats itself. WikiAnn's own files have the language before every
token (`en:Ada`): it is taken off where the whole file has it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from ccta_core.corpus.items import Item, LeftOut
from ccta_core.corpus.lines import lines, list_files
from ccta_core.corpus.source import DataSource, PlacedItem, ReaderOutput
from ccta_core.errors import CctaError
from ccta_core.languages import LANGUAGES, language
from ccta_core.types import Span

TAGS = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
NOT_IOB2 = "an entity began with I-: now with B-"
_IOB = re.compile(r"O|[BI]-\S+")
_Sentence = list[tuple[int, str]]


def languages(folder: Path, split: str) -> tuple[str, ...]:
    """Returns the languages with a file of this split."""
    paths = list_files(folder, f"{split}-*.tsv", "PAN-X")
    codes = (path.stem.removeprefix(f"{split}-") for path in paths)
    return tuple(code for code in codes if code in LANGUAGES)


def read(folder: Path, split: str, lang: str) -> Iterator[ReaderOutput]:
    """Yields the tagged sentences of one language, in file order."""
    path = folder / f"{split}-{lang}.tsv"
    prefix = f"{lang}:"
    if not all(line.startswith(prefix) for _, line in lines(path) if line.strip()):
        prefix = ""
    first: dict[tuple[str, ...], str] = {}
    for count, sentence in enumerate(_sentences(path), 1):
        place, id_ = f"{path.name}:{sentence[0][0]}", f"{split}-{lang}-{count}"
        rows = [line.removeprefix(prefix).rstrip().split("\t") for _, line in sentence]
        uneven = [
            number
            for (number, _), row in zip(sentence, rows, strict=True)
            if len(row) != 2 or not row[0].strip()
        ]
        if uneven:
            yield LeftOut(f"{path.name}:{uneven[0]}", "expected token TAB tag")
            continue
        for (number, _), (_, tag) in zip(sentence, rows, strict=True):
            if tag not in TAGS:
                raise CctaError(
                    f"{path}:{number}: unknown tag {tag!r}, expected one of: {' '.join(TAGS)}"
                )
        words = [token.strip() for token, _ in rows]
        group = first.setdefault(tuple(words), id_)
        yield tagged_item(place, (id_, group, lang), words, [tag for _, tag in rows])


def _sentences(path: Path) -> Iterator[_Sentence]:
    sentence: _Sentence = []
    for number, line in lines(path):
        if line.strip():
            sentence.append((number, line))
        elif sentence:
            yield sentence
            sentence = []
    if sentence:
        yield sentence


def tagged_item(
    place: str, names: tuple[str, str, str], words: Sequence[str], tags: Sequence[str]
) -> PlacedItem:
    """Makes a tagged item of (id, group, language): words are joined as the language writes them.

    It is refused where a word is empty, words and tags do not pair up, or a tag is no IOB tag.
    """
    id_, group, lang = names
    text, spans = join_words(words, spaced=language(lang).spaced)
    item = Item(id=id_, group=group, lang=lang, text=text)
    empty = [number for number, word in enumerate(words, 1) if not word.strip()]
    if empty:
        return PlacedItem(place, item, refused=f"its token {empty[0]} is empty")
    if len(tags) != len(words):
        reason = f"expected a tag for each of its {len(words)} tokens, found {len(tags)}"
        return PlacedItem(place, item, refused=reason)
    try:
        iob2, wrong = as_iob2(tags)
    except CctaError as error:
        return PlacedItem(place, item, refused=str(error))
    return PlacedItem(place, replace(item, words=spans, tags=iob2), (NOT_IOB2,) * wrong)


def join_words(words: Sequence[str], *, spaced: bool) -> tuple[str, tuple[Span, ...]]:
    """Returns the text of words, and each word's span in it."""
    gap = " " if spaced else ""
    spans, start = [], 0
    for word in words:
        spans.append((start, start + len(word)))
        start += len(word) + len(gap)
    return gap.join(words), tuple(spans)


class Iob2Tags(NamedTuple):
    """Tags in which every entity begins with B-, and how many were changed for that."""

    tags: tuple[str, ...]
    changed: int


def as_iob2(tags: Sequence[str]) -> Iob2Tags:
    """Returns the tags with every entity beginning with B-.

    Raises CctaError on what is no IOB tag.
    """
    iob2, wrong, before = [], 0, "O"
    for tag in tags:
        if not _IOB.fullmatch(tag):
            raise CctaError(f"unknown tag {tag!r}; expected O, B-TYPE or I-TYPE")
        broken = tag.startswith("I-") and before[2:] != tag[2:]
        before = f"B-{tag[2:]}" if broken else tag
        iob2.append(before)
        wrong += broken
    return Iob2Tags(tuple(iob2), wrong)


SOURCE = DataSource(
    name="panx",
    what="named entities (PER ORG LOC) of Wikipedia; the languages are not parallel",
    task="ner",
    folder="panx",
    licence="ODC-BY",
    splits=("dev", "train"),
    languages=languages,
    read=read,
    parallel=False,
)
