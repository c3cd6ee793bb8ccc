"""The loop of an adjustment: a killed run resumes where it was and gives the same weights."""

import copy
import hashlib
import io
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch

from ccta_core.adjustment.links import LinkedPair
from ccta_core.adjustment.objective import (
    PAIRS_AT_ONCE,
    Frozen,
    Objective,
    add_batch_gradients,
    gradient_rows,
    layer_of,
    split_batch,
)
from ccta_core.adjustment.probe import Probe
from ccta_core.adjustment.processes import Processes
from ccta_core.adjustment.settings import ROWS, Adjustment, as_facts, write_whole
from ccta_core.adjustment.words import WordReader
from ccta_core.errors import CctaError, DamagedFileError
from ccta_core.memory import free_bytes, peak_megabytes
from ccta_core.models.attention import use_explicit_attention
from ccta_core.models.load import Backbone
from ccta_core.training.learner import cast_frozen_layers, with_adapter
from ccta_core.training.rows import shuffled_batches

Report = Callable[[str], None]
CHECKPOINT = "checkpoint.pt"


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """What a run learns from: linked pairs to train on and held-out ones, and where they come from.

    `facts` go into the manifest: the text's hash, what was dropped and why, the links of each step.
    """

    train: tuple[LinkedPair, ...]
    held: tuple[LinkedPair, ...]
    facts: dict[str, Any]


@dataclass(slots=True)
class Progress:
    """How far a run is: steps and sentences done, seconds, and the rows written so far."""

    step: int = 0
    sentences: int = 0
    seconds: float = 0.0
    rows: dict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: {name: [] for name in ROWS}
    )
    sums: dict[str, float] = field(default_factory=dict)
    """Losses added up since the last row, and their number."""
    bounds: dict[int, float] = field(default_factory=dict)
    """Upper edges of the histograms of L2 distance, by layer."""


