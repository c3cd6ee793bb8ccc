"""What an adjustment did to a model: distances, words and sentences, by layer (METHOD, 6).

Every measure is on sentence pairs that no adjustment of the language learns from: the held-out
pairs of its parallel text, linked by the original model, and sets of parallel sentences.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow.parquet import read_table, write_table

from ccta_core.adjustment.continual import learnt_below, original_of
from ccta_core.adjustment.learning import Report
from ccta_core.adjustment.links import LinkedPair
from ccta_core.adjustment.parallel import read_parallel
from ccta_core.adjustment.probe import (
    L2_BINS,
    Distances,
    distances,
    read_sentences,
    unrelated_words,
)
from ccta_core.adjustment.run import Prepared, learnt_pairs, prepare, sentences_of
from ccta_core.adjustment.settings import LEAST, Adjustment, names, read_manifest
from ccta_core.adjustment.words import WordReader
from ccta_core.analysis.prediction import auc_over_groups
from ccta_core.analysis.resampling import DRAWS, bootstrap_interval, grouped
from ccta_core.config import cache_root
from ccta_core.errors import CctaError
from ccta_core.evaluation.retrieval import NEIGHBOURS, accuracy_at_1, mexa, sentence_means
from ccta_core.models.catalog import catalog
from ccta_core.models.load import Backbone, backbone, load_model

TABLES = ("distances", "links", "words", "sentences")
MOST_SENTENCES = {"tatoeba": 1000}
"""Pairs of a set of sentences that are read, the first ones; of others `_FEW`."""
_FEW = 300
SHARED = 0.95
"""Share of the links of two measured models that must be the same, to compare them."""


@dataclass(frozen=True, slots=True)
class MeasureSettings:
    """A model, a language, and what it is measured on.

    `model` is a backbone or a task's model by id. `parallel` and `tests` are those of the
    language's adjustments, so that the same pairs are held out. `sentences` are specs of parallel
    sentences for retrieval, in `lang` and, for retrieval alone, in the languages `unseen`.
    """

    model: str
    lang: str
    parallel: tuple[str, ...]
    tests: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    held: int = 200

    def pairs_from(self, original: str) -> Adjustment:
        """Returns the settings by which the language's pairs are read, held out and linked."""
        return Adjustment(
            name="measure",
            lang=self.lang,
            parallel=self.parallel,
            model=original,
            pairs=LEAST,
            held=self.held,
            tests=self.tests,
        )


@dataclass(frozen=True, slots=True)
class Measures:
    """Rows of four tables, of one model in one language.

    `distances`: a row a layer and kind of distance. `links`: the distances of every link at the
    model's alignment layer and its last, for paired comparisons of two models. `words`: a row a
    layer. `sentences`: a row a set, language, layer and way to pool.
    """

    distances: list[dict[str, Any]]
    links: list[dict[str, Any]]
    words: list[dict[str, Any]]
    sentences: list[dict[str, Any]]


def measure(settings: MeasureSettings, *, report: Report, device: str = "cpu") -> Measures:
    """Returns all measures of one model in one language.

    Raises CctaError where there is no such model, on data that can't be used, and where the model
    has learnt from pairs that are held out here.
    """
    encoder, original = measured_encoder(settings.model, device)
    prepared = prepare(settings.pairs_from(original.id), original, report=report, device=device)
    _refuse_learnt(settings, prepared, original)
    reader = WordReader(original.tokenizer)
    depth = original.config.num_hidden_layers
    layers = list(range(depth + 1))
    kept = sorted({original.align_layer, depth})
    foreign, english = (
        read_sentences(encoder, reader, side, layers)
        for side in (
            [pair.foreign for pair in prepared.held],
            [pair.english for pair in prepared.held],
        )
    )
    report(f"{len(prepared.held)} held-out pairs read; distances and words by layer")
    measures = Measures([], [], [], [])
    for layer in layers:
        sides = (foreign.words[layer], english.words[layer])
        by_kind = link_distances(prepared.held, *sides)
        for kind, values in by_kind.items():
            measures.distances.append({"layer": layer, "distance": kind} | summarise(values))
        if layer in kept:
            measures.links.extend(_link_rows(layer, by_kind))
            measures.words.append({"layer": layer} | word_retrieval(prepared.held, *sides))
        isotropy = {"layer": layer, "anisotropy_foreign": anisotropy(np.concatenate(sides[0])),
                    "anisotropy_english": anisotropy(np.concatenate(sides[1]))}  # fmt: skip
        for row in measures.distances[-len(by_kind) :]:
            row |= isotropy
    for spec, lang in _sets(settings):
        report(f"{spec}: sentences of {lang}")
        measures.sentences.extend(sentence_rows(encoder, original.tokenizer, spec, lang))
    return measures


