"""Forward passes: logits and hidden states of sentences and of their baselines."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch

from ccta_core.errors import CctaError
from ccta_core.models.model import Encoded, Model, pad_batch

TOKEN_BUDGET = 2048
"""Tokens (padding included) in one batch: activations stay near the processor's caches."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What one forward pass tells of one sentence.

    Shape: `logits` (labels,); `states[layer]` (tokens, width) for the layers that were asked for.
    """

    logits: torch.Tensor
    states: dict[int, torch.Tensor]


def read(
    model: Model, encoded: Sequence[Encoded], layers: Sequence[int], *, precision: str = "fp32"
) -> list[Reading]:
    """Runs the whole model once on every sentence and keeps `hidden_states` of `layers`."""
    readings: list[Reading | None] = [None] * len(encoded)
    for batch in packed([item.length for item in encoded], budget=TOKEN_BUDGET * 4):
        rows = [encoded[index] for index in batch]
        with torch.inference_mode(), autocast(model.device, precision):
            output = model.hf_model(**_inputs(model, rows), output_hidden_states=True)
        for row, index in enumerate(batch):
            length = encoded[index].length
            readings[index] = Reading(
                logits=output.logits[row].float().clone(),
                states={
                    at: output.hidden_states[at][row, :length].float().clone() for at in layers
                },
            )
    return [reading for reading in readings if reading is not None]


def baselines(
    model: Model, encoded: Sequence[Encoded], layer: int, *, kind: str, precision: str = "fp32"
) -> list[torch.Tensor]:
    """The baselines' activations at `layer`. Shape of each: (tokens, width).

    Every token but the specials becomes PAD or MASK; mask, positions and token types stay. `zero`
    is the zero vector at every position. Raises CctaError where the tokenizer has no such token.
    """
    if kind == "zero":
        width = model.hf_model.config.hidden_size
        return [torch.zeros(item.length, width, device=model.device) for item in encoded]
    filler = model.tokenizer.mask_token_id if kind == "mask" else model.tokenizer.pad_token_id
    if filler is None:
        raise CctaError(f"{model.id} has no {kind.upper()} token; use --baseline zero")
    blank = [_blank(item, filler) for item in encoded]
    return [reading.states[layer] for reading in read(model, blank, [layer], precision=precision)]


def packed(lengths: Sequence[int], *, budget: int) -> Iterator[list[int]]:
    """Indices grouped by length, each group within `budget` tokens, padding included."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda index: lengths[index]):
        if batch and lengths[index] * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def autocast(device: torch.device, precision: str) -> AbstractContextManager:
    """bfloat16 matrix products where asked for; sums stay float32."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")


def _inputs(model: Model, rows: Sequence[Encoded]) -> dict[str, torch.Tensor]:
    inputs = {
        "input_ids": pad_batch([row.ids for row in rows], model.tokenizer.pad_token_id or 0),
        "attention_mask": pad_batch([torch.ones_like(row.ids) for row in rows], 0),
        "position_ids": _positions(model, rows),
    }
    if getattr(model.hf_model.config, "type_vocab_size", 0) > 1:
        inputs["token_type_ids"] = pad_batch([row.type_ids for row in rows], 0)
    return {name: t.to(model.device) for name, t in inputs.items() if t is not None}


def _positions(model: Model, rows: Sequence[Encoded]) -> torch.Tensor | None:
    """Positions of the real input, given where a PAD id in the text would shift them."""
    pad = model.hf_model.config.pad_token_id or 0
    kinds = {"xlm-roberta": pad + 1, "roberta": pad + 1, "camembert": pad + 1}
    first = kinds.get(model.hf_model.config.model_type)
    if first is None:
        return None
    return pad_batch([torch.arange(row.length) + first for row in rows], pad)


def _blank(item: Encoded, filler: int) -> Encoded:
    return Encoded(
        sentence=item.sentence,
        ids=torch.where(item.special, item.ids, filler),
        type_ids=item.type_ids,
        special=item.special,
        tokens=item.tokens,
        maps=item.maps,
        truncated=item.truncated,
    )
