"""Finds gold answers in their context as character spans that cut no grapheme."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import regex

from ccta_core.types import Span, is_blank
from ccta_core.units import grapheme_boundaries


@dataclass(frozen=True, slots=True)
class AnswerSpans:
    """The spans of the answers, each once, in order; what was put right, and why there is none."""

    spans: tuple[Span, ...]
    repaired: tuple[str, ...] = ()
    refused: str | None = None


def answer_spans(context: str, answers: Iterable[tuple[str, int | None]]) -> AnswerSpans:
    """Finds the answers (text, offset) in a context; one whose offset is None is searched for.

    An answer that does not stand at its offset is looked for elsewhere, the nearest place first:
    as it is written, then as what is canonically equivalent (a decomposed "é" is "é"). One that
    cuts a grapheme is widened to whole ones. `refused` where no answer is left.
    """
    spans: dict[Span, None] = {}
    repairs: list[str] = []
    lost: list[str] = []
    for text, offset in answers:
        place = _place(context, text, offset)
        if place is None:
            lost.append(f"the answer {text[:40]!r} does not stand in its context")
            continue
        if offset is not None and place[0] != offset:
            repairs.append("an answer was found elsewhere in its context")
        if context[slice(*place)] != text:
            repairs.append("an answer was found in another Unicode form")
        span = _whole(context, place)
        if span != place:
            repairs.append("an answer was widened to whole characters")
        spans[span] = None
    if not spans:
        return AnswerSpans((), refused=lost[0] if lost else "it has no gold answer")
    return AnswerSpans(tuple(spans), (*repairs, *(f"{reason}: left out" for reason in lost)))


def _place(context: str, text: str, offset: int | None) -> Span | None:
    """Returns where the text stands, nearest to the offset (or first), None where it does not."""
    if is_blank(text):
        return None
    if offset is not None and offset >= 0 and context.startswith(text, offset):
        return offset, offset + len(text)
    places = [(start, start + len(text)) for start in _starts(context, text)]
    if not places and not context.isascii():
        composed, typed = _composed(context)
        sought = unicodedata.normalize("NFC", text)
        places = [
            (typed[start][0], typed[start + len(sought) - 1][1])
            for start in _starts(composed, sought)
        ]
    return min(places, key=lambda place: abs(place[0] - (offset or 0)), default=None)


def _starts(context: str, text: str) -> Sequence[int]:
    starts, start = [], context.find(text)
    while start >= 0:
        starts.append(start)
        start = context.find(text, start + 1)
    return starts


@lru_cache(maxsize=8)
def _composed(context: str) -> tuple[str, tuple[Span, ...]]:
    """Returns the context in NFC and, for each character of it, the grapheme of the context it is
    of.

    Composition never crosses the end of a grapheme.
    """
    parts: list[str] = []
    typed: list[Span] = []
    for grapheme in regex.finditer(r"\X", context):
        parts.append(unicodedata.normalize("NFC", grapheme.group()))
        typed += [grapheme.span()] * len(parts[-1])
    return "".join(parts), tuple(typed)


def _whole(context: str, span: Span) -> Span:
    if context.isascii() and "\r" not in context:
        return span
    boundaries = _boundaries(context)
    start, end = span
    while start not in boundaries:
        start -= 1
    while end not in boundaries:
        end += 1
    return start, end


@lru_cache(maxsize=8)
def _boundaries(context: str) -> frozenset[int]:
    """Returns the grapheme boundaries. It is cached: questions on one paragraph follow each
    other.
    """
    return frozenset(grapheme_boundaries(context))
