"""Writes the numbers, intervals and names of a findings document."""

from typing import Protocol

import numpy as np

from ccta_core.languages import language
from ccta_core.text import plain


class _Ranged(Protocol):
    """Anything with a 95% interval."""

    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...


def name_of(code: str) -> str:
    """Returns a language's name."""
    return language(code).name


def number(value: float | None) -> str:
    """Writes three digits, a power of ten where they would all be 0, and nothing for no number."""
    if value is None or not np.isfinite(value):
        return ""
    return f"{value:.1e}" if 0 < abs(value) < 0.0005 else plain(value, 3)


def span(estimate: _Ranged, digits: int = 2) -> str:
    """Writes the interval as `low to high`, or nothing."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{plain(estimate.low, digits)} to {plain(estimate.high, digits)}"
