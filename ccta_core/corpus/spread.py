"""An order of places in which every beginning is spread evenly over all of them."""

from math import sqrt

_STEP = (sqrt(5) - 1) / 2
"""The golden ratio's share of the circle: so turned again and again, any number of points leaves
gaps of at most three lengths (the three-distance theorem)."""


def spread_order(number: int) -> list[int]:
    """Returns the places 0 to `number` - 1, so that the first N of them are spread evenly, for
    every N, and a larger N only adds places.
    """
    rank = sorted(range(number), key=lambda turn: (turn * _STEP) % 1)
    # The turn whose point is the k-th along the circle stands for place k.
    order = [0] * number
    for place, turn in enumerate(rank):
        order[turn] = place
    return order
