"""Unrelated targets for the chance level of EMS (docs/method.md, 4, control 3)."""

import numpy as np

from ccta_core.corpus.demo import read_demo
from ccta_core.types import Sentence

_CORPORA = {"nli": "nli"}
_POOL = 2
"""Candidates per drawn sentence: the nearest in length, from which a seed draws."""


def unrelated_sentences(
    task: str, target: Sentence, label: str, *, count: int, seed: int
) -> tuple[Sentence, ...]:
    """`count` demo sentences of the target's language and label, of similar length, other premises.

    Empty where the demo corpus has nothing for this task or language. A text of one's own has no
    gold label: the class that is explained stands in for it.
    """
    if task not in _CORPORA or target.text2 is None:
        return ()
    items = [item for item in read_demo(_CORPORA[task]) if target.lang in item.sentences]
    own = {item.group for item in items if item.sentences[target.lang].text == target.text}
    gold = {item.label for item in items if item.sentences[target.lang] == target}
    wanted = gold or {label}
    others = [
        item.sentences[target.lang]
        for item in items
        if item.group not in own and item.label in wanted
    ]
    others.sort(key=lambda sentence: (abs(_length(sentence) - _length(target)), sentence.text))
    near = others[: count * _POOL]
    if len(near) < count or not count:
        return ()
    draw = np.random.default_rng(seed)
    return tuple(near[index] for index in sorted(draw.permutation(len(near))[:count].tolist()))


def _length(sentence: Sentence) -> int:
    return sum(map(len, sentence.segments))
