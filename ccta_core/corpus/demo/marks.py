"""Reads the annotations in a cell: the marks around an answer, the spans of a sentence's names."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import regex

from ccta_core.errors import CctaError
from ccta_core.languages import language
from ccta_core.types import Sentence, Span


class NamedEntity(NamedTuple):
    """Characters of a text, from `start` up to and without `end`, and what they name (PER...)."""

    start: int
    end: int
    type: str


TYPES = ("PER", "LOC", "ORG")
OPEN, CLOSE = "[[", "]]"
_ENTITY = regex.compile(rf"([0-9]{{1,6}}):([0-9]{{1,6}}):({'|'.join(TYPES)})")
_WORDS = regex.compile(r"[\p{L}\p{M}\p{N}\p{Pd}\p{Pc}'\u2019\u200c\u200d]+|[^\s]")
_CHARACTERS = regex.compile(r"[^\s]\p{M}*")


class UnmarkedText(NamedTuple):
    """A text without the marks of its answer, and the answer's span in it."""

    text: str
    answer: Span


def unmarked(text: str) -> UnmarkedText:
    """Returns the text without its marks, and the span of the answer that they enclosed.

    Raises CctaError unless one `[[` stands before one `]]`, there is no other square bracket, and
    the answer between them is not empty and neither begins nor ends with a space.
    """
    before, opening, rest = text.partition(OPEN)
    answer, closing, after = rest.partition(CLOSE)
    if not opening or not closing or any(mark in before + answer + after for mark in "[]"):
        raise CctaError(
            f"expected one answer in the context, marked {OPEN}like this{CLOSE}, and no other "
            f"square bracket; found {text.count(OPEN)} {OPEN} and {text.count(CLOSE)} {CLOSE}"
        )
    if not answer or answer != answer.strip():
        raise CctaError(
            f"expected a marked answer that begins and ends with a character, found {answer!r}; "
            "move the marks"
        )
    return UnmarkedText(before + answer + after, (len(before), len(before) + len(answer)))


def entities(written: str, text: str) -> tuple[NamedEntity, ...]:
    """Reads the names in a text from `start:end:TYPE` with single spaces between; offsets in code
    points.

    Raises CctaError on another form, and on a name that is empty, outside the text, not after the
    one before it, or that cuts a character in two (UAX #29).
    """
    named = tuple(_entity(part, text) for part in written.split(" ")) if written else ()
    for left, right in pairwise(named):
        if right[0] < left[1]:
            raise CctaError(
                f"expected entities in the order of the text that share no character, found "
                f"{written_entity(left)} before {written_entity(right)}"
            )
    return named


def written_entity(entity: NamedEntity) -> str:
    """Writes an entity as it stands in a file."""
    return ":".join(map(str, entity))


def _entity(written: str, text: str) -> NamedEntity:
    match = _ENTITY.fullmatch(written)
    if match is None:
        raise CctaError(
            f"expected start:end:TYPE, TYPE one of {' '.join(TYPES)}, separated by single spaces; "
            f"found {written!r}"
        )
    start, end = int(match[1]), int(match[2])
    if not start < end <= len(text):
        raise CctaError(
            f"entity {written} is empty or outside the text; expected "
            f"0 <= start < end <= {len(text)}"
        )
    edges = [0, *(grapheme.end() for grapheme in regex.finditer(r"\X", text))]
    whole = edges[bisect_left(edges, start + 1) - 1], edges[bisect_left(edges, end)]
    if whole != (start, end):
        raise CctaError(
            f"entity {written} cuts a character in two; expected {whole[0]}:{whole[1]}:{match[3]}"
        )
    return NamedEntity(start, end, match[3])


def tagged_words(sentence: Sentence, entities: Sequence[NamedEntity]) -> dict[str, Any]:
    """Returns `words` (spans) and `tags` (IOB2) as an Item holds them.

    A word is a run of letters and digits, or one mark; where words are not separated by spaces,
    one character with what combines with it. A word that an entity begins or ends inside (a Turkish
    suffix after its apostrophe) is split there.
    """
    pattern = _WORDS if language(sentence.lang).spaced else _CHARACTERS
    edges = {edge for start, end, _ in entities for edge in (start, end)}
    words: list[tuple[int, int]] = []
    for match in pattern.finditer(sentence.text):
        start, end = match.span()
        cuts = sorted({start, end, *(edge for edge in edges if start < edge < end)})
        words += pairwise(cuts)
    return {"words": tuple(words), "tags": tuple(_tag(word, entities) for word in words)}


def _tag(word: tuple[int, int], entities: Sequence[NamedEntity]) -> str:
    for start, end, kind in entities:
        if start <= word[0] and word[1] <= end:
            return f"{'B' if word[0] == start else 'I'}-{kind}"
    return "O"
