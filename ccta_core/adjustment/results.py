"""The tables of a plan: what its cells came to, collected from the cache, a row a cell and seed."""

import json
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import asdict, fields
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from ccta_core.adjustment.cells import FINISHED, CellState, model_folder, state_of
from ccta_core.adjustment.design import DesignPoint, place_of
from ccta_core.adjustment.join import (
    consistency_contrasts,
    consistency_rows,
    estimate_columns,
    flip_rows,
    learnt_columns,
)
from ccta_core.adjustment.measures import auc_difference, measures_folder, read_links
from ccta_core.adjustment.plan import TRAIN, Measurement, Plan, PlanCell, Studied, Training
from ccta_core.adjustment.settings import Adjustment, read_rows
from ccta_core.adjustment.tables import CONTRASTS, TABLES, detectable, hardly_learnt_rows
from ccta_core.analysis.seeds import CheckpointScores, ContrastEstimate, of_checkpoints, over_seeds
from ccta_core.training.finish import ITEMS

_DRAWS = 2000
_HISTOGRAMS = ("histogram_related", "histogram_unrelated", "histogram_gap")
_KINDS = ("cosine", "l2")


def collect(plan: Plan) -> dict[str, pd.DataFrame]:
    """Returns every table of TABLES by name, from what is finished; an empty one where nothing is.

    `runs` has a row a cell, finished or not.
    """
    cell_states = [state_of(plan, cell) for cell in plan.cells]
    places = {cell.id: place_of(plan, cell) for cell in plan.cells}
    finished = [state.cell for state in cell_states if state.kind == FINISHED]
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    rows["runs"] = [
        {"id": s.cell.id, "kind": s.cell.kind, **asdict(places[s.cell.id]), "state": s.kind,
         "block": s.cell.block}
        for s in cell_states
    ]  # fmt: skip
    for cell in finished:
        place: dict[str, Any] = asdict(places[cell.id])
        if isinstance(cell.work, Training):
            rows["scores"] += [place | row for row in _scores(cell)]
            rows["gradients"] += [place | row for row in _continual_gradients(cell)]
        elif isinstance(cell.work, Adjustment):
            rows["gradients"] += [place | row for row in _adjustment_gradients(cell.work)]
            rows["probe"] += [place | row for row in probe_rows(cell.work.name, place["usual"])]
        elif isinstance(cell.work, Measurement):
            for name in ("distances", "words", "sentences"):
                rows[name] += [place | row for row in _measure_rows(cell.work, name)]
            rows["forgetting"] += [place | row for row in _forgetting_rows(plan, cell, cell_states)]
        else:
            rows["consistency"] += consistency_rows(cell.work, places)
            rows["flips"] += flip_rows(cell.work, places)
    studied = [cell.work for cell in finished if isinstance(cell.work, Studied)]
    failed = _failed_trainings(rows["scores"])
    rows["consistency_contrasts"] = consistency_contrasts(studied, places, failed)
    trained = [cell for cell in finished if cell.kind == TRAIN]
    rows["paired"], rows["contrasts"] = compare_arms(trained, places, failed)
    tables = {name: pd.DataFrame(rows[name]) for name in TABLES}
    return tables | {"items": item_rows(trained, places)}


def probe_rows(name: str, histograms: bool) -> Iterator[dict[str, Any]]:
    """What a run measured on its held-out pairs while it learnt, a row a checkpoint and layer.

    `overlap_*` is the overlapping coefficient of the two histograms (sum of the smaller shares, in
    [0, 1]); the histograms themselves, of equal bins from 0 to `edge_*`, where asked for.
    """
    for row in read_rows(name, "probes"):
        kept: dict[str, Any] = {"model": f"adjusted/{name}", "held_pairs": row["pairs"]}
        kept |= {key: row[key] for key in ("step", "layer", "links")}
        for kind in _KINDS:
            shares = [
                np.array(row[f"histogram_{which}_{kind}"], np.float64)
                for which in ("related", "unrelated")
            ]
            kept |= {
                f"{key}_{kind}": row[f"{key}_{kind}"]
                for key in ("auc", "related", "unrelated", "gap", "below_zero")
            }
            kept[f"overlap_{kind}"] = float(
                np.minimum(*(share / max(1.0, share.sum()) for share in shares)).sum()
            )
            kept[f"edge_{kind}"] = float(row[f"edges_{kind}"][1])
            for which, share in zip(("related", "unrelated"), shares, strict=True):
                counts = share.astype(np.int32) if histograms else None
                kept[f"histogram_{which}_{kind}"] = counts
        yield kept | {
            key: row[key] for key in ("held_loss", "retrieval_to_english", "retrieval_from_english")
        }


