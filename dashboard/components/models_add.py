"""Adding a model of the hub or a folder, and taking one off the list again."""

import streamlit as st

from ccta_core.errors import CctaError
from ccta_core.models.added import CHANGED, added, remove
from ccta_core.models.adding import add_apart
from dashboard.address import Address
from dashboard.components import notice, say

_WHAT = (
    "A name of the hub (owner/name) or a folder on this machine with config.json, "
    "model.safetensors and tokenizer.json. It is fetched and loaded once, to see whether it can be "
    "attributed: encoders with a head for classification, question answering or tags work. No code "
    "of a model's own is ever run."
)


def models_add(address: Address) -> None:
    """The folded part of the page that adds and takes away."""
    folded = st.expander("Add a model", on_change="rerun", key=address.widget("more"))
    with folded:
        if not folded.open:
            return
        say.say(_WHAT)
        with st.form(address.widget("form"), border=False):
            name = st.text_input("Name or folder", key=address.widget("name"))
            asked = st.form_submit_button("Check and add")
        if asked:
            _add(name)
        _mine(address)


def _add(name: str) -> None:
    try:
        with st.spinner("Fetching the model and loading it once; a large one takes minutes"):
            model_id = add_apart(name)
    except CctaError as error:
        notice.problem(str(error))
        return
    st.query_params.from_dict({"model": model_id})
    st.rerun()


def _mine(address: Address) -> None:
    """Those on the list, each with a button that takes it off."""
    for at, (name, info) in enumerate(added().items()):
        changed = info.card.get(CHANGED)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(notice.plain(changed or name), width="stretch")
            if changed and st.button("Read it again", key=address.widget(f"again_{at}")):
                _add(name)
            if st.button("Take off the list", key=address.widget(f"remove_{at}"), type="tertiary"):
                remove(name)
                st.rerun()
