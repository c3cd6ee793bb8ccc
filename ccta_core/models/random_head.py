"""Initialises a model's head anew: the sanity check of Adebayo et al. (2018).

A measure that reads the head must change when the head is random; one that does not has told
something of the encoder alone (docs/method.md, 4).
"""

from collections.abc import Iterator

import torch
from torch import nn
from transformers import PreTrainedModel

from ccta_core.errors import CctaError
from ccta_core.models.catalog import RANDOM_SEED, random_headed
from ccta_core.models.model import Model


def with_random_head(model: Model, device: str) -> Model:
    """Returns `model` on `device` with a head drawn from a fixed seed; the encoder is kept.

    Takes `model` over: its weights are changed in place. The numbers are drawn on the processor, so
    that they are the same on every device. Raises CctaError where a head can't be told from the
    encoder, or the model's class does not say how to initialise it.
    """
    hf_model = model.hf_model.to("cpu")
    initialise_head(hf_model)
    info = random_headed(model.info)
    notice = f"{info.id}: {info.card['what']}."
    return Model(info, hf_model.to(device), model.tokenizer, notices=(*model.notices, notice))


def initialise_head(hf_model: PreTrainedModel) -> None:
    """Draws the head's weights as the model's own class does before training.

    Raises CctaError where the model has no head of its own, or the class leaves it as it was.
    """
    modules = list(head_modules(hf_model))
    weights = {id(weight): weight for module in modules for weight in module.parameters()}
    before = [weight.detach().clone() for weight in weights.values()]
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(RANDOM_SEED)
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
