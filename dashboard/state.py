"""Session keys and query keys of the Pair page, in one place, and how they follow each other."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import streamlit as st

from dashboard.choice import KEYS, OWN, TEXT_KEYS, Choice, Offer, choose, texts_of
from dashboard.history import History
from dashboard.settings import NAMES

_SECOND = ("model2", "layer2")
_ADDRESS, _CHOICE, _PROBLEMS, _PIN, _JOBS, _ME, _HISTORY, _RIBBONS, _WALK = (
    f"pair_{name}"
    for name in ("address", "choice", "problems", "pin", "jobs", "me", "history", "ribbons", "walk")
)

_UNSET = object()


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for now, unchecked; `fresh`: the address says so, not the widgets."""

    wanted: Mapping[str, str]
    fresh: bool


def widget(name: str) -> str:
    """The session key of the widget that holds this choice or option."""
    return f"pair_{name}_input"


def asked() -> Asked:
    """From the address if that is new, else from the widgets.

    A bare address in a session that has shown something means that: the menu led back here. And
    what a widget says is newer than an address that is on its way through the browser.
    """
    address = st.query_params.to_dict()
    before: Choice | None = st.session_state.get(_CHOICE)
    if before is None:
        return Asked(address, fresh=True)
    known = _as_held(before)
    now = known | _from_widgets(before)
    held = {name: value for name, value in now.items() if value}
    fresh = bool(address) and address != st.session_state.get(_ADDRESS) and held == known
    return Asked(address if fresh else held, fresh)


def current(offer: Offer, asked: Asked, said: Sequence[str] = ()) -> tuple[Choice, list[str]]:
    """What is chosen now, and what had to be replaced; `said` is what the offer lacks."""
    session = st.session_state
    before: Choice | None = session.get(_CHOICE)
    choice, problems = choose(asked.wanted, offer)
    choice = _start_from(choice, before, offer)
    if asked.fresh or choice != before:
        session[_PROBLEMS], session[_PIN] = [*said, *problems], None
    if asked.fresh:
        _forget_ribbons()
    _hold(choice)
    session[_CHOICE] = choice
    session[_HISTORY] = history().seen(choice)
    _write(choice)
    return choice, session[_PROBLEMS]


def go(choice: Choice) -> None:
    """Shows another view (a button's callback): widgets and address follow."""
    session = st.session_state
    session[_CHOICE], session[_PROBLEMS], session[_PIN] = choice, [], None
    _forget_ribbons()
    _hold(choice)
    _write(choice)


def history() -> History:
    """The views this session has seen."""
    return st.session_state.get(_HISTORY, History())


def step(place: int) -> None:
    """Goes to a view of the history by its place (a button's callback)."""
    moved = history().moved(place)
    st.session_state[_HISTORY] = moved
    go(moved.now)


def swap() -> None:
    """Changes source and target, texts included (a button's callback)."""
    session = st.session_state
    for one, other in (("src", "tgt"), ("s1", "t1"), ("s2", "t2")):
        one, other = widget(one), widget(other)
        if one in session and other in session:
            session[one], session[other] = session[other], session[one]


def show_ribbons(share: float) -> None:
    """Sets the slider of ribbons to what is drawn while nobody moved it."""
    set_option("ribbons", share)
    st.session_state[_RIBBONS] = share


def set_option(name: str, value: Any) -> None:
    """Sets an option's widget, if it does not say so already."""
    if st.session_state.get(widget(name), _UNSET) != value:
        st.session_state[widget(name)] = value


def open_once(name: str, mark: Any) -> None:
    """Unfolds a part of the page, once for each `mark`: a person may fold it again."""
    key = f"pair_opened_{name}"
    if st.session_state.get(key) != mark:
        st.session_state[key] = mark
        st.session_state[widget(name)] = True


def pin() -> tuple[str, int] | None:
    """The pinned word: its side and index."""
    return st.session_state.get(_PIN)


def set_pin(value: tuple[str, int] | None) -> None:
    """Keeps the pinned word until something else is shown."""
    st.session_state[_PIN] = value


def job(slot: str) -> Any:
    """What this session waits for in a place of the page."""
    return st.session_state.get(_JOBS, {}).get(slot)


def set_job(slot: str, value: Any) -> None:
    """Keeps what this session waits for in a place of the page."""
    st.session_state.setdefault(_JOBS, {})[slot] = value


def walking() -> Any:
    """The view whose layers are being measured, if any."""
    return st.session_state.get(_WALK)


def walk(value: Any) -> None:
    """Begins (a view) or ends (None) the measuring of layers."""
    st.session_state[_WALK] = value


def me() -> str:
    """This session's name in the queue."""
    return st.session_state.setdefault(_ME, uuid.uuid4().hex)


def _values(choice: Choice) -> dict[str, Any]:
    """What the widgets hold of a view; None is an empty one."""
    found: dict[str, Any] = {name: getattr(choice, name) for name in KEYS}
    found |= {"model2": choice.model2 or None, "layer2": choice.layer2}
    found |= {item.name: getattr(choice.settings, item.name) for item in fields(choice.settings)}
    if choice.item == OWN:
        found |= dict(zip(TEXT_KEYS, choice.texts, strict=True))
    return found


def _as_held(choice: Choice) -> dict[str, str]:
    """A view as text, like an address; typed texts of any length."""
    texts = {name: text for name, text in zip(TEXT_KEYS, choice.texts, strict=True) if text}
    return choice.query() | (texts if choice.item == OWN else {})


def _from_widgets(before: Choice) -> dict[str, str]:
    """What the widgets say that is not as it was; an emptied one says nothing, "".

    The slider of ribbons stands somewhere even while nobody chose: see `show_ribbons`.
    """
    session, usual = st.session_state, _values(before)
    if before.settings.ribbons is None:
        usual["ribbons"] = session.get(_RIBBONS)
    found = {}
    for name in (*KEYS, *TEXT_KEYS, *_SECOND, *NAMES):
        if widget(name) in session and session[widget(name)] != usual.get(name, ""):
            value = session[widget(name)]
            found[name] = "" if value is None else str(value)
    return found


def _forget_ribbons() -> None:
    """The slider stands where the next view puts it."""
    for name in (_RIBBONS, widget("ribbons")):
        st.session_state.pop(name, None)


def _hold(choice: Choice) -> None:
    for name, value in _values(choice).items():
        if name != "ribbons" or value is not None:
            set_option(name, value)


def _write(choice: Choice) -> None:
    query = choice.query()
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)
    st.session_state[_ADDRESS] = query


def _start_from(choice: Choice, before: Choice | None, offer: Offer) -> Choice:
    """Own texts begin as the item that was shown before."""
    blank = choice.item == OWN and not any(choice.texts)
    if not blank or before is None or before.item not in offer.items:
        return choice
    return replace(choice, texts=texts_of(offer.items[before.item], choice.src, choice.tgt))
