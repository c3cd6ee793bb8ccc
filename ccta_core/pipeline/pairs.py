"""From two sentences to a comparison: EMS with its controls, kept in the store."""

from collections.abc import Sequence
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
from ccta_core.pipeline.sides import align_layer, sides_of, transport
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
    config = config or Config()
    check(model, (source, target), config)
    _check_pair(model, source, target, config)
    layers = sorted({config.layer, align_layer(model, config)})
    looks = look(model, (source, target), layers)
    label = _shared_label(model, looks[0].seen, config)
    strangers = unrelated_sentences(
        model.info.task, target, label, count=config.unrelated, seed=config.seed
    )
    sides = sides_of(model, aimed(model, looks, label, layers), config, stop)
    space, plan = transport(model, sides[0], sides[1], config)
    compared = Compared(sides[0].for_controls(), sides[1].for_controls(), space.similarity, plan)
    chance = [
        transport(model, sides[0], side, config)[1].ems
        for side in references(model, strangers, label, config, stop)
    ]
    return PairResult(
        model=model.id,
        revision=model.revision,
        task=model.info.task,
        target_class=sides[0].attribution.target_class,
        layer=config.layer,
        align_layer=align_layer(model, config),
        space=space.name,
        seed=config.seed,
        n_shuffles=config.shuffles,
        source=sides[0].attribution,
        target=sides[1].attribution,
        source_mass=sides[0].mass,
        target_mass=sides[1].mass,
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
    config = config or Config()
    found = find_pair(model.info, source, target, config)
    if found is not None:
        return found
    result = compare(model, source, target, config, stop)
    problem = keep_pair(result, model.info, source, target, config)
    return replace(result, notices=(*result.notices, problem)) if problem else result


def _check_pair(model: Model, source: Sentence, target: Sentence, config: Config) -> None:
    at = align_layer(model, config)
    if not 0 <= at <= model.depth:
        raise CctaError(f"align layer {at} is out of range; expected 0 to {model.depth}")
    if (source.text2 is None) != (target.text2 is None):
        raise CctaError(
            "one side has two texts and the other one; give a second text on both sides or on none"
        )


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
