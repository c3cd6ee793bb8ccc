"""Masses and similarities -> the optimal plan and its value, EMS (docs/method.md, 4)."""

import os

os.environ.setdefault("POT_BACKEND_DISABLE_PYTORCH", "1")  # arrays only: POT need not import torch

import numpy as np
from ot.lp import emd

from ccta_core.errors import CctaError
from ccta_core.types import TransportPlan


def ems(mass_s: np.ndarray, mass_t: np.ndarray, similarity: np.ndarray) -> TransportPlan:
    """EMS(s, t) = max_T sum_ij T_ij cos_ij over plans with the given marginals, solved exactly.

    Shape: `mass_s` (n,), `mass_t` (m,), `similarity` (n, m) in [-1, 1]; masses are non-negative and
    are scaled to sum to 1. Solved by POT's network simplex on the cost 1 - cos, in float64.

    Raises CctaError on shapes that don't fit, negative or all-zero masses, values not finite.
    """
    source, target = _checked(mass_s, "mass_s"), _checked(mass_t, "mass_t")
    similarity = np.asarray(similarity, dtype=np.float64)
    if similarity.shape != (len(source), len(target)):
        raise CctaError(
            f"similarity has shape {similarity.shape}, expected {(len(source), len(target))}"
        )
    if not np.isfinite(similarity).all():
        raise CctaError("similarity has values that are not finite; check the embeddings")
    cost = np.ascontiguousarray(1.0 - similarity)
    plan = np.maximum(emd(source, target, cost, numItermax=10_000_000), 0.0)
    error = max(np.abs(plan.sum(1) - source).max(), np.abs(plan.sum(0) - target).max())
    return TransportPlan(plan, float((plan * similarity).sum()), float(error))


def _checked(mass: np.ndarray, name: str) -> np.ndarray:
    mass = np.asarray(mass, dtype=np.float64)
    if mass.ndim != 1 or not len(mass):
        raise CctaError(f"{name} has shape {mass.shape}, expected one value a unit")
    if not np.isfinite(mass).all() or (mass < 0).any() or mass.sum() <= 0:
        raise CctaError(f"{name} must be finite, non-negative and not all zero")
    return mass / mass.sum()
