"""Cuts long contexts into overlapping windows that a model can read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import NamedTuple

from ccta_core.errors import CctaError
from ccta_core.languages import language
from ccta_core.models.model import Encoded, Model
from ccta_core.types import Sentence, Span, Unit
from ccta_core.units import UnitMap, segment_units, trimmed

STRIDE = 128
"""Tokens that neighbouring windows share (EFI's setting)."""
_SLACK = 2
"""Tokens kept free: a text cut at a word may begin with a piece more than it had inside."""

_MARK = "\N{LOWER ONE EIGHTH BLOCK}"
"""SentencePiece's mark of a word's beginning: alone, it covers no character, whatever its offsets
say (put before a text, it is given the first letter's)."""


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A part of a sentence that the model reads at once.

    `encoded.sentence` and the units' offsets are those of the whole sentence. `spans` has one entry
    a token: the characters of the sentence's last segment it covers, without what is not shown at
    the ends (`units.trimmed`); None for specials, for the question and where nothing is left.
    `question_cut` says that the question was too long to be kept whole.
    """

    encoded: Encoded
    spans: tuple[Span | None, ...]
    question_cut: bool = False


def single_window(model: Model, sentence: Sentence) -> Window:
    """Returns the sentence as `Model.encode` reads it; what is too long is cut."""
    return _window(model, model.encode(sentence))


def windows(model: Model, sentence: Sentence, *, stride: int = STRIDE) -> tuple[Window, ...]:
    """Returns the sentence in as many windows as its second text needs, its first text in each.

    Windows begin and end between units and share at least `stride` tokens where units allow it. A
    first text of more than half the room is cut.

    Raises CctaError where the sentence has no second text.
    """
    if sentence.text2 is None:
        raise CctaError("windows slide over a second text; expected a question and its context")
    whole = model.encode(sentence)
    if not whole.truncated:
        return (_window(model, whole),)
    room = model.max_tokens - model.tokenizer.num_special_tokens_to_add(pair=True) - _SLACK
    question = _question(model, sentence, max(1, room // 2))
    units, counts = _counted(model, sentence.text2, sentence.lang)
    parts = []
    for first, last in _ranges(counts, max(1, room - question.tokens), stride):
        start, end = units[first].start, units[last - 1].end
        encoded = model.encode(Sentence(question.text, sentence.lang, sentence.text2[start:end]))
        window = _moved(_window(model, encoded), sentence, start)
        parts.append(replace(window, question_cut=question.cut))
    return tuple(parts)


class _Question(NamedTuple):
    """A first text as far as there is room for it: its number of tokens, and whether it was cut."""

    text: str
    tokens: int
    cut: bool


def _question(model: Model, sentence: Sentence, most: int) -> _Question:
    """Returns the first text within `most` tokens, cut between units where it is longer."""
    units, counts = _counted(model, sentence.text, sentence.lang)
    totals = list(accumulate(counts))
    if totals[-1] <= most:
        return _Question(sentence.text, totals[-1], cut=False)
    kept = max(1, sum(total <= most for total in totals))
    text = sentence.text[: units[kept - 1].end]
    return _Question(text, min(totals[kept - 1], most), cut=True)


def _counted(model: Model, text: str, lang: str) -> tuple[tuple[Unit, ...], list[int]]:
    """Returns the units of a text of any length, and how many tokens each has."""
    spans = list(enumerate(model.tokenize(text, whole=True).offsets))
    unit_map = segment_units(text, spans, spaced=language(lang).spaced)
    return unit_map.units, [len(group) for group in unit_map.members]


def _ranges(counts: Sequence[int], room: int, stride: int) -> Iterator[tuple[int, int]]:
    """Yields (first, last) of runs of units within `room` tokens that overlap by `stride` tokens.

    Every unit is in a run; one that is larger than the room makes a run alone.
    """
    stride = min(stride, room // 2)
    start = 0
    while True:
        end, size = start + 1, counts[start]
        while end < len(counts) and size + counts[end] <= room:
            size += counts[end]
            end += 1
        yield start, end
        if end == len(counts):
            return
        shared, following = 0, end
        while (
            following > start + 1
            and shared < stride
            and shared + counts[following - 1] + counts[end] <= room
        ):
            following -= 1
            shared += counts[following]
        start = following


def _window(model: Model, encoded: Encoded) -> Window:
    """Returns the window of all that `encoded` holds."""
    segments = encoded.sentence.segments
    read = model.tokenize(*segments)
    if len(read.offsets) != encoded.length:
        raise AssertionError("the same text was cut into other tokens")
    last = len(segments) - 1
    return Window(
        encoded,
        tuple(
            trimmed(segments[last], span) if segment == last and token.strip(_MARK) else None
            for token, span, segment in zip(
                read.tokens, read.offsets, read.sequence_ids, strict=True
            )
        ),
    )


def _moved(window: Window, sentence: Sentence, offset: int) -> Window:
    """Returns the window with the offsets of its last segment counted in the whole sentence."""
    *before, last = window.encoded.maps
    units = tuple(
        replace(unit, start=unit.start + offset, end=unit.end + offset) for unit in last.units
    )
    encoded = replace(
        window.encoded, sentence=sentence, maps=(*before, UnitMap(units, last.members))
    )
    spans = tuple(span and (span[0] + offset, span[1] + offset) for span in window.spans)
    return replace(window, encoded=encoded, spans=spans)
