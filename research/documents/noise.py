"""How far the mass of a word moves when nothing of its meaning does: a floor for claim 3.

python -m research.documents.noise DATA [--seeds ID,ID,...]

Words that translate each other differ in mass. So do the words of one sentence read by another
model, and those of a paraphrase in the same language: what a difference between translations is
worth is what it has over these. Writes docs/noise.md and docs/findings/noise.csv. Models of three
seeds are among the cells of the adjustment experiment (own/nli-original-s1 to -s3 in
research/adjustment/cells; CCTA_CACHE names a folder whose models/ holds them).
"""

import argparse
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from ccta_core.analysis.intervals import mean_interval
from ccta_core.attribution.protocol import never
from ccta_core.cli.write import progress
from ccta_core.config import Config
from ccta_core.models.load import load_model
from ccta_core.models.model import Model
from ccta_core.pipeline.sentences import forward, select_targets
from ccta_core.pipeline.sides import Side, align_layer, common_space, sides_of
from ccta_core.space.links import Links, mutual_links
from ccta_core.study.linked_words import SideWords, differences, words_of
from ccta_core.study.selection import select_items
from ccta_core.text import count, listing, plain
from ccta_core.types import ParallelExample, Sentence

LANGUAGES = ("en", "es", "zh")
READERS = tuple(f"e5-small/nli-xnli-{lang}" for lang in ("es", "en", "de", "zh"))
"""Models of the series: one backbone, the same items, another training language."""
ITEMS = 24
CONFIG = Config(layer=8, precision="fp32", unrelated=0)
DOCS = Path(__file__).parents[2] / "docs"
KINDS = {
    "translations": "words that translate each other, one model",
    "translations, seeds": "words that translate each other, one of the models of which there are "
    "several seeds",
    "another training language": "the words of one sentence, read by models trained on two "
    "languages",
    "another seed": "the words of one sentence, read by two models that differ in their seed alone",
    "paraphrases": "linked words of two paraphrases in one language, one model",
}
_HELD_AGAINST = {"another seed": "translations, seeds"}
"""What translations differ by in the same models; the READERS' for any other kind."""


def main() -> None:
    """Measures and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", help="models that differ in their seed alone")
    options = parser.parse_args()
    rows = list(nli_rows(options.data, options.seeds.split(",") if options.seeds else ()))
    rows += paraphrase_rows(options.data)
    results = summary(pd.DataFrame(rows))
    results.to_csv(DOCS / "findings" / "noise.csv", index=False, float_format="%.4f")
    text = "\n".join(page(results, options.seeds or ""))
    (DOCS / "noise.md").write_text(text + "\n", "utf-8")


def measure(model: Model, items: Sequence[tuple[str, Sequence[Sentence]]]) -> list[list[Side]]:
    """Returns the sides of each item's sentences, which explain its label."""
    layers = sorted({CONFIG.layer, align_layer(model, CONFIG)})
    passes = iter(forward(model, [text for _, texts in items for text in texts], layers))
    inputs = [
        each
        for label, texts in items
        for each in select_targets(model, [next(passes) for _ in texts], label, layers)
    ]
    sides = iter(sides_of(model, inputs, CONFIG, never))
    return [[next(sides) for _ in texts] for _, texts in items]


def _row(  # noqa: PLR0913 - what a row says
    kind: str, group: str, detail: str, left: SideWords, right: SideWords, links: Links
) -> dict[str, object]:
    found = differences(left, right, links, np.random.default_rng(0), CONFIG.shuffles)
    return {
        "kind": kind,
        "group": group,
        "detail": detail,
        "difference": found["linked_difference"],
        "shuffled": found["shuffled_difference"],
    }


def nli_rows(data: Path, seeds: Sequence[str]) -> Iterator[dict[str, object]]:
    """Yields a row an item and comparison, of NLI."""
    chosen = select_items(f"xnli:{data}/xnli#dev", LANGUAGES, limit=ITEMS, spread=True)
    examples: Sequence[ParallelExample] = chosen.examples
    texts = [(str(each.label), [each.sentences[lang] for lang in LANGUAGES]) for each in examples]
    words: dict[str, list[list[SideWords]]] = {}
    for name in (*READERS, *seeds):
        model = load_model(name)
        sides = measure(model, texts)
        words[name] = [[words_of(model, side) for side in of_item] for of_item in sides]
        kind = "translations" if name in READERS else "translations, seeds"
        for example, of_item, its in zip(examples, sides, words[name], strict=True):
            for a, b in combinations(range(len(LANGUAGES)), 2):
                similarity = common_space(model, of_item[a], of_item[b], CONFIG).similarity
                detail = f"{name}: {LANGUAGES[a]} and {LANGUAGES[b]}"
                links = mutual_links(similarity)
                yield _row(kind, example.group, detail, its[a], its[b], links)
        progress(f"{name}: {count(len(texts), 'item')}")
    compared = [("another training language", pair) for pair in combinations(READERS, 2)]
    compared += [("another seed", pair) for pair in combinations(seeds, 2)]
    for kind, (one, other) in compared:
        for place, example in enumerate(examples):
            for at, lang in enumerate(LANGUAGES):
                left, right = words[one][place][at], words[other][place][at]
                same = [(unit, unit) for unit in range(len(left.mass))]
                yield _row(kind, example.group, f"{one} and {other}: {lang}", left, right, same)