def item_rows(trained: Sequence[PlanCell], places: Mapping[str, DesignPoint]) -> pd.DataFrame:
    """What each trained model of the usual doses made of each item: ids and labels, no text.

    `correct` of classes; of answers an exact match, of tags every entity right and none too many.
    `predicted` and `gold` are classes, the latter known of an item where any model was right.
    """
    parts = []
    for cell in trained:
        place, table = places[cell.id], _items(cell)
        if not place.usual or not len(table):
            continue
        right = table["em" if "em" in table else "correct"] > 0
        if "gold" in table:
            right = (table["correct"] == table["gold"]) & (table["correct"] == table["predicted"])
        classes = "correct" in table and "gold" not in table and "predicted" in table
        parts.append(
            pd.DataFrame(
                {"task": place.task, "lang": place.lang, "arm": place.arm, "seed": place.seed,
                 "eval_lang": table["lang"], "id": table["id"], "correct": right,
                 "predicted": table["predicted"] if classes else ""}
            )
        )  # fmt: skip
    if not parts:
        return pd.DataFrame()
    whole = pd.concat(parts, ignore_index=True)
    right_once = whole[whole["correct"]].drop_duplicates(["task", "id"])
    gold = right_once.set_index(["task", "id"])["predicted"]
    whole["gold"] = gold.reindex(pd.MultiIndex.from_frame(whole[["task", "id"]])).to_numpy()
    whole["gold"] = whole["gold"].fillna("")
    order = ["task", "lang", "eval_lang", "arm", "seed", "id"]
    return whole.sort_values(order, ignore_index=True)


class ArmComparisons(NamedTuple):
    """Contrasts of arms: `paired` has a row a seed, `contrasts` a row over all seeds."""

    paired: list[dict[str, Any]]
    contrasts: list[dict[str, Any]]


def _failed_trainings(scores: Sequence[Mapping[str, Any]]) -> frozenset[DesignPoint]:
    """Returns the trainings that hardly learnt their task."""
    failed = hardly_learnt_rows(pd.DataFrame(scores))
    place = [each.name for each in fields(DesignPoint)]
    return (
        frozenset(DesignPoint(**row) for row in failed[place].to_dict("records"))
        if len(failed)
        else frozenset()
    )


def compare_arms(
    trained: Sequence[PlanCell],
    places: Mapping[str, DesignPoint],
    failed: Set[DesignPoint] = frozenset(),
) -> ArmComparisons:
    """Arms against their references on the same items: a row a seed, and a row over seeds.

    A seed's difference has a 95% interval (whole premises or paragraphs drawn) and, for classes,
    McNemar's exact p. Over seeds: items and seeds both could have been others (`over_seeds`), the
    standard deviation of the seeds' differences and the smallest effect they could have shown; and
    the same without the seeds of which an arm is among the `failed` trainings (`learnt_columns`).
    """
    by_design: dict[tuple[Any, ...], dict[int, PlanCell]] = {}
    for cell in trained:
        place = places[cell.id]
        if place.usual:
            key = (place.task, place.lang, place.arm)
            by_design.setdefault(key, {})[place.seed] = cell
    paired, contrasts = [], []
    for (task, lang, arm), cells in by_design.items():
        for first, reference in CONTRASTS:
            others = by_design.get((task, "" if reference == "original" else lang, reference), {})
            seeds = sorted(set(cells) & set(others))
            if arm != first or not seeds:
                continue
            tables = {seed: (_items(cells[seed]), _items(others[seed])) for seed in seeds}
            shared = [set(left["lang"]) & set(right["lang"]) for left, right in tables.values()]
            for eval_lang in sorted(set.intersection(*shared)):
                design = {"task": task, "lang": lang, "arm": arm, "reference": reference,
                          "eval_lang": eval_lang}  # fmt: skip
                contrast = _compare(tables, eval_lang)
                paired += [design | row for row in contrast.by_seed]
                unlearnt = [s for s in seeds if failed & {places[c[s].id] for c in (cells, others)}]
                learnt = learnt_columns(tables, unlearnt, partial(_difference, lang=eval_lang))
                contrasts.append(design | contrast.over_seeds | learnt)
    return ArmComparisons(paired, contrasts)


