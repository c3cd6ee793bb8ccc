"""Scores a model's spaces and word links on gold alignments and writes docs/alignment.md.

python -m research.documents.alignment MODEL DATA [--aligners eflomal systran-align] [--out FILE]
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ccta_core.corpus.formats.flores import read_flores
from ccta_core.corpus.formats.muse import LANGUAGES as DICTIONARIES
from ccta_core.errors import CctaError
from ccta_core.languages import language
from ccta_core.models.load import load_model
from ccta_core.models.model import Model
from ccta_core.space.aligners import ALIGNERS, load_aligner, statistical_links
from ccta_core.space.links import Links, mutual_links_batch, plan_links
from ccta_core.space.maps import cosine, into_space, language_means
from ccta_core.space.procrustes import PIVOT, procrustes_maps
from ccta_core.transport import ems
from research.space.fit_space import best_layer
from research.space.gold import (
    GoldReading,
    GoldSet,
    error_rate,
    gold_sets,
    read_gold,
    training_bitext,
)
from research.space.scores import (
    DEV,
    FIT,
    HELD_OUT,
    SCORED,
    SPACES,
    Retrieval,
    sentence_retrieval,
    word_retrieval,
)

ARGMAX = "mutual argmax"
PLAN = "EMS plan"

_TOP = """# Word links and the common space

Generated for `{id}` (revision {revision}) by

    python -m research.documents.alignment {id} ../shared/data

Do not edit: run it again. AER is the alignment error rate (Och and Ney, 2003; lower is better)
over all sentences of a set together. Every choice (the layer, the shrinkage) was made on the
*development* part; the tables of scores are from the *held-out* part, unless a column says
otherwise.
"""
_SETS = """
## The gold sets

XL-WA (Martelli et al., 2023; its own dev, cut to 100, and test), the sets collected with
awesome-align (the first 100 pairs are the development part) and the German-English set collected
with cross-align (held out as a whole). Pairs with control characters are left out. Sentences come
as spaced words, and a unit is such a word. The sets for Romanian, Dutch and Hungarian are not
used: no language mean ships for these languages.
"""
_LAYERS = """
## By layer: mutual nearest neighbours in the centred space

AER, held-out part; the last column is the mean over the development parts, by which the layer is
chosen.
"""
_METHODS = """
## At layer {layer}: methods and spaces

AER, held-out part.

- *mutual argmax*: links (i, j) where each unit is the other's most similar one.
- *EMS plan*: masses are uniform (1/n and 1/m) and T is EMS's exact plan; (i, j) is a link where
  T_ij > 0 is the largest flow of its row and of its column. Flows equal to nine decimals are a
  tie, which the more similar pair wins.
- *eflomal* (Östling and Tiedemann, 2016): both directions, intersected; it samples, and its
  result moves a little from run to run. *systran-align* (fast_align, Dyer et al., 2013) hands out
  both directions only merged (grow-diag-final); of these the links that no other link touches.
  Both learn, without links, from the set's own sentences and the 1,012 of FLORES-200 devtest
  (words lower-cased; FLORES cut at punctuation, and Chinese and Japanese into the longest words
  known from the set). That is little text: they are made for far larger corpora, so these rows
  say what a small one gives, not what the aligners can do.
"""
_MAPS = """
## The Procrustes maps

W = U V' from the singular value decomposition of sum y x' + k I over mutual nearest neighbours of
FLORES-200 devtest sentences {first} to {last} (language to English, means removed, layer {layer});
k is the shrinkage times the mean singular value of the sum. The shrinkage (bold) was chosen by the
words: precision at 1 on words {words_first} to {words_last} of the MUSE dictionaries, both
directions, mean over languages. AER is the mean over the gold sets' development parts; an infinite
shrinkage is the identity, that is, the centred space.

{table}

Links behind each map: {links}.
"""
_WORDS = """
## Dictionary words

MUSE (CC BY-NC 4.0): the English words {first} to {last} of each dictionary and their
translations, each word read alone by the model, words spelt alike left out. Precision at 1 by
cosine; a hit is any listed translation.
"""
_SENTENCES = """
## Held-out sentences

FLORES-200 devtest sentences {first} to {last}, which no map was fitted on: the most similar of
{n} by cosine of the mean unit states, accuracy at 1. The language means are over all of devtest,
for `centered` and `procrustes` alike.
"""


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
        raise CctaError(
            f"{model.id} has no Procrustes maps; run python -m research.space.fit_procrustes"
        )
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
    rates: dict[str, dict[str, float]] = {ARGMAX: {}, PLAN: {}}
    for space in SPACES:
        left, right = (
            [into_space(model.info, layer, lang, states, space) for states in side]
            for lang, side in zip(gold.langs, (reading.sources, reading.targets), strict=True)
        )
        rates[ARGMAX][space] = error_rate(gold.rest, mutual_links_batch(left, right))
        flows = [uniform_plan_links(x, y) for x, y in zip(left, right, strict=True)]
        rates[PLAN][space] = error_rate(gold.rest, flows)
    return {f"{way}, {space}": aer for way, row in rates.items() for space, aer in row.items()}


def uniform_plan_links(source: np.ndarray, target: np.ndarray) -> Links:
    """EMS's plan under uniform masses, read as word links. Shape: (units, width) each."""
    similarity = cosine(source, target)
    plan = ems(np.ones(len(source)), np.ones(len(target)), similarity)
    return plan_links(plan.matrix, similarity)