def paraphrase_rows(data: Path) -> Iterator[dict[str, object]]:
    """Yields a row an item and language: a pair of paraphrases, against the same pair turned
    round, so that each place holds two wordings of one meaning.
    """
    for lang in LANGUAGES:
        model = load_model(f"e5-small/paraphrase-{lang}")
        corpus = select_items(f"pawsx:{data}/pawsx#heldout", (lang, "de"), limit=400, spread=True)
        positive = [each for each in corpus.examples if each.label == "paraphrase"][:ITEMS]
        texts = []
        for each in positive:
            one = each.sentences[lang]
            turned = Sentence(str(one.text2), lang, one.text)
            texts.append((str(each.label), [one, turned]))
        sides = measure(model, texts)
        for each, (left, right) in zip(positive, sides, strict=True):
            similarity = common_space(model, left, right, CONFIG).similarity
            links = mutual_links(similarity)
            its = words_of(model, left), words_of(model, right)
            yield _row("paraphrases", each.group, lang, *its, links)
        progress(f"{model.id}: {count(len(texts), 'item')}")


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns a row a kind: the mean over rows, with a 95% interval over groups of items."""
    rows = rows.dropna()
    found = []
    for kind in KINDS:
        of_kind = rows[rows["kind"] == kind]
        if of_kind.empty:
            continue
        by_group = of_kind.groupby("group")["difference"]
        ends = mean_interval(by_group.sum().to_numpy(float), by_group.size().to_numpy(float))
        found.append({
            "kind": kind,
            "difference": of_kind["difference"].mean(),
            "low": None if ends is None else ends[0],
            "high": None if ends is None else ends[1],
            "shuffled": of_kind["shuffled"].mean(),
            "rows": len(of_kind),
            "groups": len(by_group),
        })  # fmt: skip
    return pd.DataFrame(found)


def page(results: pd.DataFrame, seeds: str = "") -> Iterator[str]:
    """The document's lines; `seeds` are the models that differ in their seed alone."""
    by_kind = results.set_index("kind")
    yield "# How far masses move when the meaning does not\n"
    yield (
        "Written by `python -m research.documents.noise DATA`; the numbers change only when that "
        "is run again.\n"
    )
    yield (
        f"Mean |n m - n' m'| over linked words, where 1 is an even share of the mass; "
        f"{count(ITEMS, 'item')} of XNLI dev spread evenly over it, in {', '.join(LANGUAGES)}; "
        f"{ITEMS} PAWS-X paraphrases a language; layer {CONFIG.layer}, PAD, the gold class, "
        f"{CONFIG.precision}. Intervals draw premises or sentence pairs.\n"
    )
    yield "## What it says\n"
    for kind, row in by_kind.iterrows():
        if str(kind).startswith("translations"):
            continue
        translated = by_kind.loc[_HELD_AGAINST.get(str(kind), "translations"), "difference"]
        yield (
            f"- {KINDS[str(kind)][0].upper()}{KINDS[str(kind)][1:]}: {plain(row['difference'], 2)} "
            f"({plain(row['low'], 2)} to {plain(row['high'], 2)}), "
            f"{row['difference'] / translated:.0%} of what translations differ "
            f"by ({plain(translated, 2)})."
        )
    if {"another training language", "another seed"} <= set(by_kind.index):
        language, seed = by_kind.loc["another training language"], by_kind.loc["another seed"]
        apart = language["low"] > seed["high"]
        yield (
            f"- Another training language moves masses by {plain(language['difference'], 2)}, "
            f"another seed by {plain(seed['difference'], 2)}: it is "
            f"{'' if apart else 'not '}shown to move them further."
        )
    yield (
        "- Only what translations differ by beyond these may be the languages'. Paraphrases are of "
        "other data (PAWS-X, sentences that share most words) and read by its own models: a rough "
        "floor. "
        + (
            f"Another seed: {listing(seeds.split(','))}, held against what translations differ "
            "by in these models."
            if seeds
            else "What a seed alone moves is measured with `--seeds`."
        )
    )
    yield "\n## The table\n"
    yield "| compared | difference [95%] | masses shuffled | comparisons | groups |"
    yield "|---|---|---|---|---|"
    for kind, row in by_kind.iterrows():
        yield (
            f"| {KINDS[str(kind)]} | {plain(row['difference'], 3)} [{plain(row['low'], 3)}, "
            f"{plain(row['high'], 3)}] | {plain(row['shuffled'], 3)} | {row['rows']:,.0f} | "
            f"{row['groups']:,.0f} |"
        )


if __name__ == "__main__":
    main()
