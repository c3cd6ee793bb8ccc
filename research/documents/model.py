"""Writes docs/model.md from the cards, so that no figure is typed in.

python -m research.documents.model
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ccta_core.languages import language
from ccta_core.models.catalog import BACKBONE, ModelInfo, find

_PAGE = Path(__file__).parents[2] / "docs" / "model.md"
_NINE = ("en", "fr", "es", "de", "ru", "zh", "hi", "sw", "ur")


def page() -> str:
    """The page as Markdown."""
    adapter = find(f"{BACKBONE}/nli-en")
    parts = [
        "# The embedded model, measured\n",
        "Made from the cards by `make docs-tables`; nothing here is typed in.\n",
        *_retrieval(find(BACKBONE)),
        *_accuracy(adapter),
        *_alignment(adapter),
    ]
    return "\n".join(parts)


def _retrieval(info: ModelInfo) -> Iterator[str]:
    yield f"## {info.id}\n"
    yield f"{info.card['source']}. Licence: {info.card['licence']}.\n"
    yield f"{info.card['evaluation'][:1].upper()}{info.card['evaluation'][1:]}:\n"
    yield "| language | accuracy@1 | n |\n|---|---|---|"
    for lang, score in info.card["scores"].items():
        yield f"| {language(lang).name} | {score['accuracy']:.3f} | {score['n']} |"
    yield ""


def _accuracy(info: ModelInfo) -> Iterator[str]:
    card, scores = info.card, info.card["scores"]
    nine = sum(scores[lang]["accuracy"] for lang in _NINE) / len(_NINE)
    recipe = card["training"]["recipe"]
    yield f"## {info.id}\n"
    yield f"Data: {card['data']}. Licence: {card['licence']}.\n"
    yield (
        f"LoRA rank {recipe['rank']} in float16 ({info.bytes / 1e6:.1f} MB with language means), "
        f"{recipe['epochs']} epochs over {card['training']['pairs']:,} pairs, learning rate "
        f"{recipe['learning_rate']}, batch {recipe['batch_size']}, seed {recipe['seed']}, "
        f"{card['training']['seconds'] / 60:.0f} minutes on two cores.\n"
    )
    yield f"{card['evaluation']}; {card['interval']}; majority baseline {card['majority']:.3f}.\n"
    yield f"Mean of {' '.join(_NINE)}: **{nine:.3f}**.\n"
    yield "| language | accuracy | 95% | n |\n|---|---|---|---|"
    for lang, score in sorted(scores.items(), key=lambda entry: -entry[1]["accuracy"]):
        interval = f"{score['low']:.3f} to {score['high']:.3f}"
        yield f"| {language(lang).name} | {score['accuracy']:.3f} | {interval} | {score['n']} |"
    yield f"\nKnown weaknesses: {card['weaknesses']}.\n"


def _alignment(info: ModelInfo) -> Iterator[str]:
    table: dict[str, Any] = info.card["aer_by_layer"]
    depth = len(next(iter(table.values())))
    yield "### Alignment error rate by layer\n"
    yield (
        "Mutual nearest neighbours in the centred space on gold word alignments (development part: "
        "XL-WA for Spanish and Russian, the sets of awesome-align for the others). "
        f"Chosen: layer {info.align_layer}.\n"
    )
    yield "| pair | " + " | ".join(map(str, range(depth))) + " |\n|---|" + "---|" * depth
    for pair, rates in table.items():
        yield f"| {pair} | " + " | ".join(f"{rate:.3f}" for rate in rates) + " |"
    yield ""


if __name__ == "__main__":
    _PAGE.write_text(page(), encoding="utf-8")
