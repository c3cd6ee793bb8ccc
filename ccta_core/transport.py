"""Computes the optimal transport plan of masses and similarities, and its value EMS
(docs/method.md, 4).
"""

import os

os.environ.setdefault("POT_BACKEND_DISABLE_PYTORCH", "1")  # arrays only: POT need not import torch

import numpy as np
from ot.lp import emd

from ccta_core.errors import CctaError
from ccta_core.types import TransportPlan

try:  # not part of POT's interface: a release may move it
    from ot.lp.emd_wrap import emd_c
except ImportError:
    emd_c = None

_MOST_PIVOTS = 10_000_000
_OPTIMAL = 1
_FAILURES = {
    0: "the problem is infeasible: the two sides' masses do not add up to the same total",
    2: "the problem is unbounded: a similarity is not a number the solver can use",
    3: "it stopped at its largest number of steps before the optimum",
}


def ems(mass_s: np.ndarray, mass_t: np.ndarray, similarity: np.ndarray) -> TransportPlan:
    """Solves EMS(s, t) = max_T sum_ij T_ij cos_ij over plans with the given marginals, exactly.

    Shape: `mass_s` (n,), `mass_t` (m,), `similarity` (n, m) in [-1, 1]; masses are non-negative and
    are scaled to sum to 1. Solved by POT's network simplex on the cost 1 - cos, in float64.

    Raises CctaError on shapes that don't fit, negative or all-zero masses, values not finite, and
    where the solver does not reach the optimum.
    """
    source, target = _check_mass(mass_s, "mass_s"), _check_mass(mass_t, "mass_t")
    similarity = _checked_similarity(similarity, len(source), len(target))
    plan = _solve(source, _same_total(source, target), _cost(similarity))
    error = max(np.abs(plan.sum(1) - source).max(), np.abs(plan.sum(0) - target).max())
    return TransportPlan(plan, float((plan * similarity).sum()), float(error))


def ems_values(masses_s: np.ndarray, masses_t: np.ndarray, similarity: np.ndarray) -> np.ndarray:
    """Solves EMS of many pairs of masses over one similarity: exactly what `ems` gives for each
    alone.

    Shape: `masses_s` (k, n), `masses_t` (k, m), `similarity` (n, m) -> (k,). The checks and the
    cost are made once. Raises CctaError as `ems` does.
    """
    sources, targets = _check_masses(masses_s, "masses_s"), _check_masses(masses_t, "masses_t")
    if len(sources) != len(targets):
        raise CctaError(
            f"masses_s has {len(sources)} rows and masses_t {len(targets)}; expected pairs"
        )
    similarity = _checked_similarity(similarity, sources.shape[1], targets.shape[1])
    # Only the masses change from row to row: the cost is made once for all of them.
    cost, targets = _cost(similarity), _same_total(sources, targets)
    values = np.empty(len(sources))
    for row, (source, target) in enumerate(zip(sources, targets, strict=True)):
        values[row] = (_solve(source, target, cost) * similarity).sum()
    return values


def _solve(source: np.ndarray, target: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Returns the optimal plan, by POT's compiled entry: its wrapper's checks cost more than the
    solve. Where a release of POT has no such entry the wrapper is taken.

    Units without mass take part in no flow; the solver drops them itself.
    """
    if emd_c is not None:
        plan, _, _, _, code = emd_c(source, target, cost, _MOST_PIVOTS, 1)
    else:
        plan, log = emd(source, target, cost, _MOST_PIVOTS, log=True, check_marginals=False)
        code = log["result_code"]
    if code != _OPTIMAL:
        reason = _FAILURES.get(code, f"its result code is {code}")
        raise CctaError(
            f"no exact plan was found for {len(source)} x {len(target)} units: {reason}; "
            "check the masses and the embeddings"
        )
    return np.maximum(plan, 0.0, out=plan)  # rounding may leave a flow just below zero


def _same_total(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Scales the target's masses to the source's sum to the last bit, as the solver demands."""
    return target * source.sum(-1, keepdims=True) / target.sum(-1, keepdims=True)


def _cost(similarity: np.ndarray) -> np.ndarray:
    # The masses sum to 1, so that the plan of the least 1 - cos is that of the greatest cos.
    return np.ascontiguousarray(1.0 - similarity)


def _checked_similarity(similarity: np.ndarray, n: int, m: int) -> np.ndarray:
    similarity = np.asarray(similarity, dtype=np.float64)
    if similarity.shape != (n, m):
        raise CctaError(f"similarity has shape {similarity.shape}, expected {(n, m)}")
    if not np.isfinite(similarity).all():
        raise CctaError("similarity has values that are not finite; check the embeddings")
    return similarity


def _check_mass(mass: np.ndarray, name: str) -> np.ndarray:
    mass = np.asarray(mass, dtype=np.float64)
    if mass.ndim != 1:
        raise CctaError(f"{name} has shape {mass.shape}, expected one value a unit")
    return _check_masses(mass[None], name)[0]


def _check_masses(masses: np.ndarray, name: str) -> np.ndarray:
    """Returns rows of masses, each scaled to sum to 1."""
    masses = np.ascontiguousarray(masses, dtype=np.float64)
    if masses.ndim != 2 or not masses.shape[1]:
        raise CctaError(f"{name} has shape {masses.shape[-1:]}, expected one value a unit")
    totals = masses.sum(1, keepdims=True)
    if not np.isfinite(totals).all() or (masses < 0).any() or (totals <= 0).any():
        raise CctaError(f"{name} must be finite, non-negative and not all zero")
    return masses / totals
