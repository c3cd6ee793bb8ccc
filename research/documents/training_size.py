"""Does consistency grow with the items a model is trained on, more or less than accuracy does?

python -m research.documents.training_size [STUDY ...]

Reads the studies of the models of `research.zoo.sizes` beside those of the series (5,010 items),
and their cards. Writes docs/training-size.md and docs/findings/training-size.csv.
"""

import argparse
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from ccta_core.analysis.intervals import DRAWS, mean_interval
from ccta_core.analysis.seeds import (
    CheckpointScores,
    ContrastEstimate,
    of_checkpoints,
    over_seeds,
)
from ccta_core.errors import CctaError
from ccta_core.languages import language
from ccta_core.measures import MEASURES, label
from ccta_core.models.catalog import SHIPPED
from ccta_core.study.storage.table import Study, open_study
from ccta_core.text import count, interval, listing, number, signed
from research.zoo.build import RUNS

STUDIES = ("xnli-training-sizes", "xnli-training-seeds")
"""The first seed at three sizes; two more, and a size between, trained and measured later."""
WHOLE = 5010
"""Items of XNLI test, all of which the series is trained on."""
ASKED = ("ems", "ems_uniform", "gain_calibrated")
"""Measures whose growth is told from that of accuracy."""
KEPT = (*ASKED, "gain", "link_spearman")
"""Those of the table."""
DOCS = Path(__file__).parents[2] / "docs"
_NAME = re.compile(r"nli-xnli-(\w\w)(?:-(\d+)-seed(\d+))?$")


