"""Adjusting with parallel text of one's own: the form, its cost, and how its runs are doing."""

from functools import partial
from html import escape

import streamlit as st

from ccta_core.adjustment import background
from ccta_core.adjustment.background import AdjustmentOrder, OrderState
from ccta_core.corpus.uploads import spec_of, uploads
from ccta_core.errors import CctaError
from ccta_core.languages import LANGUAGES
from ccta_core.permissions import may_change, person, read_only
from ccta_core.text import count, duration, number
from dashboard import adjustments
from dashboard.session import Session
from dashboard.views.adjust.controls import ChosenAdjustment
from dashboard.views.adjust.upload import upload
from dashboard.widgets import notices, text_blocks
from dashboard.widgets.wording import language_name

_EVERY = 2.0
_OTHER = "other: by its spec"
_METHODS = {"lora": "low-rank adapter (LoRA)", "full": "every weight"}
_MOST_PAIRS = 250_000
_USUAL_PAIRS = 2000


def runs(session: Session, chosen: ChosenAdjustment) -> None:
    """The runs that were begun here, and the form of a new one, where somebody opens it."""
    states = background.orders()
    text_blocks.heading("Adjust with parallel text of your own")
    if states:
        _list(states)
        _actions(session, states)
    folded = st.expander("Start a run", on_change="rerun", key=session.widget("start_open"))
    with folded:
        if folded.open and not notices.only_looking("adjustments are run"):
            _form(session, chosen)


def state_text(state: OrderState) -> str:
    """How an order stands, in words."""
    if state.kind == background.FINISHED:
        return f"finished: {' and '.join(f'adjusted/{run}' for run in state.order.runs)}"
    if state.kind == background.STOPPED:
        where = f" at step {state.step} of {state.of_steps}" if state.of_steps else ""
        return f"stopped{where}. {state.line}"
    if not state.of_steps:
        return f"{state.run}: {state.line or 'starting'}"
    aucs = f", AUC {number(state.aucs[-1][1], 3)}" if state.aucs else ""
    left = "" if state.minutes_left is None else f", about {state.minutes_left} min left"
    return (
        f"{state.run}: step {state.step} of {state.of_steps}, alignment {state.alignment}, anchor "
        f"{state.anchor}{aucs}{left}"
    )


def _list(states: list[OrderState]) -> None:
    if any(state.kind == background.RUNNING for state in states):
        _watch({state.order.name: state.kind for state in states})
    else:
        _show(states)


@st.fragment(run_every=_EVERY)
def _watch(before: dict[str, str]) -> None:
    """The list, read again while a run is at work; the page anew when one ends."""
    states = background.orders()
    if {state.order.name: state.kind for state in states} != before:
        st.rerun()
    _show(states)


def _show(states: list[OrderState]) -> None:
    rows = []
    for state in states:
        order, busy = state.order, state.kind == background.RUNNING
        bar = f'<span class="ccta-share" style="--v:{state.share:.3f}"></span>' if busy else ""
        pairs = "all pairs" if order.pairs is None else count(order.pairs, "pair")
        about = (
            f"{language_name(order.lang)}, {pairs}, {_METHODS['full' if order.full else 'lora']}, "
            f"{'placebo after it' if order.placebo else 'no placebo'}; {', '.join(order.parallel)}"
        )
        rows.append(
            f'<li data-state="{state.kind}"><b>{escape(order.name)}</b>'
            f"<span>{bar}{escape(state_text(state))}</span><small>{escape(about)}</small></li>"
        )
    st.html(f'<ul class="ccta-studies" tabindex="0" aria-label="Runs">{"".join(rows)}</ul>')


