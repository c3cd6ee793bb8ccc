"""The verdict of a pair and the row of numbers under it."""

from html import escape

import streamlit as st

from ccta_core.languages import language
from ccta_core.measures import label
from ccta_core.reports.pair.verdict import completeness_phrase, masses_within
from ccta_core.result import PairResult
from ccta_core.text import NONE, listing, number, p_phrase, percent
from dashboard.views.pair.gold import Gold, Judgement, judgement_sentence
from dashboard.widgets.wording import word

_EMPTY = [
    (label("ems"), "how alike the two readings are, at most 1"),
    (label("ems_shuffled"), "same words, masses shuffled at random"),
    (label("ems_uniform"), "every word has the same mass"),
    (label("ems_unrelated"), "the chance level: against unrelated sentences"),
    ("masses", "bound on the error of the words' masses, summed"),
]

_APART = 0.18
"""Names of marks that are nearer stand on different levels."""


def finding(result: PairResult, right: tuple[Judgement, Judgement] | None, gold: Gold) -> None:
    """The picture's title: what it shows first, and whether the model is right."""
    matrix = result.plan.matrix
    i, j = divmod(int(matrix.argmax()), matrix.shape[1])
    source_word = word(result.source.units[i].text, result.source.lang)
    target_word = word(result.target.units[j].text, result.target.lang)
    share = percent(float(matrix[i, j]))
    names = language(result.source.lang).name, language(result.target.lang).name
    judgement = f"{escape(judgement_sentence(right, names, gold))} " if right else ""
    widest = f"The widest ribbon moves {share} of the mass from {source_word} to {target_word}"
    _line("ccta-finding", judgement + widest)


def show_verdict(result: PairResult | None) -> None:
    """One honest sentence; room for it while there is none."""
    _line("ccta-verdict", escape(result.verdict) if result else "&nbsp;")


def numbers(result: PairResult | None, *, waiting: bool = False) -> None:
    """EMS, its controls and how exact the attribution is, each with what it means; `waiting`: the
    chance level is being computed.
    """
    values = _values(result) if result else [NONE] * len(_EMPTY)
    if result and waiting:
        values[3] = f"{NONE} <small>being computed</small>"
    cells = "".join(
        f"<div><dt>{name}</dt><dd>{value}</dd><dd class='ccta-what'>{what}</dd></div>"
        for (name, what), value in zip(_EMPTY, values, strict=True)
    )
    st.html(f'<dl class="ccta-numbers">{cells}</dl>')


def axis(result: PairResult | None) -> None:
    """EMS on a line from 0 to 1 beside what it is compared with; an empty line while there is
    none.
    """
    st.html(axis_html(result))


def axis_html(result: PairResult | None) -> str:
    """The line as HTML: its marks by value, the names of those that lie close on several levels."""
    marks = []
    if result is not None:
        controls = result.controls
        values = {
            "ems": result.ems,
            "ems_uniform": controls.ems_uniform,
            "ems_shuffled": controls.ems_shuffled,
            "ems_unrelated": controls.ems_unrelated,
        }
        marks = sorted((value, key) for key, value in values.items() if value is not None)
    told = ", ".join(f"{label(key)} {number(value)}" for value, key in marks)
    ends: list[float] = []  # where the last name of each level ends
    parts = []
    for order, (value, key) in enumerate(marks):
        place = min(max(value, 0.0), 1.0)
        level = next((n for n, end in enumerate(ends) if place - end > _APART), len(ends))
        ends[level : level + 1] = [place]
        kind = "is-ems" if key == "ems" else ""
        parts.append(
            f'<i class="{kind}" style="--at:{place:.4f};--level:{level};--place:{order}">'
            f"<span>{label(key)} <b>{number(value)}</b></span></i>"
        )
    alt = f"EMS from 0 to 1: {told}." if told else "EMS from 0 to 1."
    return (
        f'<div class="ccta-axis" role="img" aria-label="{escape(alt)}" '
        f'style="--levels:{max(len(ends), 1)};--marks:{max(len(marks), 1)}">{"".join(parts)}'
        "<small>0</small><small>1</small></div>"
    )


def _values(result: PairResult) -> list[str]:
    controls = result.controls
    shuffled = number(controls.ems_shuffled)
    if controls.p_value is not None:
        shuffled += f" <small>{escape(p_phrase(controls.p_value))}</small>"
    return [
        number(result.ems),
        shuffled,
        number(controls.ems_uniform),
        _unrelated_value(result),
        _accuracy_value(result),
    ]


def _unrelated_value(result: PairResult) -> str:
    """The source against unrelated sentences; where the verdict takes the target's, that too."""
    unrelated, chance_level = result.controls.ems_unrelated, result.chance_level
    if chance_level is None or chance_level == unrelated:
        return number(unrelated)
    return f"{number(unrelated)} <small>from the other side {number(chance_level)}</small>"


def _accuracy_value(result: PairResult) -> str:
    """The larger bound on the error of the sides' masses, and whether both converged."""
    sides = (result.source, result.target)
    small = completeness_phrase([side.completeness_error for side in sides])
    if all(side.completeness_error is None for side in sides):
        return f"{NONE} <small>{small}</small>"
    bound = masses_within([side.mass_error for side in sides]) or NONE
    late = [language(side.lang).name for side in sides if not side.converged]
    if late:
        return f"{bound} <small>{small}; {escape(listing(late))} did not converge</small>"
    mark = '<span role="img" aria-label="converged">\N{CHECK MARK}</span>'
    return f"{bound} {mark} <small>{small}</small>"


def _line(name: str, html: str) -> None:
    st.html(f'<p class="{name}">{html}</p>')
