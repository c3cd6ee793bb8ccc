"""The join: does adjustment move the consistency of attributions, and where predictions flip?"""

from collections.abc import Callable, Collection, Iterable, Mapping, Set
from dataclasses import asdict
from functools import partial
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from ccta_core.adjustment.design import DesignPoint
from ccta_core.adjustment.plan import Studied
from ccta_core.adjustment.tables import CONTRASTS, detectable
from ccta_core.analysis.prediction import auroc
from ccta_core.analysis.seeds import (
    CheckpointScores,
    ContrastEstimate,
    of_checkpoints,
    over_seeds,
)
from ccta_core.measures import MEASURES

CONSISTENCY = ("ems", "ems_uniform", "ems_unrelated", "gain", "gain_calibrated", "link_spearman")
_DRAWS = 2000
_T = TypeVar("_T")


def estimate_columns(estimate: ContrastEstimate) -> dict[str, Any]:
    """Returns a difference with its interval and p-value, as columns of a table."""
    return {
        "difference": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "p": estimate.p,
    }


def learnt_columns(
    by_seed: Mapping[int, _T], failed: Collection[int], compare: Callable[[dict[int, _T]], Any]
) -> dict[str, Any]:
    """Returns the difference over the seeds of which neither arm failed to learn the task, with its
    interval and their number; None in each where those are all seeds, or none.
    """
    kept = {seed: pair for seed, pair in by_seed.items() if seed not in failed}
    row = compare(kept) if 0 < len(kept) < len(by_seed) else {}
    return {f"learnt_{name}": row.get(name) for name in ("difference", "low", "high", "seeds")}


def _study_rows(work: Studied) -> pd.DataFrame:
    from ccta_core.study.storage.table import open_study

    lang = next(lang for lang in work.languages if lang != "en")
    columns = ", ".join(f"{MEASURES[key].sql or key} AS {key}" for key in CONSISTENCY)
    return open_study(work.name).query(
        f'SELECT model, layer, item, "group", {columns}, target_predicted, target_correct '
        "FROM rows WHERE source_lang = 'en' AND target_lang = ?",
        [lang],
    )


def consistency_rows(work: Studied, places: Mapping[str, DesignPoint]) -> list[dict[str, Any]]:
    """Returns means of each arm, and its differences to the original on the same items, by
    layer.
    """
    table = _study_rows(work)
    rows = []
    for (model, layer), arm in table.groupby(["model", "layer"]):
        place = _study_place(work, places, str(model))
        base = _pair_by_item(table, work.models[0], str(model), int(layer))
        for measure in CONSISTENCY:
            values = arm[measure].dropna()
            row = {"layer": int(layer), "measure": measure, "value": float(values.mean()),
                   "n": len(values)}  # fmt: skip
            change = (base[f"{measure}_arm"] - base[measure]).to_numpy(float)
            real = np.isfinite(change)
            if model != work.models[0] and real.any():
                groups = pd.factorize(base["group"][real], sort=True)[0]
                sums = np.bincount(groups, weights=change[real])
                scores = CheckpointScores({"change": sums[None]}, np.bincount(groups).astype(float))
                estimate = of_checkpoints(scores, {"change": 1.0}, draws=_DRAWS, seed=0)
                row |= estimate_columns(estimate)
            rows.append(place | row)
    return rows


