"""Consistency by layer, and where the mass of a word goes."""

import pandas as pd
import streamlit as st

from ccta_core.measures import label, title
from ccta_core.text import count, interval, number, percent
from dashboard import resources
from dashboard.fields import one_of
from dashboard.session import Session
from dashboard.views.languages.charts import flows_html, flows_svg, mexa_chart, profile_chart
from dashboard.views.languages.tables import (
    BINS,
    VARIANTS,
    TopShare,
    layer_profile,
    mean_flows,
    mexa_means,
    mexa_table,
    top_share,
)
from dashboard.widgets import text_blocks
from dashboard.widgets.files import chart_files, drawing_files
from dashboard.widgets.study_bar import Chosen
from dashboard.widgets.wording import language_name

_DEPTH = 12
"""Layers of the axis where the backbone's card does not say more."""


def layers(chosen: Chosen) -> None:
    """Two charts on the same layers: what the study measured, what the backbone does alone."""
    text_blocks.heading("Layer by layer")
    with st.spinner("Drawing 2,000 resamples for each layer…"):
        table = resources.computed(chosen.study, layer_profile, chosen.model)
    mexa = _card_mexa(chosen)
    depth = max(_DEPTH, *chosen.study.manifest.layers)
    left, right = st.columns(2, gap="medium")
    with left:
        _profile_part(table, depth, chosen.study.name)
    with right:
        _mexa_part(mexa, depth)


def _profile_part(table: pd.DataFrame, depth: int, study: str) -> None:
    text_blocks.say(profile_sentence(table))
    several = table["layer"].nunique() > 1
    if several:
        names = {name: title(name) for name in table["measure"].unique()}
        figure = profile_chart(table, names, depth, dark=text_blocks.dark())
        text_blocks.chart(figure, key="languages_profile", alt=profile_sentence(table))
    if len(table):
        text_blocks.quiet(
            f"Means over all pairs of languages, each item and pair alike; "
            f"{'bars: ' if several else ''}95% of {count(int(table['groups'].max()), 'group')} "
            "of items resampled."
        )
    if several:
        chart_files(figure, table, f"{study}-layers", chart="languages_profile")


def profile_sentence(table: pd.DataFrame) -> str:
    """The chart's finding: EMS and gain from the first layer to the last; all there is of one."""
    ems_rows = table[table["measure"] == "ems"].set_index("layer")
    if ems_rows.empty:
        return "No layer has an EMS yet."
    if len(ems_rows) == 1:
        each = ", ".join(_mean_text(row) for _, row in table.iterrows())
        return (
            f"The study has one layer, {ems_rows.index[0]}: {each}. Run it with more layers for a "
            "profile."
        )
    first, last, best = ems_rows.index.min(), ems_rows.index.max(), ems_rows["value"].idxmax()
    gain = table[table["measure"] == "gain"].set_index("layer")["value"]
    text = f"EMS goes from {number(ems_rows['value'][first])} at layer {first} to "
    text += f"{number(ems_rows['value'][last])} at layer {last}"
    if {first, last} <= set(gain.index):
        text += f", its gain from {number(gain[first])} to {number(gain[last])}"
    top = f"; EMS is highest at layer {best}" if len(ems_rows) > 2 else ""
    return f"{text}{top}."


def _mean_text(row: pd.Series) -> str:
    span = "" if pd.isna(row["low"]) else f" (95% {interval(row['low'], row['high'])})"
    return f"{label(row['measure'])} {number(row['value'])}{span}"


def mexa_sentence(means: pd.DataFrame) -> str:
    """The chart's finding: where the backbone retrieves translations best."""
    mexa_rows = means[means["variant"] == "mexa"]
    best = mexa_rows.loc[mexa_rows["value"].idxmax()]
    chance = means[means["variant"] == "random"]["value"]
    random = f"; untrained {number(float(chance.max()))} at most" if len(chance) else ""
    return (
        f"The backbone alone retrieves translations best at layer {int(best['layer'])}: MEXA "
        f"{number(best['value'])} over {int(best['languages'])} languages{random}."
    )


def _card_mexa(chosen: Chosen) -> pd.DataFrame:
    """The card's MEXA in the study's languages; empty for models of another backbone."""
    backbone = resources.backbone()
    if chosen.model.partition("/")[0] != backbone.id:
        return mexa_table({}, ())
    return mexa_table(backbone.card, chosen.study.manifest.languages)