class Learning:
    """The loop of one run: its model, its optimiser, how far it is."""

    def __init__(
        self,
        settings: Adjustment,
        parts: Backbone,
        prepared: Prepared,
        *,
        device: str = "cpu",
        processes: Processes | None = None,
    ) -> None:
        """Continues from the folder's checkpoint where there is one.

        Of several `processes` the first alone measures and writes. Raises CctaError where the
        checkpoint belongs to other data or settings, or can't be read.
        """
        self.processes = processes or Processes()
        self.settings, self.parts, self.prepared, self.device = settings, parts, prepared, device
        self.reader = WordReader(parts.tokenizer)
        depth = parts.config.num_hidden_layers
        self.layer = depth if settings.layer is None else settings.layer
        check_layer(parts, self.layer)
        self.model, self.frozen = build_learner(settings, parts, device)
        self.objective = Objective(
            self.layer,
            anchor_weight=settings.anchor_weight,
            target=settings.target,
            bfloat16=settings.bfloat16,
        )
        names = [name for name, p in self.model.named_parameters() if p.requires_grad]
        tensors = dict(self.model.named_parameters())
        self.names, self.parameters = names, [tensors[name] for name in names]
        self.optimiser = torch.optim.Adam(
            self.parameters, lr=settings.rate, betas=(0.9, 0.98), eps=1e-9
        )
        lengths = [max(p.foreign.tokens, p.english.tokens) for p in prepared.train]
        self.batches = [
            batch
            for epoch in range(settings.epochs)
            for batch in shuffled_batches(
                lengths, settings.batch_size, seed=settings.seed * 1000 + epoch
            )
        ]
        self.probe = Probe(self.reader, prepared.held, depth)
        steps = np.linspace(0, len(self.batches), min(settings.probes, len(self.batches) + 1))
        self.probe_steps = {int(step) for step in np.round(steps)} | {len(self.batches)}
        self.progress = Progress()
        self._restore()

    def train(self, report: Report) -> None:
        """Runs all steps that are left.

        Raises CctaError where a loss or gradient is not finite: the checkpoint then holds the state
        before that step.
        """
        settings, progress = self.settings, self.progress
        began = time.monotonic() - progress.seconds
        self.model.train()
        if progress.step == 0 and not progress.rows["probes"]:
            self._measure(report)
            self._save()
        while progress.step < len(self.batches):
            self.step()
            progress.seconds = time.monotonic() - began
            last = progress.step == len(self.batches)
            if progress.step % settings.log_every == 0 or last:
                self._log(report)
            if progress.step in self.probe_steps:
                self._measure(report)
                progress.seconds = time.monotonic() - began
            if progress.step % settings.checkpoint_every == 0 or last:
                self._save()

    def facts(self) -> dict[str, Any]:
        """Returns what the manifest says of the run so far."""
        progress = self.progress
        last = progress.rows["losses"][-1] if progress.rows["losses"] else {}
        return {
            "steps": progress.step,
            "of_steps": len(self.batches),
            "sentences": progress.sentences,
            "trainable": sum(p.numel() for p in self.parameters),
            "seconds": round(progress.seconds, 1),
            "peak_memory_mb": peak_megabytes(),
            "last_losses": {name: last[name] for name in ("alignment", "anchor") if name in last},
        }

    def step(self) -> None:
        """Takes one step: computes the gradients of both terms over a batch and moves the weights
        by Adam.

        Raises CctaError where the loss or a gradient is not finite.
        """
        settings, progress = self.settings, self.progress
        rows = self.batches[progress.step]
        # Dropout's masks depend on seed and step alone: a resumed run draws the same ones.
        torch.manual_seed(settings.seed * 1_000_003 + progress.step + (self.processes.rank << 40))
        apart = (progress.step + 1) % settings.log_every == 0
        added = add_batch_gradients(
            self.model,
            self.frozen,
            self.processes.share_of(
                split_batch(self.reader, [self.prepared.train[row] for row in rows])
            ),
            self.parameters,
            self.objective,
            apart=apart,
        )
        if apart:
            slopes = self.processes.add_up_terms(self.parameters, added.slopes)
            progress.rows["gradients"] += [
                {"step": progress.step + 1} | row for row in gradient_rows(slopes, self.names)
            ]
        losses = self.processes.add_up(self.parameters, added.losses)
        self._check_finite(sum(losses.values()))
        warm = max(1.0, settings.warmup_share * len(self.prepared.train))
        progress.sentences += len(rows)
        for group in self.optimiser.param_groups:
            group["lr"] = settings.rate * min(1.0, progress.sentences / warm)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        progress.step += 1
        weights = {"alignment": 1.0, "anchor": settings.anchor_weight or 1.0}
        for name, value in losses.items():
            progress.sums[name] = progress.sums.get(name, 0.0) + value / weights[name]
        progress.sums["steps"] = progress.sums.get("steps", 0) + 1

    def _check_finite(self, loss: float) -> None:
        slopes = [p.grad for p in self.parameters if p.grad is not None]
        size = torch.nn.utils.get_total_norm(slopes) if slopes else torch.zeros(())
        if np.isfinite(loss) and torch.isfinite(size):
            return
        self._save()
        raise CctaError(
            f"the loss or its gradient is not finite at step {self.progress.step + 1} of "
            f"{len(self.batches)}; the state before it is kept in {self.settings.folder}; start "
            "again with a lower learning rate or in float32"
        )

    def _log(self, report: Report) -> None:
        progress = self.progress
        steps = progress.sums.pop("steps")
        means = {name: total / steps for name, total in progress.sums.items()}
        progress.sums = {}
        rate = self.optimiser.param_groups[0]["lr"]
        progress.rows["losses"].append({"step": progress.step, **means, "learning_rate": rate})
        left = progress.seconds / progress.step * (len(self.batches) - progress.step)
        report(
            f"step {progress.step}/{len(self.batches)}  alignment {means['alignment']:.5f}  "
            f"anchor {means['anchor']:.5f}  {progress.seconds / progress.step:.2f} s a step  "
            f"{left / 60:.0f} min left"
        )

    def _measure(self, report: Report) -> None:
        if not self.processes.first:
            return
        rows = self.probe.measure(
            self.model,
            self.progress.step,
            self.progress.bounds,
            bfloat16=self.settings.bfloat16,
        )
        self.progress.rows["probes"] += rows
        row = rows[self.layer]
        report(
            f"step {self.progress.step}: AUC {row['auc_cosine']:.4f}, related "
            f"{row['related_cosine']:.3f}, unrelated {row['unrelated_cosine']:.3f} (cosine "
            f"distance, layer {self.layer}), retrieval {row['retrieval_to_english']:.3f}"
        )

    def _identity(self) -> dict[str, Any]:
        """Returns what a checkpoint belongs to."""
        data = self.prepared.facts["data"]
        links = repr([pair.links for pair in self.prepared.train])
        return {
            "settings": as_facts(self.settings),
            "base": self.parts.revision,
            "drawn": data["drawn_sha256"],
            "links": hashlib.sha256(links.encode()).hexdigest(),
            "steps": len(self.batches),
        }

    def _save(self) -> None:
        """Writes the checkpoint whole, then the tables that it implies."""
        if not self.processes.first:
            return
        progress = self.progress
        folder = self.settings.folder
        folder.mkdir(parents=True, exist_ok=True)
        saved = {
            "identity": json.dumps(self._identity(), sort_keys=True),
            "progress": {name: getattr(progress, name) for name in Progress.__slots__},
            "weights": dict(zip(self.names, (p.data for p in self.parameters), strict=True)),
            "optimiser": self.optimiser.state_dict(),
        }
        buffer = io.BytesIO()
        torch.save(saved, buffer)
        write_whole(folder / CHECKPOINT, buffer.getvalue())
        for name, file in ROWS.items():
            text = "".join(json.dumps(row) + "\n" for row in progress.rows[name])
            write_whole(folder / file, text.encode())

    def _restore(self) -> None:
        path = self.settings.folder / CHECKPOINT
        if not path.exists():
            return
        try:
            saved = torch.load(path, weights_only=True, map_location=self.device)
        except Exception as error:
            raise DamagedFileError(
                f"{path} can't be read ({type(error).__name__}); delete the folder to start again"
            ) from error
        if saved["identity"] != json.dumps(self._identity(), sort_keys=True):
            raise CctaError(
                f"{path} belongs to other data, links or settings than there are now; bring the "
                "former back, or start a run of another name"
            )
        with torch.no_grad():
            for name, parameter in zip(self.names, self.parameters, strict=True):
                parameter.copy_(saved["weights"][name])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.progress = Progress(**saved["progress"])


