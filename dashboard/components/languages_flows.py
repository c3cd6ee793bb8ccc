"""Where the weight goes from one language to another, by rank of words: what plans are at hand."""

import pandas as pd
import streamlit as st

from ccta_core.text import count, interval, percent
from dashboard import resources
from dashboard.address import Address, one_of
from dashboard.charts.languages_flows import flows_html, flows_svg
from dashboard.components import say
from dashboard.components.files import drawing_files
from dashboard.components.wording import language_name
from dashboard.tables.languages_flows import BINS, TopShare, mean_flows, top_share


def target_of(address: Address) -> str:
    """The language the weight goes to."""
    known = [str(code) for code in _counts().index]
    return str(address.value(one_of("flow", known, known[0]))) if known else ""


def flows(address: Address, target: str) -> None:
    """The alluvial picture of one pair over the demo's items, and its finding."""
    found, counts = resources.flows(), _counts()
    if counts.empty:
        return
    own = found[found["target"] == target]
    source = str(own["source"].iloc[0])
    names = (language_name(source), language_name(target))
    say.heading("Where the weight of a word goes")
    with st.container(horizontal=True, key="languages_flows_row"):
        st.selectbox(
            f"From {names[0]} to",
            list(counts.index),
            format_func=lambda code: f"{language_name(code)} ({count(counts[code], 'item')})",
            key=address.widget("flow"),
            width=280,
        )
    share, means = top_share(own), mean_flows(own)
    alt = flow_sentence(share, names)
    say.say(alt)
    st.html(flows_html(means, names, BINS, alt=alt))
    say.quiet(
        "Studies keep no transport plans. These are the finished comparisons of demo items by "
        f"{resources.FLOWS_OF} at the embeddings (layer 0) that come with the program: words by "
        f"the rank of their weight, mean over {count(share.n, 'item')} in "
        f"{count(share.groups, 'group')}. Coloured: to the same rank. By part of speech nothing is "
        "shown: no tags are at hand for these texts."
    )
    svg = flows_svg(means, names, BINS, alt=alt)
    name = f"flows-{source}-{target}"
    drawing_files(svg, means.assign(source=source, target=target), name, key="languages_flows")


def flow_sentence(found: TopShare, names: tuple[str, str]) -> str:
    """The chart's finding: from the heaviest word to the heaviest."""
    span = f" (95% {_percents(found)})" if found.low is not None else ""
    return (
        f"Of the weight of the heaviest {names[0]} word, {percent(found.share)}{span} goes to the "
        f"heaviest {names[1]} word; if weight went by weight alone it would be "
        f"{percent(found.expected)}. n = {count(found.n, 'item')} in "
        f"{count(found.groups, 'group')}."
    )


def _counts() -> pd.Series:
    """How many finished comparisons each target language has, most first."""
    found = resources.flows().groupby("target")["item"].nunique()
    return found.sort_values(ascending=False, kind="stable")


def _percents(found: TopShare) -> str:
    if found.low is None or found.high is None:
        return ""
    return interval(100 * found.low, 100 * found.high, 0) + "%"
