"""The form of a new study: data, languages, models, layers, items; what it costs; starting it.

Labels, help and ranges are those of the settings (`study.request`).
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import streamlit as st

from ccta_core.corpus.uploads import uploads
from ccta_core.errors import CctaError
from ccta_core.models.added import available_models
from ccta_core.models.catalog import ModelInfo
from ccta_core.study.cost import Cost, cost_of, length_of
from ccta_core.study.manifest import Manifest, make_manifest, models_of
from ccta_core.study.request import FormField, StudyRequest, form_fields, setting
from ccta_core.study.run import process
from ccta_core.study.selection import first_items, spread_items
from ccta_core.text import count, duration, size
from dashboard import resources
from dashboard.fields import flag, one_of, some_of, whole, words
from dashboard.session import Session
from dashboard.views.studies.tables import (
    DataChoice,
    DataFacts,
    command,
    data_choices,
    first_layer,
    fitting,
    shared_layers,
    suggested_name,
)
from dashboard.widgets import notices, text_blocks
from dashboard.widgets.wording import language_name, model_name

_STARTED = "studies_started"
"""Session key of the study that the button has just started."""
_OTHER_MODELS = " Reckoned for models of the embedded one's size: a larger one takes longer."
_FIELDS: Mapping[str, FormField] = dict(form_fields())


@dataclass(frozen=True, slots=True)
class FilledForm:
    """What the form says: the settings of a study, how many processes, the models to choose of."""

    settings: Mapping[str, Any]
    workers: int
    models: Mapping[str, ModelInfo]


@dataclass(frozen=True, slots=True)
class PricedStudy:
    """A study that could be started: what was asked for, what it would be and cost."""

    request: StudyRequest
    workers: int
    models: tuple[ModelInfo, ...]
    manifest: Manifest
    cost: Cost


def studies_form(session: Session, taken: Sequence[str]) -> None:
    """The form; what is wrong with it in one line, else its cost and the button that starts it."""
    choices = data_choices(resources.data(), uploads())
    field = _FIELDS["data"]
    key = session.selectbox(
        field.label,
        one_of(field.key, choices, next(iter(choices))),
        format_func=lambda choice: choices[choice].label if choice in choices else choice,
    )
    try:
        facts = resources.data_facts(choices[key].spec)
    except CctaError as error:
        notices.problem(str(error))
        return
    form = _filled_in(session, choices[key], facts, taken)
    try:
        study = priced(form)
    except CctaError as error:
        notices.advice(str(error))
        return
    _cost(study)
    with st.container(horizontal=True, vertical_alignment="center", key="studies_start"):
        begin = st.button(
            f"Start {study.request.name}", key=session.widget("start"), type="primary"
        )
        with st.popover("The same on the command line", type="tertiary"):
            line = command(study.request, study.workers)
            st.code(line, language="bash", wrap_lines=True)
    if begin:
        _start(session, study)
    if started := st.session_state.pop(_STARTED, None):
        st.success(
            notices.plain(f"{started} has started: it stands in the list above, with its rate.")
        )


def priced(form: FilledForm) -> PricedStudy:
    """What the form says, with the cost of it, from the data itself.

    Raises CctaError (one line) where it can't be a study, or the disk has no room for it.
    """
    request = StudyRequest(**form.settings)
    process.check_new(request)
    corpus = resources.corpus(
        request.data, request.languages or (), request.per_group, request.crop
    )
    take = spread_items if request.spread else first_items
    corpus = take(corpus, request.limit)
    models = models_of(request, form.models.__getitem__)
    manifest = make_manifest(request, corpus, models)
    cost = cost_of(manifest, form.workers, length_of(corpus.examples)).paced(resources.pace())
    process.check_room(cost)
    return PricedStudy(request, form.workers, tuple(models), manifest, cost)


def _filled_in(
    session: Session,
    data: DataChoice,
    facts: DataFacts,
    taken: Sequence[str],
) -> FilledForm:
    models = fitting(available_models(), facts.task)
    field = _FIELDS["models"]
    chosen = session.multiselect(
        field.label,
        some_of(field.key, list(models), [next(iter(models))] if models else []),
        format_func=lambda model: _model(models, model),
        placeholder="Choose models" if models else "No model here is made for this data",
    )
    field = _FIELDS["languages"]
    languages = session.multiselect(
        field.label,
        some_of(field.key, sorted(facts.languages, key=language_name), facts.first_languages),
        format_func=language_name,
        placeholder="Choose two or more",
    )
    with st.container(horizontal=True, vertical_alignment="bottom", key="studies_row"):
        field = _FIELDS["layers"]
        layers = [str(layer) for layer in shared_layers([models[name] for name in chosen])]
        first = [str(first_layer([int(layer) for layer in layers]))] if layers else []
        chosen_layers = session.multiselect(
            field.label, some_of(field.key, layers, first), width=320
        )
        limit = _ask(session, "limit", width=180)
        field = _FIELDS["name"]
        # The suggestion stands in the empty box, so what was typed is read before it is shown.
        name = session.value(words(field.key, 80)).strip() or suggested_name(data.key, taken)
        session.text_input(field.label, field.key, placeholder=name, width=280)
        crop = {"crop": _ask(session, "crop", width=220)} if facts.task == "qa" else {}
        cores = os.cpu_count() or 1
        with st.popover("More"):
            workers = session.number_input(
                "Processes", whole("workers", 1, cores, cores), help="Each holds about 2 GB"
            )
            folded = {key: _ask(session, key) for key, _ in form_fields(folded=True)}
    settings: dict[str, Any] = {
        "name": name, "data": data.spec, "models": chosen, "languages": languages,
        "layers": [int(layer) for layer in chosen_layers], "limit": limit, **crop, **folded,
    }  # fmt: skip
    return FilledForm(settings, int(workers), models)


def _ask(session: Session, name: str, width: int | Literal["stretch"] = "stretch") -> Any:
    """What a person chooses for a setting that is a number, of which 0 is none, or a switch."""
    field = _FIELDS[name]
    if setting(name).kind == "switch":
        return session.checkbox(field.label, flag(field.key), help=field.help)
    number = session.number_input(
        field.label, whole(field.key, 0, field.most, 0), step=field.step, help=field.help,
        width=width,
    )  # fmt: skip
    return int(number) or None


def _cost(study: PricedStudy) -> None:
    cost, manifest = study.cost, study.manifest
    text_blocks.verdict(
        f"About {duration(cost.seconds)} on {count(study.workers, 'core')} once the models are "
        f"loaded, and {size(cost.bytes)} on disk."
    )
    left_out = f" {manifest.left_out:,} items or lines are left out." if manifest.left_out else ""
    others = "" if all(info.folder for info in study.models) else _OTHER_MODELS
    text_blocks.quiet(f"{cost.formula}.{left_out}{others}")
    for line in manifest.label_lines:
        text_blocks.quiet(f"{line[0].upper()}{line[1:]}.")


def _start(session: Session, study: PricedStudy) -> None:
    try:
        process.start(study.request, study.workers, study.cost)
    except CctaError as error:
        notices.problem(str(error))
        return
    # The next study is another one: it gets a name of its own.
    query = {key: text for key, text in session.query.items() if key != _FIELDS["name"].key}
    st.query_params.from_dict({**query, "study": study.request.name})
    st.session_state[_STARTED] = study.request.name
    st.rerun()


def _model(models: Mapping[str, ModelInfo], name: str) -> str:
    if name not in models or "bytes" in models[name].card:
        return name  # one that was added: nothing tells what it was trained on
    return model_name(models[name])
