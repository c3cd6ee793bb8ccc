"""Traces small forward passes: which module makes each hidden state, how positions are counted.

Nothing here knows a family by name: what a model does is read off what it did.
"""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from ccta_core.errors import CctaError
from ccta_core.models.heads import head_logits

WORKING = "BERT, RoBERTa/XLM-R, DistilBERT, ELECTRA, DeBERTa-v2/v3, ModernBERT, ALBERT and XLM"
"""The families the tests hold to be right."""

_TOKENS = 6


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One call of a module in the traced pass.

    `parent` is the call it was made in and `done` its place in the order of endings. `length` is
    None where it can't be answered in the module's place; else 0 where it returned one tensor of
    hidden shape, n where it returned a tuple of n with that tensor first and nothing after it.
    `written` says that what it returned was changed in place later (XLM masks so).
    """

    module: nn.Module
    parent: int | None
    done: int
    length: int | None
    written: bool


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """The structure of a model, as one forward pass over a few tokens showed it.

    `calls` are in the order of their beginnings; `makers[l]` is the call that made
    `hidden_states[l]`. `first_position` is the first token's position where the model counts
    positions from the ids, so that a PAD in the text would shift them (RoBERTa); else None.
    `even_only` says that padding changes the logits: rows of one batch must be of one length.
    """

    model: PreTrainedModel
    inputs: dict[str, torch.Tensor]
    logits: torch.Tensor
    hidden_states: tuple[torch.Tensor, ...]
    calls: tuple[Call, ...]
    makers: tuple[int, ...]
    first_position: int | None
    even_only: bool

    @property
    def depth(self) -> int:
        """The last layer's number."""
        return len(self.makers) - 1


def trace_forward(model: PreTrainedModel) -> Trace:
    """Runs `model` on a few tokens and records how it is built.

    Fixes in its configuration that `hidden_states[-1]` is the one before a final norm. Not for a
    model that another thread is running: hooks are put on and taken off.

    Raises CctaError, naming the class, where what makes a hidden state can't be found.
    """
    # Switched off is what a saved configuration may ask for and the engine asks for itself.
    config = model.config
    config.output_hidden_states = config.output_attentions = False
    config.return_dict = True
    config.tie_last_hidden_states = False  # or ModernBERT's last one would be after its final norm
    # A row of different ids, none of them PAD, and not in order so as not to look like positions.
    pad = getattr(config, "pad_token_id", None)
    usable = [token for token in range(_TOKENS + 1) if token != pad][:_TOKENS]
    ids = torch.tensor([usable[::-1]], device=model.device)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    ids_with_pad = ids.clone()
    ids_with_pad[0, 2] = pad or 0
    recorded, padded = _CallRecorder(model), _CallRecorder(model)
    try:
        with torch.no_grad():
            output = recorded.run(inputs)
            padded.run({**inputs, "input_ids": ids_with_pad})
            even_only = _padding_matters(model, inputs, output)
    except (RuntimeError, ValueError, TypeError, AttributeError, LookupError, AssertionError) as e:
        raise CctaError(
            f"{type(model).__name__} can't be attributed: it does not read a row of tokens alone "
            f"({str(e)[:100]}); models of the {WORKING} families work"
        ) from e
    hidden = tuple(getattr(output, "hidden_states", None) or ())
    calls = recorded.calls(hidden[0].shape) if hidden else ()
    makers = tuple(_maker(calls, recorded.outputs, state) for state in hidden)
    if len(makers) < 2 or None in makers:
        raise CctaError(
            f"{type(model).__name__} can't be attributed: no module returns its hidden states; "
            f"models of the {WORKING} families work"
        )
    return Trace(
        model=model,
        inputs=inputs,
        logits=head_logits(output),
        hidden_states=hidden,
        calls=calls,
        makers=tuple(maker for maker in makers if maker is not None),
        first_position=_first_position(model, recorded, padded),
        even_only=even_only,
    )


def accepts(model: PreTrainedModel, name: str) -> bool:
    """Returns whether the model's forward has a parameter of this name."""
    return name in inspect.signature(model.forward).parameters


