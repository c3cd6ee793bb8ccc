"""Two results of one item side by side: another model, or another layer."""

import numpy as np
import pandas as pd

from ccta_core.result import PairResult
from ccta_core.types import Attribution

MEASURES = {
    "ems": "EMS",
    "ems_uniform": "embeddings only",
    "ems_length": "length only",
    "ems_shuffled": "shuffled",
    "p_value": "p",
    "ems_unrelated": "unrelated",
    "gain": "gain over shuffled",
    "calibrated": "calibrated",
    "link_spearman": "linked words, rank correlation",
    "sign_agreement": "same sign",
    "cross_segment_mass": "between the texts",
}


def differences(first: PairResult, second: PairResult) -> pd.DataFrame:
    """One row a measure, EMS and its controls: both values and second minus first.

    NaN where a measure can't be computed for one of them.
    """
    values = [{"ems": one.ems, **one.controls.as_dict()} for one in (first, second)]
    table = pd.DataFrame({"measure": list(MEASURES.values())})
    for name, known in zip(("first", "second"), values, strict=True):
        table[name] = [np.nan if known[key] is None else known[key] for key in MEASURES]
    table["difference"] = table["second"] - table["first"]
    return table


def both_predictions(first: PairResult, second: PairResult) -> pd.DataFrame:
    """One row a side: what either predicts there, and how likely it finds it.

    None and NaN where a head gives scores.
    """
    rows = []
    for side in ("source", "target"):
        one, other = getattr(first, side), getattr(second, side)
        rows.append(
            {
                "side": side,
                "first": one.predicted,
                "first_probability": np.nan if one.confidence is None else one.confidence,
                "second": other.predicted,
                "second_probability": np.nan if other.confidence is None else other.confidence,
            }
        )
    return pd.DataFrame(rows)


def mass_changes(first: PairResult, second: PairResult) -> pd.DataFrame:
    """One row a word that both read as one: its mass in either and the change, largest first.

    Words are the same where they have the same place in the text: tokenizers may cut otherwise.
    """
    rows = []
    for side in ("source", "target"):
        before = _masses(getattr(first, side), getattr(first, f"{side}_mass"))
        after = _masses(getattr(second, side), getattr(second, f"{side}_mass"))
        for place, (word, mass) in before.items():
            if place in after:
                change = after[place][1] - mass
                rows.append((side, place[0] + 1, word, mass, after[place][1], change))
    names = ["side", "text", "word", "first", "second", "change"]
    table = pd.DataFrame(rows, columns=names)
    order = table["change"].abs().sort_values(ascending=False, kind="stable").index
    return table.loc[order].reset_index(drop=True)


def moved_mass(changes: pd.DataFrame, side: str) -> float:
    """How much of a side's mass lies on other words: half the sum of the changes, at most 1."""
    return float(changes.loc[changes["side"] == side, "change"].abs().sum() / 2)


def _masses(side: Attribution, mass: np.ndarray) -> dict[tuple[int, int, int], tuple[str, float]]:
    return {
        (unit.segment, unit.start, unit.end): (unit.text, float(share))
        for unit, share in zip(side.units, mass, strict=True)
    }
