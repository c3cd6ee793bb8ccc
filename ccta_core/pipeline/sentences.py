"""From sentences to attributions: read, select what is explained, attribute."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ccta_core.attribution.integrated_gradients import unit_sums
from ccta_core.attribution.methods import method, traits
from ccta_core.attribution.protocol import Baseline, Request, Scores, Stop, never
from ccta_core.attribution.readings import Reading, baselines, read
from ccta_core.config import Config
from ccta_core.errors import CctaError
from ccta_core.models.catalog import CLASSES
from ccta_core.models.model import Encoded, Model
from ccta_core.tasks import Explained, ModelOutput, task_of
from ccta_core.types import Attribution, Sentence


@dataclass(frozen=True, slots=True, eq=False)
class ForwardPass:
    """A sentence after one forward pass of each of its windows.

    The readings hold states where there is one window only: of several, one is explained.
    """

    output: ModelOutput
    readings: tuple[Reading, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Input:
    """One sentence as the model read it, in the window that is explained, and what is explained."""

    output: ModelOutput
    explained: Explained
    reading: Reading

    @property
    def encoded(self) -> Encoded:
        """The tokens of the window."""
        return self.output.windows[self.explained.window].encoded

    @property
    def question_cut(self) -> bool:
        """Whether a part of the question was left out."""
        return self.output.windows[self.explained.window].question_cut


def attribute(
    model: Model, sentences: Sequence[Sentence], config: Config | None = None
) -> list[Attribution]:
    """Returns the attribution of every sentence by `config.method`, in order, batched.

    `target_class` "auto" explains each sentence's focus or its own prediction, "each" its own
    prediction. Raises CctaError on a layer or class the model does not have, and on a sentence that
    is not one for its head.
    """
    config = config or Config()
    check(model, sentences, config)
    passes = forward(model, sentences, [config.layer])
    inputs = select_targets(model, passes, config.target_class, [config.layer])
    return attributions(model, inputs, config)


def predict(
    model: Model, sentences: Sequence[Sentence], config: Config | None = None
) -> list[Explained]:
    """Returns what the head predicts of every sentence, in order: one forward pass, nothing
    attributed.

    Raises CctaError as `attribute` does.
    """
    check(model, sentences, config or Config())
    task = task_of(model.info.task)
    outputs = [each.output for each in forward(model, sentences, [])]
    return [task.explain(model, output, task.label(model, output, "each")) for output in outputs]


def attribute_layers(
    model: Model,
    sentences: Sequence[Sentence],
    layers: Sequence[int],
    config: Config | None = None,
) -> dict[int, list[Attribution]]:
    """Returns the attribution of every sentence at every layer of `layers`, in one sweep.

    The sentences and their baselines are read once for all layers; `config.layer` does not count.
    Raises CctaError as `attribute` does, and on no layer at all.
    """
    config = config or Config()
    if not layers:
        raise CctaError("there is no layer to attribute; expected at least one")
    for layer in layers:
        check(model, sentences, config.with_layer(layer))
    passes = forward(model, sentences, layers)
    inputs = select_targets(model, passes, config.target_class, layers)
    starts = baselines_of(model, inputs, layers, config)
    return {
        layer: attributions(model, inputs, config.with_layer(layer), starts=starts)
        for layer in layers
    }


def check(model: Model, sentences: Sequence[Sentence], config: Config) -> None:
    """Raises CctaError on a layer, class, mass or sentence that this model or method can't do."""
    model.check_layer(config.layer)
    for sentence in sentences:
        task_of(model.info.task).check(model, sentence, config.target_class)
    if config.objective == "margin" and model.info.outputs != CLASSES:
        raise CctaError(
            f"a margin is the logit of a class over those of its rivals, and the columns of "
            f"{model.id} are {model.info.outputs}, which have none; expected the objective logit"
        )
    if config.mass == "norm" and not traits(config.method).vectors:
        raise CctaError(
            f"the method {config.method} has no vectors whose length could be the mass; "
            "expected mass abs, positive or negative"
        )


