"""How differently two languages weigh the words of a link, and what that is held against."""

import unicodedata
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from ccta_core.models.frequency import log_frequencies
from ccta_core.models.model import Model
from ccta_core.pipeline.sides import Side
from ccta_core.space.links import Links

NAMES = ("linked_difference", "unlinked_difference", "shuffled_difference")


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """One side's words: masses, texts, and log frequencies where the tokenizer has them.

    Shape: `mass` and `frequency` (units,).
    """

    mass: np.ndarray
    texts: tuple[str, ...]
    frequency: np.ndarray | None


def words_of(model: Model, side: Side) -> Words:
    """The words of one side of an item."""
    composed = (unicodedata.normalize("NFC", unit.text) for unit in side.attribution.units)
    texts = tuple(text.casefold() for text in composed)
    return Words(side.mass, texts, log_frequencies(model, side.input.encoded))


def differences(
    source: Words, target: Words, links: Links, draw: np.random.Generator
) -> dict[str, float | None]:
    """Mean |n_s m_i - n_t m_j| over links, over unlinked words, over links with shuffled masses.

    Unlinked: each link's source word with the target word of another link (`repaired`). Mass scales
    as 1/n, so n m is 1 for a word of average weight (docs/method.md, 5). None below two links.
    """
    if len(links) < 2:
        return dict.fromkeys(NAMES)
    rows, columns = (np.array(places) for places in zip(*links, strict=True))
    heavy, light = source.mass * len(source.mass), target.mass * len(target.mass)
    others = repaired(source, target, links, draw)
    shuffled = np.abs(draw.permutation(heavy)[rows] - draw.permutation(light)[columns])
    values = (
        np.abs(heavy[rows] - light[columns]),
        np.abs(heavy[rows] - light[others]),
        shuffled,
    )
    return {name: float(found.mean()) for name, found in zip(NAMES, values, strict=True)}


def repaired(source: Words, target: Words, links: Links, draw: np.random.Generator) -> np.ndarray:
    """For each link's source word the target word of another link, each used once.

    Of all such assignments the one whose words are nearest in log frequency to the words they stand
    in for. A word whose link has the same form on either side would be a translation again: it is
    taken only where nothing else is left. Without frequencies: the links' targets turned by a
    random step. Shape: (links,), places of target words.
    """
    rows, columns = (np.array(places) for places in zip(*links, strict=True))
    if target.frequency is None:
        return np.roll(columns, 1 + int(draw.integers(len(columns) - 1)))
    common = target.frequency[columns]
    cost = np.abs(common[:, None] - common[None, :])
    again = _alike(source.texts, rows) | _alike(target.texts, columns)
    # Weights that no sum of differences outgrows: forms are avoided first, own partners always.
    most = 1.0 + cost.max() * len(links)
    cost[again] += most
    np.fill_diagonal(cost, most * (len(links) + 1))
    return columns[linear_sum_assignment(cost)[1]]


def _alike(texts: tuple[str, ...], places: np.ndarray) -> np.ndarray:
    """Which two of the words have one form. Shape: (links, links)."""
    forms = np.array([texts[place] for place in places], dtype=object)
    return np.equal.outer(forms, forms).astype(bool)
