"""From two sentences to a comparison: EMS with its controls, kept in the store."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ccta_core.attribution.methods import traits
from ccta_core.attribution.protocol import Stop, never
from ccta_core.config import Config
from ccta_core.consistency import Compared, controls
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
from ccta_core.tasks import Seen, task_of
from ccta_core.types import Controls, Sentence


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
    looks = look(model, [sentence for pair in pairs for sentence in pair], layers)
    twos = [looks[at : at + 2] for at in range(0, len(looks), 2)]
    labels = [_shared_label(model, own[0].seen, config) for own in twos]
    inputs = [
        one
        for own, label in zip(twos, labels, strict=True)
        for one in aimed(model, own, label, layers)
    ]
    sides = sides_of(model, inputs, config, stop)
    return [
        _result(model, (sides[2 * at], sides[2 * at + 1]), label, config, stop)
        for at, label in enumerate(labels)
    ]


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


def _result(
    model: Model, sides: tuple[Side, Side], label: str, config: Config, stop: Stop
) -> PairResult:
    """Transport and controls of two attributed sides."""
    source, target = sides
    strangers = unrelated_sentences(
        model.info.task,
        target.attribution.sentence,
        label,
        count=config.unrelated,
        seed=config.seed,
    )
    space, plan = transport(model, source, target, config)
    compared = Compared(source.for_controls(), target.for_controls(), space.similarity, plan)
    chance = [
        transport(model, source, side, config)[1].ems
        for side in references(model, strangers, label, config, stop)
    ]
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
        plan=plan,
        similarity=space.similarity,
        controls=_controls(compared, chance, config),
        notices=tuple(notices(model, sides, space, config)),
        provenance=provenance(model, config),
    )


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


def _shared_label(model: Model, source: Seen, config: Config) -> str:
    """The class both sides explain, or "each"."""
    if config.target_class != "auto":
        return config.target_class
    return task_of(model.info.task).label(model, source, "auto")


def _controls(compared: Compared, chance: Sequence[float], config: Config) -> Controls:
    found = controls(
        compared,
        shuffles=config.shuffles,
        seed=config.seed,
        links=mutual_links(compared.similarity),
        unrelated=chance,
    )
    # scores that are never negative agree in sign whatever the model reads
    return found if traits(config.method).signed else replace(found, sign_agreement=None)
