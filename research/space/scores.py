"""How well the spaces bring languages together: dictionary words and held-out sentences.

And which sentences and words a space is fitted on, chosen on and scored on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ccta_core.corpus.formats.flores import read_flores
from ccta_core.corpus.formats.muse import read_dictionary
from ccta_core.errors import CctaError
from ccta_core.evaluation.means import unit_states
from ccta_core.models.model import Model
from ccta_core.space.maps import cosine, into_space
from ccta_core.space.procrustes import PIVOT
from ccta_core.types import Sentence

FIT = slice(0, 812)
"""The sentences of FLORES-200 devtest that the maps are fitted on; the last 200 score them."""
HELD_OUT = slice(812, 1012)
DEV = slice(4500, 5000)
"""English words, by their order in a dictionary, that the shrinkage is chosen on."""
SCORED = slice(5000, 6000)
"""English words that the spaces are scored on."""
SPACES = ("none", "centered", "procrustes")


@dataclass(frozen=True, slots=True, eq=False)
class WordPairs:
    """English words and their translations: raw states and which pairs are right.

    Shape: `english` (n, width), `foreign` (m, width), `right` (n, m).
    """

    lang: str
    english: np.ndarray
    foreign: np.ndarray
    right: np.ndarray


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Precision at 1 by space: from English and to English, with the sizes of the two pools."""

    english: int
    foreign: int
    from_english: dict[str, float]
    to_english: dict[str, float]


def read_word_pairs(model: Model, data: Path, lang: str, layer: int, which: slice) -> WordPairs:
    """The words `which` of the MUSE dictionary with their translations, each read alone.

    English words of which a translation is spelt alike are left out, and what the model can't read.
    """
    entries = list(read_dictionary(data / "muse", lang).items())[which]
    entries = [(word, found) for word, found in entries if word not in found]
    english, en_states = _states([word for word, _ in entries], PIVOT, model, layer)
    foreign, states = _states([w for _, found in entries for w in found], lang, model, layer)
    right = np.zeros((len(english), len(foreign)), dtype=bool)
    for word, found in entries:
        if word in english:
            right[english[word], [foreign[w] for w in found if w in foreign]] = True
    return WordPairs(lang, en_states, states, right)


def precision_at_1(cosines: np.ndarray, right: np.ndarray) -> float:
    """The share of rows whose most similar column is right, over rows that have a right one.

    Shape: both (rows, columns).
    """
    asked = right.any(1)
    return float(right[np.arange(len(right)), cosines.argmax(1)][asked].mean())


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


def _states(
    words: Sequence[str], lang: str, model: Model, layer: int
) -> tuple[dict[str, int], np.ndarray]:
    """Word -> row, and the mean unit state of each word. Shape: (words, width)."""
    readable = [word for word in dict.fromkeys(words) if _can_be_read(word, lang, model)]
    found = unit_states(model, [Sentence(word, lang) for word in readable], layers=[layer])
    rows = np.array([states[0].mean(0) for states, _ in found])
    return {word: at for at, word in enumerate(readable)}, rows


def _can_be_read(word: str, lang: str, model: Model) -> bool:
    try:
        model.encode(Sentence(word, lang))
    except CctaError:
        return False
    return True


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
