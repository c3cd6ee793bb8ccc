"""Does consistency grow with the items a model is trained on, more or less than accuracy does?

python -m research.documents.training_size [STUDY]

Reads the study of the models of `research.zoo.sizes` beside those of the series (5,010 items), and
their cards. Writes docs/training-size.md and docs/findings/training-size.csv.
"""

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from ccta_core.analysis.intervals import Ends, mean_interval
from ccta_core.languages import language
from ccta_core.measures import MEASURES, label
from ccta_core.models.catalog import SHIPPED
from ccta_core.study.storage.table import Study, open_study
from ccta_core.text import count, interval, listing, number, signed
from research.zoo.build import RUNS

STUDY = "xnli-training-sizes"
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
    parser.add_argument("study", nargs="?", default=STUDY)
    study = open_study(parser.parse_args().study)
    table = pd.DataFrame([_row(study, model["id"]) for model in study.manifest.models])
    table = table.sort_values(["language", "items", "seed"], ignore_index=True)
    table.to_csv(DOCS / "findings" / "training-size.csv", index=False, float_format="%.4f")
    (DOCS / "training-size.md").write_text("\n".join(page(study, table)) + "\n", "utf-8")


def _row(study: Study, model: str) -> dict[str, object]:
    """Returns what a model is, its accuracy over the study's languages and its consistency with
    the language it was trained on.
    """
    found = _NAME.search(model)
    if found is None:
        raise ValueError(f"{model} is no model of the series")
    lang, items, seed = found[1], int(found[2] or WHOLE), int(found[3] or 1)
    name = model.rpartition("/")[2]
    path = RUNS / f"{name}.json" if found[2] else SHIPPED / model / "card.json"
    scores = json.loads(path.read_text("utf-8"))["scores"]
    sums = study.query(
        'SELECT "group", '
        + ", ".join(_sums(key) for key in KEPT)
        + ' FROM rows WHERE model = ? AND source_lang = ? GROUP BY "group" ORDER BY "group"',
        [model, lang],
    )
    row: dict[str, object] = {
        "model": model,
        "language": lang,
        "items": items,
        "seed": seed,
        "accuracy": sum(scores[each]["accuracy"] for each in study.manifest.languages)
        / len(study.manifest.languages),
    }
    for key in KEPT:
        totals, sizes = (sums[name].to_numpy(float) for name in (key, f"n_{key}"))
        ends = mean_interval(totals, sizes)
        row |= {key: totals.sum() / sizes.sum()}
        row |= {f"{key}_low": ends[0] if ends else None, f"{key}_high": ends[1] if ends else None}
    return row


def _sums(key: str) -> str:
    sql = MEASURES[key].sql_at("pair")
    return f"sum({sql}) AS {key}, count({sql}) AS n_{key}"


def at_equal_accuracy(table: pd.DataFrame, measure: str) -> tuple[float, float, float]:
    """Returns what ten times the items add to a measure where accuracy is the same, with its 95%
    interval: least squares on accuracy, log10 of the items and the training language.
    """
    import numpy as np
    import statsmodels.formula.api as smf

    data = table.assign(tens=np.log10(table["items"].astype(float)), y=table[measure])
    fit = smf.ols("y ~ accuracy + tens + C(language)", data).fit()
    low, high = fit.conf_int().loc["tens"]
    return float(fit.params["tens"]), float(low), float(high)


class Change(NamedTuple):
    """What a measure gains from the smallest to the whole set, and its 95% interval."""

    value: float
    ends: Ends | None


