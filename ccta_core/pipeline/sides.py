"""One side of a comparison: its attribution, masses and embeddings, and what lies between two."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ccta_core.arrangements import SideMass
from ccta_core.attribution.integrated_gradients import unit_means
from ccta_core.attribution.protocol import Baseline, Stop
from ccta_core.config import Config
from ccta_core.consistency import mass
from ccta_core.models.model import Model
from ccta_core.pipeline.sentences import Input, attributions
from ccta_core.space.maps import CommonSpace, similarities
from ccta_core.transport import ems
from ccta_core.types import Attribution, TransportPlan


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One sentence with its attribution, its masses and its units' embeddings.

    Shape: `embeddings` (units, width), `mass` (units,); `uniform`: all attributions were 0.
    """

    input: Input
    attribution: Attribution
    embeddings: np.ndarray
    mass: np.ndarray
    uniform: bool

    def for_controls(self) -> SideMass:
        """Returns what the controls need of it."""
        members = [group for segment in self.input.encoded.maps for group in segment.members]
        return SideMass(
            mass=self.mass,
            scores=self.attribution.scores,
            segments=np.array([unit.segment for unit in self.attribution.units]),
            subword_counts=np.array([len(group) for group in members], dtype=float),
        )


def sides_of(
    model: Model,
    inputs: Sequence[Input],
    config: Config,
    stop: Stop,
    starts: Sequence[Baseline | None] = (),
) -> list[Side]:
    """Returns attributions, masses and embeddings of the inputs, whose readings hold both layers.

    `starts` holds the baselines, where they have been read already.
    """
    explained = attributions(model, inputs, config, stop, starts)
    return [
        side_of(model, item, attribution, config)
        for item, attribution in zip(inputs, explained, strict=True)
    ]


def side_of(model: Model, item: Input, attribution: Attribution, config: Config) -> Side:
    """Returns the side of an attributed input: its masses by `config.mass` and its embeddings."""
    masses, uniform = mass(attribution.scores, attribution.norms, config.mass)
    states = item.reading.states[align_layer(model, config)]
    return Side(item, attribution, unit_means(item.encoded, states.cpu().numpy()), masses, uniform)


class Transported(NamedTuple):
    """The space in which two sides' units are compared, and the plan between their masses."""

    space: CommonSpace
    plan: TransportPlan


def transport(model: Model, source: Side, target: Side, config: Config) -> Transported:
    """Returns the similarities of two sides' units and the optimal plan between their masses."""
    space = common_space(model, source, target, config)
    return Transported(space, ems(source.mass, target.mass, space.similarity))


def common_space(model: Model, source: Side, target: Side, config: Config) -> CommonSpace:
    """Returns the similarities of two sides' units, which their masses have no part in."""
    return similarities(
        model.info,
        align_layer(model, config),
        (
            (source.attribution.lang, source.embeddings),
            (target.attribution.lang, target.embeddings),
        ),
        config.space,
    )


def align_layer(model: Model, config: Config) -> int:
    """Returns the layer of the embeddings that are compared: the config's, else the model's own."""
    return model.info.align_layer if config.align_layer is None else config.align_layer
