"""Attention for gradients in bfloat16 on a processor, where PyTorch's fused kernel is slow.

Its backward pass took 8 times as long as the explicit products below (docs/benchmarks.md); in
float32, on a GPU and without gradients the fused kernel is the fastest and stays.
"""

from typing import Any

import torch
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

NAME = "ccta"


def use_explicit_attention(model: PreTrainedModel) -> None:
    """Lets `model` attend by `attend` where it would use PyTorch's fused attention.

    Families that bring an attention of their own (DeBERTa, XLM) are left as they are.
    """
    if getattr(model.config, "_attn_implementation", None) == "sdpa":
        model.set_attn_implementation(NAME)


def attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **settings: Any,
) -> tuple[torch.Tensor, None]:
    """Computes attention as transformers' models call it: (rows, heads, tokens, head width) each.

    Returns (rows, tokens, heads, head width) and no weights.
    """
    explicit = (
        query.device.type == "cpu"
        and query.dtype == torch.bfloat16
        and query.requires_grad
        and torch.is_grad_enabled()
        and (attention_mask is None or attention_mask.dtype == torch.bool)
        and not settings.get("dropout")
    )
    if not explicit:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **settings)
    scale = settings.get("scaling") or query.shape[-1] ** -0.5
    mixed: torch.Tensor = _Explicit.apply(query, key, value, attention_mask, scale)
    return mixed.transpose(1, 2).contiguous(), None


class _Explicit(torch.autograd.Function):
    """softmax(q k' scale) v with its own backward pass, everything in the inputs' precision."""

    @staticmethod
    def forward(  # noqa: PLR0913 - the arguments of attention
        ctx: Any,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        mask: torch.Tensor | None,
        scale: float,
    ) -> torch.Tensor:
        with torch.autocast("cpu", enabled=False):
            scores = torch.matmul(query * scale, key.transpose(-1, -2))
            if mask is not None:
                # The lowest number, not infinity: a padded row that sees nothing must not be NaN.
                scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
            shares = torch.softmax(scores, -1)
            ctx.save_for_backward(query, key, value, shares)
            ctx.scale = scale
            return torch.matmul(shares, value)

    @staticmethod
    def backward(ctx: Any, *slopes: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        query, key, value, shares = ctx.saved_tensors
        to_shares = torch.matmul(slopes[0], value.transpose(-1, -2))
        inner = (to_shares * shares).sum(-1, keepdim=True)
        to_scores = shares * (to_shares - inner) * ctx.scale
        return (
            torch.matmul(to_scores, key),
            torch.matmul(to_scores.transpose(-1, -2), query),
            torch.matmul(shares.transpose(-1, -2), slopes[0]),
            None,
            None,
        )


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, sdpa_mask)