def write_measures(settings: MeasureSettings, measures: Measures) -> Path:
    """Writes each table as Parquet to the folder of the model and language; the folder."""
    info = catalog().get(settings.model)
    revision = "" if info is None else info.revision
    folder = measures_folder(settings.model, settings.lang)
    folder.mkdir(parents=True, exist_ok=True)
    place = {"model": settings.model, "revision": revision, "lang": settings.lang}
    for kind in TABLES:
        table = pa.Table.from_pylist([place | row for row in getattr(measures, kind)])
        temporary = folder / f".{kind}.{os.getpid()}.tmp"
        write_table(table, temporary, compression="zstd")
        temporary.replace(folder / f"{kind}.parquet")
    return folder


def measures_folder(model: str, lang: str) -> Path:
    """Returns where the measures of a model in a language lie: a Parquet file a table."""
    return cache_root() / "measures" / model.replace("/", "~") / lang


def read_links(model: str, lang: str, layer: int, kind: str) -> Distances:
    """Returns the distances of every held-out link of a measured model. Raises CctaError without
    them.
    """
    path = measures_folder(model, lang) / "links.parquet"
    if not path.exists():
        raise CctaError(f"{model} was not measured in {lang}; ccta adjust measure does it")
    for row in read_table(path).to_pylist():
        if row["layer"] == layer and row["distance"] == kind:
            if "foreign" not in row:
                raise CctaError(f"{path} does not say which words it links; measure {model} again")
            related, unrelated, sentence = (
                np.array(row[name]) for name in ("related", "unrelated", "sentence")
            )
            words = np.column_stack([row["foreign"], row["english"]])
            return Distances(related, unrelated, sentence, words)
    raise CctaError(f"{path} has no {kind} distances at layer {layer}; measure the model again")


def link_distances(
    pairs: Sequence[LinkedPair], foreign: Sequence[np.ndarray], english: Sequence[np.ndarray]
) -> dict[str, Distances]:
    """Distances of linked and of unrelated words, by kind: cosine and l2.

    Shape: `foreign` and `english` hold (words, width) for each pair.
    """
    others = unrelated_words(pairs)
    return {kind: distances(pairs, others, foreign, english, kind) for kind in ("cosine", "l2")}


