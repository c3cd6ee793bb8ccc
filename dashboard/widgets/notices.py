"""Lines that tell what is wrong or worth knowing; foreign text in them stays text."""

import re
from collections.abc import Callable, Iterable
from html import escape

import streamlit as st

from ccta_core.errors import CctaError
from ccta_core.permissions import person, read_only

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_DIRECTIVE = re.compile(r":(?=\S)")
_JOINER = "\u2060"


def plain(text: str) -> str:
    """The text as markdown that shows exactly it: no marks, links, directives or symbols."""
    return _PUNCTUATION.sub(r"\\\1", _DIRECTIVE.sub(":" + _JOINER, " ".join(text.split())))


def problem(text: str) -> None:
    """What went wrong and what to do, one line."""
    st.error(plain(text[:1].upper() + text[1:]))


def rerun_after(action: Callable[[], object]) -> None:
    """Acts and shows the page anew, or says in one line why the action can't be done."""
    try:
        action()
    except CctaError as error:
        problem(str(error))
        return
    st.rerun()


def only_looking(what: str) -> bool:
    """Whether this installation is read-only; then says so, where `what` ("studies are started")
    would be.
    """
    if read_only():
        remarks([f"This dashboard is for looking and comparing: no {what} here."])
    return read_only()


def for_administrators(what: str) -> bool:
    """Whether the visitor is no administrator; then says so, where `what` ("adding models") would
    be.
    """
    if not person().administrator:
        remarks([f"Here {what} is for administrators."])
    return not person().administrator


def advice(text: str) -> None:
    """What was replaced or is missing, one line."""
    st.warning(plain(text[:1].upper() + text[1:]))


def remarks(texts: Iterable[str]) -> None:
    """What a reader must know beside the numbers, quietly."""
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    if items:
        st.html(f'<ul class="ccta-remarks">{items}</ul>')
