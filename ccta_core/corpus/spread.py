"""An order of places in which every beginning is spread evenly over all of them."""

from collections.abc import Iterable
from math import sqrt

from ccta_core.corpus.items import Item

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


def spread_groups(items: Iterable[Item], number: int) -> list[Item]:
    """Returns whole groups (a premise with all its hypotheses) of the items of one language, spread
    evenly over them, until there are `number` items or more.

    Those of a smaller number are among those of a larger one.
    """
    groups: dict[str, list[Item]] = {}
    for item in items:
        groups.setdefault(item.group, []).append(item)
    members = list(groups.values())
    chosen: list[Item] = []
    for place in spread_order(len(members)):
        if len(chosen) >= number:
            break
        chosen += members[place]
    return chosen