def main() -> None:
    """Writes the page and the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("studies", nargs="*", default=STUDIES)
    studies = [open_study(name) for name in parser.parse_args().studies]
    pairs = of_pairs(studies)
    table = of_models(pairs, studies[0].manifest.languages)
    table.to_csv(DOCS / "findings" / "training-size.csv", index=False, float_format="%.4f")
    (DOCS / "training-size.md").write_text("\n".join(page(studies, pairs, table)) + "\n", "utf-8")


def of_pairs(studies: Sequence[Study]) -> pd.DataFrame:
    """Returns a row for each model, item and language beside the training language.

    Raises CctaError where the studies are not of the same items, settings and layers.
    """
    first, *others = (study.manifest for study in studies)
    for each in others:
        for name in ("items_sha256", "languages", "layers", "config"):
            if getattr(each, name) != getattr(first, name):
                raise CctaError(
                    f"{each.name} and {first.name} differ in {name}; expected studies of the same "
                    "items with the same settings"
                )
    columns = ", ".join(f"{MEASURES[key].sql_at('pair')} AS {key}" for key in KEPT)
    parts = []
    for study in studies:
        for model in study.manifest.models:
            trained = _trained(model["id"])
            rows = study.query(
                f'SELECT "group", item, target_lang AS target, {columns} FROM rows WHERE model = ? '
                'AND source_lang = ? ORDER BY "group", item, target',
                [model["id"], trained.language],
            )
            parts.append(rows.assign(model=model["id"], **trained._asdict()))
    return pd.concat(parts, ignore_index=True)


class _Trained(NamedTuple):
    """What a model was trained on, and its seed."""

    language: str
    items: int
    seed: int


def _trained(model: str) -> _Trained:
    found = _NAME.search(model)
    if found is None:
        raise CctaError(f"{model} is no model of the series; expected nli-xnli-LANG[-ITEMS-seedN]")
    return _Trained(found[1], int(found[2] or WHOLE), int(found[3] or 1))


def of_models(pairs: pd.DataFrame, languages: Sequence[str]) -> pd.DataFrame:
    """Returns a row a model: its accuracy over the languages, and its consistency with the
    language it was trained on, with intervals over premises.
    """
    rows = []
    for (lang, items, seed, model), its in pairs.groupby(["language", "items", "seed", "model"]):
        name = str(model).rpartition("/")[2]
        own = RUNS / f"{name}.json"
        path = own if own.exists() else SHIPPED / str(model) / "card.json"
        scores = json.loads(path.read_text("utf-8"))["scores"]
        accuracy = sum(scores[each]["accuracy"] for each in languages) / len(languages)
        row: dict[str, object] = {
            "model": model, "language": lang, "items": items, "seed": seed, "accuracy": accuracy
        }  # fmt: skip
        for key in KEPT:
            by_group = its.groupby("group")[key]
            ends = mean_interval(by_group.sum().to_numpy(float), by_group.count().to_numpy(float))
            row |= {key: its[key].mean()}
            row |= {f"{key}_low": ends and ends[0], f"{key}_high": ends and ends[1]}
        rows.append(row)
    return pd.DataFrame(rows)


def at_equal_accuracy(table: pd.DataFrame, measure: str) -> tuple[float, float, float]:
    """Returns what ten times the items add to a measure where accuracy is the same, with its 95%
    interval: least squares on accuracy, log10 of the items and the training language.

    A language and size is one observation, the mean of its seeds: seeds share whatever sets their
    language and size apart, and counted singly they would make the interval too narrow.
    """
    import statsmodels.formula.api as smf

    data = _cells(table).assign(y=lambda cells: cells[measure])
    fit = smf.ols("y ~ accuracy + tens + C(language)", data).fit()
    low, high = fit.conf_int().loc["tens"]
    return float(fit.params["tens"]), float(low), float(high)


def _cells(table: pd.DataFrame) -> pd.DataFrame:
    """Returns the means of the seeds of each training language and size; `tens`: log10 items."""
    import numpy as np

    cells = table.groupby(["language", "items"], as_index=False).mean(numeric_only=True)
    return cells.assign(tens=np.log10(cells["items"].astype(float)))


def change(pairs: pd.DataFrame, measure: str, small: int, large: int) -> ContrastEstimate:
    """Returns how a measure changes from one size to another, on the same items and pairs; all
    training languages together, each seed with itself. With several seeds these could have been
    others too (`over_seeds`), with one only the items.
    """
    keys = ["seed", "language", "group", "item", "target"]
    columns = [
        pairs[pairs["items"] == size].set_index(keys)[measure].dropna() for size in (large, small)
    ]
    # A row a seed; only what every seed has, or one without a language would look like another.
    apart = (columns[0] - columns[1]).dropna().unstack(keys[1:]).dropna(axis=1).T
    by_group = apart.groupby(level="group")
    scores = CheckpointScores(
        {"change": by_group.sum().to_numpy(float).T}, by_group.size().to_numpy(float)
    )
    estimate = over_seeds if apart.shape[1] > 1 else of_checkpoints
    return estimate(scores, {"change": 1.0}, draws=DRAWS, seed=0)


def _direction(value: float, low: float | None, high: float | None) -> str:
    if low is None or high is None or low <= 0 <= high:
        return "is not shown to change"
    return "grows" if value > 0 else "falls"


def page(studies: Sequence[Study], pairs: pd.DataFrame, table: pd.DataFrame) -> Iterator[str]:
    """The document's lines."""
    manifest = studies[0].manifest
    sizes = sorted({int(each) for each in table["items"]})
    names = listing([f"`{study.name}`" for study in studies])
    yield "# Consistency and the number of training items\n"
    yield (
        "Written by `python -m research.documents.training_size`; the numbers change only when "
        "that is run again.\n"
    )
    yield (
        f"The NLI series trained on {listing([f'{size:,}' for size in sizes])} items (whole "
        "premises spread evenly over XNLI test, the smaller sets within the larger; three epochs "
        f"of each), {count(len(table), 'model')}; {names}: {manifest.items} items of "
        f"XNLI dev, one of a premise, spread evenly, {len(manifest.languages)} languages "
        f"({' '.join(manifest.languages)}), layer {manifest.layers[0]}, "
        f"{manifest.config['precision']}. Consistency is with the training language; accuracy is "
        "the mean over the languages, on 600 items spread over XNLI dev (the series itself: all "
        "2,490).\n"
    )
    yield "## What it says\n"
    yield from _means(table, sizes)
    seeds = {size: set(table.loc[table["items"] == size, "seed"]) for size in sizes}
    for large in sizes[1:]:
        both = sorted(seeds[sizes[0]] & seeds[large])
        if both:
            yield _changes(pairs[pairs["seed"].isin(both)], sizes[0], large, len(both))
    for measure in ASKED:
        name = label(measure)
        value, low, high = at_equal_accuracy(table, measure)
        yield (
            f"- At equal accuracy {name} {_direction(value, low, high)}: ten times the items add "
            f"{signed(value, 3)} (95% {interval(low, high, 3)}; least squares over "
            f"{count(len(_cells(table)), 'mean')} of seeds, the training language held fixed too)."
        )
    yield f"- {_separable(table)}"
    yield f"- {_seeds(table, seeds)} Size and number of steps go together, as epochs are the same."
    yield "\n## The models\n"
    yield from _models(table)


