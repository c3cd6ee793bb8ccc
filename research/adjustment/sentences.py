"""Measures demo items in every arm of the experiment that has been run, for the page Adjust.

python -m research.adjustment.sentences [--langs es,hi] [--limit-seconds 1800]

Per arm and language the item's comparison (attributions, plan, predictions, EMS with its controls)
and the distances of linked words at every layer. What is there already is left as it is; models
that are missing, or not finished, are named and left out. Writes to cache/adjustment/demo.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ccta_core.adjustment.demo import (
    GROUPS,
    ITEMS,
    PIVOT,
    DemoPlace,
    read_pair,
    words_path,
    write_pair,
)
from ccta_core.adjustment.links import LinkedPair, find_links, keep_links, read_words
from ccta_core.adjustment.measures import link_distances, measured_encoder
from ccta_core.adjustment.probe import read_sentences, unrelated_words
from ccta_core.adjustment.summary import ARMS, adjusted_languages
from ccta_core.adjustment.tables import SHIPPED, read_tables
from ccta_core.adjustment.words import WordReader
from ccta_core.config import Config
from ccta_core.corpus.demo import read_demo
from ccta_core.models.catalog import BACKBONE, ModelInfo, catalog
from ccta_core.models.load import load_model
from ccta_core.pipeline import compare_many
from ccta_core.projection.plane import Plane
from ccta_core.training.card import UNMEASURED

_TASK = "nli"
_AT_ONCE = 6
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class ArmModels:
    """An arm of a language: its task's model, and the model whose words are measured."""

    lang: str
    arm: str
    seed: int
    task_model: str
    word_model: str


@dataclass(frozen=True, slots=True, eq=False)
class LinkedSentences:
    """Demo sentence pairs with their links by the original model, and each pair's name."""

    names: tuple[str, ...]
    pairs: tuple[LinkedPair, ...]


def main() -> None:
    """Measures what is missing, language by language, until the time is up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--langs", help="comma-separated (those of the plan's tables)")
    parser.add_argument("--out", type=Path, default=SHIPPED, help="the folder of the tables")
    parser.add_argument("--limit-seconds", type=float, default=1800.0)
    options = parser.parse_args()
    tables = read_tables(options.out)
    langs = options.langs.split(",") if options.langs else adjusted_languages(tables)
    deadline = time.monotonic() + options.limit_seconds
    for lang in langs:
        for arm in arm_models(tables["runs"], lang):
            _measure_arm(options.out, arm, deadline)


def arm_models(runs: pd.DataFrame, lang: str) -> Iterator[ArmModels]:
    """The arms of a language that were planned, in order, each with its first seed's models."""
    usual = runs[runs["usual"]]
    for name in ARMS:
        trained = usual[(usual["kind"] == "train") & (usual["task"] == _TASK)
                        & (usual["arm"] == name) & usual["lang"].isin(["", lang])]  # fmt: skip
        adjusted = usual[(usual["kind"] == "adjust") & (usual["arm"] == name)
                         & (usual["lang"] == lang)]  # fmt: skip
        if not len(trained):
            continue
        first = trained.sort_values("seed").iloc[0]
        words = str(first["id"])
        if name == "original":
            words = BACKBONE
        elif len(adjusted):
            words = str(adjusted.sort_values("seed").iloc[0]["id"])
        yield ArmModels(lang, name, int(first["seed"]), str(first["id"]), words)


def _measure_arm(folder: Path, arm: ArmModels, deadline: float) -> None:
    models = catalog()
    for kind, name, measure in (
        ("words", arm.word_model, _write_words),
        ("pairs", arm.task_model, _write_pairs),
    ):
        info = models.get(name)
        if info is None or info.card.get("revision") == UNMEASURED:
            _report(f"{arm.lang} {arm.arm}, {kind}: {name} is not there yet")
        elif time.monotonic() > deadline:
            _report(f"{arm.lang} {arm.arm}, {kind}: the time is up; run this again")
        else:
            _report(f"{arm.lang} {arm.arm}, {kind}: {measure(folder, arm, info, deadline)}")


def _write_pairs(folder: Path, arm: ArmModels, info: ModelInfo, deadline: float) -> str:
    """Compares the items that have no comparison by this very model; what was done, in words."""
    examples = {example.id: example for example in read_demo(_TASK)}
    missing = []
    for item in ITEMS[_TASK]:
        place = DemoPlace(_TASK, arm.lang, arm.arm, item)
        kept = read_pair(folder, place)
        if kept is None or kept.result.revision != info.revision:
            missing.append((place, examples[item]))
    if not missing:
        return "all there"
    model, written = load_model(info.id), 0
    for label in sorted({str(example.label) for _, example in missing}):
        # All arms explain one class, the gold label: else the changes would be of the question.
        config = Config(target_class=label)
        asked = [(place, example) for place, example in missing if example.label == label]
        for start in range(0, len(asked), _AT_ONCE):
            chunk = asked[start : start + _AT_ONCE]
            if time.monotonic() > deadline:
                continue
            sides = [(e.sentences[PIVOT], e.sentences[arm.lang]) for _, e in chunk]
            for (place, _), result in zip(chunk, compare_many(model, sides, config), strict=True):
                write_pair(folder, place, _rounded(result.payload()), arm.seed)
                written += 1
    return f"{written} of {len(missing)} comparisons written"


