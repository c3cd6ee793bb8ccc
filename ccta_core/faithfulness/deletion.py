"""Measures the deletion curves of a pair: the model is asked again as its words go."""

from collections.abc import Sequence

import numpy as np

from ccta_core.attribution.protocol import Stop, never
from ccta_core.errors import CctaError
from ccta_core.faithfulness.curves import (
    DRAWS,
    MOST_STEPS,
    CurvesOf,
    DeletionCurves,
    PairCurves,
    find_curves,
    keep_curves,
)
from ccta_core.faithfulness.orders import Order, order_of, random_orders, removed_sets
from ccta_core.faithfulness.removal import Removals
from ccta_core.models.model import Model
from ccta_core.pipeline.pairs import compare_cached
from ccta_core.pipeline.sentences import Input, forward, pair_label, select_targets
from ccta_core.types import Unit


def measure_curves(model: Model, wanted: CurvesOf, stop: Stop = never) -> PairCurves:
    """The curves of both texts of a pair, in the order of the masses that it is compared with.

    Raises CctaError where a text has one unit or the head gives scores, StoppedError within one
    batch of `stop` turning true.
    """
    config = wanted.config
    texts = (wanted.source, wanted.target)
    pair = compare_cached(model, *texts, config, stop)
    passes = forward(model, texts, [])
    label = pair_label(model, passes[0], config)
    inputs = select_targets(model, passes, label, [])
    removals = Removals(model, inputs, wanted.replacement, config.precision)
    for side, n in zip((pair.source, pair.target), removals.units, strict=True):
        if n != len(side.units):
            raise AssertionError("a pair's units are those that can be removed")
        if n < 2:
            raise CctaError(
                "a text of one word has no order of removal; expected two words or more"
            )
    orders = [
        _orders(masses, config.seed, f"{side.sentence.text} {side.lang}")
        for masses, side in ((pair.source_mass, pair.source), (pair.target_mass, pair.target))
    ]
    removals.read(
        [
            (number, removed)
            for number, of_text in enumerate(orders)
            for order in of_text
            for removed in _sets(order)
        ],
        stop,
    )
    source, target = (
        _curves(inputs[number], side.units, orders[number], removals, number)
        for number, side in enumerate((pair.source, pair.target))
    )
    return PairCurves(wanted.replacement, source, target)


def measure_curves_cached(model: Model, wanted: CurvesOf, stop: Stop = never) -> PairCurves:
    """Measures through the store: what is known is read, what is new is kept."""
    curves = find_curves(wanted)
    if curves is None:
        curves = measure_curves(model, wanted, stop)
        keep_curves(curves, wanted)
    return curves


def _orders(masses: np.ndarray, seed: int, name: str) -> list[Order]:
    """Largest mass first, smallest first, then the random ones."""
    *drawn, ties = random_orders(len(masses), DRAWS + 1, seed, name)
    order = order_of(masses, ties)
    return [order, order[::-1], *(tuple(random.tolist()) for random in drawn)]


def _steps(n: int) -> list[int]:
    """How many units are gone at each step: 0, 1, up to n, or evenly spread where they are many."""
    if n <= MOST_STEPS:
        return list(range(n + 1))
    return np.linspace(0, n, MOST_STEPS + 1).round().astype(int).tolist()


def _sets(order: Order) -> list[int]:
    """The removed sets at the steps of a curve."""
    sets = [0, *removed_sets(order)]
    return [sets[step] for step in _steps(len(order))]


def _curves(
    read: Input, units: Sequence[Unit], orders: Sequence[Order], removals: Removals, number: int
) -> DeletionCurves:
    probability, kept = removals.probability[number], removals.kept[number]
    curves = [[probability[removed] for removed in _sets(order)] for order in orders]
    steps = _steps(len(units))
    by_mass = _sets(orders[0])
    # What the whole text is not predicted to be can't stop being predicted.
    flips = [n for n, removed in zip(steps, by_mass, strict=True) if not kept[removed]]
    return DeletionCurves(
        lang=read.encoded.sentence.lang,
        explained=read.explained.label,
        order=tuple(units[unit].text for unit in orders[0]),
        removed=np.array(steps),
        largest_first=np.array(curves[0]),
        smallest_first=np.array(curves[1]),
        random=np.array(curves[2:]),
        flip=flips[0] if flips and kept[0] else None,
    )
