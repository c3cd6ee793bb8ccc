"""The first two principal components of vectors, fitted once for whatever is shown on them."""

from dataclasses import dataclass
from typing import Self

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """Two orthonormal directions through a mean.

    Shape: `mean` (width,), `axes` (2, width); `explained` (2,), each direction's share of the
    variance of the vectors that it was fitted on, in [0, 1].
    """

    mean: np.ndarray
    axes: np.ndarray
    explained: np.ndarray

    @classmethod
    def fit(cls, vectors: np.ndarray) -> Self:
        """Returns the first two principal components of vectors; their signs are the SVD's.

        Shape: `vectors` (vectors, width). Raises ValueError on fewer than three vectors, which
        have no plane, and on vectors without variance.
        """
        if len(vectors) < 3:
            raise ValueError(f"{len(vectors)} vectors have no plane; expected three or more")
        mean = vectors.mean(0)
        _, spread, axes = np.linalg.svd(vectors - mean, full_matrices=False)
        total = float((spread**2).sum())
        if not total > 0:
            raise ValueError("the vectors are all the same: they have no variance to show")
        return cls(mean, axes[:2], spread[:2] ** 2 / total)

    def turned(self) -> Self:
        """Returns the same plane with the largest loading of each direction positive.

        A component has no sign of its own: so one fitted anew on another machine is not mirrored.
        """
        largest = self.axes[np.arange(2), np.abs(self.axes).argmax(1)]
        return type(self)(self.mean, self.axes * np.sign(largest)[:, None], self.explained)

    def project(self, vectors: np.ndarray) -> np.ndarray:
        """Returns coordinates on the plane. Shape: (vectors, width) -> (vectors, 2)."""
        projected: np.ndarray = (vectors - self.mean) @ self.axes.T
        return projected

    def share(self, vectors: np.ndarray) -> float:
        """Returns the share of the vectors' variance that lies on the plane, in [0, 1]."""
        spread = vectors - vectors.mean(0)
        return float(np.square(spread @ self.axes.T).sum() / np.square(spread).sum())
