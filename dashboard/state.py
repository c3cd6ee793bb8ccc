"""Session keys and query keys, in one place, and how they follow each other."""

import uuid
from dataclasses import replace
from typing import Any

import streamlit as st

from ccta_core.config import Config
from dashboard.choice import KEYS, OWN, TEXT_KEYS, Choice, Offer, choose, texts_of

OPTIONS: dict[str, Any] = {
    "space": "centered",
    "baseline": "pad",
    "mass": "abs",
    "target_class": "auto",
    "shuffles": 99,
    "seed": 0,
}
"""The settings of a comparison that stand in no address, and their defaults."""
DRAWING: dict[str, Any] = {"view": "signed", "units": "words", "threshold": "auto"}
"""How the picture is drawn."""
_ADDRESS, _CHOICE, _PROBLEMS, _PIN, _JOB, _ME = (
    f"pair_{name}" for name in ("address", "choice", "problems", "pin", "job", "me")
)


def widget(name: str) -> str:
    """The session key of the widget that holds this choice or option."""
    return f"pair_{name}_input"


def current(offer: Offer) -> tuple[Choice, list[str]]:
    """What is chosen now, and what had to be replaced: from the address if that is new."""
    session, address = st.session_state, st.query_params.to_dict()
    before: Choice | None = session.get(_CHOICE)
    fresh = before is None or session.get(_ADDRESS) != address
    choice, problems = choose(address if fresh else _held(), offer)
    choice = _start_from(choice, before, offer)
    if fresh or choice != before:
        session[_PROBLEMS], session[_PIN] = problems, None
    _hold(choice)
    session[_CHOICE], session[_ADDRESS] = choice, address
    query = choice.query()
    if query != address and choose(address, offer)[0] != choice:
        st.query_params.from_dict(query)
        session[_ADDRESS] = query
    return choice, session[_PROBLEMS]


def swap() -> None:
    """Changes source and target, texts included (a button's callback)."""
    session = st.session_state
    for one, other in (("src", "tgt"), ("s1", "t1"), ("s2", "t2")):
        one, other = widget(one), widget(other)
        if one in session and other in session:
            session[one], session[other] = session[other], session[one]


def settings(layer: int, labels: tuple[str, ...]) -> Config:
    """The comparison's settings; a class the model does not have becomes "auto".

    Raises CctaError where a setting is out of range.
    """
    values = {name: _option(name, default) for name, default in OPTIONS.items()}
    if values["target_class"] not in ("auto", "each", *labels):
        values["target_class"] = "auto"
        set_option("target_class", "auto")
    return Config(layer=layer, **values)


def drawing() -> dict[str, Any]:
    """How the picture is drawn: view, units, threshold."""
    return {name: _option(name, default) for name, default in DRAWING.items()}


def set_option(name: str, value: Any) -> None:
    """Sets an option's widget, if it does not say so already."""
    if st.session_state.get(widget(name)) != value:
        st.session_state[widget(name)] = value


def pin() -> tuple[str, int] | None:
    """The pinned word: its side and index."""
    return st.session_state.get(_PIN)


def set_pin(value: tuple[str, int] | None) -> None:
    """Keeps the pinned word until something else is shown."""
    st.session_state[_PIN] = value


def job() -> Any:
    """What this session waits for."""
    return st.session_state.get(_JOB)


def set_job(value: Any) -> None:
    """Keeps what this session waits for."""
    st.session_state[_JOB] = value


def me() -> str:
    """This session's name in the queue."""
    return st.session_state.setdefault(_ME, uuid.uuid4().hex)


def _option(name: str, default: Any) -> Any:
    value = st.session_state.get(widget(name))
    return default if value is None else value


def _held() -> dict[str, str]:
    names = (*KEYS, *TEXT_KEYS)
    session = st.session_state
    held = {name: session[widget(name)] for name in names if session.get(widget(name)) is not None}
    return {name: str(value) for name, value in held.items()}


def _hold(choice: Choice) -> None:
    for name in KEYS:
        set_option(name, getattr(choice, name))
    if choice.item == OWN:
        for name, text in zip(TEXT_KEYS, choice.texts, strict=True):
            set_option(name, text)


def _start_from(choice: Choice, before: Choice | None, offer: Offer) -> Choice:
    """Own texts begin as the item that was shown before."""
    blank = choice.item == OWN and not any(choice.texts)
    if not blank or before is None or before.item not in offer.items:
        return choice
    return replace(choice, texts=texts_of(offer.items[before.item], choice.src, choice.tgt))
