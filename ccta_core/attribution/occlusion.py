"""Occlusion: how much F falls when one unit is taken away (after Zeiler and Fergus, 2014)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ccta_core.attribution.batches import autocast, in_batches
from ccta_core.attribution.objective import objective
from ccta_core.attribution.protocol import Request, Scores, Stop, never
from ccta_core.attribution.readings import baselines
from ccta_core.config import Config
from ccta_core.models.model import Encoded, Model, pad_batch


@dataclass(frozen=True, slots=True, eq=False)
class _OccludedItem:
    """A request and its baseline's activations. Shape: `blank` (tokens, width)."""

    request: Request
    blank: torch.Tensor

    def without(self, positions: tuple[int, ...]) -> torch.Tensor:
        """Returns the states with the baseline's at some positions. Shape: (tokens, width)."""
        if not positions:
            return self.request.states
        taken = self.request.states.clone()
        taken[list(positions)] = self.blank[list(positions)]
        return taken


_WHOLE: tuple[int, ...] = ()
"""The row in which nothing is taken away."""


def occlusion(
    model: Model, requests: Sequence[Request], config: Config, stop: Stop = never
) -> list[Scores]:
    """a_u = F(h) - F(h with the positions of unit u as in the baseline), at `config.layer`.

    Whole units are taken away; each score is split evenly over the unit's subwords, so that the
    subwords add up to it. Specials and what belongs to no unit get 0. Above the embeddings the
    other positions have already read the unit: what is measured is the position, not the word.
    Forward passes only, one a unit and one for the input.
    """
    encoded = [request.encoded for request in requests]
    lacking = [request.encoded for request in requests if request.baseline is None]
    computed = iter(baselines(model, lacking, [config.layer], kind=config.baseline))
    items = [
        _OccludedItem(request, (request.baseline or next(computed)).states[config.layer])
        for request in requests
    ]
    groups = [
        (_WHOLE, *(members for segment in item.maps for members in segment.members))
        for item in encoded
    ]
    rows = [(index, group) for index, of_item in enumerate(groups) for group in of_item]
    values = iter(_values(model, items, rows, config, stop))
    return [
        _scores(item, of_item, np.array([next(values) for _ in of_item]), config)
        for item, of_item in zip(encoded, groups, strict=True)
    ]


def _scores(
    encoded: Encoded, groups: Sequence[tuple[int, ...]], values: np.ndarray, config: Config
) -> Scores:
    scores = np.zeros(encoded.length)
    for group, value in zip(groups[1:], values[1:], strict=True):
        scores[list(group)] = (values[0] - value) / len(group)
    return Scores(
        scores=scores,
        f_input=float(values[0]),
        evaluations=len(values),
        precision=config.precision,
    )


def _values(
    model: Model,
    items: Sequence[_OccludedItem],
    rows: Sequence[tuple[int, tuple[int, ...]]],
    config: Config,
    stop: Stop,
) -> list[float]:
    """Returns F of every (request, positions taken away), in order, packed by length."""
    suffix = model.layer_suffix(config.layer)
    lengths = [items[index].request.encoded.length for index, _ in rows]

    def forward(batch: list[int]) -> list[float]:
        chosen = [rows[index] for index in batch]
        requests = [items[index].request for index, _ in chosen]
        inputs = model.inputs([request.encoded for request in requests])
        states = pad_batch([items[index].without(group) for index, group in chosen], 0.0)
        with torch.inference_mode(), autocast(model.device, config.precision):
            logits = suffix(states, inputs)
        targets = [request.target for request in requests]
        outputs = objective(logits, targets, inputs["attention_mask"], config.objective)
        return [float(output) for output in outputs]

    values: dict[int, float] = {}
    for batch, outputs in in_batches(model, lengths, forward, stop=stop, gradients=False):
        values |= zip(batch, outputs, strict=True)
    return [values[index] for index in range(len(rows))]
