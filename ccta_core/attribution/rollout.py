"""Attention rollout: where attention could have carried tokens; deliberately weak."""

from collections.abc import Sequence

import torch
from transformers import PreTrainedModel

from ccta_core.attribution.batches import autocast, in_batches
from ccta_core.attribution.objective import objective
from ccta_core.attribution.protocol import Request, Scores, Stop, never
from ccta_core.config import Config
from ccta_core.errors import CctaError
from ccta_core.models.heads import Target, head_logits
from ccta_core.models.layer_suffix import own_modules
from ccta_core.models.model import Model


def attention_rollout(
    model: Model, requests: Sequence[Request], config: Config, stop: Stop = never
) -> list[Scores]:
    """Attention rollout (Abnar and Zuidema, 2020, arXiv 2005.00928) of the layers above `layer`.

    R = A'_L ... A'_(layer+1) with A' = (A + I) / 2, A the mean over heads, rows scaled to sum to 1;
    a_t is R's row of the position the head reads, averaged over positions where there are several.
    Sequence classification: the first token, or all tokens where the head takes their mean. Answers
    and tags: the target's own positions. Unsigned, and the same for every class: a control.

    Raises CctaError where the model gives no attentions.
    """
    view = own_modules(model.hf_model)
    view.config._attn_implementation = "eager"  # the only one that returns its attentions
    lengths = [request.encoded.length for request in requests]

    def forward(batch: list[int]) -> list[Scores]:
        chosen = [requests[index] for index in batch]
        inputs = model.inputs([request.encoded for request in chosen])
        with torch.inference_mode(), autocast(model.device, config.precision):
            output = view(**inputs, output_attentions=True)
        logits = head_logits(output)
        targets = [request.target for request in chosen]
        values = objective(logits, targets, inputs["attention_mask"], config.objective)
        paths = _roll_out(model, getattr(output, "attentions", None), config.layer)
        results = []
        for row, request in enumerate(chosen):
            length = request.encoded.length
            positions = _positions(view, request.target, length, by_token=logits.shape[1] > 1)
            scores = paths[row, positions, :length].mean(0).cpu().numpy()
            results.append(Scores(scores, float(values[row]), precision=config.precision))
        return results

    by_request: dict[int, Scores] = {}
    for batch, batch_scores in in_batches(model, lengths, forward, stop=stop):
        by_request |= zip(batch, batch_scores, strict=True)
    return [by_request[index] for index in range(len(requests))]


def _roll_out(
    model: Model, attentions: Sequence[torch.Tensor | None] | None, layer: int
) -> torch.Tensor:
    """Returns the rollout matrices in float64.

    Shape: a layer's (rows, heads, tokens, tokens) each -> (rows, tokens, tokens).
    """
    depth = model.depth
    returned = [attention for attention in attentions or () if attention is not None]
    if len(returned) != depth:
        raise CctaError(
            f"{type(model.hf_model).__name__} gives the attentions of {len(returned)} of its "
            f"{depth} layers: attention rollout can't be computed; choose another method (lig)"
        )
    first = returned[0]
    identity = torch.eye(first.shape[-1], dtype=torch.float64, device=first.device)
    rolled = identity.expand(len(first), -1, -1)
    for attention in returned[layer:]:
        mixed = (attention.double().mean(1) + identity) / 2
        rolled = mixed / mixed.sum(-1, keepdim=True) @ rolled
    return rolled


def _positions(model: PreTrainedModel, target: Target, length: int, *, by_token: bool) -> list[int]:
    """Returns the positions of the last layer that the target's logits are read from."""
    if by_token:
        return sorted({position for position, _ in target.places})
    pooling = {getattr(model.config, name, "") for name in ("classifier_pooling", "summary_type")}
    return list(range(length)) if "mean" in pooling else [0]
