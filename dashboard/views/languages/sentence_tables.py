"""Which items of a pair of languages lie on the fixed plane, and where their sentences do."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ccta_core.projection.places import Places
from ccta_core.text import count, number
from ccta_core.types import ParallelExample

MOST_ITEMS = 60
"""Items that are placed: each has both its texts read once."""
_LONG = 90


def placed_items(items: pd.DataFrame) -> list[str]:
    """At most `MOST_ITEMS` items from the highest EMS to the lowest, evenly spread.

    `items` is `tables.pair_items` with an EMS in every row. What is selected has no part in it, so
    that a click moves nothing.
    """
    places = np.linspace(0, len(items) - 1, min(MOST_ITEMS, len(items))).round().astype(int)
    return [str(item) for item in items["item"].iloc[places]]


def sentences_table(
    places: Places,
    ids: Sequence[str],
    items: pd.DataFrame,
    examples: Mapping[str, ParallelExample],
    langs: tuple[str, str],
) -> pd.DataFrame:
    """One row a sentence: item, side (0 source, 1 target), lang, x, y, the item's EMS, its text."""
    ems = items.set_index("item")["ems"]
    rows = [
        {
            "item": item,
            "side": side,
            "lang": lang,
            "x": place[0],
            "y": place[1],
            "ems": float(ems[item]),
            "text": " / ".join(examples[item].sentences[lang].segments),
        }
        for item, pair in zip(ids, places.pairs, strict=True)
        for side, (lang, place) in enumerate(zip(langs, pair.sentences, strict=True))
    ]
    return pd.DataFrame(rows)


def nearest_translations(table: pd.DataFrame) -> int:
    """Of how many items the target's sentence is, on the plane, the nearest to the source's."""
    source, target = (table.loc[table["side"] == side, ["x", "y"]].to_numpy() for side in (0, 1))
    distances = np.linalg.norm(source[:, None] - target[None], axis=2)
    return int((distances.argmin(1) == np.arange(len(source))).sum())


def sentences_sentence(table: pd.DataFrame, names: tuple[str, str], total: int) -> str:
    """The picture's finding, and how many items it shows."""
    shown = table["item"].nunique()
    some = "" if shown == total else f" of {total:,}, from the highest EMS to the lowest"
    return (
        f"On the plane the nearest {names[1]} sentence is the translation for "
        f"{nearest_translations(table)} of {count(shown, f'{names[0]} sentence')}{some}."
    )


def hover_text(row: object) -> str:
    """What is said of a sentence at the pointer: item, EMS, the beginning of its text."""
    text = str(getattr(row, "text", ""))
    short = text if len(text) <= _LONG else text[:_LONG].rsplit(" ", 1)[0] + "…"
    return f"{getattr(row, 'item', '')}\nEMS {number(float(getattr(row, 'ems', 0)))}\n{short}"
