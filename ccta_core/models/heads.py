"""Brings the outputs of heads to one shape and names the logits that are explained."""

from dataclasses import dataclass
from typing import Any, Literal

import torch

from ccta_core.errors import CctaError


@dataclass(frozen=True, slots=True)
class Target:
    """The logits whose sum is F (docs/method.md, 2), as (position, column) pairs.

    Sequence classification: one pair (0, class). Extractive QA: (start, 0) and (end, 1), column 0
    holding the start logits and 1 the end logits. Token classification: (token, tag) of every
    chosen word's first piece. `rivals` says along which axis the margin looks for competitors:
    the other columns of the same position, or the other positions of the same column. With
    `against` F is a margin over these columns alone: why this class rather than that one.
    """

    places: tuple[tuple[int, int], ...]
    rivals: Literal["columns", "positions"] = "columns"
    against: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.places:
            raise CctaError("there is nothing to explain: no answer or word was chosen")


def head_logits(output: Any) -> torch.Tensor:
    """Returns a head's output as logits in float32.

    Shape: (rows, 1, classes) of sequence classification, (rows, tokens, 2) of extractive QA,
    (rows, tokens, tags) of token classification.
    """
    if hasattr(output, "start_logits"):
        return torch.stack([output.start_logits, output.end_logits], -1).float()
    logits: torch.Tensor = output.logits.float()
    return logits[:, None] if logits.ndim == 2 else logits