class _CallRecorder:
    """Records every module call of one pass, with its ids and its output."""

    def __init__(self, model: PreTrainedModel) -> None:
        self._model = model
        self.modules: list[nn.Module] = []
        self.parents: list[int | None] = []
        self.done: dict[int, int] = {}
        self.outputs: dict[int, object] = {}
        self.versions: dict[int, int] = {}
        self.looked_up: list[torch.Tensor] = []
        self._open: list[int] = []

    def run(self, inputs: dict[str, torch.Tensor]) -> Any:
        with self._hooked():
            return self._model(**inputs, output_hidden_states=True)

    @contextmanager
    def _hooked(self) -> Iterator[None]:
        hooks = []
        for module in self._model.modules():
            hooks.append(module.register_forward_pre_hook(self._begin))
            hooks.append(module.register_forward_hook(self._end))
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _begin(self, module: nn.Module, given: tuple) -> None:
        self.parents.append(self._open[-1] if self._open else None)
        self._open.append(len(self.modules))
        self.modules.append(module)
        if isinstance(module, nn.Embedding) and given:
            self.looked_up.append(given[0])

    def _end(self, _module: nn.Module, _given: tuple, output: object) -> None:
        index = self._open.pop()
        self.done[index] = len(self.done)
        self.outputs[index] = output
        tensor = _first(output)
        if tensor is not None:
            self.versions[index] = tensor._version

    def calls(self, shape: torch.Size) -> tuple[Call, ...]:
        """Returns the calls, those that returned a tensor of `shape` marked as replaceable."""
        records = []
        for index, module in enumerate(self.modules):
            output = self.outputs[index]
            tensor = _first(output)
            fits = tensor is not None and tensor.shape == shape and tensor.is_floating_point()
            length = len(output) if isinstance(output, tuple) else 0
            records.append(
                Call(
                    module=module,
                    parent=self.parents[index],
                    done=self.done[index],
                    length=length if fits else None,
                    written=tensor is not None and tensor._version > self.versions[index],
                )
            )
        return tuple(records)


def _first(output: object) -> torch.Tensor | None:
    """Returns the tensor of an output that is one, or a tuple of one and nothing more."""
    if isinstance(output, tuple) and output and all(part is None for part in output[1:]):
        output = output[0]
    return output if isinstance(output, torch.Tensor) else None


def _maker(calls: tuple[Call, ...], outputs: dict[int, object], state: torch.Tensor) -> int | None:
    """Returns the outermost call that gave `state`: a layer rather than the norm at its end."""
    fits = [index for index, call in enumerate(calls) if call.length is not None]
    tensors = {index: _first(outputs[index]) for index in fits}
    same = {index for index in fits if tensors[index] is state}
    same = same or {index for index in fits if torch.equal(tensors[index], state)}  # type: ignore
    if not same:
        return None
    # The first to end, and what it lies in: a dropout after the last layer returns the same tensor.
    outermost = min(same, key=lambda index: calls[index].done)
    while calls[outermost].parent in same:
        outermost = calls[outermost].parent  # type: ignore[assignment]
    return outermost


def _first_position(
    model: PreTrainedModel, plain: _CallRecorder, padded: _CallRecorder
) -> int | None:
    """Returns the first position, where the rows of a table run on and a PAD changes them."""
    for positions, padded_positions in zip(plain.looked_up, padded.looked_up, strict=True):
        row = positions.reshape(-1).tolist()
        runs_on = len(row) == _TOKENS and row == list(range(row[0], row[0] + _TOKENS))
        if runs_on and not torch.equal(positions, padded_positions):
            if not accepts(model, "position_ids"):
                raise CctaError(
                    f"{type(model).__name__} can't be attributed: a PAD in the text would shift "
                    f"its positions and it takes no position_ids; models of the {WORKING} "
                    "families work"
                )
            return row[0]
    return None


def _padding_matters(model: PreTrainedModel, inputs: dict[str, torch.Tensor], output: Any) -> bool:
    """Returns whether padding behind a row changes it: a mean or a convolution that takes
    padding in.
    """
    pad = getattr(model.config, "pad_token_id", None) or 0
    fill = {"input_ids": pad, "attention_mask": 0}
    wider = {name: nn.functional.pad(t, (0, 2), value=fill[name]) for name, t in inputs.items()}
    padded_output = model(**wider, output_hidden_states=True)
    pairs = [(head_logits(padded_output), head_logits(output))]
    pairs += zip(padded_output.hidden_states or (), output.hidden_states or (), strict=False)
    return any(differ(padded[:, : unpadded.shape[1]], unpadded) for padded, unpadded in pairs)


def differ(actual: torch.Tensor, expected: torch.Tensor) -> bool:
    """Returns whether two tensors differ by more than rounding; values not finite in both are the
    same.
    """
    actual, expected = actual.float(), expected.float()
    most = float(expected.abs().nan_to_num(0.0).max())
    return not torch.allclose(actual, expected, rtol=0, atol=1e-4 * most + 1e-9, equal_nan=True)
