"""Before and after an edit: what was changed, both predictions, EMS, and the way back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import streamlit as st

from ccta_core.errors import CctaError
from ccta_core.measures import label
from ccta_core.reports.pair.marks import prediction_text
from ccta_core.result import PairResult
from ccta_core.text import NONE, number
from dashboard import resources
from dashboard.jobs import Job, Predicted
from dashboard.session import Session, widget_key
from dashboard.views.pair.controls import own_texts
from dashboard.views.pair.edits import Change, Edit, apply_edit, changes, texts_of_result
from dashboard.views.pair.history import go, refuse
from dashboard.views.pair.job import BEFORE, find, leave, progress
from dashboard.views.pair.view import OWN, Options, PairView, texts_of
from dashboard.widgets import text_blocks
from dashboard.widgets.wording import language_name

Known = PairResult | Predicted | None
"""What is known of a pair by now."""
_STEPS = "pair_steps"
"""Session key of the views that were edited, by the texts that they became."""
_MOST = 4
"""Classes a side."""
_MEASURES = ("ems", "ems_uniform", "ems_unrelated")


def edit_word(
    view: PairView, options: Options, result: PairResult, value: Mapping[str, Any]
) -> None:
    """Shows the pair with a word typed over (a callback's work), or says why it can't."""
    try:
        edited = apply_edit(view, result, Edit.read(value))
    except CctaError as error:
        refuse(f"{error}.")
        return
    if edited.texts == texts_of_result(result):
        return
    st.session_state.setdefault(_STEPS, {})[edited.texts] = view
    original = edited.before_edits(options)
    if original is not None and _texts(original, options) == edited.texts:
        edited = original
    go(edited)


@dataclass(frozen=True, slots=True)
class EditedPair:
    """The pair on the page before it was edited: its view, and its result or its job."""

    view: PairView
    before: PairResult | None
    job: Job | None

    @property
    def notes(self) -> tuple[str, str] | None:
        """What was predicted of either side before, for the picture of what is predicted now."""
        if self.before is None:
            return None
        sides = (self.before.source, self.before.target)
        source, target = (
            f"before the edit: {prediction_text(side, show=_short)}" for side in sides
        )
        return source, target


def edited_pair(view: PairView, options: Options, *, busy: bool) -> EditedPair | None:
    """The pair before its first edit, with the settings of now; None of one that was not edited.

    `busy`: the pair on the page is still computed; it comes first.
    """
    first = _before_edits(view, options)
    if first is None:
        leave(BEFORE)
        return None
    request = first.request(options)
    before = resources.find_stored(request)
    if before is not None or busy:
        return EditedPair(first, before, None)
    return EditedPair(first, *find(request, BEFORE))


def strip(
    session: Session, view: PairView, options: Options, edited: EditedPair, shown: Known
) -> None:
    """What was changed, before and after, the way back, and the texts to type in.

    `shown` is what is known of the pair by now.
    """
    first, before = edited.view, edited.before
    last = st.session_state.get(_STEPS, {}).get(view.texts)
    with st.container(key="pair_strip"):
        with st.container(horizontal=True, vertical_alignment="center", key="pair_strip_head"):
            st.html(f'<p class="ccta-say">{_changed_words(first, view, options)}</p>')
            if last is not None and last.texts != first.texts:
                _button("Undo this edit", "undo_edit", _with_texts_of(last, view))
            _button("Back to the original", "undo_edits", first)
        st.html(_tables(view, before, shown))
        if edited.job is not None:
            progress(edited.job, BEFORE, page="pair")
        if isinstance(shown, PairResult) and before is not None:
            text_blocks.quiet(_explained(before, shown))
        if not view.fits_link:
            text_blocks.quiet("The texts are too long for an address: this edit has no link.")
        if view.original:
            with st.expander("Edit the whole texts"):
                own_texts(session, (view.src, view.tgt), options.models[view.model].task)


def _explained(before: PairResult, after: PairResult) -> str:
    """Which class the masses are of, on both sides of the edit."""
    first, second = before.target_class, after.target_class
    if first == second:
        return f"The attributions before and after explain {first}."
    return (
        f"Before explains {first}, after {second}: set Explain in the options to compare one class."
    )


def _button(text: str, name: str, view: PairView) -> None:
    key = widget_key("pair", name)
    st.button(text, key=key, icon=":material/undo:", type="tertiary", on_click=go, args=(view,))


def _with_texts_of(before: PairView, view: PairView) -> PairView:
    """The view with the pair that another one shows."""
    return replace(view, item=before.item, original=before.original, texts=before.texts)


def _before_edits(view: PairView, options: Options) -> PairView | None:
    """The pair before its first edit with the settings of now; None of a pair without one."""
    if view.item != OWN:
        return None
    if (item := view.before_edits(options)) is not None:
        return item
    # Texts that were typed: back along this session's edits to those that were typed first.
    steps, texts, seen = st.session_state.get(_STEPS, {}), view.texts, {view.texts}
    while (step := steps.get(texts)) and step.item == OWN and step.texts not in seen:
        texts = step.texts
        seen.add(texts)
    return None if texts == view.texts else replace(view, texts=texts)


def _texts(view: PairView, options: Options) -> tuple[str, ...]:
    return (
        view.texts if view.item == OWN else texts_of(options.items[view.item], view.src, view.tgt)
    )


def _changed_words(first: PairView, view: PairView, options: Options) -> str:
    """What was changed in each language, as HTML."""
    before, said = _texts(first, options), []
    for side, lang in enumerate((view.src, view.tgt)):
        found = [
            _change(each, lang)
            for place in (2 * side, 2 * side + 1)
            for each in changes(before[place], view.texts[place], lang)
        ]
        if found:
            said.append(f"{escape(language_name(lang))}: {', '.join(found)}")
    what = f"{escape(first.item)}, edited" if first.item != OWN else "Edited"
    return f"<b>{what}.</b> {'; '.join(said) or 'The texts are as they were'}."


def _change(change: Change, lang: str) -> str:
    old, new = (
        f'<bdi lang="{escape(lang)}">{escape(text)}</bdi>' for text in (change.before, change.after)
    )
    if change.before and change.after:
        return f"“{old}” became “{new}”"
    return f"“{old}” deleted" if change.before else f"“{new}” added"


def _tables(view: PairView, before: PairResult | None, shown: Known) -> str:
    """Each side's classes and EMS, before and after, as three small tables."""
    tables = []
    for side, lang in (("source", view.src), ("target", view.tgt)):
        both = [_scores(known, side) for known in (before, shown)]
        rows = [
            (escape(name), *(_cell(scores, name) for scores in both)) for name in _classes(both)
        ]
        tables.append(_table(language_name(lang), rows))
    rows = [(label(key), *(_measure(known, key) for known in (before, shown))) for key in _MEASURES]
    tables.append(_table("Both", rows))
    return f'<div class="ccta-strip">{"".join(tables)}</div>'


def _table(name: str, rows: Sequence[Sequence[str]]) -> str:
    heads = "".join(f'<th scope="col">{text}</th>' for text in (escape(name), "before", "after"))
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<table class="ccta-table"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'


def _scores(known: Known, side: str) -> Mapping[str, float]:
    """What the head says of a side: probabilities, or scores of a head that has none."""
    if known is None:
        return {}
    said = getattr(known, side)
    return said.prediction or said.head_scores


def _classes(both: Sequence[Mapping[str, float]]) -> list[str]:
    """The classes of either in their order; of many the likeliest."""
    names = list(dict.fromkeys(name for scores in both for name in scores))
    if len(names) <= _MOST:
        return names
    return sorted(names, key=lambda name: -max(scores.get(name, 0.0) for scores in both))[:_MOST]


def _short(value: float) -> str:
    """A probability as the picture writes it: .50."""
    return number(value).replace("0.", ".", 1)


def _cell(scores: Mapping[str, float], name: str) -> str:
    """A class's number; the likeliest is bold."""
    if name not in scores:
        return NONE
    text = number(scores[name])
    return f"<b>{text}</b>" if scores[name] == max(scores.values()) else text


def _measure(known: Known, key: str) -> str:
    if not isinstance(known, PairResult):
        return NONE
    return number(known.ems if key == "ems" else known.controls.as_dict()[key])
