"""The gold word alignments a space is chosen and scored on: a development part and the rest."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ccta_core.corpus.alignments import AlignedPair, read_awesome_align, read_talp, read_xl_wa
from ccta_core.errors import CctaError
from ccta_core.space.links import Links, alignment_error_rate
from ccta_core.types import Sentence

_DEV = 100
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


def gold_sets(data: Path) -> list[GoldSet]:
    """XL-WA (its dev and test), three sets of awesome-align (first 100, rest), de-en (all rest).

    Pairs that hold control characters are left out.
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


def _readable(pairs: Sequence[AlignedPair]) -> tuple[AlignedPair, ...]:
    return tuple(pair for pair in pairs if _can_be_read(pair))


def _can_be_read(pair: AlignedPair) -> bool:
    try:
        return all(Sentence(" ".join(words), "en") for words in (pair.source, pair.target))
    except CctaError:
        return False
