"""Which of a data set's items a study measures, and how much of each."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ccta_core.corpus.items import LeftOut
from ccta_core.corpus.spec import Corpus, read_corpus
from ccta_core.corpus.spread import spread_order
from ccta_core.errors import CctaError
from ccta_core.languages import language
from ccta_core.study.request import setting
from ccta_core.types import ParallelExample, Sentence, Span
from ccta_core.units import segment_units

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


def select_items(  # noqa: PLR0913 - the ways in which items are chosen
    data: str,
    languages: Sequence[str] | None,
    *,
    limit: int | None = None,
    spread: bool = False,
    per_group: int | None = None,
    crop: int | None = None,
) -> Corpus:
    """Returns the first `limit` items that the languages have in common.

    With `spread`, `limit` items of as many groups spread evenly over the data instead
    (`spread_items`). With `per_group`, at most so many of each group (premise, paragraph): they are
    no independent evidence, so few of many groups say more than many of few. With `crop`, contexts
    are cut to so many tokens around their answers (`crop_contexts`). Raises CctaError on a number
    out of its range, where `spread` has no limit, and as the readers and `crop_contexts` do.
    """
    setting("per_group").check(per_group)
    if spread:
        corpus = spread_items(read_corpus(data, languages), limit)
        return corpus if crop is None else crop_contexts(corpus, crop)
    corpus = read_corpus(data, languages, limit=limit if per_group is None else None)
    if per_group is not None:
        corpus = first_items(first_of_each_group(corpus, per_group), limit)
    return corpus if crop is None else crop_contexts(corpus, crop)


def first_items(corpus: Corpus, limit: int | None) -> Corpus:
    """Returns the corpus with no more than its first `limit` items. Raises CctaError on a limit
    below 1.
    """
    setting("limit").check(limit)
    return replace(corpus, examples=corpus.examples[:limit])


def first_of_each_group(corpus: Corpus, most: int) -> Corpus:
    """Returns the corpus with the first `most` items of each group, in its order."""
    counts: Counter[str] = Counter()
    kept = []
    for example in corpus.examples:
        counts[example.group] += 1
        if counts[example.group] <= most:
            kept.append(example)
    return replace(corpus, examples=tuple(kept))


def spread_items(corpus: Corpus, limit: int | None) -> Corpus:
    """Returns the corpus with one item of each of `limit` groups spread evenly over it; the first,
    the second and so on of a group in turn (an NLI premise's hypotheses, whose labels come in every
    order in XNLI: classes are not even).

    Files often come in blocks of a genre, so that their first items are all of one. A larger limit
    adds items after the same first ones, so that a study can be extended. Where there are fewer
    groups, one item of each. Raises CctaError without a limit, or below 1.
    """
    if limit is None:
        raise CctaError("items are spread over the data up to a number of them; give a limit")
    setting("limit").check(limit)
    groups: dict[str, list[ParallelExample]] = {}
    for example in corpus.examples:
        groups.setdefault(example.group, []).append(example)
    members = list(groups.values())
    chosen = [members[place] for place in spread_order(len(members))[:limit]]
    kept = tuple(items[turn % len(items)] for turn, items in enumerate(chosen))
    return replace(corpus, examples=kept)


def crop_contexts(corpus: Corpus, tokens: int) -> Corpus:
    """Returns the corpus with contexts of at most `tokens` tokens around their answers.

    What is kept is the longest run of whole words (units) around the answer, grown by turns to the
    right and to the left, in tokens of the embedded model's tokenizer (XLM-R's): the same for every
    model, so that questions on long paragraphs come at a bearable cost. It is done in each language
    by itself: the parts correspond as their answers do, sentence by sentence they need not.

    An item without a marked answer in some language, or with one that is longer, is left out and
    listed. Raises CctaError where the corpus is not one of questions, nothing is left, or `tokens`
    is too small a number.
    """
    if corpus.task != "qa":
        raise CctaError(f"only contexts of questions are cropped; {corpus.source} is {corpus.task}")
    setting("crop").check(tokens)
    from ccta_core.models.embedded import load_tokenizer, locate

    tokenizer = load_tokenizer(locate())
    kept: list[ParallelExample] = []
    left_out: list[LeftOut] = []
    for example in corpus.examples:
        sides = {
            lang: _crop_sentence(sentence, tokens, tokenizer)
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


def _crop_sentence(
    sentence: Sentence, tokens: int, tokenizer: "PreTrainedTokenizerFast"
) -> Sentence | None:
    if not sentence.focus or sentence.text2 is None:
        return None
    kept = span_around(sentence.text2, sentence.focus[0], tokens, sentence.lang, tokenizer)
    if kept is None:
        return None
    start, end = kept
    focus = tuple((a - start, b - start) for a, b in sentence.focus if start <= a and b <= end)
    return Sentence(sentence.text, sentence.lang, sentence.text2[start:end], focus)


def span_around(
    text: str, answer: Span, tokens: int, lang: str, tokenizer: "PreTrainedTokenizerFast"
) -> Span | None:
    """Returns the characters of the words around an answer that `tokens` hold; None where it is
    longer.
    """
    offsets = tokenizer(text, add_special_tokens=False, verbose=False).encodings[0].offsets
    words = segment_units(text, list(enumerate(offsets)), spaced=language(lang).spaced)
    units, sizes = words.units, [len(group) for group in words.members]
    inside = [
        place for place, unit in enumerate(units) if unit.start < answer[1] and answer[0] < unit.end
    ]
    if not inside or sum(sizes[inside[0] : inside[-1] + 1]) > tokens:
        return None
    # The run of words grows by turns at both ends, right first, while it holds what it may.
    first, last = inside[0], inside[-1]
    total = sum(sizes[first : last + 1])
    right = left = True
    while right or left:
        right = right and last + 1 < len(sizes) and total + sizes[last + 1] <= tokens
        if right:
            last += 1
            total += sizes[last]
        left = left and first > 0 and total + sizes[first - 1] <= tokens
        if left:
            first -= 1
            total += sizes[first]
    return min(units[first].start, answer[0]), max(units[last].end, answer[1])
