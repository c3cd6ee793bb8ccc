"""From two sentences to a comparison: EMS with its controls, kept in the store."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from ccta_core.attribution.methods import traits
from ccta_core.attribution.protocol import Stop, never
from ccta_core.config import RATHER_THAN, Config
from ccta_core.consistency import Compared, Gained, Null, controls, gain_of, sequential_null
from ccta_core.corpus.unrelated import unrelated_sentences
from ccta_core.errors import CctaError, StoppedError
from ccta_core.models.model import Model
from ccta_core.permissions import Person, acting_for, person
from ccta_core.pipeline.notices import notices, provenance
from ccta_core.pipeline.references import Reference, reference_sides
from ccta_core.pipeline.sentences import Input, check, forward, pair_label, select_targets
from ccta_core.pipeline.sides import Side, align_layer, common_space, sides_of, transport
from ccta_core.result import PairResult
from ccta_core.space.links import mutual_links
from ccta_core.space.maps import CommonSpace
from ccta_core.store.pairs import find_pair, keep_pair
from ccta_core.types import Sentence, in_order

_SHUFFLES_OF_CHANCE = 20
"""Shuffles for each unrelated sentence: the mean over all of them is what counts."""
Early = Callable[[list[PairResult]], None]
"""Is given results as far as they are, before what takes longest is computed."""


def compare(
    model: Model,
    source: Sentence,
    target: Sentence,
    config: Config | None = None,
    stop: Stop = never,
) -> PairResult:
    """Returns both attributions, the plan between them, EMS and every control (docs/method.md, 2 to
    4).

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
    early: Early | None = None,
) -> list[PairResult]:
    """Compares several pairs as `compare` does, attributed in one batch; in order.

    `early` is given all results without the unrelated sentences, which take most of the time,
    before these are attributed. Agrees with one after another to rounding (1e-5 at fixed points;
    adaptive results within their tolerance). Raises as `compare` does: one bad pair refuses all, so
    check them with `check_pair`.
    """
    config = config or Config()
    for source, target in pairs:
        check_pair(model, source, target, config)
    layers = sorted({config.layer, align_layer(model, config)})
    # Read, attributed and drawn in one order of the two, whichever is called source.
    ordered = [in_order(source, target) for source, target in pairs]
    turned = [first != source for (first, _), (source, _) in zip(ordered, pairs, strict=True)]
    texts = list(dict.fromkeys(sentence for pair in ordered for sentence in pair))
    passes = dict(zip(texts, forward(model, texts, layers), strict=True))
    # The class that both sides explain, or "each".
    labels = [pair_label(model, passes[source], config) for source, _ in pairs]
    # A text that stands in several pairs is attributed once for each label.
    inputs: dict[tuple[Sentence, str], Input] = {}
    for pair, label in zip(ordered, labels, strict=True):
        for text in pair:
            if (text, label) not in inputs:
                inputs[text, label] = select_targets(model, [passes[text]], label, layers)[0]
    sides = dict(zip(inputs, sides_of(model, list(inputs.values()), config, stop), strict=True))
    both_sides = [
        _Ordered(sides[first, label], sides[second, label], turn)
        for (first, second), label, turn in zip(ordered, labels, turned, strict=True)
    ]
    measured = []
    for ordered_sides in both_sides:
        if stop():  # shuffled masses take seconds for a long pair
            raise StoppedError("stopped before there was a result")
        measured.append(_measure(model, ordered_sides, config))
    if early is not None and config.unrelated:
        early([_result(model, each, ([], []), config) for each in measured])
    # Unrelated sentences come last, all of them in one batch: nothing of the pair waits for them.
    draws = [
        _draws(model, pair, label, config) for pair, label in zip(both_sides, labels, strict=True)
    ]
    wanted = [reference for both in draws for drawn in both for reference in drawn]
    references = reference_sides(model, wanted, config, stop)
    return [
        _result(model, each, [[references[key] for key in drawn] for drawn in both], config)
        for each, both in zip(measured, draws, strict=True)
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
    layer = align_layer(model, config)
    if not 0 <= layer <= model.depth:
        raise CctaError(f"align layer {layer} is out of range; expected 0 to {model.depth}")
    if (source.text2 is None) != (target.text2 is None):
        raise CctaError(
            "one side has two texts and the other one; give a second text on both sides or on none"
        )


class _UnrelatedDraws(NamedTuple):
    """Unrelated sentences: `like_target` to compare the source with, and those of the verdict's
    chance level, which is of one direction so that it does not change with the order.
    """

    like_target: list[Reference]
    of_chance_level: list[Reference]


def _draws(model: Model, sides: _Ordered, label: str, config: Config) -> _UnrelatedDraws:

    def like(side: Side, beside: Side) -> list[Reference]:
        drawn = unrelated_sentences(
            model.info.task,
            side.attribution.sentence,
            label.partition(RATHER_THAN)[0],
            count=config.unrelated,
            seed=config.seed,
            beside=beside.attribution.sentence,
        )
        return [Reference(sentence, label) for sentence in drawn]

    like_target = like(sides.target, sides.source)
    like_first = like(sides.source, sides.target) if sides.turned else like_target
    return _UnrelatedDraws(like_target, like_first)


@dataclass(frozen=True, slots=True, eq=False)
class _Measured:
    """Two attributed sides, the plan between them, and what shuffled masses give."""

    sides: _Ordered
    space: CommonSpace
    pair: Compared
    null: Null


def _measure(model: Model, sides: _Ordered, config: Config) -> _Measured:
    space, plan = transport(model, sides.first, sides.second, config)
    pair = Compared(sides.first.for_controls(), sides.second.for_controls(), space.similarity, plan)
    null = sequential_null(pair, shuffles=config.shuffles, seed=config.seed)
    return _Measured(sides, space, pair, null)


def _result(
    model: Model, measured: _Measured, references: Sequence[Sequence[Side]], config: Config
) -> PairResult:
    """Puts a result together from what was measured and from unrelated sentences.

    `references` are unrelated to the source, and those that decide the verdict's chance level;
    both may be empty.
    """
    sides, space, pair, null = measured.sides, measured.space, measured.pair, measured.null
    source, target = sides.source, sides.target
    like_target, of_chance = references
    chance = _chance(model, sides.first, of_chance, config)
    if sides.turned:
        unrelated = [transport(model, source, other, config).plan.ems for other in like_target]
    else:  # the same sentences
        unrelated = [each.ems for each in chance]
    gains = [each.gain for each in chance if each.gain is not None]
    values = controls(
        pair,
        null,
        links=mutual_links(pair.similarity),
        unrelated=unrelated,
        gain_unrelated=float(np.mean(gains)) if gains else None,
    )
    if not traits(config.method).signed:
        # Scores that are never negative agree in sign whatever the model reads.
        values = replace(values, sign_agreement=None)
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
        controls=values,
        permutation=null.test,
        chance_level=float(np.mean([each.ems for each in chance])) if chance else None,
        notices=tuple(notices(model, (source, target), space, config)),
        provenance=provenance(model, config),
    )


