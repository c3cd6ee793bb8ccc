"""The view that is shown now and those before it: undo, redo and their list."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import streamlit as st

from dashboard.fields import Field
from dashboard.session import Session, widget_key
from dashboard.views.pair.settings import setting_fields
from dashboard.views.pair.view import OWN, Options, PairView, choose, texts_of
from dashboard.widgets.notices import plain
from dashboard.widgets.pair_picture import PIN
from dashboard.widgets.wording import language_name

MOST = 20
PRESENT = "present"
"""The name in the address of what shows the view in large type and nothing else: 1."""
_HISTORY, _PROBLEMS = "pair_history", "pair_problems"


@dataclass(frozen=True, slots=True)
class ViewHistory:
    """The last views, the oldest first; `place` is that of the one that is shown."""

    views: tuple[PairView, ...] = ()
    place: int = -1

    def visit(self, view: PairView) -> "ViewHistory":
        """With a view that is shown now: what could be redone is forgotten, unless it is that."""
        if self.views and self.views[self.place] == view:
            return self
        views = (*self.views[: self.place + 1], view)[-MOST:]
        return ViewHistory(views, len(views) - 1)

    def go_to(self, place: int) -> "ViewHistory":
        """At another of its views; the nearest there is."""
        return ViewHistory(self.views, min(max(place, 0), len(self.views) - 1))

    @property
    def now(self) -> PairView:
        """The view that is shown. Raises IndexError where there is none yet."""
        return self.views[self.place]

    @property
    def can_undo(self) -> bool:
        """Whether there is an earlier view."""
        return self.place > 0

    @property
    def can_redo(self) -> bool:
        """Whether a view was undone."""
        return self.place < len(self.views) - 1


def difference(first: PairView, second: PairView) -> str:
    """What of the second view is not as in the first, in a few words."""
    before, after = first.query(), second.query()
    changed = [name for name in (*after, *before) if before.get(name) != after.get(name)]
    named = [f"{name} {after.get(name, 'as usual')}" for name in dict.fromkeys(changed)]
    return ", ".join(named[:3]) + (", …" if len(named) > 3 else "")


def current_view(session: Session, options: Options, lacking: Sequence[str]) -> PairView:
    """The view that is asked for now; widgets, address and history follow.

    What had to be replaced stays among the session's problems as long as the view is shown;
    `lacking` is what the options do not have.
    """
    state, history = st.session_state, _history()
    before = history.now if history.views else None
    view, problems = choose(session.raw(), options)
    blank = view.item == OWN and not any(view.texts)
    if blank and before is not None and before.item in options.items:
        # Own texts begin as the item that was shown before.
        view = replace(view, texts=texts_of(options.items[before.item], view.src, view.tgt))
    if session.fresh or view != before:
        state[_PROBLEMS], state[PIN] = [*lacking, *problems], None
    session.problems += state[_PROBLEMS]
    fields = setting_fields(options.models[view.model])
    _hold(session, view, fields.values())
    state[_HISTORY] = history.visit(view)
    return view


def go(view: PairView) -> None:
    """Shows another view (a button's callback): widgets, address and history follow."""
    state = st.session_state
    state[_HISTORY], state[_PROBLEMS], state[PIN] = _history().visit(view), [], None
    _hold(Session("pair"), view)


def _hold(session: Session, view: PairView, fields: Iterable[Field] = ()) -> None:
    """Holds the view, presented or not: that is no part of it, so undo does not change it."""
    shown = session.raw().get(PRESENT) == "1"
    query = view.query() | ({PRESENT: "1"} if shown else {})
    session.hold(view.values() | {PRESENT: "1" if shown else "0"}, query, fields)


def refuse(reason: str) -> None:
    """Says why something was not done, as long as the view is shown (a callback's work)."""
    st.session_state[_PROBLEMS] = [reason]


def history_buttons() -> None:
    """Undo, redo and the list of views; nothing moves where there is nothing to move to."""
    history = _history()
    arrows = (
        ("Undo", history.place - 1, history.can_undo),
        ("Redo", history.place + 1, history.can_redo),
    )
    for label, place, enabled in arrows:
        st.button(
            label,
            icon=f":material/{label.lower()}:",
            key=widget_key("pair", label.lower()),
            on_click=_go_to,
            args=(place,),
            disabled=not enabled,
            type="tertiary",
            help=label,
        )
    with st.popover("History", width="content", disabled=len(history.views) < 2):
        for place in reversed(range(len(history.views))):
            st.button(
                plain(_view_label(history, place)),
                key=widget_key("pair", f"view_{place}"),
                on_click=_go_to,
                args=(place,),
                disabled=place == history.place,
                type="tertiary",
            )


def _history() -> ViewHistory:
    return st.session_state.get(_HISTORY, ViewHistory())


def _go_to(place: int) -> None:
    """Goes to a view of the history by its place."""
    moved = _history().go_to(place)
    st.session_state[_HISTORY] = moved
    go(moved.now)


def _view_label(history: ViewHistory, place: int) -> str:
    """A view by what changed; the first of the list by what it is."""
    view = history.views[place]
    if place > 0:
        changed = difference(history.views[place - 1], view)
        return f"{changed or 'the texts'} · {view.item}"
    pair = f"{language_name(view.src)} and {language_name(view.tgt)}"
    return f"{view.item}, {pair}, layer {view.layer} · {view.model}"
