"""Writes docs/zoo.md from the cards and runs, so that no figure is typed in.

python -m research.documents.zoo
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import f_oneway

from ccta_core.corpus.demo import DEMO_PARTS, read_demo
from ccta_core.languages import language
from ccta_core.models.catalog import BACKBONE, ModelInfo, find
from research.zoo.build import RUNS, state
from research.zoo.plan import PAWSX, SERIES, XNLI, XQUAD, plan, run_name
from research.zoo.predictions import read_predictions, shipped

_PAGE = Path(__file__).parents[2] / "docs" / "zoo.md"
Card = Mapping[str, Any]
_BLIND = 0.5
"""From this share of like answers on, a model is said not to read the question."""


def page() -> str:
    """The page as Markdown."""
    models = shipped()
    cards = {info.id.partition("/")[2]: info.card for info in models}
    runs = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(RUNS.glob("*.json"))}
    parts = [
        "# The zoo: tasks and training languages\n",
        "Made from the cards by `make docs-tables`; nothing here is typed in. "
        "`ccta models info ID` shows one card, with the line that trains the model again; `make "
        "zoo` trains what is missing; `make zoo-check` loads every model and compares its "
        "predictions on the demo corpus with the stored ones.\n",
        *_overview(models),
        *_missing(),
        *_training_languages(cards),
        *seeds(cards, runs),
        *_on_more(cards),
        *_series(cards, "paraphrase-{}", PAWSX, "Paraphrase by training language", "accuracy"),
        *trained_again(cards, runs, "paraphrase-"),
        *_one(cards, "qa-en", "Question answering, English", ("f1", "em")),
        *_series(cards, "qa-xquad-{}", XQUAD, "Question answering by training language", "f1"),
        *same_answers(models),
        *trained_again(cards, runs, "qa-xquad-"),
        *_series(cards, "ner-{}", ("en", "es"), "Named entities by training language", "f1"),
        *_retrieval(find(BACKBONE).card),
    ]
    return "\n".join(parts)


def _overview(models: Sequence[ModelInfo]) -> Iterator[str]:
    total = sum(info.bytes for info in models)
    yield f"## {len(models)} models, {total / 1e6:.1f} MB\n"
    yield (
        "The mean is over the languages of the card. Majority: the score of always "
        "predicting the commonest label. LoRA on every linear layer, in float16.\n"
    )
    yield "| id | task | trained on | items | metric | mean | majority | languages | MB |"
    yield "|---|---|---|---|---|---|---|---|---|"
    learned_nothing = []
    for info in models:
        card, metric = info.card, metric_of(info.card)
        majorities = [score["majority"] for score in card["scores"].values() if "majority" in score]
        majority = f"{np.mean(majorities):.3f}" if majorities else card.get("majority") or ""
        if majorities and mean_of(card) <= np.mean(majorities):
            learned_nothing.append(info.id)
        yield (
            f"| {info.id} | {info.task} | {_trained_on(card)} | "
            f"{pairs_of(card):,} | {metric} | {mean_of(card):.3f} | "
            f"{majority} | {len(card['scores'])} | {info.bytes / 1e6:.2f} |"
        )
    yield ""
    if learned_nothing:
        yield (
            f"Not above the majority: {', '.join(learned_nothing)}. It did not learn its task; it "
            "is kept because leaving out what failed would flatter the recipe, and no ranking "
            "counts it.\n"
        )


def _missing() -> Iterator[str]:
    states = {entry.name: state(entry) for entry in plan()}
    missing = [name for name, said in states.items() if said == "missing"]
    partly = [f"{name} {said}" for name, said in states.items() if said.startswith("not yet")]
    yield "## Not done yet\n"
    if not missing and not partly:
        yield "Nothing of the plan is missing.\n"
    if missing:
        yield (
            f"Not trained or not scored, {len(missing)} entries of the plan (`python -m "
            f"research.zoo.build DATA --list`): {', '.join(missing)}.\n"
        )
    if partly:
        yield f"Scored in part: {'; '.join(partly)}.\n"


def _training_languages(cards: Mapping[str, Card]) -> Iterator[str]:
    rows = {lang: cards[f"nli-xnli-{lang}"] for lang in XNLI if f"nli-xnli-{lang}" in cards}
    if not rows:
        return
    first = next(iter(rows.values()))
    widths = [
        score["high"] - score["low"] for card in rows.values() for score in card["scores"].values()
    ]
    yield "## NLI by training language (rows) and test language (columns)\n"
    yield (
        f"{first['training']['items']:,} items, the same in every language; XNLI dev, "
        f"n = {next(iter(first['scores'].values()))['n']:,} a cell, seed 1, scored in "
        f"{first['evaluated_in']}. "
        "The 95% interval of a cell (bootstrap clustered by premise) is "
        f"{np.mean(widths) / 2 * 100:.1f} points to either side on average, "
        f"{np.max(widths) / 2 * 100:.1f} at most; each cell's own is in the card. Accuracy in %, "
        "the training language's own column in bold.\n"
    )
    yield "| trained on | " + " | ".join(XNLI) + " | mean | zero-shot mean |"
    yield "|---|" + "---|" * (len(XNLI) + 2)
    for lang, card in rows.items():
        cells = [_cell(card, test, bold=test == lang) for test in XNLI]
        others = [score["accuracy"] for test, score in card["scores"].items() if test != lang]
        whole = len(others) == len(XNLI) - 1  # a mean over fewer languages compares with nothing
        means = [f"{mean * 100:.1f}" if whole else "" for mean in (mean_of(card), np.mean(others))]
        yield f"| {language(lang).name} | " + " | ".join([*cells, *means]) + " |"
    yield ""


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


_ON_MORE = ("nli-en", "nli-en-all", "nli-multi")
"""The models of NLI that are not of the series."""


def _on_more(cards: Mapping[str, Card]) -> Iterator[str]:
    """The models of NLI on more data, beside the best of the series."""
    series = {name: cards[name] for lang in XNLI if (name := f"nli-xnli-{lang}") in cards}
    rows = {name: cards[name] for name in _ON_MORE if name in cards}
    if not series or not rows:
        return
    best = max(series, key=lambda name: mean_of(series[name]))
    rows = dict(sorted({**rows, best: series[best]}.items(), key=lambda row: -mean_of(row[1])))
    yield "## NLI on more data\n"
    yield "XNLI dev, accuracy in %, the best mean first, with the best of the series above.\n"
    yield "| model | trained on | pairs | " + " | ".join(XNLI) + " | mean |"
    yield "|---|---|---|" + "---|" * (len(XNLI) + 1)
    for name, card in rows.items():
        cells = [_cell(card, test, bold=False) for test in XNLI]
        cells = [_trained_on(card), f"{pairs_of(card):,}", *cells, f"{mean_of(card) * 100:.1f}"]
        yield f"| {name} | " + " | ".join(cells) + " |"
    yield ""


def _series(
    cards: Mapping[str, Card], pattern: str, langs: Sequence[str], title: str, metric: str
) -> Iterator[str]:
    """One table: a row a training language, a column a test language."""
    names = {
        (lang, seed): run_name(pattern.format(lang), seed) for lang in langs for seed in (1, 2)
    }
    rows = {key: cards[name] for key, name in names.items() if name in cards}
    if not rows:
        return
    first = next(iter(rows.values()))
    tests = list(first["scores"])
    counts = {score["n"] for card in rows.values() for score in card["scores"].values()}
    widths = [s["high"] - s["low"] for card in rows.values() for s in card["scores"].values()]
    yield f"## {title}\n"
    yield f"Data: {first['data']}. Scored on: {first['evaluation'].split(', zero-shot')[0]}.\n"
    yield (
        f"{metric} in %, n = {min(counts):,} to {max(counts):,} a cell; 95% interval "
        f"{np.mean(widths) / 2 * 100:.1f} points to either side on average.\n"
    )
    yield "| trained on | " + " | ".join(tests) + " | mean |\n|---|" + "---|" * (len(tests) + 1)
    for (lang, seed), card in rows.items():
        cells = [_cell(card, test, bold=test == lang) for test in tests]
        name = language(lang).name + (f", seed {seed}" if seed > 1 else "")
        yield f"| {name} | " + " | ".join([*cells, f"{mean_of(card) * 100:.1f}"]) + " |"
    if "majority" in next(iter(first["scores"].values())):
        each = [f"{first['scores'][test]['majority'] * 100:.1f}" for test in tests]
        yield "| majority | " + " | ".join(each) + " | |"
    yield ""


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


def _one(cards: Mapping[str, Card], name: str, title: str, metrics: Sequence[str]) -> Iterator[str]:
    if name not in cards:
        return
    card = cards[name]
    yield f"## {title}\n"
    yield f"`{BACKBONE}/{name}`. {card['data']}. Scored on: {card['evaluation']}.\n"
    if card.get("reference"):
        yield f"Published, for the scale: {card['reference']}.\n"
    yield "| language | " + " | ".join(metrics) + " | 95% of the first | n |"
    yield "|---|" + "---|" * (len(metrics) + 2)
    for lang, score in card["scores"].items():
        values = " | ".join(f"{score[metric] * 100:.1f}" for metric in metrics)
        span = f"{score['low'] * 100:.1f} to {score['high'] * 100:.1f}"
        yield f"| {language(lang).name} | {values} | {span} | {score['n']:,} |"
    yield ""


def _retrieval(card: Card) -> Iterator[str]:
    """Sentence retrieval and MEXA by layer, from the backbone's card."""
    if "tatoeba" not in card or "mexa" not in card:
        return
    tatoeba, flores = card["tatoeba"], card["mexa"]
    counts = [score["n"] for score in tatoeba["scores"].values()]
    yield "## Retrieval by the backbone, layer by layer\n"
    yield f"Tatoeba: {tatoeba['evaluation']}; n = {min(counts):,} to {max(counts):,}.\n"
    yield f"FLORES: {flores['evaluation']}.\n"
    depth = len(next(iter(tatoeba["scores"].values()))["to_en"])
    yield "| mean of the languages, layer | " + " | ".join(map(str, range(depth))) + " |"
    yield "|---|" + "---|" * depth
    lines = [
        ("Tatoeba accuracy@1 to English", tatoeba["scores"], "to_en"),
        ("the same, centred", tatoeba["scores"], "to_en_centered"),
        ("Tatoeba accuracy@1 from English", tatoeba["scores"], "from_en"),
        ("the same, centred", tatoeba["scores"], "from_en_centered"),
        ("Tatoeba MEXA", tatoeba["scores"], "mexa"),
        ("FLORES MEXA", flores["scores"], "mexa"),
        ("the same, centred", flores["scores"], "mexa_centered"),
        ("the same, random weights", flores["random"], "mexa"),
    ]
    for title, scores, name in lines:
        means = np.mean([score[name] for score in scores.values()], axis=0)
        yield f"| {title} ({len(scores)}) | " + " | ".join(f"{mean:.3f}" for mean in means) + " |"
    yield ""
    yield from _by_language(tatoeba["scores"])


def _by_language(scores: Mapping[str, Card]) -> Iterator[str]:
    """Tatoeba, each language at three layers, to English."""
    layers = (0, 7, 12)
    yield "Tatoeba accuracy@1 to English by language:\n"
    yield "| language | n | " + " | ".join(f"layer {layer}" for layer in layers) + " |"
    yield "|---|---|" + "---|" * len(layers)
    for lang, score in scores.items():
        cells = " | ".join(f"{score['to_en'][layer]:.3f}" for layer in layers)
        yield f"| {language(lang).name} | {score['n']:,} | {cells} |"
    yield ""


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


def _cell(card: Card, test: str, *, bold: bool) -> str:
    if test not in card["scores"]:
        return ""
    value = f"{card['scores'][test][metric_of(card)] * 100:.1f}"
    return f"**{value}**" if bold else value


def _trained_on(card: Card) -> str:
    langs = card.get("training_languages") or [card["training_language"]]
    return ", ".join(langs) if len(langs) < 4 else f"{len(langs)} languages"


if __name__ == "__main__":
    _PAGE.write_text(page(), encoding="utf-8")