class LearnerModels(NamedTuple):
    """The model that learns, and the frozen start model that it is compared with."""

    model: Any
    frozen: Frozen


def build_learner(settings: Adjustment, parts: Backbone, device: str) -> LearnerModels:
    """Returns the model that learns, its dropout as configured, and the frozen start model.

    With an adapter both are one: the adapter is passed over where the start model is asked for.
    """
    torch.manual_seed(settings.seed)
    encoder = start_encoder(parts, "cpu")
    if settings.full:
        frozen = Frozen(copy.deepcopy(encoder).to(device), bfloat16=settings.bfloat16)
        model: Any = encoder.requires_grad_(True)
    else:
        model = with_adapter(encoder, settings.rank, settings.alpha)
        if settings.bfloat16:
            cast_frozen_layers(model)
        frozen = Frozen(model, bfloat16=settings.bfloat16)
    model = model.to(device)
    if settings.freeze == "lower":
        half = parts.config.num_hidden_layers // 2
        for name, parameter in model.named_parameters():
            layer = layer_of(name)
            if layer == "embeddings" or (layer.isdigit() and int(layer) <= half):
                parameter.requires_grad_(False)
    return LearnerModels(model, frozen)


def start_encoder(parts: Backbone, device: str) -> Any:
    """Returns the start model with attention that is fast in bfloat16."""
    encoder: Any = parts.encoder()
    use_explicit_attention(encoder)
    return encoder.to(device)


def check_layer(parts: Backbone, layer: int) -> None:
    """Raises CctaError where the encoder has no such layer."""
    depth = parts.config.num_hidden_layers
    if not 0 <= layer <= depth:
        raise CctaError(f"layer {layer} is out of range for {parts.id}; expected 0 to {depth}")


def check_memory(settings: Adjustment, parts: Backbone, longest: int) -> None:
    """Raises CctaError where a run would take more memory than is free, saying what would fit.

    `longest` is the number of tokens of the longest sentence.
    """
    free = free_bytes()
    needed = needed_bytes(parts, longest, full=settings.full)
    if free is None or needed <= free:
        return
    adapter = needed_bytes(parts, longest, full=False)
    advice = "free memory, or choose a smaller model"
    if settings.full and adapter <= free:
        advice = f"a low-rank adapter would fit ({adapter / 1e9:.1f} GB)"
    what = "training every weight" if settings.full else "an adapter"
    raise CctaError(
        f"{what} of {parts.id} takes about {needed / 1e9:.1f} GB of memory beside what is in use, "
        f"and {free / 1e9:.1f} GB are free; {advice}"
    )


def needed_bytes(parts: Backbone, longest: int, *, full: bool) -> int:
    """Bytes that a run takes beside the start model's weights, at most.

    Every weight: a frozen copy, gradients and Adam's two moments (4 x 4 bytes); an adapter: the
    layers once more in 16 bits. What is kept for gradients, of PAIRS_AT_ONCE pairs of the longest
    sentences in 16 bits: tokens h (34 + 5 a s / h) bytes a layer (Korthikanti et al., 2022,
    arXiv 2205.05198; h width, a heads, s length), doubled for what stays in float32.
    """
    config = parts.config
    weights = sum(tensor.numel() for tensor in parts.state.values())
    layers = sum(t.numel() for name, t in parts.state.items() if layer_of(name).isdigit())
    width, heads = config.hidden_size, config.num_attention_heads
    tokens = 2 * PAIRS_AT_ONCE * longest
    kept = tokens * width * (34 + 5 * heads * longest / width) * config.num_hidden_layers
    return int((16 * weights if full else 2 * layers) + 2 * kept)
