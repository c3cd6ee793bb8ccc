"""Fits a model's common space: language means on FLORES-200, the alignment layer on gold links.

python -m ccta_core.zoo.fit_space MODEL DATA OUT
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from ccta_core.attribution.integrated_gradients import unit_sums
from ccta_core.attribution.readings import read
from ccta_core.corpus.alignments import AlignedPair, read_awesome_align, read_xl_wa
from ccta_core.corpus.flores import FLORES_CODES, read_flores
from ccta_core.errors import CctaError
from ccta_core.models.load import load_model
from ccta_core.models.model import Model
from ccta_core.space.links import alignment_error_rate, mutual_links
from ccta_core.space.maps import MEANS_FILE, cosine, language_means
from ccta_core.types import Sentence

_CHUNK = 64
Link = tuple[int, int, int]
"""A sentence pair and its two linked units."""


def unit_states(
    model: Model, sentences: Sequence[Sentence], *, spaced: bool | None = None
) -> Iterator[tuple[np.ndarray, list[str]]]:
    """(layers + 1, units, width) states of each sentence's units, and the units' texts."""
    layers = list(range(model.hf_model.config.num_hidden_layers + 1))
    for start in range(0, len(sentences), _CHUNK):
        encoded = [model.encode(s, spaced=spaced) for s in sentences[start : start + _CHUNK]]
        for item, reading in zip(encoded, read(model, encoded, layers), strict=True):
            counts = unit_sums(item, np.ones(item.length))[:, None]
            states = [unit_sums(item, reading.states[at].cpu().numpy()) / counts for at in layers]
            yield np.stack(states), [unit.text for found in item.maps for unit in found.units]


def language_mean(model: Model, texts: Sequence[str], lang: str) -> np.ndarray:
    """The mean state of all units of a corpus in every layer. Shape: (layers + 1, width)."""
    sums, count = [], 0
    for states, _ in unit_states(model, [Sentence(text, lang) for text in texts]):
        sums.append(states.sum(1, dtype=np.float64))
        count += states.shape[1]
    return (np.sum(sums, axis=0) / count).astype(np.float32)


def error_rates(
    model: Model, pairs: Sequence[AlignedPair], langs: tuple[str, str], means: dict[str, np.ndarray]
) -> list[float]:
    """AER of mutual nearest neighbours in the centred space, one value a layer."""
    sides = []
    words_of = ([pair.source for pair in pairs], [pair.target for pair in pairs])
    for lang, words in zip(langs, words_of, strict=True):
        texts = [Sentence(" ".join(line), lang) for line in words]
        states = [found for found, _ in unit_states(model, texts, spaced=True)]
        sides.append([found - means[lang][:, None] for found in states])
    rates = []
    for layer in range(sides[0][0].shape[0]):
        links: set[Link] = set()
        sure: set[Link] = set()
        possible: set[Link] = set()
        for index, (pair, left, right) in enumerate(zip(pairs, *sides, strict=True)):
            links |= {(index, i, j) for i, j in mutual_links(cosine(left[layer], right[layer]))}
            sure |= {(index, i, j) for i, j in pair.sure}
            possible |= {(index, i, j) for i, j in pair.possible}
        rates.append(alignment_error_rate(links, sure, possible))
    return rates


def gold_pairs(data: Path, *, limit: int = 100) -> dict[tuple[str, str], list[AlignedPair]]:
    """The development part: XL-WA dev, and the first pairs of three sets of awesome-align."""
    folder = data / "word_align"
    sets = {
        ("en", "es"): read_xl_wa(folder / "xl_wa/es/dev.tsv"),
        ("en", "ru"): read_xl_wa(folder / "xl_wa/ru/dev.tsv"),
        ("en", "fr"): read_awesome_align(folder / "awesome_align", "enfr"),
        ("zh", "en"): read_awesome_align(folder / "awesome_align", "zhen"),
        ("ja", "en"): read_awesome_align(folder / "awesome_align", "jaen"),
    }
    return {
        langs: [pair for pair in pairs if _readable(pair)][:limit] for langs, pairs in sets.items()
    }


def fit_means(model: Model, data: Path, folder: Path) -> None:
    """Writes the language means over FLORES-200 devtest to `folder`, in float16."""
    means = {
        lang: language_mean(model, read_flores(data / "flores200", lang), lang)
        for lang in FLORES_CODES
    }
    save_file({lang: mean.astype(np.float16) for lang, mean in means.items()}, folder / MEANS_FILE)
    (folder / MEANS_FILE).chmod(0o644)


def fit_layer(model: Model, data: Path, folder: Path) -> tuple[dict[str, list[float]], int]:
    """AER by layer for each gold set, in the space of the stored means, and the best layer."""
    means = language_means(folder)
    table = {
        "-".join(langs): [round(rate, 4) for rate in error_rates(model, pairs, langs, means)]
        for langs, pairs in gold_pairs(data).items()
    }
    return table, int(np.argmin(np.mean(list(table.values()), axis=0)))


def _readable(pair: AlignedPair) -> bool:
    """Whether both sides can be read: some gold texts hold control characters."""
    try:
        return all(Sentence(" ".join(words), "en") for words in (pair.source, pair.target))
    except CctaError:
        return False


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