def _write_words(folder: Path, arm: ArmModels, info: ModelInfo, deadline: float) -> str:
    """Measures the linked words of the items by this very model; what was done, in words."""
    del deadline  # seconds
    path = words_path(folder, arm.lang, arm.arm)
    if path.exists():
        kept = pd.read_parquet(path, columns=["model", "revision"])
        if set(kept["model"]) == {info.id} and set(kept["revision"]) == {info.revision}:
            return "all there"
    table = words_table(arm.lang, info.id).assign(
        model=info.id, revision=info.revision, seed=arm.seed
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_parquet(path, index=False, compression="zstd")
    return f"{len(table):,} rows written"


def words_table(lang: str, model: str) -> pd.DataFrame:
    """A row a link and layer, columns as `ccta_core.adjustment.demo.read_words` names them.

    Each layer's plane is the first two principal components of the original model's states of the
    linked words of both languages: fitted once, for every arm.
    """
    measured = measured_encoder(model, "cpu")
    original = measured.original
    first_encoder = original.encoder().eval()
    reader = WordReader(original.tokenizer)
    linked = linked_sentences(lang, reader, first_encoder, original.align_layer)
    depth = original.config.num_hidden_layers
    others = unrelated_words(linked.pairs)
    links = [
        {"sentence": name, "foreign": pair.foreign.texts[i], "english": pair.english.texts[j],
         "unrelated": pair.foreign.texts[other], "foreign_place": i, "english_place": j}
        for name, pair, chosen in zip(linked.names, linked.pairs, others, strict=True)
        for (i, j), other in zip(pair.links, chosen, strict=True)
    ]  # fmt: skip
    before, after = (
        [
            read_sentences(encoder, reader, [getattr(p, side) for p in linked.pairs],
                           list(range(depth + 1)))
            for side in ("foreign", "english")
        ]
        for encoder in (first_encoder, measured.encoder)
    )  # fmt: skip
    tables = []
    for layer in range(depth + 1):
        sides = [side.words[layer] for side in after]
        plane = Plane.fit(np.concatenate(_linked_states(linked.pairs, before, layer)))
        states = _linked_states(linked.pairs, after, layer)
        columns: dict[str, Any] = {
            f"{which}_{kind}": getattr(values, which)
            for kind, values in link_distances(linked.pairs, *sides).items()
            for which in ("related", "unrelated")
        }
        for name, vectors in zip(("foreign", "english"), states, strict=True):
            columns[f"x_{name}"], columns[f"y_{name}"] = plane.project(vectors).T
        columns["plane_share"] = plane.share(np.concatenate(states))
        numbers = pd.DataFrame(columns).round(4).astype(np.float32)
        tables.append(pd.concat([pd.DataFrame(links).assign(layer=layer), numbers], axis=1))
    return pd.concat(tables, ignore_index=True)


def linked_sentences(lang: str, reader: WordReader, encoder: Any, layer: int) -> LinkedSentences:
    """Each premise and hypothesis of the items, linked as an adjustment links its text."""
    sentences: dict[str, tuple[str, str]] = {}
    for example in read_demo(_TASK):
        if example.group in GROUPS:
            foreign, english = example.sentences[lang], example.sentences[PIVOT]
            sentences[str(example.group)] = (foreign.text, english.text)
            sentences[example.id] = (foreign.text2 or "", english.text2 or "")
    names, linked = [], []
    for name, sides in sentences.items():
        words, _ = read_words(reader, [sides], lang, most_tokens=512)
        links = find_links(words, encoder=encoder, reader=reader, layer=layer)
        for pair in keep_links(words, links).pairs:
            names.append(name)
            linked.append(pair)
    return LinkedSentences(tuple(names), tuple(linked))


def _linked_states(pairs: Sequence[LinkedPair], sides: Sequence[Any], layer: int) -> list[Any]:
    """The states of the linked words, foreign and English. Shape of each: (links, width)."""
    return [
        np.concatenate(
            [side.words[layer][n][[link[which] for link in p.links]] for n, p in enumerate(pairs)]
        ).astype(np.float64)
        for which, side in enumerate(sides)
    ]


def _rounded(value: Any) -> Any:
    """The same with its floats rounded: half the room, far below what a picture shows."""
    if isinstance(value, float):
        return round(value, _DIGITS)
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list | tuple) else value


def _report(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    main()
