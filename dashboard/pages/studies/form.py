"""The form of a new study: data, languages, models, layers, items; what it costs; starting it."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from ccta_core.config import Config
from ccta_core.corpus.uploads import uploads
from ccta_core.errors import CctaError
from ccta_core.models.added import known
from ccta_core.models.catalog import ModelInfo
from ccta_core.study.cost import Cost, length_of, of_plan
from ccta_core.study.manifest import Plan, planned, with_twin
from ccta_core.study.run import process
from ccta_core.study.run.process import Order
from ccta_core.study.selection import first
from ccta_core.study.words import duration, label_lines, size
from ccta_core.text import count
from dashboard import resources
from dashboard.fields import flag, one_of, some_of, whole, words
from dashboard.pages.studies.tables import (
    DataChoice,
    DataFacts,
    command,
    data_choices,
    first_layer,
    fitting,
    shared_layers,
    suggested_name,
)
from dashboard.session import Session as Address
from dashboard.widgets import notices, text_blocks
from dashboard.widgets.wording import language_name, model_name

_MOST_ITEMS = 1_000_000
_MOST_TOKENS = 512
_OTHER_MODELS = " Reckoned for models of the embedded one's size: a larger one takes longer."


@dataclass(frozen=True, slots=True)
class Draft:
    """What the form says: the order, with how many processes, of which models."""

    order: Order
    workers: int
    models: tuple[ModelInfo, ...]


def studies_form(address: Address, taken: Sequence[str]) -> None:
    """The form; what is wrong with it in one line, else its cost and the button that starts it."""
    choices = data_choices(resources.data(), uploads())
    key = address.value(one_of("data", choices, next(iter(choices))))
    st.selectbox(
        "Data",
        list(choices),
        format_func=lambda one: choices[one].label if one in choices else one,
        key=address.widget("data"),
    )
    try:
        facts = resources.data_facts(choices[key].spec)
    except CctaError as error:
        notices.problem(str(error))
        return
    draft = _filled_in(address, choices[key], facts, taken)
    try:
        cost, plan = priced(draft)
    except CctaError as error:
        notices.advice(str(error))
        return
    _cost(cost, plan, draft)
    with st.container(horizontal=True, vertical_alignment="center", key="studies_start"):
        begin = st.button(f"Start {draft.order.name}", key=address.widget("start"), type="primary")
        with st.popover("The same on the command line", type="tertiary"):
            st.code(command(draft.order, draft.workers), language="bash", wrap_lines=True)
    if begin:
        _start(address, draft, cost)


def priced(draft: Draft) -> tuple[Cost, Plan]:
    """The cost and the plan of what the form says, from the data itself.

    Raises CctaError (one line) where it can't be a study, or the disk has no room for it.
    """
    order = draft.order
    process.check_order(order)
    langs = tuple(order.languages or ())
    corpus = first(resources.corpus(order.data, langs, order.per_group, order.crop), order.limit)
    models = with_twin(draft.models) if order.random_head else draft.models
    plan = planned(
        order.name, order.data, corpus, models, order.layers, Config(shuffles=20),
        allow_overlap=order.allow_overlap, crop=order.crop, per_group=order.per_group,
    )  # fmt: skip
    length = length_of(corpus.examples)
    cost = of_plan(plan, draft.workers, length).paced(resources.pace())
    process.check_room(cost)
    return cost, plan


def _filled_in(
    address: Address,
    data: DataChoice,
    facts: DataFacts,
    taken: Sequence[str],
) -> Draft:
    models = fitting(known(), facts.task)
    first = [next(iter(models))] if models else []
    chosen = address.value(some_of("models", list(models), first))
    langs = address.value(some_of("langs", facts.languages, facts.first_languages))
    layers = shared_layers([models[name] for name in chosen])
    begin = [str(first_layer(layers))] if layers else []
    at = address.value(some_of("layers", [str(layer) for layer in layers], begin))
    limit = address.value(whole("limit", 0, _MOST_ITEMS, 0))
    overlap, random = address.value(flag("overlap")), address.value(flag("random"))
    each = address.value(whole("each", 0, _MOST_ITEMS, 0))
    typed = address.value(words("name", 80)).strip()
    name = typed or suggested_name(data.key, taken)
    st.multiselect(
        "Models", list(models), format_func=lambda one: _model(models, one),
        key=address.widget("models"),
        placeholder="Choose models" if models else "No model here is made for this data",
    )  # fmt: skip
    st.multiselect(
        "Languages", sorted(facts.languages, key=language_name), format_func=language_name,
        key=address.widget("langs"), placeholder="Choose two or more",
    )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="bottom", key="studies_row"):
        st.multiselect(
            "Layers", [str(layer) for layer in layers], key=address.widget("layers"), width=320
        )
        st.number_input(
            "Items (0 takes all)", 0, _MOST_ITEMS, step=18, key=address.widget("limit"), width=180
        )
        st.text_input("Name", key=address.widget("name"), placeholder=name, width=280)
        crop = _crop(address) if facts.task == "qa" else None
        workers = _more(address)
    order = Order(
        name, data.spec, chosen, [int(one) for one in at], langs, limit or None,
        allow_overlap=overlap, random_head=random, crop=crop,
        per_group=each or None,
    )  # fmt: skip
    return Draft(order, workers, tuple(models[one] for one in chosen))


def _crop(address: Address) -> int | None:
    """Tokens that a context is cut to; None for whole contexts."""
    tokens = address.value(whole("crop", 0, _MOST_TOKENS, 0))
    st.number_input(
        "Tokens of context (0 takes all)", 0, _MOST_TOKENS, step=32, key=address.widget("crop"),
        width=220, help="Around the answer: attributions of long contexts take long",
    )  # fmt: skip
    return int(tokens) or None


def _more(address: Address) -> int:
    """What is seldom changed; how many processes."""
    cores = os.cpu_count() or 1
    workers = address.value(whole("workers", 1, cores, cores))
    with st.popover("More"):
        st.number_input(
            "Processes", 1, cores, key=address.widget("workers"), help="Each holds about 2 GB"
        )
        st.number_input(
            "Items of a premise or paragraph (0 takes all)", 0, _MOST_ITEMS,
            key=address.widget("each"), help="--per-group: they are no independent evidence",
        )  # fmt: skip
        st.checkbox(
            "Items a model was trained on too", key=address.widget("overlap"),
            help="--allow-overlap: its scores there say nothing",
        )  # fmt: skip
        st.checkbox(
            "The first model under a random head too", key=address.widget("random"),
            help="A sanity check: what a head that learned nothing gives",
        )  # fmt: skip
    return int(workers)


def _cost(cost: Cost, plan: Plan, draft: Draft) -> None:
    text_blocks.verdict(
        f"About {duration(cost.seconds)} on {count(draft.workers, 'core')} once the models are "
        f"loaded, and {size(cost.bytes)} on disk."
    )
    left_out = f" {plan.left_out:,} items or lines are left out." if plan.left_out else ""
    own = "" if all(info.folder for info in draft.models) else _OTHER_MODELS
    text_blocks.quiet(f"{cost.formula}.{left_out}{own}")
    for line in label_lines(plan):
        text_blocks.quiet(f"{line[0].upper()}{line[1:]}.")


def _start(address: Address, draft: Draft, cost: Cost) -> None:
    try:
        process.start(draft.order, draft.workers, cost)
    except CctaError as error:
        notices.problem(str(error))
        return
    query = {name: text for name, text in address.query.items() if name != "name"}
    st.query_params.from_dict({**query, "study": draft.order.name})
    st.rerun()


def _model(models: Mapping[str, ModelInfo], name: str) -> str:
    if name not in models or "bytes" in models[name].card:
        return name  # one that was added: nothing tells what it was trained on
    return model_name(models[name])
