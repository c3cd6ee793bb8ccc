"""What consistency keeps of itself when parts of a model are random (Adebayo et al., 2018).

python -m research.documents.randomisation DATA [--minutes N]

Ten heads for each of three models, and the cascade from the head downwards to the attributed
layer. A model's rows are kept in the cache: stopped, it goes on where it was. Writes
docs/randomisation.md and docs/findings/randomisation.csv from all that is measured.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ccta_core.analysis.intervals import Ends, mean_interval
from ccta_core.cli.write import progress
from ccta_core.config import Config, cache_root
from ccta_core.models.added import find
from ccta_core.models.catalog import Randomised
from ccta_core.models.load import load_model
from ccta_core.store.files import key_of, read_entry, write_entry
from ccta_core.study.measure import measure
from ccta_core.study.selection import select_items
from ccta_core.text import count, plain
from ccta_core.types import ParallelExample

MODELS = ("e5-small/nli-xnli-es", "e5-small/nli-xnli-en", "e5-small/nli-xnli-zh")
LANGUAGES = ("en", "es", "zh", "ar", "sw")
LAYER = 8
DEPTH = 12
HEADS = tuple(Randomised(seed) for seed in range(10))
CASCADE = tuple(Randomised(layer=layer) for layer in range(DEPTH, LAYER, -1))
CONFIG = Config(layer=LAYER, precision="fp32", unrelated=0, shuffles=20)
ITEMS = 24
CHUNK = 12
DOCS = Path(__file__).parents[2] / "docs"
COLUMNS = ["item", "group", "source_lang", "target_lang", "ems", "gain", "ems_uniform"]


def rows_of(model_id: str, items: Sequence[ParallelExample], until: float) -> pd.DataFrame | None:
    """The rows of a model on the items, measured where the cache has none; None where it has none
    and the time is up.
    """
    root = cache_root() / "randomisation"
    facts = [find(model_id).revision, CONFIG.fingerprint, LANGUAGES, [item.id for item in items]]
    key = key_of("randomisation", facts)
    stored = read_entry(root, key)
    if stored is None and time.monotonic() > until:
        return None
    if stored is None:
        began = time.monotonic()
        model = load_model(model_id)
        measured: list[dict[str, Any]] = []
        for start in range(0, len(items), CHUNK):
            for row in measure(model, items[start : start + CHUNK], LANGUAGES, [LAYER], CONFIG):
                measured.append({name: row[name] for name in COLUMNS})
        stored = {"rows": measured}
        write_entry(root, key, stored)
        progress(f"{model_id}: {time.monotonic() - began:.0f} s")
    return pd.DataFrame(stored["rows"])


def table(data: str, until: float) -> pd.DataFrame:
    """A row a model and what of it is random, with the mean gain of both and the share kept; the
    columns `low` and `high` are its 95% interval over premises.
    """
    items = select_items(data, LANGUAGES, limit=ITEMS, spread=True).examples
    # One draw for every model first: stopped early, each has something.
    arms: list[tuple[str, Randomised]] = [
        (model, drawn) for drawn in (*HEADS[:3], *CASCADE, *HEADS[3:]) for model in MODELS
    ]
    result = []
    for model, drawn in arms:
        trained, twin = (rows_of(model + end, items, until) for end in ("", drawn.suffix))
        if trained is None or twin is None:
            continue
        totals = [_by_group(frame) for frame in (trained, twin)]
        kept: Ends | None = mean_interval(totals[1], totals[0])
        result.append({
            "model": model,
            "random": _named(drawn),
            "seed": drawn.seed,
            "gain": trained["gain"].mean(),
            "gain_random": twin["gain"].mean(),
            "kept": twin["gain"].mean() / trained["gain"].mean(),
            "low": None if kept is None else kept[0],
            "high": None if kept is None else kept[1],
            "ems": trained["ems"].mean(),
            "ems_random": twin["ems"].mean(),
            "items": len(items),
        })  # fmt: skip
    return pd.DataFrame(result)


def _named(drawn: Randomised) -> str:
    if drawn.layer is None:
        return "head"
    if drawn.layer == DEPTH:
        return f"head, layer {DEPTH}"
    return f"head, layers {drawn.layer} to {DEPTH}"


def _by_group(frame: pd.DataFrame) -> np.ndarray:
    return frame.groupby("group", sort=True)["gain"].sum().to_numpy(float)


def page(results: pd.DataFrame, data: str) -> Iterator[str]:
    """The document's lines."""
    heads = results[results["random"] == "head"]
    cascade = results[results["random"] != "head"]
    yield "# Consistency under random heads and layers\n"
    yield (
        "Written by `python -m research.documents.randomisation DATA`; the numbers change only "
        "when that is run again.\n"
    )
    yield (
        f"{count(int(results['items'].max()), 'item')} of {data}, spread evenly over the file (so "
        f"over its genres), {len(LANGUAGES)} languages ({', '.join(LANGUAGES)}), all pairs; layer "
        f"{LAYER}, PAD, the gold class, {CONFIG.shuffles} shuffles, {CONFIG.precision}. Kept: the "
        "mean gain of EMS over shuffled masses with a part of the model random, over that of the "
        "trained model; intervals draw premises.\n"
    )
    yield "## What it says\n"
    for model, rows in heads.groupby("model", sort=False):
        kept = rows["kept"]
        yield (
            f"- {model}: {count(len(rows), 'random head')} keep {kept.mean():.0%} of the gain on "
            f"average ({kept.min():.0%} to {kept.max():.0%}; standard deviation over heads "
            f"{kept.std():.0%})."
        )
    yield (
        f"- Over all {len(heads)} heads {heads['kept'].mean():.0%} of the gain stays: that much is "
        "not read off the head. A single head is one draw of this spread."
    )
    if len(cascade):
        means = cascade.groupby("random", sort=False)["kept"].mean()
        steps = "; ".join(
            f"{value:.0%} stays with the {name.replace(', ', ' and ')} random"
            for name, value in means.items()
        )
        yield (
            f"- From the head downwards (mean of the models, one draw each): {steps}. So the "
            "trained layers above the attributed one carry most of what a random head leaves. The "
            "embeddings that are compared are those of the trained layers below."
        )
    yield "\n## Random heads\n"
    yield from _table(heads)
    if len(cascade):
        yield "\n## The cascade\n"
        yield from _table(cascade)


