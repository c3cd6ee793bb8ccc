"""Attributions of the sentences that stand for chance: made once for each model and setting."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from threading import Lock
from weakref import WeakKeyDictionary

from ccta_core.attribution.protocol import Stop
from ccta_core.config import Config
from ccta_core.models.model import Model
from ccta_core.pipeline.sentences import aimed, look
from ccta_core.pipeline.sides import Side, align_layer, sides_of
from ccta_core.types import Sentence

_MOST = 256
_kept: WeakKeyDictionary[Model, OrderedDict[tuple, Side]] = WeakKeyDictionary()
_lock = Lock()


def references(
    model: Model, strangers: Sequence[Sentence], label: str, config: Config, stop: Stop
) -> list[Side]:
    """The sides of unrelated sentences, in order; the last 256 of a model are remembered.

    Each is computed alone, so that a result does not depend on which of them were known before.
    """
    layers = sorted({config.layer, align_layer(model, config)})
    # What decides the attribution of one sentence: not how chance is drawn.
    settings = replace(config, shuffles=0, unrelated=0, seed=0).fingerprint
    sides = []
    for stranger in strangers:
        key = (stranger, label, settings)
        side = _find(model, key)
        if side is None:
            inputs = aimed(model, look(model, [stranger], layers), label, layers)
            side = sides_of(model, inputs, config, stop)[0]
            _keep(model, key, side)
        sides.append(side)
    return sides


def _find(model: Model, key: tuple) -> Side | None:
    with _lock:
        known = _kept.setdefault(model, OrderedDict())
        if key in known:
            known.move_to_end(key)
        return known.get(key)


def _keep(model: Model, key: tuple, side: Side) -> None:
    with _lock:
        known = _kept.setdefault(model, OrderedDict())
        known[key] = side
        while len(known) > _MOST:
            known.popitem(last=False)
