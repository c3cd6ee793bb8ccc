"""Tags on the comparison looked at, tags on all selected items at once, how often each is."""

from collections.abc import Callable, Iterable

import streamlit as st

from ccta_core.errors import CctaError
from ccta_core.permissions import LOCAL, person, read_only
from ccta_core.store import notes
from ccta_core.store.notes import LONGEST_NOTE, LONGEST_TAG, Remark
from ccta_core.text import count
from dashboard import resources
from dashboard.session import Session
from dashboard.views.errors import tables
from dashboard.views.errors.filters import BETWEEN, joined
from dashboard.views.errors.state import State, tag_names
from dashboard.widgets import notices, text_blocks

_KEYS = 9
"""Tags that have a number key."""


def remark_editor(session: Session, state: State, item: str) -> None:
    """Tags and a note on an item, kept as soon as they are changed."""
    if notices.only_looking("tags and notes are kept"):
        return
    _show_failure(session)
    remark, study = state.remarks.get(item, Remark()), state.chosen.study.name
    tags, note = session.widget(f"tags {item}"), session.widget(f"note {item}")
    new = session.widget(f"new {item}")
    st.session_state[tags], st.session_state[note] = list(remark.tags), remark.note
    st.pills(
        "Tags of the item",
        list(dict.fromkeys([*tag_names(state), *remark.tags])),
        selection_mode="multi",
        key=tags,
        format_func=lambda tag: _tag_label(state, tag),
        help="The number keys 1 to 9 put the first nine tags on and off.",
        on_change=lambda: _keep(session, _set_tags, study, item, remark.tags, tags),
    )
    st.text_input(
        "Another tag",
        key=new,
        max_chars=LONGEST_TAG,
        placeholder="Type a tag and press Enter",
        label_visibility="collapsed",
        on_change=lambda: _add_typed(session, study, [item], new),
    )
    st.text_area(
        "Note on the item",
        key=note,
        height=80,
        max_chars=LONGEST_NOTE,
        on_change=lambda: _keep(session, notes.set_note, study, item, st.session_state[note] or ""),
    )
    where = "with this computer's cache" if person() == LOCAL else "for you alone"
    text_blocks.quiet(f"Kept {where}, for every model, layer and language of the study.")


def press_digit(session: Session, state: State, digit: object) -> None:
    """Puts the tag of a number key on the comparison's item, or takes it off (a callback)."""
    names = tag_names(state)[:_KEYS]
    if state.row is None or not isinstance(digit, int) or not 1 <= digit <= len(names):
        return
    item, tag = state.row[0], names[digit - 1]
    on = tag in state.remarks.get(item, Remark()).tags
    change = notes.remove_tag if on else notes.add_tag
    _keep(session, change, state.chosen.study.name, item, tag)


def tag_selection(session: Session, state: State) -> None:
    """A tag on every selected item at once; one that all of them have is taken off."""
    items = state.chosen.selection.items
    if not items or read_only():
        return
    study, new = state.chosen.study.name, session.widget("new_many")
    with st.popover(f"Tag {count(len(items), 'selected item')}", width="content"):
        _show_failure(session)
        for tag in tag_names(state):
            has = sum(tag in state.remarks.get(item, Remark()).tags for item in items)
            everywhere = has == len(items)
            change = _untag_items if everywhere else notes.tag_items
            st.button(
                f"{'Remove ' if everywhere else ''}{notices.plain(tag)} ({has} of {len(items)})",
                key=session.widget(f"many {tag}"),
                type="tertiary",
                on_click=_keep,
                args=(session, change, study, items, tag),
            )
        st.text_input(
            "Another tag",
            key=new,
            max_chars=LONGEST_TAG,
            on_change=lambda: _add_typed(session, study, items, new),
        )


def tally(state: State) -> str:
    """How many of the listed items have each tag, the most frequent first; empty without tags."""
    if not state.remarks:
        return ""
    own = state.filters.items
    tagged = set(state.remarks) if own is None else set(state.remarks) & set(own.split(BETWEEN))
    items = resources.computed(
        state.chosen.study, tables.tagged_items, state.filters, joined(sorted(tagged))
    )
    counts = notes.counted({item: state.remarks[item] for item in items})
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return " · ".join(f"{tag} {number}" for tag, number in ordered)


def _tag_label(state: State, tag: str) -> str:
    names = tag_names(state)[:_KEYS]
    digit = f"{names.index(tag) + 1} " if tag in names else ""
    times = state.offered.tags.get(tag, 0)
    return f"{digit}**{notices.plain(tag)}**" + (f" {times}" if times else "")


def _set_tags(study: str, item: str, before: tuple[str, ...], key: str) -> None:
    now = st.session_state[key] or []
    for tag in now:
        if tag not in before:
            notes.add_tag(study, item, tag)
    for tag in before:
        if tag not in now:
            notes.remove_tag(study, item, tag)


def _untag_items(study: str, items: Iterable[str], tag: str) -> None:
    for item in items:
        notes.remove_tag(study, item, tag)


def _add_typed(session: Session, study: str, items: Iterable[str], key: str) -> None:
    text = st.session_state[key].strip()
    if text:
        _keep(session, notes.tag_items, study, items, text)
        st.session_state[key] = ""


def _keep(session: Session, change: Callable[..., None], *details: object) -> None:
    """Changes tags or a note; what went wrong is shown in the next run."""
    try:
        change(*details)
    except CctaError as error:
        st.session_state[session.widget("failed")] = str(error)


def _show_failure(session: Session) -> None:
    if failed := st.session_state.pop(session.widget("failed"), None):
        notices.problem(failed)
