"""How much of the gain stays where masses are shuffled among like words only.

python -m research.documents.nulls DATA [--minutes N]

The gain of EMS is over masses shuffled within a segment. That null breaks more than the agreement
on translations: content words weigh more than function words in every language. Matched nulls keep
such a regularity and shuffle within it. Writes docs/nulls.md and docs/findings/nulls.csv.
"""

import argparse
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import regex

from ccta_core.analysis.intervals import Ends, mean_interval
from ccta_core.arrangements import SideMass, shuffled_masses
from ccta_core.attribution.protocol import never
from ccta_core.cli.write import progress
from ccta_core.config import Config, cache_root
from ccta_core.models.added import find
from ccta_core.models.load import load_model
from ccta_core.models.model import Model
from ccta_core.pipeline.sentences import forward, select_targets
from ccta_core.pipeline.sides import Side, align_layer, common_space, sides_of
from ccta_core.store.files import key_of, read_entry, write_entry
from ccta_core.study.linked_words import words_of
from ccta_core.study.selection import select_items
from ccta_core.text import count, plain
from ccta_core.transport import ems_values
from ccta_core.types import ParallelExample

MODELS = ("e5-small/nli-xnli-es", "e5-small/nli-xnli-en", "e5-small/nli-xnli-zh")
LANGUAGES = ("en", "es", "de", "ru", "zh", "hi")
"""Those of XNLI that PUD has with words that are units."""
LAYER = 8
CONFIG = Config(layer=LAYER, precision="fp32", shuffles=20, unrelated=0)
ITEMS = 40
DOCS = Path(__file__).parents[2] / "docs"
FUNCTION = frozenset({"ADP", "AUX", "CCONJ", "DET", "PART", "PRON", "SCONJ"})
_AROUND = regex.compile(r"^[\p{P}\p{S}]+|[\p{P}\p{S}]+$")
_WORD = regex.compile(r"[\p{L}\p{N}]")

Classes = Callable[[Side], np.ndarray]
"""Gives each unit of a side the number of its class. Shape: (units,)."""
NULLS = (
    "segment",
    "function and content words",
    "frequency halves",
    "thirds of the segment",
    "all",
)


def function_words(folder: Path, lang: str) -> frozenset[str]:
    """The word forms that PUD tags as function words (closed classes) more often than not."""
    counts: defaultdict[str, Counter[bool]] = defaultdict(Counter)
    for line in (folder / f"{lang}_pud-ud-test.conllu").read_text("utf-8").splitlines():
        columns = line.split("\t")
        if len(columns) == 10 and columns[0].isdigit():
            counts[columns[1].casefold()][columns[3] in FUNCTION] += 1
    return frozenset(form for form, seen in counts.items() if seen[True] > seen[False])


def _kind(text: str, function: frozenset[str]) -> int:
    """0 of a content word, 1 of a function word, 2 of what has no letter and no digit."""
    if not _WORD.search(text):
        return 2
    return int(_AROUND.sub("", text) in function)


def classes_of(model: Model, words: Mapping[str, frozenset[str]]) -> dict[str, Classes]:
    """What each null keeps apart, beside the segments."""

    def kinds(side: Side) -> np.ndarray:
        known = words[side.attribution.lang]
        return np.array([_kind(text, known) for text in words_of(model, side).texts])

    def halves(side: Side) -> np.ndarray:
        frequency, segments = words_of(model, side).frequency, side.for_controls().segments
        if frequency is None:
            raise AssertionError("the tokenizer of the zoo has frequencies")
        middle = {segment: np.median(frequency[segments == segment]) for segment in set(segments)}
        return np.array([
            int(value > middle[segment]) for value, segment in zip(frequency, segments, strict=True)
        ])  # fmt: skip

    def thirds(side: Side) -> np.ndarray:
        segments = side.for_controls().segments
        place = np.empty(len(segments), int)
        for segment in set(segments):
            where = np.flatnonzero(segments == segment)
            place[where] = 3 * np.arange(len(where)) // len(where)
        return place

    def together(side: Side) -> np.ndarray:
        return 6 * kinds(side) + 3 * halves(side) + thirds(side)

    def none(side: Side) -> np.ndarray:
        return np.zeros(len(side.mass), int)

    return dict(zip(NULLS, (none, kinds, halves, thirds, together), strict=True))


def within(side: Side, classes: Classes) -> SideMass:
    """The side's masses with its segments divided by the classes, so that shuffles stay in them."""
    controls = side.for_controls()
    return replace(controls, segments=controls.segments * 100 + classes(side))


def rows_of(
    model_id: str, items: Sequence[ParallelExample], words: Mapping[str, frozenset[str]]
) -> pd.DataFrame:
    """A row an item, pair and null with EMS and its gain; measured where the cache has none."""
    facts = [find(model_id).revision, CONFIG.fingerprint, LANGUAGES, [item.id for item in items]]
    root, key = cache_root() / "nulls", key_of("nulls", facts, NULLS)
    stored = read_entry(root, key)
    if stored is None:
        began = time.monotonic()
        model = load_model(model_id)
        nulls = classes_of(model, words)
        stored = {"rows": [row for item in items for row in _measure(model, item, nulls)]}
        write_entry(root, key, stored)
        progress(f"{model_id}: {time.monotonic() - began:.0f} s")
    return pd.DataFrame(stored["rows"])


