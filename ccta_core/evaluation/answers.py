"""Scores extracted answers by F1 and exact match: SQuAD 1.1 with MLQA's rules for each language.

The rules are those of MLQA's evaluation script (Lewis et al., 2020, arXiv 1910.07475); for what it
leaves open see `answer_tokens`.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import regex

from ccta_core.errors import CctaError
from ccta_core.languages import language

_ARTICLES = {
    "ar": re.compile("ال"),  # wherever it stands, inside words too: the script's rule
    "de": re.compile(r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b"),
    "en": re.compile(r"\b(a|an|the)\b"),
    "es": re.compile(r"\b(un|una|unos|unas|el|la|los|las)\b"),
    "vi": re.compile(r"\b(của|là|cái|chiếc|những)\b"),
}
_ALONE = {
    "zh": r"[\u4e00-\u9fa5]",  # the script's range: rarer ideographs stay together
    "ja": r"[\p{Han}\p{Hiragana}\p{Katakana}ー]\p{M}*",
    "th": r"(?=\p{Thai})\X",
    "lo": r"(?=\p{Lao})\X",
    "km": r"(?=\p{Khmer})\X",
    "my": r"(?=\p{Myanmar})\X",
}
"""What is a token of its own where words are not separated by spaces."""
_PIECES = {
    lang: regex.compile(rf"{alone}|(?:(?!{alone}).)+", regex.DOTALL)
    for lang, alone in _ALONE.items()
}
_ASCII_MARKS = frozenset("$+<=>^`|~")
"""ASCII punctuation that Unicode counts as symbols."""


class AnswerScores(NamedTuple):
    """How well an answer matches the gold ones: F1 over tokens and exact match, both in [0, 1]."""

    f1: float
    exact: float


def answer_scores(predicted: str, golds: Sequence[str], lang: str) -> AnswerScores:
    """Returns F1 over tokens and exact match, each the best over the gold answers; both in [0, 1].

    Answers are compared in Unicode's composed form (NFC): canonically equivalent ones are equal.
    An answer that the rules leave empty matches an empty one with F1 1 (SQuAD 2.0's rule; MLQA's
    script counts exact match 1 and F1 0: one answer of MLQA's development set, an article, is so).
    Raises CctaError without a gold answer and for an unknown language.
    """
    if not golds:
        raise CctaError("expected at least one gold answer, got none; leave the question out")
    predicted, *golds = (unicodedata.normalize("NFC", text) for text in (predicted, *golds))
    predicted_tokens = answer_tokens(predicted, lang)
    scores = [_scores(predicted_tokens, answer_tokens(gold, lang)) for gold in golds]
    return AnswerScores(max(pair.f1 for pair in scores), max(pair.exact for pair in scores))


def answer_tokens(text: str, lang: str) -> tuple[str, ...]:
    """Returns the tokens that are compared: lower case, no punctuation, no articles.

    Articles are removed in ar, de, en, es and vi, the languages MLQA's script has them for, and in
    no other. Tokens are words between spaces; in zh ideographs stand alone (MLQA). Ours, for want
    of a published rule: ideographs and kana stand alone in ja, grapheme clusters in th, lo, km and
    my (a vowel sign or a tone mark is no token; words would need a segmenter), and words of other
    scripts stay whole there. Raises CctaError for an unknown language.
    """
    language(lang)
    bare = "".join(
        character
        for character in text.lower()
        if character not in _ASCII_MARKS and unicodedata.category(character)[0] != "P"
    )
    articles = _ARTICLES.get(lang)
    words = (articles.sub(" ", bare) if articles else bare).split()
    pieces = _PIECES.get(lang)
    if pieces is None:
        return tuple(words)
    return tuple(piece for word in words for piece in pieces.findall(word))


def _scores(predicted: tuple[str, ...], gold: tuple[str, ...]) -> AnswerScores:
    """Returns F1 = 2 |common| / (|predicted| + |gold|) over tokens with repetition, and exact
    match.
    """
    if predicted == gold:
        return AnswerScores(1.0, 1.0)
    common = sum((Counter(predicted) & Counter(gold)).values())
    return AnswerScores(2 * common / (len(predicted) + len(gold)), 0.0)