def summarise(values: Distances, *, draws: int = DRAWS) -> dict[str, Any]:
    """Summarises related against unrelated distances in numbers.

    `auc` = P(an unrelated distance is larger than a related one), ties half, with its 95% interval
    (whole sentences drawn); `gap` is the mean of d(unrelated) - d(related) of each link,
    `below_zero` the share of links where it is negative; `overlap` the overlapping coefficient of
    the two histograms (sum of the smaller shares, in [0, 1]).
    """
    scores = np.concatenate([values.unrelated, values.related]).astype(np.float64)
    truth = np.concatenate([np.ones(len(values.unrelated)), np.zeros(len(values.related))])
    groups = grouped(np.concatenate([values.sentence, values.sentence]), len(scores))
    statistic, count, width = auc_over_groups(scores, truth, groups, 0)
    interval = bootstrap_interval(statistic, count, draws=draws, seed=0, width=width)
    gap = values.unrelated - values.related
    edges = np.linspace(0.0, max(float(scores.max()), 1e-9), L2_BINS + 1)
    shares = [
        np.histogram(part, edges)[0] / len(part) for part in (values.related, values.unrelated)
    ]
    return {
        "auc": float(statistic(np.ones((1, count)))[0]),
        "auc_low": interval.low,
        "auc_high": interval.high,
        "related": float(values.related.mean()),
        "unrelated": float(values.unrelated.mean()),
        "gap": float(gap.mean()),
        "gap_sd": float(gap.std(ddof=1)),
        "below_zero": float((gap < 0).mean()),
        "overlap": float(np.minimum(*shares).sum()),
        "links": len(gap),
        "pairs": int(values.sentence.max()) + 1,
        "edge": float(edges[-1]),
        "histogram_related": [int(n) for n in np.histogram(values.related, edges)[0]],
        "histogram_unrelated": [int(n) for n in np.histogram(values.unrelated, edges)[0]],
        "histogram_gap": [
            int(n) for n in np.histogram(gap, np.linspace(-edges[-1], edges[-1], L2_BINS + 1))[0]
        ],
    }


def auc_difference(first: Distances, second: Distances, *, draws: int = DRAWS) -> dict[str, Any]:
    """Returns the AUC of the first less that of the second on the same links, with its 95%
    interval.

    "Forgetting" where the second is the first after a task's training. Links that only one of them
    has are left out: rounding, which differs between processors, can turn one in a thousand. The
    same sentences are drawn for both. Raises CctaError where less than `SHARED` of either's links
    are the other's, which is another text or another aligner.
    """
    keys = [
        [(int(s), int(i), int(j)) for s, (i, j) in zip(values.sentence, values.words, strict=True)]
        for values in (first, second)
    ]
    both = set(keys[0]) & set(keys[1])
    if len(both) < SHARED * max(map(len, keys)):
        raise CctaError(
            f"only {len(both)} of {len(keys[0])} and {len(keys[1])} links are shared: the two were "
            "measured on different links; measure both on the same text"
        )
    statistics = []
    for values, ids in zip((first, second), keys, strict=True):
        kept = np.array([name in both for name in ids])
        scores = np.concatenate([values.unrelated[kept], values.related[kept]]).astype(np.float64)
        truth = np.repeat([1.0, 0.0], kept.sum())
        groups = grouped(np.tile(values.sentence[kept], 2), len(scores))
        statistics.append(auc_over_groups(scores, truth, groups, 0))
    (first_auc, count, width), (second_auc, _, _) = statistics

    def difference(weights: np.ndarray) -> np.ndarray:
        return first_auc(weights) - second_auc(weights)

    interval = bootstrap_interval(difference, count, draws=draws, seed=0, width=width)
    return {
        "difference": float(difference(np.ones((1, count)))[0]),
        "low": interval.low,
        "high": interval.high,
        "links": len(both),
    }


def word_retrieval(
    pairs: Sequence[LinkedPair], foreign: Sequence[np.ndarray], english: Sequence[np.ndarray]
) -> dict[str, Any]:
    """Returns the share of linked words whose nearest word by CSLS is the very word they are linked
    to.

    The pool is all linked words of the pairs (instances, specials left out); both directions. Each
    vector is divided by its own norm; CSLS with 10 neighbours (Conneau et al., 2018).
    """
    left = np.concatenate([foreign[n][[i for i, _ in p.links]] for n, p in enumerate(pairs)])
    right = np.concatenate([english[n][[j for _, j in p.links]] for n, p in enumerate(pairs)])
    return {
        "csls_to_english": accuracy_at_1(left, right, neighbours=NEIGHBOURS),
        "csls_from_english": accuracy_at_1(right, left, neighbours=NEIGHBOURS),
        "pool": len(left),
    }


