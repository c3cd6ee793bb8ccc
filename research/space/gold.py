"""The gold word alignments a space is chosen and scored on: a development part and the rest.

Also how a model reads them, and what a statistical aligner learns from beside them.
"""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import regex

from ccta_core.corpus.alignments import AlignedPair, read_awesome_align, read_talp, read_xl_wa
from ccta_core.corpus.formats.flores import read_flores
from ccta_core.errors import CctaError
from ccta_core.evaluation.means import unit_states
from ccta_core.languages import language
from ccta_core.models.model import Model
from ccta_core.space.links import Links, alignment_error_rate, mutual_links_batch
from ccta_core.types import Sentence, is_blank

_DEV = 100
_CHUNK = 64
_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+|[^\s\p{L}\p{M}\p{N}]")
Tokens = tuple[str, ...]
Link = tuple[int, int, int]
"""A sentence pair and its two linked units."""


@dataclass(frozen=True, slots=True)
class GoldSet:
    """One language pair: choices are made on `dev`, scores are taken on `rest`."""

    langs: tuple[str, str]
    source: str
    dev: tuple[AlignedPair, ...]
    rest: tuple[AlignedPair, ...]

    @property
    def name(self) -> str:
        """Source and target language."""
        return "-".join(self.langs)


@dataclass(frozen=True, slots=True, eq=False)
class GoldReading:
    """A gold set as the model reads it.

    `rates` is the AER by layer of mutual nearest neighbours in the centred space; `sources` and
    `targets` hold each sentence's raw unit states (units, width) at one layer.
    """

    rates: list[float]
    sources: list[np.ndarray]
    targets: list[np.ndarray]


def gold_sets(data: Path) -> list[GoldSet]:
    """XL-WA (its dev and test), three sets of awesome-align (first 100, rest), de-en (all rest).

    Pairs that hold control characters, or a word of invisible ones, are left out.
    """
    folder = data / "word_align"
    xl, awesome, cross = (folder / name for name in ("xl_wa", "awesome_align", "cross_align"))
    sets = [
        GoldSet(
            ("en", lang),
            "XL-WA",
            _readable(read_xl_wa(xl / lang / "dev.tsv"))[:_DEV],
            _readable(read_xl_wa(xl / lang / "test.tsv")),
        )
        for lang in ("es", "ru")
    ]
    for langs in (("en", "fr"), ("zh", "en"), ("ja", "en")):
        pairs = _readable(read_awesome_align(awesome, "".join(langs)))
        sets.append(GoldSet(langs, "awesome-align", pairs[:_DEV], pairs[_DEV:]))
    german = _readable(read_talp(cross / "test.de-en", cross / "deen.talp"))
    return [*sets, GoldSet(("de", "en"), "cross-align", (), german)]


def error_rate(pairs: Sequence[AlignedPair], links: Sequence[Links]) -> float:
    """AER over all sentences of a set together."""
    found: set[Link] = set()
    sure: set[Link] = set()
    possible: set[Link] = set()
    for index, (pair, linked) in enumerate(zip(pairs, links, strict=True)):
        found |= {(index, i, j) for i, j in linked}
        sure |= {(index, i, j) for i, j in pair.sure}
        possible |= {(index, i, j) for i, j in pair.possible}
    return alignment_error_rate(found, sure, possible)


def read_gold(
    model: Model,
    pairs: Sequence[AlignedPair],
    langs: tuple[str, str],
    means: dict[str, np.ndarray],
    *,
    keep: int,
) -> GoldReading:
    """AER by layer over tokenised sentence pairs, and their states at the layer `keep`."""
    depth = model.depth + 1
    links: list[list[Links]] = [[] for _ in range(depth)]
    kept: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for start in range(0, len(pairs), _CHUNK):
        chunk = pairs[start : start + _CHUNK]
        sides = []
        for lang, words, into in zip(langs, _sides(chunk), kept, strict=True):
            texts = [Sentence(" ".join(line), lang) for line in words]
            found = [states for states, _ in unit_states(model, texts, spaced=True)]
            into += [states[keep].copy() for states in found]
            sides.append([states - means[lang][:, None] for states in found])
        for layer in range(depth):
            links[layer] += mutual_links_batch(*[[s[layer] for s in side] for side in sides])
    return GoldReading([error_rate(pairs, found) for found in links], *kept)


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


def _readable(pairs: Sequence[AlignedPair]) -> tuple[AlignedPair, ...]:
    return tuple(pair for pair in pairs if _can_be_read(pair))


def _can_be_read(pair: AlignedPair) -> bool:
    # a word that shows nothing is no unit: the links of the words after it would be one off
    if any(is_blank(word) for word in (*pair.source, *pair.target)):
        return False
    try:
        return all(Sentence(" ".join(words), "en") for words in (pair.source, pair.target))
    except CctaError:
        return False


def _sides(pairs: Sequence[AlignedPair]) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    return [pair.source for pair in pairs], [pair.target for pair in pairs]


def _longest(text: str, known: Set[str]) -> Iterator[str]:
    start, most = 0, max(map(len, known), default=1)
    while start < len(text):
        ends = range(min(len(text), start + most), start, -1)
        end = next((end for end in ends if text[start:end] in known), start + 1)
        yield text[start:end]
        start = end
