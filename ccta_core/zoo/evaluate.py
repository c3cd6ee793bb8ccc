"""Accuracy of a classifier per language, with an interval that respects shared premises."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ccta_core.corpus.nli import LABELS, LabelledPair, read_xnli
from ccta_core.models.model import Model
from ccta_core.zoo.batches import PairBatches

XNLI_LANGUAGES = (
    *("ar", "bg", "de", "el", "en", "es", "fr", "hi"),
    *("ru", "sw", "th", "tr", "ur", "vi", "zh"),
)
_DRAWS = 2000


def xnli_accuracy(model: Model, data: Path, lang: str, *, limit: int | None = None) -> dict:
    """Accuracy on XNLI dev with a 95% bootstrap interval clustered by premise.

    Its 2,490 rows are 830 premises with three hypotheses each.
    """
    pairs = read_xnli(data / "xnli", "dev", lang)[:limit]
    right = predictions(model, pairs) == np.array([LABELS.index(pair.label) for pair in pairs])
    low, high = clustered_interval(right, [pair.premise for pair in pairs])
    return {
        "accuracy": round(float(right.mean()), 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "n": len(pairs),
    }


def predictions(model: Model, pairs: Sequence[LabelledPair]) -> np.ndarray:
    """The predicted class (an index into LABELS) of every pair, in order."""
    batches = PairBatches(model.tokenizer, pairs, model.max_tokens)
    columns = [model.class_index(label) for label in LABELS]
    found = np.empty(len(batches), dtype=int)
    for indices in batches.by_length(64):
        batch = batches.tensors(indices)
        with torch.inference_mode():
            logits = model.hf_model(
                input_ids=batch["input_ids"].to(model.device),
                attention_mask=batch["attention_mask"].to(model.device),
            ).logits
        found[indices] = logits[:, columns].argmax(1).cpu().numpy()
    return found


def clustered_interval(right: np.ndarray, groups: Sequence[str]) -> tuple[float, float]:
    """The 95% percentile interval of a mean, whole groups drawn with replacement."""
    _, group = np.unique(np.array(groups), return_inverse=True)
    hits, sizes = np.bincount(group, weights=right), np.bincount(group)
    draws = np.random.default_rng(0).integers(0, len(sizes), (_DRAWS, len(sizes)))
    means = hits[draws].sum(1) / sizes[draws].sum(1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
