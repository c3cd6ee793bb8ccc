"""Tables of the demo items' linked words: distances by arm, and their places on the plane."""

import numpy as np
import pandas as pd

from ccta_core.adjustment.demo import holds

RELATED, UNRELATED = "related", "unrelated"
_LINK = ["sentence", "foreign", "english", "unrelated", "foreign_place", "english_place"]
_PLACES = ["x_foreign", "y_foreign", "x_english", "y_english"]


def distance_table(words: pd.DataFrame, layer: int, distance: str) -> pd.DataFrame:
    """A row a link and kind at a layer, a column an arm with its distance.

    Columns before them: sentence, foreign, english, kind; of an unrelated pair `foreign` is the
    word that was drawn from the same sentence.
    """
    rows = words[words["layer"] == layer]
    tables = []
    for kind in (RELATED, UNRELATED):
        wide = rows.pivot(index=_LINK, columns="arm", values=f"{kind}_{distance}").reset_index()
        wide["kind"] = kind
        if kind == UNRELATED:
            wide["foreign"] = wide["unrelated"]
        tables.append(wide)
    table = pd.concat(tables, ignore_index=True).drop(columns=["unrelated", *_LINK[4:]])
    table.columns.name = None
    arms = list(rows["arm"].unique())
    return table[["sentence", "foreign", "english", "kind", *arms]]


def in_range(table: pd.DataFrame, arm: str, low: float | None, high: float | None) -> pd.DataFrame:
    """The rows whose distance in an arm lies in a range, nearest first; None is no bound."""
    inside = table[arm].between(-np.inf if low is None else low, np.inf if high is None else high)
    return table[inside].sort_values(arm, kind="stable").reset_index(drop=True)


def plane_table(words: pd.DataFrame, item: str, layer: int) -> pd.DataFrame:
    """Where the linked words of an item lie on the layer's plane, a row a link and arm."""
    rows = _rows_of(words, item, layer)
    columns = ["arm", "sentence", "foreign", "english", *_PLACES, "related_cosine", "related_l2"]
    return rows[columns].reset_index(drop=True)


def plane_numbers(words: pd.DataFrame, item: str, layer: int) -> pd.DataFrame:
    """What a projection of an item's words hides: a column an arm, a row a number."""
    numbers = {}
    for arm, rows in _rows_of(words, item, layer).groupby("arm", sort=False):
        x_foreign, y_foreign, x_english, y_english = (rows[name].to_numpy() for name in _PLACES)
        flat = np.hypot(x_foreign - x_english, y_foreign - y_english)
        numbers[str(arm)] = {
            "L2 distance of linked words, mean": float(rows["related_l2"].mean()),
            "the same on the plane": float(flat.mean()),
            "L2 distance of unrelated words, mean": float(rows["unrelated_l2"].mean()),
            "cosine distance of linked words, mean": float(rows["related_cosine"].mean()),
            "share of the variance on the plane": float(rows["plane_share"].iloc[0]),
        }
    return pd.DataFrame(numbers)


def _rows_of(words: pd.DataFrame, item: str, layer: int) -> pd.DataFrame:
    rows = words[words["layer"] == layer]
    return rows[[holds(item, sentence) for sentence in rows["sentence"]]]