def consistency_contrasts(
    works: Iterable[Studied],
    places: Mapping[str, DesignPoint],
    failed: Set[DesignPoint] = frozenset(),
) -> list[dict[str, Any]]:
    """Returns the differences of two arms over all seeds' studies, by language, layer and measure.

    Arms are paired by seed and item. With one seed only the items could have been others (premises
    are independent), with more the seeds too, as in the scores' contrasts (`over_seeds`). `failed`
    are the trainings that hardly learnt their task: `learnt_columns` leaves their seeds out.
    """
    found: dict[tuple[Any, ...], dict[int, pd.DataFrame]] = {}
    unlearnt: dict[tuple[Any, ...], set[int]] = {}
    for work in works:
        table = _study_rows(work)
        arms = {places[model].arm: model for model in work.models}
        lang = next(lang for lang in work.languages if lang != "en")
        for first, reference in CONTRASTS:
            if first not in arms or reference not in arms:
                continue
            for layer in sorted(table["layer"].unique()):
                both = _pair_by_item(table, arms[reference], arms[first], int(layer))
                key = (places[arms[first]].task, lang, first, reference, int(layer))
                found.setdefault(key, {})[work.seed] = both.set_index("item").sort_index()
                if failed & {places[arms[first]], places[arms[reference]]}:
                    unlearnt.setdefault(key, set()).add(work.seed)
    names = ("task", "lang", "arm", "reference", "layer")
    return [
        dict(zip(names, key, strict=True))
        | {"measure": measure}
        | row
        | learnt_columns(by_seed, unlearnt.get(key, ()), partial(_over_seeds, measure=measure))
        for key, by_seed in found.items()
        for measure in CONSISTENCY
        if (row := _over_seeds(by_seed, measure))
    ]


def _over_seeds(by_seed: Mapping[int, pd.DataFrame], measure: str) -> dict[str, Any]:
    """Returns the mean change of a measure on the items that every seed has; nothing without."""
    changes = pd.DataFrame(
        {seed: both[f"{measure}_arm"] - both[measure] for seed, both in by_seed.items()}
    ).dropna()
    if changes.empty:
        return {}
    groups = pd.factorize(next(iter(by_seed.values())).loc[changes.index, "group"], sort=True)[0]
    sizes = np.bincount(groups).astype(float)
    sums = np.array([np.bincount(groups, weights=changes[seed]) for seed in changes])
    scores = CheckpointScores({"change": sums}, sizes)
    estimate_of = of_checkpoints if len(sums) == 1 else over_seeds
    estimate = estimate_of(scores, {"change": 1.0}, draws=_DRAWS, seed=0)
    means = changes.mean()
    return {
        **estimate_columns(estimate),
        "seeds": len(sums),
        "sd_over_seeds": float(means.std(ddof=1)) if len(sums) > 1 else float("nan"),
        "detectable": detectable(estimate.error, estimate.degrees),
        "n": len(changes),
    }


def flip_rows(work: Studied, places: Mapping[str, DesignPoint]) -> list[dict[str, Any]]:
    """Does consistency move where predictions flip? An arm against the original, by layer.

    `auc` = P(the measure moved further, in absolute value, on an item whose predicted class in the
    target language changed than on one where it stayed), 0.5 says nothing.
    """
    table = _study_rows(work)
    rows = []
    for model in work.models[1:]:
        for layer in sorted(table["layer"].unique()):
            both = _pair_by_item(table, work.models[0], model, int(layer))
            flipped = (both["target_predicted"] != both["target_predicted_arm"]).to_numpy()
            for measure in ("ems", "gain", "link_spearman"):
                change = (both[f"{measure}_arm"] - both[measure]).abs().to_numpy(float)
                real = np.isfinite(change)
                area = auroc(change[real], flipped[real].astype(float), list(both["group"][real]))
                rows.append(
                    _study_place(work, places, model)
                    | {"layer": int(layer), "measure": measure, "flipped": int(flipped.sum()),
                       "n": int(real.sum()), "auc": area.auc, "low": area.low,
                       "high": area.high, "p": area.p}
                )  # fmt: skip
    return rows


def _pair_by_item(table: pd.DataFrame, first: str, model: str, layer: int) -> pd.DataFrame:
    """Returns the original's rows with another arm's beside them, by item."""
    arm = table[(table["model"] == model) & (table["layer"] == layer)]
    base = table[(table["model"] == first) & (table["layer"] == layer)]
    return base.merge(arm, on="item", suffixes=("", "_arm"))


def _study_place(work: Studied, places: Mapping[str, DesignPoint], model: str) -> dict[str, Any]:
    lang = next(lang for lang in work.languages if lang != "en")
    return asdict(places[model]) | {"lang": lang, "model": model, "study": work.name}
