"""What the cache holds and how much room it takes; clearing a kind takes two clicks."""

import streamlit as st

from ccta_core.config import cache_root
from ccta_core.errors import CctaError
from ccta_core.store.usage import Use, clear, usage
from ccta_core.study.words import size
from ccta_core.text import count
from dashboard import resources
from dashboard.address import Address
from dashboard.components import notice, say


def models_usage(address: Address) -> None:
    """A line for each kind with its size, and a button where it may be cleared."""
    folded = st.expander("What is kept in the cache", on_change="rerun", key=address.widget("use"))
    with folded:
        if not folded.open:
            return
        found = usage()
        own = sum(use.bytes for use in found if use.kind.name != "pairs")
        say.say(f"{size(own)} in {cache_root().absolute()}, beside what ships with the product.")
        for use in found:
            _line(address, use)


def _line(address: Address, use: Use) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        what = f"{use.kind.title} · {size(use.bytes)} · {count(use.count, 'entry')}"
        st.markdown(notice.plain(what.replace("entrys", "entries")), width="stretch")
        if not use.kind.clearable or not use.count:
            return
        with st.popover("Clear", type="tertiary"):
            st.caption(f"{size(use.bytes)}: {use.kind.loss}.")
            if st.button("Delete them for good", key=address.widget(f"clear_{use.kind.name}")):
                _clear(use)


def _clear(use: Use) -> None:
    """Clears a kind; of studies those that are at work stay."""
    busy = [state.name for state in resources.study_states() if state.busy]
    try:
        clear(use.kind.name, spare=busy if use.kind.name == "studies" else ())
    except CctaError as error:
        notice.problem(str(error))
        return
    st.rerun()
