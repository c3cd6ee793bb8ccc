"""Maps of unit embeddings into the common space: `none` and `centered` (docs/method.md, 3)."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from ccta_core.models.catalog import ModelInfo

MEANS_FILE = "language_means.safetensors"
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
    """Cosines between the units of two languages in the space asked for.

    Each side is (language, unit embeddings (units, width) at `layer`). Where a language has no
    mean, both sides stay raw, and the result says so.
    """
    (source, states_s), (target, states_t) = sides
    if space == "none":
        return CommonSpace("none", cosine(states_s, states_t))
    means = language_means(info.folder)
    lacking = sorted({lang for lang in (source, target) if lang not in means})
    if lacking:
        notice = (
            f"No language mean for {' and '.join(lacking)} is stored with {info.id}: "
            "the embeddings are compared as they are (space none)."
        )
        return CommonSpace("none", cosine(states_s, states_t), notice)
    centred = cosine(states_s - means[source][layer], states_t - means[target][layer])
    return CommonSpace("centered", centred)


def cosine(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Cosine of every pair, in [-1, 1]; 0 where a vector is zero.

    Shape: (n, width), (m, width) -> (n, m).
    """
    return np.clip(_normal(source) @ _normal(target).T, -1.0, 1.0)


def _normal(vectors: np.ndarray) -> np.ndarray:
    vectors = np.asarray(vectors, dtype=np.float64)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(length > 0, length, 1.0)


@lru_cache(maxsize=64)
def language_means(folder: Path | None) -> dict[str, np.ndarray]:
    """The means stored in a model's folder; empty where there are none."""
    path = (folder or Path()) / MEANS_FILE
    if folder is None or not path.exists():
        return {}
    return {lang: means.astype(np.float32) for lang, means in load_file(path).items()}
