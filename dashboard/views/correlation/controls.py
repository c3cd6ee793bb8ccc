"""The choosers of a correlation: its unit, two measures, models and coefficient."""

from collections.abc import Sequence

import streamlit as st

from ccta_core.analysis.claims import trained
from ccta_core.analysis.coefficients import KINDS
from ccta_core.analysis.questions import HOME, OTHERS, CorrelationQuestion, StudyModel
from ccta_core.measures import MEASURES, UNITS, offered, title
from dashboard import resources
from dashboard.fields import one_of, some_of
from dashboard.session import Session
from dashboard.widgets.study_bar import Chosen, choose_pair, languages_of, model_label
from dashboard.widgets.terms import help_text, what_is
from dashboard.widgets.wording import language_name

_UNITS = {
    "language": "language",
    "pair": "pair of languages",
    "item": "item",
    "training": "training language \N{MULTIPLICATION SIGN} language",
}
_FEW = 3
"""With so many languages, one of them the training language, two points are left."""
_KINDS = {"pearson": "Pearson", "spearman": "Spearman", "kendall": "Kendall"}


def choosers(session: Session, chosen: Chosen) -> CorrelationQuestion:
    """The row of choosers under the study's; what they hold is read through the session.

    What can't be used (no model, a language against itself, a measure against itself) is replaced
    and noted among the address's problems.
    """
    names = offered(chosen.task)
    # Few languages make no correlation: a small study is read item by item.
    first = "language" if len(chosen.study.manifest.languages) > _FEW else "item"
    unit = session.value(one_of("unit", UNITS, first))
    x = session.value(one_of("x", names, "ems"))
    y = session.value(one_of("y", names, "score"))
    kind = session.value(one_of("kind", KINDS, "pearson"))
    models = _chosen_models(session, chosen, unit)
    langs = languages_of(chosen.study)
    # By default the training language, where every model has one in the study.
    homes = [model.home in chosen.study.manifest.languages for model in models]
    default = HOME if homes and all(homes) else OTHERS
    reference = session.value(one_of("home", (HOME, OTHERS, *langs), default))
    pair = choose_pair(session, chosen.study.manifest.languages, models[0].home if models else None)
    if x == y:
        session.problems.append(
            f"{title(x, chosen.task)} correlates with itself by definition; choose another measure "
            "for one of the axes"
        )
    _row(session, chosen, unit, names)
    return CorrelationQuestion(
        unit,
        x,
        y,
        kind,
        models,
        chosen.layer,
        tuple(chosen.study.manifest.languages),
        reference,
        pair,
    )


def _row(session: Session, chosen: Chosen, unit: str, names: Sequence[str]) -> None:
    """The widgets in a row; `names` are the measures that an axis can have."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="correlation_row"):
        session.selectbox(
            "Unit of analysis",
            "unit",
            format_func=_UNITS.__getitem__,
            help=help_text("unit"),
            width=250,
        )
        meanings = "\n\n".join(
            f"{title(measure, chosen.task)}: {MEASURES[measure].meaning}." for measure in names
        )
        for name, label, note in (
            ("x", "x axis", f"{help_text('axes')}\n\n{meanings}"),
            ("y", "y axis", help_text("axes")),
        ):
            session.selectbox(
                label,
                name,
                format_func=lambda measure: title(measure, chosen.task),
                help=note,
                width=220,
            )
        if unit == "item":
            pair_choosers(session)
        with st.popover("Options", width="content"):
            _options(session, chosen, unit)
        what_is("correlation", "pearson", "axes", "unit", "ems", "gain", "uniform", "majority")


def pair_choosers(session: Session) -> None:
    """Source and target of the items; in the row above, or where the items are."""
    for name, label in (("source", "Source"), ("target", "Target")):
        session.selectbox(label, name, format_func=language_name, width=150)


def _options(session: Session, chosen: Chosen, unit: str) -> None:
    session.segmented_control(
        "Coefficient", "kind", format_func=_KINDS.__getitem__, help=help_text("pearson")
    )
    if unit != "training":
        session.multiselect(
            "Models", "model", format_func=lambda name: model_label(chosen.study, name)
        )
    if unit == "language":
        session.selectbox("Consistency is measured with", "home", format_func=_reference_name)


def _reference_name(code: str) -> str:
    if code == HOME:
        return "the model's training language"
    return "all other languages, their mean" if code == OTHERS else language_name(code)


def _chosen_models(session: Session, chosen: Chosen, unit: str) -> tuple[StudyModel, ...]:
    """The models asked for; over training languages all that learned anything."""
    langs = {model["id"]: model["training_language"] for model in chosen.study.manifest.models}
    wanted = session.value(some_of("model", chosen.models, chosen.models[:1]))
    if unit == "training":
        checkpoints, left_out = resources.computed(chosen.study, trained)
        if left_out:
            session.problems.append(
                f"not shown above the majority, so left out: {', '.join(left_out)}"
            )
        wanted = [name for name in chosen.models if name in set(checkpoints["model"])]
    elif not wanted:
        session.problems.append("no model is chosen; showing the first")
        wanted = chosen.models[:1]
    return tuple(StudyModel(name, langs[name]) for name in wanted)
