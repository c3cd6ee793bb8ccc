"""The address as the state of a page: read once when it is new, written when something changes.

The Pair page has its own rules in state.py; every other page names its fields here.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from ccta_core.text import read_decimal, read_whole

_SHOWN = 40
_BACK = "back"


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to choose: its name in the address, its default, how its text is read.

    `read` turns the address's text into the widget's value and raises ValueError, saying what was
    expected, where it can't; `write` is its inverse.
    """

    name: str
    default: Any
    read: Callable[[str], Any] = str
    write: Callable[[Any], str] = str
    always: bool = False
    """Written to the address even where it is the default: which default depends on the day."""


def one_of(name: str, known: Collection[str], default: str, *, always: bool = False) -> Field:
    """One of a list."""
    return Field(name, default, lambda text: _known(text, known), always=always)


def some_of(name: str, known: Collection[str], default: Collection[str] = ()) -> Field:
    """Several of a list, with commas between them."""

    def read(text: str) -> list[str]:
        return [_known(part, known) for part in text.split(",") if part]

    return Field(name, list(default), read, ",".join)


def whole(name: str, low: int, high: int, default: int) -> Field:
    """A whole number in a range."""
    return Field(name, default, lambda text: read_whole(text, low, high))


def span(name: str, low: float, high: float) -> Field:
    """A range of numbers, `low..high`; by default all of it."""

    def read(text: str) -> tuple[float, float]:
        start, _, end = text.partition("..")
        try:
            found = read_decimal(start, low, high), read_decimal(end, low, high)
        except ValueError:
            raise ValueError(f"a range within {low:g}..{high:g}") from None
        if found[0] > found[1]:
            raise ValueError(f"a range within {low:g}..{high:g}, the lower end first")
        return found

    return Field(name, (low, high), read, lambda pair: f"{pair[0]:g}..{pair[1]:g}")


def flag(name: str, *, default: bool = False) -> Field:
    """Yes or no: 1 or 0."""

    def read(text: str) -> bool:
        if text not in ("0", "1"):
            raise ValueError("0 or 1")
        return text == "1"

    return Field(name, default, read, lambda on: "1" if on else "0")


def words(name: str, most: int = 200) -> Field:
    """A short text, such as a search."""

    def read(text: str) -> str:
        if len(text) > most:
            raise ValueError(f"at most {most} characters")
        return text

    return Field(name, "", read)


class Address:
    """What a page shows, field by field; make one at the top of each run, `keep` it at the end.

    A value comes from the address if that changed since the last run, else from the field's widget
    (whose key is `widget(name)`), else from what this page showed before.
    """

    def __init__(self, page: str) -> None:
        self.page = page
        self.problems: list[str] = []
        self._query: dict[str, str] = {}
        self._values: dict[str, Any] = {}
        self._asked: Mapping[str, str] = st.query_params.to_dict()
        held = st.session_state.get(self._key("held"), {})
        self._held: Mapping[str, Any] = held
        kept = st.session_state.get(self._key("address"))
        self._fresh = bool(self._asked) and self._asked != kept

    def widget(self, name: str) -> str:
        """The session key of a field's widget."""
        return self._key(f"{name}_input")

    def value(self, field: Field) -> Any:
        """What the field holds now, valid; its widget is set to it."""
        value = self._valid(field, self._wanted(field))
        self._values[field.name] = value
        if field.always or value != field.default:
            self._query[field.name] = field.write(value)
        if st.session_state.get(self.widget(field.name)) != value:
            st.session_state[self.widget(field.name)] = value
        return value

    def keep(self) -> None:
        """Writes what is shown to the address, and remembers it for the next run."""
        st.session_state[self._key("held")] = self._values
        st.session_state[self._key("address")] = self._query
        if self._query != self._asked:
            st.query_params.from_dict(self._query)

    @property
    def query(self) -> dict[str, str]:
        """The address of what is shown."""
        return dict(self._query)

    def _wanted(self, field: Field) -> Any:
        if self._fresh:
            return _Text(self._asked[field.name]) if field.name in self._asked else field.default
        held = self._held.get(field.name, field.default)
        found = st.session_state.get(self.widget(field.name), held)
        return field.default if found is None else found

    def _valid(self, field: Field, wanted: Any) -> Any:
        text = wanted.text if isinstance(wanted, _Text) else field.write(wanted)
        try:
            return field.read(text) if text != field.write(field.default) else field.default
        except ValueError as error:
            if isinstance(wanted, _Text):
                shown = ascii(text[:_SHOWN]) + ("…" if len(text) > _SHOWN else "")
                self.problems.append(f"{field.name}={shown}: expected {error}; showing the default")
            return field.default

    def _key(self, name: str) -> str:
        return f"{self.page}_{name}"


@dataclass(frozen=True, slots=True)
class _Text:
    """A value as the address has it, not read yet."""

    text: str


def come_back(address: Address) -> None:
    """Notes that the next page leads back to what this one shows."""
    st.session_state[_BACK] = (address.page, address.query)


def back() -> tuple[str, dict[str, str]] | None:
    """Where this session came from: a page and its address; None where it came from nowhere."""
    return st.session_state.get(_BACK)


def forget_back() -> None:
    """The way back was taken, or is of no use any more."""
    st.session_state.pop(_BACK, None)


def _known(text: str, known: Collection[str]) -> str:
    if text not in known:
        some = ", ".join(list(known)[:12]) + (", …" if len(known) > 12 else "")
        raise ValueError(f"one of {some}")
    return text