def dev_table(report: Report) -> dict[str, list[float]]:
    """AER by layer on the development parts, by gold set."""
    return {one.gold.name: one.dev_rates for one in report.scored if one.dev_rates}


def page(report: Report, best: int) -> str:
    """The whole page; `best` is the layer with the lowest mean AER on the development parts."""
    info, layer = report.model.info, report.layer
    held_out = {"first": HELD_OUT.start + 1, "last": HELD_OUT.stop}
    parts = [
        _TOP.format(id=info.id, revision=info.revision),
        _SETS,
        _sets(report),
        _LAYERS,
        _layers(report),
        f"\nThe development parts choose layer {best}; the model's card has layer {layer}.",
        _METHODS.format(layer=layer),
        _methods(report),
        _maps(report),
        _WORDS.format(first=SCORED.start + 1, last=SCORED.stop),
        _retrieval(report.words),
        _SENTENCES.format(**held_out, n=HELD_OUT.stop - HELD_OUT.start),
        _retrieval(report.sentences),
    ]
    return "\n".join(part.strip("\n") + "\n" for part in parts)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _sets(report: Report) -> str:
    header = [
        "set",
        "from",
        "development",
        "held-out",
        "sure links held out",
        "aligners learn from",
    ]
    rows = []
    for one in report.scored:
        sure = sum(len(pair.sure) for pair in one.gold.rest)
        counts = [len(one.gold.dev), len(one.gold.rest), sure, report.trained_on[one.gold.name]]
        rows.append([one.gold.name, one.gold.source, *(f"{count:,}" for count in counts)])
    return table(header, rows)


def _layers(report: Report) -> str:
    dev = np.mean([one.dev_rates for one in report.scored if one.dev_rates], axis=0)
    names = [f"{one.gold.name} (n = {len(one.gold.rest)})" for one in report.scored]
    rows = []
    for layer, mean in enumerate(dev):
        rates = [f"{one.rest_rates[layer]:.3f}" for one in report.scored]
        rows.append([str(layer), *rates, f"{mean:.3f}"])
    return table(["layer", *names, "development mean"], rows)


def _methods(report: Report) -> str:
    names = [f"{one.gold.name} (n = {len(one.gold.rest)})" for one in report.scored]
    rows = []
    for method in report.scored[0].methods:
        rates = [one.methods[method] for one in report.scored]
        rows.append([method, *(f"{rate:.3f}" for rate in rates), f"{np.mean(rates):.3f}"])
    return table(["method", *names, "mean"], rows)


def _maps(report: Report) -> str:
    maps = procrustes_maps(report.model.info.folder)
    if maps is None:
        raise AssertionError("measured with maps")
    tried: Mapping[str, Mapping[str, float]] = maps.facts["development"]
    chosen = f"{maps.facts['shrinkage']:g}"
    rows = [
        [f"**{k}**" if k == chosen else k, f"{one['words']:.4f}", f"{one['aer']:.4f}"]
        for k, one in sorted(tried.items(), key=lambda item: float(item[0]))
    ]
    links = ", ".join(f"{lang} {count:,}" for lang, count in sorted(maps.facts["links"].items()))
    return _MAPS.format(
        first=FIT.start + 1,
        last=FIT.stop,
        layer=maps.layer,
        words_first=DEV.start + 1,
        words_last=DEV.stop,
        table=table(["shrinkage", "development words, precision at 1", "development AER"], rows),
        links=links,
    )


def _retrieval(found: Mapping[str, Retrieval]) -> str:
    ways = [f"{PIVOT} to it, {space}" for space in SPACES]
    ways += [f"it to {PIVOT}, {space}" for space in SPACES]
    rows, scores = [], []
    for lang, one in found.items():
        row = [way[space] for way in (one.from_english, one.to_english) for space in SPACES]
        scores.append(row)
        sizes = f"{one.english:,} / {one.foreign:,}"
        rows.append([language(lang).name, sizes, *(f"{score:.3f}" for score in row)])
    mean = [f"{score:.3f}" for score in np.mean(scores, axis=0)]
    return table(["language", f"{PIVOT} / its own", *ways], [*rows, ["mean", "", *mean]])


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
    text = page(report, best)
    options.out.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
