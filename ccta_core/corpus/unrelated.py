"""Draws unrelated target sentences for the chance level of EMS (docs/method.md, 4, control 3)."""

import unicodedata
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from ccta_core.corpus.demo import read_demo
from ccta_core.corpus.labels import key_of
from ccta_core.types import ParallelExample, Sentence

_SHARED: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {"nli": (0,), "paraphrase": (0, 1), "qa": (1,)}
)
"""Task, which is also the demo part -> the segments by which a text is known to be of a group."""
_POOL = 2
"""Candidates per drawn sentence: the nearest in length, from which a seed draws."""


def unrelated_sentences(  # noqa: PLR0913 - what decides them
    task: str,
    target: Sentence,
    label: str,
    *,
    count: int,
    seed: int,
    beside: Sentence | None = None,
) -> tuple[Sentence, ...]:
    """Draws `count` demo sentences of the target's language and label, of similar length.

    None shares a premise, a sentence or a context with the target, with what is compared with it
    (`beside`: of a demo text in another language the translation is no unrelated sentence) or with
    another of them. They are empty where the demo corpus has nothing for this task or language. A
    text of one's own has no gold label: the class that is explained stands in for it, whatever the
    model calls it. Questions have no label, and what is explained of them is the answer in their
    focus. The demo corpus is in NFC, and texts are compared with it in that form, however they were
    typed.
    """
    if task not in _SHARED or target.text2 is None:
        return ()
    composed = _composed(target)
    items = [item for item in read_demo(task) if target.lang in item.sentences]
    related_groups = {
        item.group
        for item in items
        for side in (target, beside or target)
        if side.lang in item.sentences and _shares(item.sentences[side.lang], _composed(side), task)
    }
    gold = {item.label for item in items if [*item.sentences[target.lang].segments] == composed}
    wanted = gold or {key_of(label)}
    others = [
        item
        for item in items
        if item.group not in related_groups and (task == "qa" or item.label in wanted)
    ]
    near = _nearest(others, target.lang, composed)[: count * _POOL]
    if len(near) < count or not count:
        return ()
    draw = np.random.default_rng(seed)
    return tuple(near[index] for index in sorted(draw.permutation(len(near))[:count].tolist()))


def _composed(sentence: Sentence) -> list[str]:
    return [unicodedata.normalize("NFC", segment) for segment in sentence.segments]


def _shares(sentence: Sentence, segments: Sequence[str], task: str) -> bool:
    sides = [{texts[place] for place in _SHARED[task]} for texts in (sentence.segments, segments)]
    return not sides[0].isdisjoint(sides[1])


def _nearest(
    items: Sequence[ParallelExample], lang: str, segments: Sequence[str]
) -> list[Sentence]:
    """Returns the sentence of each group that is nearest to the segments in length, the nearest
    first.
    """
    length = _length(segments)
    order = sorted(
        ((item.sentences[lang], item.group) for item in items),
        key=lambda candidate: (abs(_length(candidate[0].segments) - length), candidate[0].text),
    )
    first: dict[str, Sentence] = {}
    for sentence, group in order:
        first.setdefault(group, sentence)
    return list(first.values())


def _length(segments: Sequence[str]) -> int:
    return sum(map(len, segments))
