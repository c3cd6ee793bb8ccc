"""Captum's LayerIntegratedGradients on the same items, at its best batch size."""

import time
import warnings
from contextlib import nullcontext
from unittest.mock import patch

import torch
from captum.attr import LayerIntegratedGradients

from ccta_core.attribution.batches import autocast
from ccta_core.models.model import pad_batch
from ccta_core.models.products import FrozenLinear

ROWS = (16, 32, 64, 128)
GROUPS = (1, 8)
"""Items in one call: one by one without padding, or by length with little of it."""


class CaptumSide:
    """One model and layer; `rows` and `group` are tuned on a few items before anything is timed."""

    def __init__(self, model, layer):
        self.model, self.layer = model, layer
        base = model.hf_model.base_model
        self.where = base.embeddings if layer == 0 else base.encoder.layer[layer - 1]
        self.rows, self.group = 64, 1

    def tune(self, items, steps, precision):
        """Tries every batch size and grouping on `items`; keeps the fastest."""
        found = {}
        for group in GROUPS:
            for rows in ROWS:
                self.rows, self.group = rows, group
                began = time.perf_counter()
                self.run(items, steps, "gausslegendre", precision)
                found[rows, group] = time.perf_counter() - began
        self.rows, self.group = min(found, key=found.get)

    def run(self, items, steps, method, precision, *, our_products=False):
        """The scores (tokens,) of every (encoded, class index), in order.

        Linear layers are PyTorch's, as whoever uses Captum has them, unless `our_products`.
        """
        pytorchs = patch.object(FrozenLinear, "forward", torch.nn.Linear.forward)
        with nullcontext() if our_products else pytorchs:
            return self._run(items, steps, method, precision)

    def _run(self, items, steps, method, precision):
        order = sorted(range(len(items)), key=lambda index: items[index][0].length)
        found = {}
        for start in range(0, len(order), self.group):
            chosen = order[start : start + self.group]
            found |= dict(
                zip(chosen, self._call([items[at] for at in chosen], steps, method, precision),
                    strict=True)
            )  # fmt: skip
        return [found[index] for index in range(len(items))]

    def _call(self, items, steps, method, precision):
        encoded = [item for item, _ in items]
        classes = torch.tensor([target for _, target in items])
        inputs = self.model.inputs(encoded)
        ids, rest = inputs.pop("input_ids"), inputs
        blank = [
            torch.where(one.special, one.ids, self.model.tokenizer.pad_token_id) for one in encoded
        ]
        names = tuple(rest)

        def forward(tokens, *given):
            with autocast(self.model.device, precision):
                output = self.model.hf_model(
                    input_ids=tokens, **dict(zip(names, given, strict=True))
                )
            return output.logits.float()

        lig = LayerIntegratedGradients(forward, self.where)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scores = lig.attribute(
                ids,
                baselines=pad_batch(blank, self.model.tokenizer.pad_token_id),
                target=classes,
                additional_forward_args=tuple(rest.values()),
                n_steps=steps,
                method=method,
                internal_batch_size=max(self.rows, len(items)),
            )
        sums = scores.sum(-1).detach().double().numpy()
        return [sums[row, : one.length] for row, one in enumerate(encoded)]
