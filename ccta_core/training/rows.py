"""Items as token ids with their targets, and length-bucketed batches of them."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast

from ccta_core.corpus.items import Item
from ccta_core.corpus.labels import match_labels, match_tags, relabel_items
from ccta_core.errors import CctaError
from ccta_core.training.recipe import Recipe
from ccta_core.types import Span
from ccta_core.units import first_tokens, whole_offsets

IGNORED = -100
"""The target of a token that no loss is taken of."""
_WIDTHS = 16
"""Rows are padded to a multiple of this: numerical libraries keep something for every shape they
meet. An hour of question answering grew to 10 GB; so padded it stays at 2.6, and as fast."""
_POOL = 50
"""Batches sorted together by length; the pools themselves are drawn at random."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """What a learner reads: token ids and targets, row by row.

    `targets` has one list a row: [class], [first, last token of the answer], or one tag a token.
    `lost` counts items without a row: their answer lies in no window, or was cut off.
    """

    task: str
    ids: list[list[int]]
    targets: list[list[int]]
    pad: int
    lost: int = 0

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def sha256(self) -> str:
        """Of every row's token ids and targets, in order: which data it is."""
        return hashlib.sha256(json.dumps([self.ids, self.targets]).encode()).hexdigest()

    def length(self, row: int) -> int:
        """Returns the tokens of a row."""
        return len(self.ids[row])

    def shuffled(self, batch_size: int, *, seed: int) -> list[np.ndarray]:
        """Returns the rows of every batch of one epoch; similar lengths share a batch."""
        lengths = [self.length(row) for row in range(len(self))]
        return shuffled_batches(lengths, batch_size, seed=seed)

    def by_length(self, batch_size: int) -> list[np.ndarray]:
        """Returns the rows of every batch in order of length, for evaluation."""
        order = np.array(sorted(range(len(self)), key=self.length))
        return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]

    def tensors(self, rows: np.ndarray) -> dict[str, torch.Tensor]:
        """Returns padded `input_ids` and `attention_mask`, and the targets as the head takes
        them.
        """
        ids = _padded([self.ids[row] for row in rows], self.pad)
        mask = _padded([[1] * self.length(row) for row in rows], 0)
        batch = {"input_ids": ids, "attention_mask": mask}
        targets = [self.targets[row] for row in rows]
        if self.task == "ner":
            return batch | {"labels": _padded(targets, IGNORED)}
        columns = torch.tensor(targets)
        if self.task == "qa":
            return batch | {"start_positions": columns[:, 0], "end_positions": columns[:, 1]}
        return batch | {"labels": columns[:, 0]}


def shuffled_batches(lengths: Sequence[int], batch_size: int, *, seed: int) -> list[np.ndarray]:
    """Returns the rows of every batch of one epoch, each row once; similar lengths share a
    batch.
    """
    draw = np.random.default_rng(seed)
    order = draw.permutation(len(lengths))
    batches = []
    for start in range(0, len(order), batch_size * _POOL):
        pool = sorted(order[start : start + batch_size * _POOL], key=lambda row: lengths[row])
        batches += [
            np.array(pool[first : first + batch_size]) for first in range(0, len(pool), batch_size)
        ]
    return [batches[index] for index in draw.permutation(len(batches))]


def encode(
    tokenizer: PreTrainedTokenizerFast,
    items: Sequence[Item],
    labels: Sequence[str],
    recipe: Recipe,
) -> Rows:
    """Returns the items as rows for the recipe's task.

    Raises CctaError, naming the item, where one has no gold answer of the kind the task needs, and
    where no row is left.
    """
    if not items:
        raise CctaError("there is no item to train on; check the data set's split and language")
    encoder = {"qa": _answers, "ner": _tags}.get(recipe.task, _classes)
    ids, targets, lost = encoder(tokenizer, items, labels, recipe)
    if not ids:
        raise CctaError(f"none of the {len(items)} answers lies in a window; raise max_tokens")
    return Rows(recipe.task, ids, targets, int(tokenizer.pad_token_id), lost)


