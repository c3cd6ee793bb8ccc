"""Which study, model and layer a page is about; the same row on every page that reads a study."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from html import escape
from typing import Any

import streamlit as st

from ccta_core.analysis.claims import measured_models
from ccta_core.errors import CctaError
from ccta_core.languages import LANGUAGES
from ccta_core.reports.study.facts import outline
from ccta_core.study.storage.parts import has_rows
from ccta_core.study.storage.table import Study
from ccta_core.text import command_line, count, option
from dashboard import resources
from dashboard.fields import one_of
from dashboard.session import Session
from dashboard.widgets import notices
from dashboard.widgets.selection import Selection, read_selection, selection_chip
from dashboard.widgets.wording import language_name

_FIRST = ("xnli-training-languages", "demo-nli")
"""Opened where the address names no study, if it is here."""

_LAST = "study_last"
"""Session key of the page and study looked at last."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A study that has rows, with the model and layer that are looked at.

    `models` are those that have rows already, in the study's order; `selection` has the items that
    were selected on any page.
    """

    study: Study
    model: str
    layer: int
    models: tuple[str, ...] = ()
    selection: Selection = field(default_factory=Selection)

    @property
    def facts(self) -> dict[str, Any]:
        """What the study's manifest says of the model."""
        return next(model for model in self.study.manifest.models if model["id"] == self.model)

    @property
    def task(self) -> str:
        """The task of the model."""
        return str(self.facts.get("task") or "")


def study_bar(session: Session, *, model: bool = True, layer: bool = True) -> Chosen | None:
    """The choosers in a row; None after saying what to do where there is nothing to look at."""
    names = [name for name in resources.studies() if _has_rows(name)]
    if not names:
        notices.advice(
            "No study has rows yet. Start one on the page Studies, or with `ccta study run`."
        )
        return None
    first = next((name for name in _FIRST if name in names), names[0])
    bar = st.container(horizontal=True, vertical_alignment="bottom", key=f"{session.page}_bar")
    with bar:
        _follow(session, names)
        name = session.selectbox("Study", one_of("study", names, first, always=True), width=280)
    st.session_state[_LAST] = (session.page, name)
    try:
        study = resources.read_study(name)
        models = resources.computed(study, measured_models)
        selection = read_selection(session, study)
    except CctaError as error:
        notices.problem(str(error))
        return None
    with bar:
        chosen = _choose_model_and_layer(session, study, models, model=model, layer=layer)
        study_share(session.page, study.name)
        selection_chip(session, study.name, selection)
    _show_facts(study, len(models))
    return replace(chosen, selection=selection)


def _follow(session: Session, names: Sequence[str]) -> None:
    """A page that is come to by the menu shows the study that was looked at on the page before."""
    page, name = st.session_state.get(_LAST, (session.page, ""))
    if page != session.page and name in names and not session.fresh:
        session.put(study=name)


def _choose_model_and_layer(
    session: Session, study: Study, models: Sequence[str], *, model: bool, layer: bool
) -> Chosen:
    """The choosers of model and layer, and what is chosen; without them the first and the last."""
    layers = [str(number) for number in study.manifest.layers]
    chosen_model, chosen_layer = models[0], layers[-1]
    if model:
        chosen_model = session.selectbox(
            "Model",
            one_of("model", models, chosen_model, always=True),
            format_func=lambda name: model_label(study, name),
            width=280,
        )
    if layer:
        field = one_of("layer", layers, chosen_layer, always=True)
        chosen_layer = session.selectbox("Layer", field, width=96)
    return Chosen(study, chosen_model, int(chosen_layer), tuple(models))


def languages_of(study: Study) -> Sequence[str]:
    """The study's languages by name."""
    return sorted(study.manifest.languages, key=language_name)


def model_label(study: Study, model: str) -> str:
    """A model of a study as menus name it: its name and the language it was trained in."""
    lang = next((m["training_language"] for m in study.manifest.models if m["id"] == model), None)
    name = model.rpartition("/")[2]
    return f"{name} · {LANGUAGES[lang].name}" if lang and lang in LANGUAGES else name


def _has_rows(name: str) -> bool:
    """Whether a part is there, whole or not: looking closer at every study would take long."""
    try:
        return has_rows(resources.read_study(name).folder)
    except CctaError:
        return False


def choose_pair(
    session: Session, langs: Sequence[str], training_language: str | None
) -> tuple[str, str]:
    """Source and target of the pair looked at: by default `home`, if the study has it, and the
    first other language.
    """
    source = session.value(
        one_of(
            "source",
            langs,
            training_language if training_language and training_language in langs else langs[0],
        )
    )
    others = [lang for lang in langs if lang != source]
    target = session.value(one_of("target", langs, others[0]))
    if source == target:
        session.problems.append(
            f"{language_name(source)} can't be compared with itself; showing "
            f"{language_name(others[0])} as target"
        )
        target = others[0]
    return source, target


def _show_facts(study: Study, models: int) -> None:
    """The study's data, its items and models, and how much of it is measured."""
    manifest, (done, total) = study.manifest, resources.count_parts(study)
    partial = "" if done == total else f" · {done} of {total} parts measured so far"
    all_models = count(len(manifest.models), "model")
    shown_models = all_models if models == len(manifest.models) else f"{models} of {all_models}"
    facts = escape(" · ".join((*outline(manifest), shown_models)))
    st.html(f'<p class="ccta-finding">{facts}{partial}</p>')


_COMMANDS = {"languages": "show", "correlation": "findings", "errors": "csv", "learn": "findings"}
"""What of `ccta study` prints or writes what a page shows, of every layer; csv exports rows."""


def study_share(page: str, name: str) -> None:
    """The popover with the lines that give the same numbers; the address is the view's own."""
    with st.popover("Share", width="content"):
        st.caption("The address of this page leads back to this view.")
        st.caption("The same numbers on the command line")
        st.code("\n".join(commands(page, name)), language="bash", wrap_lines=True)
        st.caption("Every row in Python")
        st.code(snippet(name), language="python", wrap_lines=True)


def commands(page: str, name: str) -> list[str]:
    """The lines, quoted for a shell."""
    action = _COMMANDS.get(page)
    if action == "csv":
        return [_export_command(name, "csv"), _export_command(name, "html")]
    return [
        *([command_line(["study", action, name])] if action else []),
        _export_command(name, "html"),
    ]


def _export_command(name: str, form: str) -> str:
    to = option("to", f"{name}.{form}")
    return command_line(["study", "export", name, *option("format", form), *to])


def snippet(name: str) -> str:
    """The Python that reads the study."""
    return "\n".join(["import ccta_core as ccta", "", f"rows = ccta.open_study({name!r}).table()"])
