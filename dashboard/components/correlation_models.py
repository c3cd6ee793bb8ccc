"""Every model of the study at once: the claim by language and by pair, as the findings test it."""

from dataclasses import replace

import streamlit as st

from dashboard import resources
from dashboard.address import Address
from dashboard.components import say
from dashboard.components.correlation_controls import controls
from dashboard.components.correlation_words import verdict
from dashboard.components.study_bar import Chosen
from dashboard.tables.correlation import Model, Question, correlations

_UNITS = ("language", "pair")


def every_model(address: Address, chosen: Chosen, question: Question) -> None:
    """A folded table over all models, made when it is opened; Holm over the whole of it."""
    if len(chosen.models) < 2 or question.unit not in _UNITS:
        return
    langs = {one["id"]: one["training_language"] for one in chosen.study.plan.models}
    models = tuple(Model(name, langs[name]) for name in chosen.models)
    if models == question.models:
        return
    folded = st.expander(
        f"The same for all {len(models)} models of the study",
        on_change="rerun",
        key=address.widget("every"),
    )
    with folded:
        if folded.open:
            _table(chosen, _all(question, models))


def _all(question: Question, models: tuple[Model, ...]) -> Question:
    return replace(question, models=models)


def _table(chosen: Chosen, question: Question) -> None:
    with st.spinner(f"Drawing 2,000 resamples for each of {len(question.models)} models…"):
        tested = resources.computed(chosen.study, correlations, question)
    say.say(verdict(question, tested, chosen.task))
    controls(chosen, question, tested, key="every")
