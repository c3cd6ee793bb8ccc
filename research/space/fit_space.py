"""Fits a model's common space: language means on FLORES-200, the alignment layer on gold links.

python -m research.space.fit_space MODEL DATA OUT
"""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ccta_core.corpus.formats.flores import FLORES_CODES, read_flores
from ccta_core.evaluation.means import write_means
from ccta_core.models.load import load_model
from ccta_core.models.model import Model
from ccta_core.space.maps import language_means
from research.space.gold import gold_sets, read_gold


def fit_means(
    model: Model,
    data: Path,
    folder: Path,
    *,
    langs: Iterable[str] = FLORES_CODES,
    n: int | None = None,
) -> None:
    """Writes the language means over (the first `n` sentences of) FLORES-200 devtest."""
    texts = {lang: read_flores(data / "flores200", lang)[:n] for lang in langs}
    write_means(model, texts, folder)


def fit_layer(model: Model, data: Path, folder: Path) -> tuple[dict[str, list[float]], int]:
    """AER by layer for each gold set's development part, in the centred space; the best layer."""
    means = language_means(folder)
    table = {
        gold.name: [
            round(rate, 4) for rate in read_gold(model, gold.dev, gold.langs, means, keep=0).rates
        ]
        for gold in gold_sets(data)
        if gold.dev
    }
    return table, best_layer(table)


def best_layer(table: dict[str, list[float]]) -> int:
    """The layer with the lowest mean AER over the sets."""
    return int(np.argmin(np.mean(list(table.values()), axis=0)))


def main() -> None:
    """Fits the space of one model of the catalogue."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("data", type=Path, help="folder with flores200 and word_align")
    parser.add_argument("out", type=Path, help="the model's folder")
    options = parser.parse_args()
    model = load_model(options.model)
    fit_means(model, options.data, options.out)
    table, best = fit_layer(model, options.data, options.out)
    sys.stdout.write(json.dumps({"aer_by_layer": table, "align_layer": best}) + "\n")


if __name__ == "__main__":
    main()
