"""From two sentences to a comparison: EMS with its controls, kept in the store."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ccta_core.attribution.methods import traits
from ccta_core.attribution.protocol import Stop, never
from ccta_core.config import Config
from ccta_core.consistency import Compared, Null, controls, sequential_null
from ccta_core.corpus.unrelated import unrelated_sentences
from ccta_core.errors import CctaError
from ccta_core.models.model import Model
from ccta_core.pipeline.notices import notices, provenance
from ccta_core.pipeline.references import references
from ccta_core.pipeline.sentences import aimed, check, look
from ccta_core.pipeline.sides import Side, align_layer, sides_of, transport
from ccta_core.result import PairResult
from ccta_core.space.links import mutual_links
from ccta_core.store.pairs import find_pair, keep_pair
from ccta_core.tasks import ModelOutput, task_of
from ccta_core.types import Controls, Sentence, in_order


def compare(
    model: Model,
    source: Sentence,
    target: Sentence,
    config: Config | None = None,
    stop: Stop = never,
) -> PairResult:
    """Both attributions, the plan between them, EMS and every control (docs/method.md, 2 to 4).

    `target_class` "auto" explains the source's predicted class on both sides; answers are found in
    each side's own context. Raises CctaError on a layer, class or alignment layer the model does
    not have and on sentences that are not for its head, StoppedError soon after `stop` is true.
    """
    return compare_many(model, [(source, target)], config, stop)[0]


def compare_many(
    model: Model,
    pairs: Sequence[tuple[Sentence, Sentence]],
    config: Config | None = None,
    stop: Stop = never,
) -> list[PairResult]:
    """`compare` of several pairs, attributed in one batch; in order.

    Agrees with one after another to rounding (1e-5 at fixed points; adaptive results within their
    tolerance). Raises as `compare` does: one bad pair refuses all, so check them with `check_pair`.
    """
    config = config or Config()
    for source, target in pairs:
        check_pair(model, source, target, config)
    layers = sorted({config.layer, align_layer(model, config)})
    # Read, attributed and drawn in one order of the two, whichever is called source.
    ordered = [in_order(source, target) for source, target in pairs]
    turned = [first != source for (first, _), (source, _) in zip(ordered, pairs, strict=True)]
    looks = look(model, [sentence for pair in ordered for sentence in pair], layers)
    twos = [looks[at : at + 2] for at in range(0, len(looks), 2)]
    labels = [
        _shared_label(model, own[int(turn)].seen, config)
        for own, turn in zip(twos, turned, strict=True)
    ]
    inputs = [
        one
        for own, label in zip(twos, labels, strict=True)
        for one in aimed(model, own, label, layers)
    ]
    sides = sides_of(model, inputs, config, stop)
    return [
        _result(model, _Ordered(sides[2 * at], sides[2 * at + 1], turn), label, config, stop)
        for at, (label, turn) in enumerate(zip(labels, turned, strict=True))
    ]


@dataclass(frozen=True, slots=True, eq=False)
class _Ordered:
    """Two sides in the order of `in_order`; `turned` where the second is the source."""

    first: Side
    second: Side
    turned: bool

    @property
    def source(self) -> Side:
        return self.second if self.turned else self.first

    @property
    def target(self) -> Side:
        return self.first if self.turned else self.second


def check_pair(model: Model, source: Sentence, target: Sentence, config: Config) -> None:
    """Raises CctaError, one line, where the model can't compare these two."""
    check(model, (source, target), config)
    at = align_layer(model, config)
    if not 0 <= at <= model.depth:
        raise CctaError(f"align layer {at} is out of range; expected 0 to {model.depth}")
    if (source.text2 is None) != (target.text2 is None):
        raise CctaError(
            "one side has two texts and the other one; give a second text on both sides or on none"
        )


def _result(model: Model, sides: _Ordered, label: str, config: Config, stop: Stop) -> PairResult:
    """Transport and controls of two attributed sides."""
    source, target = sides.source, sides.target
    space, plan = transport(model, sides.first, sides.second, config)
    pair = Compared(sides.first.for_controls(), sides.second.for_controls(), space.similarity, plan)
    null = sequential_null(pair, shuffles=config.shuffles, seed=config.seed)
    unrelated = _unrelated(model, (source, target), label, config, stop)
    # The verdict's chance level is of one direction, so that it does not change with the order.
    chance = _unrelated(model, (target, source), label, config, stop) if sides.turned else unrelated
    shown = pair.turned if sides.turned else pair
    return PairResult(
        model=model.id,
        revision=model.revision,
        task=model.info.task,
        target_class=source.attribution.target_class,
        layer=config.layer,
        align_layer=align_layer(model, config),
        space=space.name,
        seed=config.seed,
        n_shuffles=config.shuffles,
        source=source.attribution,
        target=target.attribution,
        source_mass=source.mass,
        target_mass=target.mass,
        plan=shown.plan,
        similarity=shown.similarity,
        controls=_controls(pair, null, unrelated, config),
        permutation=null.test,
        chance_level=float(np.mean(chance)) if chance else None,
        notices=tuple(notices(model, (source, target), space, config)),
        provenance=provenance(model, config),
    )


def _unrelated(
    model: Model, sides: tuple[Side, Side], label: str, config: Config, stop: Stop
) -> list[float]:
    """EMS of the first side against unrelated sentences that are like the second."""
    side, like = sides
    strangers = unrelated_sentences(
        model.info.task,
        like.attribution.sentence,
        label,
        count=config.unrelated,
        seed=config.seed,
        beside=side.attribution.sentence,
    )
    return [
        transport(model, side, other, config)[1].ems
        for other in references(model, strangers, label, config, stop)
    ]


def compare_cached(
    model: Model,
    source: Sentence,
    target: Sentence,
    config: Config | None = None,
    stop: Stop = never,
) -> PairResult:
    """`compare` through the store: what is known is read, what is new is kept.

    A store that can't be written adds a notice; the result is never lost for it.
    """
    return compare_many_cached(model, [(source, target)], config, stop)[0]


def compare_many_cached(
    model: Model,
    pairs: Sequence[tuple[Sentence, Sentence]],
    config: Config | None = None,
    stop: Stop = never,
) -> list[PairResult]:
    """`compare_many` through the store: only what is not known is computed, and it is kept."""
    config = config or Config()
    found = [find_pair(model.info, source, target, config) for source, target in pairs]
    new = [pair for pair, known in zip(pairs, found, strict=True) if known is None]
    made = iter(_kept(model, new, config, stop)) if new else iter(())
    return [known or next(made) for known in found]


def _kept(
    model: Model, pairs: Sequence[tuple[Sentence, Sentence]], config: Config, stop: Stop
) -> Iterator[PairResult]:
    for (source, target), result in zip(
        pairs, compare_many(model, pairs, config, stop), strict=True
    ):
        problem = keep_pair(result, model.info, source, target, config)
        yield replace(result, notices=(*result.notices, problem)) if problem else result


def _shared_label(model: Model, source: ModelOutput, config: Config) -> str:
    """The class both sides explain, or "each"."""
    if config.target_class != "auto":
        return config.target_class
    return task_of(model.info.task).label(model, source, "auto")


def _controls(pair: Compared, null: Null, unrelated: Sequence[float], config: Config) -> Controls:
    found = controls(pair, null, links=mutual_links(pair.similarity), unrelated=unrelated)
    # scores that are never negative agree in sign whatever the model reads
    return found if traits(config.method).signed else replace(found, sign_agreement=None)
