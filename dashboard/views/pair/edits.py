"""Words typed over in the picture: the pair that becomes of it, and what was changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Any

from ccta_core.errors import CctaError
from ccta_core.languages import language
from ccta_core.result import PairResult
from ccta_core.types import Span, is_blank
from ccta_core.units import grapheme_boundaries, split_words
from dashboard.views.pair.view import OWN, PairView

_LONGEST = 200
"""Characters that can be typed in place of a word."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What is typed in place of a unit; without text the unit is deleted.

    `was` is the unit's text when it was typed over: the pair may have become another since.
    """

    side: str
    index: int
    was: str
    text: str

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> "Edit":
        """The edit that a browser sent. Raises CctaError where it is none."""
        side, index, was, text = (value.get(name) for name in ("side", "index", "was", "text"))
        words = isinstance(was, str) and isinstance(text, str) and len(text) <= _LONGEST
        if side not in ("source", "target") or not isinstance(index, int) or not words:
            raise CctaError(f"expected a word and at most {_LONGEST} characters in its place")
        return cls(side, index, str(was), str(text).strip())


@dataclass(frozen=True, slots=True)
class Change:
    """A stretch of words before and after; one of the two may be empty."""

    before: str
    after: str


def apply_edit(view: PairView, result: PairResult, edit: Edit) -> PairView:
    """The view with its pair edited: texts of one's own that know which item they were.

    Raises CctaError where the word is not there any more, and where nothing would be left of its
    text.
    """
    sides = (result.source, result.target)
    side = sides[edit.side == "target"]
    if not 0 <= edit.index < len(side.units) or side.units[edit.index].text != edit.was:
        raise CctaError("the pair has changed since that word was typed over: choose it again")
    unit = side.units[edit.index]
    text = replace_span(side.sentence.segments[unit.segment], (unit.start, unit.end), edit.text)
    if is_blank(text):
        raise CctaError(
            f"{edit.was} is the last word of its {language(side.lang).name} text: type another in "
            "its place, a text can't be empty"
        )
    texts = [*texts_of_result(result)]
    texts[2 * (edit.side == "target") + unit.segment] = text
    original = view.original if view.item == OWN else view.item
    return replace(view, item=OWN, original=original, texts=tuple(texts))


def texts_of_result(result: PairResult) -> tuple[str, ...]:
    """The four texts of a pair as they were typed; empty where a side has one only."""
    sides = (result.source.sentence, result.target.sentence)
    return tuple(text for side in sides for text in (side.text, side.text2 or ""))


def replace_span(text: str, span: Span, new: str) -> str:
    """The text with other characters in place of a span; of a deleted word one space goes too."""
    before, after = text[: span[0]], text[span[1] :]
    if not new and (not before or before[-1].isspace()):
        if after[:1].isspace():
            after = after[1:]
        elif not after:
            before = before[:-1]
    return before + new + after


def changes(before: str, after: str, lang: str) -> list[Change]:
    """What was changed in a text, in its order: words, or characters where none are separated."""
    old, new = (_spans(text, lang) for text in (before, after))
    matcher = SequenceMatcher(
        None,
        [before[start:end] for start, end in old],
        [after[start:end] for start, end in new],
        autojunk=False,
    )
    return [
        Change(_stretch(before, old[a:b]), _stretch(after, new[c:d]))
        for kind, a, b, c, d in matcher.get_opcodes()
        if kind != "equal"
    ]


def _spans(text: str, lang: str) -> list[Span]:
    if language(lang).spaced:
        return split_words(text)
    return list(pairwise(sorted(grapheme_boundaries(text))))


def _stretch(text: str, spans: Sequence[Span]) -> str:
    return text[spans[0][0] : spans[-1][1]] if spans else ""
