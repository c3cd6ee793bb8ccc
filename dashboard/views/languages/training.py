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
from dashboard.views.languages.tables import Trained, training_table
from dashboard.widgets import text_blocks
from dashboard.widgets.files import csv_button, drawing_files
from dashboard.widgets.matrix import Cell, Head, Matrix, drawing, matrix
from dashboard.widgets.navigation import open_errors
from dashboard.widgets.statistics_wording import shares_text
from dashboard.widgets.study_bar import Chosen, model_label
from dashboard.widgets.wording import language_name

_MEASURES = ("score", "ems", "gain", "ems_uniform", "ems_unrelated", "calibrated")


def measure_of(session: Session) -> str:
    """The measure of the matrix of training languages."""
    return str(session.value(one_of("read", _MEASURES, "score")))


def training(session: Session, chosen: Chosen, langs: list[str], measure: str) -> None:
    """The matrix over the study's models, two_way's sentence, the ranking when it is opened."""
    homes = {one["training_language"] for one in chosen.study.manifest.models} - {None}
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
    found = resources.computed(chosen.study, training_table, chosen.layer, measure, chosen.models)
    if found.table.empty:
        text_blocks.say("No model trained in a language of the study has rows yet.")
        return
    text_blocks.say(training_sentence(found, label(measure, chosen.task)))
    drawn = _drawn(chosen, found, measure, langs)
    clicked = matrix(drawn, key="languages_training_cells")
    text_blocks.quiet(_caption(found, measure))
    name = f"{chosen.study.name}-training-{measure}"
    drawing_files(drawing(drawn), found.table, name, key="languages_training")
    _ranking(session, chosen, measure)
    if clicked is not None:
        home = str(found.table.set_index("model")["source"].loc[[clicked[0]]].iloc[0])
        model, read = clicked
        open_errors(session, chosen, model, home if home != read else "", read)


def training_sentence(found: Trained, name: str) -> str:
    """What rows and columns explain, or why that can't be said."""
    if found.shares is None:
        return f"What is the training language's share in {name} can't be told: {found.problem}."
    return shares_text(found.shares, name)


def _title(name: str, task: str) -> str:
    text = title(name, task)
    return text if MEASURES[name].sided else f"{text} with the training language"


def _drawn(chosen: Chosen, found: Trained, measure: str, langs: list[str]) -> Matrix:
    homes = found.table.drop_duplicates("model").set_index("model")["source"]
    place = {code: at for at, code in enumerate(langs)}
    models = sorted(homes.index, key=lambda name: (place.get(homes[name], 99), name))
    name = label(measure, chosen.task)
    return Matrix(
        label=f"{_title(measure, chosen.task)} by model and language",
        rows=[Head(one, model_label(chosen.study, one), _code(homes, one)) for one in models],
        columns=[head(code) for code in langs],
        cells={
            (str(row.model), str(row.target)): Cell(
                float(row.value), number(row.value), _said(chosen, row, name)
            )
            for row in found.table.itertuples()
        },
        legend=f"{_title(measure, chosen.task)}",
        row_title="trained on",
        column_title="read in",
        scale="signed" if MEASURES[measure].signed else "similarity",
        marked=frozenset((one, str(homes[one])) for one in models),
    )


def _code(homes: pd.Series, model: str) -> str:
    """The training language's code, where one model only was trained in it."""
    return str(homes[model]) if (homes == homes[model]).sum() == 1 else ""


def _said(chosen: Chosen, row: Any, name: str) -> str:
    where = language_name(row.target)
    model = model_label(chosen.study, row.model)
    span = f", 95% {interval(row.low, row.high, 3)}" if not pd.isna(row.low) else ""
    return f"{model}, {where}: {name} {number(row.value, 3)}{span}, n = {row.n}"


def _caption(found: Trained, measure: str) -> str:
    own = (
        " Dashed: the training language itself, left out of the sentence above."
        if MEASURES[measure].sided
        else ""
    )
    out = (
        f" Not shown above the majority, left out: {', '.join(found.left_out)}."
        if found.left_out
        else ""
    )
    return (
        f"n = {found.items} items that every model has, the same in each cell.{own}{out} "
        "A click opens the errors."
    )


def _ranking(session: Session, chosen: Chosen, measure: str) -> None:
    """The claim that one training language is the most consistent, tested when it is opened."""
    asked = measure if not MEASURES[measure].sided else "ems"
    folded = st.expander(
        f"Which training language is the most consistent by {label(asked)}?",
        on_change="rerun",
        key=session.widget("ranking"),
    )
    with folded:
        if not folded.open:
            return
        try:
            with st.spinner("Drawing 2,000 resamples for each training language…"):
                found = resources.computed(
                    chosen.study, claims.training_languages, chosen.layer, asked
                )
        except CctaError as error:
            text_blocks.say(f"{error}.")
            return
        if found is None:
            text_blocks.say("The study has fewer than two training languages with rows.")
            return
        text_blocks.say(found.verdict)
        table = _ranked(found)
        text_blocks.table(
            ["trained on", "mean", "95%", "seeds", "first less this", "95%", "p after Holm"],
            [_row(row) for row in table.itertuples()],
        )
        text_blocks.quiet(
            f"{found.n_cells:,} items and pairs in {count(found.n_groups, 'group')}. {found.notice}"
        )
        csv_button(table, f"{chosen.study.name}-ranking-{asked}", key="ranking_csv")


def _ranked(found: Any) -> pd.DataFrame:
    gaps = {one.other: one for one in found.comparisons}
    return pd.DataFrame(
        {
            "training_language": one.name, "mean": one.mean, "low": one.low, "high": one.high,
            "seeds": one.seeds,
            **{
                f"gap_{name}": getattr(gaps.get(one.name), name, None)
                for name in ("difference", "low", "high", "p_holm")
            },
        }
        for one in found.languages
    )  # fmt: skip


def _row(row: Any) -> list[str]:
    return [
        language_name(row.training_language),
        number(row.mean, 3),
        interval(_known(row.low), _known(row.high), 3),
        str(row.seeds),
        number(_known(row.gap_difference), 3),
        interval(_known(row.gap_low), _known(row.gap_high), 3),
        p_value(_known(row.gap_p_holm)),
    ]


def _known(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)
