"""Takes stray control characters out of texts: they show nothing and no tokenizer keeps them."""

import re
from collections.abc import Iterator
from dataclasses import replace

from ccta_core.corpus.source import PlacedItem, ReaderOutput
from ccta_core.types import Span

_STRAY = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")

_REPAIR = "a control character was taken out"


def clean_text(stream: Iterator[ReaderOutput]) -> Iterator[ReaderOutput]:
    """Yields the items without control characters in their texts; their spans are moved along.

    XNLI has them inside Greek and Chinese words, PAWS-X in Korean ones; in TaxiNLI and in XQuAD's
    Turkish they are what is left of letters decoded twice. Line ends and tabs stay. What is changed
    is said in `repaired`.
    """
    for placed in stream:
        yield (
            _without_control_characters(placed)
            if isinstance(placed, PlacedItem) and not placed.refused
            else placed
        )


def _without_control_characters(placed: PlacedItem) -> PlacedItem:
    item = placed.item
    in_first, in_second = _stray_positions(item.text), _stray_positions(item.text2 or "")
    taken = len(in_first) + len(in_second)
    if not taken:
        return placed
    cleaned = replace(
        item,
        text=_STRAY.sub("", item.text),
        text2=None if item.text2 is None else _STRAY.sub("", item.text2),
        words=_move_spans(item.words, in_first),
        answers=_move_spans(item.answers, in_second),
    )
    return PlacedItem(placed.place, cleaned, (*placed.repaired, *[_REPAIR] * taken))


def _stray_positions(text: str) -> list[int]:
    return [match.start() for match in _STRAY.finditer(text)]


def _move_spans(spans: tuple[Span, ...], stray: list[int]) -> tuple[Span, ...]:
    """Returns the spans in a text from which the characters at `stray` were taken."""
    return tuple(
        (
            start - sum(position < start for position in stray),
            end - sum(position < end for position in stray),
        )
        for start, end in spans
    )
