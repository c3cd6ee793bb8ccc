"""Which of a data set's items a study measures, and how much of each."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from ccta_core.corpus.spec import Corpus, read_corpus
from ccta_core.errors import CctaError


def selected(
    data: str,
    languages: Sequence[str] | None,
    *,
    limit: int | None = None,
    per_group: int | None = None,
    crop: int | None = None,
) -> Corpus:
    """The first `limit` items that the languages have in common.

    With `per_group`, at most so many of each group (premise, paragraph): they are no independent
    evidence, so few of many groups say more than many of few. With `crop`, contexts are cut to so
    many tokens around their answers (`study.crop`). Raises CctaError where `per_group` is below 1,
    and as the readers and `cropped` do.
    """
    if per_group is not None and per_group < 1:
        raise CctaError(f"{per_group} items of a group measure nothing; expected 1 or more")
    corpus = read_corpus(data, languages, limit=limit if per_group is None else None)
    if per_group is not None:
        corpus = first(few_of_each(corpus, per_group), limit)
    if crop is not None:
        from ccta_core.study.crop import cropped  # needs a tokenizer

        corpus = cropped(corpus, crop)
    return corpus


def first(corpus: Corpus, limit: int | None) -> Corpus:
    """The corpus with no more than its first `limit` items. Raises CctaError on a limit below 1."""
    if limit is not None and limit < 1:
        raise CctaError(f"a limit of {limit} items reads nothing; expected 1 or more")
    return replace(corpus, examples=corpus.examples[:limit])


def few_of_each(corpus: Corpus, most: int) -> Corpus:
    """The corpus with the first `most` items of each group, in its order."""
    seen: Counter[str] = Counter()
    kept = []
    for example in corpus.examples:
        seen[example.group] += 1
        if seen[example.group] <= most:
            kept.append(example)
    return replace(corpus, examples=tuple(kept))