def forward(
    model: Model, sentences: Sequence[Sentence], layers: Sequence[int]
) -> list[ForwardPass]:
    """Runs one forward pass of every window, batched; `layers` are kept of sentences with one
    window.
    """
    windows = [task_of(model.info.task).windows(model, sentence) for sentence in sentences]
    short = [parts[0].encoded for parts in windows if len(parts) == 1]
    long = [window.encoded for parts in windows if len(parts) > 1 for window in parts]
    of_short = iter(_read(model, short, layers))
    of_long = iter(_read(model, long, []))
    passes = []
    for sentence, parts in zip(sentences, windows, strict=True):
        readings = tuple(next(of_short if len(parts) == 1 else of_long) for _ in parts)
        logits = tuple(reading.logits for reading in readings)
        passes.append(ForwardPass(ModelOutput(sentence, parts, logits), readings))
    return passes


def pair_label(model: Model, source: ForwardPass, config: Config) -> str:
    """Returns the class that both sides of a pair explain, or "each"; "auto" is the source's."""
    if config.target_class != "auto":
        return config.target_class
    return task_of(model.info.task).label(model, source.output, "auto")


def select_targets(
    model: Model, passes: Sequence[ForwardPass], label: str, layers: Sequence[int]
) -> list[Input]:
    """Returns what is explained of every sentence ("each" and "auto": of itself), and its
    states.
    """
    task = task_of(model.info.task)
    outputs = [item.output for item in passes]
    explained = [
        task.explain(model, output, task.label(model, output, label)) for output in outputs
    ]
    # Of several windows only the one that is explained is read again, for its states.
    again = [
        output.windows[target.window].encoded
        for output, target in zip(outputs, explained, strict=True)
        if len(output.windows) > 1
    ]
    with_states = iter(_read(model, again, layers))
    readings = [
        item.readings[0] if len(item.readings) == 1 else next(with_states) for item in passes
    ]
    return [Input(*parts) for parts in zip(outputs, explained, readings, strict=True)]


def _read(model: Model, encoded: Sequence[Encoded], layers: Sequence[int]) -> list[Reading]:
    """Reads as `read` does and checks the numbers: NaN must become neither an answer nor a
    picture.
    """
    readings = read(model, encoded, layers)
    for reading in readings:
        if not all(t.isfinite().all() for t in (reading.logits, *reading.states.values())):
            raise CctaError(
                f"{model.id} returned numbers that are not finite; check its weights or use fp32"
            )
    return readings


def baselines_of(
    model: Model, inputs: Sequence[Input], layers: Sequence[int], config: Config
) -> list[Baseline | None]:
    """Returns the baseline of every input with its states at `layers`; None where a method has
    none.
    """
    if not traits(config.method).baselines:
        return [None] * len(inputs)
    encoded = [item.encoded for item in inputs]
    return list(baselines(model, encoded, layers, kind=config.baseline))


def attributions(
    model: Model,
    inputs: Sequence[Input],
    config: Config,
    stop: Stop = never,
    starts: Sequence[Baseline | None] = (),
) -> list[Attribution]:
    """Returns the attribution of every input at `config.layer`, whose states its reading holds.

    `starts` holds the baselines, where they have been read already.
    """
    requests = [
        Request(
            encoded=item.encoded,
            states=item.reading.states[config.layer],
            target=item.explained.target,
            baseline=start,
            logits=item.reading.logits,
        )
        for item, start in zip(inputs, starts or [None] * len(inputs), strict=True)
    ]
    results = method(config.method)(model, requests, config, stop)
    outputs = model.info.outputs
    return [
        _attribution(item, scores, outputs) for item, scores in zip(inputs, results, strict=True)
    ]


def _attribution(item: Input, result: Scores, outputs: str) -> Attribution:
    encoded, explained = item.encoded, item.explained
    absolute, vectors = np.abs(result.scores), result.vectors
    special, total = absolute[encoded.special.numpy()].sum(), absolute.sum()
    return Attribution(
        sentence=encoded.sentence,
        units=tuple(unit for segment in encoded.maps for unit in segment.units),
        scores=unit_sums(encoded, result.scores),
        subwords=encoded.tokens,
        subword_scores=result.scores,
        special_share=float(special / total) if total > 0 else 0.0,
        target_class=explained.label,
        prediction=explained.prediction,
        outputs=outputs,
        head_scores=explained.head_scores,
        f_input=result.f_input,
        f_baseline=result.f_baseline,
        completeness_error=result.completeness_error,
        mass_error=result.mass_error,
        converged=result.converged,
        evaluations=result.evaluations,
        truncated=encoded.truncated or item.question_cut,
        norms=None if vectors is None else np.linalg.norm(unit_sums(encoded, vectors), axis=1),
        focus=explained.focus,
        windows=len(item.output.windows),
    )
