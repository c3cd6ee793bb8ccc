"""Fits a model's Procrustes maps to English on FLORES-200 devtest, for the demo's languages.

python -m research.space.fit_procrustes MODEL DATA OUT
"""

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ccta_core.corpus.demo import read_demo
from ccta_core.corpus.formats.flores import LICENCE, read_flores
from ccta_core.corpus.formats.muse import LANGUAGES as DICTIONARIES
from ccta_core.evaluation.means import unit_states
from ccta_core.models.load import load_model
from ccta_core.models.model import Model
from ccta_core.space.links import mutual_links_batch
from ccta_core.space.maps import cosine, language_means
from ccta_core.space.procrustes import (
    PIVOT,
    PROCRUSTES_FILE,
    ProcrustesMaps,
    rotation,
    write_maps,
)
from ccta_core.training.card import read_card, sha256_of, write_card
from ccta_core.types import Sentence
from research.space.gold import GoldReading, GoldSet, error_rate, gold_sets, read_gold
from research.space.scores import DEV, FIT, WordPairs, precision_at_1, read_word_pairs

SHRINKAGES = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Tried beside infinity, which is the identity: the centred space."""


@dataclass(frozen=True, slots=True, eq=False)
class Cross:
    """sum y x' over the linked units of one language and the pivot. Shape: (width, width)."""

    matrix: np.ndarray
    links: int


@dataclass(frozen=True, slots=True, eq=False)
class DevPart:
    """The development part of a gold set with its states at the alignment layer."""

    gold: GoldSet
    reading: GoldReading


def sentence_states(model: Model, data: Path, lang: str, layer: int) -> list[np.ndarray]:
    """Unit states of FLORES-200 devtest at one layer, minus the model's stored language mean.

    Shape of each: (units, width).
    """
    texts = [Sentence(text, lang) for text in read_flores(data / "flores200", lang)]
    mean = language_means(model.info.folder)[lang][layer]
    return [states[0] - mean for states, _ in unit_states(model, texts, layers=[layer])]


def crosses(states: Mapping[str, Sequence[np.ndarray]]) -> dict[str, Cross]:
    """The fitting sums of every language but the pivot, over mutual links of the sentences FIT."""
    pivot = states[PIVOT][FIT]
    found = {}
    for lang in states:
        if lang == PIVOT:
            continue
        own = states[lang][FIT]
        total, count = np.zeros((own[0].shape[1],) * 2), 0
        for x, y, links in zip(own, pivot, mutual_links_batch(own, pivot), strict=True):
            left, right = np.array(links).T
            total += y[right].T.astype(np.float64) @ x[left]
            count += len(links)
        found[lang] = Cross(total, count)
    return found


def maps_of(sums: Mapping[str, Cross], shrinkage: float, layer: int) -> ProcrustesMaps:
    """The maps at one shrinkage, in float32, with what they come from."""
    facts = {
        "shrinkage": shrinkage,
        "sentences": f"FLORES-200 devtest 1 to {FIT.stop} ({LICENCE})",
        "links": {lang: cross.links for lang, cross in sums.items()},
    }
    maps = {
        lang: rotation(cross.matrix, shrinkage).astype(np.float32) for lang, cross in sums.items()
    }
    return ProcrustesMaps(layer, maps, facts)


def dev_parts(model: Model, data: Path, layer: int) -> list[DevPart]:
    """The development parts of the gold sets as the model reads them."""
    means = language_means(model.info.folder)
    return [
        DevPart(gold, read_gold(model, gold.dev, gold.langs, means, keep=layer))
        for gold in gold_sets(data)
        if gold.dev
    ]


def dev_error(model: Model, parts: Sequence[DevPart], maps: ProcrustesMaps) -> float:
    """The mean AER of mutual nearest neighbours over the development parts, under these maps."""
    rates = []
    for part in parts:
        sides = [
            [_mapped(model, maps, lang, states) for states in found]
            for lang, found in zip(
                part.gold.langs, (part.reading.sources, part.reading.targets), strict=True
            )
        ]
        rates.append(error_rate(part.gold.dev, mutual_links_batch(*sides)))
    return float(np.mean(rates))


def dev_words(model: Model, parts: Sequence[WordPairs], maps: ProcrustesMaps) -> float:
    """Mean precision at 1 over dictionaries, both directions, under these maps."""
    scores = []
    for part in parts:
        english = _mapped(model, maps, PIVOT, part.english)
        cosines = cosine(english, _mapped(model, maps, part.lang, part.foreign))
        scores.append(precision_at_1(cosines, part.right))
        scores.append(precision_at_1(cosines.T, part.right.T))
    return float(np.mean(scores))


def fit(model: Model, data: Path, folder: Path, layer: int) -> ProcrustesMaps:
    """Fits, chooses the shrinkage on the dictionaries' development words, writes the file.

    The development scores of every shrinkage, and the gold links' AER beside them, are kept with
    the maps.
    """
    langs = sorted({lang for item in read_demo("nli") for lang in item.sentences})
    sums = crosses({lang: sentence_states(model, data, lang, layer) for lang in langs})
    parts = dev_parts(model, data, layer)
    known = [lang for lang in DICTIONARIES if lang in sums]
    words = [read_word_pairs(model, data, lang, layer, DEV) for lang in known]
    tried = {k: maps_of(sums, k, layer) for k in (*SHRINKAGES, math.inf)}
    scores = {
        f"{k:g}": {
            "words": round(dev_words(model, words, maps), 4),
            "aer": round(dev_error(model, parts, maps), 4),
        }
        for k, maps in tried.items()
    }
    chosen = tried[max(SHRINKAGES, key=lambda k: scores[f"{k:g}"]["words"])]
    found = ProcrustesMaps(layer, chosen.maps, {**chosen.facts, "development": scores})
    write_maps(found, folder)
    return found


def _mapped(model: Model, maps: ProcrustesMaps, lang: str, states: np.ndarray) -> np.ndarray:
    return maps.apply(lang, states - language_means(model.info.folder)[lang][maps.layer])


def add_to_card(folder: Path, found: ProcrustesMaps) -> None:
    """Enters the maps' checksum and facts in the model's card; its revision stays."""
    card = read_card(folder)
    card["sha256"][PROCRUSTES_FILE] = sha256_of(folder / PROCRUSTES_FILE)
    card["procrustes"] = {"layer": found.layer, **found.facts}
    write_card(folder, card)


def main() -> None:
    """Fits the maps of one model of the catalogue at its alignment layer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("data", type=Path, help="folder with flores200, muse and word_align")
    parser.add_argument("out", type=Path, help="the model's folder; a card there is kept in step")
    options = parser.parse_args()
    model = load_model(options.model)
    found = fit(model, options.data, options.out, model.info.align_layer)
    if (options.out / "card.json").exists():
        add_to_card(options.out, found)
    sys.stdout.write(json.dumps({"layer": found.layer, **found.facts}) + "\n")


if __name__ == "__main__":
    main()
