"""Dense reference curves of F along the path, and what a rule would make of them."""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from ccta_core.attribution.integrated_gradients import unit_masses
from ccta_core.attribution.quadrature import (
    AdaptivePath,
    Node,
    completeness_error,
    fixed_points,
    interval_weights,
)
from ccta_core.attribution.rates import rates
from ccta_core.config import Quadrature

POINTS = 257
STEPS = (4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 50, 60, 70, 80, 100, 120, 140, 160, 200)
TOLERANCES = (
    *(0.3, 0.2, 0.15, 0.1, 0.08, 0.06, 0.05, 0.04, 0.03, 0.025, 0.02, 0.015, 0.01, 0.008, 0.006),
    *(0.005, 0.004, 0.003, 0.0025, 0.002, 0.0015, 0.001, 0.0007, 0.0005, 0.0003),
)


@dataclass(frozen=True)
class Curve:
    """F and all tokens' rates of one item on 257 even points."""

    values: CubicSpline
    rates: CubicSpline
    encoded: object
    masses: np.ndarray

    @property
    def rise(self):
        return float(self.values(1.0) - self.values(0.0))


def dense_curves(model, paths, config):
    grid = np.linspace(0, 1, POINTS).tolist()
    weights = interval_weights(tuple(grid)).sum(0)
    curves = []
    for path in paths:
        found = dict(rates(model, [path], [(0, p) for p in grid], config, lambda: False))
        nodes = [found[0, point] for point in grid]
        slopes = np.stack([node.rates for node in nodes])
        curves.append(
            Curve(
                CubicSpline(grid, [node.value for node in nodes]),
                CubicSpline(grid, slopes),
                path.encoded,
                unit_masses(path.encoded, weights @ slopes),
            )
        )
    return curves


def steps_for(curves, target, method):
    """The fewest steps whose mean completeness error is at most `target`, or None."""
    rule = {"gausslegendre": "gauss", "riemann_middle": "midpoint"}[method]
    for steps in STEPS:
        points, weights = fixed_points(rule, steps)
        errors = [completeness_error(weights @ one.rates(points), one.rise) for one in curves]
        if np.mean(errors) <= target:
            return steps
    return None


def tolerance_for(curves, target):
    """The loosest tolerance at which the adaptive rule's mean error is at most `target`."""
    for tolerance in TOLERANCES:
        settings = Quadrature(tolerance=tolerance, mass_tolerance=0.99)
        if np.mean([_adaptive_error(one, settings) for one in curves]) <= target:
            return settings
    return None


def _adaptive_error(curve, settings):
    path = AdaptivePath(settings, lambda scores: unit_masses(curve.encoded, scores))
    while wanted := path.wanted():
        path.feed({p: Node(float(curve.values(p)), curve.rates(p)) for p in wanted})
    return completeness_error(path.total(), path.difference)
