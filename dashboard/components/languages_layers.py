"""Layer by layer: EMS and its controls in the study, MEXA of the backbone beside them."""

import pandas as pd
import streamlit as st

from ccta_core.text import count, interval, number
from dashboard import resources
from dashboard.charts.languages_layers import mexa_chart, profile_chart
from dashboard.components import say
from dashboard.components.files import chart_files
from dashboard.components.study_bar import Chosen
from dashboard.tables.languages_layers import VARIANTS, layer_profile, mexa_means, mexa_table
from dashboard.tables.study_measures import label, title

_DEPTH = 12
"""Layers of the axis where the backbone's card does not say more."""


def layers(chosen: Chosen) -> None:
    """Two charts on the same layers: what the study measured, what the backbone does alone."""
    say.heading("Layer by layer")
    with st.spinner("Drawing 2,000 resamples for each layer…"):
        table = resources.computed(chosen.study, layer_profile, chosen.model)
    found = _mexa(chosen)
    depth = max(_DEPTH, *chosen.study.plan.layers)
    left, right = st.columns(2, gap="medium")
    with left:
        _profile_part(table, depth, chosen.study.name)
    with right:
        _mexa_part(found, depth)


def _profile_part(table: pd.DataFrame, depth: int, study: str) -> None:
    say.say(profile_sentence(table))
    several = table["layer"].nunique() > 1
    if several:
        names = {name: title(name) for name in table["measure"].unique()}
        figure = profile_chart(table, names, depth, dark=say.dark())
        say.chart(figure, key="languages_profile", alt=profile_sentence(table))
    if len(table):
        say.quiet(
            f"Means over all pairs of languages, each item and pair alike; "
            f"{'bars: ' if several else ''}95% of {count(int(table['groups'].max()), 'group')} "
            "of items resampled."
        )
    if several:
        chart_files(figure, table, f"{study}-layers", chart="languages_profile")


def profile_sentence(table: pd.DataFrame) -> str:
    """The chart's finding: EMS and gain from the first layer to the last; all there is of one."""
    own = table[table["measure"] == "ems"].set_index("layer")
    if own.empty:
        return "No layer has an EMS yet."
    if len(own) == 1:
        each = ", ".join(_mean_text(row) for _, row in table.iterrows())
        return (
            f"The study has one layer, {own.index[0]}: {each}. Run it with more layers for a "
            "profile."
        )
    first, last, best = own.index.min(), own.index.max(), own["value"].idxmax()
    gain = table[table["measure"] == "gain"].set_index("layer")["value"]
    text = f"EMS goes from {number(own['value'][first])} at layer {first} to "
    text += f"{number(own['value'][last])} at layer {last}"
    if {first, last} <= set(gain.index):
        text += f", its gain from {number(gain[first])} to {number(gain[last])}"
    top = f"; EMS is highest at layer {best}" if len(own) > 2 else ""
    return f"{text}{top}."


def _mean_text(row: pd.Series) -> str:
    span = "" if pd.isna(row["low"]) else f" (95% {interval(row['low'], row['high'])})"
    return f"{label(row['measure'])} {number(row['value'])}{span}"


def mexa_sentence(means: pd.DataFrame) -> str:
    """The chart's finding: where the backbone finds translations best."""
    own = means[means["variant"] == "mexa"]
    best = own.loc[own["value"].idxmax()]
    chance = means[means["variant"] == "random"]["value"]
    random = f"; untrained {number(float(chance.max()))} at most" if len(chance) else ""
    return (
        f"The backbone alone finds translations best at layer {int(best['layer'])}: MEXA "
        f"{number(best['value'])} over {int(best['languages'])} languages{random}."
    )


def _mexa(chosen: Chosen) -> pd.DataFrame:
    """The card's MEXA in the study's languages; empty for models of another backbone."""
    backbone = resources.backbone()
    if chosen.model.partition("/")[0] != backbone.id:
        return mexa_table({}, ())
    return mexa_table(backbone.card, chosen.study.plan.languages)


def _mexa_part(found: pd.DataFrame, depth: int) -> None:
    if found.empty:
        say.say(
            "MEXA by layer is kept in the card of e5-small, for models on that backbone and "
            "languages of FLORES-200; this model or these languages are not among them."
        )
        return
    means = mexa_means(found)
    say.say(mexa_sentence(means))
    figure = mexa_chart(means, VARIANTS, depth, dark=say.dark())
    say.chart(figure, key="languages_mexa", alt=mexa_sentence(means))
    say.quiet(
        f"From the card of {resources.backbone().id}, mean over languages: the share of sentences "
        "whose English beats every other in its row and column of cosines; first "
        f"{int(found['n'].max())} sentences of FLORES-200 devtest, mean pooling. No task, no "
        "attribution."
    )
    chart_files(figure, found, "mexa-by-layer", chart="languages_mexa")
