"""The words of a pair on the fixed plane as a table, and what they and the plan say together."""

import numpy as np
import pandas as pd

from ccta_core.projection.places import PairPlaces
from ccta_core.result import PairResult
from ccta_core.space.links import Links, plan_links
from ccta_core.text import count
from dashboard.widgets.wording import language_name

SIDES = ("source", "target")


def words_table(result: PairResult, places: PairPlaces) -> pd.DataFrame:
    """One row a word: its mass, its place, and the word of the other side with the highest cosine.

    `side` is 0 for the source, 1 for the target; `text` is 1 or 2 (premise, hypothesis).
    `most_to` is the word of the other side that its largest flow goes to, empty where it has no
    mass; `position` and those ending in it count words of a side from 0.
    """
    tables = []
    for side, (place, mass, cosines, moved) in enumerate(
        (
            (places.source, result.source_mass, result.similarity, result.plan.matrix),
            (places.target, result.target_mass, result.similarity.T, result.plan.matrix.T),
        )
    ):
        own, other = (result.source, result.target)[:: 1 if side == 0 else -1]
        nearest, most = cosines.argmax(1), moved.argmax(1)
        table = pd.DataFrame({"side": side, "position": range(len(own.units))})
        table["lang"] = own.lang
        table["word"] = [unit.text for unit in own.units]
        table["text"] = [unit.segment + 1 for unit in own.units]
        table["mass"] = mass
        table["x"], table["y"] = place.T
        table["nearest"] = [other.units[index].text for index in nearest]
        table["nearest_position"] = nearest
        table["cosine"] = cosines[np.arange(len(nearest)), nearest]
        table["most_to"] = [
            other.units[index].text if row[index] > 0 else ""
            for index, row in zip(most, moved, strict=True)
        ]
        table["most_to_position"] = most
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def drawn_links(result: PairResult) -> Links:
    """The flows that are the largest of both their words: source and target positions."""
    return plan_links(result.plan.matrix, result.similarity)


def places_sentence(table: pd.DataFrame) -> str:
    """The picture's finding: of how many words the largest flow goes to the nearest word."""
    parts = []
    for side in range(2):
        rows = table[(table["side"] == side) & (table["most_to"] != "")]
        agree = int((rows["nearest_position"] == rows["most_to_position"]).sum())
        parts.append(f"{agree} of {count(len(rows), _words_of(table, side))}")
    return f"The nearest word gets the largest flow of {' and of '.join(parts)}."


def _words_of(table: pd.DataFrame, side: int) -> str:
    return f"{language_name(str(table.loc[table['side'] == side, 'lang'].iloc[0]))} word"
