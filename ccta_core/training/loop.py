"""The training loop: a killed run resumes where it was and gives the same weights."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from peft.helpers import disable_input_dtype_casting
from torch.optim.lr_scheduler import LambdaLR

from ccta_core.errors import CctaError
from ccta_core.models.products import matrix_precision, quick_products
from ccta_core.training.recipe import Recipe
from ccta_core.training.rows import Rows

Report = Callable[[str], None]


@dataclass(slots=True)
class TrainingHistory:
    """What a run has come to: steps done, seconds, losses, and its best epoch on the dev split."""

    step: int = 0
    seconds: float = 0.0
    losses: list[tuple[int, float]] = field(default_factory=list)
    """(step, mean training loss since the entry before)."""
    dev_losses: list[float] = field(default_factory=list)
    """One an epoch."""
    stopped_early: bool = False
    gradients: list[dict[str, Any]] = field(default_factory=list)
    """What an auxiliary loss logged: a row a layer, every few steps."""


class AuxiliaryLoss(Protocol):
    """A loss beside the task's: its gradients are added to those of every step."""

    def identity(self) -> str:
        """Returns what decides its gradients: a checkpoint of another one is refused."""

    def add_gradients(
        self, model: Any, parameters: Mapping[str, torch.nn.Parameter], step: int
    ) -> list[dict[str, Any]]:
        """Adds to the parameters' gradients, which hold the task's; rows to log, if any.

        `step` counts from 0. What is drawn depends on it and a seed alone. Raises CctaError where
        the loss is not finite.
        """

    def facts(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Returns what the card says of it, from all rows that were logged."""


def to_stderr(line: str) -> None:
    """Progress where nothing else is told what to do with it."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def train(  # noqa: PLR0913 - data, recipe and where to keep what
    model: torch.nn.Module,
    rows: Rows,
    recipe: Recipe,
    *,
    checkpoint: Path,
    dev: Rows | None = None,
    auxiliary: AuxiliaryLoss | None = None,
    start: str = "",
    device: str = "cpu",
    report: Report = to_stderr,
) -> TrainingHistory:
    """Trains `model` in place; continues from `checkpoint`.

    The order of the batches depends on seed and step alone, so a resumed run gives the weights of
    an uninterrupted one. With `dev`, the loss there is taken after each epoch, the weights of the
    best epoch are the result, and `recipe.patience` epochs without a better one end the run. An
    `auxiliary` loss adds its gradients before they are clipped. `start` names the weights that
    `model` begins with: a checkpoint of other ones is refused.
    """
    facts = asdict(recipe) | {"rows": rows.sha256, "start": start}
    facts["dev"] = None if dev is None else dev.sha256
    facts["auxiliary"] = None if auxiliary is None else auxiliary.identity()
    model.to(device)
    parameters = {name: p for name, p in model.named_parameters() if p.requires_grad}
    optimiser = torch.optim.AdamW(parameters.values(), lr=recipe.learning_rate, weight_decay=0.0)
    epochs = [
        rows.shuffled(recipe.batch_size, seed=recipe.seed * 1000 + epoch)
        for epoch in range(recipe.epochs)
    ]
    steps = [batch for epoch in epochs for batch in epoch]
    ends = set(np.cumsum([len(epoch) for epoch in epochs]).tolist())
    schedule = LambdaLR(optimiser, lambda step: _rate(step, len(steps), recipe.warmup_share))
    state = _Progress(model, optimiser, schedule, checkpoint, facts)
    history = state.restore()
    began, losses = time.monotonic() - history.seconds, []
    model.train()
    # autocast casts for itself; PEFT's cast of every input to float32 would only be undone
    with disable_input_dtype_casting(model):
        while history.step < len(steps) and not history.stopped_early:
            batch = _on(rows.tensors(steps[history.step]), device)
            losses.append(_add_task_gradients(model, batch, optimiser, recipe))
            if auxiliary is not None:
                history.gradients += auxiliary.add_gradients(model, parameters, history.step)
            torch.nn.utils.clip_grad_norm_(parameters.values(), 1.0)
            optimiser.step()
            schedule.step()
            history.step += 1
            history.seconds = time.monotonic() - began
            if history.step in ends and dev is not None:
                _judge(model, dev, recipe, history, state, device)
            if history.step % recipe.checkpoint_every == 0 or history.step in ends:
                history.losses.append((history.step, float(np.mean(losses))))
                losses = []
                state.save(history)
                report(_line(history, len(steps)))
    state.take_best()
    return history


