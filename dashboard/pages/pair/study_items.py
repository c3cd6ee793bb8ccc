"""The items of a study on the Pair page, and the way back to where one came from."""

from collections.abc import Mapping

import streamlit as st

from ccta_core.errors import CctaError
from ccta_core.models.added import find
from ccta_core.models.catalog import ModelInfo
from dashboard import address, resources, state
from dashboard.choice import Offer

_BLOCK = 200
"""Items of a study that can be chosen from at a time: those that lie beside the one shown."""


def with_study(offer: Offer, wanted: Mapping[str, str]) -> tuple[Offer, list[str]]:
    """The offer with the items of the study that is asked for; else why they are not here."""
    name = wanted.get("study", "")
    if not name:
        return offer, []
    try:
        manifest = resources.study(name).manifest
        ids = _near(resources.text_ids(name), wanted.get("item", ""))
        examples = resources.texts(name, ids)
    except CctaError as error:
        return offer, [f"{error}."]
    names = [one["id"] for one in manifest.models]
    labels = {model: manifest.labels_of(model) for model in names}
    models = _models(names, offer.models)
    return offer.with_study(name, manifest.models[0]["task"], examples, models, labels), []


def back() -> None:
    """A button that leads back, where this session came from another page."""
    found = address.back()
    if found is None:
        return
    page, query = found
    key = state.widget("back")
    if st.button(f"Back to {page}", icon=":material/arrow_back:", type="tertiary", key=key):
        address.forget_back()
        st.switch_page(f"pages/{page}/{page}.py", query_params=query)


def _near(ids: tuple[str, ...], item: str) -> tuple[str, ...]:
    place = ids.index(item) if item in ids else 0
    start = place // _BLOCK * _BLOCK
    return ids[start : start + _BLOCK]


def _models(ids: list[str], known: Mapping[str, ModelInfo]) -> dict[str, ModelInfo]:
    """Those of the study's models that are here and not offered yet: twins with a random head."""
    found = {}
    for name in ids:
        if name in known:
            continue
        try:
            found[name] = find(name)
        except CctaError:
            continue  # its rows are here, it is not: choosing it says so
    return found
