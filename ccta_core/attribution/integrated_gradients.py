"""Layer integrated gradients (Sundararajan, Taly, Yan, 2017) along the path at one layer."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from ccta_core.attribution.quadrature import AdaptivePath, Node, completeness_error, fixed_points
from ccta_core.attribution.readings import TOKEN_BUDGET, autocast, packed
from ccta_core.config import Config
from ccta_core.errors import StoppedError
from ccta_core.models.model import Encoded, Model, pad_batch


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """The straight line from a baseline's activations to the input's, and the class to explain.

    Shape: `baseline` and `delta` (input - baseline) are (tokens, width).
    """

    encoded: Encoded
    baseline: torch.Tensor
    delta: torch.Tensor
    class_index: int


@dataclass(frozen=True, slots=True, eq=False)
class Integral:
    """The integral over one path with its diagnostics.

    Shape: `scores` (tokens,), signed; `vectors` (tokens, width), only where norms were asked for.
    """

    scores: np.ndarray
    vectors: np.ndarray | None
    f_input: float
    f_baseline: float
    completeness_error: float
    mass_shift: float | None
    converged: bool
    evaluations: int


Stop = Callable[[], bool]
"""Asked between batches whether nobody waits for the result any more."""


def integrate(
    model: Model, paths: Sequence[Path], config: Config, stop: Stop = lambda: False
) -> list[Integral]:
    """a_t = sum_d (h - h')[t,d] * ∫ dF(h' + α (h - h'))/dh[t,d] dα for every path, batched.

    Items that have not converged go on together; the others cost nothing more. Raises StoppedError
    within one batch of `stop` turning true.
    """
    if config.quadrature.rule == "adaptive":
        return _adaptive(model, paths, config, stop)
    return _fixed(model, paths, config, stop)


def unit_masses(encoded: Encoded, scores: np.ndarray) -> np.ndarray:
    """|a| of the units, summing to 1 (uniform where all are 0). Shape: (units,)."""
    sums = np.abs(unit_sums(encoded, scores))
    total = sums.sum()
    return sums / total if total > 0 else np.full(len(sums), 1 / len(sums))


def unit_sums(encoded: Encoded, scores: np.ndarray) -> np.ndarray:
    """Sums over each unit's subwords, in order. Shape: (tokens, ...) -> (units, ...)."""
    members = [group for found in encoded.maps for group in found.members]
    return np.stack([scores[list(group)].sum(0) for group in members])


def _adaptive(model: Model, paths: Sequence[Path], config: Config, stop: Stop) -> list[Integral]:
    integrals = [
        AdaptivePath(config.quadrature, partial(unit_masses, path.encoded)) for path in paths
    ]
    vectors: list[dict[float, np.ndarray]] = [{} for _ in paths]
    while any(not item.done for item in integrals):
        rows = [
            (index, point)
            for index, item in enumerate(integrals)
            if not item.done
            for point in item.wanted()
        ]
        nodes: dict[int, tuple[list[float], list[Node]]] = {}
        for (index, point), node, vector in _evaluate(model, paths, rows, config, stop):
            points, found = nodes.setdefault(index, ([], []))
            points.append(point)
            found.append(node)
            if vector is not None:
                vectors[index][point] = vector
        for index, (points, found) in nodes.items():
            integrals[index].feed(points, found)
    return [_finished(item, kept) for item, kept in zip(integrals, vectors, strict=True)]


def _finished(item: AdaptivePath, vectors: dict[float, np.ndarray]) -> Integral:
    total = item.total()
    f_baseline, f_input = item.ends
    weighted = [weight * vectors[p] for p, weight in item.weights().items()] if vectors else []
    return Integral(
        scores=total,
        vectors=np.sum(weighted, axis=0) if weighted else None,
        f_input=f_input,
        f_baseline=f_baseline,
        completeness_error=completeness_error(total, item.difference),
        mass_shift=item.mass_shift,
        converged=item.converged,
        evaluations=item.evaluations,
    )


def _fixed(model: Model, paths: Sequence[Path], config: Config, stop: Stop) -> list[Integral]:
    """Exactly the rule's points; the two ends are evaluated too, for the completeness error."""
    points, weights = fixed_points(config.quadrature.rule, config.quadrature.points)
    alphas = [0.0, 1.0, *points.tolist()]
    shares = np.array([0.0, 0.0, *weights])
    rows = [(index, point) for index in range(len(paths)) for point in alphas]
    found = list(_evaluate(model, paths, rows, config, stop))
    found.sort(key=lambda entry: entry[0][0])
    results = []
    for at in range(0, len(found), len(alphas)):
        ordered = sorted(found[at : at + len(alphas)], key=lambda entry: alphas.index(entry[0][1]))
        nodes = [node for _, node, _ in ordered]
        scores = shares @ np.stack([node.rates for node in nodes])
        kept = [vector for _, _, vector in ordered if vector is not None]
        error = completeness_error(scores, nodes[1].value - nodes[0].value)
        results.append(
            Integral(
                scores=scores,
                vectors=np.tensordot(shares, np.stack(kept), 1) if kept else None,
                f_input=nodes[1].value,
                f_baseline=nodes[0].value,
                completeness_error=error,
                mass_shift=None,
                converged=error <= config.quadrature.tolerance,
                evaluations=len(alphas),
            )
        )
    return results


def _evaluate(
    model: Model,
    paths: Sequence[Path],
    rows: Sequence[tuple[int, float]],
    config: Config,
    stop: Stop,
) -> Iterator[tuple[tuple[int, float], Node, np.ndarray | None]]:
    """F and every token's contribution at each (path, point), packed by length."""
    above = model.above(config.layer)
    for batch in packed([paths[index].encoded.length for index, _ in rows], budget=TOKEN_BUDGET):
        if stop():
            raise StoppedError("stopped before there was a result")
        chosen = [rows[at] for at in batch]
        items = [paths[index] for index, _ in chosen]
        spots = [p.baseline + point * p.delta for p, (_, point) in zip(items, chosen, strict=True)]
        mask = pad_batch([torch.ones(p.encoded.length, dtype=torch.long) for p in items], 0)
        x = pad_batch(spots, 0.0).requires_grad_()
        with autocast(model.device, config.precision):
            output = above(inputs_embeds=x, attention_mask=mask.to(model.device))
        classes = torch.tensor([p.class_index for p in items], device=model.device)
        values = objective(output.logits.float(), classes, config.objective)
        (slopes,) = torch.autograd.grad(values.sum(), x)
        found = values.detach().tolist()
        products = slopes * pad_batch([p.delta for p in items], 0.0)
        rates = products.sum(-1).double().cpu().numpy()
        for row, key in enumerate(chosen):
            length = items[row].encoded.length
            vector = products[row, :length].cpu().numpy() if config.mass == "norm" else None
            yield key, Node(found[row], rates[row, :length]), vector


def objective(logits: torch.Tensor, classes: torch.Tensor, kind: str) -> torch.Tensor:
    """F: the class's logit, or its margin over the log-sum-exp of the others.

    Shape: `logits` (rows, labels), `classes` (rows,) -> (rows,).
    """
    chosen = logits.gather(1, classes[:, None])[:, 0]
    if kind == "logit":
        return chosen
    others = logits.scatter(1, classes[:, None], float("-inf"))
    return chosen - others.logsumexp(1)
