"""Attributions of the sentences that stand for chance: made once for each model and setting."""

from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from threading import Lock
from weakref import WeakKeyDictionary

from ccta_core.attribution.protocol import Stop
from ccta_core.config import Config
from ccta_core.models.model import Model
from ccta_core.pipeline.sentences import Input, forward, select_targets
from ccta_core.pipeline.sides import Side, align_layer, sides_of
from ccta_core.types import Sentence

_MOST = 256


@dataclass(frozen=True, slots=True)
class Reference:
    """A sentence that stands for chance, and the label that is explained of it."""

    sentence: Sentence
    label: str


_Key = tuple[Reference, str]
_remembered: WeakKeyDictionary[Model, OrderedDict[_Key, Side]] = WeakKeyDictionary()
_lock = Lock()


def reference_sides(
    model: Model, wanted: Sequence[Reference], config: Config, stop: Stop
) -> dict[Reference, Side]:
    """Returns the side of every reference; the last 256 of a model are remembered.

    Those that are not are computed in one batch: they agree with ones computed alone as those of
    `compare_many` do, to rounding at fixed points and else within their tolerance.
    """
    # What decides the attribution of one sentence: not how chance is drawn.
    settings = replace(config, shuffles=0, unrelated=0, seed=0).fingerprint
    with _lock:
        remembered = _remembered.setdefault(model, OrderedDict())
        sides = {}
        for reference in dict.fromkeys(wanted):
            side = remembered.get((reference, settings))
            if side is not None:
                remembered.move_to_end((reference, settings))
                sides[reference] = side
    missing = [reference for reference in dict.fromkeys(wanted) if reference not in sides]
    computed = dict(zip(missing, _computed(model, missing, config, stop), strict=True))
    with _lock:
        for reference, side in computed.items():
            remembered[reference, settings] = side
        while len(remembered) > _MOST:
            remembered.popitem(last=False)
    return sides | computed


def _computed(model: Model, missing: Sequence[Reference], config: Config, stop: Stop) -> list[Side]:
    """Returns the sides of references, in order: one reading and one attribution for all of
    them.
    """
    if not missing:
        return []
    layers = sorted({config.layer, align_layer(model, config)})
    passes = forward(model, [reference.sentence for reference in missing], layers)
    by_label = defaultdict(list)
    for number, reference in enumerate(missing):
        by_label[reference.label].append(number)
    inputs: dict[int, Input] = {}
    for label, numbers in by_label.items():
        targets = select_targets(model, [passes[number] for number in numbers], label, layers)
        inputs |= zip(numbers, targets, strict=True)
    return sides_of(model, [inputs[number] for number in range(len(missing))], config, stop)
