"""EMS and its gain over shuffled masses for every item, pair of languages and setting."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ccta_core.attribution.protocol import Baseline, Stop, never
from ccta_core.config import Config
from ccta_core.consistency import Compared, shuffled
from ccta_core.corpus.labels import gold_class
from ccta_core.errors import CctaError
from ccta_core.models.catalog import SCORES
from ccta_core.models.model import Model
from ccta_core.pipeline.sentences import (
    ForwardPass,
    Input,
    attributions,
    baselines_of,
    forward,
    select_targets,
)
from ccta_core.pipeline.sides import Side, align_layer, common_space, side_of
from ccta_core.sensitivity.settings import SensitivityDesign, Setting, run_config
from ccta_core.transport import ems
from ccta_core.types import Attribution, ParallelExample, in_order

Key = tuple[int, str, str]
"""(item, language, class): what is attributed once."""


@dataclass(frozen=True, slots=True, eq=False)
class SettingResult:
    """What one setting gives. Shape: `ems` and `gain` (items, pairs); the rest are means.

    `completeness_error` and `converged` are None where the method claims no completeness;
    `uniform` is the share of sides on which no unit had attribution of the mass's kind.
    """

    setting: Setting
    ems: np.ndarray
    gain: np.ndarray
    completeness_error: float | None
    converged: float | None
    evaluations: float
    special_share: float
    uniform: float


@dataclass(frozen=True, slots=True, eq=False)
class Measurements:
    """All settings in order and two controls, both (items, pairs).

    `uniform` is EMS without attributions; `repeat` the gain of the first setting with other
    shuffles: how far a ranking by gain agrees with itself.
    """

    settings: tuple[SettingResult, ...]
    uniform: np.ndarray
    notices: tuple[str, ...]
    repeat: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class _Inputs:
    """Every sentence after its forward pass with what is explained of it, and its baselines.

    `keys[item][pair]` holds the keys of both sides; `baselines` is kind -> key -> baseline.
    """

    model: Model
    by_key: Mapping[Key, Input]
    keys: tuple[tuple[tuple[Key, Key], ...], ...]
    baselines: Mapping[str, Mapping[Key, Baseline | None]]

    def sides(self, attributed: Mapping[Key, Attribution], config: Config) -> dict[Key, Side]:
        """Every side with its masses by `config.mass`."""
        return {
            key: side_of(self.model, self.by_key[key], attribution, config)
            for key, attribution in attributed.items()
        }


def measure(
    model: Model,
    design: SensitivityDesign,
    report: Callable[[str], None] = lambda _line: None,
    stop: Stop = never,
) -> Measurements:
    """Measures every setting; each sentence is read once, each method runs once for all masses.

    The shuffles are drawn from one seed: every setting is compared with the same permutations.
    `report` is told each run of a method in one line. Raises CctaError on a layer or class the
    model does not have, StoppedError on `stop`.
    """
    for setting in design.settings:
        model.check_layer(setting.layer)
    inputs = _read_inputs(model, design)
    results: dict[Setting, SettingResult] = {}
    spaces: Mapping[tuple[int, int], np.ndarray] = {}
    notices: Sequence[str] = ()
    runs = list(dict.fromkeys((s.method, s.layer, s.baseline) for s in design.settings))
    for number, run in enumerate(runs, 1):
        settings = [s for s in design.settings if (s.method, s.layer, s.baseline) == run]
        label = " ".join(str(part) for part in run if part is not None)
        report(f"{number}/{len(runs)} {label}: {len(inputs.by_key)} sentences")
        attributed = _attribute(inputs, settings, design.config, stop)
        if not spaces:  # the units' embeddings are the same under every setting
            spaces, notices = _similarities(inputs, attributed, design.config)
        for setting in settings:
            results[setting] = _result(setting, inputs, attributed, spaces, design.config)
        if design.settings[0] in settings:
            reseeded = replace(design.config, seed=(design.config.seed + 1) % 2**32)
            repeat = _result(design.settings[0], inputs, attributed, spaces, reseeded).gain
    # EMS of equal masses: what the embeddings give without any attribution.
    uniform = [ems(np.ones(len(s)), np.ones(s.shape[1]), s).ems for s in spaces.values()]
    return Measurements(
        tuple(results[setting] for setting in design.settings),
        np.reshape(uniform, (len(design.items), len(design.pairs))),
        tuple(notices),
        repeat,
    )


def _read_inputs(model: Model, design: SensitivityDesign) -> _Inputs:
    """One forward pass of every sentence; targets and baselines for every class explained."""
    places = [
        (index, lang)
        for index in range(len(design.items))
        for lang in dict.fromkeys(lang for pair in design.pairs for lang in pair)
    ]
    sentences = [design.items[index].sentences[lang] for index, lang in places]
    layers = sorted({align_layer(model, design.config), *(s.layer for s in design.settings)})
    passes = dict(zip(places, forward(model, sentences, layers), strict=True))
    keys = []
    for index, item in enumerate(design.items):
        of_item = []
        for source, target in design.pairs:
            label = _label(model, item, passes[index, source], design.target)
            of_item.append(((index, source, label), (index, target, label)))
        keys.append(tuple(of_item))
    once = dict.fromkeys(key for of_item in keys for pair in of_item for key in pair)
    inputs = {key: select_targets(model, [passes[key[:2]]], key[2], layers)[0] for key in once}
    kinds = dict.fromkeys(s.baseline for s in design.settings if s.baseline)
    baselines = {
        kind: dict(
            zip(
                inputs,
                baselines_of(
                    model,
                    list(inputs.values()),
                    layers,
                    replace(design.config, method="lig", baseline=kind),
                ),
                strict=True,
            )
        )
        for kind in kinds
    }
    return _Inputs(model, inputs, tuple(keys), baselines)


def _label(model: Model, item: ParallelExample, source: ForwardPass, kind: str) -> str:
    """The class that both sides of an item explain."""
    logits = source.output.logits[0]
    if len(logits) != 1:
        raise CctaError(f"{model.id} is no classifier; the sensitivity of classes is measured")
    if kind == "source":
        if model.info.outputs == SCORES and len(model.labels) > 1:
            raise CctaError(f"{model.id} gives several scores, of which none is the prediction")
        return model.labels[int(logits[0].argmax())]
    return gold_class(item.label, model.labels, item=item.id, model=model.id)


def _attribute(
    inputs: _Inputs, settings: Sequence[Setting], config: Config, stop: Stop
) -> dict[Key, Attribution]:
    """One call of a method for all sentences; vectors only where a mass needs them."""
    config = run_config(settings, config)
    baselines = inputs.baselines.get(settings[0].baseline or "", {})
    starts = [baselines.get(key) for key in inputs.by_key]
    attributed = attributions(inputs.model, list(inputs.by_key.values()), config, stop, starts)
    return dict(zip(inputs.by_key, attributed, strict=True))


def _similarities(
    inputs: _Inputs, attributed: Mapping[Key, Attribution], config: Config
) -> tuple[dict[tuple[int, int], np.ndarray], list[str]]:
    """The cosines of the units of every (item, pair), in order; what the spaces have to tell."""
    sides = inputs.sides(attributed, config)
    spaces = {
        (item, pair): common_space(inputs.model, sides[source], sides[target], config)
        for item, of_item in enumerate(inputs.keys)
        for pair, (source, target) in enumerate(of_item)
    }
    notices = dict.fromkeys(space.notice for space in spaces.values() if space.notice)
    return {place: space.similarity for place, space in spaces.items()}, list(notices)


def _result(
    setting: Setting,
    inputs: _Inputs,
    attributed: Mapping[Key, Attribution],
    spaces: Mapping[tuple[int, int], np.ndarray],
    config: Config,
) -> SettingResult:
    config = replace(config, mass=setting.mass)
    sides = inputs.sides(attributed, config)
    values = np.empty((len(inputs.keys), len(inputs.keys[0]), 2))
    for (item, pair), similarity in spaces.items():
        source, target = (sides[key] for key in inputs.keys[item][pair])
        plan = ems(source.mass, target.mass, similarity)
        compared = Compared(source.for_controls(), target.for_controls(), similarity, plan)
        # `compare` draws its shuffles in one order of the two, whichever is called source.
        sentences = (source.attribution.sentence, target.attribution.sentence)
        if in_order(*sentences)[0] != sentences[0]:
            compared = compared.turned
        null = shuffled(
            compared.source, compared.target, compared.similarity,
            shuffles=config.shuffles, seed=config.seed,
        )  # fmt: skip
        values[item, pair] = plan.ems, plan.ems - null.mean()
    results = list(attributed.values())
    errors = [a.completeness_error for a in results if a.completeness_error is not None]
    return SettingResult(
        setting=setting,
        ems=values[..., 0],
        gain=values[..., 1],
        completeness_error=float(np.mean(errors)) if errors else None,
        converged=float(np.mean([a.converged for a in results])) if errors else None,
        evaluations=float(np.mean([a.evaluations for a in results])),
        special_share=float(np.mean([a.special_share for a in results])),
        uniform=float(np.mean([side.uniform for side in sides.values()])),
    )