def named_items(
    task: str, items: Sequence[Item], labels: Sequence[str], *, data: str
) -> list[Item]:
    """Returns the items with the head's names for their labels or tags (`corpus.labels`).

    `data` names the items in messages. Raises CctaError, showing both sets, where one of their
    labels is not certainly one of the head's.
    """
    classes = {item.label for item in items if item.label is not None}
    tags = {tag for item in items for tag in item.tags}
    if task == "ner":
        mapping = match_tags(tags, labels, data=data, model="the head")
    elif task == "qa":
        mapping = {}
    else:
        mapping = match_labels(classes, labels, data=data, model=f"a head for {task}")
    return relabel_items(items, mapping)


_Encoded = tuple[list[list[int]], list[list[int]], int]


def _classes(
    tokenizer: PreTrainedTokenizerFast, items: Sequence[Item], labels: Sequence[str], recipe: Recipe
) -> _Encoded:
    column = {label: index for index, label in enumerate(labels)}
    for item in items:
        if item.text2 is None or item.label not in column:
            raise CctaError(
                f"item {item.id} ({item.lang}): expected two texts and a label of "
                f"{', '.join(labels)}, found label {item.label!r}"
            )
    encoded = tokenizer(
        [item.text for item in items],
        [item.text2 for item in items],
        truncation="longest_first",
        max_length=recipe.max_tokens,
    )
    return encoded["input_ids"], [[column[str(item.label)]] for item in items], 0


def _answers(
    tokenizer: PreTrainedTokenizerFast, items: Sequence[Item], labels: Sequence[str], recipe: Recipe
) -> _Encoded:
    """Windows of question and context; those without the whole answer are left out."""
    for item in items:
        if item.text2 is None or not item.answers:
            raise CctaError(f"item {item.id} ({item.lang}) has no answer marked in a context")
    encoded = tokenizer(
        [item.text for item in items],
        [item.text2 for item in items],
        truncation="only_second",
        max_length=recipe.max_tokens,
        stride=min(recipe.stride, recipe.max_tokens // 4),
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    ids, targets, answered = [], [], set()
    for row, index in enumerate(encoded["overflow_to_sample_mapping"]):
        segments = encoded.sequence_ids(row)
        offsets = iter(
            whole_offsets(
                items[index].text2 or "",
                [
                    span
                    for span, of in zip(encoded["offset_mapping"][row], segments, strict=True)
                    if of == 1
                ],
            )
        )
        spans = [next(offsets) if of == 1 else None for of in segments]
        place = token_span(spans, items[index].answers[0])
        if place is not None:
            ids.append(encoded["input_ids"][row])
            targets.append(list(place))
            answered.add(index)
    return ids, targets, len(items) - len(answered)


def token_span(spans: Sequence[Span | None], answer: Span) -> tuple[int, int] | None:
    """Returns the first and last token of an answer, or None where the window does not hold all of
    it.
    """
    start, end = answer
    inside = [
        token
        for token, span in enumerate(spans)
        if span is not None and span[0] < end and start < span[1]
    ]
    if not inside:
        return None
    low, high = spans[inside[0]], spans[inside[-1]]
    if low is None or high is None or low[0] > start or high[1] < end:
        return None
    return inside[0], inside[-1]


def _tags(
    tokenizer: PreTrainedTokenizerFast, items: Sequence[Item], labels: Sequence[str], recipe: Recipe
) -> _Encoded:
    """Returns the tag of each word at its first token; the other tokens have none."""
    column = {label: index for index, label in enumerate(labels)}
    for item in items:
        strange = set(item.tags) - set(column)
        if not item.words or strange:
            raise CctaError(
                f"item {item.id} ({item.lang}): expected words with tags of {', '.join(labels)}, "
                f"found {', '.join(sorted(strange)) or 'no words'}"
            )
    encoded = tokenizer(
        [item.text for item in items],
        truncation=True,
        max_length=recipe.max_tokens,
        return_offsets_mapping=True,
    )
    targets = []
    for item, offsets in zip(items, encoded["offset_mapping"], strict=True):
        row = [IGNORED] * len(offsets)
        firsts = first_tokens(whole_offsets(item.text, offsets), item.words)
        for token, tag in zip(firsts, item.tags, strict=True):
            if token is not None and row[token] == IGNORED:
                row[token] = column[tag]
        targets.append(row)
    return encoded["input_ids"], targets, 0


def _padded(rows: Sequence[Sequence[int]], filler: int) -> torch.Tensor:
    width = -(-max(map(len, rows)) // _WIDTHS) * _WIDTHS
    return torch.tensor([[*row, *[filler] * (width - len(row))] for row in rows])
