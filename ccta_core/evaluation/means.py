"""Computes mean states of a language's words, which the centred space subtracts (docs/method.md,
3).
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors.numpy import save_file

from ccta_core.attribution.integrated_gradients import unit_means
from ccta_core.attribution.readings import read
from ccta_core.models.model import Model
from ccta_core.space.maps import MEANS_FILE
from ccta_core.types import Sentence

_CHUNK = 64


class UnitStates(NamedTuple):
    """The states of one sentence's units, (layers, units, width), and the units' texts."""

    states: np.ndarray
    texts: list[str]


def unit_states(
    model: Model,
    sentences: Sequence[Sentence],
    *,
    spaced: bool | None = None,
    layers: Sequence[int] | None = None,
) -> Iterator[UnitStates]:
    """Yields the states of each sentence's units in the given layers, by default in all of them."""
    if layers is None:
        layers = range(model.depth + 1)
    for start in range(0, len(sentences), _CHUNK):
        encoded = [model.encode(s, spaced=spaced) for s in sentences[start : start + _CHUNK]]
        for item, reading in zip(encoded, read(model, encoded, list(layers)), strict=True):
            states = [unit_means(item, reading.states[layer].cpu().numpy()) for layer in layers]
            yield UnitStates(
                np.stack(states), [unit.text for unit_map in item.maps for unit in unit_map.units]
            )


def language_mean(model: Model, texts: Sequence[str], lang: str) -> np.ndarray:
    """Returns the mean state of all units of a corpus in every layer. Shape: (layers + 1,
    width).
    """
    sums, count = [], 0
    for states, _ in unit_states(model, [Sentence(text, lang) for text in texts]):
        sums.append(states.sum(1, dtype=np.float64))
        count += states.shape[1]
    return (np.sum(sums, axis=0) / count).astype(np.float32)


def write_means(model: Model, texts: Mapping[str, Sequence[str]], folder: Path) -> None:
    """Writes every language's mean over its texts to `folder`, in float16."""
    means = {lang: language_mean(model, sentences, lang) for lang, sentences in texts.items()}
    path = folder / MEANS_FILE
    save_file({lang: mean.astype(np.float16) for lang, mean in means.items()}, path)
    path.chmod(0o644)
