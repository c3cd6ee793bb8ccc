"""Training language x language that is read, and which training language is most consistent."""

from typing import Any

import pandas as pd
import streamlit as st

from ccta_core.analysis import claims
from ccta_core.errors import CctaError
from ccta_core.measures import MEASURES, label, title
from ccta_core.text import count, interval, number, p_value
from dashboard import resources
from dashboard.fields import one_of
from dashboard.session import Session
from dashboard.views.languages.matrix import head
from dashboard.views.languages.tables import TrainingTable, training_table
from dashboard.widgets import text_blocks
from dashboard.widgets.files import csv_button, drawing_files
from dashboard.widgets.matrix import Head, Matrix, MatrixCell, drawing, matrix
from dashboard.widgets.navigation import open_errors
from dashboard.widgets.statistics_wording import shares_text
from dashboard.widgets.study_bar import Chosen, model_label
from dashboard.widgets.wording import language_name

_MEASURES = ("score", "ems", "gain", "ems_uniform", "ems_unrelated", "calibrated")


def read_measure(session: Session) -> str:
    """The measure of the matrix of training languages."""
    return str(session.value(one_of("read", _MEASURES, "score")))


def training(session: Session, chosen: Chosen, langs: list[str], measure: str) -> None:
    """The matrix over the study's models, two_way's sentence, the ranking when it is opened."""
    homes = {entry["training_language"] for entry in chosen.study.manifest.models} - {None}
    if len(homes) < 2:
        return
    text_blocks.heading("Training language against the language that is read")
    with st.container(horizontal=True, key="languages_training_row"):
        session.selectbox(
            "Each cell shows",
            "read",
            format_func=lambda name: _title(name, chosen.task),
            width=280,
        )
    result = resources.computed(chosen.study, training_table, chosen.layer, measure, chosen.models)
    if result.table.empty:
        text_blocks.say("No model trained in a language of the study has rows yet.")
        return
    text_blocks.say(training_sentence(result, label(measure, chosen.task)))
    drawn = _build_matrix(chosen, result, measure, langs)
    clicked = matrix(drawn, key="languages_training_cells")
    text_blocks.quiet(_caption(result, measure))
    name = f"{chosen.study.name}-training-{measure}"
    drawing_files(drawing(drawn), result.table, name, key="languages_training")
    _show_ranking(session, chosen, measure)
    if clicked is not None:
        training_language = str(result.table.set_index("model")["source"].loc[[clicked[0]]].iloc[0])
        model, read = clicked
        open_errors(
            session, chosen, model, training_language if training_language != read else "", read
        )


def training_sentence(result: TrainingTable, name: str) -> str:
    """What rows and columns explain, or why that can't be said."""
    if result.shares is None:
        problem = f"can't be estimated: {result.problem}."
        return f"The training language's share of the variance in {name} {problem}"
    return shares_text(result.shares, name)


def _title(name: str, task: str) -> str:
    text = title(name, task)
    return text if MEASURES[name].sided else f"{text} with the training language"


def _build_matrix(chosen: Chosen, result: TrainingTable, measure: str, langs: list[str]) -> Matrix:
    homes = result.table.drop_duplicates("model").set_index("model")["source"]
    place = {code: position for position, code in enumerate(langs)}
    models = sorted(homes.index, key=lambda name: (place.get(homes[name], 99), name))
    name = label(measure, chosen.task)
    return Matrix(
        label=f"{_title(measure, chosen.task)} by model and language",
        rows=[
            Head(model, model_label(chosen.study, model), _unique_code(homes, model))
            for model in models
        ],
        columns=[head(code) for code in langs],
        cells={
            (str(row.model), str(row.target)): MatrixCell(
                float(row.value), number(row.value), _cell_description(chosen, row, name)
            )
            for row in result.table.itertuples()
        },
        legend=f"{_title(measure, chosen.task)}",
        row_title="trained on",
        column_title="read in",
        scale="signed" if MEASURES[measure].signed else "similarity",
        marked=frozenset((model, str(homes[model])) for model in models),
    )


