"""Length-bucketed batches of tokenised pairs: little padding, an order fixed by the seed."""

from collections.abc import Sequence

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast

from ccta_core.corpus.nli import LABELS, LabelledPair

_POOL = 50
"""Batches sorted together by length; the pools themselves are drawn at random."""


class PairBatches:
    """Tokenised pairs, ready to be cut into padded batches."""

    def __init__(
        self, tokenizer: PreTrainedTokenizerFast, pairs: Sequence[LabelledPair], max_tokens: int
    ) -> None:
        encoded = tokenizer(
            [pair.premise for pair in pairs],
            [pair.hypothesis for pair in pairs],
            truncation="longest_first",
            max_length=max_tokens,
        )
        self.ids: list[list[int]] = encoded["input_ids"]
        self.labels = np.array([LABELS.index(pair.label) for pair in pairs])
        self.pad = tokenizer.pad_token_id

    def __len__(self) -> int:
        return len(self.ids)

    def shuffled(self, batch_size: int, *, seed: int) -> list[np.ndarray]:
        """Indices of every batch of one epoch; similar lengths share a batch."""
        draw = np.random.default_rng(seed)
        order = draw.permutation(len(self))
        batches = []
        for start in range(0, len(order), batch_size * _POOL):
            pool = sorted(order[start : start + batch_size * _POOL], key=self._length)
            batches += [
                np.array(pool[at : at + batch_size]) for at in range(0, len(pool), batch_size)
            ]
        return [batches[index] for index in draw.permutation(len(batches))]

    def by_length(self, batch_size: int) -> list[np.ndarray]:
        """Indices of every batch in order of length, for evaluation."""
        order = np.array(sorted(range(len(self)), key=self._length))
        return [order[at : at + batch_size] for at in range(0, len(order), batch_size)]

    def tensors(self, indices: np.ndarray) -> dict[str, torch.Tensor]:
        """Padded `input_ids`, `attention_mask` and `labels` of the rows `indices`."""
        width = max(map(self._length, indices))
        ids = torch.full((len(indices), width), self.pad)
        mask = torch.zeros((len(indices), width), dtype=torch.long)
        for row, index in enumerate(indices):
            length = self._length(index)
            ids[row, :length] = torch.tensor(self.ids[index])
            mask[row, :length] = 1
        return {
            "input_ids": ids,
            "attention_mask": mask,
            "labels": torch.from_numpy(self.labels[indices]),
        }

    def _length(self, index: int) -> int:
        return len(self.ids[index])
