"""Reads gold word alignments in their native files: XL-WA and the sets collected for
awesome-align.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ccta_core.errors import CctaError

Links = frozenset[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class AlignedPair:
    """Two tokenised sentences with sure and possible links (0-based source, target)."""

    source: tuple[str, ...]
    target: tuple[str, ...]
    sure: Links
    possible: Links


def read_xl_wa(path: Path) -> list[AlignedPair]:
    """Reads XL-WA (Martelli et al., 2023): source TAB target TAB 0-based links, all of them
    sure.
    """
    pairs = []
    for line in _lines(path):
        source, target, links = line.split("\t")[:3]
        pairs.append(_pair(source, target, links, base=0))
    return pairs


def read_awesome_align(folder: Path, name: str) -> list[AlignedPair]:
    """Reads `{name}.src-tgt` and `{name}.gold`, whose links are 1-based; `p` marks a possible
    one.
    """
    return read_talp(folder / f"{name}.src-tgt", folder / f"{name}.gold")


def read_talp(texts: Path, links: Path) -> list[AlignedPair]:
    """Reads a file of `source ||| target` and one of 1-based links, `p` = possible
    (German-English).
    """
    pairs = []
    for text, line in zip(_lines(texts), _lines(links), strict=True):
        source, target = text.split("|||")
        pairs.append(_pair(source, target, line, base=1))
    return pairs


def _pair(source: str, target: str, links: str, *, base: int) -> AlignedPair:
    sure: set[tuple[int, int]] = set()
    possible: set[tuple[int, int]] = set()
    for left, kind, right in re.findall(r"(\d+)([-p])(\d+)", links):
        (sure if kind == "-" else possible).add((int(left) - base, int(right) - base))
    return AlignedPair(
        tuple(source.split()), tuple(target.split()), frozenset(sure), frozenset(possible)
    )


def _lines(path: Path) -> Iterator[str]:
    try:
        yield from path.read_text(encoding="utf-8").rstrip("\n").split("\n")
    except OSError as error:
        raise CctaError(f"expected gold alignments at {path} ({error.strerror})") from error
