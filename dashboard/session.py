"""The session of a page: its address and its widgets, one call each; back and forth between pages.

The address is the page's state: it is read where it is new, and written when a widget changes.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partialmethod
from typing import Any, NamedTuple

import streamlit as st

from dashboard.fields import Field, shown

_ORIGIN = "back"


class Session:
    """What a page shows, field by field; make one at the top of each run, `keep` it at the end.

    A value comes from the address if that changed since the last run, else from the field's widget
    (whose key is `widget(name)`), else from what this page showed before. A widget that was moved
    is newer than an address that is still on its way through the browser.
    """

    def __init__(self, page: str) -> None:
        self.page = page
        self.problems: list[str] = []
        self._fields: dict[str, Field] = {}
        self._values: dict[str, Any] = {}
        self._query: dict[str, str] = {}
        self._address = st.query_params.to_dict()
        self._held: dict[str, Any] = st.session_state.setdefault(f"{page}_held", {})
        moved = any(self._widget_value(name) != value for name, value in self._held.items())
        # On the way to another page the browser notes that page's address under this one's name:
        # whoever goes back comes to it, and wants this page as it was left.
        last, left = (st.session_state.get(f"{page}_{name}") for name in ("address", "left"))
        is_new = self._address not in (last, left)
        self.fresh = bool(self._address) and is_new and not moved
        """Whether the address decides what is shown, not the widgets."""

    def widget(self, name: str) -> str:
        """The session key of a field's widget, or of another widget of the page."""
        return widget_key(self.page, name)

    def value(self, field: Field) -> Any:
        """What the field holds now, valid; its widget is set to it. Read once in a run.

        What is wrong with the address's text is noted among the problems.
        """
        name = field.name
        if name in self._values:
            return self._values[name]
        value = self._valid_value(field)
        self._fields[name], self._values[name], self._held[name] = field, value, value
        if field.always or value != field.default:
            self._query[name] = field.write(value)
        if st.session_state.get(self.widget(name)) != value:
            st.session_state[self.widget(name)] = value
        return value

    def show(
        self,
        widget: Callable[..., Any],
        label: str,
        field: Field | str,
        *limits: Any,
        resting: float | None = None,
        **layout: Any,
    ) -> Any:
        """Shows the widget of a field and returns what the field holds; `widget` is Streamlit's.

        A field whose value was read before in this run may be called by its name. `limits` replace
        the field's own. Where the field holds None, the widget stands at `resting` until somebody
        moves it.
        """
        if isinstance(field, str):
            field = self._fields[field]
        value, key = self.value(field), self.widget(field.name)
        if value is None and resting is not None:
            st.session_state[f"{key}_resting"] = resting
            if st.session_state.get(key) != resting:
                st.session_state[key] = resting
        widget(label, *(limits or field.limits), key=key, **layout)
        return value

    selectbox = partialmethod(show, st.selectbox)
    multiselect = partialmethod(show, st.multiselect)
    segmented_control = partialmethod(show, st.segmented_control, required=True)
    slider = partialmethod(show, st.slider)
    select_slider = partialmethod(show, st.select_slider)
    number_input = partialmethod(show, st.number_input)
    text_input = partialmethod(show, st.text_input)
    text_area = partialmethod(show, st.text_area)
    toggle = partialmethod(show, st.toggle)
    checkbox = partialmethod(show, st.checkbox)

    def put(self, **values: object) -> None:
        """Sets fields by name (a callback's work): the page shows them in its next run."""
        for name, value in values.items():
            st.session_state[self.widget(name)] = value

    def keep(self) -> None:
        """Writes what is shown to the address, and remembers it for the next run."""
        st.session_state[f"{self.page}_held"] = self._values
        st.session_state[f"{self.page}_address"] = self._query
        if self._query != st.query_params.to_dict():
            st.query_params.from_dict(self._query)

    def raw(self) -> dict[str, str]:
        """The text of everything that is asked for, by name and unchecked; nothing empty.

        For a page whose fields depend on each other: it checks them together, and `hold`s them.
        """
        if self.fresh:
            return dict(self._address)
        standing = {name: self._widget_value(name) for name in self._held}
        return {
            name: ",".join(value) if isinstance(value, list) else str(value)
            for name, value in standing.items()
            if value not in (None, "", [])
        }

    def hold(
        self, values: Mapping[str, Any], query: Mapping[str, str], fields: Iterable[Field] = ()
    ) -> None:
        """Sets every field's value and widget by name, and the address, all checked by the page.

        `fields` are those whose widgets are shown by name in this run.
        """
        self._fields |= {field.name: field for field in fields}
        for name, value in values.items():
            if self._widget_value(name) != value or self.widget(name) not in st.session_state:
                st.session_state[self.widget(name)] = value
        self._values, self._query = dict(values), dict(query)
        self.keep()

    def leave_out(self, names: Iterable[str]) -> None:
        """Leaves fields that do not fit an address out of it; the session still holds them."""
        for name in names:
            self._query.pop(name, None)

    @property
    def query(self) -> dict[str, str]:
        """The address of what is shown."""
        return dict(self._query)

    def lead_to(self, page: str, query: Mapping[str, str]) -> None:
        """Opens another page at an address; it leads back to what this one shows."""
        st.session_state[_ORIGIN] = Origin(self.page, self.query)
        open_page(self.page, page, query)

    def _widget_value(self, name: str) -> Any:
        """What a field's widget says; what the field held where there is no widget."""
        key, held = self.widget(name), self._held.get(name)
        value = st.session_state.get(key, held)
        resting = held is None and value == st.session_state.get(f"{key}_resting")
        return None if resting else value

    def _valid_value(self, field: Field) -> Any:
        """The value asked for; the default where there is none that can be read."""
        if self.fresh:
            text = self._address.get(field.name)
        else:
            value = self._widget_value(field.name)
            text = None if value is None else field.write(value)
        if text is None or text == field.write(field.default):
            return field.default
        try:
            return field.read(text)
        except ValueError as error:
            if self.fresh:
                self.problems.append(
                    f"{field.name}={shown(text)}: expected {error}; showing the default"
                )
            return field.default


