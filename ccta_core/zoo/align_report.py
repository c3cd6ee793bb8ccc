"""Scores a model's spaces and word links on gold alignments and writes docs/alignment.md.

python -m ccta_core.zoo.align_report MODEL DATA [--aligners eflomal systran-align] [--out FILE]
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ccta_core.corpus.flores import read_flores
from ccta_core.corpus.muse import LANGUAGES as DICTIONARIES
from ccta_core.errors import CctaError
from ccta_core.models.load import load_model
from ccta_core.models.model import Model
from ccta_core.space.aligners import ALIGNERS, load_aligner, statistical_links
from ccta_core.space.links import Links, mutual_links_batch, plan_links
from ccta_core.space.maps import cosine, into_space, language_means
from ccta_core.space.procrustes import procrustes_maps
from ccta_core.transport import ems
from ccta_core.zoo import align_text
from ccta_core.zoo.bitext import training_bitext
from ccta_core.zoo.fit_space import GoldReading, best_layer, read_gold
from ccta_core.zoo.gold import GoldSet, error_rate, gold_sets
from ccta_core.zoo.space_scores import SPACES, Retrieval, sentence_retrieval, word_retrieval


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """One gold set: AER by layer of both parts, and AER by method on the held-out part."""

    gold: GoldSet
    dev_rates: list[float]
    rest_rates: list[float]
    methods: dict[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """Everything the page says."""

    model: Model
    layer: int
    scored: list[Scored]
    words: dict[str, Retrieval]
    sentences: dict[str, Retrieval]
    trained_on: dict[str, int]
    """By gold set: the sentence pairs a statistical aligner learnt from."""


def measure(
    model: Model, data: Path, aligners: Sequence[str], say: Callable[[str], None]
) -> Report:
    """Every score of the page, the held-out parts read once."""
    layer, means = model.info.align_layer, language_means(model.info.folder)
    maps = procrustes_maps(model.info.folder)
    if maps is None:
        raise CctaError(f"{model.id} has no Procrustes maps; run ccta_core.zoo.fit_procrustes")
    scored, sizes = [], {}
    for gold in gold_sets(data):
        dev = read_gold(model, gold.dev, gold.langs, means, keep=layer).rates if gold.dev else []
        rest = read_gold(model, gold.rest, gold.langs, means, keep=layer)
        methods = _by_states(model, gold, rest, layer)
        bitext = training_bitext(gold, data)
        sizes[gold.name] = len(bitext)
        for name in aligners:
            links = statistical_links(name, bitext)[: len(gold.rest)]
            methods[name] = error_rate(gold.rest, links)
        scored.append(Scored(gold, dev, rest.rates, methods))
        say(f"{gold.name}: {', '.join(f'{k} {v:.3f}' for k, v in methods.items())}")
    known = [lang for lang in DICTIONARIES if lang in maps]
    words = {lang: word_retrieval(model, data, lang, layer) for lang in known}
    say("dictionary words done")
    sentences = {lang: sentence_retrieval(model, data, lang, layer) for lang in sorted(maps.maps)}
    return Report(model, layer, scored, words, sentences, sizes)


def _by_states(model: Model, gold: GoldSet, reading: GoldReading, layer: int) -> dict[str, float]:
    """AER of mutual nearest neighbours and of EMS's plan in every space."""
    rates: dict[str, dict[str, float]] = {align_text.ARGMAX: {}, align_text.PLAN: {}}
    for space in SPACES:
        left, right = (
            [into_space(model.info, layer, lang, states, space) for states in side]
            for lang, side in zip(gold.langs, (reading.sources, reading.targets), strict=True)
        )
        rates[align_text.ARGMAX][space] = error_rate(gold.rest, mutual_links_batch(left, right))
        flows = [uniform_plan_links(x, y) for x, y in zip(left, right, strict=True)]
        rates[align_text.PLAN][space] = error_rate(gold.rest, flows)
    return {f"{way}, {space}": aer for way, row in rates.items() for space, aer in row.items()}


def uniform_plan_links(source: np.ndarray, target: np.ndarray) -> Links:
    """EMS's plan under uniform masses, read as word links. Shape: (units, width) each."""
    similarity = cosine(source, target)
    plan = ems(np.ones(len(source)), np.ones(len(target)), similarity)
    return plan_links(plan.matrix, similarity)


def dev_table(report: Report) -> dict[str, list[float]]:
    """AER by layer on the development parts, by gold set."""
    return {one.gold.name: one.dev_rates for one in report.scored if one.dev_rates}


def main() -> None:
    """Measures and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("data", type=Path, help="folder with flores200, muse and word_align")
    parser.add_argument("--aligners", nargs="*", choices=ALIGNERS, default=list(ALIGNERS))
    parser.add_argument("--out", type=Path, default=Path("docs/alignment.md"))
    options = parser.parse_args()
    try:
        for name in options.aligners:
            load_aligner(name)
        read_flores(options.data / "flores200", "en")
        report = measure(load_model(options.model), options.data, options.aligners, _say)
    except CctaError as error:
        parser.exit(2, f"{error}\n")
    best = best_layer(dev_table(report))
    text = align_text.page(report, best)
    options.out.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
