"""Fits and keeps orthogonal maps of one language's states onto the pivot's (docs/method.md, 3)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ccta_core.errors import DamagedFileError
from ccta_core.models.identity import MAPS
from ccta_core.stamps import Stamp, file_stamp

PROCRUSTES_FILE = MAPS
"""In a model's folder: language -> (width, width), float16, with the layer in its metadata."""
PIVOT = "en"


@dataclass(frozen=True, slots=True, eq=False)
class ProcrustesMaps:
    """The orthogonal map W (width, width) of each language: W x lies near the pivot's y.

    `facts` says how they were fitted: layer, pivot, shrinkage, sentences, links by language.
    """

    layer: int
    maps: Mapping[str, np.ndarray]
    facts: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def __contains__(self, lang: str) -> bool:
        return lang == PIVOT or lang in self.maps

    def apply(self, lang: str, states: np.ndarray) -> np.ndarray:
        """Maps states of `lang` without their mean into the pivot's space. Shape: (units,
        width).
        """
        return states if lang == PIVOT else states @ self.maps[lang].T


def rotation(cross: np.ndarray, shrinkage: float = 0.0) -> np.ndarray:
    """Returns W = U V' of the SVD U S V' of C + k I, where C sums y x' over linked pairs and k =
    shrinkage * mean(S).

    W minimises sum |W x - y|^2 + k |W - I|^2 over the orthogonal matrices. `shrinkage` >= 0 is in
    units of C's mean singular value: 0 is plain Procrustes, infinity the identity.

    Shape: `cross` (width, width), rows of y, columns of x -> (width, width).
    """
    if not shrinkage >= 0:
        raise ValueError(f"shrinkage is {shrinkage}; expected a number from 0")
    width = len(cross)
    if np.isinf(shrinkage):
        return np.eye(width)
    cross = np.asarray(cross, dtype=np.float64)
    if shrinkage > 0:
        mean = np.linalg.svd(cross, compute_uv=False).mean()
        cross = cross + shrinkage * mean * np.eye(width)
    left, _, right = np.linalg.svd(cross)
    return left @ right


def write_maps(fitted: ProcrustesMaps, folder: Path) -> Path:
    """Writes the maps in float16 and returns the file."""
    path = folder / PROCRUSTES_FILE
    tensors = {lang: matrix.astype(np.float16) for lang, matrix in fitted.maps.items()}
    notes = {"layer": fitted.layer, "pivot": PIVOT, "facts": dict(fitted.facts)}
    # One key: the order of several is not kept, and the same maps would have another checksum.
    save_file(tensors, path, metadata={"maps": json.dumps(notes, sort_keys=True)})
    path.chmod(0o644)
    return path


def procrustes_maps(folder: Path | None) -> ProcrustesMaps | None:
    """Returns the maps stored in a model's folder, None where there are none.

    Raises DamagedFileError where the file can't be read.
    """
    path = (folder or Path()) / PROCRUSTES_FILE
    if folder is None or not path.exists():
        return None
    return _read(path, file_stamp(path))


@lru_cache(maxsize=16)
def _read(path: Path, _stamp: Stamp | None) -> ProcrustesMaps:
    try:
        with safe_open(path, framework="numpy") as file:
            notes = json.loads(file.metadata()["maps"])
            maps = {lang: file.get_tensor(lang).astype(np.float32) for lang in file.keys()}  # noqa: SIM118
        return ProcrustesMaps(int(notes["layer"]), maps, notes["facts"])
    except (OSError, SafetensorError, TypeError, KeyError, ValueError) as error:
        raise DamagedFileError(f"{path} is not a file of maps; restore or fit it again") from error
