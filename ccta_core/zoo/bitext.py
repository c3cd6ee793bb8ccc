"""What a statistical aligner learns from: a gold set's sentences, and FLORES-200 cut like them."""

from collections.abc import Iterator, Set
from pathlib import Path

import regex

from ccta_core.corpus.alignments import AlignedPair
from ccta_core.corpus.flores import read_flores
from ccta_core.languages import language
from ccta_core.zoo.gold import GoldSet

_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+|[^\s\p{L}\p{M}\p{N}]")
Tokens = tuple[str, ...]


def training_bitext(gold: GoldSet, data: Path) -> list[tuple[Tokens, Tokens]]:
    """The sentences of the held-out part first, then the development part's, then FLORES-200's.

    The gold sets' own words; their links are never read.
    """
    pairs: list[AlignedPair] = [*gold.rest, *gold.dev]
    bitext = [(pair.source, pair.target) for pair in pairs]
    sides = []
    for at, lang in enumerate(gold.langs):
        known = {word.lower() for pair in bitext for word in pair[at]}
        sides.append([words(t, lang, known) for t in read_flores(data / "flores200", lang)])
    return [*bitext, *zip(*sides, strict=True)]


def words(text: str, lang: str, known: Set[str]) -> Tokens:
    """Words and punctuation, lower-cased: runs of letters, or where a language writes no spaces the
    longest matches among `known` words, else single characters.
    """
    pieces = _WORD.findall(text.lower())
    if language(lang).spaced:
        return tuple(pieces)
    return tuple(word for piece in pieces for word in _longest(piece, known))


def _longest(text: str, known: Set[str]) -> Iterator[str]:
    start, most = 0, max(map(len, known), default=1)
    while start < len(text):
        ends = range(min(len(text), start + most), start, -1)
        end = next((end for end in ends if text[start:end] in known), start + 1)
        yield text[start:end]
        start = end
