"""An item layer by layer: EMS and its controls at each layer that is known."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ccta_core.result import PairResult
from ccta_core.text import count, number
from ccta_core.types import ALPHA


def layer_table(results: Mapping[int, PairResult]) -> pd.DataFrame:
    """One row a layer, in order: EMS, embeddings only, shuffled (mean, standard deviation), p.

    `claim` is what may be said of the layer (report.verdict). NaN where nothing was shuffled.
    """
    rows = [
        {
            "layer": layer,
            "ems": result.ems,
            "uniform": _number(result.controls.ems_uniform),
            "shuffled": _number(result.controls.ems_shuffled),
            "shuffled_sd": _number(result.controls.shuffled_sd),
            "p": _number(result.controls.p_value),
            "unrelated": _number(result.controls.ems_unrelated),
            "claim": result.claim,
        }
        for layer, result in sorted(results.items())
    ]
    names = ["layer", "ems", "uniform", "shuffled", "shuffled_sd", "p", "unrelated", "claim"]
    return pd.DataFrame(rows, columns=names)


def walk_sentence(table: pd.DataFrame, total: int) -> str:
    """What the layers say together; how many of them are known."""
    known = len(table)
    if not known:
        return f"No layer of {total} is measured yet."
    best = table.loc[table["ems"].idxmax()]
    text = f"EMS is highest at layer {best.layer:.0f} ({number(best.ems)})"
    if known == 1:
        where = f"EMS is {number(best.ems)} at layer {best.layer:.0f}"
        return f"{where}; 1 of {count(total, 'layer')} is measured."
    low = table.loc[table["ems"].idxmin()]
    text += f" and lowest at layer {low.layer:.0f} ({number(low.ems)})"
    tested = table.dropna(subset=["p"])
    if len(tested):
        shown = int((tested["claim"] == "shown").sum())
        text += (
            f"; agreement beyond the controls shown at {shown} of {len(tested)} "
            f"(p at most {ALPHA}, each alone)"
        )
    measured = "" if known == total else f"; {known} of {total} layers are measured"
    return f"{text}{measured}."


def _number(value: float | None) -> float:
    return np.nan if value is None else value
