"""What stands below the items: layers, doses, consistency, hypotheses, every table."""

from functools import partial
from html import escape

import pandas as pd
import streamlit as st

from ccta_core.adjustment.changes import Tables
from ccta_core.adjustment.curves import (
    by_layer,
    consistency,
    consistency_finding,
    dial,
    dial_finding,
    doses,
    layer_finding,
)
from ccta_core.adjustment.hypotheses import UNDECIDED, verdicts
from ccta_core.adjustment.summary import NOT_RUN
from ccta_core.text import count, number
from dashboard.views.adjust.charts import (
    DIALLED,
    consistency_chart,
    dial_chart,
    dose_chart,
    layer_chart,
)
from dashboard.views.adjust.controls import ChosenAdjustment
from dashboard.widgets import text_blocks
from dashboard.widgets.files import chart_files, to_csv
from dashboard.widgets.wording import language_name

_LAYER_CHARTS = {"auc": ("auc",), "distance": ("related", "unrelated"),
                 "retrieval": ("retrieval", "mexa")}  # fmt: skip


def layers(tables: Tables, chosen: ChosenAdjustment) -> None:
    """AUC, distances and retrieval by layer, arm against arm."""
    table = by_layer(tables, chosen.lang, chosen.task, chosen.distance)
    text_blocks.heading("By layer, arm against arm")
    text_blocks.say(layer_finding(table))
    if not len(table):
        return
    trained = [f"{arm}, after the task" for arm in ("original", chosen.arm)]
    table = table[~table["arm"].str.contains(",") | table["arm"].isin(trained)]
    for column, (name, measures) in zip(st.columns(3), _LAYER_CHARTS.items(), strict=True):
        with column:
            shown = [each for each in measures if each in set(table["measure"])]
            figure = layer_chart(table, shown, dark=text_blocks.dark())
            key = f"adjust_layer_{name}"
            alt = f"{name} by layer: {layer_finding(table)}"
            text_blocks.chart(figure, key=key, alt=alt)
            rows = table[table["measure"].isin(shown)]
            chart_files(figure, rows, f"{chosen.lang}-{name}-by-layer", chart=key)
    missing = "" if "mexa" in set(table["measure"]) else f" MEXA: {NOT_RUN}."
    text_blocks.quiet(
        "Held-out sentence pairs; retrieval by the mean of all tokens, English as index; means "
        f"over seeds.{missing}"
    )


def dose_and_noise(tables: Tables, chosen: ChosenAdjustment) -> None:
    """AUC and score by pairs learnt and links re-paired, where more than one dose was run."""
    table = doses(tables, chosen.lang, chosen.task)
    text_blocks.heading("Dose and noise")
    learnt = table[table["pairs"] != 0] if len(table) else table
    if not len(learnt) or len(learnt[["pairs", "noise"]].drop_duplicates()) < 2:
        text_blocks.say(f"Other numbers of pairs, and re-paired links: {NOT_RUN}.")
        return
    text_blocks.say(
        f"{count(len(learnt[['pairs', 'noise']].drop_duplicates()), 'dose')} of "
        f"{language_name(chosen.lang)} run: sentence pairs learnt from, and the share of their "
        "links re-paired at random."
    )
    for column, measure in zip(st.columns(2), ("auc", "score"), strict=True):
        rows = table[table["measure"] == measure]
        with column:
            if not len(rows):
                text_blocks.quiet(f"Score by dose: {NOT_RUN}.")
                continue
            figure = dose_chart(table, measure, dark=text_blocks.dark())
            key = f"adjust_dose_{measure}"
            text_blocks.chart(figure, key=key, alt=f"{measure} by sentence pairs, a dot a seed")
            chart_files(figure, rows, f"{chosen.lang}-{measure}-by-dose", chart=key)


