"""Walk the layers: one item at every layer of the model, as a picture that moves."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from ccta_core.measures import label
from ccta_core.result import PairResult
from ccta_core.text import count, number
from dashboard import resources
from dashboard.session import widget_key
from dashboard.theme import read_beside
from dashboard.views.pair.history import go
from dashboard.views.pair.job import EVERY, WALK, find, leave, status, visitor
from dashboard.views.pair.settings import Settings
from dashboard.views.pair.view import Options, PairRequest, PairView
from dashboard.widgets import notices, pair_picture, text_blocks
from dashboard.widgets.files import csv_button
from dashboard.widgets.pair_picture import (
    CSS,
    JS,
    PictureStyle,
    compact,
    drawing_options,
    shared_top,
)

_KEY = "pair_walk"
_MEASURING = "pair_walk_measured"
"""Session key of the view whose layers are being measured."""
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


def walk(view: PairView, options: Options) -> None:
    """The layers that are known, and a button that measures the others, one after another."""
    item = replace(view, layer=0, model2="", layer2=None, settings=_without_drawing(view.settings))
    if st.session_state.get(_MEASURING) not in (None, item):
        _stop()
    interval = EVERY if st.session_state.get(_MEASURING) == item else None
    st.fragment(_show_walk, run_every=interval)(view, options, item)


def _show_walk(view: PairView, options: Options, item: PairView) -> None:
    from dashboard.views.pair.tables import layer_table, walk_sentence

    layers = options.models[view.model].layers
    requests = {layer: replace(view, layer=layer).request(options) for layer in layers}
    stored = {layer: resources.find_stored(requests[layer]) for layer in layers}
    results = {layer: result for layer, result in stored.items() if result is not None}
    table = layer_table(results)
    sentence = walk_sentence(table, len(layers))
    text_blocks.say(sentence)
    _missing_layers([requests[layer] for layer in layers if layer not in results], item)
    if not results:
        return
    _show_picture(view, results, layers, sentence)
    name = f"layers-{view.model}-{view.item}-{view.src}-{view.tgt}"
    csv_button(table, name, key=widget_key("pair", "walk_csv"))


def _show_picture(
    view: PairView, results: Mapping[int, PairResult], layers: tuple[int, ...], alt: str
) -> None:
    from dashboard.views.pair.charts import walk_chart
    from dashboard.views.pair.tables import layer_table

    payloads = {layer: result.payload() for layer, result in results.items()}
    style = PictureStyle(view.settings, top=shared_top(list(payloads.values())))
    picture = _component(
        key=_KEY,
        data={
            "item": f"{view.model} {view.item} {view.src} {view.tgt}",
            "layer": view.layer,
            "layers": [
                {
                    "layer": layer,
                    "payload": compact(payload),
                    "text": _layer_text(layer, results[layer]),
                }
                for layer, payload in payloads.items()
            ],
            "options": drawing_options(next(iter(payloads.values())), style),
            "chart": walk_chart(layer_table(results), layers, alt),
        },
        on_layer_change=lambda: _open_layer(view, layers),
    )
    if picture.layer is not None:
        st.rerun()


def _missing_layers(missing: list[PairRequest], item: PairView) -> None:
    """The button that measures what is missing, or how far that is."""
    if st.session_state.get(_MEASURING) != item:
        if missing:
            _measure_button(missing, item)
        return
    if not missing:
        _stop()
        st.rerun()
    _, job = find(missing[0], WALK)
    if job is None:
        return  # just done: the next look shows it
    job.refresh(visitor())
    if job.done.is_set() or job.cancelled.is_set():
        notices.problem(job.error or "Stopped before there was a result.")
        _stop()
        return
    with st.container(horizontal=True, vertical_alignment="center", key="pair_walking"):
        text_blocks.quiet(
            f"{count(len(missing), 'layer')} to go. Layer {missing[0].config.layer}: {status(job)}"
        )
        if st.button("Stop", type="tertiary", key=widget_key("pair", "walk_stop")):
            _stop()
            st.rerun()


def _measure_button(missing: list[PairRequest], item: PairView) -> None:
    usual = resources.engine().last_duration("attributing")
    last = f", about {usual * len(missing):.0f} s" if usual else ""
    what = f"{count(len(missing), 'layer')} that {'is' if len(missing) == 1 else 'are'}"
    if st.button(f"Measure the {what} missing{last}", key=widget_key("pair", "walk_go")):
        st.session_state[_MEASURING] = item
        st.rerun()


def _stop() -> None:
    leave(WALK)
    st.session_state[_MEASURING] = None


def _without_drawing(settings: Settings) -> Settings:
    """The settings with the defaults of drawing, which changes nothing that is measured."""
    usual = Settings()
    return replace(settings, view=usual.view, units=usual.units, ribbons=usual.ribbons)


def _layer_text(layer: int, result: PairResult) -> str:
    controls = result.controls
    return (
        f"Layer {layer}: EMS {number(result.ems)}, "
        f"{label('ems_shuffled')} {number(controls.ems_shuffled)}, "
        f"{label('ems_uniform')} {number(controls.ems_uniform)}"
    )


def _open_layer(view: PairView, layers: tuple[int, ...]) -> None:
    """Shows a layer above (the component's callback)."""
    layer: Any = st.session_state[_KEY].layer
    if layer in layers:
        go(replace(view, layer=int(layer)))
