"""Continual learning: a task is learnt while linked words are kept together (METHOD, 6; EFI)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch

from ccta_core.adjustment.learning import Prepared, Report, check_layer, start_encoder
from ccta_core.adjustment.links import LinkedPair
from ccta_core.adjustment.objective import (
    Frozen,
    Objective,
    add_batch_gradients,
    gradient_rows,
    split_batch,
)
from ccta_core.adjustment.run import prepare
from ccta_core.adjustment.settings import Adjustment, check_name, names, read_settings
from ccta_core.adjustment.words import WordReader
from ccta_core.errors import CctaError
from ccta_core.models.catalog import ADJUSTED, BACKBONE, ModelInfo, adjusted
from ccta_core.models.load import Backbone, backbone

PAIRS_A_STEP = 16
"""Sentence pairs drawn with replacement at every step (EFI)."""
MOST_PAIRS = 30_000
"""Pairs of the subset they are drawn from, at most (EFI)."""
ALIGN_WEIGHT, ANCHOR_WEIGHT = 1.0, 1.0
"""Weights of the two terms for the embedded model under LoRA, provisional: of three that were tried
they cost English nothing on held-out items, and AUC would have kept neither term
(docs/decisions/0011-adjustment.md). EFI's, for mBERT, are 0.01 and 1."""
_TERMS = ("task", "alignment", "anchor")