def _chance(model: Model, side: Side, unrelated: Sequence[Side], config: Config) -> list[Gained]:
    """Returns EMS and gain (None without shuffles) of a side against each unrelated one."""
    draw = np.random.default_rng(config.seed)
    shuffles = min(config.shuffles, _SHUFFLES_OF_CHANCE)
    return [
        gain_of(
            side.for_controls(),
            other.for_controls(),
            common_space(model, side, other, config).similarity,
            shuffles=shuffles,
            draw=draw,
        )
        for other in unrelated
    ]


def compare_cached(
    model: Model,
    source: Sentence,
    target: Sentence,
    config: Config | None = None,
    stop: Stop = never,
) -> PairResult:
    """Compares through the store: what is known is read, what is new is kept.

    A store that can't be written adds a notice; the result is never lost for it.
    """
    return compare_many_cached(model, [(source, target)], config, stop)[0]


def compare_many_cached(  # noqa: PLR0913 - as `compare_many`, and for whom
    model: Model,
    pairs: Sequence[tuple[Sentence, Sentence]],
    config: Config | None = None,
    stop: Stop = never,
    early: Early | None = None,
    people: Sequence[Person] | None = None,
) -> list[PairResult]:
    """Compares many pairs through the store: only what is not known is computed, and it is kept.

    `early` is as for `compare_many`; it is not called where all is known. `people` are those for
    whom the pairs are computed, and whose room on the disk their results take; the person of now
    where they are not named.
    """
    config = config or Config()
    stored = [find_pair(model.info, source, target, config) for source, target in pairs]
    people = people or [person()] * len(pairs)
    new = [pair for pair, result in zip(pairs, stored, strict=True) if result is None]
    owners = [each for each, result in zip(people, stored, strict=True) if result is None]

    def tell(first: Sequence[PairResult]) -> None:
        if early is not None:
            in_turn = iter(first)
            early([result or next(in_turn) for result in stored])

    results = compare_many(model, new, config, stop, tell) if new else []
    computed = []
    for pair, owner, result in zip(new, owners, results, strict=True):
        with acting_for(owner):
            problem = keep_pair(result, model.info, *pair, config)
        noted = replace(result, notices=(*result.notices, problem)) if problem else result
        computed.append(noted)
    in_turn = iter(computed)
    return [result or next(in_turn) for result in stored]
