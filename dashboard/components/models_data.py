"""The data sets that can be read by name: languages, items, licence, where each belongs."""

from html import escape

import pandas as pd
import streamlit as st

from ccta_core.text import NONE, count
from dashboard import resources
from dashboard.address import Address
from dashboard.components import notice, say
from dashboard.components.files import csv_button
from dashboard.tables.models import data_table

_HEADS = ("data", "what", "task", "languages", "items a language", "licence")


def models_data(address: Address) -> None:
    """The table; items are counted when asked for, since that reads everything."""
    sets = tuple(resources.data())
    here = tuple(one for one in sets if one.present)
    say.heading(f"{count(len(here), 'data set')} here")
    counting = st.toggle("Count the items, which reads every file", key=address.widget("count"))
    bundled = tuple(one for one in here if one.name.startswith("demo:"))
    counts = resources.item_counts(here if counting else bundled)
    table = data_table(sets, counts)
    say.table(_HEADS, (_row(row) for _, row in table.iterrows()), html=True)
    csv_button(table, "data-sets", key=address.widget("data_csv"))
    absent = [one for one in sets if not one.present]
    if absent:
        names = ", ".join(f"{one.name} ({one.folder})" for one in absent)
        notice.advice(f"Not here: {names}. Put them there, or take them from the hub.")


def _row(row: pd.Series) -> list[str]:
    languages = f"{row['languages']} <small>{escape(row['codes'])}</small>"
    return [
        escape(row["name"]), escape(row["what"]), escape(row["task"]),
        languages if row["present"] else "not here", escape(row["items"] or NONE),
        escape(row["licence"]),
    ]  # fmt: skip
