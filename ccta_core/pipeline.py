"""The one place where the stages are put together: sentences in, attributions and pairs out."""

import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version

import numpy as np

from ccta_core.attribution.integrated_gradients import Integral, Path, Stop, integrate, unit_sums
from ccta_core.attribution.readings import Reading, baselines, read
from ccta_core.config import Config
from ccta_core.consistency import Compared, SideMass, controls, mass
from ccta_core.corpus.unrelated import unrelated_sentences
from ccta_core.errors import CctaError
from ccta_core.models.model import Encoded, Model
from ccta_core.result import PairResult
from ccta_core.space.links import mutual_links
from ccta_core.space.maps import CommonSpace, similarities
from ccta_core.store.pairs import find_pair, keep_pair
from ccta_core.transport import ems
from ccta_core.types import Attribution, Sentence, TransportPlan

_MUCH_ON_SPECIALS = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class _Input:
    """One sentence as read by the model, and the class to explain."""

    encoded: Encoded
    reading: Reading
    target_class: str


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """One sentence after encoding and one forward pass."""

    encoded: Encoded
    reading: Reading
    attribution: Attribution
    embeddings: np.ndarray
    mass: np.ndarray
    uniform: bool

    def for_controls(self) -> SideMass:
        members = [group for found in self.encoded.maps for group in found.members]
        return SideMass(
            mass=self.mass,
            scores=self.attribution.scores,
            segments=np.array([unit.segment for unit in self.attribution.units]),
            subword_counts=np.array([len(group) for group in members], dtype=float),
        )


def _never() -> bool:
    return False


def attribute(
    model: Model, sentences: Sequence[Sentence], config: Config | None = None
) -> list[Attribution]:
    """Layer integrated gradients of every sentence, in order, batched.

    `target_class` "auto" and "each" explain each sentence's own prediction. Raises CctaError on a
    layer or class the model does not have.
    """
    config = config or Config()
    model.check_layer(config.layer)
    encoded = [model.encode(sentence) for sentence in sentences]
    readings = read(model, encoded, [config.layer], precision=config.precision)
    return _attributions(
        model, _inputs(model, encoded, readings, config.target_class), config, _never
    )


def compare(
    model: Model,
    source: Sentence,
    target: Sentence,
    config: Config | None = None,
    stop: Stop = _never,
) -> PairResult:
    """Both attributions, the plan between them, EMS and every control (docs/method.md, 2 to 4).

    `target_class` "auto" explains the source's predicted class on both sides. Raises CctaError on a
    layer, class or alignment layer the model does not have, StoppedError soon after `stop` is true.
    """
    config = config or Config()
    _check(model, source, target, config)
    label = _target(model, source, config)
    strangers = unrelated_sentences(
        model.info.task, target, label, count=config.unrelated, seed=config.seed
    )
    sides = _sides(model, [source, target, *strangers], label, config, stop)
    space, plan = _transport(model, sides[0], sides[1], config)
    chance = [_transport(model, sides[0], side, config)[1].ems for side in sides[2:]]
    return PairResult(
        model=model.id,
        revision=model.revision,
        task=model.info.task,
        target_class=sides[0].attribution.target_class,
        layer=config.layer,
        align_layer=_align_layer(model, config),
        space=space.name,
        seed=config.seed,
        n_shuffles=config.shuffles,
        source=sides[0].attribution,
        target=sides[1].attribution,
        source_mass=sides[0].mass,
        target_mass=sides[1].mass,
        plan=plan,
        similarity=space.similarity,
        controls=controls(
            Compared(sides[0].for_controls(), sides[1].for_controls(), space.similarity, plan),
            shuffles=config.shuffles,
            seed=config.seed,
            links=mutual_links(space.similarity),
            unrelated=chance,
        ),
        notices=tuple(_notices(model, sides[:2], space, config)),
        provenance=_provenance(model, config),
    )