def anisotropy(vectors: np.ndarray) -> float:
    """Returns the mean cosine of two different rows, in [-1, 1]: 0 for directions that are spread
    evenly.

    Over all pairs at once: (|sum u|^2 - n) / (n (n - 1)) of unit rows u (Ethayarajh, 2019, takes a
    sample of pairs). Shape: (vectors, width), at least two. NaN where there are fewer.
    """
    norms = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    units = vectors / np.where(norms > 0, norms, 1.0)
    count, total = len(units), units.sum(0)
    if count < 2:
        return float("nan")
    return float((total @ total - np.square(units).sum()) / (count * (count - 1)))


def sentence_rows(encoder: Any, tokenizer: Any, spec: str, lang: str) -> Iterator[dict[str, Any]]:
    """Yields retrieval of translations and MEXA, a row for each layer and way to pool.

    `foreign_to_english`: foreign queries against the English index (XTREME), accuracy at 1 by
    cosine of the mean of all tokens with the specials, and without them as a second row. `mexa`:
    the share of sentences whose translation strictly beats all others in row and column.
    """
    pairs = read_parallel((spec,), lang).pairs[: MOST_SENTENCES.get(spec.partition(":")[0], _FEW)]
    sides = [sentence_means(encoder, tokenizer, [pair[side] for pair in pairs]) for side in (0, 1)]
    for pooled in ("with_specials", "without_specials"):
        foreign, english = (getattr(side, pooled) for side in sides)
        for layer in range(len(foreign)):
            yield {
                "set": spec.partition(":")[0],
                "lang_of_set": lang,
                "layer": layer,
                "specials": pooled == "with_specials",
                "foreign_to_english": accuracy_at_1(foreign[layer], english[layer]),
                "english_to_foreign": accuracy_at_1(english[layer], foreign[layer]),
                "mexa": mexa(foreign[layer], english[layer]),
                "n": len(pairs),
            }


class MeasuredEncoder(NamedTuple):
    """An encoder to measure, and the original backbone it was made from."""

    encoder: Any
    original: Backbone


def measured_encoder(model: str, device: str) -> MeasuredEncoder:
    """Returns a backbone's encoder, or the one inside a task's model, and the original below it."""
    info = catalog().get(model)
    if info is not None and info.task != "backbone":
        encoder: Any = load_model(model, device=device).hf_model.base_model
    else:
        encoder = backbone(model).encoder().to(device)  # type: ignore[arg-type]
    original = backbone(original_of(info) if info is not None else model)
    return MeasuredEncoder(encoder.eval(), original)


def _refuse_learnt(settings: MeasureSettings, prepared: Prepared, original: Backbone) -> None:
    """Raises CctaError where the model, or an adjustment below it, learnt from pairs held out
    here.
    """
    adjustments = names()
    for name, made in learnt_below(catalog().get(settings.model)).items():
        facts = read_manifest(name).get("data", {}) if name in adjustments else {}
        same = facts.get("held_sha256") == prepared.facts["data"]["held_sha256"]
        if made.lang != settings.lang or same:
            continue
        held = {sentences_of(pair) for pair in prepared.held}
        learnt = held & learnt_pairs(made, original)
        if learnt:
            raise CctaError(
                f"{name} learnt from {len(learnt)} of {len(held)} pairs that are held out here; "
                f"give what it was given: --held {made.held}, its --parallel and its --test"
            )


def _sets(settings: MeasureSettings) -> Iterator[tuple[str, str]]:
    for spec in settings.sentences:
        yield spec, settings.lang
        if spec.partition(":")[0] in MOST_SENTENCES:
            yield from ((spec, lang) for lang in settings.unseen)


def _link_rows(layer: int, by_kind: dict[str, Distances]) -> Iterator[dict[str, Any]]:
    for kind, values in by_kind.items():
        yield {
            "layer": layer,
            "distance": kind,
            "sentence": values.sentence.astype(np.int32),
            "foreign": values.words[:, 0].astype(np.int16),
            "english": values.words[:, 1].astype(np.int16),
            "related": values.related.astype(np.float32),
            "unrelated": values.unrelated.astype(np.float32),
        }
