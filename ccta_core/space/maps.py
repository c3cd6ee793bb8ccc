"""Maps unit embeddings into the common space: none, centered, procrustes (docs/method.md, 3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors.numpy import load_file

from ccta_core.errors import CctaError
from ccta_core.models.catalog import ModelInfo, unchanged_folder
from ccta_core.models.identity import MEANS
from ccta_core.space.procrustes import PROCRUSTES_FILE, procrustes_maps
from ccta_core.stamps import Stamp, file_stamp

MEANS_FILE = MEANS
"""In a model's folder: language -> (layers + 1, width), mean unit states on FLORES-200 devtest."""


@dataclass(frozen=True, slots=True, eq=False)
class CommonSpace:
    """Similarities of two sides' units in the space that was really used."""

    name: str
    similarity: np.ndarray
    notice: str | None = None


def similarities(
    info: ModelInfo,
    layer: int,
    sides: tuple[tuple[str, np.ndarray], tuple[str, np.ndarray]],
    space: str,
) -> CommonSpace:
    """Returns cosines between the units of two languages in the space asked for.

    Each side is (language, unit embeddings (units, width) at `layer`). Where a language has no map
    or no mean, both sides take the next plainer space, and the result says so.
    """
    (source, states_s), (target, states_t) = sides
    name, notice = usable_space(info, layer, (source, target), space)
    left, right = (
        normal(into_space(info, layer, lang, states, name))
        for lang, states in ((source, states_s), (target, states_t))
    )
    return CommonSpace(name, _cosines(left, right), notice)


def pair_similarities(
    info: ModelInfo, layer: int, embeddings: Mapping[str, np.ndarray], space: str
) -> dict[tuple[str, str], CommonSpace]:
    """Computes `similarities` for every pair of an item's languages, in the mapping's order.

    `embeddings` is language -> (units, width) at `layer`; each language is mapped and scaled once.
    """
    ready: dict[tuple[str, str], np.ndarray] = {}
    by_pair = {}
    for pair in combinations(embeddings, 2):
        name, notice = usable_space(info, layer, pair, space)
        for lang in pair:
            if (lang, name) not in ready:
                ready[lang, name] = normal(into_space(info, layer, lang, embeddings[lang], name))
        left, right = (ready[lang, name] for lang in pair)
        by_pair[pair] = CommonSpace(name, _cosines(left, right), notice)
    return by_pair


def into_space(
    info: ModelInfo, layer: int, lang: str, states: np.ndarray, space: str
) -> np.ndarray:
    """Maps one language's states into a space for which it has everything. Shape: (units, width).

    Raises CctaError where the model has no maps for `procrustes` or its files have changed,
    KeyError where it has no mean.
    """
    if space == "none":
        return states
    folder = unchanged_folder(info)
    states = states - language_means(folder)[lang][layer]
    if space == "centered":
        return states
    maps = procrustes_maps(folder)
    if maps is None or maps.layer != layer:
        raise CctaError(f"{info.id} has no Procrustes maps at layer {layer}; fit them first")
    return maps.apply(lang, states)


def cosine(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Returns cosine of every pair, in [-1, 1]; 0 where a vector is zero.

    Shape: (n, width), (m, width) -> (n, m).
    """
    return _cosines(normal(source), normal(target))


def normal(vectors: np.ndarray) -> np.ndarray:
    """Scales rows to length 1 in float64; a zero row stays zero."""
    vectors = np.asarray(vectors, dtype=np.float64)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(length > 0, length, 1.0)


def language_means(folder: Path | None) -> dict[str, np.ndarray]:
    """Returns the means stored in a model's folder; empty where there are none."""
    path = (folder or Path()) / MEANS_FILE
    if folder is None or not path.exists():
        return {}
    return _read_means(path, file_stamp(path))


@lru_cache(maxsize=64)
def _read_means(path: Path, _stamp: Stamp | None) -> dict[str, np.ndarray]:
    return {lang: means.astype(np.float32) for lang, means in load_file(path).items()}


def _cosines(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    return np.clip(source @ target.T, -1.0, 1.0)


class UsableSpace(NamedTuple):
    """The space that two languages are compared in; `notice` where it is not the one asked for."""

    name: str
    notice: str | None = None


def usable_space(info: ModelInfo, layer: int, langs: tuple[str, str], space: str) -> UsableSpace:
    """Returns the space asked for, or the next plainer one that both languages have."""
    if space == "none":
        return UsableSpace("none")
    means = language_means(unchanged_folder(info))
    meanless = sorted({lang for lang in langs if lang not in means})
    reason = _without_maps(info, layer, langs) if space == "procrustes" else None
    if meanless:
        return UsableSpace(
            "none",
            f"No language mean for {' and '.join(meanless)} is stored with {info.id}: "
            "the embeddings are compared as they are (space none).",
        )
    if reason:
        notice = f"{reason}: the embeddings are centred instead (space centered)."
        return UsableSpace("centered", notice)
    return UsableSpace(space)


def _without_maps(info: ModelInfo, layer: int, langs: tuple[str, str]) -> str | None:
    """Returns why the Procrustes maps can't serve these languages at this layer; None where
    they can.
    """
    maps = procrustes_maps(info.folder)
    if maps is None:
        return f"No Procrustes maps ({PROCRUSTES_FILE}) are stored with {info.id}"
    if maps.layer != layer:
        return f"The Procrustes maps of {info.id} belong to layer {maps.layer}, not {layer}"
    lacking = sorted({lang for lang in langs if lang not in maps})
    if lacking:
        return f"No Procrustes map for {' and '.join(lacking)} is stored with {info.id}"
    return None
