"""Writes a model's card as lines a person reads, the same in the terminal and on the page."""

from collections.abc import Iterator
from typing import Any

from ccta_core.languages import language
from ccta_core.models.catalog import ModelInfo

_SHOWN = (
    ("what", "what it is"),
    ("data", "trained on"),
    ("licence", "licence"),
    ("backbone", "backbone"),
    ("source", "source"),
    ("evaluation", "scored on"),
    ("interval", "interval"),
    ("reference", "published, for the scale"),
    ("weaknesses", "known weaknesses"),
    ("command", "train it again"),
    ("changed", "out of date"),
)


def card_facts(info: ModelInfo) -> Iterator[tuple[str, str]]:
    """Yields (name, value) for each fact of the card."""
    yield "task", f"{info.task}, {info.bytes / 1e6:.1f} MB"
    for name, title in _SHOWN:
        if info.card.get(name):
            yield title, str(info.card[name])
    if info.revision:
        yield "revision", info.revision
    if "recipe" in info.card.get("training", {}):
        yield "recipe", recipe_line(info.card["training"])


def card_lines(info: ModelInfo) -> Iterator[str]:
    """Yields the card, a line an entry; the scores come last, with the majority beside them."""
    yield info.id
    for name, value in card_facts(info):
        yield f"{name}: {value}"
    head, *rows = score_rows(info.card)
    for row in rows:
        values = (f"{name} {value}" for name, value in zip(head[1:], row[1:], strict=True))
        yield f"  {row[0]:<12} " + ", ".join(values)


def recipe_line(training: dict[str, Any]) -> str:
    """Writes rank, epochs, learning rate, seed, items and time of a training run."""
    recipe = training["recipe"]
    adapter = f"LoRA rank {recipe['rank']}" if recipe["rank"] else "every weight"
    items = training.get("items", training.get("pairs", 0))
    return (
        f"{adapter}, {recipe['epochs']} epochs over {items:,} items, batch "
        f"{recipe['batch_size']}, learning rate {recipe['learning_rate']:g}, seed "
        f"{recipe['seed']}, {training['seconds'] / 60:.0f} minutes"
    )


def score_rows(card: dict[str, Any]) -> Iterator[list[str]]:
    """Yields a row of headings, then one a language: metrics, 95% interval, majority, items."""
    metric, scores = card.get("metric", "accuracy"), card.get("scores", {})
    first_score: dict[str, Any] = next(iter(scores.values()), {})
    others = [name for name in ("em", "precision", "recall") if name in first_score]
    majority = "majority" in first_score or "majority" in card
    interval = "low" in first_score
    yield [
        "language", metric, *(["95%"] if interval else []), *others,
        *(["majority"] if majority else []), "n",
    ]  # fmt: skip
    for lang, score in scores.items():
        row = [language(lang).name, f"{score[metric]:.3f}"]
        row += [f"{score['low']:.3f} to {score['high']:.3f}"] if interval else []
        row += [f"{score[name]:.3f}" for name in others]
        row += [f"{score.get('majority', card.get('majority', 0)):.3f}"] if majority else []
        yield [*row, f"{score['n']:,}"]
