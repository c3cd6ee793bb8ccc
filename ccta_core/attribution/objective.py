"""F, the scalar that is explained: sums of logits, or of their margins over their rivals."""

from collections.abc import Sequence

import torch

from ccta_core.models.heads import Target


def objective(
    logits: torch.Tensor, targets: Sequence[Target], mask: torch.Tensor, kind: str
) -> torch.Tensor:
    """F of every row: the sum of its target's logits, or with `margin` each over its rivals.

    The margin of a logit is the logit minus the log-sum-exp of the others on its axis; padding is
    no rival. Targets of one call share that axis.

    Shape: `logits` (rows, positions, columns), `mask` (rows, tokens) -> (rows,).
    """
    spots = [(row, *place) for row, target in enumerate(targets) for place in target.places]
    row, position, column = torch.tensor(spots).T.to(logits.device)
    chosen = logits[row, position, column]
    if kind == "margin" and targets[0].rivals == "columns":
        lines = logits[row, position].scatter(1, column[:, None], float("-inf"))
        chosen = chosen - lines.logsumexp(1)
    elif kind == "margin":
        lines = logits[row, :, column].masked_fill(~mask[row].bool(), float("-inf"))
        chosen = chosen - lines.scatter(1, position[:, None], float("-inf")).logsumexp(1)
    return chosen.new_zeros(len(targets)).index_add(0, row, chosen)
