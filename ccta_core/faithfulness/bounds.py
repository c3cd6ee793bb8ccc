"""The best and the worst order of removal that a text allows: what NAOPC is normalised by.

AOPC has no common scale: how far it can rise depends on the model, the text and its length (Edin
et al., 2024, "Normalized AOPC"). So it is put between the lowest and the highest value that any
order of the same units reaches: (AOPC - worst) / (best - worst), 1 for the best order, 0 for the
worst. AOPC is a sum over sets along a path from the whole text to none of its units, and a set's
value does not depend on the order in which it was reached. Best and worst of all n! orders are
thus shortest and longest paths over 2^n sets, found exactly by dynamic programming up to a few
units; above that a beam keeps the `width` sets of each size with the lowest (highest) sums so far.
Sufficiency is the same functional of the order turned round, and has the same bounds.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass

from ccta_core.faithfulness.settings import Search

Values = Mapping[int, float]
OrderSearch = Generator[list[int], Values, "Extremes"]


@dataclass(frozen=True, slots=True)
class Extremes:
    """The lowest and the highest mean of f along any order's sets; `exact`: of all orders."""

    lowest: float
    highest: float
    exact: bool


def search_orders(n: int, search: Search) -> OrderSearch:
    """Looks for the extremes of n units: yields the sets it needs, is sent their values.

    Several texts are searched side by side in this way, and what they need is read in one batch.
    """
    return _all_orders(n) if n <= search.exact else _beams(n, search.width)


def _all_orders(n: int) -> OrderSearch:
    values = yield list(range(1, 1 << n))
    low, high = {0: 0.0}, {0: 0.0}
    for removed in range(1, 1 << n):  # a set comes after all of its parts
        before = [removed ^ (1 << unit) for unit in range(n) if removed >> unit & 1]
        low[removed] = values[removed] + min(low[part] for part in before)
        high[removed] = values[removed] + max(high[part] for part in before)
    last = (1 << n) - 1
    return Extremes(low[last] / n, high[last] / n, True)


def _beams(n: int, width: int) -> OrderSearch:
    low, high = {0: 0.0}, {0: 0.0}
    for _ in range(n):
        after_low, after_high = _grown(low, n, 1), _grown(high, n, -1)
        values = yield list(dict.fromkeys((*after_low, *after_high)))
        low, high = _kept(after_low, values, width, 1), _kept(after_high, values, width, -1)
    last = (1 << n) - 1
    return Extremes(low[last] / n, high[last] / n, False)


def _grown(beam: Values, n: int, sign: int) -> dict[int, float]:
    """Every set with one unit more, and the best sum of the ways that lead to it."""
    grown: dict[int, float] = {}
    for removed, total in beam.items():
        for unit in range(n):
            if not removed >> unit & 1:
                larger = removed | 1 << unit
                best = grown.get(larger)
                if best is None or sign * total < sign * best:
                    grown[larger] = total
    return grown


def _kept(grown: Values, values: Values, width: int, sign: int) -> dict[int, float]:
    sums = {removed: total + values[removed] for removed, total in grown.items()}
    best = sorted(sums, key=lambda removed: (sign * sums[removed], removed))[:width]
    return {removed: sums[removed] for removed in best}
