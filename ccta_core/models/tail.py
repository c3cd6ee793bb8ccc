"""Runs only the part of a model above one layer: a view that shares every weight."""

import copy
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn
from transformers import PreTrainedModel

from ccta_core.errors import CctaError

Module = TypeVar("Module", bound=nn.Module)


class _Injected(nn.Module):
    """Stands where the embeddings stood and hands on the activations it is given."""

    def forward(self, *given: object, **named: object) -> torch.Tensor:
        """The activations among the arguments: families pass them by name or by place."""
        found = named.get("inputs_embeds")
        candidates = [found] if found is not None else list(given)
        return next(t for t in candidates if isinstance(t, torch.Tensor) and t.is_floating_point())


def tail(model: PreTrainedModel, layer: int) -> PreTrainedModel:
    """A model that takes `hidden_states[layer]` as `inputs_embeds` and runs what lies above it.

    The modules on the way to the encoder's layers are copied shallowly, so the view owns no weights
    and may be used by several threads at once.

    Raises CctaError where the encoder's layers or embeddings can't be found.
    """
    depth = model.config.num_hidden_layers
    stack = _only(model, lambda module: isinstance(module, nn.ModuleList) and len(module) == depth)
    base = model.base_model_prefix
    inside = f"{base}.embeddings"
    if stack is None or not _has(model, inside):
        raise CctaError(
            f"{type(model).__name__} can't be attributed: its encoder layers were not found; "
            "models of the BERT, RoBERTa/XLM-R, ELECTRA and DistilBERT families work"
        )
    view = _replaced(model, inside, _Injected())
    projection = f"{base}.embeddings_project"
    if _has(model, projection):  # narrow ELECTRA: hidden_states[0] is already projected
        view = _replaced(view, projection, nn.Identity())
    layers = list(model.get_submodule(stack).children())[layer:]
    return _replaced(view, stack, nn.ModuleList(layers))


def _only(model: nn.Module, wanted: Callable[[nn.Module], bool]) -> str | None:
    names = [name for name, module in model.named_modules() if wanted(module)]
    return names[0] if len(names) == 1 else None


def _has(model: nn.Module, name: str) -> bool:
    try:
        model.get_submodule(name)
    except AttributeError:
        return False
    return True


def _replaced(model: Module, name: str, module: nn.Module) -> Module:
    """A shallow copy of `model` in which the submodule `name` is `module`."""
    head, _, rest = name.partition(".")
    view = copy.copy(model)
    view._modules = dict(model._modules)
    view._modules[head] = _replaced(model.get_submodule(head), rest, module) if rest else module
    return view
