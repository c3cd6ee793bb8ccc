"""What is held against what: unit, two measures, models, coefficient."""

from collections.abc import Sequence

import streamlit as st

from ccta_core.analysis.coefficients import KINDS
from dashboard import resources
from dashboard.fields import one_of, some_of
from dashboard.pages.correlation.tables import HOME, OTHERS, Model, Question
from dashboard.session import Session
from dashboard.widgets.study_bar import Chosen, languages_of, model_label, pair_of
from dashboard.widgets.study_measures import MEASURES, UNITS, offered, title
from dashboard.widgets.study_models import trained
from dashboard.widgets.wording import language_name

_UNITS = {
    "language": "language",
    "pair": "pair of languages",
    "item": "item",
    "training": "training language \N{MULTIPLICATION SIGN} language",
}
_KINDS = {"pearson": "Pearson", "spearman": "Spearman", "kendall": "Kendall"}


def choosers(session: Session, chosen: Chosen) -> Question:
    """The row of choosers under the study's; what they hold is read through the session.

    What can't be used (no model, a language against itself, a measure against itself) is replaced
    and noted among the address's problems.
    """
    names = offered(chosen.task)
    unit = session.value(one_of("unit", UNITS, "language"))
    x = session.value(one_of("x", names, "ems"))
    y = session.value(one_of("y", names, "score"))
    kind = session.value(one_of("kind", KINDS, "pearson"))
    models = _models(session, chosen, unit)
    langs = languages_of(chosen.study)
    home = session.value(one_of("home", (HOME, OTHERS, *langs), _home(models, chosen)))
    pair = pair_of(session, chosen.study.plan.languages, models[0].home if models else None)
    if x == y:
        session.problems.append(
            f"{title(x, chosen.task)} goes with itself; choose another measure for one of the axes"
        )
    with st.container(horizontal=True, vertical_alignment="bottom", key="correlation_row"):
        st.selectbox(
            "Each point is a",
            UNITS,
            format_func=_UNITS.__getitem__,
            key=session.widget("unit"),
            width=250,
        )
        _measures(session, chosen, names)
        if unit == "item":
            pair_choosers(session, langs)
        with st.popover("Options", width="content"):
            _options(session, chosen, unit)
    return Question(
        unit, x, y, kind, models, chosen.layer, tuple(chosen.study.plan.languages), home, pair
    )


def _measures(session: Session, chosen: Chosen, names: list[str]) -> None:
    for name, label in (("x", "Across"), ("y", "Up")):
        st.selectbox(
            label,
            names,
            format_func=lambda one: title(one, chosen.task),
            help="\n\n".join(f"{title(one, chosen.task)}: {MEASURES[one].what}." for one in names)
            if name == "x"
            else None,
            key=session.widget(name),
            width=220,
        )


def pair_choosers(session: Session, langs: Sequence[str]) -> None:
    """Source and target of the items; in the row above, or where the items are."""
    for name, label in (("source", "Source"), ("target", "Target")):
        st.selectbox(label, langs, format_func=language_name, key=session.widget(name), width=150)


def _options(session: Session, chosen: Chosen, unit: str) -> None:
    st.segmented_control(
        "Coefficient",
        KINDS,
        format_func=_KINDS.__getitem__,
        required=True,
        key=session.widget("kind"),
    )
    if unit != "training":
        st.multiselect(
            "Models",
            chosen.models,
            format_func=lambda name: model_label(chosen.study, name),
            key=session.widget("model"),
        )
    if unit == "language":
        st.selectbox(
            "Consistency is measured with",
            (HOME, OTHERS, *languages_of(chosen.study)),
            format_func=_home_name,
            key=session.widget("home"),
        )


def _home_name(code: str) -> str:
    if code == HOME:
        return "the model's training language"
    return "all other languages, their mean" if code == OTHERS else language_name(code)


def _models(session: Session, chosen: Chosen, unit: str) -> tuple[Model, ...]:
    """The models asked for; over training languages all that learned anything."""
    langs = {one["id"]: one["training_language"] for one in chosen.study.plan.models}
    wanted = session.value(some_of("model", chosen.models, chosen.models[:1]))
    if unit == "training":
        known, left_out = resources.computed(chosen.study, trained)
        if left_out:
            session.problems.append(
                f"not shown above the majority, so left out: {', '.join(left_out)}"
            )
        wanted = [name for name in chosen.models if name in set(known["model"])]
    elif not wanted:
        session.problems.append("no model is chosen; showing the first")
        wanted = chosen.models[:1]
    return tuple(Model(name, langs[name]) for name in wanted)


def _home(models: tuple[Model, ...], chosen: Chosen) -> str:
    """By default the training language, where every model has one in the study."""
    there = [one.home in chosen.study.plan.languages for one in models]
    return HOME if there and all(there) else OTHERS
