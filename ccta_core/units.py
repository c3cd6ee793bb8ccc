"""Subwords -> the units people read: words where a script has spaces, else whole graphemes."""

from collections.abc import Sequence
from dataclasses import dataclass

import regex

from ccta_core.types import Unit

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class UnitMap:
    """Units of one segment and, for each, the positions of its subwords in the token sequence."""

    units: tuple[Unit, ...]
    members: tuple[tuple[int, ...], ...]


def segment_units(
    text: str, spans: Sequence[tuple[int, Span]], *, spaced: bool, segment: int = 0
) -> UnitMap:
    """Groups the subwords of one text into units; no unit cuts a grapheme (docs/method.md, 1).

    `spans` holds (token position, (start, end) offsets into `text`) in order. A subword without a
    visible character (a lone "▁") joins the next unit, the last one the unit before it.
    """
    spans = [(token, _trim(text, span)) for token, span in spans]
    pieces = _words(text) if spaced else _pieces(text, spans)
    groups: list[list[int]] = [[] for _ in pieces]
    waiting: list[int] = []
    last = None
    for token, span in spans:
        home = _home(pieces, span)
        if home is None:
            waiting.append(token)
            continue
        groups[home] += [*waiting, token]
        waiting, last = [], home
    if waiting and last is not None:
        groups[last] += waiting
    kept = [(piece, tuple(group)) for piece, group in zip(pieces, groups, strict=True) if group]
    return UnitMap(
        units=tuple(Unit(text[a:b], a, b, segment) for (a, b), _ in kept),
        members=tuple(group for _, group in kept),
    )


def first_tokens(offsets: Sequence[Span], words: Sequence[Span]) -> list[int | None]:
    """The first token that covers a character of each word; None where the text was cut.

    A word that begins inside a token has that token: several words may share one.
    """
    found: list[int | None] = []
    token = 0
    for start, end in words:
        while token < len(offsets) and offsets[token][1] <= start:
            token += 1
        inside = token < len(offsets) and offsets[token][0] < end
        found.append(token if inside else None)
    return found


def grapheme_boundaries(text: str) -> set[int]:
    """The offsets at which a user-perceived character begins or ends (UAX #29)."""
    ends = {match.end() for match in regex.finditer(r"\X", text)}
    return {0} | ends


def _trim(text: str, span: Span) -> Span:
    start, end = span
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _words(text: str) -> list[Span]:
    """Runs of graphemes that are not white space."""
    words: list[Span] = []
    open_word = False
    for match in regex.finditer(r"\X", text):
        if match.group().isspace():
            open_word = False
        elif open_word:
            words[-1] = (words[-1][0], match.end())
        else:
            words.append(match.span())
            open_word = True
    return words


def _pieces(text: str, spans: Sequence[tuple[int, Span]]) -> list[Span]:
    """The subwords' spans, merged until each ends where a grapheme ends and none overlap."""
    boundaries = grapheme_boundaries(text)
    pieces: list[Span] = []
    for _, (start, end) in spans:
        if start == end:
            continue
        if pieces and (start < pieces[-1][1] or start not in boundaries):
            pieces[-1] = (pieces[-1][0], max(end, pieces[-1][1]))
        else:
            pieces.append((_at_or_before(start, boundaries), end))
    return [(start, _at_or_after(end, boundaries)) for start, end in pieces]


def _at_or_before(place: int, boundaries: set[int]) -> int:
    while place not in boundaries:
        place -= 1
    return place


def _at_or_after(place: int, boundaries: set[int]) -> int:
    while place not in boundaries:
        place += 1
    return place


def _home(pieces: Sequence[Span], span: Span) -> int | None:
    """The first piece that shares a character with `span`."""
    start, end = span
    if start == end:
        return None
    low, high = 0, len(pieces)
    while low < high:
        middle = (low + high) // 2
        if pieces[middle][1] <= start:
            low = middle + 1
        else:
            high = middle
    return low if low < len(pieces) and pieces[low][0] < end else None
