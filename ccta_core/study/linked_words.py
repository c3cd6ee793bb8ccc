"""How far words that mean the same differ in mass, against re-paired words and shuffled masses."""

import unicodedata
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from ccta_core.models.frequency import log_frequencies
from ccta_core.models.model import Model
from ccta_core.pipeline.sides import Side
from ccta_core.space.links import Links

_DIFFERENCES = ("linked_difference", "unlinked_difference", "shuffled_difference")


@dataclass(frozen=True, slots=True, eq=False)
class SideWords:
    """One side's words: masses, texts, the text each stands in, and log frequencies where the
    tokenizer has them.

    Shape: `mass`, `segments` and `frequency` (units,); without `segments` all are in one text.
    """

    mass: np.ndarray
    texts: tuple[str, ...]
    frequency: np.ndarray | None
    segments: np.ndarray | None = None

    def shuffled(self, shuffles: int, draw: np.random.Generator) -> np.ndarray:
        """Returns the masses permuted within each text, as EMS's null does. Shape: (shuffles,
        units).
        """
        moved = np.tile(self.mass, (shuffles, 1))
        segments = np.zeros(len(self.mass), int) if self.segments is None else self.segments
        for segment in np.unique(segments):
            where = np.flatnonzero(segments == segment)
            moved[:, where] = draw.permuted(moved[:, where], axis=1)
        return moved


def words_of(model: Model, side: Side) -> SideWords:
    """Returns the words of one side of an item."""
    composed = (unicodedata.normalize("NFC", unit.text) for unit in side.attribution.units)
    texts = tuple(text.casefold() for text in composed)
    segments = np.array([unit.segment for unit in side.attribution.units])
    return SideWords(side.mass, texts, log_frequencies(model, side.input.encoded), segments)


def differences(
    source: SideWords,
    target: SideWords,
    links: Links,
    draw: np.random.Generator,
    shuffles: int = 20,
) -> dict[str, float | None]:
    """Returns mean |n_s m_i - n_t m_j| over links, over unlinked words, over links with shuffled
    masses.

    Unlinked: each link's source word with the target word of another link (`pair_unlinked`). Mass
    scales as 1/n, so n m is 1 for a word of average weight (docs/method.md, 5). Shuffled: the mean
    over `shuffles` draws, at least one, masses permuted within each text. None below two links.
    """
    if len(links) < 2:
        return dict.fromkeys(_DIFFERENCES)
    rows, columns = (np.array(places) for places in zip(*links, strict=True))
    heavy, light = source.mass * len(source.mass), target.mass * len(target.mass)
    others = pair_unlinked(source, target, links, draw)
    draws = max(1, shuffles)
    moved = (
        source.shuffled(draws, draw)[:, rows] * len(heavy),
        target.shuffled(draws, draw)[:, columns] * len(light),
    )
    values = (
        np.abs(heavy[rows] - light[columns]),
        np.abs(heavy[rows] - light[others]),
        np.abs(moved[0] - moved[1]),
    )
    return {name: float(value.mean()) for name, value in zip(_DIFFERENCES, values, strict=True)}


def pair_unlinked(
    source: SideWords, target: SideWords, links: Links, draw: np.random.Generator
) -> np.ndarray:
    """Chooses for each link's source word the target word of another link, each used once.

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
    """Returns which two of the words have one form. Shape: (links, links)."""
    forms = np.array([texts[place] for place in places], dtype=object)
    return np.equal.outer(forms, forms).astype(bool)
