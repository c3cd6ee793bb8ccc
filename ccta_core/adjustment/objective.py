"""The loss of an adjustment: linked words meet, and English stays where it was (METHOD, 6)."""

import re
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from peft import PeftModel

from ccta_core.adjustment.links import LinkedPair
from ccta_core.adjustment.words import (
    SideBatch,
    WordReader,
    collate,
    forward_precision,
    layer_states,
)
from ccta_core.errors import CctaError
from ccta_core.models.products import quick_products

TARGETS = ("current", "frozen")
"""Which English vector a foreign word is drawn to: the model's own of now, with gradient through
both sides (EFI), or that of the frozen start model (CAO)."""
PAIRS_AT_ONCE = 8
"""Sentence pairs of a batch that are read together: what is kept for their gradients is what a step
takes of memory."""
_LAYER = re.compile(r"\blayers?\.(\d+)\.")


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Linked sentence pairs as tensors.

    `foreign_words` and `english_words` are the places of linked words among all words of their
    side, (rows x (words + 2)) counted through: one entry a link, special tokens' links last.
    """

    foreign: SideBatch
    english: SideBatch
    foreign_words: torch.Tensor
    english_words: torch.Tensor

    def to(self, device: torch.device | str) -> "Batch":
        """Returns the same on a device."""
        return Batch(
            self.foreign.to(device),
            self.english.to(device),
            self.foreign_words.to(device),
            self.english_words.to(device),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """The two terms of the loss, each a scalar: mean squared errors, not weighted yet."""

    alignment: torch.Tensor
    anchor: torch.Tensor


def make_batch(reader: WordReader, pairs: Sequence[LinkedPair]) -> Batch:
    """Makes one batch of linked pairs; their first and last special tokens are linked too."""
    foreign, english = (
        collate(reader, [pair.foreign for pair in pairs]),
        collate(reader, [pair.english for pair in pairs]),
    )
    widths = (foreign.pool.shape[1], english.pool.shape[1])
    links = [
        (row * widths[0] + i + 1, row * widths[1] + j + 1)
        for row, pair in enumerate(pairs)
        for i, j in pair.links
    ]
    for row, pair in enumerate(pairs):
        last = (len(pair.foreign) + 1, len(pair.english) + 1)
        ends = [(0, 0)] if reader.start else []
        ends += [last] if reader.end else []
        links += [(row * widths[0] + i, row * widths[1] + j) for i, j in ends]
    places = torch.tensor(links)
    return Batch(foreign, english, places[:, 0], places[:, 1])


def alignment_loss(foreign: torch.Tensor, english: torch.Tensor) -> torch.Tensor:
    """Returns the mean squared error over links and dimensions. Shape of both: (links, width)."""
    return (foreign - english).square().mean()


def anchor_loss(states: torch.Tensor, start: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Returns the mean squared error over all positions, specials too, and dimensions.

    Shape: (rows, tokens, width) twice, (rows, tokens).
    """
    real = mask.bool()
    return (states.float()[real] - start.float()[real]).square().mean()


class Frozen:
    """The start model, which never learns: the states that hold English in its place."""

    def __init__(self, encoder: Any, *, bfloat16: bool) -> None:
        """`encoder`: a frozen model, or the one that learns, whose adapter is passed over here."""
        self.encoder, self.bfloat16 = encoder, bfloat16

    def states(self, side: SideBatch, layer: int) -> torch.Tensor:
        """States in evaluation mode, without gradients. Shape: (rows, tokens, width)."""
        adapted = isinstance(self.encoder, PeftModel)
        was_training = self.encoder.training
        self.encoder.eval()
        plain = self.encoder.disable_adapter() if adapted else nullcontext()
        with plain, torch.no_grad(), forward_precision(self.encoder, self.bfloat16):
            (states,) = layer_states(self.encoder, side, [layer])
        self.encoder.train(was_training)
        return states.float()


def adjustment_terms(  # noqa: PLR0913 - the models, the batch and the options of the loss
    encoder: Any,
    frozen: Frozen,
    batch: Batch,
    layer: int,
    *,
    target: str = "current",
    bfloat16: bool = False,
) -> Terms:
    """Returns both terms of the loss on a batch, with gradients to `encoder`'s weights.

    alignment = MSE over links of (f(x_i), f(y_j)), anchor = MSE over all positions of the English
    side of (f(y), f0(y)); f is `encoder` as it is (training mode: with dropout), f0 `frozen`. With
    target "frozen" the first term is (f(x_i), f0(y_j)).
    """
    with forward_precision(encoder, bfloat16):
        (foreign,) = layer_states(encoder, batch.foreign, [layer])
        (english,) = layer_states(encoder, batch.english, [layer])
    start = frozen.states(batch.english, layer)
    aim = start if target == "frozen" else english
    return Terms(
        alignment_loss(
            batch.foreign.vectors(foreign).flatten(0, 1)[batch.foreign_words],
            batch.english.vectors(aim).flatten(0, 1)[batch.english_words],
        ),
        anchor_loss(english, start, batch.english.mask),
    )


@dataclass(frozen=True, slots=True)
class Objective:
    """How the two terms are weighed and taken: at one layer, towards one target."""

    layer: int
    align_weight: float = 1.0
    anchor_weight: float = 1.0
    target: str = "current"
    bfloat16: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class BatchPart:
    """A few pairs of a batch, and their shares of its links and of its English positions."""

    batch: Batch
    link_share: float
    position_share: float


