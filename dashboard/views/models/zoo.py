"""The models: scores by language, the chosen one's at length, a basket of them, the table."""

from collections.abc import Mapping
from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from ccta_core.languages import LANGUAGES
from ccta_core.models.added import CHANGED
from ccta_core.models.catalog import ModelInfo
from ccta_core.text import NONE, count, interval, number
from dashboard.fields import one_of, some_of
from dashboard.session import Session
from dashboard.views.models.charts import describe_chart, score_dots
from dashboard.views.models.tables import (
    card_scores,
    finding,
    heatmap_finding,
    metric_name,
    metric_of,
    score_table,
    zoo_table,
)
from dashboard.views.pair.view import MOST_MODELS
from dashboard.widgets import notices, text_blocks
from dashboard.widgets.files import chart_files, csv_button, drawing_files
from dashboard.widgets.matrix import Head, Matrix, MatrixCell, drawing, matrix
from dashboard.widgets.terms import what_is
from dashboard.widgets.wording import language_name

_ALL = "all"
_FIRST = "e5-small/nli-en"
_TASKS = {
    _ALL: "All tasks", "nli": "NLI", "paraphrase": "Paraphrase", "qa": "Question answering",
    "ner": "Names", "classification": "Classification", "backbone": "Backbone",
}  # fmt: skip
_HEADS = ("model", "task", "trained on", "mean score", "majority baseline", "MB", "licence")


def models_zoo(session: Session, models: Mapping[str, ModelInfo]) -> None:
    """Scores of a task's models by language, one model beside them, the table of all below."""
    tasks = [_ALL, *dict.fromkeys(info.task for info in models.values())]
    with st.container(horizontal=True, vertical_alignment="bottom", key="models_row"):
        task = session.selectbox(
            "Task",
            one_of("task", tasks, _ALL),
            format_func=lambda task: _TASKS.get(task, task),
            width=200,
        )
        shown = {name: info for name, info in models.items() if task in (_ALL, info.task)}
        first = _FIRST if _FIRST in shown else next(iter(shown))
        name = session.selectbox("Model", one_of("model", shown, first), width=300)
        _basket(session, {name: info for name, info in models.items() if info.labels}, name)
    left, right = st.columns([2, 1], gap="medium")
    with left:
        _show_heatmap(session, shown, name)
    with right:
        _show_model(session, models[name])
    table = zoo_table(shown.values())
    text_blocks.heading(f"{count(len(shown), 'model')} here")
    with st.container(key="models_zoo"):
        text_blocks.table(_HEADS, (_row(row, name) for _, row in table.iterrows()), html=True)
    text_blocks.quiet(
        "Mean score: over the languages of the card, each counting the same; its 95% interval is "
        "as wide as it can be, since the languages share their items."
    )
    with st.container(horizontal=True, key="models_zoo_row"):
        csv_button(table, f"models-{task}", key=session.widget("zoo"))
        what_is("models", "majority", "entities")


def _basket(session: Session, models: Mapping[str, ModelInfo], chosen: str) -> None:
    """Up to six models of one task to look at on one item; the page Pair shows them."""
    basket = session.value(some_of("basket", models))
    task = models[basket[0]].task if basket else models[chosen].task if chosen in models else ""
    session.multiselect(
        "Models to compare on one item",
        "basket",
        [name for name, info in models.items() if info.task == task or name in basket],
        max_selections=MOST_MODELS,
        placeholder=f"Up to {MOST_MODELS} of one task",
        width=420,
    )
    alike = [name for name in basket if models[name].task == task]
    if st.button("Compare on an item", disabled=len(alike) < 2, key=session.widget("compare")):
        query = {"model": alike[0], "basket": ",".join(alike)}
        session.lead_to("pair", query)


def _show_heatmap(session: Session, models: Mapping[str, ModelInfo], chosen: str) -> None:
    """Model x language; a click chooses the model that is shown beside it."""
    # Retrieval by the backbone is another kind of number: it is shown where it is asked for.
    heads = [info for info in models.values() if info.task != "backbone"]
    scores = card_scores(heads or models.values())
    if scores.empty:
        text_blocks.verdict("No model here has scores.")
        return
    if sentence := heatmap_finding(scores):
        text_blocks.verdict(sentence)
    names = scores["metric"].unique()
    langs = sorted(scores["lang"].unique(), key=language_name)
    drawn = Matrix(
        label="Scores of the models by language",
        rows=[
            Head(name, name.removeprefix("e5-small/"), group=models[name].task)
            for name in scores["model"].unique()
        ],
        columns=[Head(lang, language_name(lang), lang) for lang in langs],
        cells={
            (row.model, row.lang): MatrixCell(
                float(row.score), number(row.score), _describe_score(row)
            )
            for row in scores.itertuples()
        },
        legend=", ".join(names),
        row_title="model",
        column_title="language",
    )
    matrix(
        drawn,
        key=session.widget("heatmap"),
        on_click=lambda model, _: session.put(model=model),
    )
    text_blocks.quiet(
        "Scores of the models' cards. Hold the pointer over a cell for its 95% interval and n; a "
        "click shows the model."
    )
    drawing_files(drawing(drawn), scores, "model-scores", key=session.widget("heatmap_files"))


def _describe_score(row: Any) -> str:
    bounds = "" if pd.isna(row.low) else f", 95% {interval(row.low, row.high)}"
    return f"{row.model}, {row.language}: {row.metric} {number(row.score, 3)}{bounds}, n = {row.n}"


def _show_model(session: Session, info: ModelInfo) -> None:
    """Scores in each language with the majority, then the card."""
    if CHANGED in info.card:
        notices.problem(f"{info.card[CHANGED]} (below, under Add a model).")
    table, metric = score_table(info), metric_name(metric_of(info))
    if table.empty:
        text_blocks.verdict(f"{info.id} has no scores.")
    else:
        text_blocks.verdict(f"{info.id}: {finding(table)}")
        n = sorted({int(count) for count in table["n"]})
        items = f"{n[0]:,}" if len(n) == 1 else f"{n[0]:,} to {n[-1]:,}"
        text_blocks.quiet(
            f"{items} items a language · {info.card.get('evaluation', '')}".rstrip(" ·")
        )
        figure = score_dots(table, metric, dark=text_blocks.dark())
        chart = session.widget("dots")
        text_blocks.chart(figure, key=chart, alt=describe_chart(table, metric))
        chart_files(figure, table, f"scores-{info.id}", chart=chart)
    text_blocks.model_card(info)


def _row(row: pd.Series, chosen: str) -> list[str]:
    name = escape(row["model"])
    return [
        f"<b>{name}</b>" if row["model"] == chosen else name,
        escape(row["task"]),
        escape(_training_language(row)),
        _mean_text(row),
        number(None if pd.isna(row["majority"]) else row["majority"]),
        f"{row['megabytes']:,.1f}" if row["megabytes"] else NONE,
        escape(row["licence"] or NONE),
    ]


def _training_language(row: pd.Series) -> str:
    if row["task"] == "backbone":
        return NONE
    lang = row["training_language"]
    return language_name(lang) if lang in LANGUAGES else lang or "not told"


def _mean_text(row: pd.Series) -> str:
    if not row["languages"]:
        return NONE
    interval = "" if pd.isna(row["low"]) else f" [{row['low']:.2f}, {row['high']:.2f}]"
    return (
        f"{row['mean']:.2f}{interval} <small>{escape(row['metric'])}, "
        f"{count(row['languages'], 'language')}</small>"
    )