@dataclass(frozen=True, slots=True)
class ContinualSettings:
    """What is kept while a task is learnt, and how strongly.

    `source` is the name of an adjustment, whose pairs and links are used again, or a spec of
    parallel text (parallel.py) in `lang` and English. `align_weight` times the mean squared error
    over links and `anchor_weight` times that over all positions of the English side are added to
    the task's loss. `placebo` re-pairs all links at random inside their pairs. Gradient norms are
    logged every `log_every` steps. Raises CctaError on what can't be trained with.
    """

    source: str
    lang: str | None = None
    align_weight: float = ALIGN_WEIGHT
    anchor_weight: float = ANCHOR_WEIGHT
    placebo: bool = False
    pairs_a_step: int = PAIRS_A_STEP
    most_pairs: int = MOST_PAIRS
    log_every: int = 10

    def __post_init__(self) -> None:
        for name in ("align_weight", "anchor_weight"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise CctaError(f"{name} is {getattr(self, name)}; expected 0 or more")
        for name in ("pairs_a_step", "most_pairs", "log_every"):
            if getattr(self, name) < 1:
                raise CctaError(f"{name} is {getattr(self, name)}; expected at least 1")

    def pairs_from(self, model: str) -> Adjustment:
        """Returns the settings by which the pairs are read, drawn and linked; `model` links a
        spec's.

        Raises CctaError where the source is neither an adjustment nor parallel text with its
        language.
        """
        name = self.source.removeprefix(f"{ADJUSTED}/")
        if name in names():
            settings = read_settings(name)
            return replace(settings, placebo=True, noise=0.0) if self.placebo else settings
        if ":" not in self.source and "," not in self.source:
            check_name(name)
            raise CctaError(
                f"{self.source} is neither an adjustment (expected one of: "
                f"{', '.join(names()) or 'none yet'}) nor a spec of parallel text"
            )
        if self.lang is None:
            raise CctaError(f"{self.source} is parallel text; name its language beside English")
        return Adjustment(
            name="continual",
            lang=self.lang,
            parallel=(self.source,),
            model=model,
            placebo=self.placebo,
        )


class Continual:
    """The two terms at every step of a task's training: an AuxiliaryLoss (training/loop.py)."""

    def __init__(  # noqa: PLR0913 - the terms' weights, the start model, its pairs, the machine
        self,
        settings: ContinualSettings,
        original: Backbone,
        prepared: Prepared,
        *,
        seed: int,
        layer: int | None = None,
        bfloat16: bool = False,
        device: str = "cpu",
    ) -> None:
        """`original` is the frozen start model that English is held to.

        `seed` draws the subset and every step's pairs. `layer` None is the last.
        """
        self.settings, self.seed = settings, seed
        self.original, self.prepared = original, prepared
        self.reader = WordReader(original.tokenizer)
        self.frozen = Frozen(start_encoder(original, device), bfloat16=bfloat16)
        self.layer = original.config.num_hidden_layers if layer is None else layer
        check_layer(original, self.layer)
        self.objective = Objective(
            self.layer, settings.align_weight, settings.anchor_weight, bfloat16=bfloat16
        )
        order = np.random.default_rng([seed, 0x55]).permutation(len(prepared.train))
        self.subset = sorted(order[: settings.most_pairs].tolist())

    def identity(self) -> str:
        """Returns settings, start model and pairs as JSON."""
        data = self.prepared.facts["data"]
        return json.dumps(
            {
                "settings": asdict(self.settings),
                "original": self.original.revision,
                "drawn": data["drawn_sha256"],
                "layer": self.layer,
            },
            sort_keys=True,
        )

    def pairs_of_step(self, step: int) -> list[LinkedPair]:
        """Returns the pairs of one step, drawn with replacement: they depend on seed and step
        alone.
        """
        draw = np.random.default_rng([self.seed, 0x66, step])
        rows = draw.choice(self.subset, self.settings.pairs_a_step)
        return [self.prepared.train[row] for row in rows]

    def add_gradients(
        self, model: Any, parameters: Mapping[str, torch.nn.Parameter], step: int
    ) -> list[dict[str, Any]]:
        """Adds the gradients of both terms; every few steps a row a layer with norms and cosines.

        Raises CctaError where a term is not finite.
        """
        settings = self.settings
        if settings.align_weight == settings.anchor_weight == 0:
            return []
        tensors, apart = list(parameters.values()), step % settings.log_every == 0
        task = [torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in tensors if apart]
        added = add_batch_gradients(
            encoder_of(model),
            self.frozen,
            split_batch(self.reader, self.pairs_of_step(step)),
            tensors,
            self.objective,
            apart=apart,
        )
        if not all(np.isfinite(loss) for loss in added.losses.values()):
            raise CctaError(
                f"the terms of continual learning are not finite at step {step + 1}; lower their "
                "weights or the learning rate, or train in float32"
            )
        if added.slopes is None:
            return []
        values = {f"loss_{name}": loss for name, loss in added.losses.items()}
        rows = gradient_rows({"task": task, **added.slopes}, list(parameters))
        return [{"step": step + 1, **values, **row} for row in rows]

    def facts(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Returns settings, pairs, and means over the logged steps of the whole gradient's
        norms.
        """
        whole = [row for row in rows if row["layer"] == "all"]
        logged = [name for name in (whole[0] if whole else {}) if name not in ("step", "layer")]
        means = {
            name: float(np.mean([row[name] for row in whole if row[name] is not None] or [np.nan]))
            for name in logged
        }
        data = self.prepared.facts["data"]
        return {
            "settings": asdict(self.settings),
            "original": {"id": self.original.id, "revision": self.original.revision},
            "pairs": len(self.subset),
            "pairs_sha256": data["drawn_sha256"],
            "source": data["source"],
            "means": {name: None if np.isnan(mean) else mean for name, mean in means.items()},
            "gradients": [
                {
                    name: float(f"{value:.4g}") if isinstance(value, float) else value
                    for name, value in row.items()
                }
                for row in whole
            ],
        }  # fmt: skip


def open_continual(  # noqa: PLR0913 - the terms, what is trained, and the machine
    settings: ContinualSettings,
    start: ModelInfo | None,
    *,
    seed: int,
    bfloat16: bool,
    report: Report,
    device: str = "cpu",
) -> Continual:
    """Returns the terms for a task that starts from `start` (None: the embedded model).

    English is held to the original model: the one below all adjustments that `start` stands on.
    Raises CctaError on data that can't be used, and where the adjustment that gives the pairs was
    made of another model.
    """
    original = backbone(original_of(start))
    pairs = settings.pairs_from(original.id)
    linked_by = original_of(adjusted(pairs.model)) if adjusted(pairs.model) else pairs.model
    if linked_by != original.id:
        raise CctaError(
            f"{settings.source} was made of {linked_by}, and the training starts from "
            f"{original.id}; name an adjustment of that model, or parallel text"
        )
    prepared = prepare(pairs, original, report=report, device=device)
    return Continual(
        settings,
        original,
        prepared,
        seed=seed,
        layer=pairs.layer,
        bfloat16=bfloat16,
        device=device,
    )


def original_of(start: ModelInfo | None) -> str:
    """Returns the id of the model below all adjustments and adapters that `start` stands on."""
    while start is not None and isinstance(start.card.get("base"), dict):
        base = str(start.card["base"]["id"])
        below = adjusted(base)
        if below is None:
            return base
        start = below
    return start.id if start is not None and start.task == "backbone" else BACKBONE


def learnt_below(start: ModelInfo | None) -> dict[str, Adjustment]:
    """Returns whose pairs a model has learnt from, by name: the adjustments that it stands on, and
    its continual learning's (an adjustment's, or what a spec of parallel text was read by). An
    adjustment that is not here any more is left out.
    """
    found: dict[str, Adjustment] = {}
    while start is not None:
        if adjusted(start.id) is not None:
            name = start.id.removeprefix(f"{ADJUSTED}/")
            found[name] = read_settings(name)
        kept = start.card.get("training", {}).get("continual")
        if kept is not None:
            settings = ContinualSettings(**kept["settings"])
            name = settings.source.removeprefix(f"{ADJUSTED}/")
            if name in names() or settings.lang is not None:
                found[name] = settings.pairs_from(original_of(start))
        base = start.card.get("base")
        start = adjusted(str(base["id"])) if isinstance(base, dict) else None
    return found


def encoder_of(model: Any) -> Any:
    """Returns the encoder inside a task's model, its adapter included."""
    whole = model.get_base_model() if hasattr(model, "get_base_model") else model
    return whole.base_model


def gradient_line(facts: Mapping[str, Any]) -> str:
    """Returns the gradient norms of the three terms in one line, means over the logged steps."""
    means = facts["means"]
    if not means:
        return "both weights are 0: no term of continual learning was added"
    norms = ", ".join(f"{term} {means[f'norm_{term}']:.3g}" for term in _TERMS)
    return f"gradient norms, means over {len(facts['gradients'])} steps: {norms}"