def _seeds(table: pd.DataFrame, seeds: Mapping[int, set[int]]) -> str:
    """Says how many seeds each size has, and what a seed alone moves."""
    told = listing(
        [f"{count(len(each), 'seed')} of {size:,} items" for size, each in seeds.items()]
    )
    alike = table.groupby(["language", "items"])
    several = alike.filter(lambda its: len(its) > 1)
    if several.empty:
        return f"{told}: what a seed alone moves is not known here."
    spread = several.groupby(["language", "items"])[list(ASKED)].var().mean() ** 0.5
    moved = listing([f"{label(key)} {number(spread[key], 3)}" for key in ASKED])
    return f"{told}. Standard deviation over seeds of one language and size: {moved}."


def _separable(table: pd.DataFrame) -> str:
    r = float(_cells(table)[["accuracy", "tens"]].corr().loc["accuracy", "tens"])
    return (
        f"Accuracy and the logarithm of the items correlate at {number(r, 2)} over these means: "
        "what is said at equal accuracy rests on what is left of them."
    )


def _means(table: pd.DataFrame, sizes: Sequence[int]) -> Iterator[str]:
    means = table.groupby("items")[["accuracy", *KEPT]].mean()
    small, large = means.loc[sizes[0]], means.loc[sizes[-1]]
    yield (
        f"- From {sizes[0]:,} to {sizes[-1]:,} items accuracy goes from {small['accuracy']:.3f} to "
        f"{large['accuracy']:.3f} (a third is chance), EMS from {number(small['ems'], 3)} to "
        f"{number(large['ems'], 3)}, embeddings only from {number(small['ems_uniform'], 3)} to "
        f"{number(large['ems_uniform'], 3)}, gain less chance from "
        f"{number(small['gain_calibrated'], 3)} to {number(large['gain_calibrated'], 3)}."
    )


def _changes(pairs: pd.DataFrame, small: int, large: int, seeds: int) -> str:
    """What changes between two sizes, in a line."""
    told = []
    for measure in ASKED:
        moved = change(pairs, measure, small, large)
        span = "" if moved.low is None else f" ({interval(moved.low, moved.high, 3)})"
        told.append(f"{label(measure)} {signed(moved.value, 3)}{span}")
        if measure == "ems":
            direction = _direction(moved.value, moved.low, moved.high)
    if seeds == 1 and not direction.startswith("is not"):
        direction += " (one seed a size: what seeds do is not in the interval)"
    drawn = "premises drawn" if seeds == 1 else f"premises and {seeds} seeds drawn"
    return (
        f"- On the same items and pairs, from {small:,} to {large:,} items, {drawn}: "
        f"{'; '.join(told)}. With more data EMS {direction}."
    )


def _models(table: pd.DataFrame) -> Iterator[str]:
    yield (
        "| trained on | items | seed | accuracy | EMS [95%] | gain less chance [95%] | embeddings |"
    )
    yield "|---|---|---|---|---|---|---|"
    for row in table.to_dict("records"):
        yield (
            f"| {language(str(row['language'])).name} | {row['items']:,} | {row['seed']} | "
            f"{row['accuracy']:.3f} | {number(row['ems'], 3)} "
            f"[{interval(row['ems_low'], row['ems_high'], 3)}] | "
            f"{number(row['gain_calibrated'], 3)} "
            f"[{interval(row['gain_calibrated_low'], row['gain_calibrated_high'], 3)}] | "
            f"{number(row['ems_uniform'], 3)} |"
        )


if __name__ == "__main__":
    main()
