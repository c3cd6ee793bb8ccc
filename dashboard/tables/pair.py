"""The plan of a pair, its dearest flows, its controls and its predictions as tables."""

import numpy as np
import pandas as pd

from ccta_core.result import PairResult

_TINY = 1e-9
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def plan_table(result: PairResult) -> pd.DataFrame:
    """One row a pair of words: mass moved, cosine, cost and its share of the whole cost.

    `mass` sums to 1; `cost` is mass * (1 - cosine) and sums to 1 - EMS.
    """
    mass, similarity = result.plan.matrix, result.similarity
    rows, columns = (grid.ravel() for grid in np.indices(mass.shape))
    cost = mass * (1 - similarity)
    table = pd.DataFrame({"source_position": rows, "target_position": columns})
    for side, places in (("source", rows), ("target", columns)):
        units = getattr(result, side).units
        table[side] = [units[place].text for place in places]
        table[f"{side}_text"] = [units[place].segment + 1 for place in places]
    table["mass"] = mass.ravel()
    table["cosine"] = similarity.ravel()
    table["cost"] = cost.ravel()
    table["share_of_cost"] = table["cost"] / max(float(cost.sum()), _TINY)
    return table


def dearest(table: pd.DataFrame, count: int = 12) -> pd.DataFrame:
    """The flows that cost most, dearest first."""
    moved = table[(table["mass"] > _TINY) & (table["cost"] > _TINY)]
    return moved.sort_values(["cost", "mass"], ascending=False, kind="stable").head(count)


def of_word(table: pd.DataFrame, side: str, index: int) -> pd.DataFrame:
    """The flows of one word."""
    return table[table[f"{side}_position"] == index]


def plan_csv(result: PairResult) -> bytes:
    """The plan as CSV that a spreadsheet reads as text and numbers, never as formulas."""
    table = plan_table(result)
    for side in ("source", "target"):
        table[side] = [f"'{text}" if text.startswith(_FORMULA) else text for text in table[side]]
    return table.to_csv(index=False).encode("utf-8-sig")


def predictions(result: PairResult) -> pd.DataFrame:
    """One row a class: its probability on both sides and the difference; of scores the scores.

    Answers and entities are texts of their own language: NaN where a side does not have one.
    """
    source, target = (
        side.prediction or side.head_scores for side in (result.source, result.target)
    )
    labels = list(dict.fromkeys([*source, *target]))
    table = pd.DataFrame({"label": labels})
    for side, found in (("source", source), ("target", target)):
        table[side] = [found.get(label, np.nan) for label in labels]
    table["difference"] = table["target"] - table["source"]
    return table
