"""Forward passes: logits and hidden states of sentences and of their baselines."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from ccta_core.attribution.batches import autocast, in_batches
from ccta_core.attribution.protocol import Baseline, Stop, never
from ccta_core.errors import CctaError
from ccta_core.models.heads import head_logits
from ccta_core.models.model import Encoded, Model


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What one forward pass tells of one sentence.

    Shape: `logits` (positions, columns) of `head_logits`, padding cut off; `states[layer]`
    (tokens, width) for the layers that were asked for.
    """

    logits: torch.Tensor
    states: dict[int, torch.Tensor]


def read(
    model: Model,
    encoded: Sequence[Encoded],
    layers: Sequence[int],
    *,
    stop: Stop = never,
    precision: str = "fp32",
) -> list[Reading]:
    """Runs the whole model once on every sentence and keeps the states of `layers`.

    With the precision `bf16` matrix products are taken in it; what is returned is float32.
    """

    def forward(batch: list[int]) -> tuple[torch.Tensor, Any]:
        with torch.inference_mode(), autocast(model.device, precision):
            inputs = model.inputs([encoded[index] for index in batch])
            output = model.hf_model(**inputs, output_hidden_states=True)
        return head_logits(output), output.hidden_states

    readings: dict[int, Reading] = {}
    lengths = [item.length for item in encoded]
    done = in_batches(model, lengths, forward, stop=stop, gradients=False)
    for batch, (logits, states) in done:
        for row, index in enumerate(batch):
            readings[index] = Reading(
                logits=logits[row, : lengths[index]].float().clone(),
                states={
                    layer: states[layer][row, : lengths[index]].float().clone() for layer in layers
                },
            )
    return [readings[index] for index in range(len(encoded))]


def baselines(
    model: Model, encoded: Sequence[Encoded], layers: Sequence[int], *, kind: str
) -> list[Baseline]:
    """Returns the baselines' activations at `layers` and, where the baseline is an input, its
    logits.

    Every token but the specials becomes PAD or MASK; mask, positions and token types stay. `zero`
    is the zero vector at every position. Texts of the same lengths have one baseline, which is read
    once. Raises CctaError where the tokenizer has no such token.
    """
    if kind == "zero":
        width = model.hf_model.config.hidden_size
        zeros = [torch.zeros(item.length, width, device=model.device) for item in encoded]
        return [Baseline(dict.fromkeys(layers, zero)) for zero in zeros]
    blanks = [blank_of(model, item, kind) for item in encoded]
    keys = [(tuple(item.ids.tolist()), tuple(item.type_ids.tolist())) for item in blanks]
    different = dict(zip(keys, blanks, strict=True))
    readings = dict(zip(different, read(model, list(different.values()), layers), strict=True))
    return [Baseline(readings[key].states, readings[key].logits) for key in keys]


def blank_of(model: Model, encoded: Encoded, kind: str) -> Encoded:
    """Returns the sentence with every token but the specials replaced by PAD or MASK.

    Raises CctaError where the tokenizer has no such token.
    """
    filler = model.tokenizer.mask_token_id if kind == "mask" else model.tokenizer.pad_token_id
    if filler is None:
        raise CctaError(f"{model.id} has no {kind.upper()} token; use another baseline")
    return replace(encoded, ids=torch.where(encoded.special, encoded.ids, filler))
