"""Contexts cut to the words around their answers: questions on long paragraphs at a bearable cost.

What is kept is the longest run of whole words (units) around the answer, grown by turns to the
right and to the left, of at most so many tokens of the embedded model's tokenizer (XLM-R's), the
same for every model. It is done in each language by itself: the parts correspond as their answers
do, sentence by sentence they need not.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ccta_core.corpus.items import LeftOut
from ccta_core.corpus.spec import Corpus
from ccta_core.errors import CctaError
from ccta_core.languages import language
from ccta_core.models.embedded import load_tokenizer, locate
from ccta_core.types import ParallelExample, Sentence, Span
from ccta_core.units import segment_units

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

LEAST = 16
"""Tokens: with fewer there is no context to speak of."""


def cropped(corpus: Corpus, tokens: int) -> Corpus:
    """The corpus with contexts of at most `tokens` tokens around their answers.

    An item without a marked answer in some language, or with one that is longer, is left out and
    listed. Raises CctaError where the corpus is not one of questions, nothing is left, or `tokens`
    is below `LEAST`.
    """
    if corpus.task != "qa":
        raise CctaError(f"only contexts of questions are cropped; {corpus.source} is {corpus.task}")
    if tokens < LEAST:
        raise CctaError(f"a crop of {tokens} tokens leaves no context; expected {LEAST} or more")
    tokenizer = load_tokenizer(locate())
    kept: list[ParallelExample] = []
    left_out: list[LeftOut] = []
    for example in corpus.examples:
        sides = {
            lang: _sentence(sentence, tokens, tokenizer)
            for lang, sentence in example.sentences.items()
        }
        without = [lang for lang, sentence in sides.items() if sentence is None]
        if without:
            reason = f"no marked answer that {tokens} tokens hold in {' '.join(without)}"
            left_out.append(LeftOut(example.id, reason))
        else:
            whole = {lang: side for lang, side in sides.items() if side is not None}
            kept.append(replace(example, sentences=whole))
    if not kept:
        raise CctaError(f"nothing of {corpus.source} is left: {left_out[0].reason}")
    return replace(corpus, examples=tuple(kept), left_out=(*corpus.left_out, *left_out))


def _sentence(
    sentence: Sentence, tokens: int, tokenizer: "PreTrainedTokenizerFast"
) -> Sentence | None:
    if not sentence.focus or sentence.text2 is None:
        return None
    found = around(sentence.text2, sentence.focus[0], tokens, sentence.lang, tokenizer)
    if found is None:
        return None
    start, end = found
    focus = tuple((a - start, b - start) for a, b in sentence.focus if start <= a and b <= end)
    return Sentence(sentence.text, sentence.lang, sentence.text2[start:end], focus)


def around(
    text: str, answer: Span, tokens: int, lang: str, tokenizer: "PreTrainedTokenizerFast"
) -> Span | None:
    """The characters of the words around an answer that `tokens` hold; None where it is longer."""
    offsets = tokenizer(text, add_special_tokens=False, verbose=False).encodings[0].offsets
    found = segment_units(text, list(enumerate(offsets)), spaced=language(lang).spaced)
    sizes = [len(group) for group in found.members]
    inside = [
        at for at, unit in enumerate(found.units) if unit.start < answer[1] and answer[0] < unit.end
    ]
    if not inside or sum(sizes[inside[0] : inside[-1] + 1]) > tokens:
        return None
    first, last = _grown(sizes, inside[0], inside[-1], tokens)
    return min(found.units[first].start, answer[0]), max(found.units[last].end, answer[1])


def _grown(sizes: Sequence[int], first: int, last: int, most: int) -> tuple[int, int]:
    """The run grown by turns at both ends, right first, as long as it holds at most `most`."""
    total = sum(sizes[first : last + 1])
    right = left = True
    while right or left:
        right = right and last + 1 < len(sizes) and total + sizes[last + 1] <= most
        if right:
            last += 1
            total += sizes[last]
        left = left and first > 0 and total + sizes[first - 1] <= most
        if left:
            first -= 1
            total += sizes[first]
    return first, last
