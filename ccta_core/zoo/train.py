"""Trains a LoRA adapter and a head on the embedded backbone; a killed run resumes where it was."""

import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch.optim.lr_scheduler import LambdaLR
from transformers import BertForSequenceClassification

from ccta_core.corpus.nli import LABELS
from ccta_core.models import embedded
from ccta_core.zoo.batches import PairBatches
from ccta_core.zoo.recipe import Recipe

_TARGETS = r".*encoder\.layer\.\d+\..*\.(query|key|value|dense)"


def classifier(path: Path, recipe: Recipe) -> PeftModel:
    """The backbone with a fresh pooler, a classification head and LoRA on every linear layer."""
    torch.manual_seed(recipe.seed)
    config = embedded.configuration(path)
    config.num_labels = len(LABELS)
    config.id2label = dict(enumerate(LABELS))
    config.label2id = {label: index for index, label in enumerate(LABELS)}
    model = BertForSequenceClassification(config)
    model.bert.load_state_dict(embedded.state_dict(path), strict=False)
    lora = LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        target_modules=_TARGETS,
        modules_to_save=["pooler", "classifier"],
        task_type="SEQ_CLS",
    )
    return get_peft_model(model, lora)


def train(model: PeftModel, data: PairBatches, recipe: Recipe, *, checkpoint: Path) -> float:
    """Trains `model` in place and returns the seconds spent; continues from `checkpoint`.

    The order of the batches and the dropout of each step depend on seed and step alone, so a
    resumed run gives the weights of an uninterrupted one.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=recipe.learning_rate, weight_decay=0.0)
    steps = list(_steps(data, recipe))
    schedule = LambdaLR(optimiser, lambda step: _rate(step, len(steps), recipe.warmup_share))
    state = _Progress(model, optimiser, schedule, checkpoint, recipe)
    done, spent = state.restore()
    model.train()
    began, losses = time.monotonic() - spent, []
    for step in range(done, len(steps)):
        torch.manual_seed(recipe.seed * 1_000_003 + step)
        losses.append(_step(model, data.tensors(steps[step]), optimiser, recipe))
        schedule.step()
        if (step + 1) % recipe.checkpoint_every == 0:
            spent = time.monotonic() - began
            state.save(step + 1, spent)
            _report(step + 1, len(steps), float(np.mean(losses)), spent)
            losses = []
    return time.monotonic() - began


def _steps(data: PairBatches, recipe: Recipe) -> Iterator[np.ndarray]:
    for epoch in range(recipe.epochs):
        yield from data.shuffled(recipe.batch_size, seed=recipe.seed * 1000 + epoch)


def _rate(step: int, total: int, warmup_share: float) -> float:
    warm = max(1, int(total * warmup_share))
    return min((step + 1) / warm, (total - step) / max(1, total - warm))


def _step(
    model: PeftModel,
    batch: dict[str, torch.Tensor],
    optimiser: torch.optim.Optimizer,
    recipe: Recipe,
) -> float:
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=recipe.bfloat16):
        loss = model(**batch).loss
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], 1.0)
    optimiser.step()
    return loss.item()


class _Progress:
    """What a killed run needs to go on: weights, optimiser, schedule and the step."""

    def __init__(
        self,
        model: PeftModel,
        optimiser: torch.optim.Optimizer,
        schedule: LambdaLR,
        path: Path,
        recipe: Recipe,
    ) -> None:
        self.model, self.optimiser, self.schedule = model, optimiser, schedule
        self.path, self.recipe = path, asdict(recipe)

    def restore(self) -> tuple[int, float]:
        """(steps done, seconds spent); (0, 0) where there is nothing to continue."""
        if not self.path.exists():
            return 0, 0.0
        saved = torch.load(self.path, weights_only=True)
        if saved["recipe"] != self.recipe:
            raise ValueError(f"{self.path} belongs to another recipe; delete it to start again")
        self.model.load_state_dict(saved["weights"], strict=False)
        self.optimiser.load_state_dict(saved["optimiser"])
        self.schedule.load_state_dict(saved["schedule"])
        return saved["step"], saved["seconds"]

    def save(self, step: int, seconds: float) -> None:
        trained = {name for name, p in self.model.named_parameters() if p.requires_grad}
        weights = {k: v for k, v in self.model.state_dict().items() if k in trained}
        temporary = self.path.with_suffix(".tmp")
        saved = {
            "step": step,
            "seconds": seconds,
            "recipe": self.recipe,
            "weights": weights,
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
        }
        torch.save(saved, temporary)
        temporary.replace(self.path)


def _report(step: int, total: int, loss: float, spent: float) -> None:
    left = spent / step * (total - step)
    pace = f"{step / spent:.2f}/s  {left / 60:.0f} min left"
    sys.stderr.write(f"step {step}/{total}  loss {loss:.3f}  {pace}\n")
    sys.stderr.flush()
