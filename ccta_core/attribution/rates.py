"""F and every token's contribution to its slope at points of the paths, batched."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from ccta_core.attribution.batches import autocast, backward, in_batches
from ccta_core.attribution.objective import finite, objective
from ccta_core.attribution.protocol import Stop
from ccta_core.attribution.quadrature import Node
from ccta_core.config import Config
from ccta_core.models.heads import Target
from ccta_core.models.model import Encoded, Model, pad_batch

Row = tuple[int, float]
"""A path (its index) and a point on it."""


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """The straight line from a baseline's activations to the input's, and what to explain.

    Shape: `baseline` and `delta` (input - baseline) are (tokens, width). `f_baseline` and `f_input`
    are F at the two ends, where a reading of the whole text has told them already.
    """

    encoded: Encoded
    baseline: torch.Tensor
    delta: torch.Tensor
    target: Target
    f_baseline: float | None = None
    f_input: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Batch:
    """Rows of several paths, padded. Shape: `states` and `delta` (rows, tokens, width)."""

    states: torch.Tensor
    delta: torch.Tensor
    inputs: dict[str, torch.Tensor]
    targets: list[Target]
    lengths: list[int]


def rates(
    model: Model, paths: Sequence[Path], rows: Sequence[Row], config: Config, stop: Stop
) -> Iterator[tuple[Row, Node]]:
    """Yields the node of every row, in the order in which the batches are done.

    Raises CctaError where the model returns numbers that are not finite.
    """
    suffix = model.layer_suffix(config.layer)

    def slopes(chosen: list[int]) -> list[tuple[Row, Node]]:
        batch = _batch(model, paths, [rows[index] for index in chosen])
        states = batch.states.requires_grad_()
        with autocast(model.device, config.precision):
            logits = suffix(states, batch.inputs)
        mask = batch.inputs["attention_mask"]
        outputs = objective(logits, batch.targets, mask, config.objective)
        with backward(model.device, config.precision):
            (gradient,) = torch.autograd.grad(outputs.sum(), states)
        vectors = gradient * batch.delta
        sums = vectors.sum(-1).double().cpu().numpy()
        kept = vectors.cpu().numpy() if config.mass == "norm" else None
        return [
            (
                rows[index],
                Node(value, sums[row, :length], None if kept is None else kept[row, :length]),
            )
            for row, (index, value, length) in enumerate(
                zip(chosen, finite(outputs), batch.lengths, strict=True)
            )
        ]

    lengths = [paths[index].encoded.length for index, _ in rows]
    for _, nodes in in_batches(model, lengths, slopes, stop=stop):
        yield from nodes


def values(
    model: Model, paths: Sequence[Path], rows: Sequence[Row], config: Config, stop: Stop
) -> dict[Row, float]:
    """Returns F at every row, in float32 and without gradients."""
    suffix = model.layer_suffix(config.layer)

    def forward(chosen: list[int]) -> list[float]:
        batch = _batch(model, paths, [rows[index] for index in chosen])
        with torch.inference_mode():
            logits = suffix(batch.states, batch.inputs)
            mask = batch.inputs["attention_mask"]
            return finite(objective(logits, batch.targets, mask, config.objective))

    lengths = [paths[index].encoded.length for index, _ in rows]
    return {
        rows[index]: value
        for chosen, outputs in in_batches(model, lengths, forward, stop=stop, gradients=False)
        for index, value in zip(chosen, outputs, strict=True)
    }


def _batch(model: Model, paths: Sequence[Path], rows: Sequence[Row]) -> _Batch:
    """Collates rows to one batch. A path is padded and moved once, however many of its points
    are in it.
    """
    used = {index: place for place, index in enumerate(dict.fromkeys(index for index, _ in rows))}
    items = [paths[index] for index in used]
    places = torch.tensor([used[index] for index, _ in rows], device=model.device)
    point = torch.tensor([point for _, point in rows], device=model.device)[:, None, None]
    delta = pad_batch([item.delta for item in items], 0.0)[places]
    states = pad_batch([item.baseline for item in items], 0.0)[places] + point * delta
    inputs = model.inputs([item.encoded for item in items])
    return _Batch(
        states=states,
        delta=delta,
        inputs={name: tensor[places] for name, tensor in inputs.items()},
        targets=[paths[index].target for index, _ in rows],
        lengths=[paths[index].encoded.length for index, _ in rows],
    )
