"""A model's card under the picture: data, licence, recipe, scores beside the majority."""

from html import escape

import streamlit as st

from ccta_core.models.catalog import ModelInfo
from ccta_core.models.wording import card_facts, score_rows
from dashboard.session import widget_key


def card(info: ModelInfo) -> None:
    """The card, folded; made only when it is opened."""
    folded = st.expander(f"About {info.id}", on_change="rerun", key=widget_key("pair", "card"))
    with folded:
        if folded.open:
            _facts(info)
            _scores(info)


def _facts(info: ModelInfo) -> None:
    rows = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in card_facts(info)
    )
    st.html(f'<dl class="ccta-card">{rows}</dl>')


def _scores(info: ModelInfo) -> None:
    head, *rows = score_rows(info.card)
    cells = "".join(f'<th scope="col">{escape(text)}</th>' for text in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    st.html(
        f'<div class="ccta-scroll" tabindex="0"><table class="ccta-table"><thead><tr>{cells}</tr>'
        f"</thead><tbody>{body}</tbody></table></div>"
    )
