"""The controls of the Pair page: one row on a wide screen, a drawer on a narrow one."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from ccta_core.attribution.methods import METHODS
from ccta_core.languages import language
from ccta_core.models.catalog import SCORES, ModelInfo
from ccta_core.quotas import allowed
from dashboard.fields import Field, one_of
from dashboard.session import Session, widget_key
from dashboard.views.pair.settings import AUTO, Settings, aligns, baselines, masses
from dashboard.views.pair.view import OWN, Options, PairView
from dashboard.widgets import text_blocks
from dashboard.widgets.notices import plain
from dashboard.widgets.pair_picture import usual_ribbons
from dashboard.widgets.terms import help_text, what_is
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


def drawer(view: PairView) -> None:
    """On a narrow screen: a switch that names the view and unfolds its controls."""
    pair = f"{language_name(view.src)} and {language_name(view.tgt)}, layer {view.layer}"
    st.toggle(f"Change {pair}", key=widget_key("pair", "drawer"), on_change="ignore")


def choosers(session: Session, view: PairView, options: Options) -> None:
    """Model, item, languages and layer; the session holds what they say."""
    models, items = options.models, options.items
    own_name = f"{view.original}, edited" if view.original else "Type your own"
    session.selectbox(
        "Model",
        one_of("model", models),
        format_func=lambda name: model_name(models[name]),
        width=272,
    )
    session.selectbox(
        plain(f"Item, of the study {view.study} or the demo") if view.study else "Item",
        one_of("item", (*options.items_for(view.model), OWN)),
        format_func=lambda name: own_name if name == OWN else item_name(items[name], view.src),
        width="stretch",
    )
    if view.item != OWN:
        st.button(
            "Type your own",
            icon=":material/edit:",
            key=session.widget("type_own"),
            on_click=_type_own,
            args=(session,),
            type="tertiary",
        )
    langs = options.languages(view.item)
    session.selectbox("Source", one_of("src", langs), format_func=language_name, width=124)
    st.button(
        "Swap source and target",
        icon=":material/swap_horiz:",
        key=session.widget("swap"),
        on_click=_swap,
        args=(session,),
        type="tertiary",
    )
    session.selectbox("Target", one_of("tgt", langs), format_func=language_name, width=124)
    _layer(session, models[view.model].layers)


def _type_own(session: Session) -> None:
    """Opens the texts to type, which begin as the item's (a button's callback)."""
    st.session_state[session.widget("item")] = OWN


def _swap(session: Session) -> None:
    """Changes source and target, texts included (a button's callback)."""
    state = st.session_state
    for names in (("src", "tgt"), ("s1", "t1"), ("s2", "t2")):
        source, target = map(session.widget, names)
        if source in state and target in state:
            state[source], state[target] = state[target], state[source]


def settings_menu(session: Session, info: ModelInfo, settings: Settings) -> None:
    """The settings of the measurement, behind one button; what a method lacks can't be chosen."""
    method = settings.config.method
    starts = baselines(method)
    classes, mass_names = _CLASSES, _MASSES
    if info.outputs == SCORES:
        several = len(info.labels) > 1
        classes = {"auto": "choose one of the scores" if several else "the score"}
        mass_names = {**_MASSES, **_SCORE_MASSES}

    def select(name: str, label: str, names: Mapping[str, str], *options: Any, **more: Any) -> None:
        session.selectbox(
            label,
            name,
            *options,
            format_func=lambda option: names.get(option, option),
            **more,
        )

    with st.popover("Options", width="content"), st.container(key="pair_options"):
        select("method", "Attribution method", {name: METHODS[name].title for name in METHODS})
        select("target", "Explain", classes)
        select("mass", "Mass is", mass_names, masses(method), help=help_text("masses"))
        select(
            "baseline",
            "Attribution starts from",
            _BASELINES,
            starts or ("pad",),
            disabled=not starts,
            help=help_text("padding", "completeness"),
        )
        select("space", "Embeddings are", _SPACES)
        layers = {name: f"layer {name}" for name in aligns(info)}
        layers[AUTO] = f"the model's own layer, {info.align_layer}"
        select("align", "Words are compared at", layers)
        left, right = st.columns(2)
        with left:
            session.number_input(
                "Shuffles",
                "shuffles",
                help="0 leaves out p; more are drawn while p is near .05",
            )
        with right:
            session.number_input("Seed", "seed")
        select("precision", "Computed in", _PRECISIONS)


_TERMS = ("ems", "gain", "uniform", "masses", "padding", "completeness", "entities")
"""Terms of the page that are explained under the picture."""
_TYPED = {
    "nli": ("premise", "hypothesis"),
    "paraphrase": ("first sentence", "second sentence"),
    "qa": ("question", "context"),
    "ner": ("sentence",),
}
"""What is typed for a task, one name a text."""


def texts_sent(session: Session) -> bool:
    """Whether the texts of `own_texts` were sent just now."""
    return bool(st.session_state.get(session.widget("send_texts")))


def own_texts(
    session: Session, langs: tuple[str, str], task: str, *, button: str = "Compare"
) -> None:
    """The texts to type, sent together; `langs` are those of source and target."""
    names = _TYPED.get(task, ("first text", "second text"))
    with st.form(f"{session.page}_own", border=False):
        columns = st.columns(2)
        sides = zip("st", langs, strict=True)
        for column, (side, lang) in zip(columns, sides, strict=True):
            with column:
                for number, name in enumerate(names, 1):
                    session.text_area(
                        f"{language(lang).name}: {name}",
                        Field(f"{side}{number}", ""),
                        height=92 if number == 1 else 68,
                    )
        most = allowed("characters")
        if most is not None:
            text_blocks.quiet(f"At most {most:,} characters in all.")
        st.form_submit_button(button, type="primary", key=session.widget("send_texts"))


def _layer(session: Session, layers: Sequence[int]) -> None:
    first, last = layers[0], layers[-1]
    note = "0 is the embedding output; the higher the layer, the more a position mixes with others"
    field = one_of("layer", layers)
    if len(layers) == 1:
        session.selectbox("Layer", field, width=150)
    elif tuple(layers) == tuple(range(first, last + 1)):
        session.slider(f"Layer, {first} to {last}", field, first, last, help=note, width=168)
    else:
        session.select_slider("Layer", field, help=note, width=168)


def drawing(session: Session, settings: Settings, payload: dict[str, Any] | None) -> None:
    """Three controls that change the picture only; `payload` is None while it is computed."""
    with st.container(key="pair_drawing", horizontal=True, vertical_alignment="center"):
        session.segmented_control("Text in", "units", label_visibility="collapsed")
        session.segmented_control(
            "Colour shows",
            "view",
            format_func={"signed": "signed evidence", "mass": "mass"}.__getitem__,
            label_visibility="collapsed",
        )
        session.slider(
            "Ribbons of at least so much of the mass, in percent",
            "ribbons",
            resting=usual_ribbons(payload) if payload else 0.0,
            step=0.1,
            format="ribbons of at least %.1f%%",
            label_visibility="collapsed",
            disabled=payload is None or settings.units == "subwords",
            width=220,
        )
        what_is("pair", *_TERMS)
