"""Methods that need one gradient at the input: input x gradient and the gradient's norm."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ccta_core.attribution.batches import autocast, backward, in_batches
from ccta_core.attribution.objective import objective
from ccta_core.attribution.protocol import Request, Scores, Stop, never
from ccta_core.config import Config
from ccta_core.models.model import Model, pad_batch


@dataclass(frozen=True, slots=True, eq=False)
class _Slope:
    """F and its gradient at one input. Shape: `gradient` (tokens, width)."""

    value: float
    gradient: np.ndarray


def input_x_gradient(
    model: Model, requests: Sequence[Request], config: Config, stop: Stop = never
) -> list[Scores]:
    """a_t = sum_d h[t,d] * dF/dh[t,d] at the input (Shrikumar, Greenside, Kundaje, 2016).

    Signed. It is integrated gradients from the zero vector where F is linear in h.
    """
    results = []
    slopes = _slopes(model, requests, config, stop)
    for request, slope in zip(requests, slopes, strict=True):
        products = slope.gradient * request.states.cpu().numpy()
        results.append(
            Scores(
                scores=products.sum(-1, dtype=np.float64),
                vectors=products if config.mass == "norm" else None,
                f_input=slope.value,
                precision=config.precision,
            )
        )
    return results


def gradient_norm(
    model: Model, requests: Sequence[Request], config: Config, stop: Stop = never
) -> list[Scores]:
    """a_t = ||dF/dh[t]||_2 at the input (after Simonyan, Vedaldi, Zisserman, 2014).

    It has no sign: it says how much F depends on a token, not which way.
    """
    return [
        Scores(
            scores=np.linalg.norm(slope.gradient.astype(np.float64), axis=-1),
            f_input=slope.value,
            precision=config.precision,
        )
        for slope in _slopes(model, requests, config, stop)
    ]


def _slopes(model: Model, requests: Sequence[Request], config: Config, stop: Stop) -> list[_Slope]:
    """Runs one forward and one backward pass for every request, packed by length."""
    suffix = model.layer_suffix(config.layer)
    lengths = [request.encoded.length for request in requests]

    def slopes(batch: list[int]) -> list[_Slope]:
        chosen = [requests[index] for index in batch]
        inputs = model.inputs([request.encoded for request in chosen])
        x = pad_batch([request.states for request in chosen], 0.0).requires_grad_()
        with autocast(model.device, config.precision):
            logits = suffix(x, inputs)
        targets = [request.target for request in chosen]
        values = objective(logits, targets, inputs["attention_mask"], config.objective)
        with backward(model.device, config.precision):
            (gradients,) = torch.autograd.grad(values.sum(), x)
        return [
            _Slope(value, gradients[row, : lengths[index]].cpu().numpy())
            for row, (index, value) in enumerate(zip(batch, values.detach().tolist(), strict=True))
        ]

    by_request: dict[int, _Slope] = {}
    for batch, batch_slopes in in_batches(model, lengths, slopes, stop=stop):
        by_request |= zip(batch, batch_slopes, strict=True)
    return [by_request[index] for index in range(len(requests))]
