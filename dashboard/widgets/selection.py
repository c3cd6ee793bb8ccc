"""The items of a study that a person selected: one set, shown and kept on every page of the study.

It is chosen on Correlation, Languages or Errors, stands in the address (a large one by the name
under which it is kept), and filters or marks what the pages show.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import quote, unquote

import streamlit as st

from ccta_core.errors import CctaError
from ccta_core.permissions import read_only
from ccta_core.store import notes
from ccta_core.study.storage.table import Study
from ccta_core.text import count
from dashboard import resources
from dashboard.fields import Field, words
from dashboard.session import Session
from dashboard.widgets import notices
from dashboard.widgets.files import csv_button

FIELD = "set"
"""The name in the address."""
_LONGEST = 400
"""Characters of an address that name items one by one; more items are kept under a name."""
_LONGEST_READ_ONLY = 6000
_PLAIN = " /#-_.~"
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Selection:
    """Items by id, in the order in which they were selected; `name` is empty until one is given."""

    items: tuple[str, ...] = ()
    name: str = ""

    def __bool__(self) -> bool:
        return bool(self.items)

    @property
    def label(self) -> str:
        """The set as the chip names it."""
        return (
            f"{self.name} · {count(len(self.items), 'item')}"
            if self.name
            else (f"{count(len(self.items), 'item')} selected")
        )


def address_text(study: str, items: Iterable[str], name: str = "") -> str:
    """A set as the address has it: `name:item,item`, or the name alone of one that is kept.

    Raises CctaError where there are too many items for an address and they can't be kept.
    """
    ids = list(dict.fromkeys(items))
    if not ids:
        return ""
    text = f"{quote(name, _PLAIN)}:{','.join(quote(item, _PLAIN) for item in ids)}"
    if len(text) <= _LONGEST or (read_only() and len(text) <= _LONGEST_READ_ONLY):
        return text
    if read_only():
        raise CctaError(
            f"{len(ids):,} items don't fit into an address and this installation keeps none; "
            "select fewer"
        )
    digest = sha256("\n".join(sorted(ids)).encode()).hexdigest()[:8]
    return quote(notes.keep_set(study, name or f"set {digest}", ids), _PLAIN)


def parse_address(study: str, text: str) -> Selection:
    """The set of an address. Raises ValueError, saying what was expected, where there is none."""
    name, inline, items = text.partition(":")
    if inline:
        return Selection(tuple(unquote(item) for item in items.split(",") if item), unquote(name))
    kept = notes.item_set(study, unquote(name))
    if kept is None:
        raise ValueError("items, or the name of a set that is kept here")
    return Selection(kept, unquote(name))


def read_selection(session: Session, study: Study) -> Selection:
    """What is selected of the study: as the address says, else what was selected on any page.

    Items that the study does not have are left out, and noted among the session's problems.
    """
    key, study_name = _key(study.name), study.name

    def read(text: str) -> str:
        words(FIELD, _LONGEST_READ_ONLY).read(text)
        parse_address(study_name, text)
        return text

    session.put(**{FIELD: st.session_state.get(key, "")})
    kept = st.session_state.get(key, "")
    text = session.value(Field(FIELD, kept, read, always=bool(kept)))
    st.session_state[key] = text
    if not text:
        return Selection()
    try:
        selection = parse_address(study_name, text)
    except ValueError:  # deleted since it was selected
        st.session_state[key] = ""
        return Selection()
    known = resources.computed(study, item_ids)
    items = tuple(item for item in selection.items if item in known)
    if len(items) < len(selection.items):
        lost = count(len(selection.items) - len(items), "item")
        session.problems.append(f"{lost} of the selection: not in this study, so left out")
    return Selection(items, selection.name)


def show_selection(session: Session, study: str) -> None:
    """The chip on a page of the study that has no bar of its own; its address names no set."""
    text = st.session_state.get(_key(study), "")
    try:
        selection = parse_address(study, text) if text else Selection()
    except ValueError:
        return
    if selection:
        selection_chip(session, study, selection)


def item_ids(study: Study) -> frozenset[str]:
    """The ids of the items that the study has rows of."""
    return frozenset(study.query("SELECT DISTINCT item FROM pairs")["item"])


def select(session: Session, study: str, items: Iterable[str], name: str = "") -> None:
    """Makes these the study's selected items, none of them clears it (a callback's work)."""
    try:
        text = address_text(study, items, name)
    except CctaError as error:
        st.session_state[_key(study, "problem")] = str(error)
        return
    st.session_state[_key(study)] = text
    session.put(**{FIELD: text})


def add_or_remove(session: Session, study: str, selection: Selection, item: str) -> None:
    """Selects an item too, or takes it out of what is selected (a callback's work)."""
    rest = [other for other in selection.items if other != item]
    select(session, study, rest if len(rest) < len(selection.items) else [*rest, item])


def selection_chip(session: Session, study: str, selection: Selection) -> None:
    """The set that is selected, its name, its items as a file, and the way to clear it.

    Where nothing is selected, only the sets that are kept can be opened.
    """
    import pandas as pd

    if problem := st.session_state.pop(_key(study, "problem"), None):
        notices.problem(problem)
    try:
        kept = notes.set_names(study)
    except CctaError as error:
        notices.advice(str(error))
        kept = []
    if not selection and not kept:
        return
    with st.container(horizontal=True, vertical_alignment="center", key=f"{session.page}_set"):
        if not selection:
            with st.popover("Kept sets", type="tertiary", width="content"):
                _kept_sets(session, study, kept)
            return
        with st.popover(selection.label, icon=":material/filter_alt:", width="content"):
            shown = ", ".join(selection.items[:_SHOWN])
            more = len(selection.items) - _SHOWN
            st.caption(notices.plain(shown + (f" and {more:,} more" if more > 0 else "")))
            if session.page != "errors":
                _list_button(session, study)
            _name_box(session, study, selection)
            table = pd.DataFrame({"item": selection.items}).assign(set=selection.name)
            csv_button(
                table, f"{study}-{selection.name or 'selection'}", key=_widget(session, "csv")
            )
            if kept:
                _kept_sets(session, study, kept)
        st.button(
            "Clear selection",
            icon=":material/close:",
            type="tertiary",
            key=_widget(session, "clear"),
            on_click=select,
            args=(session, study, ()),
        )


def _list_button(session: Session, study: str) -> None:
    if st.button("List them on Errors", key=_widget(session, "list"), width="stretch"):
        text = st.session_state[_key(study)]
        query = {"study": study, "right": "any", "only": "1", FIELD: text}
        session.lead_to("errors", query)


def _name_box(session: Session, study: str, selection: Selection) -> None:
    """Giving the set a name keeps it: the same person can open it again."""
    if read_only():
        return
    key = _widget(session, "name")
    st.session_state[key] = selection.name

    def keep() -> None:
        name = st.session_state[key].strip()
        if not name:
            return
        try:
            kept = notes.keep_set(study, name, selection.items)
        except CctaError as error:
            st.session_state[_key(study, "problem")] = str(error)
            return
        select(session, study, selection.items, kept)

    st.text_input(
        "Name, under which it is kept", key=key, max_chars=notes.LONGEST_TAG, on_change=keep
    )


def _kept_sets(session: Session, study: str, kept: list[str]) -> None:
    key = _widget(session, "kept")
    st.selectbox("Kept sets of this study", kept, key=key, index=None, placeholder="Choose one")
    name = str(st.session_state.get(key) or "")
    with st.container(horizontal=True):
        st.button(
            "Open",
            key=_widget(session, "open"),
            disabled=not name,
            on_click=_open,
            args=(session, study, name),
        )
        if not read_only():
            st.button(
                "Delete",
                key=_widget(session, "forget"),
                disabled=not name,
                type="tertiary",
                on_click=_delete,
                args=(study, name),
            )


def _open(session: Session, study: str, name: str) -> None:
    try:
        select(session, study, notes.item_set(study, name) or (), name)
    except CctaError as error:
        st.session_state[_key(study, "problem")] = str(error)


def _delete(study: str, name: str) -> None:
    try:
        notes.delete_set(study, name)
    except CctaError as error:
        st.session_state[_key(study, "problem")] = str(error)


def _widget(session: Session, name: str) -> str:
    return session.widget(f"set_{name}")


def _key(study: str, what: str = "text") -> str:
    """The session key of a study's selection: the same on every page."""
    return f"selection_{what}_{study}"
