"""The verdict of a pair and the row of numbers under it."""

from html import escape

import streamlit as st

from ccta_core.languages import language
from ccta_core.measures import label
from ccta_core.result import PairResult
from ccta_core.text import NONE, listing, number, p_phrase, percent
from dashboard.pages.pair.gold import Gold, Judged, sentence
from dashboard.widgets.wording import word

_EMPTY = [
    (label("ems"), "how alike the two readings are, at most 1"),
    (label("ems_shuffled"), "same words, weights dealt out at random"),
    (label("ems_uniform"), "every word weighs the same"),
    (label("ems_unrelated"), "the chance level: against unrelated sentences"),
    ("completeness", "how far attributions miss the model's output"),
]


def finding(result: PairResult, right: tuple[Judged, Judged] | None, gold: Gold) -> None:
    """The picture's title: what it shows first, and whether the model is right."""
    matrix = result.plan.matrix
    at, to = divmod(int(matrix.argmax()), matrix.shape[1])
    one = word(result.source.units[at].text, result.source.lang)
    other = word(result.target.units[to].text, result.target.lang)
    share = percent(float(matrix[at, to]))
    names = language(result.source.lang).name, language(result.target.lang).name
    known = f"{escape(sentence(right, names, gold))} " if right else ""
    text = f"{known}The widest ribbon moves {share} of the mass from {one} to {other}"
    _line("ccta-finding", text)


def verdict(result: PairResult | None) -> None:
    """One honest sentence; room for it while there is none."""
    _line("ccta-verdict", escape(result.verdict) if result else "&nbsp;")


def numbers(result: PairResult | None) -> None:
    """EMS, its controls and how exact the attribution is, each with what it means."""
    values = _values(result) if result else [NONE] * len(_EMPTY)
    cells = "".join(
        f"<div><dt>{name}</dt><dd>{value}</dd><dd class='ccta-what'>{what}</dd></div>"
        for (name, what), value in zip(_EMPTY, values, strict=True)
    )
    st.html(f'<dl class="ccta-numbers">{cells}</dl>')


def _values(result: PairResult) -> list[str]:
    controls = result.controls
    shuffled = number(controls.ems_shuffled)
    if controls.p_value is not None:
        shuffled += f" <small>{escape(p_phrase(controls.p_value))}</small>"
    return [
        number(result.ems),
        shuffled,
        number(controls.ems_uniform),
        _unrelated(result),
        _completeness(result),
    ]


def _unrelated(result: PairResult) -> str:
    """The source against unrelated sentences; where the verdict takes the target's, that too."""
    there, taken = result.controls.ems_unrelated, result.chance_level
    if taken is None or taken == there:
        return number(there)
    return f"{number(there)} <small>from the other side {number(taken)}</small>"


def _completeness(result: PairResult) -> str:
    sides = (result.source, result.target)
    errors = [e for side in sides if (e := side.completeness_error) is not None]
    if not errors:
        return f"{NONE} <small>not measured by this method</small>"
    worst = percent(max(errors), 1)
    late = [language(side.lang).name for side in sides if not side.converged]
    if late:
        return f"{worst} <small>{escape(listing(late))} did not converge</small>"
    return f'{worst} <span role="img" aria-label="converged">\N{CHECK MARK}</span>'


def _line(name: str, html: str) -> None:
    st.html(f'<p class="{name}">{html}</p>')
