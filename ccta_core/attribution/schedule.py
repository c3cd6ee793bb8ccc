"""Where on the path a model's integral begins, and how far its error bound reaches.

The figures are measured once for a model (`research/zoo/quadrature.py`) and kept in its card:

    "quadrature": {"layers": {"0": {"fp32": {"stretch": 2.0, "first": 16, "factor": 0.27}, ...}}}

A layer that was not measured takes those of the nearest measured one below it, where F moves more.
Our adapters stand on the embedded backbone and take its card's where they have none of their own.
"""

from collections.abc import Mapping
from typing import Any

from ccta_core.attribution.quadrature import Schedule
from ccta_core.models.catalog import BACKBONE, ModelInfo, catalog

_UNKNOWN = Schedule(stretch=1.0, first=10, factor=0.6)
"""For models nobody measured: a mild stretch, few points at first (refinement adds the rest), and
twice the factor of the measured ones. Tiny random models, whose F winds more than a trained one's,
were covered in seven of ten with 0.35."""
_UNKNOWN_HALF = Schedule(stretch=1.0, first=16, factor=0.6, rounds=2)


def schedule_of(info: ModelInfo, layer: int, precision: str) -> Schedule:
    """Returns the schedule of a model at a layer in float32 or bfloat16."""
    card = info.card
    if "quadrature" not in card and info.folder is not None:
        card = catalog()[BACKBONE].card
    layers: Mapping[str, Any] = card.get("quadrature", {}).get("layers", {})
    below = [int(name) for name in layers if int(name) <= layer]
    if not below:
        return _UNKNOWN if precision == "fp32" else _UNKNOWN_HALF
    measured = layers[str(max(below))][precision]
    return Schedule(
        stretch=float(measured["stretch"]),
        first=int(measured["first"]),
        factor=float(measured["factor"]),
        rounds=measured.get("rounds"),
    )
