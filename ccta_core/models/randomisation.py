"""Initialises parts of a trained model anew: the sanity check of Adebayo et al. (2018).

A measure that reads the head must change when the head is random; one that does not has told
something of the encoder alone (docs/method.md, 4). With layers that are random too, from the head
downwards, it is their cascading randomisation.
"""

from collections.abc import Iterator

import torch
from torch import nn
from transformers import PreTrainedModel

from ccta_core.errors import CctaError
from ccta_core.models.catalog import Randomised, twin_info
from ccta_core.models.model import Model


def randomised(model: Model, drawn: Randomised, device: str) -> Model:
    """Returns `model` on `device` with the parts that `drawn` names initialised from its seed; the
    rest of the encoder is kept.

    Takes `model` over: its weights are changed in place. The numbers are drawn on the processor, so
    that they are the same on every device. Raises CctaError where a head or the layers can't be
    told from the rest, or the model's class does not say how to initialise them.
    """
    hf_model = model.hf_model.to("cpu")
    initialise(hf_model, drawn)
    info = twin_info(model.info, drawn)
    notice = f"{info.id}: {info.card['what']}."
    return Model(info, hf_model.to(device), model.tokenizer, notices=(*model.notices, notice))


def initialise(hf_model: PreTrainedModel, drawn: Randomised) -> None:
    """Draws weights as the model's own class does before training: the head's first, so that they
    are the same however many layers follow.

    Raises CctaError where the model has no head of its own, no such layers, or the class leaves
    them as they were.
    """
    modules = [*head_modules(hf_model), *_layers(hf_model, drawn.layer)]
    weights = {id(weight): weight for module in modules for weight in module.parameters()}
    before = [weight.detach().clone() for weight in weights.values()]
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(drawn.seed)
        for module in modules:
            for weight in module.parameters(recurse=False):
                weight._is_hf_initialized = False  # type: ignore[attr-defined]
            hf_model._init_weights(module)
    kept = [
        weight.ndim > 1 and torch.equal(weight, old)
        for weight, old in zip(weights.values(), before, strict=True)
    ]
    if not weights or any(kept):
        raise CctaError(
            f"{type(hf_model).__name__} does not say how its head is initialised; its head can't "
            "be made random"
        )


def _layers(hf_model: PreTrainedModel, lowest: int | None) -> Iterator[nn.Module]:
    """Yields the modules of the encoder's layers from the last one down to `lowest`, which gives
    `hidden_states[lowest]`.
    """
    if lowest is None:
        return
    depth = hf_model.config.num_hidden_layers
    stacks = [m for m in hf_model.modules() if isinstance(m, nn.ModuleList) and len(m) == depth]
    if lowest > depth or len(stacks) != 1:
        reason = f"it has layers 1 to {depth}" if lowest > depth else "its layers were not found"
        raise CctaError(
            f"{type(hf_model).__name__} can't be made random from layer {lowest} up: {reason}"
        )
    for layer in reversed(stacks[0][lowest - 1 :]):
        yield from layer.modules()


def head_modules(hf_model: PreTrainedModel) -> Iterator[nn.Module]:
    """Yields the modules above the encoder: those outside the base model, and its pooler.

    The pooler stands inside the base model, but a backbone has none: it is trained with the head.
    """
    base = hf_model.base_model
    if base is hf_model:
        return
    encoder = set(base.modules())
    yield from (
        module for module in hf_model.modules() if module not in encoder and module is not hf_model
    )
    pooler = getattr(base, "pooler", None)
    if isinstance(pooler, nn.Module):
        yield from pooler.modules()
