"""Runs the last encoder layer for the first token alone, where the head reads no other.

A classification head of BERT's family looks at the first token alone. In the last layer the other
tokens are needed as keys and values only: about a sixth of the layer's work is left.
"""

from typing import Any

import torch
from torch import nn
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

_PARTS = (
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "attention.output.LayerNorm",
    "intermediate.dense",
    "output.dense",
)


def can_be_narrowed(layer: nn.Module) -> bool:
    """Returns whether `layer` is built like BERT's encoder layer, with PyTorch's attention
    behind it.
    """
    names = {name for name, _ in layer.named_modules()}
    attention = getattr(getattr(layer, "attention", None), "self", None)
    return (
        names.issuperset(_PARTS)
        and hasattr(layer, "feed_forward_chunk")
        and not getattr(layer, "is_decoder", False)
        and getattr(attention, "position_embedding_type", "absolute") == "absolute"
        and getattr(getattr(attention, "config", None), "_attn_implementation", "")
        in ALL_ATTENTION_FUNCTIONS
    )


class FirstTokenLayer(nn.Module):
    """An encoder layer of BERT's form that computes the first token's output only.

    It shares the weights of the layer it stands for. Shape: (rows, tokens, width) -> (rows, 1,
    width).
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer: Any = layer

    def forward(
        self,
        hidden_states: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        *_decoder: None,
        **_settings: Any,
    ) -> torch.Tensor:
        """Returns the first token's output, from all tokens of `hidden_states`."""
        attention = self.layer.attention.self
        first = hidden_states[:, :1]
        if attention_mask is not None:
            attention_mask = attention_mask[:, :, :1]
        mixed, _weights = ALL_ATTENTION_FUNCTIONS[attention.config._attn_implementation](
            attention,
            self._heads(attention.query(first)),
            self._heads(attention.key(hidden_states)),
            self._heads(attention.value(hidden_states)),
            attention_mask,
            dropout=0.0,
            scaling=attention.scaling,
        )
        attended = self.layer.attention.output(mixed.reshape(first.shape[0], 1, -1), first)
        output: torch.Tensor = self.layer.feed_forward_chunk(attended)
        return output

    def _heads(self, states: torch.Tensor) -> torch.Tensor:
        width = self.layer.attention.self.attention_head_size
        return states.unflatten(-1, (-1, width)).transpose(1, 2)