def settle(page: str) -> None:
    """Puts widgets and address to what the page shows; call it first in a fragment that polls.

    A poll is nobody's choice, but it brings what the browser holds: on a slow one, widgets and an
    address from before a button changed them, which would change the page back. The address of
    another page stays: the browser has gone there, and this poll was the last one here.
    """
    for name, value in st.session_state.get(f"{page}_held", {}).items():
        key = widget_key(page, name)
        shown = st.session_state.get(f"{key}_resting") if value is None else value
        if shown is not None and st.session_state.get(key, shown) != shown:
            st.session_state[key] = shown
    address = st.session_state.get(f"{page}_address")
    here = st.query_params.to_dict()
    if address is None or here == address:
        return
    kept = [str(key) for key in st.session_state if str(key).endswith("_address")]
    if not (here and any(here == st.session_state[key] for key in kept)):
        st.query_params.from_dict(address)


def widget_key(page: str, name: str) -> str:
    """The session key of a page's widget."""
    return f"{page}_{name}_input"


class Origin(NamedTuple):
    """A page that led to another, and its address."""

    page: str
    query: dict[str, str]


def origin() -> Origin | None:
    """The page that this session came from; None where it came from nowhere."""
    return st.session_state.get(_ORIGIN)


def back_button(page: str) -> None:
    """A button that leads back from `page`, where this session came from another page."""
    came_from = origin()
    if came_from is None or came_from.page == page:
        return
    key = widget_key(page, "back")
    label = f"Back to {came_from.page}"
    if st.button(label, icon=":material/arrow_back:", type="tertiary", key=key):
        go_back(page)


def go_back(page: str) -> None:
    """Leaves `page` for where the session came from, as that was left."""
    came_from: Origin = st.session_state.pop(_ORIGIN)
    open_page(page, *came_from)


def open_page(here: str, page: str, query: Mapping[str, str]) -> None:
    """Leaves the page `here` for another, at an address."""
    st.session_state[f"{here}_left"] = dict(query)
    st.switch_page(f"views/{page}/{page}.py", query_params=query)
