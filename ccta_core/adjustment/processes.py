"""One run over several processes or GPUs: each reads a part of every batch, gradients are added.

Started with `accelerate launch --multi_gpu -m ccta_core adjust run ...`, or on processors with
`torchrun --standalone --nproc_per_node N -m ccta_core adjust run ...` (and `--local-addr 127.0.0.1`
where the machine's own name does not resolve); without a launcher there is one process.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch

TERMS = ("alignment", "anchor")
"""Of the loss."""
Slopes = dict[str, list[torch.Tensor]]
"""Gradients by term, a tensor a parameter."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, eq=False)
class Processes:
    """This process among those of a run; the first one (rank 0) writes and reports."""

    rank: int = 0
    count: int = 1
    accelerator: Any = None

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def share_of(self, parts: Sequence[_T]) -> list[_T]:
        """This process's parts of a batch: every `count`-th, so that long ones are spread."""
        return list(parts[self.rank :: self.count])

    def add_up(
        self, parameters: Sequence[torch.nn.Parameter], losses: dict[str, float]
    ) -> dict[str, float]:
        """Gives every process the sum of all gradients, and returns the sum of the losses."""
        if self.count == 1:
            return losses
        values = torch.tensor(list(losses.values()), device=parameters[0].device)
        slopes = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        flat = torch.cat([values, *(slope.reshape(-1) for slope in slopes)])
        total = self.accelerator.reduce(flat, reduction="sum")
        pieces = total[len(losses) :].split([slope.numel() for slope in slopes])
        for parameter, piece in zip(parameters, pieces, strict=True):
            parameter.grad = piece.reshape(parameter.shape)
        return dict(zip(losses, total[: len(losses)].tolist(), strict=True))

    def add_up_terms(
        self, parameters: Sequence[torch.nn.Parameter], slopes: Slopes | None
    ) -> Slopes:
        """Returns the sum over all processes of each term's gradients, one tensor a parameter.

        `slopes` are None where this process had no part of the batch.
        """
        own = slopes or {name: [torch.zeros_like(p) for p in parameters] for name in TERMS}
        if self.count == 1:
            return own
        return {
            name: [self.accelerator.reduce(slope, reduction="sum") for slope in own[name]]
            for name in TERMS
        }

    def wait(self) -> None:
        """Returns when every process has come here."""
        if self.count > 1:
            self.accelerator.wait_for_everyone()

    def close(self) -> None:
        """Leaves the others when all are done; one that went before them would be aborted."""
        if self.count > 1:
            self.accelerator.wait_for_everyone()
            torch.distributed.destroy_process_group()


def open_processes(device: str) -> Processes:
    """Returns the processes that a launcher started this one among; one where none did."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return Processes()
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=device == "cpu")
    return Processes(accelerator.process_index, accelerator.num_processes, accelerator)
