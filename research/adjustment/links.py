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

from ccta_core.adjustment.learning import start_encoder
from ccta_core.adjustment.links import WordPair, find_links
from ccta_core.adjustment.words import WordReader
from ccta_core.corpus.alignments import AlignedPair
from ccta_core.models.load import Backbone, backbone
from ccta_core.space.links import Links, one_to_one
from research.space.gold import error_rate, gold_sets


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with word_align")
    parser.add_argument("--model", default="e5-small")
    parser.add_argument("--layer", type=int, help="words are linked at (the model's)")
    parser.add_argument("--most", type=int, help="pairs of each set, the first ones (all)")
    options = parser.parse_args()
    parts = backbone(options.model)
    layer = parts.align_layer if options.layer is None else options.layer
    sys.stdout.write(
        f"{parts.id}, layer {layer}\nlanguages  source         pairs  AER argmax  one-to-one"
        "  differing   links argmax  one-to-one  differing\n"
    )
    for gold in gold_sets(options.data):
        pairs = [*gold.dev, *gold.rest][: options.most]
        steps = link_steps(parts, pairs, layer)
        rates = [f"{error_rate(pairs, links):.3f}" for links in steps]
        counts = [sum(map(len, links)) for links in steps]
        sys.stdout.write(
            f"{gold.name:<9}  {gold.source:<13}  {len(pairs):>5}  {rates[0]:>10}  {rates[1]:>10}  "
            f"{rates[2]:>9}  {counts[0]:>13,}  {counts[1]:>10,}  {counts[2]:>9,}\n"
        )


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
