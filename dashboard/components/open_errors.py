"""Leaving for Errors with a model of a study and the languages that were looked at."""

import streamlit as st

from dashboard.address import Address, come_back
from dashboard.components.study_bar import Chosen


def open_errors(
    address: Address, chosen: Chosen, model: str, source: str = "", target: str = ""
) -> None:
    """Opens Errors at the chosen layer, filtered to the languages; none named is any."""
    come_back(address)
    query = {"study": chosen.study.name, "model": model, "layer": str(chosen.layer)}
    sides = {"src": source, "tgt": target}
    named = {side: lang for side, lang in sides.items() if lang}
    st.switch_page("views/errors.py", query_params=query | named)