def change(study: Study, table: pd.DataFrame, measure: str) -> Change:
    """Returns how a measure changes from the smallest set to the whole, on the same items and
    pairs; all training languages together, premises drawn.
    """
    smallest = table["items"].min()
    sql = MEASURES[measure].sql_at("pair")
    parts = []
    for lang, models in table.groupby("language"):
        large = models.loc[models["items"] == WHOLE, "model"].iloc[0]
        for small in models.loc[models["items"] == smallest, "model"]:
            parts.append(
                study.query(
                    f'SELECT a."group", a.v - b.v AS d FROM (SELECT "group", item, target_lang, '
                    f"{sql} AS v FROM rows WHERE model = ? AND source_lang = ?) a JOIN (SELECT "
                    f"item, target_lang, {sql} AS v FROM rows WHERE model = ? AND source_lang = ?) "
                    "b USING (item, target_lang)",
                    [large, lang, small, lang],
                )
            )
    by_group = pd.concat(parts).dropna().groupby("group")["d"]
    totals, sizes = by_group.sum().to_numpy(float), by_group.size().to_numpy(float)
    return Change(totals.sum() / sizes.sum(), mean_interval(totals, sizes))


def _direction(moved: Change) -> str:
    if moved.ends is None or moved.ends[0] <= 0 <= moved.ends[1]:
        return "is not shown to change"
    return "grows" if moved.value > 0 else "falls"


def page(study: Study, table: pd.DataFrame) -> Iterator[str]:
    """The document's lines."""
    manifest = study.manifest
    sizes = sorted({int(each) for each in table["items"]})
    means = table.groupby("items")[["accuracy", *KEPT]].mean()
    yield "# Consistency and the number of training items\n"
    yield (
        "Written by `python -m research.documents.training_size`; the numbers change only when "
        "that is run again.\n"
    )
    yield (
        f"The NLI series trained on {listing([f'{size:,}' for size in sizes])} items (whole "
        "premises spread evenly over XNLI test, the smaller sets within the larger; three epochs "
        f"of each), {count(len(table), 'model')}; study `{study.name}`: {manifest.items} items of "
        f"XNLI dev, one of a premise, spread evenly, {len(manifest.languages)} languages "
        f"({' '.join(manifest.languages)}), layer {manifest.layers[0]}, "
        f"{manifest.config['precision']}. Consistency is with the training language; accuracy is "
        "the mean over the languages, on 600 items spread over XNLI dev (the series itself: all "
        "2,490).\n"
    )
    yield "## What it says\n"
    small, large = means.loc[sizes[0]], means.loc[sizes[-1]]
    yield (
        f"- From {sizes[0]:,} to {sizes[-1]:,} items accuracy goes from {small['accuracy']:.3f} to "
        f"{large['accuracy']:.3f} (a third is chance), EMS from {number(small['ems'], 3)} to "
        f"{number(large['ems'], 3)}, embeddings only from {number(small['ems_uniform'], 3)} to "
        f"{number(large['ems_uniform'], 3)}, gain less chance from "
        f"{number(small['gain_calibrated'], 3)} to {number(large['gain_calibrated'], 3)}."
    )
    told = []
    for measure in ASKED:
        moved = change(study, table, measure)
        span = f" ({interval(moved.ends[0], moved.ends[1], 3)})" if moved.ends else ""
        told.append(f"{label(measure)} {signed(moved.value, 3)}{span}")
    yield (
        "- On the same items and pairs, from the smallest set to the whole, premises drawn: "
        f"{'; '.join(told)}. With more data EMS {_direction(change(study, table, 'ems'))}."
    )
    for measure in ASKED:
        name = label(measure)
        value, low, high = at_equal_accuracy(table, measure)
        verdict = _direction(Change(value, Ends(low, high)))
        yield (
            f"- At equal accuracy {name} {verdict}: ten times the items add {signed(value, 3)} "
            f"(95% {interval(low, high, 3)}; least squares over {count(len(table), 'model')})."
        )
    seeds = sorted({int(seed) for seed in table.loc[table["items"] < WHOLE, "seed"]})
    yield (
        f"- {count(len(seeds), 'seed')} of the smaller sets"
        + (": what a seed alone moves is not known here." if len(seeds) == 1 else ".")
        + " Size and number of steps go together, as epochs are the same."
    )
    yield "\n## The models\n"
    yield from _models(table)


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
