"""Reads how frequent a vocabulary's pieces are from the scores of a Unigram tokenizer."""

import json
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import regex

from ccta_core.models.model import Encoded, Model

_UNKNOWN = 10.0
"""An unknown piece is this much rarer than the rarest known one (SentencePiece's kUnkPenalty)."""
_BYTE = regex.compile(r"<0x[0-9A-Fa-f]{2}>")
_SCORES: WeakKeyDictionary[Model, np.ndarray | None] = WeakKeyDictionary()


def piece_scores(model: Model) -> np.ndarray | None:
    """Returns the log probability of every piece of the vocabulary; None where there are none.

    A Unigram tokenizer (Kudo, 2018) has them: they were fitted to the corpus that its vocabulary
    was made from. WordPiece and BPE have an order of pieces, which is no frequency. Read once a
    model. Shape: (pieces,).
    """
    if model not in _SCORES:
        core = getattr(model.tokenizer, "backend_tokenizer", None)
        _SCORES[model] = None if core is None else _scores(json.loads(core.to_str())["model"])
    return _SCORES[model]


def log_frequencies(model: Model, encoded: Encoded) -> np.ndarray | None:
    """Returns log frequency of each unit: the sum of its pieces' log probabilities. Shape:
    (units,).

    None where the tokenizer has no scores.
    """
    scores = piece_scores(model)
    if scores is None:
        return None
    ids = encoded.ids.cpu().numpy()
    # Marks that were added to the vocabulary have no score: they end it, and are as rare as can be.
    token_scores = np.append(scores, scores.min())[np.minimum(ids, len(scores))]
    groups = [group for unit_map in encoded.maps for group in unit_map.members]
    return np.array([token_scores[list(group)].sum() for group in groups])


def _scores(settings: dict[str, Any]) -> np.ndarray | None:
    """Returns the scores in a tokenizer's own JSON; bytes and the unknown piece are given the
    lowest.
    """
    if settings.get("type") != "Unigram":
        return None
    pieces, values = zip(*settings["vocab"], strict=True)
    scores = np.array(values, dtype=float)
    lowest = scores.min() - _UNKNOWN
    if settings.get("unk_id") is not None:
        scores[settings["unk_id"]] = lowest
    scores[[bool(_BYTE.fullmatch(piece)) for piece in pieces]] = lowest
    return scores
