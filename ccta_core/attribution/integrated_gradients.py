"""Layer integrated gradients (Sundararajan, Taly, Yan, 2017) along the path at one layer."""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial

import numpy as np

from ccta_core.attribution.objective import output_of
from ccta_core.attribution.protocol import Request, Scores, Stop, never
from ccta_core.attribution.quadrature import (
    AdaptivePath,
    Node,
    Schedule,
    completeness_error,
    estimate_of,
    fixed_points,
)
from ccta_core.attribution.rates import Path, Row, rates, values
from ccta_core.attribution.readings import baselines
from ccta_core.attribution.schedule import schedule_of
from ccta_core.config import Config
from ccta_core.models.model import Encoded, Model


def layer_integrated_gradients(
    model: Model, requests: Sequence[Request], config: Config, stop: Stop = never
) -> list[Scores]:
    """Integrates gradients from the baseline's activations to the input's at `config.layer`."""
    layer, kind = config.layer, config.baseline
    lacking = [request.encoded for request in requests if request.baseline is None]
    computed = iter(baselines(model, lacking, [layer], kind=kind))
    paths = []
    for request in requests:
        baseline = request.baseline or next(computed)
        start = baseline.states[layer]
        paths.append(
            Path(
                encoded=request.encoded,
                baseline=start,
                delta=request.states - start,
                target=request.target,
                f_baseline=output_of(baseline.logits, request.target, config.objective),
                f_input=output_of(request.logits, request.target, config.objective),
            )
        )
    return integrate(model, paths, config, stop)


def integrate(
    model: Model, paths: Sequence[Path], config: Config, stop: Stop = never
) -> list[Scores]:
    """Computes a_t = sum_d (h - h')[t,d] * ∫ dF(h' + α (h - h'))/dh[t,d] dα for every path,
    batched.

    Items that have not converged go on together; the others cost nothing more. F at the two ends is
    in float32 whatever the precision. Raises StoppedError within one batch of `stop` turning true.
    """
    ends = _path_ends(model, paths, config, stop)
    schedule = schedule_of(model.info, config.layer, config.precision)
    if config.quadrature.rule != "adaptive":
        return _fixed_scores(model, paths, ends, config, stop)
    integrals = [
        AdaptivePath(config.quadrature, schedule, partial(unit_masses, path.encoded), end)
        for path, end in zip(paths, ends, strict=True)
    ]
    while rows := [
        (index, point) for index, integral in enumerate(integrals) for point in integral.wanted()
    ]:
        nodes: dict[int, dict[float, Node]] = defaultdict(dict)
        for (index, point), node in rates(model, paths, rows, config, stop):
            nodes[index][point] = node
        for index, new in nodes.items():
            integrals[index].feed(new)
    return [_adaptive_scores(integral, config) for integral in integrals]


def unit_masses(encoded: Encoded, scores: np.ndarray) -> np.ndarray:
    """Returns |a| of the units, summing to 1 (uniform where all are 0). Shape: (units,)."""
    sums = np.abs(unit_sums(encoded, scores))
    total = sums.sum()
    return sums / total if total > 0 else np.full(len(sums), 1 / len(sums))


def unit_sums(encoded: Encoded, scores: np.ndarray) -> np.ndarray:
    """Sums over each unit's subwords, in order. Shape: (tokens, ...) -> (units, ...)."""
    members = [group for segment in encoded.maps for group in segment.members]
    return np.stack([scores[list(group)].sum(0) for group in members])


def unit_means(encoded: Encoded, states: np.ndarray) -> np.ndarray:
    """Returns the mean state of each unit's subwords, in order. (tokens, width) -> (units,
    width).
    """
    return unit_sums(encoded, states) / unit_sums(encoded, np.ones(encoded.length))[:, None]


def _path_ends(
    model: Model, paths: Sequence[Path], config: Config, stop: Stop
) -> list[tuple[float, float]]:
    """Returns F at every baseline and input; where no forward pass has given it, it is computed
    in float32.
    """
    ends = [(path.f_baseline, path.f_input) for path in paths]
    rows: list[Row] = [
        (index, float(end))
        for index, pair in enumerate(ends)
        for end in (0, 1)
        if pair[end] is None
    ]
    computed = values(model, paths, rows, config, stop) if rows else {}
    return [
        (
            computed[index, 0.0] if start is None else start,
            computed[index, 1.0] if end is None else end,
        )
        for index, (start, end) in enumerate(ends)
    ]


def _promised_bound(bound: float | None, config: Config) -> float | None:
    """Returns the bound on the error of the masses, or None where none can be promised.

    From the zero vector a layer norm forgets the scale of its input, so that F may rise in one step
    at the very beginning that no point sees: on random encoders without biases the bound held for
    0 of 24 paths while every one of them was within the tolerance.
    """
    return None if config.baseline == "zero" else bound


def _adaptive_scores(integral: AdaptivePath, config: Config) -> Scores:
    total = integral.estimate.total
    f_baseline, f_input = integral.ends
    bound = _promised_bound(integral.estimate.mass_error, config)
    return Scores(
        scores=total,
        vectors=integral.vectors(),
        f_input=f_input,
        f_baseline=f_baseline,
        completeness_error=completeness_error(total, f_input - f_baseline),
        mass_error=bound,
        converged=bound is not None and integral.converged,
        evaluations=integral.evaluations,
        precision=config.precision,
    )


def _fixed_scores(
    model: Model,
    paths: Sequence[Path],
    ends: Sequence[tuple[float, float]],
    config: Config,
    stop: Stop,
) -> list[Scores]:
    """Evaluates exactly the rule's points; the error is estimated as for refined points."""
    settings = config.quadrature
    points, weights = fixed_points(settings.rule, settings.points)
    places = tuple(points.tolist())
    rows: list[Row] = [(index, point) for index in range(len(paths)) for point in places]
    nodes = dict(rates(model, paths, rows, config, stop))
    factor = schedule_of(model.info, config.layer, config.precision).factor
    even = Schedule(stretch=0.0, first=settings.points, factor=factor)
    results = []
    for index, (path, end) in enumerate(zip(paths, ends, strict=True)):
        walked = [nodes[index, point] for point in places]
        scores = weights @ np.stack([node.rates for node in walked])
        vectors = [node.vectors for node in walked if node.vectors is not None]
        masses = partial(unit_masses, path.encoded)
        bound = _promised_bound(estimate_of(places, walked, end, even, masses).mass_error, config)
        results.append(
            Scores(
                scores=scores,
                vectors=np.tensordot(weights, np.stack(vectors), 1) if vectors else None,
                f_input=end[1],
                f_baseline=end[0],
                completeness_error=completeness_error(scores, end[1] - end[0]),
                mass_error=bound,
                converged=bound is not None and bound <= settings.tolerance,
                evaluations=len(walked),
                precision=config.precision,
            )
        )
    return results
