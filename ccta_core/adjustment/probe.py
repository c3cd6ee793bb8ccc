"""What a run does to held-out pairs: distances of related and unrelated words, and retrieval."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ccta_core.adjustment.links import LinkedPair
from ccta_core.adjustment.words import (
    WordReader,
    Words,
    batches_by_length,
    collate,
    forward_precision,
    layer_states,
)
from ccta_core.analysis.prediction import auc_statistic
from ccta_core.evaluation.retrieval import accuracy_at_1

COSINE_BINS = np.linspace(0.0, 1.5, 61)
"""Edges of the histograms of cosine distance; what lies beyond counts in the outer bins."""
L2_BINS = 60
"""Bins of the histograms of L2 distance, up to a bound that the first measurement sets."""


@dataclass(frozen=True, slots=True, eq=False)
class SentenceVectors:
    """Held-out sentences at some layers: word vectors, and means over all tokens with specials.

    Shape: `words[layer][sentence]` (words, width); `means[layer]` (sentences, width).
    """

    words: dict[int, list[np.ndarray]]
    means: dict[int, np.ndarray]


@dataclass(frozen=True, slots=True, eq=False)
class Distances:
    """Distances of linked words and, for each link, of another word of the same foreign sentence.

    Shape: (links,); `sentence` is the pair each link belongs to, `words` (links, 2) its foreign and
    its English word by position.
    """

    related: np.ndarray
    unrelated: np.ndarray
    sentence: np.ndarray
    words: np.ndarray


def read_sentences(
    encoder: Any,
    reader: WordReader,
    sentences: Sequence[Words],
    layers: Sequence[int],
    *,
    bfloat16: bool = False,
) -> SentenceVectors:
    """Returns the sentences through the encoder in evaluation mode, at several layers at once."""
    device = next(encoder.parameters()).device
    words: dict[int, list[Any]] = {layer: [None] * len(sentences) for layer in layers}
    means: dict[int, list[Any]] = {layer: [None] * len(sentences) for layer in layers}
    was_training = encoder.training
    encoder.eval()
    for batch in batches_by_length([each.tokens for each in sentences]):
        side = collate(reader, [sentences[index] for index in batch]).to(device)
        with torch.inference_mode(), forward_precision(encoder, bfloat16):
            states = layer_states(encoder, side, layers)
        share = side.mask / side.mask.sum(1, keepdim=True)
        for layer, at_layer in zip(layers, states, strict=True):
            vectors = side.vectors(at_layer).cpu().numpy()
            pooled = torch.einsum("rt,rtd->rd", share, at_layer.float()).cpu().numpy()
            for row, index in enumerate(batch):
                words[layer][index] = vectors[row, 1 : 1 + len(sentences[index])]
                means[layer][index] = pooled[row]
    encoder.train(was_training)
    return SentenceVectors(words, {layer: np.stack(rows) for layer, rows in means.items()})


def unrelated_words(pairs: Sequence[LinkedPair], seed: int = 0) -> list[np.ndarray]:
    """Draws, for each link of each pair, another word of the same foreign sentence at random.

    Not the same letters again ("de" twice in a sentence) where there is any other word.
    """
    draw = np.random.default_rng([seed, 0x22])
    chosen = []
    for pair in pairs:
        texts = pair.foreign.texts
        partners = []
        for i, _ in pair.links:
            others = [place for place in range(len(texts)) if texts[place] != texts[i]]
            partners.append(
                draw.choice(others or [place for place in range(len(texts)) if place != i])
            )
        chosen.append(np.array(partners))
    return chosen


def distances(
    pairs: Sequence[LinkedPair],
    unrelated: Sequence[np.ndarray],
    foreign: Sequence[np.ndarray],
    english: Sequence[np.ndarray],
    kind: str,
) -> Distances:
    """Distances of related and unrelated words by their vectors; kind: cosine or l2."""
    related_, unrelated_, sentence = [], [], []
    for number, (pair, others) in enumerate(zip(pairs, unrelated, strict=True)):
        i, j = np.array(pair.links).T
        target = english[number][j]
        related_.append(_distance(foreign[number][i], target, kind))
        unrelated_.append(_distance(foreign[number][others], target, kind))
        sentence.append(np.full(len(i), number))
    parts = (related_, unrelated_, sentence, [np.array(pair.links) for pair in pairs])
    return Distances(*(np.concatenate(part) for part in parts))


def auc(values: Distances) -> float:
    """Returns P(an unrelated distance is larger than a related one), ties half (Mann-Whitney's
    U).
    """
    scores = np.concatenate([values.unrelated, values.related]).astype(np.float64)
    truth = np.concatenate([np.ones(len(values.unrelated)), np.zeros(len(values.related))])
    return float(auc_statistic(scores, truth)(np.ones((1, len(scores))))[0])


class Probe:
    """A small fixed set of held-out pairs, measured again and again while a model learns."""

    def __init__(self, reader: WordReader, pairs: Sequence[LinkedPair], depth: int) -> None:
        """`depth`: the encoder's number of layers; every layer is measured."""
        self.reader, self.pairs, self.depth = reader, tuple(pairs), depth
        self.unrelated = unrelated_words(pairs)

    def measure(
        self, encoder: Any, step: int, bounds: dict[int, float], *, bfloat16: bool = False
    ) -> list[dict[str, Any]]:
        """Returns a row a layer: distances, AUC, histograms, retrieval of the held-out pairs at
        `step`.

        `bounds` keeps the histograms' upper edge of L2 by layer; the first measurement fills it.
        """
        layers = list(range(self.depth + 1))
        foreign, english = (
            read_sentences(encoder, self.reader, side, layers, bfloat16=bfloat16)
            for side in ([p.foreign for p in self.pairs], [p.english for p in self.pairs])
        )
        rows = []
        for layer in layers:
            row: dict[str, Any] = {
                "step": step,
                "layer": layer,
                "pairs": len(self.pairs),
                "links": sum(len(pair.links) for pair in self.pairs),
            }
            for kind in ("cosine", "l2"):
                values = distances(
                    self.pairs, self.unrelated, foreign.words[layer], english.words[layer], kind
                )
                if kind == "l2" and layer not in bounds:
                    bounds[layer] = float(np.ceil(values.unrelated.max() * 1.5 * 100) / 100)
                edges = (
                    COSINE_BINS
                    if kind == "cosine"
                    else np.linspace(0.0, bounds[layer], L2_BINS + 1)
                )
                row |= _summary(values, kind, edges)
            width = foreign.words[layer][0].shape[1]
            row["held_loss"] = float(np.square(values.related).mean() / width)
            row["retrieval_to_english"] = accuracy_at_1(foreign.means[layer], english.means[layer])
            row["retrieval_from_english"] = accuracy_at_1(
                english.means[layer], foreign.means[layer]
            )
            rows.append(row)
        return rows


def _summary(values: Distances, kind: str, edges: np.ndarray) -> dict[str, Any]:
    """Summarises one kind of distance in numbers and histograms."""
    gap = values.unrelated - values.related
    return {
        f"auc_{kind}": auc(values),
        f"related_{kind}": float(values.related.mean()),
        f"unrelated_{kind}": float(values.unrelated.mean()),
        f"gap_{kind}": float(gap.mean()),
        f"below_zero_{kind}": float((gap < 0).mean()),
        f"edges_{kind}": [0.0, float(edges[-1]), len(edges) - 1],
        f"histogram_related_{kind}": _histogram(values.related, edges),
        f"histogram_unrelated_{kind}": _histogram(values.unrelated, edges),
    }


def _histogram(values: np.ndarray, edges: np.ndarray) -> list[int]:
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    return [int(count) for count in counts]


def _distance(x: np.ndarray, y: np.ndarray, kind: str) -> np.ndarray:
    x, y = x.astype(np.float64), y.astype(np.float64)
    if kind == "l2":
        return np.linalg.norm(x - y, axis=1)
    lengths = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
    return 1 - (x * y).sum(1) / np.where(lengths > 0, lengths, 1.0)
