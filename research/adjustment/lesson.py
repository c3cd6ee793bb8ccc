"""Measures the lesson's sentence before and after an adjustment, for two steps of the page Learn.

python -m research.adjustment.lesson [--lang es] [--seed 1]

Needs the plan's adjusted backbone of the language in the cache, and its placebo, without which the
second step has nothing to show yet. Writes ccta_core/zoo/pulling.json.
"""

import argparse
import json
import sys
from typing import Any

from ccta_core.adjustment.links import find_links, keep_links, read_words
from ccta_core.adjustment.measures import measured_encoder
from ccta_core.adjustment.probe import read_sentences
from ccta_core.adjustment.words import WordReader
from ccta_core.models.catalog import BACKBONE, catalog
from ccta_core.models.load import backbone
from ccta_core.zoo.pulling import ARMS, FORM, PULLING
from research.zoo.lesson import TEXTS

_PIVOT = "en"
_DIGITS = 4


def measured(lang: str, seed: int, pairs: int = 5000) -> dict[str, Any]:
    """The distances of every word pair of each text, in every arm, as JSON takes it."""
    name = f"adjusted/{lang}-{pairs}-s{seed}"
    models = dict(zip(ARMS, (BACKBONE, name, f"{name}-placebo"), strict=True))
    infos = catalog()
    for arm, model in list(models.items()):
        if model not in infos:
            sys.stderr.write(f"{model} is not in the cache: {arm} is left out\n")
            del models[arm]
    if not {"original", "adjusted"} <= set(models):
        raise SystemExit("an adjusted backbone is needed; run the plan's cells first")
    original = backbone(BACKBONE)
    reader, layer = WordReader(original.tokenizer), int(original.config.num_hidden_layers)
    encoders = {arm: measured_encoder(model, "cpu").encoder for arm, model in models.items()}
    return {
        "form": FORM,
        "lang": lang,
        "layer": layer,
        "pairs": pairs,
        "seed": seed,
        "models": models,
        "revisions": {arm: infos[model].revision for arm, model in models.items()},
        "word_pairs": {
            code: _word_pairs(code, reader, encoders, layer, original.align_layer)
            for code in TEXTS
            if code != _PIVOT
        },
    }


def _word_pairs(
    code: str, reader: WordReader, encoders: dict[str, Any], layer: int, link_layer: int
) -> list[dict[str, Any]]:
    """Every word of a text with every English word of it; `related` where the two are linked."""
    texts = list(zip(TEXTS[code], TEXTS[_PIVOT], strict=True))
    words, dropped = read_words(reader, texts, code, most_tokens=512)
    if dropped:
        raise SystemExit(f"{code}: {dropped}")
    links = find_links(words, encoder=encoders[ARMS[0]], reader=reader, layer=link_layer)
    linked = keep_links(words, links)
    if len(linked.pairs) != len(words):
        raise SystemExit(f"{code}: a text of the lesson has no word link")
    states = {
        arm: [
            read_sentences(encoder, reader, [getattr(pair, side) for pair in words], [layer])
            for side in ("english", "foreign")
        ]
        for arm, encoder in encoders.items()
    }
    rows = []
    for text, pair in enumerate(linked.pairs):
        for i, english in enumerate(pair.english.texts):
            for j, foreign in enumerate(pair.foreign.texts):
                ends = {
                    arm: [
                        side.words[layer][text][at] for side, at in zip(both, (i, j), strict=True)
                    ]
                    for arm, both in states.items()
                }
                rows.append(
                    {"text": text, "english": english, "foreign": foreign,
                     "related": (j, i) in pair.links,
                     "distances": {arm: round(_cosine_distance(*two), _DIGITS)
                                   for arm, two in ends.items()}}
                )  # fmt: skip
    return rows


def _cosine_distance(x: Any, y: Any) -> float:
    return float(1 - (x @ y) / ((x @ x) * (y @ y)) ** 0.5)


def main() -> None:
    """Measures and writes it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lang", default="es")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    body = json.dumps(measured(options.lang, options.seed), ensure_ascii=False, indent=1)
    PULLING.write_text(body + "\n", encoding="utf-8")
    sys.stderr.write(f"{PULLING}: {PULLING.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