def mean_loss(model: torch.nn.Module, rows: Rows, recipe: Recipe, device: str = "cpu") -> float:
    """Returns the loss over all rows, each row once."""
    model.eval()
    total = 0.0
    for batch in rows.by_length(recipe.batch_size):
        with torch.inference_mode(), matrix_precision(device, bfloat16=recipe.bfloat16):
            loss = model(**_on(rows.tensors(batch), device)).loss
        total += float(loss.detach()) * len(batch)
    model.train()
    return total / len(rows)


def _judge(  # noqa: PLR0913 - one epoch's end
    model: torch.nn.Module,
    dev: Rows,
    recipe: Recipe,
    history: TrainingHistory,
    state: "_Progress",
    device: str,
) -> None:
    loss = mean_loss(model, dev, recipe, device)
    if not history.dev_losses or loss < min(history.dev_losses):
        state.keep_best()
    history.dev_losses.append(loss)
    since = len(history.dev_losses) - 1 - int(np.argmin(history.dev_losses))
    history.stopped_early = since >= recipe.patience


def _rate(step: int, total: int, warmup_share: float) -> float:
    warm = max(1, int(total * warmup_share))
    return min((step + 1) / warm, (total - step) / max(1, total - warm))


def _add_task_gradients(
    model: torch.nn.Module,
    batch: dict[str, torch.Tensor],
    optimiser: torch.optim.Optimizer,
    recipe: Recipe,
) -> float:
    device = batch["input_ids"].device
    with matrix_precision(device, bfloat16=recipe.bfloat16):
        loss = model(**batch).loss
    if not torch.isfinite(loss):
        raise CctaError("the training loss is not finite; lower learning_rate or train in float32")
    optimiser.zero_grad(set_to_none=True)
    with quick_products(device, bfloat16=recipe.bfloat16):
        loss.backward()
    return float(loss.detach())


def _on(batch: dict[str, torch.Tensor], device: str) -> dict[str, torch.Tensor]:
    return {name: tensor.to(device) for name, tensor in batch.items()}


def _line(history: TrainingHistory, total: int) -> str:
    pace = history.step / max(history.seconds, 1e-9)
    left = (total - history.step) / pace
    dev = f"  dev loss {history.dev_losses[-1]:.3f}" if history.dev_losses else ""
    return (
        f"step {history.step}/{total}  loss {history.losses[-1][1]:.3f}{dev}  "
        f"{pace:.2f} steps/s  {left / 60:.0f} min left"
    )


class _Progress:
    """What a killed run needs to go on: weights, optimiser, schedule, history, the best weights."""

    def __init__(
        self,
        model: torch.nn.Module,
        optimiser: torch.optim.Optimizer,
        schedule: LambdaLR,
        path: Path,
        facts: dict[str, Any],
    ) -> None:
        self.model, self.optimiser, self.schedule, self.path = model, optimiser, schedule, path
        self.facts = facts
        self.best: dict[str, torch.Tensor] | None = None

    def restore(self) -> TrainingHistory:
        """Returns the history so far; an empty one where there is nothing to continue.

        Raises CctaError where the checkpoint belongs to another recipe, other data (their rows) or
        another start.
        """
        if not self.path.exists():
            return TrainingHistory()
        try:
            saved = torch.load(self.path, weights_only=True)
        except Exception as error:
            raise CctaError(
                f"{self.path} can't be read ({type(error).__name__}); delete it to start again"
            ) from error
        if saved["facts"] != self.facts:
            kept = saved["facts"]
            different = [name for name in self.facts if kept.get(name) != self.facts[name]]
            raise CctaError(
                f"{self.path} belongs to another recipe, other data or another start (different: "
                f"{', '.join(different)}); delete its folder to start again, or train into another"
            )
        self.model.load_state_dict(saved["weights"], strict=False)
        self.optimiser.load_state_dict(saved["optimiser"])
        self.schedule.load_state_dict(saved["schedule"])
        self.best = saved["best"]
        return TrainingHistory(**saved["history"])

    def save(self, history: TrainingHistory) -> None:
        """Writes all of it beside the checkpoint, then takes its place."""
        temporary = self.path.with_suffix(".tmp")
        saved: dict[str, Any] = {
            "facts": self.facts,
            "history": asdict(history),
            "weights": self._weights(),
            "best": self.best,
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
        }
        torch.save(saved, temporary)
        temporary.replace(self.path)

    def keep_best(self) -> None:
        """Remembers the weights of now as the best so far."""
        self.best = {name: value.detach().clone() for name, value in self._weights().items()}

    def take_best(self) -> None:
        """Puts the remembered weights back, if there are any."""
        if self.best is not None:
            self.model.load_state_dict(self.best, strict=False)

    def _weights(self) -> dict[str, torch.Tensor]:
        return {name: p.data for name, p in self.model.named_parameters() if p.requires_grad}