def _measure(
    model: Model, item: ParallelExample, nulls: Mapping[str, Classes]
) -> Iterator[dict[str, str | float]]:
    sentences = [item.sentences[lang] for lang in LANGUAGES]
    passes = forward(model, sentences, sorted({LAYER, align_layer(model, CONFIG)}))
    inputs = select_targets(model, passes, str(item.label), [LAYER, align_layer(model, CONFIG)])
    sides = sides_of(model, inputs, CONFIG, never)
    draw = np.random.default_rng(0)
    for left, right in combinations(sides, 2):
        similarity = common_space(model, left, right, CONFIG).similarity
        for name, classes in nulls.items():
            masses = within(left, classes), within(right, classes)
            moved = shuffled_masses(*masses, CONFIG.shuffles, draw)
            value, *null = ems_values(
                np.vstack([left.mass[None], moved.source]),
                np.vstack([right.mass[None], moved.target]),
                similarity,
            )
            yield {
                "item": item.id,
                "group": item.group,
                "pair": f"{left.attribution.lang}-{right.attribution.lang}",
                "null": name,
                "ems": value,
                "gain": value - float(np.mean(null)),
            }


def table(data: Path, until: float) -> pd.DataFrame:
    """A row a model and null: mean gain, and the share of the usual gain with its 95% interval."""
    items = select_items(f"xnli:{data}/xnli#dev", LANGUAGES, limit=ITEMS, spread=True).examples
    words = {lang: function_words(data / "ud_pud", lang) for lang in LANGUAGES}
    result = []
    for model in MODELS:
        if time.monotonic() > until:
            break
        rows = rows_of(model, items, words)
        sums = rows.pivot_table(index="group", columns="null", values="gain", aggfunc="sum")
        usual = sums[NULLS[0]].to_numpy(float)
        for name in NULLS:
            totals = sums[name].to_numpy(float)
            kept: Ends | None = mean_interval(totals, usual)
            result.append({
                "model": model,
                "null": name,
                "gain": rows.loc[rows["null"] == name, "gain"].mean(),
                "share": totals.sum() / usual.sum(),
                "low": None if kept is None else kept[0],
                "high": None if kept is None else kept[1],
                "positive": float((rows.loc[rows["null"] == name, "gain"] > 0).mean()),
                "items": len(items),
            })  # fmt: skip
    return pd.DataFrame(result)


def page(results: pd.DataFrame) -> Iterator[str]:
    """The document's lines."""
    yield "# The gain under matched nulls\n"
    yield (
        "Written by `python -m research.documents.nulls DATA`; the numbers change only when that "
        "is run again.\n"
    )
    yield (
        f"{count(int(results['items'].max()), 'item')} of XNLI dev, spread evenly over it, "
        f"{len(LANGUAGES)} languages ({', '.join(LANGUAGES)}), all pairs; layer {LAYER}, PAD, the "
        f"gold class, {CONFIG.shuffles} draws of each null, {CONFIG.precision}. A null shuffles "
        "the masses of both sides within each segment, and within the classes it is named after: "
        "function words (forms that UD PUD, CC BY-SA, tags as ADP, AUX, CCONJ, DET, PART, PRON or "
        "SCONJ more often than not), content words and punctuation; units above and below the "
        "median log frequency of their segment; first, middle and last third of the segment; "
        "all of these together, where few units are left to change places.\n"
    )
    yield "## What it says\n"
    means = results.groupby("null", sort=False)["share"].mean()
    for name in NULLS[1:]:
        spread = results.loc[results["null"] == name, "share"]
        yield (
            f"- Within {name if name != 'all' else 'all classes together'}: {means[name]:.0%} of "
            f"the gain stays (models: {spread.min():.0%} to {spread.max():.0%})."
        )
    yield (
        "- What a matched null takes away is agreement that a list of function words, a frequency "
        "or a place in the sentence would give without reading the sentence; and, the smaller its "
        "classes, what its draws leave where it was. With all classes together most classes have "
        "one or two units, so that the last share is a lower bound."
    )
    yield "\n## By model\n"
    yield "| model | null | gain | share of the usual gain [95%] | items and pairs above 0 |"
    yield "|---|---|---|---|---|"
    for row in results.to_dict("records"):
        yield (
            f"| {row['model']} | {row['null']} | {plain(row['gain'], 3)} | {row['share']:.0%} "
            f"[{row['low']:.0%}, {row['high']:.0%}] | {row['positive']:.0%} |"
        )


def main() -> None:
    """Measures what is missing and writes the page."""
    parser = argparse.ArgumentParser(description="Write docs/nulls.md.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--minutes", type=float, default=1e6)
    options = parser.parse_args()
    results = table(options.data, time.monotonic() + 60 * options.minutes)
    results.to_csv(DOCS / "findings" / "nulls.csv", index=False, float_format="%.4f")
    (DOCS / "nulls.md").write_text("\n".join(page(results)) + "\n", "utf-8")


if __name__ == "__main__":
    main()