class _Contrast(NamedTuple):
    """One contrast in one language: a row a seed, and the row over all seeds."""

    by_seed: list[dict[str, Any]]
    over_seeds: dict[str, Any]


def _compare(tables: Mapping[int, tuple[pd.DataFrame, pd.DataFrame]], lang: str) -> _Contrast:
    """Compares two arms in one language, seed by seed and over all seeds.

    Arms are paired by seed, which gives both the same head to begin with and the same order of
    items: over seeds it is their difference that varies, not each arm by itself.
    """
    rows: list[dict[str, Any]] = []
    sums: dict[str, list[np.ndarray]] = {"first": [], "reference": []}
    sizes = np.zeros(0)
    for seed, pair in tables.items():
        left, right = (table[table["lang"] == lang].set_index("id").sort_index() for table in pair)
        both = left.index.intersection(right.index)
        left, right = left.loc[both], right.loc[both]
        values = [_item_credit(left), _item_credit(right)]
        groups = pd.factorize(left["group"], sort=True)[0]
        count = groups.max() + 1
        totals = [np.bincount(groups, weights=value, minlength=count) for value in values]
        sizes = np.bincount(groups, minlength=count).astype(float)
        scores = CheckpointScores({"first": totals[0][None], "reference": totals[1][None]}, sizes)
        estimate = of_checkpoints(scores, {"first": 1.0, "reference": -1.0}, draws=_DRAWS, seed=0)
        sums["first"].append(totals[0])
        sums["reference"].append(totals[1])
        rows.append(
            {"seed": seed, "first_score": scores.mean("first"),
             "reference_score": scores.mean("reference"), **estimate_columns(estimate),
             **_mcnemar(left, right), "n": len(both)}
        )  # fmt: skip
    differences = np.array([row["difference"] for row in rows])
    sd = float(differences.std(ddof=1)) if len(rows) > 1 else float("nan")
    whole = CheckpointScores({name: np.array(values) for name, values in sums.items()}, sizes)
    apart = {"difference": np.array(sums["first"]) - np.array(sums["reference"])}
    estimate = (
        over_seeds(CheckpointScores(apart, sizes), {"difference": 1.0}, draws=_DRAWS, seed=0)
        if len(rows) > 1
        else ContrastEstimate(float(differences[0]), rows[0]["low"], rows[0]["high"], rows[0]["p"])
    )
    return _Contrast(
        rows,
        {
            "first_score": whole.mean("first"),
            "reference_score": whole.mean("reference"),
            **estimate_columns(estimate),
            "seeds": len(rows),
            "sd_over_seeds": sd,
            "detectable": detectable(estimate.error, estimate.degrees),
            "n": rows[0]["n"],
        },
    )


def _difference(
    tables: Mapping[int, tuple[pd.DataFrame, pd.DataFrame]], lang: str
) -> dict[str, Any]:
    return _compare(tables, lang).over_seeds


def _item_credit(table: pd.DataFrame) -> np.ndarray:
    """Returns one value for each item, whose mean is the task's score.

    Of tags, F1 = sum of n_i / sum of d_i (n = 2 correct entities, d = gold + predicted) linearised:
    F1 + (n_i - F1 d_i) / mean d, whose mean is F1 and whose variance is F1's to first order.
    """
    if "gold" not in table:
        return table["f1" if "f1" in table else "correct"].to_numpy(float)
    above = 2 * table["correct"].to_numpy(float)
    below = (table["gold"] + table["predicted"]).to_numpy(float)
    score = above.sum() / max(1.0, below.sum())
    return score + (above - score * below) / max(1e-9, below.mean())


