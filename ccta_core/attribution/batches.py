"""Rows packed by length into a budget of tokens that halves itself when memory runs out."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import TypeVar

import torch

from ccta_core.attribution.protocol import Stop
from ccta_core.errors import CctaError, StoppedError
from ccta_core.models.model import Model
from ccta_core.models.products import matrix_precision, quick_products

T = TypeVar("T")
_log = logging.getLogger(__name__)

TOKEN_BUDGET = 2048
"""Tokens (padding included) in one batch on a processor: activations stay near its caches."""
_GPU_SHARE = 0.4
"""The share of a GPU's free memory that one batch may take."""
_SPARE = 64
"""Padding, in tokens, that costs a processor less than one more batch; a GPU: a batch's share."""
_FORWARD_ONLY = 4
"""A forward pass that keeps nothing for gradients takes this many times the tokens at once."""
_VECTORS_KEPT = 20
"""Vectors of the model's width that a layer keeps for each token until the backward pass."""


def token_budget(model: Model) -> int:
    """Tokens in one batch on the model's device."""
    if model.device.type != "cuda":
        return TOKEN_BUDGET
    free, _ = torch.cuda.mem_get_info(model.device)
    each = 4 * _VECTORS_KEPT * model.hf_model.config.hidden_size * model.depth
    return max(TOKEN_BUDGET, int(_GPU_SHARE * free / each))


def in_batches(
    model: Model,
    lengths: Sequence[int],
    work: Callable[[list[int]], T],
    *,
    stop: Stop,
    gradients: bool = True,
) -> Iterator[tuple[list[int], T]]:
    """Runs `work` on batches of indices, each within the budget of tokens, and yields its results.

    Without `gradients` a batch keeps less and may be larger. When memory runs out the budget is
    halved, the log says so, and the batch is done in parts.

    Raises StoppedError within one batch of `stop` turning true, CctaError where memory runs out on
    one row alone.
    """
    budget = token_budget(model) * (1 if gradients else _FORWARD_ONLY)
    spare = budget // 8 if model.device.type == "cuda" else _SPARE
    pack = partial(packed, spare=spare, even=model.even_only)
    waiting = list(pack(lengths, budget=budget))[::-1]  # a stack: the first batch is at its end
    while waiting:
        if stop():
            raise StoppedError("stopped before there was a result")
        batch = waiting.pop()
        try:
            result = work(batch)
        except (MemoryError, RuntimeError) as error:
            if not _out_of_memory(error):
                raise
            if len(batch) == 1:
                raise CctaError(
                    f"memory ran out on one text of {lengths[batch[0]]} tokens; "
                    "use a shorter text, a smaller model or the precision bf16"
                ) from error
        else:
            yield batch, result
            continue
        budget = sum(lengths[index] for index in batch) // 2
        _log.warning("memory ran out: going on with batches of at most %d tokens", budget)
        # What failed and what is left is packed anew: half the failed batch's tokens, since nothing
        # tells how much less would have fitted.
        rest = [index for left in (batch, *waiting[::-1]) for index in left]
        again = pack([lengths[index] for index in rest], budget=budget)
        waiting = [[rest[position] for position in group] for group in again][::-1]
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def packed(
    lengths: Sequence[int], *, budget: int, spare: int = _SPARE, even: bool = False
) -> Iterator[list[int]]:
    """Indices grouped by length, each group within `budget` tokens, padding included.

    A group ends where a longer row would pad the others by more than `spare` tokens in all; with
    `even` it holds one length only.
    """
    batch: list[int] = []
    room = 0 if even else spare
    # From the shortest to the longest: a row's neighbours are those that it pads least.
    for index in sorted(range(len(lengths)), key=lambda index: lengths[index]):
        if batch:
            # This row would be the longest, and every row of the batch is padded by the difference.
            padding = (lengths[index] - lengths[batch[-1]]) * len(batch)
            if padding > room or lengths[index] * (len(batch) + 1) > budget:
                yield batch
                batch, padding, room = [], 0, 0 if even else spare
            room -= padding
        batch.append(index)
    if batch:
        yield batch


def autocast(device: torch.device, precision: str) -> AbstractContextManager:
    """Returns a context in which matrix products are in bfloat16 where asked for; sums stay
    float32.
    """
    return matrix_precision(device, bfloat16=precision == "bf16")


def backward(device: torch.device, precision: str) -> AbstractContextManager:
    """Returns a context for the gradients of what was computed in `autocast`."""
    return quick_products(device, bfloat16=precision == "bf16")


def _out_of_memory(error: MemoryError | RuntimeError) -> bool:
    """Returns whether an allocation failed: PyTorch has an error of its own for GPUs only."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        "allocate memory" in str(error)
    )
