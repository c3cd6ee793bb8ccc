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
    no rival. A target that names its rivals has no F but that margin. Targets of one call share
    their axis and the rivals they name.

    Shape: `logits` (rows, positions, columns), `mask` (rows, tokens) -> (rows,).
    """
    if any(target.against != targets[0].against for target in targets):
        raise AssertionError("targets of one call name the same rivals")
    row, position, column = _places(logits, targets)
    chosen = logits[row, position, column]
    if kind == "margin" or targets[0].against:
        chosen = chosen - rivals(logits, targets, mask).logsumexp(1)
    return chosen.new_zeros(len(targets)).index_add(0, row, chosen)


def rivals(logits: torch.Tensor, targets: Sequence[Target], mask: torch.Tensor) -> torch.Tensor:
    """The logits on each place's axis, -inf at the place itself and at padding; those of the
    rivals alone where the targets name them.

    Shape: `logits` (rows, positions, columns), `mask` (rows, tokens) -> (places of all rows, n).
    """
    row, position, column = _places(logits, targets)
    if targets[0].against:
        return logits[row, position][:, list(targets[0].against)]
    if targets[0].rivals == "columns":
        return logits[row, position].scatter(1, column[:, None], float("-inf"))
    lines = logits[row, :, column].masked_fill(~mask[row].bool(), float("-inf"))
    return lines.scatter(1, position[:, None], float("-inf"))


def _places(logits: torch.Tensor, targets: Sequence[Target]) -> torch.Tensor:
    """Row, position and column of every place, row after row. Shape: (3, places)."""
    places = [(row, *place) for row, target in enumerate(targets) for place in target.places]
    return torch.tensor(places).T.to(logits.device)


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