def _table(rows: pd.DataFrame) -> Iterator[str]:
    columns = ("model", "random", "seed", "gain", "random gain", "kept [95%]", "EMS", "random EMS")
    yield f"| {' | '.join(columns)} |"
    yield "|" + "---|" * len(columns)
    for row in rows.to_dict("records"):
        numbers = {name: plain(row[name], 3) for name in ("gain", "gain_random")}
        ems = {name: plain(row[name], 3) for name in ("ems", "ems_random")}
        yield (
            f"| {row['model']} | {row['random']} | {row['seed']} | {numbers['gain']} | "
            f"{numbers['gain_random']} | {row['kept']:.0%} [{row['low']:.0%}, {row['high']:.0%}] | "
            f"{ems['ems']} | {ems['ems_random']} |"
        )


def main() -> None:
    """Measures what is missing and writes the page."""
    parser = argparse.ArgumentParser(description="Write docs/randomisation.md.")
    parser.add_argument("data")
    parser.add_argument("--minutes", type=float, default=1e6)
    options = parser.parse_args()
    data = f"xnli:{options.data}/xnli#dev"
    results = table(data, time.monotonic() + 60 * options.minutes)
    results.to_csv(DOCS / "findings" / "randomisation.csv", index=False, float_format="%.4f")
    (DOCS / "randomisation.md").write_text("\n".join(page(results, "XNLI dev")) + "\n", "utf-8")


if __name__ == "__main__":
    main()
