"""Runs only the part of a model above one layer: a view that shares every weight."""

import copy
from collections import Counter
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch import nn
from transformers import PreTrainedModel

from ccta_core.errors import CctaError
from ccta_core.models.heads import head_logits
from ccta_core.models.last_layer import FirstTokenLayer, can_be_narrowed
from ccta_core.models.trace import WORKING, Call, Trace, differ

Module = TypeVar("Module", bound=nn.Module)


@dataclass(slots=True)
class _SuffixCall:
    """One call of a view: its activations, and how often each of its stubs was asked.

    `filler` has the shape of `states`: what modules below the layer return, read by nobody.
    """

    states: torch.Tensor
    filler: torch.Tensor
    asked: Counter[int] = field(default_factory=Counter)


_RUN: ContextVar[_SuffixCall] = ContextVar("_RUN")
"""The run of this thread: many may share one view."""


class LayerSuffix:
    """The layers above one layer and the head: activations in, logits out; shared by threads."""

    def __init__(self, view: PreTrainedModel, *, writes: bool) -> None:
        self.view = view
        self.writes = writes

    def __call__(self, states: torch.Tensor, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Logits (rows, positions, columns) of `head_logits`.

        Shape: `states` (rows, tokens, width) stands for `hidden_states[layer]`; `inputs` are the
        model's own inputs of the same rows (`Model.inputs`).
        """
        filler = states.detach()
        token = _RUN.set(_SuffixCall(states, filler.clone() if self.writes else filler))
        try:
            return head_logits(self.view(**inputs))
        finally:
            _RUN.reset(token)


def layer_suffix(trace: Trace, layer: int) -> LayerSuffix:
    """Returns the part of the traced model above `layer` (0 = embedding output).

    The view is the model with every call up to the one that made `hidden_states[layer]` answered
    by a stub. It owns no weights, and the modules around the stubs are copied shallowly.

    Raises CctaError where the activations the model made itself do not give its own logits: then
    something above reads more of what lies below than this layer's activations.
    """
    plans = _plans(trace, layer)
    view = trace.model
    names = {id(call.module): _names(trace.model, call.module) for call in plans}
    for call in sorted(plans, key=lambda call: -names[id(call.module)][0].count(".")):
        places = names[id(call.module)]
        stub = _Stub(view.get_submodule(places[0]), plans[call])
        for place in places:
            view = _replaced(view, place, stub)
    written = any(answer.written for plan in plans.values() for answer in plan.values())
    suffix = LayerSuffix(view, writes=written)
    with torch.no_grad():
        logits = suffix(trace.hidden_states[layer], trace.inputs)
    if differ(logits, trace.logits):
        raise CctaError(
            f"{type(trace.model).__name__} can't be attributed at layer {layer}: its head reads "
            f"more than that layer's activations; models of the {WORKING} families work"
        )
    return suffix if layer == trace.depth else _narrowed(suffix, trace, layer)


def _narrowed(whole: LayerSuffix, trace: Trace, layer: int) -> LayerSuffix:
    """Returns `whole` with a last layer for the first token only, where that gives the same
    logits.
    """
    last = trace.calls[trace.makers[trace.depth]].module
    if not can_be_narrowed(last):
        return whole
    view = whole.view
    for place in _names(trace.model, last):
        view = _replaced(view, place, FirstTokenLayer(last))
    suffix = LayerSuffix(view, writes=whole.writes)
    with torch.no_grad():
        logits = suffix(trace.hidden_states[layer], trace.inputs)
    same = logits.shape == trace.logits.shape and not differ(logits, trace.logits)
    return suffix if same else whole


def words_reach_head(trace: Trace) -> bool:
    """Returns whether the head reads more than one position of the last layer: a mean, or every
    token.
    """
    states = trace.hidden_states[-1].clone().requires_grad_()
    with torch.enable_grad():
        logits = layer_suffix(trace, trace.depth)(states, trace.inputs)
        weights = torch.arange(1.0, logits.numel() + 1, device=logits.device)
        (slopes,) = torch.autograd.grad((logits.flatten() * weights).sum(), states)
    return int((slopes != 0).any(-1).sum()) > 1


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a stub returns in its module's place.

    The activations (`reached`: this call made the layer's states) or the filler; bare (`length` 0)
    or first in a tuple; copied where the model goes on to write into it.
    """

    reached: bool
    length: int
    written: bool


class _Stub(nn.Module):
    """Stands where a module stood: answers the calls below the layer, leaves the others to it."""

    def __init__(self, real: nn.Module, plan: Mapping[int, _Answer]) -> None:
        super().__init__()
        self.real = real
        self._plan = plan

    def forward(self, *given: object, **named: object) -> object:
        run = _RUN.get()
        turn = run.asked[id(self)]
        run.asked[id(self)] += 1
        answer = self._plan.get(turn)
        if answer is None:
            return self.real(*given, **named)
        states = run.states if answer.reached else run.filler
        if answer.written and answer.reached:
            states = states.clone()
        return (states, *[None] * (answer.length - 1)) if answer.length else states

    def __getattr__(self, name: str) -> Any:
        """Passes on what a model asks of a layer beside calling it (ModernBERT: its kind of
        attention).
        """
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("real"), name)


def _plans(trace: Trace, layer: int) -> dict[Call, dict[int, _Answer]]:
    """Plans for each module (by its first call) which of its calls, as the view counts, are
    answered.

    A module shared by several layers (ALBERT) is answered below and run above. Calls made inside
    an answered one are not made any more, so they do not count.
    """
    target = trace.makers[layer]
    around: set[int] = set()  # the calls that the layer's own call was made in
    parent = trace.calls[target].parent
    while parent is not None:
        around.add(parent)
        parent = trace.calls[parent].parent
    firsts: dict[int, Call] = {}
    plans: dict[Call, dict[int, _Answer]] = {}
    turns: Counter[int] = Counter()
    answered: set[int | None] = set()
    for index, call in enumerate(trace.calls):
        if call.parent in answered:
            answered.add(index)
            continue
        turn = turns[id(call.module)]
        turns[id(call.module)] += 1
        if index > target or index in around or call.length is None:
            continue
        answered.add(index)
        first = firsts.setdefault(id(call.module), call)
        plans.setdefault(first, {})[turn] = _Answer(index == target, call.length, call.written)
    return plans


def _names(model: nn.Module, module: nn.Module) -> list[str]:
    """Returns every name under which `module` stands in `model`."""
    return [
        name
        for name, submodule in model.named_modules(remove_duplicate=False)
        if submodule is module
    ]


def _replaced(model: Module, name: str, module: nn.Module) -> Module:
    """Returns a shallow copy of `model` in which the submodule `name` is `module`."""
    head, _, rest = name.partition(".")
    view = copy.copy(model)
    view._modules = dict(model._modules)
    view._modules[head] = _replaced(model.get_submodule(head), rest, module) if rest else module
    return view


def own_modules(model: Module) -> Module:
    """Returns a copy of every module and of the configuration that shares every parameter and
    buffer.

    Hooks and settings of the copy never reach the original, which other threads may be using.
    """
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    return copy.deepcopy(model, shared)