def _mexa_part(mexa: pd.DataFrame, depth: int) -> None:
    if mexa.empty:
        text_blocks.say(
            "MEXA by layer is kept in the card of e5-small, for models on that backbone and "
            "languages of FLORES-200; this model or these languages are not among them."
        )
        return
    means = mexa_means(mexa)
    text_blocks.say(mexa_sentence(means))
    figure = mexa_chart(means, VARIANTS, depth, dark=text_blocks.dark())
    text_blocks.chart(figure, key="languages_mexa", alt=mexa_sentence(means))
    text_blocks.quiet(
        f"From the card of {resources.backbone().id}, mean over languages: the share of sentences "
        "whose English beats every other in its row and column of cosines; first "
        f"{int(mexa['n'].max())} sentences of FLORES-200 devtest, mean pooling. No task, no "
        "attribution."
    )
    chart_files(figure, mexa, "mexa-by-layer", chart="languages_mexa")


def read_target(session: Session) -> str:
    """The target language of the flows."""
    targets = [str(code) for code in _comparison_counts().index]
    return str(session.value(one_of("flow", targets, targets[0]))) if targets else ""


def flows_belong_to(chosen: Chosen) -> bool:
    """Whether the flows of the demo's items belong on the page of a study: it measured such items
    in languages that the flows have, by their model.
    """
    manifest = chosen.study.manifest
    models = {model["id"] for model in manifest.models}
    flows_of = resources.flows()
    langs = {*flows_of["source"].unique(), *flows_of["target"].unique()}
    return (
        manifest.data.startswith("demo:")
        and resources.FLOWS_OF in models
        and set(manifest.languages) <= langs
    )


def flows(session: Session, target: str) -> None:
    """The alluvial picture of one pair over the demo's items, and its finding."""
    comparisons, counts = resources.flows(), _comparison_counts()
    if counts.empty:
        return
    pair_flows = comparisons[comparisons["target"] == target]
    source = str(pair_flows["source"].iloc[0])
    names = (language_name(source), language_name(target))
    text_blocks.heading("Where the mass of a word goes")
    with st.container(horizontal=True, key="languages_flows_row"):
        session.selectbox(
            f"From {names[0]} to",
            "flow",
            format_func=lambda code: f"{language_name(code)} ({count(counts[code], 'item')})",
            width=280,
        )
    share, means = top_share(pair_flows), mean_flows(pair_flows)
    alt = flow_sentence(share, names)
    text_blocks.say(alt)
    st.html(flows_html(means, names, BINS, alt=alt))
    text_blocks.quiet(
        "Studies keep no transport plans. These are the finished comparisons of demo items by "
        f"{resources.FLOWS_OF} at the embeddings (layer 0) that come with the program: words by "
        f"the rank of their mass, mean over {count(share.n, 'item')} in "
        f"{count(share.groups, 'group')}. Coloured: to the same rank. By part of speech nothing is "
        "shown: no tags are at hand for these texts."
    )
    svg = flows_svg(means, names, BINS, alt=alt)
    name = f"flows-{source}-{target}"
    drawing_files(svg, means.assign(source=source, target=target), name, key="languages_flows")


def flow_sentence(share: TopShare, names: tuple[str, str]) -> str:
    """The chart's finding: from the heaviest word to the heaviest."""
    span = f" (95% {_percent_interval(share)})" if share.low is not None else ""
    return (
        f"Of the mass of the heaviest {names[0]} word, {percent(share.share)}{span} goes to the "
        f"heaviest {names[1]} word; if it were spread in proportion to the masses it would be "
        f"{percent(share.expected)}. n = {count(share.n, 'item')} in "
        f"{count(share.groups, 'group')}."
    )


def _comparison_counts() -> pd.Series:
    """How many finished comparisons each target language has, most first."""
    counts = resources.flows().groupby("target")["item"].nunique()
    return counts.sort_values(ascending=False, kind="stable")


def _percent_interval(share: TopShare) -> str:
    if share.low is None or share.high is None:
        return ""
    return interval(100 * share.low, 100 * share.high, 0) + "%"
