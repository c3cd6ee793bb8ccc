"""Scores sentence retrieval: vectors of every layer, and how well they rank a translation first.

Row i of `queries` belongs to row i of `pool`; rows beyond the queries are distractors. Vectors are
divided by their own norms here: similarity is the cosine. Shape of both: (texts, width).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ccta_core.errors import CctaError

NEIGHBOURS = 10
"""How many neighbours CSLS takes for the density around a vector."""
_TIE = 1e-9
"""Similarities nearer than this are equal: the order of a sum must not decide (float64)."""
_BLOCK = 1024
_BATCH_TOKENS = 4096


def layer_vectors(
    encoder: Any, tokenizer: Any, texts: Sequence[str], *, prefix: str = "", max_tokens: int = 512
) -> np.ndarray:
    """Returns mean-pooled states of every layer, specials included: float32, not normalised.

    As `sentence_means`, whose first part this is. Shape: (layers + 1, texts, width).
    """
    return sentence_means(
        encoder, tokenizer, texts, prefix=prefix, max_tokens=max_tokens
    ).with_specials


@dataclass(frozen=True, slots=True, eq=False)
class SentenceMeans:
    """Mean states of texts at every layer, over all tokens and over those that are no specials.

    Shape: (layers + 1, texts, width) each, float32, not normalised.
    """

    with_specials: np.ndarray
    without_specials: np.ndarray


def sentence_means(
    encoder: Any, tokenizer: Any, texts: Sequence[str], *, prefix: str = "", max_tokens: int = 512
) -> SentenceMeans:
    """Returns mean-pooled states of every layer, with and without the special tokens.

    `encoder` is a transformers model, a task head is not run; `prefix` goes before every text;
    what is longer than `max_tokens` is cut; a text without a token of its own has the mean of its
    specials twice. Not for a tokenizer that another thread is using. Layer 0 is the embedding
    output. Raises CctaError on no text.
    """
    if not texts:
        raise CctaError("expected at least one text to encode, got none")
    place = {text: row for row, text in enumerate(dict.fromkeys(texts))}  # equal texts tie exactly
    limit = min(int(tokenizer.model_max_length), max_tokens)
    encoded = tokenizer(
        [prefix + text for text in place],
        truncation=True,
        max_length=limit,
        return_special_tokens_mask=True,
    )
    rows, specials = encoded["input_ids"], encoded["special_tokens_mask"]
    by_pooling: list[np.ndarray] = []
    for batch in _even_batches([len(row) for row in rows]):
        pooled = _pooled(
            encoder.base_model, [rows[row] for row in batch], [specials[row] for row in batch]
        )
        for index, means in enumerate((pooled.with_specials, pooled.without_specials)):
            if index == len(by_pooling):
                by_pooling.append(np.empty((len(means), len(rows), means.shape[2]), np.float32))
            by_pooling[index][:, batch] = means
    order = [place[text] for text in texts]
    return SentenceMeans(*(means[:, order] for means in by_pooling))


def accuracy_at_1(queries: np.ndarray, pool: np.ndarray, *, neighbours: int | None = None) -> float:
    """Returns the share of queries whose most similar row of `pool` is the row of the same index.

    By CSLS where `neighbours` is given. Of equal rows the first is found. Raises CctaError as
    `ranks` does.
    """
    return float((ranks(queries, pool, neighbours=neighbours) == 1).mean())


def ranks(queries: np.ndarray, pool: np.ndarray, *, neighbours: int | None = None) -> np.ndarray:
    """Returns the place (from 1) of each query's own row among the rows of `pool`. Shape:
    (queries,).

    By cosine, or with `neighbours` by CSLS(x, y) = 2 cos(x, y) - r(x) - r(y), where r is the mean
    cosine to so many nearest rows on the other side, or to all where it has fewer (Conneau et al.,
    2018, arXiv 1710.04087). Of equal rows the first comes first. Raises CctaError where a query has
    no row, and on vectors without a direction.
    """
    if len(pool) < len(queries):
        raise CctaError(f"{len(queries)} queries need a row each: the pool has {len(pool)}")
    columns = np.arange(len(pool))
    ranks_of_queries = np.empty(len(queries), int)
    for start, similarity in _blocks(queries, pool, neighbours):
        translations = np.arange(start, start + len(similarity))[:, None]
        gap = similarity - np.take_along_axis(similarity, translations, 1)
        before = (gap > _TIE) | ((np.abs(gap) <= _TIE) & (columns < translations))
        ranks_of_queries[start : start + len(similarity)] = 1 + before.sum(1)
    return ranks_of_queries


def mexa(queries: np.ndarray, pool: np.ndarray) -> float:
    """Returns the share of sentences that strictly beat all others in their row and in their
    column.

    Of the cosine matrix of translations (MEXA: Kargaran et al., 2024, arXiv 2410.05873). It falls
    as sentences are added: compare at one n. Raises CctaError on fewer than two sentences, unequal
    numbers, and vectors without a direction.
    """
    if len(queries) != len(pool) or len(queries) < 2:
        raise CctaError(
            f"MEXA needs two or more sentences and a translation of each: got {len(queries)} and "
            f"{len(pool)}"
        )
    return float((_stands_out(queries, pool) & _stands_out(pool, queries)).mean())


def _stands_out(queries: np.ndarray, pool: np.ndarray) -> np.ndarray:
    """Returns whether a query is more similar to its own row than to any other. Shape:
    (queries,).
    """
    nearest = np.empty(len(queries), bool)
    for start, cosine in _blocks(queries, pool):
        rows = np.arange(len(cosine))
        to_translation = cosine[rows, start + rows]
        cosine[rows, start + rows] = -np.inf
        nearest[start + rows] = to_translation > cosine.max(1) + _TIE
    return nearest


def _blocks(
    queries: np.ndarray, pool: np.ndarray, neighbours: int | None = None
) -> Iterator[tuple[int, np.ndarray]]:
    """Yields (first query, similarities of some queries to the whole pool), never the whole
    matrix.
    """
    query_directions, pool_directions = _directions(queries), _directions(pool)
    density = (
        None if neighbours is None else _density(pool_directions, query_directions, neighbours)
    )
    for start in range(0, len(query_directions), _BLOCK):
        cosine = query_directions[start : start + _BLOCK] @ pool_directions.T
        if density is None or neighbours is None:
            yield start, cosine
        else:
            yield start, 2 * cosine - _nearest(cosine, neighbours)[:, None] - density


def _density(vectors: np.ndarray, others: np.ndarray, neighbours: int) -> np.ndarray:
    """Returns the mean cosine of each vector to its nearest among `others`. Shape: (vectors,)."""
    starts = range(0, len(vectors), _BLOCK)
    blocks = (vectors[start : start + _BLOCK] @ others.T for start in starts)
    return np.concatenate([_nearest(block, neighbours) for block in blocks])


def _nearest(cosine: np.ndarray, neighbours: int) -> np.ndarray:
    """Returns the mean of the largest `neighbours` of each row."""
    if neighbours < 1:
        raise CctaError(f"CSLS needs at least 1 neighbour, got {neighbours}")
    taken = min(neighbours, cosine.shape[1])
    return np.partition(cosine, -taken, axis=1)[:, -taken:].mean(1)


def _directions(vectors: np.ndarray) -> np.ndarray:
    """Scales rows to norm 1 in float64."""
    if vectors.ndim != 2 or not len(vectors):
        raise CctaError(f"expected vectors of shape (texts, width), got {vectors.shape}")
    norms = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    if not np.isfinite(norms).all() or not norms.all():
        raise CctaError("a vector is zero or not finite and has no direction; leave its text out")
    return vectors / norms


def _even_batches(lengths: Sequence[int]) -> Iterator[np.ndarray]:
    """Yields indices of rows of one length, shortest first, within the room of a batch.

    Nothing is padded: a row's vectors do not depend on its batch, whatever the model does with
    padding.
    """
    order = np.argsort(lengths, kind="stable")
    cuts = np.flatnonzero(np.diff(np.asarray(lengths)[order])) + 1
    for group in np.split(order, cuts):
        step = max(1, _BATCH_TOKENS // max(1, lengths[group[0]]))
        for start in range(0, len(group), step):
            yield group[start : start + step]


def _pooled(encoder: Any, rows: list[list[int]], specials: list[list[int]]) -> SentenceMeans:
    """Returns the means of rows of one length, which need no padding."""
    import torch

    ids = torch.tensor(rows, device=encoder.device)
    plain = 1.0 - torch.tensor(specials, dtype=torch.float32, device=encoder.device)
    plain[plain.sum(1) == 0] = 1.0
    share = plain / plain.sum(1, keepdim=True)
    with torch.inference_mode():
        states = encoder(
            input_ids=ids, attention_mask=torch.ones_like(ids), output_hidden_states=True
        ).hidden_states
        every = torch.stack([state.float().mean(1) for state in states])
        inner = torch.stack([(share[:, None] @ state.float())[:, 0] for state in states])
    return SentenceMeans(every.cpu().numpy(), inner.cpu().numpy())
