"""The path integral on stretched midpoints, refined until the error of the masses is small.

F is nearly flat at both ends of the path and moves in between. The path is therefore walked in a
variable u with alpha(u) = 1/2 + sinh(k (2u - 1)) / (2 sinh k), whose even points lie closer in the
middle, and a cubic spline through the points is integrated in u [ours]. On even points that is the
midpoint rule to within its own error, which converges spectrally for an integrand that is flat at
both ends; where points were added it is of fourth order.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.interpolate import CubicSpline

from ccta_core.config import Quadrature

_WORST_SHARE = 0.5
"""Gaps with at least this share of the worst one's error are halved in one round."""
_CURVATURE_SHARE = 0.1
"""The part of |spline - trapezoid| that counts as a gap's error where completeness shows less:
errors of tokens can cancel in the sum. A trial on 72 items found the same points with and without
it, so that it costs nothing where nothing cancels."""
_HIDDEN_SHARE = 0.25
"""The part of S that D counts as at least: where F moves between two points that both halves miss,
the halves agree and the residual alone shows it."""
_CANCELLED_SHARE = 0.01
"""The part of D that S counts as at least, likewise: errors of tokens that cancel leave no
residual."""
_STRAIGHT = 1e-6
"""A stretch below this is none: alpha(u) differs from u by less than a rounding, and the quotient
of two sinh of the smallest numbers is not what it stands for."""
_FARTHEST = 2.0
"""The L1 distance of two distributions that share no unit."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """How the paths of one model at one layer are walked (`attribution.schedule`).

    `stretch` is k above, 0 for alpha = u; `first` how many points the first round has; `factor` is
    c of the error bound c * sqrt(D * S), calibrated so that nine results in ten lie within it.
    `rounds` None: as many rounds as it takes, in which the worst gaps are halved. A number: at most
    so many, in which every gap is halved; what rounding adds in bfloat16 is everywhere alike.
    """

    stretch: float
    first: int
    factor: float
    rounds: int | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """F at one point of the path and every token's contribution to dF/dα there.

    Shape: `rates` (tokens,); `vectors` (tokens, width), the products before they are summed.
    """

    value: float
    rates: np.ndarray
    vectors: np.ndarray | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """The integral through some points and what is known of its error.

    Shape: `total` (tokens,), `gap_errors` (points + 1,) in L1 over tokens. `mass_error` bounds the
    L1 error of the unit masses in nine results of ten; None below four points.
    """

    total: np.ndarray
    gap_errors: np.ndarray
    mass_error: float | None


class AdaptivePath:
    """The integral of one item: says which points it needs next and when it is done.

    `mass_of` turns summed contributions (tokens,) into unit masses; `ends` holds F at the baseline
    and at the input.
    """

    def __init__(
        self,
        settings: Quadrature,
        schedule: Schedule,
        mass_of: Callable[[np.ndarray], np.ndarray],
        ends: tuple[float, float],
    ) -> None:
        self._settings = settings
        self._schedule = schedule
        self._mass_of = mass_of
        self._nodes: dict[float, Node] = {}
        first = min(schedule.first, settings.max_points)
        self._next: list[float] = ((np.arange(first) + 0.5) / first).tolist()
        self._round = 0
        self._estimate: Estimate | None = None
        self.ends = ends
        self.done = False

    @property
    def evaluations(self) -> int:
        """How many points have been evaluated."""
        return len(self._nodes)

    @property
    def estimate(self) -> Estimate:
        """The present estimate; there is none before the first nodes were fed."""
        if self._estimate is None:
            raise AssertionError("no node was fed yet")
        return self._estimate

    @property
    def converged(self) -> bool:
        """Whether the bound on the error of the masses is within the tolerance."""
        bound = self.estimate.mass_error
        return bound is not None and bound <= self._settings.tolerance

    def wanted(self) -> list[float]:
        """Returns the points of the path (alpha) to evaluate next, in order; none when it is
        done.
        """
        points = stretched(np.array(self._next), self._schedule.stretch).points
        return [] if self.done else points.tolist()

    def feed(self, nodes: Mapping[float, Node]) -> None:
        """Takes the nodes at the wanted points; then asks for more or declares itself done."""
        for place, point in zip(self._next, self.wanted(), strict=True):
            self._nodes[place] = nodes[point]
        places = tuple(sorted(self._nodes))
        ordered = [self._nodes[place] for place in places]
        self._estimate = estimate_of(
            places, ordered, self.ends, self._schedule, self._mass_of, self._estimate
        )
        self._round += 1
        room = self._settings.max_points - self.evaluations
        self.done = self.converged or room < 1 or self._round == self._schedule.rounds
        self._next = [] if self.done else self._worst_middles(places, room)

    def vectors(self) -> np.ndarray | None:
        """Returns the present estimate before it is summed over the width; None without vectors.

        Shape: (tokens, width).
        """
        places = tuple(sorted(self._nodes))
        kept = [self._nodes[place].vectors for place in places]
        vectors = [vector for vector in kept if vector is not None]
        if not vectors:
            return None
        slopes = stretched(np.array(places), self._schedule.stretch).slopes
        return np.tensordot(interval_weights(places).sum(0) * slopes, np.stack(vectors), 1)

    def _worst_middles(self, places: tuple[float, ...], room: int) -> list[float]:
        """Returns the middles of the gaps with the largest errors, at most `room`, in order."""
        errors = self.estimate.gap_errors
        order = np.argsort(-errors, kind="stable")
        share = _WORST_SHARE if self._schedule.rounds is None else 0.0
        worst = order[errors[order] >= share * errors[order[0]]][:room]
        edges = (0.0, *places, 1.0)
        return sorted((edges[gap] + edges[gap + 1]) / 2 for gap in worst.tolist())


def estimate_of(  # noqa: PLR0913 - what is integrated, how, and what was known before
    places: tuple[float, ...],
    nodes: list[Node],
    ends: tuple[float, float],
    schedule: Schedule,
    mass_of: Callable[[np.ndarray], np.ndarray],
    before: Estimate | None = None,
) -> Estimate:
    """Returns the integral through nodes at `places` (u, ascending) and the bound on its masses'
    error.

    The total derivative integrates to a difference of F over any piece, so that the residual of
    completeness of every gap between neighbouring points is known at no cost. With S the sum of the
    gaps' errors over sum |a|, and D the L1 distance between the masses from the odd and from the
    even points alone, or to those of the round `before` where that is more, the bound is factor *
    sqrt(D * S) [ours; docs/decisions/0002], and at least the residual of completeness over sum |a|.
    """
    points = np.array(places)
    slopes = stretched(points, schedule.stretch).slopes
    integrand = np.stack([node.rates for node in nodes]) * slopes[:, None]
    pieces = interval_weights(places) @ integrand
    total = pieces.sum(0)
    values = np.array([ends[0], *(node.value for node in nodes), ends[1]])
    residuals = np.abs(pieces.sum(1) - np.diff(values))
    curvature = np.abs(pieces - _trapezoid_weights(points) @ integrand).sum(1)
    gap_errors = np.maximum(residuals, _CURVATURE_SHARE * curvature)
    if len(places) < 4:
        return Estimate(total, gap_errors, None)
    scale = float(np.abs(total).sum())
    if scale == 0:
        return Estimate(total, gap_errors, 0.0 if not gap_errors.any() else _FARTHEST)
    odd, even = (mass_of(_cell_widths(points[n::2]) @ integrand[n::2]) for n in (0, 1))
    distance = float(np.abs(odd - even).sum())
    if before is not None:
        distance = max(distance, float(np.abs(mass_of(total) - mass_of(before.total)).sum()))
    share = float(gap_errors.sum()) / scale
    product = max(distance, _HIDDEN_SHARE * share) * max(share, _CANCELLED_SHARE * distance)
    completeness = abs(float(total.sum()) - (ends[1] - ends[0])) / scale
    bound = max(schedule.factor * float(np.sqrt(product)), completeness)
    return Estimate(total, gap_errors, bound)


class StretchedPoints(NamedTuple):
    """Points of the path, alpha(u), and dalpha/du at them. Shape: (points,) each."""

    points: np.ndarray
    slopes: np.ndarray


def stretched(places: np.ndarray, stretch: float) -> StretchedPoints:
    """alpha(u) = 1/2 + sinh(k (2u - 1)) / (2 sinh k) and dalpha/du at `places`; k = 0, or as good
    as that, changes nothing.

    Shape: (points,) -> (points,) each.
    """
    if abs(stretch) < _STRAIGHT:
        return StretchedPoints(places, np.ones_like(places))
    # sinh is least steep at 0: even steps of u are short steps of alpha around 1/2, where F moves,
    # and long ones towards both ends, where it is nearly flat. Both signs of 2u - 1 are treated
    # alike, and alpha(0) = 0, alpha(1) = 1 hold exactly.
    across = stretch * (2 * places - 1)
    return StretchedPoints(
        0.5 + np.sinh(across) / (2 * np.sinh(stretch)),
        stretch * np.cosh(across) / np.sinh(stretch),
    )


@lru_cache(maxsize=512)
def interval_weights(places: tuple[float, ...]) -> np.ndarray:
    """Weights that integrate the cubic spline (not-a-knot) through `places` over [0, first], every
    gap between two neighbours, and [last, 1]; its first and last piece go on to the ends.

    Shape: (points + 1, points).
    """
    if len(places) == 1:
        return np.array([[places[0]], [1 - places[0]]])
    primitive = CubicSpline(places, np.eye(len(places))).antiderivative()
    return np.diff(primitive(np.array([0.0, *places, 1.0])), axis=0)


def completeness_error(total: np.ndarray, difference: float) -> float:
    """|sum a - difference| / max(|difference|, 0.01 sum |a|); 0 where both are 0."""
    scale = max(abs(difference), 0.01 * float(np.abs(total).sum()))
    gap = abs(float(total.sum()) - difference)
    return gap / scale if scale > 0 else 0.0


class FixedPoints(NamedTuple):
    """A rule of integration over [0, 1]. Shape: (points,) each."""

    points: np.ndarray
    weights: np.ndarray


def fixed_points(rule: str, count: int) -> FixedPoints:
    """Returns the rule `gauss` (Gauss-Legendre) or `midpoint` with so many points."""
    if rule == "gauss":
        points, weights = np.polynomial.legendre.leggauss(count)
        return FixedPoints((points + 1) / 2, weights / 2)
    return FixedPoints((np.arange(count) + 0.5) / count, np.full(count, 1 / count))


def _trapezoid_weights(places: np.ndarray) -> np.ndarray:
    """Weights of the trapezoid rule over the pieces of `interval_weights`, constant towards the
    ends. Shape: (points + 1, points).
    """
    count = len(places)
    weights = np.zeros((count + 1, count))
    inner = np.arange(count - 1)
    weights[inner + 1, inner] = weights[inner + 1, inner + 1] = np.diff(places) / 2
    weights[0, 0], weights[count, count - 1] = places[0], 1 - places[-1]
    return weights


def _cell_widths(places: np.ndarray) -> np.ndarray:
    """Returns the length of [0, 1] that is nearer to each place than to the others. Shape:
    (points,).
    """
    return np.diff(np.concatenate([[0.0], (places[1:] + places[:-1]) / 2, [1.0]]))
