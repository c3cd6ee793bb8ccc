"""Every hidden state of a BERT encoder as a sum of parts, one an input token.

Written from the paper: Modarressi, Fayyaz, Aghazadeh, Yaghoobzadeh and Pilehvar (2023), "DecompX:
Explaining Transformers Decisions by Propagating Token Decomposition". Attention is linear in the
states once its weights are given, and so is layer normalisation once the whole state's deviation
is; an activation is replaced by the line from the origin through the whole state's value; a bias is
shared out by |bias . part|. So the parts sum to the state after every step, and to the logits.
"""

from typing import Any

import torch
from torch.nn import LayerNorm, Linear, Module
from transformers import BertForSequenceClassification

_TINY = 1e-6


def logit_parts(
    model: BertForSequenceClassification, states: torch.Tensor, layer: int
) -> torch.Tensor:
    """What each token's state at `layer` adds to the logits.

    Shape: `states` (tokens, width) of one text without padding -> (tokens, classes), whose sum over
    the tokens are the logits.
    """
    parts = token_parts(model, states, layer)[:1]  # the pooler reads the first position alone
    pooler: Any = model.bert.pooler
    pooled = _activated(_linear(parts, pooler.dense), pooler.activation)
    products = pooled[0] @ model.classifier.weight.T
    shares = products.abs() / products.abs().sum(0).clamp_min(_TINY)
    return products + shares * model.classifier.bias


def token_parts(
    model: BertForSequenceClassification, states: torch.Tensor, layer: int
) -> torch.Tensor:
    """The last hidden states as sums of parts.

    Shape: (tokens, width) -> (positions, tokens, width): `parts[i, k]` is what comes to position i
    from token k's state at `layer`; its sum over k is the hidden state of position i.
    """
    parts = torch.diag_embed(states.T).permute(1, 2, 0)
    blocks: Any = model.bert.encoder.layer
    for block in blocks[layer:]:
        parts = _block_parts(block, parts)
    return parts


def _block_parts(block: Any, parts: torch.Tensor) -> torch.Tensor:
    own, output = block.attention.self, block.attention.output
    heads = own.num_attention_heads
    whole = parts.sum(1)
    query, key = (_by_head(part(whole), heads) for part in (own.query, own.key))
    scale = query.shape[-1] ** -0.5
    weights = (torch.einsum("ihw,jhw->hij", query, key) * scale).softmax(-1)
    values = _by_head(parts @ own.value.weight.T, heads)
    mixed = torch.einsum("hij,jkhw->ikhw", weights, values).flatten(2)
    # The weights of a position sum to 1: the values' bias comes through whole.
    bias = output.dense.bias + output.dense.weight @ own.value.bias
    attended = _with_bias(mixed @ output.dense.weight.T, bias) + parts
    attended = _normalised(attended, output.LayerNorm)
    inner = _linear(attended, block.intermediate.dense)
    inner = _activated(inner, block.intermediate.intermediate_act_fn)
    outer = _linear(inner, block.output.dense)
    return _normalised(outer + attended, block.output.LayerNorm)


def _by_head(states: torch.Tensor, heads: int) -> torch.Tensor:
    return states.unflatten(-1, (heads, -1))


def _linear(parts: torch.Tensor, linear: Linear) -> torch.Tensor:
    return _with_bias(parts @ linear.weight.T, linear.bias)


def _with_bias(parts: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """The parts with a bias shared out among the tokens, by |bias . part|."""
    products = (parts @ bias).abs()
    totals = products.sum(1, keepdim=True)
    equal = torch.full_like(products, 1 / products.shape[1])
    shares = torch.where(totals > _TINY, products / totals.clamp_min(_TINY), equal)
    return parts + shares[..., None] * bias


def _activated(parts: torch.Tensor, activation: Module) -> torch.Tensor:
    """The parts times f(y) / y of the whole y: the line through the origin and (y, f(y))."""
    whole = parts.sum(1, keepdim=True)
    whole = torch.where(whole.abs() < _TINY, torch.full_like(whole, _TINY), whole)
    return parts * (activation(whole) / whole)


def _normalised(parts: torch.Tensor, norm: LayerNorm) -> torch.Tensor:
    whole = parts.sum(1, keepdim=True)
    deviation = (whole.var(-1, unbiased=False, keepdim=True) + norm.eps).sqrt()
    scaled = (parts - parts.mean(-1, keepdim=True)) / deviation * norm.weight
    return _with_bias(scaled, norm.bias)
