"""Groups subwords into the units people read: words where a script has spaces, else whole
graphemes.
"""

import unicodedata
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import regex

from ccta_core.types import Span, Unit, has_ignorable, is_blank


@dataclass(frozen=True, slots=True)
class UnitMap:
    """Units of one segment and, for each, the positions of its subwords in the token sequence."""

    units: tuple[Unit, ...]
    members: tuple[tuple[int, ...], ...]


def segment_units(
    text: str, spans: Sequence[tuple[int, Span]], *, spaced: bool, segment: int = 0
) -> UnitMap:
    """Groups the subwords of one text into units; no unit cuts a grapheme (docs/method.md, 1).

    `spans` holds (token position, (start, end) offsets into `text`) in order. A unit begins and
    ends with a grapheme that is shown: white space and default-ignorable characters make none. A
    subword of such characters alone (a lone "▁", a zero-width space, a variation selector) belongs
    to the unit that it stands in; between units it joins the next one, the last one the unit
    before it.
    """
    shown = [trimmed(text, span) for _, span in spans]
    pieces = split_words(text) if spaced else _pieces(text, [span for span in shown if span])
    groups: list[list[int]] = [[] for _ in pieces]
    waiting: list[int] = []
    last = None
    for (token, whole), visible in zip(spans, shown, strict=True):
        piece_index = _covering_piece(pieces, visible or whole)
        if piece_index is None:
            waiting.append(token)
            continue
        groups[piece_index] += [*waiting, token]
        waiting, last = [], piece_index
    if waiting and last is not None:
        groups[last] += waiting
    kept = [(piece, tuple(group)) for piece, group in zip(pieces, groups, strict=True) if group]
    return UnitMap(
        units=tuple(Unit(text[a:b], a, b, segment) for (a, b), _ in kept),
        members=tuple(group for _, group in kept),
    )


def trimmed(text: str, span: Span) -> Span | None:
    """Returns the span without what is not shown at its ends; None where nothing is left.

    Not shown are white space and default-ignorable characters (`types.is_blank`).
    """
    start, end = span
    part = text[start:end]
    start += len(part) - len(part.lstrip())
    end -= len(part) - len(part.rstrip())
    if has_ignorable(part):
        while start < end and is_blank(text[start]):
            start += 1
        while start < end and is_blank(text[end - 1]):
            end -= 1
    return (start, end) if start < end else None


def split_words(text: str) -> list[Span]:
    """Returns the words between white space: from the first grapheme that is shown to the last one.

    White space with a joiner or a variation selector on it separates words as it does alone; with
    an accent on it, it begins a word. What shows nothing is no word.
    """
    words: list[Span] = []
    inside = False
    blank = is_blank if has_ignorable(text) else str.isspace  # the same there, and quicker
    for match in regex.finditer(r"\X", text):
        grapheme = match.group()
        inside = inside and not grapheme[0].isspace()
        if blank(grapheme):
            continue
        if inside:
            words[-1] = (words[-1][0], match.end())
        else:
            words.append(match.span())
            inside = True
    return words


def first_tokens(offsets: Sequence[Span], words: Sequence[Span]) -> list[int | None]:
    """Returns the first token that covers a character of each word; None where the text was cut.

    A word that begins inside a token has that token: several words may share one.
    """
    tokens: list[int | None] = []
    token = 0
    for start, end in words:
        while token < len(offsets) and offsets[token][1] <= start:
            token += 1
        inside = token < len(offsets) and offsets[token][0] < end
        tokens.append(token if inside else None)
    return tokens


def whole_offsets(text: str, offsets: Sequence[Span]) -> list[Span]:
    """Extends offsets of tokens over what was composed into their last character.

    A tokenizer that composes (models/tokenizer.py) has a composed character stand where its first
    one was typed: the marks after it are in no token's offsets. They are given to the token before
    them. Offsets into a text in NFC are as they were.
    """
    if unicodedata.is_normalized("NFC", text):
        return list(offsets)
    boundaries = grapheme_boundaries(text)
    starts = [start for start, end in offsets if start < end]
    whole = []
    for start, end in offsets:
        following = bisect_left(starts, end)
        limit = starts[following] if following < len(starts) else len(text)
        while start < end < limit and end not in boundaries:
            end += 1
        whole.append((start, end))
    return whole


def grapheme_boundaries(text: str) -> set[int]:
    """Returns the offsets at which a user-perceived character begins or ends (UAX #29)."""
    ends = {match.end() for match in regex.finditer(r"\X", text)}
    return {0} | ends


def _pieces(text: str, spans: Sequence[Span]) -> list[Span]:
    """Returns the subwords' spans, merged until each ends where a grapheme ends and none
    overlap.
    """
    boundaries = grapheme_boundaries(text)
    pieces: list[Span] = []
    for start, end in spans:
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


def _covering_piece(pieces: Sequence[Span], span: Span) -> int | None:
    """Returns the first piece that shares a character with `span`."""
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
