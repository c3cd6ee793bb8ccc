"""Nested adaptive quadrature on [0, 1] whose local error is known, not guessed.

Along the path, the total derivative integrates to F(end) - F(begin) exactly over any piece: each
interval's residual of completeness is known at no cost. The intervals where it is large are halved,
every point is kept, and a cubic spline through all of them is integrated [ours]: on even points
that is the trapezoid rule with end corrections, which F's short rise between flat ends suits.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.interpolate import CubicSpline

from ccta_core.config import Quadrature

_FIRST = 7
"""Points of the first level; every other one of them is the level before it."""
_WORST_SHARE = 0.5
"""Intervals with at least this share of the worst one's error are halved in one round; after the
first level all are, since a feature between seven points can hide."""


@dataclass(frozen=True, slots=True)
class Node:
    """F at one point of the path and every token's contribution to dF/dα there.

    Shape: `rates` (tokens,); `vectors` (tokens, width), the products before they are summed.
    """

    value: float
    rates: np.ndarray
    vectors: np.ndarray | None = None


class AdaptivePath:
    """The integral of one item: says which points it needs next and when it is done.

    `mass_of` turns summed contributions (tokens,) into the masses whose movement is watched;
    `ends` holds F at the baseline and at the input where it is known better than by the nodes.
    """

    def __init__(
        self,
        settings: Quadrature,
        mass_of: Callable[[np.ndarray], np.ndarray],
        ends: tuple[float, float] | None = None,
    ) -> None:
        self._settings = settings
        self._mass_of = mass_of
        self._ends = ends
        self._nodes: dict[float, Node] = {}
        self._points: tuple[float, ...] = ()
        self._wanted = [index / (_FIRST - 1) for index in range(_FIRST)]
        self.done = False
        self.converged = False
        self.mass_shift = float("inf")

    @property
    def evaluations(self) -> int:
        """How many points have been evaluated."""
        return len(self._nodes)

    def wanted(self) -> list[float]:
        """The points to evaluate next, in order."""
        return self._wanted

    def feed(self, nodes: Mapping[float, Node]) -> None:
        """Takes the nodes at the wanted points; then refines further or declares itself done."""
        self._nodes.update(nodes)
        old, self._points = self._points, tuple(sorted(self._nodes))
        old = old or self._points[::2]
        rates = np.stack([self._nodes[point].rates for point in self._points])
        pieces, coarse = interval_weights(self._points) @ rates, self._level(old)
        total = pieces.sum(0)
        self.mass_shift = float(np.abs(self._mass_of(total) - self._mass_of(coarse.sum(0))).sum())
        self.converged = (
            completeness_error(total, self.difference) <= self._settings.tolerance
            and self.mass_shift <= self._settings.mass_tolerance
        )
        room = self._settings.max_points - self.evaluations
        self.done = self.converged or room < 1
        self._wanted = [] if self.done else self._refined(self._errors(pieces, coarse, old), room)

    def total(self) -> np.ndarray:
        """The present estimate of the integral. Shape: (tokens,)."""
        return self._level(self._points).sum(0)

    @property
    def ends(self) -> tuple[float, float]:
        """F at the baseline and at the input."""
        return self._ends or (self._nodes[0.0].value, self._nodes[1.0].value)

    @property
    def difference(self) -> float:
        """F(input) - F(baseline)."""
        baseline, value = self.ends
        return value - baseline

    def vectors(self) -> np.ndarray | None:
        """The present estimate before it is summed over the width; None without vectors.

        Shape: (tokens, width).
        """
        kept = [self._nodes[point].vectors for point in self._points]
        found = [vectors for vectors in kept if vectors is not None]
        if not found:
            return None
        return np.tensordot(list(self.weights().values()), np.stack(found), 1)

    def weights(self) -> dict[float, float]:
        """Each point's weight in the present estimate; they sum to 1."""
        shares = interval_weights(self._points).sum(0).tolist()
        return dict(zip(self._points, shares, strict=True))

    def _level(self, points: tuple[float, ...]) -> np.ndarray:
        """The integral over each interval between `points`. Shape: (intervals, tokens)."""
        rates = np.stack([self._nodes[point].rates for point in points])
        return interval_weights(points) @ rates

    def _errors(self, pieces: np.ndarray, coarse: np.ndarray, old: tuple[float, ...]) -> np.ndarray:
        """Each interval's error in L1 over tokens: its residual of completeness, which is exact for
        the sum, or the change that halving made, whichever is larger (residuals can cancel).

        Halving divides the error of a cubic rule by 16 (Richardson): 1/15 of the change is left,
        half of it on each side. Shape: (intervals,).
        """
        values = np.array([self._nodes[point].value for point in self._points])
        residual = np.abs(pieces.sum(1) - np.diff(values))
        home = np.searchsorted(old, self._points[:-1], side="right") - 1
        whole = np.zeros_like(coarse)
        np.add.at(whole, home, pieces)
        halved = np.bincount(home, minlength=len(coarse)) > 1
        change = np.abs(whole - coarse).sum(1) * halved / 30
        return np.maximum(residual, change[home])

    def _refined(self, errors: np.ndarray, room: int) -> list[float]:
        """The middles of the worst intervals."""
        share = _WORST_SHARE if self.evaluations > _FIRST else 0.0
        order = np.argsort(-errors, kind="stable")
        worst = order[errors[order] >= share * errors[order[0]]][:room]
        ends = self._points
        return sorted((ends[index] + ends[index + 1]) / 2 for index in worst.tolist())


@lru_cache(maxsize=512)
def interval_weights(points: tuple[float, ...]) -> np.ndarray:
    """Weights that integrate the cubic spline (not-a-knot) over each interval between `points`.

    Shape: (points - 1, points).
    """
    spline = CubicSpline(points, np.eye(len(points)))
    primitive = spline.antiderivative()(np.array(points))
    return np.diff(primitive, axis=0)


def completeness_error(total: np.ndarray, difference: float) -> float:
    """|sum a - difference| / max(|difference|, 0.01 sum |a|); 0 where both are 0."""
    scale = max(abs(difference), 0.01 * float(np.abs(total).sum()))
    gap = abs(float(total.sum()) - difference)
    return gap / scale if scale > 0 else 0.0


def fixed_points(rule: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights on [0, 1] of `gauss` (Gauss-Legendre) or `midpoint`."""
    if rule == "gauss":
        points, weights = np.polynomial.legendre.leggauss(count)
        return (points + 1) / 2, weights / 2
    return (np.arange(count) + 0.5) / count, np.full(count, 1 / count)