@dataclass(frozen=True, slots=True, eq=False)
class StepGradients:
    """The weighted terms of a batch; their gradients apart where they were asked for."""

    losses: dict[str, float]
    slopes: dict[str, list[torch.Tensor]] | None = None


def split_batch(
    reader: WordReader, pairs: Sequence[LinkedPair], size: int = PAIRS_AT_ONCE
) -> list[BatchPart]:
    """Returns a batch in parts of similar length, whose weighted losses add up to that of the
    whole.

    Each part's mean counts by its share of all links and of all English positions, so that the
    batch has one mean over its links however it is split: only memory and padding are less.
    """
    order = sorted(pairs, key=lambda pair: pair.foreign.tokens + pair.english.tokens)
    batches = [
        make_batch(reader, order[start : start + size]) for start in range(0, len(order), size)
    ]
    links = [len(batch.foreign_words) for batch in batches]
    positions = [int(batch.english.mask.sum()) for batch in batches]
    return [
        BatchPart(batch, count / sum(links), real / sum(positions))
        for batch, count, real in zip(batches, links, positions, strict=True)
    ]


def add_batch_gradients(  # noqa: PLR0913 - the models, the batch, whose gradients, the loss
    encoder: Any,
    frozen: Frozen,
    parts: Sequence[BatchPart],
    parameters: Sequence[torch.nn.Parameter],
    objective: Objective,
    *,
    apart: bool = False,
) -> StepGradients:
    """Adds the gradients of both weighted terms over a batch to those that the parameters have.

    With `apart` the gradient of each term is returned too.
    """
    totals = {"alignment": 0.0, "anchor": 0.0}
    slopes: dict[str, list[torch.Tensor]] | None = None
    device = parameters[0].device
    for part in parts:
        terms = adjustment_terms(
            encoder,
            frozen,
            part.batch.to(device),
            objective.layer,
            target=objective.target,
            bfloat16=objective.bfloat16,
        )
        losses = {
            "alignment": objective.align_weight * part.link_share * terms.alignment,
            "anchor": objective.anchor_weight * part.position_share * terms.anchor,
        }
        for name, loss in losses.items():
            totals[name] += float(loss.detach())
        if not apart:
            with quick_products(device, bfloat16=objective.bfloat16):
                (losses["alignment"] + losses["anchor"]).backward()
            continue
        with quick_products(device, bfloat16=objective.bfloat16):
            part_slopes = gradients(losses, parameters)
        slopes = (
            part_slopes
            if slopes is None
            else {
                name: [a + b for a, b in zip(slopes[name], part_slopes[name], strict=True)]
                for name in slopes
            }
        )
    if slopes is not None:
        for place, parameter in enumerate(parameters):
            added = slopes["alignment"][place] + slopes["anchor"][place]
            parameter.grad = added if parameter.grad is None else parameter.grad + added
    return StepGradients(totals, slopes)


def gradients(
    losses: Mapping[str, torch.Tensor], parameters: Sequence[torch.nn.Parameter]
) -> dict[str, list[torch.Tensor]]:
    """Returns the gradient of each loss by itself; zeros where a parameter has no part in it."""
    by_loss = {}
    for number, (name, loss) in enumerate(losses.items(), 1):
        slopes = torch.autograd.grad(
            loss, list(parameters), retain_graph=number < len(losses), allow_unused=True
        )
        by_loss[name] = [
            torch.zeros_like(parameter) if slope is None else slope
            for slope, parameter in zip(slopes, parameters, strict=True)
        ]
    return by_loss


def gradient_rows(
    slopes: Mapping[str, Sequence[torch.Tensor]], names: Sequence[str]
) -> list[dict[str, Any]]:
    """Norms of the gradients of several losses by layer, and the cosine of each two.

    `names` are the parameters'. A row a layer ("embeddings", 1 to L, "head" for what is above) and
    one for "all": `norm_NAME` of each loss, `cosine_NAME_OTHER` (None where a norm is zero).
    """
    layers: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        layers.setdefault(layer_of(name), []).append(place)
    rows = []
    for layer, places in [*layers.items(), ("all", list(range(len(names))))]:
        row: dict[str, Any] = {"layer": layer}
        kinds = list(slopes)
        dots = {
            (a, b): float(
                sum(
                    (slopes[a][place] * slopes[b][place]).sum(dtype=torch.float64)
                    for place in places
                )
            )
            for x, a in enumerate(kinds)
            for b in kinds[x:]
        }
        for kind in kinds:
            row[f"norm_{kind}"] = dots[kind, kind] ** 0.5
        for (a, b), dot in dots.items():
            if a != b:
                scale = row[f"norm_{a}"] * row[f"norm_{b}"]
                row[f"cosine_{a}_{b}"] = dot / scale if scale > 0 else None
        rows.append(row)
    return rows


def layer_of(parameter: str) -> str:
    """Returns the layer of a parameter by its name: "embeddings", "1" to "L", or "head"."""
    match = _LAYER.search(parameter)
    if match:
        return str(int(match.group(1)) + 1)
    return "embeddings" if "embedding" in parameter else "head"


def check_target(target: str) -> None:
    """Raises CctaError on an unknown target of the alignment term."""
    if target not in TARGETS:
        raise CctaError(f"unknown target {target!r}; expected one of: {', '.join(TARGETS)}")
