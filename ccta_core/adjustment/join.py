"""The join: does adjustment move the consistency of attributions, and where predictions flip?"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from ccta_core.adjustment.design import DesignPoint
from ccta_core.adjustment.plan import Studied
from ccta_core.analysis.prediction import auroc
from ccta_core.analysis.seeds import CheckpointScores, ContrastEstimate, of_checkpoints

CONSISTENCY = ("ems", "ems_uniform", "ems_unrelated", "gain", "link_spearman")
_DRAWS = 2000


def estimate_columns(estimate: ContrastEstimate) -> dict[str, Any]:
    """Returns a difference with its interval and p-value, as columns of a table."""
    return {
        "difference": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "p": estimate.p,
    }


def _study_rows(work: Studied) -> pd.DataFrame:
    from ccta_core.study.storage.table import open_study

    lang = next(lang for lang in work.languages if lang != "en")
    columns = ", ".join(CONSISTENCY)
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