def compare_cached(
    model: Model,
    source: Sentence,
    target: Sentence,
    config: Config | None = None,
    stop: Stop = _never,
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


def _check(model: Model, source: Sentence, target: Sentence, config: Config) -> None:
    model.check_layer(config.layer)
    depth = model.hf_model.config.num_hidden_layers
    if config.align_layer is not None and not 0 <= config.align_layer <= depth:
        raise CctaError(f"align layer {config.align_layer} is out of range; expected 0 to {depth}")
    if (source.text2 is None) != (target.text2 is None):
        raise CctaError(
            "one side has two texts and the other one; give a second text on both sides or on none"
        )
    if config.target_class not in ("auto", "each"):
        model.class_index(config.target_class)


def _inputs(
    model: Model, encoded: Sequence[Encoded], readings: Sequence[Reading], asked: str
) -> list[_Input]:
    return [
        _Input(item, reading, _own_class(model, reading, asked))
        for item, reading in zip(encoded, readings, strict=True)
    ]


def _target(model: Model, source: Sentence, config: Config) -> str:
    """The class both sides explain, or "each"."""
    if config.target_class != "auto":
        return config.target_class
    reading = read(model, [model.encode(source)], [], precision=config.precision)[0]
    return _own_class(model, reading, "auto")


def _own_class(model: Model, reading: Reading, asked: str) -> str:
    if asked in ("auto", "each"):
        return model.labels[int(reading.logits.argmax())]
    return model.labels[model.class_index(asked)]


def _sides(
    model: Model, sentences: Sequence[Sentence], label: str, config: Config, stop: Stop
) -> list[_Side]:
    at = _align_layer(model, config)
    encoded = [model.encode(sentence) for sentence in sentences]
    readings = read(model, encoded, sorted({config.layer, at}), precision=config.precision)
    found = _attributions(model, _inputs(model, encoded, readings, label), config, stop)
    sides = []
    for item, reading, attribution in zip(encoded, readings, found, strict=True):
        masses, uniform = mass(attribution.scores, attribution.norms, config.mass)
        counts = unit_sums(item, np.ones(item.length))
        states = unit_sums(item, reading.states[at].cpu().numpy()) / counts[:, None]
        sides.append(_Side(item, reading, attribution, states, masses, uniform))
    return sides


def _attributions(
    model: Model, inputs: Sequence[_Input], config: Config, stop: Stop
) -> list[Attribution]:
    encoded = [one.encoded for one in inputs]
    starts = baselines(
        model, encoded, config.layer, kind=config.baseline, precision=config.precision
    )
    paths = [
        Path(
            one.encoded,
            start,
            one.reading.states[config.layer] - start,
            model.class_index(one.target_class),
        )
        for one, start in zip(inputs, starts, strict=True)
    ]
    integrals = integrate(model, paths, config, stop)
    return [_attribution(model, one, found) for one, found in zip(inputs, integrals, strict=True)]


def _attribution(model: Model, one: _Input, found: Integral) -> Attribution:
    item, absolute, vectors = one.encoded, np.abs(found.scores), found.vectors
    return Attribution(
        sentence=item.sentence,
        units=tuple(unit for units in item.maps for unit in units.units),
        scores=unit_sums(item, found.scores),
        subwords=item.tokens,
        subword_scores=found.scores,
        special_share=_share(absolute[item.special.numpy()].sum(), absolute.sum()),
        target_class=one.target_class,
        prediction=_probabilities(model, one.reading),
        f_input=found.f_input,
        f_baseline=found.f_baseline,
        completeness_error=found.completeness_error,
        mass_shift=found.mass_shift,
        converged=found.converged,
        evaluations=found.evaluations,
        truncated=item.truncated,
        norms=None if vectors is None else np.linalg.norm(unit_sums(item, vectors), axis=1),
    )


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else 0.0


def _probabilities(model: Model, reading: Reading) -> dict[str, float]:
    shares = reading.logits.double().softmax(0).tolist()
    return dict(zip(model.labels, shares, strict=True))


def _transport(
    model: Model, source: _Side, target: _Side, config: Config
) -> tuple[CommonSpace, TransportPlan]:
    space = similarities(
        model.info,
        _align_layer(model, config),
        (
            (source.attribution.lang, source.embeddings),
            (target.attribution.lang, target.embeddings),
        ),
        config.space,
    )
    return space, ems(source.mass, target.mass, space.similarity)


def _align_layer(model: Model, config: Config) -> int:
    return model.info.align_layer if config.align_layer is None else config.align_layer


def _notices(
    model: Model, sides: Sequence[_Side], space: CommonSpace, config: Config
) -> Iterator[str]:
    """What a reader must know beside the numbers, a sentence each."""
    if config.layer > 0:
        yield (
            f"At layer {config.layer} every position has mixed with its neighbours: "
            "it is no longer a word alone."
        )
    if space.notice:
        yield space.notice
    for name, side in zip(("source", "target"), sides, strict=True):
        yield from _side_notices(model, name, side)


def _side_notices(model: Model, name: str, side: _Side) -> Iterator[str]:
    found = side.attribution
    if found.truncated:
        yield f"The {name} text was cut to the model's {model.max_tokens} tokens."
    if not found.converged:
        yield (
            f"The {name} attribution did not converge: completeness error "
            f"{found.completeness_error:.1%} after {found.evaluations} evaluations."
        )
    if found.special_share > _MUCH_ON_SPECIALS:
        yield f"Special tokens carry {found.special_share:.0%} of the {name} attribution."
    if side.uniform:
        yield f"No unit of the {name} has attribution of this kind: its mass is uniform."
    if model.info.task == "nli" and found.sentence.text2 is None:
        yield f"The {name} has no hypothesis: this model was trained on pairs of texts."


def _provenance(model: Model, config: Config) -> dict[str, str | float | int]:
    return {
        "method": "layer integrated gradients",
        "baseline": config.baseline,
        "objective": config.objective,
        "mass": config.mass,
        "quadrature": config.quadrature.rule,
        "precision": config.precision,
        "unrelated": config.unrelated,
        "device": model.device.type,
        "config": config.fingerprint,
        "ccta": version("ccta-explorer"),
        "torch": version("torch"),
        "transformers": version("transformers"),
        "pot": version("pot"),
        "python": platform.python_version(),
    }
