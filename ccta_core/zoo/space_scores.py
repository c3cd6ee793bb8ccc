"""How well the spaces bring languages together: dictionary words and held-out sentences."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ccta_core.corpus.flores import read_flores
from ccta_core.evaluation.means import unit_states
from ccta_core.models.model import Model
from ccta_core.space.maps import cosine, into_space
from ccta_core.space.procrustes import PIVOT
from ccta_core.types import Sentence
from ccta_core.zoo.dictionary import SCORED, WordPairs, precision_at_1, read_word_pairs
from ccta_core.zoo.fit_procrustes import HELD_OUT

SPACES = ("none", "centered", "procrustes")


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Precision at 1 by space: from English and to English, with the sizes of the two pools."""

    english: int
    foreign: int
    from_english: dict[str, float]
    to_english: dict[str, float]


def word_retrieval(model: Model, data: Path, lang: str, layer: int) -> Retrieval:
    """Nearest dictionary word by cosine; a hit is any of a word's translations."""
    return _retrieval(model, layer, read_word_pairs(model, data, lang, layer, SCORED))


def sentence_retrieval(model: Model, data: Path, lang: str, layer: int) -> Retrieval:
    """Nearest translation by cosine among the held-out sentences, mean of unit states."""
    sides = []
    for code in (PIVOT, lang):
        texts = [Sentence(text, code) for text in read_flores(data / "flores200", code)[HELD_OUT]]
        found = unit_states(model, texts, layers=[layer])
        sides.append(np.array([states[0].mean(0) for states, _ in found]))
    english, foreign = sides
    return _retrieval(
        model, layer, WordPairs(lang, english, foreign, np.eye(len(english), dtype=bool))
    )


def _retrieval(model: Model, layer: int, pairs: WordPairs) -> Retrieval:
    there, back = {}, {}
    for space in SPACES:
        cosines = cosine(
            into_space(model.info, layer, PIVOT, pairs.english, space),
            into_space(model.info, layer, pairs.lang, pairs.foreign, space),
        )
        there[space] = precision_at_1(cosines, pairs.right)
        back[space] = precision_at_1(cosines.T, pairs.right.T)
    return Retrieval(pairs.right.shape[0], pairs.right.shape[1], there, back)
