"""Predicts classes, answers and tags of whole lists of items."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from transformers import BatchEncoding

from ccta_core.attribution.batches import in_batches
from ccta_core.attribution.protocol import Stop, never
from ccta_core.corpus.items import Item
from ccta_core.errors import CctaError
from ccta_core.models.catalog import LABELS, SCORES
from ccta_core.models.heads import head_logits
from ccta_core.models.model import Encoded, Model, pad_batch
from ccta_core.models.products import matrix_precision
from ccta_core.models.windows import windows
from ccta_core.tasks.protocol import ModelOutput
from ccta_core.tasks.spans import answers as best_answers
from ccta_core.tasks.spans import candidates
from ccta_core.types import NO_LABEL, Sentence
from ccta_core.units import first_tokens, whole_offsets

_CHUNK = 512
"""Contexts whose windows and logits are kept at once."""
OUTSIDE = "O"


def classes(
    model: Model, items: Sequence[Item], *, bfloat16: bool = False, stop: Stop = never
) -> list[str]:
    """Returns the predicted label of every item, in order; of labels that hold or not, all that do.

    Raises CctaError where an item is not two texts, the head gives scores, or the run is stopped.
    """
    if model.info.outputs == SCORES:
        raise CctaError(
            f"{model.id} gives a score and predicts no class: there is nothing to be right; "
            "choose a model whose head classifies"
        )
    for item in items:
        if item.text2 is None:
            raise CctaError(f"item {item.id} ({item.lang}) has one text; expected two")
    encoded = model.tokenizer(
        [item.text for item in items],
        [item.text2 for item in items],
        truncation="longest_first",
        max_length=model.max_tokens,
    )
    predicted = [""] * len(items)
    for row, logits in _logits(model, encoded, bfloat16=bfloat16, stop=stop):
        predicted[row] = _predicted(model, logits[0])
    return predicted


def _predicted(model: Model, logits: torch.Tensor) -> str:
    """Returns the class with the highest logit; of labels those whose logit is not negative."""
    if model.info.outputs != LABELS:
        return model.labels[int(logits.argmax())]
    holding = [label for label, logit in zip(model.labels, logits, strict=True) if logit >= 0]
    return " + ".join(holding) or NO_LABEL


def tags(
    model: Model, items: Sequence[Item], *, bfloat16: bool = False, stop: Stop = never
) -> list[list[str]]:
    """Returns the predicted tag of every word of every item, read from the word's first token.

    A word that begins inside a token (Chinese, where a token may hold several words) has that
    token's tag, B- read as I-. Words that were cut off are outside (O).
    """
    encoded = model.tokenizer(
        [item.text for item in items],
        truncation=True,
        max_length=model.max_tokens,
        return_offsets_mapping=True,
    )
    predicted: list[list[str]] = [[] for _ in items]
    for row, logits in _logits(model, encoded, bfloat16=bfloat16, stop=stop):
        best = logits.argmax(-1).tolist()
        before = None
        offsets = whole_offsets(items[row].text, encoded["offset_mapping"][row])
        for token in first_tokens(offsets, items[row].words):
            tag = OUTSIDE if token is None else model.labels[best[token]]
            inside = token is not None and token == before
            predicted[row].append(f"I-{tag[2:]}" if inside and tag.startswith("B-") else tag)
            before = token
    return predicted


def answers(
    model: Model, items: Sequence[Item], *, bfloat16: bool = False, stop: Stop = never
) -> list[str]:
    """Returns the likeliest answer in every item's context, read in windows as the pair page
    reads it.
    """
    predicted = []
    for first in range(0, len(items), _CHUNK):
        sentences = [
            Sentence(item.text, item.lang, item.text2) for item in items[first : first + _CHUNK]
        ]
        views = [windows(model, sentence) for sentence in sentences]
        flat = [window.encoded for view in views for window in view]
        logits = iter(_of_encoded(model, flat, bfloat16=bfloat16, stop=stop))
        for sentence, view in zip(sentences, views, strict=True):
            output = ModelOutput(sentence, view, tuple(next(logits) for _ in view))
            start, end = best_answers(output, candidates(output), shown=1).best
            predicted.append(sentence.segments[-1][start:end])
    return predicted


def _logits(
    model: Model, encoded: BatchEncoding, *, bfloat16: bool, stop: Stop
) -> Iterator[tuple[int, torch.Tensor]]:
    """Yields (row, its logits without padding) of tokenised texts, in the order they were read."""
    ids: list[list[int]] = encoded["input_ids"]
    types = encoded.get("token_type_ids")

    def forward(rows: list[int]) -> torch.Tensor:
        batch = {
            "input_ids": _padded(ids, rows, int(model.tokenizer.pad_token_id or 0)),
            "attention_mask": _padded([[1] * len(row) for row in ids], rows, 0),
        }
        if types is not None:
            batch["token_type_ids"] = _padded(types, rows, 0)
        return _run(model, {name: t.to(model.device) for name, t in batch.items()}, bfloat16)

    lengths = [len(row) for row in ids]
    for rows, logits in in_batches(model, lengths, forward, stop=stop, gradients=False):
        for place, row in enumerate(rows):
            yield row, logits[place, : lengths[row]]


def _of_encoded(
    model: Model, encoded: Sequence[Encoded], *, bfloat16: bool, stop: Stop
) -> list[torch.Tensor]:
    """Returns the logits of every encoded window, in order, without padding."""

    def forward(rows: list[int]) -> torch.Tensor:
        return _run(model, model.inputs([encoded[row] for row in rows]), bfloat16)

    lengths = [item.length for item in encoded]
    by_window: dict[int, torch.Tensor] = {}
    for rows, logits in in_batches(model, lengths, forward, stop=stop, gradients=False):
        for place, row in enumerate(rows):
            by_window[row] = logits[place, : lengths[row]].clone()
    return [by_window[row] for row in range(len(encoded))]


def _run(model: Model, batch: dict[str, Any], bfloat16: bool) -> torch.Tensor:
    with torch.inference_mode(), matrix_precision(model.device, bfloat16=bfloat16):
        return head_logits(model.hf_model(**batch)).cpu()


def _padded(values: Sequence[Sequence[int]], rows: Sequence[int], filler: int) -> torch.Tensor:
    return pad_batch([torch.tensor(values[row]) for row in rows], filler)
