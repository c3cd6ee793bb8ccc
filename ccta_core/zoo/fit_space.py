"""Fits a model's common space: language means on FLORES-200, the alignment layer on gold links.

python -m ccta_core.zoo.fit_space MODEL DATA OUT
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ccta_core.corpus.alignments import AlignedPair
from ccta_core.corpus.flores import FLORES_CODES, read_flores
from ccta_core.evaluation.means import unit_states, write_means
from ccta_core.models.load import load_model
from ccta_core.models.model import Model
from ccta_core.space.links import Links, mutual_links_batch
from ccta_core.space.maps import language_means
from ccta_core.types import Sentence
from ccta_core.zoo.gold import error_rate, gold_sets

_CHUNK = 64


@dataclass(frozen=True, slots=True, eq=False)
class GoldReading:
    """A gold set as the model reads it.

    `rates` is the AER by layer of mutual nearest neighbours in the centred space; `sources` and
    `targets` hold each sentence's raw unit states (units, width) at one layer.
    """

    rates: list[float]
    sources: list[np.ndarray]
    targets: list[np.ndarray]


def read_gold(
    model: Model,
    pairs: Sequence[AlignedPair],
    langs: tuple[str, str],
    means: dict[str, np.ndarray],
    *,
    keep: int,
) -> GoldReading:
    """AER by layer over tokenised sentence pairs, and their states at the layer `keep`."""
    depth = model.depth + 1
    links: list[list[Links]] = [[] for _ in range(depth)]
    kept: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for start in range(0, len(pairs), _CHUNK):
        chunk = pairs[start : start + _CHUNK]
        sides = []
        for lang, words, into in zip(langs, _sides(chunk), kept, strict=True):
            texts = [Sentence(" ".join(line), lang) for line in words]
            found = [states for states, _ in unit_states(model, texts, spaced=True)]
            into += [states[keep].copy() for states in found]
            sides.append([states - means[lang][:, None] for states in found])
        for layer in range(depth):
            links[layer] += mutual_links_batch(*[[s[layer] for s in side] for side in sides])
    return GoldReading([error_rate(pairs, found) for found in links], *kept)


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


def _sides(pairs: Sequence[AlignedPair]) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    return [pair.source for pair in pairs], [pair.target for pair in pairs]


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
