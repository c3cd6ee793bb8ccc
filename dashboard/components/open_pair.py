"""Leaving for Pair with an item of a study, measured there as the study measured it."""

import streamlit as st

from dashboard import resources
from dashboard.address import Address, come_back
from dashboard.components.study_bar import Chosen
from dashboard.settings import of_study
from dashboard.tables.errors import gold_of


def open_pair(
    address: Address, chosen: Chosen, item: str, pair: tuple[str, str], model: str | None = None
) -> None:
    """Opens an item in two languages, with the study's settings and its gold label explained.

    `model` is another of the study's models than the chosen one.
    """
    come_back(address)
    st.switch_page("views/pair.py", query_params=pair_query(chosen, item, pair, model))


def pair_query(
    chosen: Chosen, item: str, pair: tuple[str, str], model: str | None = None
) -> dict[str, str]:
    """The address of the item on the Pair page."""
    plan = chosen.study.plan
    name = model or chosen.model
    gold = resources.computed(chosen.study, gold_of, item, name)
    settings = of_study(plan.config, chosen.task, gold)
    return {
        "study": plan.name,
        "model": name,
        "item": item,
        "src": pair[0],
        "tgt": pair[1],
        "layer": str(chosen.layer),
        **settings.query(),
    }
