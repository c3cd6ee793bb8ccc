"""The controls of the Pair page: one row on a wide screen, a drawer on a narrow one."""

from typing import Any

import streamlit as st

from ccta_core.attribution.methods import METHODS
from ccta_core.config import SPACES
from ccta_core.languages import language
from ccta_core.models.catalog import SCORES, ModelInfo
from dashboard import state
from dashboard.choice import OWN, Choice, Offer
from dashboard.settings import (
    AUTO,
    MOST_RIBBON,
    UNITS,
    VIEWS,
    Settings,
    aligns,
    baselines,
    masses,
    targets,
)
from dashboard.widgets.notices import plain
from dashboard.widgets.pair_picture import usual_ribbons
from dashboard.widgets.wording import item_name, language_name, model_name

_SPACES = {
    "centered": "centred for each language",
    "none": "as the model has them",
    "procrustes": "turned onto English (Procrustes)",
}
_BASELINES = {"pad": "padding tokens", "mask": "mask tokens", "zero": "zero vectors"}
_MASSES = {
    "abs": "absolute attribution",
    "positive": "evidence for the class",
    "negative": "evidence against it",
    "norm": "length of the attribution vector",
}
_SCORE_MASSES = {"positive": "what raises the score", "negative": "what lowers it"}
_PRECISIONS = {"fp32": "float32", "bf16": "bfloat16, quicker on some processors"}
_CLASSES = {"auto": "the source's prediction", "each": "each side's own prediction"}


def drawer(choice: Choice) -> None:
    """On a narrow screen: a switch that names the view and unfolds its controls."""
    pair = f"{language_name(choice.src)} and {language_name(choice.tgt)}, layer {choice.layer}"
    st.toggle(f"Change {pair}", key=state.widget("drawer"), on_change="ignore")


def choosers(choice: Choice, offer: Offer) -> None:
    """Model, item, languages and layer; what they hold is read through `state`."""
    models, items = offer.models, offer.items
    st.selectbox(
        "Model",
        list(models),
        format_func=lambda name: model_name(models[name]),
        key=state.widget("model"),
        width=272,
    )
    st.selectbox(
        plain(f"Item, of the study {choice.study} or the demo") if choice.study else "Item",
        [*offer.items_for(choice.model), OWN],
        format_func=lambda name: (
            "Type your own" if name == OWN else item_name(items[name], choice.src)
        ),
        key=state.widget("item"),
        width="stretch",
    )
    known = offer.languages(choice.item)
    _language("Source", "src", known)
    st.button(
        "Swap source and target",
        icon=":material/swap_horiz:",
        key=state.widget("swap"),
        on_click=state.swap,
        type="tertiary",
    )
    _language("Target", "tgt", known)
    _layer(models[choice.model])


def options(info: ModelInfo, settings: Settings) -> None:
    """The settings of the measurement, behind one button; what a method lacks can't be chosen."""
    starts, kinds = baselines(settings.method), masses(settings.method)
    with st.popover("Options", width="content"), st.container(key="pair_options"):
        _select("method", "Attribution method", {name: METHODS[name].title for name in METHODS})
        classes, words = _CLASSES, _MASSES
        if info.outputs == SCORES:
            several = len(info.labels) > 1
            classes = {"auto": "choose one of the scores" if several else "the score"}
            words = {**_MASSES, **_SCORE_MASSES}
        _select("target", "Explain", {name: classes.get(name, name) for name in targets(info)})
        _select("mass", "Mass is", {name: words[name] for name in kinds})
        _select(
            "baseline",
            "Attribution starts from",
            {name: _BASELINES[name] for name in starts or ("pad",)},
            disabled=not starts,
        )
        _select("space", "Embeddings are", {name: _SPACES[name] for name in SPACES})
        _select("align", "Words are compared at", _layers(info))
        left, right = st.columns(2)
        left.number_input(
            "Shuffles",
            0,
            999,
            help="0 leaves out p; more are drawn while p is near .05",
            key=state.widget("shuffles"),
        )
        right.number_input("Seed", 0, 2**32 - 1, key=state.widget("seed"))
        _select("precision", "Computed in", _PRECISIONS)


_TYPED = {
    "nli": ("premise", "hypothesis"),
    "paraphrase": ("first sentence", "second sentence"),
    "qa": ("question", "context"),
    "ner": ("sentence",),
}
"""What is typed for a task, one name a text."""


def own_texts(choice: Choice, task: str) -> None:
    """The texts to type, sent together."""
    names = _TYPED.get(task, ("first text", "second text"))
    with st.form("pair_own", border=False):
        columns = st.columns(2)
        sides = (("s", choice.src), ("t", choice.tgt))
        for column, (side, lang) in zip(columns, sides, strict=True):
            for number, name in enumerate(names, 1):
                label = f"{language(lang).name}: {name}"
                key = state.widget(f"{side}{number}")
                column.text_area(label, key=key, height=92 if number == 1 else 68)
        st.form_submit_button("Compare", type="primary")


def _language(label: str, name: str, known: tuple[str, ...]) -> None:
    st.selectbox(label, known, format_func=language_name, key=state.widget(name), width=124)


def _layers(info: ModelInfo) -> dict[str, str]:
    own = f"the model's own layer, {info.align_layer}"
    return {name: own if name == AUTO else f"layer {name}" for name in aligns(info)}


def _layer(info: ModelInfo) -> None:
    first, last = info.layers[0], info.layers[-1]
    note = "0 is the embedding output; the higher the layer, the more a position mixes with others"
    key = state.widget("layer")
    if len(info.layers) == 1:
        st.selectbox("Layer", info.layers, key=key, width=150)
    elif info.layers == tuple(range(first, last + 1)):
        st.slider(f"Layer, {first} to {last}", first, last, key=key, help=note, width=168)
    else:
        st.select_slider("Layer", info.layers, key=key, help=note, width=168)


def _select(name: str, label: str, texts: dict[str, str], *, disabled: bool = False) -> None:
    st.selectbox(
        label,
        list(texts),
        format_func=texts.__getitem__,
        key=state.widget(name),
        disabled=disabled,
    )


_VIEWS = {"signed": "signed evidence", "mass": "mass"}


def drawing(settings: Settings, payload: dict[str, Any] | None) -> None:
    """Three controls that change the picture only; `payload` is None while it is computed."""
    if settings.ribbons is None:
        state.show_ribbons(usual_ribbons(payload) if payload else 0.0)
    with st.container(key="pair_drawing", horizontal=True, vertical_alignment="center"):
        st.segmented_control(
            "Text in", UNITS, required=True, key=state.widget("units"), label_visibility="collapsed"
        )
        st.segmented_control(
            "Colour shows",
            VIEWS,
            format_func=_VIEWS.__getitem__,
            required=True,
            key=state.widget("view"),
            label_visibility="collapsed",
        )
        st.slider(
            "Ribbons of at least so much of the mass, in percent",
            0.0,
            MOST_RIBBON,
            step=0.1,
            format="ribbons of at least %.1f%%",
            key=state.widget("ribbons"),
            label_visibility="collapsed",
            disabled=payload is None or settings.units == "subwords",
            width=220,
        )
