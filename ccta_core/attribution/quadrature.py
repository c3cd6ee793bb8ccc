"""Nested adaptive quadrature on [0, 1] whose local error is known, not guessed.

Along the path, the total derivative integrates to F(end) - F(begin) exactly over any piece: each
piece's residual of completeness is known at no cost. Pieces where it is large are halved, and every
point is kept. The rule is composite Simpson on a dyadic grid [ours].
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ccta_core.config import Quadrature


@dataclass(frozen=True, slots=True)
class Node:
    """F at one point of the path and every token's contribution to dF/dα there.

    Shape: `rates` is (tokens,).
    """

    value: float
    rates: np.ndarray


@dataclass(frozen=True, slots=True)
class _Panel:
    """One Simpson panel and its estimated error in L1 over tokens (infinite: not known yet)."""

    start: float
    width: float
    error: float = np.inf

    @property
    def points(self) -> tuple[float, float, float]:
        return self.start, self.start + self.width / 2, self.start + self.width

    def halves(self, error: float = np.inf) -> tuple["_Panel", "_Panel"]:
        half = self.width / 2
        return _Panel(self.start, half, error), _Panel(self.start + half, half, error)


class AdaptivePath:
    """The integral of one item: says which points it needs next and when it is done.

    `mass_of` turns summed contributions (tokens,) into the masses whose movement is watched.
    """

    def __init__(self, settings: Quadrature, mass_of: Callable[[np.ndarray], np.ndarray]) -> None:
        self._settings = settings
        self._mass_of = mass_of
        self._nodes: dict[float, Node] = {}
        self._panels: list[_Panel] = []
        self._halving = list(_Panel(0.0, 1.0).halves())
        self.done = False
        self.converged = False
        self.mass_shift = float("inf")

    @property
    def evaluations(self) -> int:
        """How many points have been evaluated."""
        return len(self._nodes)

    def wanted(self) -> list[float]:
        """The points to evaluate next, in order."""
        points = {p for panel in self._halving for half in panel.halves() for p in half.points}
        return sorted(points - self._nodes.keys())

    def feed(self, points: Sequence[float], nodes: Sequence[Node]) -> None:
        """Takes the evaluated points; then refines further or declares itself done."""
        self._nodes.update(zip(points, nodes, strict=True))
        before = self._sum([*self._panels, *self._halving])
        self._panels += [half for panel in self._halving for half in self._halved(panel)]
        total = self.total()
        self.mass_shift = float(np.abs(self._mass_of(total) - self._mass_of(before)).sum())
        self.converged = (
            completeness_error(total, self.difference) <= self._settings.tolerance
            and self.mass_shift <= self._settings.mass_tolerance
        )
        self.done = self.converged or not self._choose(total)

    def total(self) -> np.ndarray:
        """The present estimate of the integral. Shape: (tokens,)."""
        return self._sum(self._panels)

    @property
    def ends(self) -> tuple[float, float]:
        """F at the baseline and at the input."""
        return self._nodes[0.0].value, self._nodes[1.0].value

    @property
    def difference(self) -> float:
        """F(input) - F(baseline)."""
        baseline, value = self.ends
        return value - baseline

    def weights(self) -> dict[float, float]:
        """Each point's weight in the present estimate; they sum to 1."""
        weights = dict.fromkeys(sorted(self._nodes), 0.0)
        for panel in self._panels:
            for point, share in zip(panel.points, (1 / 6, 4 / 6, 1 / 6), strict=True):
                weights[point] += share * panel.width
        return weights

    def _sum(self, panels: Sequence[_Panel]) -> np.ndarray:
        return np.sum([self._simpson(panel) for panel in panels], axis=0)

    def _simpson(self, panel: _Panel) -> np.ndarray:
        first, middle, last = (self._nodes[point].rates for point in panel.points)
        return (first + 4 * middle + last) * (panel.width / 6)

    def _halved(self, panel: _Panel) -> tuple[_Panel, _Panel]:
        """The halves of a panel with their error: halving divides Simpson's error by 16
        (Richardson), so 1/15 of the change is left, half of it on each side.
        """
        change = float(np.abs(self._sum(panel.halves()) - self._simpson(panel)).sum())
        return panel.halves(change / 15 / 2)

    def _residual(self, panel: _Panel) -> float:
        first, _, last = panel.points
        exact = self._nodes[last].value - self._nodes[first].value
        return max(panel.error, abs(float(self._simpson(panel).sum()) - exact))

    def _choose(self, total: np.ndarray) -> bool:
        """Picks the panels to halve next, the worst first, until the rest is within tolerance.

        False when the budget of points is spent.
        """
        room = (self._settings.max_points - self.evaluations) // 2
        if room < 1:
            return False
        scale = max(abs(self.difference), 0.01 * float(np.abs(total).sum()))
        errors = np.array([self._residual(panel) for panel in self._panels])
        order = np.argsort(-errors, kind="stable")
        left = errors.sum() - np.cumsum(errors[order])
        enough = int(np.argmax(left <= 0.5 * self._settings.tolerance * scale)) + 1
        chosen = set(order[: min(enough, room)].tolist())
        self._halving = [panel for index, panel in enumerate(self._panels) if index in chosen]
        self._panels = [panel for index, panel in enumerate(self._panels) if index not in chosen]
        return True


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
