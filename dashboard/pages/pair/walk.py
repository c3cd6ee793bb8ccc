"""Walk the layers: one item at every layer of the model, as a picture that moves."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from ccta_core.measures import label
from ccta_core.result import PairResult
from ccta_core.text import count, number
from dashboard import resources, state
from dashboard.assets import read_beside
from dashboard.choice import Choice, Offer, Request
from dashboard.pages.pair.job import EVERY, WALK, find, leave, status
from dashboard.settings import Settings
from dashboard.widgets import notices, pair_picture, text_blocks
from dashboard.widgets.files import csv_button
from dashboard.widgets.pair_picture import CSS, JS, Look, compact, options, shared_top

_KEY = "pair_walk"
_HTML = """
<div class="ccta-walk">
  <div class="ccta-walk-tools">
    <button type="button" class="ccta-walk-play">Play</button>
    <input type="range" class="ccta-walk-range" min="0" value="0" step="1" aria-label="Layer">
    <output class="ccta-walk-said"></output>
    <button type="button" class="ccta-walk-open">Open this layer</button>
  </div>
  <div class="ccta-root"></div>
  <div class="ccta-walk-chart-box"></div>
</div>
"""
_component = st.components.v2.component(
    "ccta_pair_walk",
    html=_HTML,
    css=CSS + read_beside(pair_picture.__file__, "picture.css") + read_beside(__file__, "walk.css"),
    js=JS + read_beside(__file__, "walk.js"),
    isolate_styles=False,
)


def walk(choice: Choice, offer: Offer) -> None:
    """The layers that are known, and a button that measures the others, one after another."""
    item = replace(choice, layer=0, model2="", layer2=None, settings=_measured(choice.settings))
    if state.walking() not in (None, item):
        _stop()
    every = EVERY if state.walking() == item else None
    st.fragment(_walk, run_every=every)(choice, offer, item)


def _walk(choice: Choice, offer: Offer, item: Choice) -> None:
    from dashboard.pages.pair.tables import layer_table, walk_sentence

    layers = offer.models[choice.model].layers
    requests = {layer: replace(choice, layer=layer).request(offer) for layer in layers}
    found = {layer: known for layer in layers if (known := resources.stored(requests[layer]))}
    table = layer_table(found)
    sentence = walk_sentence(table, len(layers))
    text_blocks.say(sentence)
    _missing([requests[layer] for layer in layers if layer not in found], item)
    if not found:
        return
    _picture(choice, found, layers, sentence)
    name = f"layers-{choice.model}-{choice.item}-{choice.src}-{choice.tgt}"
    csv_button(table, name, key=state.widget("walk_csv"))


def _picture(
    choice: Choice, found: Mapping[int, PairResult], layers: tuple[int, ...], alt: str
) -> None:
    from dashboard.pages.pair.charts import walk_chart
    from dashboard.pages.pair.tables import layer_table

    payloads = {layer: result.payload() for layer, result in found.items()}
    look = Look(choice.settings, top=shared_top(list(payloads.values())))
    told = _component(
        key=_KEY,
        data={
            "item": f"{choice.model} {choice.item} {choice.src} {choice.tgt}",
            "layer": choice.layer,
            "layers": [
                {"layer": layer, "payload": compact(payload), "text": _text(layer, found[layer])}
                for layer, payload in payloads.items()
            ],
            "options": options(next(iter(payloads.values())), look),
            "chart": walk_chart(layer_table(found), layers, alt),
        },
        on_layer_change=lambda: _open(choice, layers),
    )
    if told.layer is not None:
        st.rerun()


def _missing(missing: list[Request], item: Choice) -> None:
    """The button that measures what is missing, or how far that is."""
    if state.walking() != item:
        if missing:
            _offer(missing, item)
        return
    if not missing:
        _stop()
        st.rerun()
    _, job = find(missing[0], WALK)
    if job is None:
        return  # just done: the next look shows it
    job.seen_by(state.me())
    if job.done.is_set() or job.cancelled.is_set():
        notices.problem(job.error or "Stopped before there was a result.")
        _stop()
        return
    with st.container(horizontal=True, vertical_alignment="center", key="pair_walking"):
        text_blocks.quiet(
            f"{count(len(missing), 'layer')} to go. Layer {missing[0].config.layer}: {status(job)}"
        )
        if st.button("Stop", type="tertiary", key=state.widget("walk_stop")):
            _stop()
            st.rerun()


def _offer(missing: list[Request], item: Choice) -> None:
    usual = resources.engine().usual("attributing")
    last = f", about {usual * len(missing):.0f} s" if usual else ""
    what = f"{count(len(missing), 'layer')} that {'is' if len(missing) == 1 else 'are'}"
    if st.button(f"Measure the {what} missing{last}", key=state.widget("walk_go")):
        state.walk(item)
        st.rerun()


def _stop() -> None:
    leave(WALK)
    state.walk(None)


def _measured(settings: Settings) -> Settings:
    """Without how it is drawn: that changes nothing that is measured."""
    usual = Settings()
    return replace(settings, view=usual.view, units=usual.units, ribbons=usual.ribbons)


def _text(layer: int, result: PairResult) -> str:
    controls = result.controls
    return (
        f"Layer {layer}: EMS {number(result.ems)}, "
        f"{label('ems_shuffled')} {number(controls.ems_shuffled)}, "
        f"{label('ems_uniform')} {number(controls.ems_uniform)}"
    )


def _open(choice: Choice, layers: tuple[int, ...]) -> None:
    """Shows a layer above (the component's callback)."""
    layer: Any = st.session_state[_KEY].layer
    if layer in layers:
        state.go(replace(choice, layer=int(layer)))
