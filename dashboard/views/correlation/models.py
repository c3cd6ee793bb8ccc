"""Every model's correlation, and its partial correlations given the controls."""

from collections.abc import Sequence
from dataclasses import asdict, replace

import pandas as pd
import streamlit as st

from ccta_core.analysis.correlation import Correlation
from ccta_core.analysis.questions import (
    CorrelationQuestion,
    ScoreCorrelation,
    StudyModel,
    correlations,
    held_fixed,
)
from ccta_core.measures import title
from ccta_core.text import interval, number, p_value
from dashboard import resources
from dashboard.session import Session
from dashboard.widgets import text_blocks
from dashboard.widgets.files import csv_button
from dashboard.widgets.statistics_wording import (
    SYMBOLS,
    correlation_verdict,
    name_columns,
    name_measures,
    partial_text,
)
from dashboard.widgets.study_bar import Chosen, model_label


def correlation_table(
    chosen: Chosen,
    question: CorrelationQuestion,
    tested: Sequence[ScoreCorrelation],
    *,
    key: str = "tests",
) -> None:
    """Every correlation that is shown, with p before and after Holm over all of them."""
    several = len({test.model for test in tested}) > 1
    heads = [*(["model"] if several else []), "measure", SYMBOLS[question.kind], "95%", "p"]
    y = title(question.y, chosen.task)
    remarks = [remark(test.correlation, title(test.measure, chosen.task), y) for test in tested]
    shared = shared_remark(remarks)
    rows = [
        [
            *([model_label(chosen.study, test.model)] if several else []),
            title(test.measure, chosen.task),
            number(test.correlation.r),
            interval(test.correlation.low, test.correlation.high),
            p_value(test.correlation.p),
            p_value(test.p_holm),
            str(test.correlation.n),
            *([] if shared is not None else [text]),
        ]
        for test, text in zip(tested, remarks, strict=True)
    ]
    text_blocks.table([*heads, "p after Holm", "n", *([] if shared is not None else [""])], rows)
    if shared:
        text_blocks.quiet(f"All of them {shared}.")
    name = f"{chosen.study.name}-correlations-{question.unit}"
    csv_button(download_table(tested), name, key=f"{key}_csv")


def shared_remark(remarks: Sequence[str]) -> str | None:
    """The remark that all rows have in common; None where they differ."""
    return remarks[0] if len(set(remarks)) == 1 else None


def remark(correlation: Correlation, x: str, y: str) -> str:
    """Why a coefficient is unreliable, else an empty text; x and y are names of measures."""
    if correlation.reliable:
        return ""
    return (
        f"unreliable: {correlation.notice}"
        if correlation.r is not None
        else name_columns(correlation.notice, x, y)
    )


def download_table(tested: Sequence[ScoreCorrelation]) -> pd.DataFrame:
    """One row a correlation, as it is downloaded."""
    rows = [
        {
            "model": row.model,
            "measure": row.measure,
            **asdict(row.correlation),
            "p_holm": row.p_holm,
            "groups": row.correlation.n_groups,
        }
        for row in tested
    ]
    columns = [
        "model",
        "measure",
        "r",
        "low",
        "high",
        "p",
        "p_holm",
        "n",
        "groups",
        "reliable",
        "notice",
        "method",
    ]
    return pd.DataFrame(rows, columns=columns)


def partial_correlations(chosen: Chosen, question: CorrelationQuestion) -> None:
    """Partial correlations with embeddings only, length and fertility held fixed, and the VIF."""
    if question.unit == "pair":
        text_blocks.quiet(
            "Nothing is held fixed here: pairs of languages are not independent; choose the unit "
            "item for that."
        )
        return
    if question.unit == "training":
        return
    partials = resources.computed(chosen.study, held_fixed, question, question.models[0])
    text = partial_text(question, partials, chosen.task)
    if not text:
        return
    several = len(question.models) > 1
    text_blocks.say(
        f"{model_label(chosen.study, question.models[0].id)}: {text}" if several else text
    )
    remarks = [name_measures(part.correlation.notice, question.x) for part in partials]
    shared = shared_remark(remarks)
    rows = [
        [
            ", ".join(title(name) for name in part.covariates),
            number(part.correlation.r),
            interval(part.correlation.low, part.correlation.high),
            p_value(part.correlation.p),
            str(part.correlation.n),
            number(part.vif.get("x"), 1),
            *([] if shared is not None else [text]),
        ]
        for part, text in zip(partials, remarks, strict=True)
    ]
    symbol = "r" if question.kind == "pearson" else SYMBOLS["spearman"]
    heads = ["held fixed", symbol, "95%", "p", "n", "VIF"]
    text_blocks.table([*heads, *([] if shared is not None else [""])], rows)
    if shared:
        text_blocks.quiet(f"{shared[:1].upper()}{shared[1:]}.")


_UNITS = ("language", "pair")


def all_models_table(session: Session, chosen: Chosen, question: CorrelationQuestion) -> None:
    """A folded table over all models, made when it is opened; Holm over the whole of it."""
    if len(chosen.models) < 2 or question.unit not in _UNITS:
        return
    langs = {model["id"]: model["training_language"] for model in chosen.study.manifest.models}
    models = tuple(StudyModel(name, langs[name]) for name in chosen.models)
    if models == question.models:
        return
    folded = st.expander(
        f"The same for all {len(models)} models of the study",
        on_change="rerun",
        key=session.widget("every"),
    )
    with folded:
        if folded.open:
            _show_table(chosen, replace(question, models=models))


def _show_table(chosen: Chosen, question: CorrelationQuestion) -> None:
    with st.spinner(f"Drawing 2,000 resamples for each of {len(question.models)} models…"):
        tested = resources.computed(chosen.study, correlations, question)
    text_blocks.say(correlation_verdict(question, tested, chosen.task))
    correlation_table(chosen, question, tested, key="every")
