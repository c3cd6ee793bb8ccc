"""Captum's layer integrated gradients, an independent implementation to compare with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from captum.attr import LayerIntegratedGradients
from torch import nn
from transformers import PreTrainedModel

from ccta_core.attribution.batches import TOKEN_BUDGET, autocast, backward
from ccta_core.attribution.objective import objective
from ccta_core.attribution.protocol import Request, Scores, Stop, never
from ccta_core.attribution.quadrature import completeness_error
from ccta_core.attribution.readings import blank_of
from ccta_core.config import Config
from ccta_core.errors import CctaError, StoppedError
from ccta_core.models.heads import Target, head_logits
from ccta_core.models.layer_suffix import own_modules
from ccta_core.models.model import Model

_COMPLETE = 0.01
"""The completeness error up to which Captum's result counts as converged: it gives no slopes along
the path from which the error of the masses could be estimated."""
_SAME = {"fp32": 1e-3, "bf16": 5e-2}
"""How far, relative to their length, a layer's states may lie apart and still be the same ones."""


def captum_integrated_gradients(
    model: Model, requests: Sequence[Request], config: Config, stop: Stop = never
) -> list[Scores]:
    """Captum's LayerIntegratedGradients through the whole model, hooked at the layer's own module.

    Gauss-Legendre with `config.quadrature.points` points whatever the rule, one item at a time. The
    hooks go on a copy of the modules (same weights). Raises CctaError where the layer has no module
    of its own, and for the baseline `zero`, which is no input that Captum could be given.
    """
    if config.baseline == "zero":
        raise CctaError(
            "Captum starts from input ids and knows no zero vector; expected baseline pad or mask, "
            "or the method lig"
        )
    view = own_modules(model.hf_model)
    reference = _Reference(model, view, _find_module(view, config.layer), config, stop)
    return [_attribute_one(reference, request) for request in requests]


@dataclass(frozen=True, slots=True, eq=False)
class _Reference:
    """What is the same for every request: `view` has the model's weights, `where` is in it."""

    model: Model
    view: PreTrainedModel
    where: nn.Module
    config: Config
    stop: Stop

    def output(self, ids: torch.Tensor, target: Target, inputs: dict[str, Any]) -> torch.Tensor:
        """Returns F of every row of input ids. Shape: (rows, tokens) -> (rows,)."""
        if self.stop():
            raise StoppedError("stopped before there was a result")
        with autocast(ids.device, self.config.precision):
            logits = head_logits(self.view(input_ids=ids, **inputs))
        targets = [target] * len(ids)
        return objective(logits, targets, inputs["attention_mask"], self.config.objective)


def _attribute_one(reference: _Reference, request: Request) -> Scores:
    model, config = reference.model, reference.config
    inputs = model.inputs([request.encoded])
    ids = inputs.pop("input_ids")
    blank = model.inputs([blank_of(model, request.encoded, config.baseline)])["input_ids"]
    names = tuple(inputs)

    def output(ids: torch.Tensor, *rest: torch.Tensor) -> torch.Tensor:
        return reference.output(ids, request.target, dict(zip(names, rest, strict=True)))

    at_input = _hooked_pass(reference, lambda: output(ids, *inputs.values()))
    _check(reference, at_input.states, request.states)
    f_input = at_input.value
    f_baseline = _hooked_pass(reference, lambda: output(blank, *inputs.values())).value
    points = config.quadrature.points
    with backward(ids.device, config.precision):
        attributions: Any = LayerIntegratedGradients(output, reference.where).attribute(
            ids,
            baselines=blank,
            additional_forward_args=tuple(inputs.values()),
            n_steps=points,
            method="gausslegendre",
            internal_batch_size=max(1, TOKEN_BUDGET // request.encoded.length),
        )
    products = _first_tensor(attributions)[0].detach().cpu().numpy()
    scores = products.sum(-1, dtype=np.float64)
    error = completeness_error(scores, f_input - f_baseline)
    return Scores(
        scores=scores,
        vectors=products if config.mass == "norm" else None,
        f_input=f_input,
        f_baseline=f_baseline,
        completeness_error=error,
        converged=error <= _COMPLETE,
        evaluations=points + 2,
        precision=config.precision,
    )


class _HookedPass(NamedTuple):
    """F of one row and the states that the layer's module gave for it. Shape: (tokens, width)."""

    value: float
    states: torch.Tensor


def _hooked_pass(reference: _Reference, output: Callable[[], torch.Tensor]) -> _HookedPass:
    outputs: list[torch.Tensor] = []
    hook = reference.where.register_forward_hook(
        lambda _find_module, _given, out: outputs.append(out)
    )
    try:
        with torch.inference_mode():
            value = float(output()[0])
    finally:
        hook.remove()
    return _HookedPass(value, _first_tensor(outputs[0])[0])


def _check(reference: _Reference, states: torch.Tensor, expected: torch.Tensor) -> None:
    """Raises CctaError where the module found gives other states than the layer's."""
    same = states.shape == expected.shape
    gap = float((states - expected).norm() / expected.norm()) if same else float("inf")
    if gap > _SAME[reference.config.precision]:
        raise CctaError(
            f"Captum can't be used at layer {reference.config.layer}: no module of "
            f"{type(reference.view).__name__} gives that layer's states; use the method lig"
        )


def _find_module(view: PreTrainedModel, layer: int) -> nn.Module:
    """Returns the module whose output should be `hidden_states[layer]`: the embeddings, or a
    layer.
    """
    depth = view.config.num_hidden_layers
    stacks = [m for m in view.modules() if isinstance(m, nn.ModuleList) and len(m) == depth]
    base = getattr(view, view.base_model_prefix, None)
    names = ("embeddings_project", "embeddings")  # narrow ELECTRA projects its embeddings first
    first = next((module for name in names if (module := getattr(base, name, None))), None)
    if first is None or (layer > 0 and len(stacks) != 1):
        raise CctaError(
            f"{type(view).__name__}: the module of layer {layer} was not found, so Captum can't be "
            "used; use the method lig"
        )
    return first if layer == 0 else stacks[0][layer - 1]


def _first_tensor(output: Any) -> torch.Tensor:
    """Returns a module's output, or the first of several."""
    first: torch.Tensor = output[0] if isinstance(output, tuple) else output
    return first
