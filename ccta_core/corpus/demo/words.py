"""The words of a demo sentence with their tags, for scoring a tagger."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import regex

from ccta_core.corpus.demo.marks import Entity
from ccta_core.languages import language
from ccta_core.types import Sentence

_WORDS = regex.compile(r"[\p{L}\p{M}\p{N}\p{Pd}\p{Pc}'\u2019\u200c\u200d]+|[^\s]")
_CHARACTERS = regex.compile(r"[^\s]\p{M}*")


def tagged(sentence: Sentence, entities: Sequence[Entity]) -> dict[str, Any]:
    """`words` (spans) and `tags` (IOB2) as an Item holds them.

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


def _tag(word: tuple[int, int], entities: Sequence[Entity]) -> str:
    for start, end, kind in entities:
        if start <= word[0] and word[1] <= end:
            return f"{'B' if word[0] == start else 'I'}-{kind}"
    return "O"