def _actions(session: Session, states: list[OrderState]) -> None:
    if read_only():
        return
    with st.container(horizontal=True, vertical_alignment="bottom", key="adjust_runs_row"):
        names = {state.order.name: state for state in states}
        name = st.selectbox("Run", list(names), key=session.widget("run"), width=240)
        state = names[name]
        if not may_change(state.order.folder):
            return
        if state.kind == background.RUNNING:
            if st.button("Stop", key=session.widget("stop"), help="It goes on where it was"):
                notices.rerun_after(partial(_stop, name))
            return
        if state.kind == background.STOPPED and st.button("Resume", key=session.widget("resume")):
            notices.rerun_after(partial(background.resume, name))
        with st.popover("Delete"):
            st.caption(f"{notices.plain(name)}: its weights, which only running again brings back.")
            if st.button("Delete it for good", key=session.widget("delete"), type="primary"):
                notices.rerun_after(partial(background.delete, name))


def _stop(name: str) -> None:
    if not background.stop(name):
        raise CctaError(f"{name} was told to stop and will, after what it has in hand")


def _form(session: Session, chosen: ChosenAdjustment) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", key="adjust_form_row"):
        codes = sorted((code for code in LANGUAGES if code != "en"), key=language_name)
        lang = st.selectbox(
            "Language beside English", codes, index=codes.index(chosen.lang),
            format_func=language_name, key=session.widget("form_lang"), width=200,
        )  # fmt: skip
        sets = {**background.parallel_sets(lang), **{name: spec_of(name) for name in uploads()}}
        other = [_OTHER] if person().administrator else []  # it may name any path
        data = st.selectbox(
            "Parallel text", [*sets, *other], key=session.widget("form_data"), width=220,
            help="Folders of data sets found here, and files that were handed in",
        )  # fmt: skip
        method = st.selectbox(
            "Trained", list(_METHODS), format_func=_METHODS.__getitem__,
            key=session.widget("form_method"), width=220,
        )  # fmt: skip
        pairs = st.number_input(
            "Sentence pairs", background.LEAST_PAIRS, _MOST_PAIRS, _USUAL_PAIRS, step=500,
            key=session.widget("form_pairs"), width=160,
        )  # fmt: skip
    upload(session, lang, "form_data")
    spec = sets.get(data, "")
    if data == _OTHER:
        spec = st.text_input(
            "Spec of the parallel text", key=session.widget("form_spec"),
            placeholder="A,B (two files) · opus:FOLDER#en-es · file:PATH",
        ).strip()  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center", key="adjust_form_more_row"):
        name = st.text_input(
            "Name", placeholder=f"{lang}-{pairs}-mine", key=session.widget("form_name"), width=240
        ).strip()
        placebo = st.checkbox(
            "Placebo after it", value=True, key=session.widget("form_placebo"),
            help="The same with links re-paired at random: what mere further training does",
        )  # fmt: skip
    if not spec:
        text_blocks.say("Name parallel text to see what the run would cost.")
        return
    try:
        order = AdjustmentOrder(
            name or f"{lang}-{pairs}-mine", lang, (spec,), int(pairs), method == "full", placebo
        )
        there = adjustments.parallel_pairs(spec, lang)
    except CctaError as error:
        notices.advice(str(error))
        return
    _price(session, order, there)


def _price(session: Session, order: AdjustmentOrder, there: int) -> None:
    if order.pairs is not None and order.pairs > there:
        notices.advice(f"there are {there:,} pairs of it; ask for fewer than that")
        return
    seconds = background.seconds_of(order.pairs or there, order)
    text_blocks.say(
        f"About {duration(seconds)} on one core for {count(len(order.runs), 'run')} of "
        f"{count(order.pairs or there, 'pair')} ({there:,} are there). It goes on when this page "
        "or the server is closed."
    )
    with st.container(horizontal=True, vertical_alignment="center", key="adjust_form_start"):
        if st.button(f"Start {order.name}", key=session.widget("form_start"), type="primary"):
            notices.rerun_after(partial(background.start, order))
        with st.popover("The same on the command line", type="tertiary"):
            st.code("\n".join(order.commands), language="bash", wrap_lines=True)
