"""The list as files: every column as CSV, and a page that stands alone with texts and remarks."""

import re
from typing import TYPE_CHECKING

import streamlit as st

from ccta_core.errors import CctaError
from ccta_core.permissions import for_this_person
from ccta_core.reports.study.errors import MOST, Selection, selection_page
from ccta_core.store.notes import Remark
from dashboard import resources
from dashboard.session import Session
from dashboard.views.errors import tables, wording
from dashboard.views.errors.state import ANY, State
from dashboard.widgets import text_blocks
from dashboard.widgets.files import to_csv

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 100_000
"""Rows of a CSV: what a spreadsheet still opens in comfort."""


def downloads(session: Session, state: State, total: int) -> None:
    """The popover with both files; each is made when it is asked for."""
    with st.popover("Download", width="content"):
        if state.unread:
            text_blocks.quiet("Not now: the files hold tags and notes, which can't be read.")
            return
        study = state.chosen.study
        name = re.sub(r"[^\w.-]+", "-", f"errors-{study.name}-{state.filters.model}")
        query, url = session.query, (st.context.url or "").split("?")[0]
        st.download_button(
            "Evidence (HTML, works offline)",
            data=for_this_person(lambda: _evidence_page(state, query, url, total)),
            file_name=f"{name}.html",
            mime="text/html",
            key=session.widget("download_html"),
            on_click="ignore",
            width="stretch",
        )
        st.download_button(
            "All columns (CSV)",
            data=lambda: to_csv(
                with_remarks(
                    tables.first_rows(study, state.filters, state.order, MOST_ROWS), state.remarks
                )
            ),
            file_name=f"{name}.csv",
            mime="text/csv",
            key=session.widget("download_csv"),
            on_click="ignore",
            width="stretch",
        )
        text_blocks.quiet(describe_limits(total))


def describe_limits(total: int) -> str:
    """What of the list the files hold."""
    if total <= MOST:
        return "Both hold every comparison of the list; the page has the texts too."
    rows = f"the first {MOST_ROWS:,}" if total > MOST_ROWS else f"all {total:,}"
    return (
        f"The page holds the first {MOST:,} comparisons of the list with their texts, the CSV "
        f"{rows} without them."
    )


def with_remarks(rows: "pd.DataFrame", remarks: dict[str, Remark]) -> "pd.DataFrame":
    """The rows with the tags (commas between them) and the note of their item."""
    item_remarks = [remarks.get(item, Remark()) for item in rows["item"]]
    return rows.assign(
        tags=[", ".join(remark.tags) for remark in item_remarks],
        note=[remark.note for remark in item_remarks],
    )


def _evidence_page(state: State, query: dict[str, str], url: str, total: int) -> bytes:
    chosen, filters = state.chosen, state.filters
    rows = tables.first_rows(chosen.study, filters, state.order, MOST)
    summary = tables.summarise_selection(chosen.study, filters)
    same = tables.same_prediction(chosen.study, filters)
    try:
        examples = resources.texts(chosen.study.name, list(dict.fromkeys(rows["item"])))
    except CctaError:
        examples = {}
    tag = query.get("tag", "")
    return selection_page(
        Selection(
            study=chosen.study,
            model=filters.model,
            layer=filters.layer,
            rows=rows,
            total=total,
            verdict=wording.selection_verdict(summary, filters, same, chosen.task),
            doubt=wording.doubt(summary, filters),
            filters=wording.chosen_filters(state, "" if tag == ANY else tag),
            examples=examples,
            remarks=state.remarks,
            address=url,
            query={name: value for name, value in query.items() if name not in ("page", "row")},
        )
    ).encode("utf-8")