def _unique_code(homes: pd.Series, model: str) -> str:
    """The training language's code, where one model only was trained in it."""
    return str(homes[model]) if (homes == homes[model]).sum() == 1 else ""


def _cell_description(chosen: Chosen, row: Any, name: str) -> str:
    where = language_name(row.target)
    model = model_label(chosen.study, row.model)
    span = f", 95% {interval(row.low, row.high, 3)}" if not pd.isna(row.low) else ""
    return f"{model}, {where}: {name} {number(row.value, 3)}{span}, n = {row.n}"


def _caption(result: TrainingTable, measure: str) -> str:
    dashed = (
        " Dashed: the training language itself, left out of the sentence above."
        if MEASURES[measure].sided
        else ""
    )
    out = (
        f" Not shown above the majority, left out: {', '.join(result.left_out)}."
        if result.left_out
        else ""
    )
    return (
        f"n = {result.items} items that every model has, the same in each cell.{dashed}{out} "
        "A click opens the errors."
    )


def _show_ranking(session: Session, chosen: Chosen, measure: str) -> None:
    """The claim that one training language is the most consistent, tested when it is opened."""
    ranked_measure = measure if not MEASURES[measure].sided else "ems"
    folded = st.expander(
        f"Which training language is the most consistent by {label(ranked_measure)}?",
        on_change="rerun",
        key=session.widget("ranking"),
    )
    with folded:
        if not folded.open:
            return
        try:
            with st.spinner("Drawing 2,000 resamples for each training language…"):
                ranking = resources.computed(
                    chosen.study, claims.training_languages, chosen.layer, ranked_measure
                )
        except CctaError as error:
            text_blocks.say(f"{error}.")
            return
        if ranking is None:
            text_blocks.say("The study has fewer than two training languages with rows.")
            return
        text_blocks.say(ranking.verdict)
        if beyond := _beyond_embeddings(chosen, ranked_measure):
            text_blocks.say(beyond)
        table = _ranking_table(ranking)
        text_blocks.table(
            ["trained on", "mean", "95%", "seeds", "first less this", "95%", "p after Holm"],
            [_ranking_row(row) for row in table.itertuples()],
        )
        text_blocks.quiet(
            f"{ranking.n_cells:,} items and pairs in {count(ranking.n_groups, 'group')}. "
            f"{ranking.notice}"
        )
        csv_button(table, f"{chosen.study.name}-ranking-{ranked_measure}", key="ranking_csv")


def _beyond_embeddings(chosen: Chosen, measure: str) -> str:
    """Whether a first place stands when other scales are asked, as the findings say it."""
    from ccta_core.reports.findings import answers

    if measure not in answers.RANKED:
        return ""
    rankings = {
        name: resources.computed(chosen.study, claims.training_languages, chosen.layer, name)
        for name in answers.BEYOND
    }
    return answers.beyond_embeddings(rankings)


def _ranking_table(ranking: Any) -> pd.DataFrame:
    gaps = {entry.other: entry for entry in ranking.comparisons}
    return pd.DataFrame(
        {
            "training_language": entry.name, "mean": entry.mean, "low": entry.low,
            "high": entry.high, "seeds": entry.seeds,
            **{
                f"gap_{name}": getattr(gaps.get(entry.name), name, None)
                for name in ("difference", "low", "high", "p_holm")
            },
        }
        for entry in ranking.languages
    )  # fmt: skip


def _ranking_row(row: Any) -> list[str]:
    return [
        language_name(row.training_language),
        number(row.mean, 3),
        interval(_float_or_none(row.low), _float_or_none(row.high), 3),
        str(row.seeds),
        number(_float_or_none(row.gap_difference), 3),
        interval(_float_or_none(row.gap_low), _float_or_none(row.gap_high), 3),
        p_value(_float_or_none(row.gap_p_holm)),
    ]


def _float_or_none(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)
