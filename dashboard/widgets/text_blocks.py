"""Sentences, tables, charts and model cards as every page shows them."""

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING, Any

import streamlit as st

from ccta_core.models.catalog import ModelInfo
from ccta_core.models.wording import card_facts, score_rows
from dashboard.session import widget_key
from dashboard.theme import CONFIG, read_beside

if TYPE_CHECKING:
    import plotly.graph_objects as go


_chart_keys = st.components.v2.component(
    "ccta_chart_keys",
    html="<span hidden></span>",
    js=read_beside(__file__, "chart_keys.js"),
    isolate_styles=False,
)


def title(text: str) -> None:
    """The page's question, its only first heading."""
    st.html(f"<h1 class='ccta-title'>{escape(text)}</h1>")


def heading(text: str) -> None:
    """A part's heading: what it finds."""
    st.html(f"<h2 class='ccta-heading'>{escape(text)}</h2>")


def verdict(text: str) -> None:
    """One honest sentence above a statistic."""
    st.html(f'<p class="ccta-verdict">{escape(text)}</p>')


def say(text: str) -> None:
    """A sentence or two beside a picture or a table."""
    st.html(f'<p class="ccta-say">{escape(text)}</p>')


def quiet(text: str) -> None:
    """What a reader may want to know: n, units, where a number comes from."""
    st.html(f'<p class="ccta-finding">{escape(text)}</p>')


def table(heads: Iterable[str], rows: Iterable[Iterable[str]], *, html: bool = False) -> None:
    """A small table of texts; with `html` its cells are HTML already."""
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    cells = ("".join(f"<td>{cell if html else escape(cell)}</td>" for cell in row) for row in rows)
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    st.html(
        f'<div class="ccta-scroll" tabindex="0"><table class="ccta-table"><thead><tr>{head}</tr>'
        f"</thead><tbody>{body}</tbody></table></div>"
    )


def chart(figure: "go.Figure", *, key: str, alt: str, **options: Any) -> Any:
    """A Plotly figure in the page's own theme, with its text alternative."""
    return st.plotly_chart(figure, key=key, alt=alt, theme=None, config=CONFIG, **options)


def chart_keys() -> None:
    """Lets the keyboard reach every chart's full screen; once on a page, whatever its charts."""
    _chart_keys(key="ccta_chart_keys")


def model_card(info: ModelInfo) -> None:
    """A model's data, licence, recipe and scores, folded; made only when it is opened."""
    folded = st.expander(f"About {info.id}", on_change="rerun", key=widget_key("pair", "card"))
    with folded:
        if not folded.open:
            return
        facts = "".join(
            f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in card_facts(info)
        )
        st.html(f'<dl class="ccta-card">{facts}</dl>')
        heads, *rows = score_rows(info.card)
        table(heads, rows)


def dark() -> bool:
    """Whether the page is dark now."""
    return st.context.theme.type == "dark"
