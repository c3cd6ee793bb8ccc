"""Where models and data come from: adding a model, the data sets, what they may be used for."""

from html import escape

import pandas as pd
import streamlit as st

from ccta_core.config import cache_root
from ccta_core.errors import CctaError
from ccta_core.models.added import CHANGED, add_apart, added, remove
from ccta_core.permissions import person, read_only
from ccta_core.store.usage import CacheUse, clear, usage
from ccta_core.text import NONE, count, size
from dashboard import resources
from dashboard.session import Session
from dashboard.views.models.tables import data_table
from dashboard.widgets import notices, text_blocks
from dashboard.widgets.files import csv_button

_WHAT = (
    "A name of the hub (owner/name) or a folder on this machine with config.json, "
    "model.safetensors and tokenizer.json. It is fetched and loaded once, to see whether it can be "
    "attributed: encoders with a head for classification, question answering or tags work. No code "
    "of a model's own is ever run."
)


def models_add(session: Session) -> None:
    """The folded part of the page that adds and takes away."""
    folded = st.expander("Add a model", on_change="rerun", key=session.widget("more"))
    with folded:
        if not folded.open:
            return
        if notices.only_looking("models are added") or notices.for_administrators("adding models"):
            return
        text_blocks.say(_WHAT)
        with st.form(session.widget("form"), border=False):
            name = st.text_input("Name or folder", key=session.widget("name"))
            submitted = st.form_submit_button("Check and add")
        if submitted:
            _add(name)
        _added_models(session)


def _add(name: str) -> None:
    try:
        with st.spinner("Fetching the model and loading it once; a large one takes minutes"):
            model_id = add_apart(name)
    except CctaError as error:
        notices.problem(str(error))
        return
    st.query_params.from_dict({"model": model_id})
    st.rerun()


def _added_models(session: Session) -> None:
    """Those on the list, each with a button that takes it off."""
    for index, (name, info) in enumerate(added().items()):
        changed = info.card.get(CHANGED)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(notices.plain(changed or name), width="stretch")
            if changed and st.button("Read it again", key=session.widget(f"again_{index}")):
                _add(name)
            if st.button(
                "Take off the list", key=session.widget(f"remove_{index}"), type="tertiary"
            ):
                remove(name)
                st.rerun()


_HEADS = ("data", "what", "task", "languages", "items a language", "licence")


def models_data(session: Session) -> None:
    """The table; items are counted when asked for, since that reads everything."""
    sets = tuple(resources.data())
    here = tuple(data_set for data_set in sets if data_set.present)
    text_blocks.heading(f"{count(len(here), 'data set')} here")
    counting = st.toggle("Count the items, which reads every file", key=session.widget("count"))
    bundled = tuple(data_set for data_set in here if data_set.name.startswith("demo:"))
    counts = resources.item_counts(here if counting else bundled)
    table = data_table(sets, counts)
    text_blocks.table(_HEADS, (_data_row(row) for _, row in table.iterrows()), html=True)
    csv_button(table, "data-sets", key=session.widget("data_csv"))
    absent = [data_set for data_set in sets if not data_set.present]
    if absent:
        names = ", ".join(f"{data_set.name} ({data_set.folder})" for data_set in absent)
        notices.advice(f"Not here: {names}. Put them there, or take them from the hub.")


def _data_row(row: pd.Series) -> list[str]:
    languages = f"{row['languages']} <small>{escape(row['codes'])}</small>"
    return [
        escape(row["name"]), escape(row["what"]), escape(row["task"]),
        languages if row["present"] else "not here", escape(row["items"] or NONE),
        escape(row["licence"]),
    ]  # fmt: skip


def models_usage(session: Session) -> None:
    """A line for each kind with its size, and a button where it may be cleared."""
    folded = st.expander("What is kept in the cache", on_change="rerun", key=session.widget("use"))
    with folded:
        if not folded.open:
            return
        uses = usage()
        kept_bytes = sum(use.bytes for use in uses if use.kind.name != "pairs")
        place = f" in {cache_root().absolute()}" if person().administrator else ""
        text_blocks.say(f"{size(kept_bytes)}{place}, beside what ships with the product.")
        for use in uses:
            _usage_line(session, use)


def _usage_line(session: Session, use: CacheUse) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        what = f"{use.kind.title} · {size(use.bytes)} · {count(use.count, 'entry')}"
        st.markdown(notices.plain(what.replace("entrys", "entries")), width="stretch")
        may_clear = person().administrator and not read_only()
        if not use.kind.clearable or not use.count or not may_clear:
            return
        with st.popover("Clear", type="tertiary"):
            st.caption(f"{size(use.bytes)}: {use.kind.loss}.")
            if st.button("Delete them for good", key=session.widget(f"clear_{use.kind.name}")):
                _clear(use)


def _clear(use: CacheUse) -> None:
    """Clears a kind; of studies those that are at work stay."""
    busy = [state.name for state in resources.study_states() if state.busy]
    try:
        clear(use.kind.name, spare=busy if use.kind.name == "studies" else ())
    except CctaError as error:
        notices.problem(str(error))
        return
    st.rerun()
