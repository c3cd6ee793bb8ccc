import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccta_core.attribution.quadrature import (
    AdaptivePath,
    Node,
    completeness_error,
    fixed_points,
)
from ccta_core.config import Quadrature


def mass_of(scores):
    return np.abs(scores) / max(np.abs(scores).sum(), 1e-300)


def run(value, rates, settings):
    """Integrates a known function; returns the path and every point it asked for."""
    path, asked = AdaptivePath(settings, mass_of), []
    while not path.done:
        points = path.wanted()
        asked += points
        path.feed({p: Node(value(p), rates(p)) for p in points})
    return path, asked


def bump(centre, width):
    """Two tokens whose rates move only near `centre`, as F does on trained models."""
    value = lambda p: np.tanh((p - centre) / width) + 0.3 * p  # noqa: E731
    slope = lambda p: (1 - np.tanh((p - centre) / width) ** 2) / width  # noqa: E731
    return value, lambda p: np.array([0.7 * slope(p) + 0.5, 0.3 * slope(p) - 0.2])


@settings(max_examples=60, deadline=None)
@given(st.floats(0.05, 0.95), st.floats(0.02, 0.5))
def test_it_converges_to_the_known_integral(centre, width):
    value, rates = bump(centre, width)
    path, asked = run(value, rates, Quadrature())
    rise = np.tanh((1 - centre) / width) - np.tanh(-centre / width)
    exact = np.array([0.7 * rise + 0.5, 0.3 * rise - 0.2])
    assert path.converged
    assert np.abs(path.total() - exact).sum() <= 0.03 * np.abs(exact).sum()
    assert len(asked) == len(set(asked)) == path.evaluations, "no point is evaluated twice"
    assert sum(path.weights().values()) == pytest.approx(1.0)


def test_a_tighter_tolerance_gets_closer_and_points_gather_where_f_moves():
    value, rates = bump(0.5, 0.03)
    loose, _ = run(value, rates, Quadrature(tolerance=0.02, mass_tolerance=0.05))
    tight, asked = run(value, rates, Quadrature(tolerance=1e-4, mass_tolerance=1e-4))
    exact = np.array([0.7 * 2 + 0.5, 0.3 * 2 - 0.2])
    assert np.abs(tight.total() - exact).sum() < np.abs(loose.total() - exact).sum()
    near = np.mean(np.abs(np.array(asked) - 0.5) < 0.15)
    assert near > 0.6


def test_it_stops_at_the_cap_and_says_so():
    value, rates = bump(0.5, 1e-4)
    path, _ = run(value, rates, Quadrature(max_points=33, tolerance=1e-6, mass_tolerance=1e-6))
    assert not path.converged
    assert path.evaluations <= 33


def test_cubics_are_exact_at_the_first_level():
    path, _ = run(lambda p: p**4, lambda p: np.array([4 * p**3, 0.0]), Quadrature())
    np.testing.assert_allclose(path.total(), [1.0, 0.0], atol=1e-12)
    assert path.evaluations == 7


def test_errors_that_cancel_in_the_sum_do_not_pass_as_converged():
    """The two tokens' errors cancel exactly, so completeness alone would accept the first level."""
    spike = lambda p: np.exp(-(((p - 0.53) / 0.02) ** 2)) / 0.0354  # noqa: E731
    path, _ = run(lambda p: p, lambda p: np.array([spike(p) + 0.5, 0.5 - spike(p)]), Quadrature())
    assert path.evaluations > 9
    np.testing.assert_allclose(path.total(), [1.5, -0.5], atol=0.05)


@pytest.mark.parametrize("rule", ["gauss", "midpoint"])
def test_fixed_rules_integrate_a_line_exactly(rule):
    points, weights = fixed_points(rule, 7)
    assert weights.sum() == pytest.approx(1)
    assert (points * weights).sum() == pytest.approx(0.5)


def test_completeness_error_follows_its_definition():
    assert completeness_error(np.array([1.0, 0.5]), 1.0) == pytest.approx(0.5)
    assert completeness_error(np.array([1.0, -1.0]), 0.0) == pytest.approx(0.0)
    assert completeness_error(np.array([1.0, -0.9]), 0.0) == pytest.approx(0.1 / 0.019)
    assert completeness_error(np.zeros(2), 0.0) == 0.0