def adapter_dial(tables: Tables, chosen: ChosenAdjustment) -> None:
    """Score, AUC and EMS with the alignment scaled under the task's model, at measured scales."""
    table = dial(tables, chosen.lang, chosen.task)
    text_blocks.heading("Adapter dial: the alignment scaled under the task's model")
    text_blocks.say(dial_finding(table))
    if not len(table):
        return
    first = table.iloc[0]
    for column, (measure, name) in zip(st.columns(3), DIALLED.items(), strict=True):
        with column:
            figure = dial_chart(table, measure, dark=text_blocks.dark())
            key = f"adjust_dial_{measure}"
            values = ", ".join(
                f"{row['scale']:g}: {number(float(row[measure]), 3)}"
                for row in table.to_dict("records")
            )
            text_blocks.chart(figure, key=key, alt=f"{name} by scale, {values}")
            kept = table[["scale", measure, "n", "links", "pairs"]]
            chart_files(figure, kept, f"{chosen.lang}-dial-{measure}", chart=key)
    text_blocks.quiet(
        f"Every dot was measured, none lies between others. 0 takes the alignment out from under "
        f"the task's training, 1 is the adjusted model ({first['model']}). Score: "
        f"{count(int(first['n']), 'item')}, bars 95%; AUC: {count(int(first['links']), 'link')} "
        f"of demo words, layer {int(first['layer'])}; EMS: "
        f"{count(int(first['pairs']), 'demo item')}, raw space."
    )


def join(tables: Tables, chosen: ChosenAdjustment) -> None:
    """Does the consistency of attributions move with it?"""
    table = consistency(tables, chosen.lang)
    text_blocks.heading("Does the consistency of attributions move with it?")
    text_blocks.say(consistency_finding(table))
    if not len(table):
        return
    figure = consistency_chart(table, dark=text_blocks.dark())
    key = "adjust_consistency"
    text_blocks.chart(figure, key=key, alt=consistency_finding(table))
    text_blocks.quiet(
        "Same items, English to the language, arms paired by seed; bars: 95%, over items and, "
        "where there are several, seeds."
    )
    chart_files(figure, table, f"{chosen.lang}-consistency", chart=key)


def hypotheses(tables: Tables) -> None:
    """H1 to H7 with their verdicts, and on demand what each rests on."""
    answers = verdicts(tables)
    run = sum(each.verdict not in (NOT_RUN, UNDECIDED) for each in answers)
    text_blocks.heading(f"Hypotheses fixed before the first run: {run} of {len(answers)} answered")
    text_blocks.table(
        ["", "hypothesis", "verdict"], [[each.key, each.claim, each.verdict] for each in answers]
    )
    if not any(each.evidence for each in answers):
        return
    with st.expander("What each verdict rests on"):
        for each in answers:
            lines = "".join(f"<li>{escape(line)}</li>" for line in each.evidence)
            if lines:
                st.html(f"<p class='ccta-finding'>{escape(each.key)}. {escape(each.claim)}</p>")
                st.html(f'<ul class="ccta-remarks">{lines}</ul>')


def every_table(tables: Tables) -> None:
    """How much of the plan was run, and each table as a file."""
    runs = tables["runs"]
    finished = int((runs["state"] == "finished").sum())
    text_blocks.heading("The experiment behind this page")
    text_blocks.quiet(
        f"{finished} of {count(len(runs), 'cell')} of the plan are finished; what is missing "
        f"reads {NOT_RUN}."
    )
    with st.expander("What was run, and every table as CSV"):
        text_blocks.table(
            ["block", "finished", "of"],
            [
                [str(block), str(int((rows["state"] == "finished").sum())), str(len(rows))]
                for block, rows in runs.groupby("block", sort=False)
            ],
        )
        with st.container(horizontal=True, key="adjust_tables_row"):
            for name, table in tables.items():
                if len(table):
                    _table_button(name, table)


def _table_button(name: str, table: pd.DataFrame) -> None:
    kept = table.drop(columns=[c for c in table if str(c).startswith("histogram_")])
    st.download_button(
        f"{name} ({len(table):,} rows)",
        data=partial(to_csv, kept),
        file_name=f"adjustment-{name}.csv",
        mime="text/csv",
        key=f"adjust_table_{name}",
        on_click="ignore",
        type="tertiary",
        icon=":material/download:",
    )