def _mcnemar(left: pd.DataFrame, right: pd.DataFrame) -> dict[str, Any]:
    """Returns items that one arm alone gets right, and McNemar's exact p; None for answers and
    tags.
    """
    if "correct" not in left or "gold" in left:
        return {"only_first": None, "only_reference": None, "mcnemar_p": None}
    first, second = left["correct"].to_numpy(bool), right["correct"].to_numpy(bool)
    only = int((first & ~second).sum()), int((second & ~first).sum())
    p = float(binomtest(only[0], sum(only)).pvalue) if sum(only) else 1.0
    return {"only_first": only[0], "only_reference": only[1], "mcnemar_p": p}


def _items(cell: PlanCell) -> pd.DataFrame:
    path = model_folder(cell.id) / ITEMS
    return pd.read_parquet(path) if path.exists() else pd.DataFrame({"lang": []})


def _scores(cell: PlanCell) -> Iterator[dict[str, Any]]:
    card = json.loads((model_folder(cell.id) / "card.json").read_text("utf-8"))
    for lang, score in card["scores"].items():
        value = score[card["metric"]]
        if card["metric"] == "accuracy":  # a card keeps four digits, a share of n is exact
            value = round(value * score["n"]) / score["n"]
        yield {
            "model": cell.id, "eval_lang": lang, "metric": card["metric"],
            "score": value, "low": score["low"], "high": score["high"],
            "n": score["n"],
        }  # fmt: skip


def _continual_gradients(cell: PlanCell) -> Iterator[dict[str, Any]]:
    card = json.loads((model_folder(cell.id) / "card.json").read_text("utf-8"))
    means = card["training"].get("continual", {}).get("means")
    if means:
        yield {"model": cell.id, **means}


def _adjustment_gradients(work: Adjustment) -> Iterator[dict[str, Any]]:
    rows = [row for row in read_rows(work.name, "gradients") if row["layer"] == "all"]
    if rows:
        frame = pd.DataFrame(rows).drop(columns=["layer", "step"])
        yield {"model": work.id, **frame.astype(float).mean().to_dict()}


def _measure_rows(work: Measurement, table: str) -> Iterator[dict[str, Any]]:
    path = measures_folder(work.settings.model, work.settings.lang) / f"{table}.parquet"
    rows = pd.read_parquet(path)
    if rows.empty:  # no set of that kind was measured: a table without rows has no columns either
        return
    last = rows["layer"].max()
    # `pairs` is the dose of a place in the design; those measured on have a name of their own.
    rows = rows.rename(columns={"pairs": "held_pairs"})
    for row in rows.drop(columns=["lang", "revision"]).to_dict("records"):
        for name in _HISTOGRAMS:
            if name in row:
                row[name] = [int(n) for n in row[name]] if row["layer"] == last else None
        yield row


def _forgetting_rows(
    plan: Plan, cell: PlanCell, cell_states: Sequence[CellState]
) -> Iterator[dict[str, Any]]:
    """Yields the AUC of the backbone less that after the task's training, at the measured
    layers.
    """
    work = cell.work
    if not isinstance(work, Measurement):
        return
    model, lang = work.settings.model, work.settings.lang
    trained = {state.cell.id: state.cell.work for state in cell_states}.get(model)
    if not isinstance(trained, Training):
        return
    before = trained.start or plan.model
    path = measures_folder(before, lang) / "links.parquet"
    if not path.exists():
        return
    layers = pd.read_parquet(path, columns=["layer"])["layer"].unique()
    for layer in sorted(int(layer) for layer in layers):
        pair = [read_links(name, lang, layer, "cosine") for name in (before, model)]
        yield {"model": model, "before": before, "layer": layer, "distance": "cosine"} | (
            auc_difference(*pair)
        )
