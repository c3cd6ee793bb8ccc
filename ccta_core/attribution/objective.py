"""F, the scalar that is explained: sums of logits, or of their margins over their rivals."""

from collections.abc import Sequence

import torch

from ccta_core.errors import CctaError
from ccta_core.models.heads import Target


def objective(
    logits: torch.Tensor, targets: Sequence[Target], mask: torch.Tensor, kind: str
) -> torch.Tensor:
    """Returns F of every row: the sum of its target's logits, or with `margin` each over its
    rivals.

    The margin of a logit is the logit minus the log-sum-exp of the others on its axis; padding is
    no rival. Targets of one call share that axis.

    Shape: `logits` (rows, positions, columns), `mask` (rows, tokens) -> (rows,).
    """
    places = [(row, *place) for row, target in enumerate(targets) for place in target.places]
    row, position, column = torch.tensor(places).T.to(logits.device)
    chosen = logits[row, position, column]
    if kind == "margin" and targets[0].rivals == "columns":
        lines = logits[row, position].scatter(1, column[:, None], float("-inf"))
        chosen = chosen - lines.logsumexp(1)
    elif kind == "margin":
        lines = logits[row, :, column].masked_fill(~mask[row].bool(), float("-inf"))
        chosen = chosen - lines.scatter(1, position[:, None], float("-inf")).logsumexp(1)
    return chosen.new_zeros(len(targets)).index_add(0, row, chosen)


def output_of(logits: torch.Tensor | None, target: Target, kind: str) -> float | None:
    """Returns F of one text from its logits (positions, columns) without padding; None without
    them.
    """
    if logits is None:
        return None
    mask = torch.ones(1, len(logits), device=logits.device)
    return finite(objective(logits[None].float(), [target], mask, kind))[0]


def finite(outputs: torch.Tensor) -> list[float]:
    """Returns the values of F. Raises CctaError where the model returned NaN or infinity."""
    if not bool(outputs.isfinite().all()):
        raise CctaError(
            "the model returned numbers that are not finite; check its weights or use fp32"
        )
    numbers: list[float] = outputs.tolist()
    return numbers
