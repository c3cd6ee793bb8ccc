"""Layer integrated gradients (Sundararajan, Taly, Yan, 2017) along the path at one layer."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from ccta_core.attribution.protocol import Request, Scores, Stop, never
from ccta_core.attribution.quadrature import AdaptivePath, Node, completeness_error, fixed_points
from ccta_core.attribution.rates import Path, Row, rates, values
from ccta_core.attribution.readings import baseline_states
from ccta_core.config import Config
from ccta_core.models.model import Encoded, Model

_HALF_POINTS = 33
"""An item that bfloat16 leaves unconverged at so many points is done again in float32."""


def layer_integrated_gradients(
    model: Model, requests: Sequence[Request], config: Config, stop: Stop = never
) -> list[Scores]:
    """Integrated gradients from the baseline's activations to the input's at `config.layer`."""
    lacking = [one.encoded for one in requests if one.baseline is None]
    made = iter(baseline_states(model, lacking, [config.layer], kind=config.baseline))
    starts = [
        next(made)[config.layer] if one.baseline is None else one.baseline for one in requests
    ]
    paths = [
        Path(one.encoded, start, one.states - start, one.target)
        for one, start in zip(requests, starts, strict=True)
    ]
    return integrate(model, paths, config, stop)


def integrate(
    model: Model, paths: Sequence[Path], config: Config, stop: Stop = never
) -> list[Scores]:
    """a_t = sum_d (h - h')[t,d] * ∫ dF(h' + α (h - h'))/dh[t,d] dα for every path, batched.

    Items that have not converged go on together; the others cost nothing more. In bfloat16 the
    completeness error is taken against F in float32, and items it leaves above the tolerance are
    integrated again in float32. Raises StoppedError within one batch of `stop` turning true.
    """
    if config.quadrature.rule != "adaptive":
        return _fixed(model, paths, config, stop)
    if config.precision == "fp32":
        return _adaptive(model, paths, config, stop)
    half = replace(config.quadrature, max_points=min(_HALF_POINTS, config.quadrature.max_points))
    found = _adaptive(model, paths, replace(config, quadrature=half), stop)
    again = [index for index, scores in enumerate(found) if not scores.converged]
    full = replace(config, precision="fp32")
    for index, scores in zip(
        again, _adaptive(model, [paths[index] for index in again], full, stop), strict=True
    ):
        spent = scores.evaluations + found[index].evaluations
        found[index] = replace(scores, evaluations=spent)
    return found


def unit_masses(encoded: Encoded, scores: np.ndarray) -> np.ndarray:
    """|a| of the units, summing to 1 (uniform where all are 0). Shape: (units,)."""
    sums = np.abs(unit_sums(encoded, scores))
    total = sums.sum()
    return sums / total if total > 0 else np.full(len(sums), 1 / len(sums))


def unit_sums(encoded: Encoded, scores: np.ndarray) -> np.ndarray:
    """Sums over each unit's subwords, in order. Shape: (tokens, ...) -> (units, ...)."""
    members = [group for found in encoded.maps for group in found.members]
    return np.stack([scores[list(group)].sum(0) for group in members])


def unit_means(encoded: Encoded, states: np.ndarray) -> np.ndarray:
    """The mean state of each unit's subwords, in order. (tokens, width) -> (units, width)."""
    return unit_sums(encoded, states) / unit_sums(encoded, np.ones(encoded.length))[:, None]


def _adaptive(model: Model, paths: Sequence[Path], config: Config, stop: Stop) -> list[Scores]:
    ends = _exact_ends(model, paths, config, stop)
    integrals = [
        AdaptivePath(config.quadrature, partial(unit_masses, path.encoded), end)
        for path, end in zip(paths, ends, strict=True)
    ]
    while rows := [(at, p) for at, item in enumerate(integrals) for p in item.wanted()]:
        nodes: dict[int, dict[float, Node]] = defaultdict(dict)
        for (index, point), node in rates(model, paths, rows, config, stop):
            nodes[index][point] = node
        for index, found in nodes.items():
            integrals[index].feed(found)
    return [_finished(item, config) for item in integrals]


def _exact_ends(
    model: Model, paths: Sequence[Path], config: Config, stop: Stop
) -> list[tuple[float, float] | None]:
    """F at the baseline and at the input in float32, where the nodes are less exact."""
    if config.precision == "fp32":
        return [None] * len(paths)
    rows: list[Row] = [(index, end) for index in range(len(paths)) for end in (0.0, 1.0)]
    found = values(model, paths, rows, config, stop)
    return [(found[index, 0.0], found[index, 1.0]) for index in range(len(paths))]


def _finished(item: AdaptivePath, config: Config) -> Scores:
    total = item.total()
    f_baseline, f_input = item.ends
    return Scores(
        scores=total,
        vectors=item.vectors(),
        f_input=f_input,
        f_baseline=f_baseline,
        completeness_error=completeness_error(total, f_input - f_baseline),
        mass_shift=item.mass_shift,
        converged=item.converged,
        evaluations=item.evaluations,
        precision=config.precision,
    )


def _fixed(model: Model, paths: Sequence[Path], config: Config, stop: Stop) -> list[Scores]:
    """Exactly the rule's points; F at the two ends is for the completeness error."""
    points, weights = fixed_points(config.quadrature.rule, config.quadrature.points)
    places = points.tolist()
    rows: list[Row] = [(index, point) for index in range(len(paths)) for point in places]
    found = dict(rates(model, paths, rows, config, stop))
    ends = [(index, end) for index in range(len(paths)) for end in (0.0, 1.0)]
    reached = values(model, paths, ends, config, stop)
    return [
        _weighted(
            [found[index, point] for point in places],
            weights,
            (reached[index, 0.0], reached[index, 1.0]),
            config,
        )
        for index in range(len(paths))
    ]


def _weighted(
    nodes: Sequence[Node], weights: np.ndarray, ends: tuple[float, float], config: Config
) -> Scores:
    scores = weights @ np.stack([node.rates for node in nodes])
    vectors = [node.vectors for node in nodes if node.vectors is not None]
    error = completeness_error(scores, ends[1] - ends[0])
    return Scores(
        scores=scores,
        vectors=np.tensordot(weights, np.stack(vectors), 1) if vectors else None,
        f_input=ends[1],
        f_baseline=ends[0],
        completeness_error=error,
        converged=error <= config.quadrature.tolerance,
        evaluations=len(nodes) + len(ends),
        precision=config.precision,
    )
