"""What docs/zoo.md says of runs: seeds beside each other, and what did not learn its task."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import f_oneway

from ccta_core.corpus.demo import DEMO_PARTS, read_demo
from ccta_core.languages import language
from ccta_core.models.catalog import ModelInfo
from ccta_core.zoo.demo_predictions import read_predictions
from ccta_core.zoo.plan import SERIES, run_name

Card = Mapping[str, Any]
_BLIND = 0.5
"""From this share of like answers on, a model is said not to read the question."""


def seeds(cards: Mapping[str, Card], runs: Mapping[str, Card]) -> Iterator[str]:
    """The NLI models by training language, run by run, and whether language or run tells."""
    rows, means = [], []
    for lang in SERIES:
        name = f"nli-xnli-{lang}"
        each = [cards.get(name), *(runs.get(run_name(name, seed)) for seed in (2, 3))]
        found = [mean_of(card) * 100 for card in each if card is not None]
        if len(found) > 1:
            means.append(found)
            cells = " | ".join(f"{mean_of(card) * 100:.2f}" if card else "" for card in each)
            rows.append(
                f"| {language(lang).name} | {cells} | {np.mean(found):.2f} | "
                f"{np.std(found, ddof=1):.2f} | {len(found)} |"
            )
    if not rows:
        return
    yield "## The same with other seeds\n"
    yield "Mean accuracy over the 15 languages in %; SD over the seeds there are.\n"
    yield "| trained on | seed 1 | seed 2 | seed 3 | mean | SD | seeds |"
    yield "|---|" + "---|" * 6
    yield from rows
    yield ""
    if len(means) > 1:
        yield language_or_run(means)


def language_or_run(means: Sequence[Sequence[float]]) -> str:
    """Whether training languages differ by more than their runs do: one-way analysis of variance.

    `means` are in %, a list a training language, one number a seed.
    """
    test = f_oneway(*means)
    free = sum(map(len, means)) - len(means)
    within = sum(float(np.var(own)) * len(own) for own in means) / free
    clear = "differ by more than" if test.pvalue < 0.05 else "are not shown to differ by more than"
    return (
        f"On these items training languages {clear} runs of one language do: "
        f"F({len(means) - 1}, {free}) = {test.statistic:.2f}, p = {test.pvalue:.2g}; "
        f"a run lies {np.sqrt(within):.2f} points (SD) from its language's mean.\n"
    )


def same_answers(models: Sequence[ModelInfo]) -> Iterator[str]:
    """How often a model of answers says the same to two questions of one context."""
    shares = {
        info.id: share
        for info in models
        if info.task == "qa" and info.folder
        for share in [_same(read_predictions(info.folder))]
    }
    if not shares:
        return
    each = ", ".join(f"{name.partition('/')[2]} {share:.0%}" for name, share in shares.items())
    yield f"The two questions of a context get one and the same answer (demo corpus): {each}.\n"
    blind = [name for name, share in shares.items() if share >= _BLIND]
    if blind:
        yield (
            f"Did not learn to read the question: {', '.join(blind)}. It is kept because leaving "
            "out what failed would flatter the recipe.\n"
        )


def _same(said: Mapping[str, Mapping[str, Mapping[str, float]]]) -> float:
    """The share of (context, language) whose questions are all answered alike."""
    groups: dict[str, list[str]] = {}
    for item in read_demo(DEMO_PARTS["qa"]):
        groups.setdefault(item.group, []).append(item.id)
    alike = [
        len({max(found[one], key=found[one].__getitem__) for one in items}) == 1
        for found in said.values()
        for items in groups.values()
    ]
    return float(np.mean(alike))


def trained_again(
    cards: Mapping[str, Card], runs: Mapping[str, Card], series: str
) -> Iterator[str]:
    """What of a series did not learn its task, with another seed: is it the language or the run?"""
    for name, first in cards.items():
        again = run_name(name, 2)
        run = cards.get(again) or runs.get(again)
        if run is None or not name.startswith(series):
            continue
        yield (
            f"`{name}` trained again with seed 2: {metric_of(run)} {mean_of(run) * 100:.1f} (mean "
            f"of {len(run['scores'])} languages) where seed 1 reached {mean_of(first) * 100:.1f}. "
            f"{f'It ships as `{again}`' if again in cards else 'Its weights do not ship'}.\n"
        )


def pairs_of(card: Card) -> int:
    """How many items it was trained on."""
    training = card["training"]
    return int(training.get("items", training.get("pairs")))


def metric_of(card: Card) -> str:
    """What its scores are."""
    return str(card.get("metric", "accuracy"))


def mean_of(card: Card) -> float:
    """Over the languages of the card."""
    return float(np.mean([score[metric_of(card)] for score in card["scores"].values()]))
