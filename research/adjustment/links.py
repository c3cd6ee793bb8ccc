"""Alignment error rate of the links that an adjustment learns from, on gold alignments.

python -m research.adjustment.links DATA [--model ID] [--layer N] [--most N]

A line a language: AER (Och and Ney, 2003; lower is better) of mutual argmax, of its strictly
one-to-one links, and of those whose two words differ, which are the links that are used; and how
many links each step leaves. Words are the gold sets' own.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ccta_core.adjustment.learning import start_encoder
from ccta_core.adjustment.links import WordPair, find_links
from ccta_core.adjustment.words import WordReader
from ccta_core.corpus.alignments import AlignedPair
from ccta_core.models.load import Backbone, backbone
from ccta_core.space.links import Links, one_to_one
from research.space.gold import error_rate, gold_sets

_STEPS = ("mutual argmax", "one-to-one", "differing")


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with word_align")
    parser.add_argument("--model", default="e5-small")
    parser.add_argument("--layer", type=int, help="words are linked at (the model's)")
    parser.add_argument("--most", type=int, help="pairs of each set, the first ones (all)")
    parser.add_argument("--out", type=Path, help="as Parquet: cache/adjustment/error_rates.parquet")
    options = parser.parse_args()
    parts = backbone(options.model)
    layer = parts.align_layer if options.layer is None else options.layer
    rows = []
    sys.stdout.write(
        f"{parts.id}, layer {layer}\nlanguages  source         pairs  AER argmax  one-to-one"
        "  differing   links argmax  one-to-one  differing\n"
    )
    for gold in gold_sets(options.data):
        pairs = [*gold.dev, *gold.rest][: options.most]
        steps = link_steps(parts, pairs, layer)
        row: dict[str, Any] = {
            "languages": gold.name, "source": gold.source, "pairs": len(pairs), "layer": layer
        }  # fmt: skip
        for name, links in zip(_STEPS, steps, strict=True):
            row |= {f"AER {name}": error_rate(pairs, links), f"links {name}": sum(map(len, links))}
        rows.append(row)
        rates = [f"{row[f'AER {name}']:.3f}" for name in _STEPS]
        counts = [row[f"links {name}"] for name in _STEPS]
        sys.stdout.write(
            f"{gold.name:<9}  {gold.source:<13}  {len(pairs):>5}  {rates[0]:>10}  {rates[1]:>10}  "
            f"{rates[2]:>9}  {counts[0]:>13,}  {counts[1]:>10,}  {counts[2]:>9,}\n"
        )
    if options.out is not None:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(rows).to_parquet(options.out, index=False)


def link_steps(parts: Backbone, pairs: Sequence[AlignedPair], layer: int) -> list[list[Links]]:
    """The links of every pair (source word, target word) after each of the three steps."""
    reader = WordReader(parts.tokenizer)
    sides = [reader.read_tokens([getattr(p, side) for p in pairs]) for side in ("source", "target")]
    agreed = find_links(
        [WordPair(*both) for both in zip(*sides, strict=True)],
        encoder=start_encoder(parts, "cpu"),
        reader=reader,
        layer=layer,
    )
    single = [one_to_one(links) for links in agreed]
    differing = [
        [(i, j) for i, j in links if pair.source[i] != pair.target[j]]
        for pair, links in zip(pairs, single, strict=True)
    ]
    return [[sorted(links) for links in agreed], single, differing]


if __name__ == "__main__":
    main()
