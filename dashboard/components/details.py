"""What lies one click under the picture: plan, costs, controls, predictions."""

from collections.abc import Iterable
from html import escape
from math import isnan
from typing import TYPE_CHECKING, Any

import streamlit as st

from ccta_core.result import PairResult
from dashboard import state
from dashboard.components.wording import NONE, language_name, number, percent

if TYPE_CHECKING:
    import pandas as pd

_CONTROLS = (
    ("ems_uniform", "Embeddings only", "EMS if every word weighed the same", number),
    ("ems_length", "Length only", "EMS if words weighed as much as they have subwords", number),
    ("ems_shuffled", "Shuffled", "mean EMS with the weights dealt out at random", number),
    ("shuffled_sd", "Spread of the shuffled", "their standard deviation", number),
    ("p_value", "p", "share of shuffles that reach EMS; small means more than chance", number),
    ("ems_unrelated", "Unrelated", "mean EMS against other sentences of the class", number),
    ("gain", "Gain", "EMS minus shuffled", number),
    ("z", "z", "gain in standard deviations of the shuffled", number),
    ("calibrated", "Calibrated", "0 like unrelated sentences, 1 perfect agreement", number),
    ("link_spearman", "Linked words", "rank correlation of attribution over linked words", number),
    ("sign_agreement", "Same sign", "mass moved between words that both speak for, or both "
     "against, the class", percent),
    ("cross_segment_mass", "Between the texts", "mass moved from a premise to a hypothesis or "
     "back", percent),
)  # fmt: skip


def details(result: PairResult) -> None:
    """Four folded parts; each is made only when it is opened."""
    parts = (
        ("The plan as a heatmap", _plan),
        ("What costs most", _costs),
        ("All controls", _controls),
        ("Predictions side by side", _predictions),
    )
    for label, show in parts:
        folded = st.expander(label, on_change="rerun", key=state.widget(show.__name__.strip("_")))
        with folded:
            if folded.open:
                show(result)


def _names(result: PairResult) -> tuple[str, str]:
    return language_name(result.source.lang), language_name(result.target.lang)


def _plan(result: PairResult) -> None:
    from dashboard.charts.plan import plan_heatmap
    from dashboard.tables.pair import plan_table

    names, table = _names(result), plan_table(result)
    top = table.nlargest(5, "mass")
    strongest = ", ".join(f"{row.source} to {row.target} {row.mass:.0%}" for row in _rows(top))
    _say(
        f"Mass moved from each {names[0]} word (row) to each {names[1]} word (column). "
        f"Strongest: {strongest}."
    )
    figure = plan_heatmap(table, names=names, dark=st.context.theme.type == "dark")
    st.plotly_chart(figure, key="pair_plan_chart", config={"displayModeBar": False})


def _costs(result: PairResult) -> None:
    from dashboard.tables.pair import dearest, of_word, plan_table

    table, pinned = plan_table(result), state.pin()
    flows = dearest(table)
    head = (
        f"EMS is 1 minus what the transport costs, {number(1 - result.ems)}. A flow costs its mass "
        f"times (1 - cosine); these {len(flows)} make up {percent(flows['share_of_cost'].sum())}."
    )
    if pinned is not None:
        side, index = pinned
        text = getattr(result, side).units[index].text
        flows = dearest(of_word(table, side, index))
        share = percent(flows["share_of_cost"].sum())
        head = f"The flows of the pinned word, {text}: {share} of the whole cost."
    _say(head)
    rows = [
        (
            _word(row.source, result.source.lang),
            _word(row.target, result.target.lang),
            percent(row.mass, 1),
            number(row.cosine),
            number(row.cost, 3),
            percent(row.share_of_cost, 1),
        )
        for row in _rows(flows)
    ]
    _table([*_names(result), "mass", "cosine", "cost", "share of the cost"], rows)


def _controls(result: PairResult) -> None:
    _say(
        "What EMS is held against. A dash: it can't be computed here (no shuffles, too few linked "
        "words, or no reference sentences in this language)."
    )
    values = result.controls.as_dict()
    rows = [(escape(name), show(values[key]), escape(what)) for key, name, what, show in _CONTROLS]
    _table(["control", "value", "what it is"], rows)


def _predictions(result: PairResult) -> None:
    from dashboard.tables.pair import predictions

    table = predictions(result)
    one, other = result.source.predicted, result.target.predicted
    names = _names(result)
    same = f"The model says {one} in both languages."
    _say(same if one == other else f"{names[0]}: {one}. {names[1]}: {other}.")
    rows = [
        (escape(row.label), _bar(row.source), _bar(row.target), _signed(row.difference))
        for row in _rows(table)
    ]
    _table(["class", *names, "difference"], rows)


def _rows(table: "pd.DataFrame") -> Iterable[Any]:
    return table.itertuples()


def _bar(share: float) -> str:
    if isnan(share):
        return NONE
    return f'<span class="ccta-share" style="--v:{share:.3f}"></span>{number(share)}'


def _signed(value: float) -> str:
    if isnan(value):
        return NONE
    return ("+" if value > 0 else "") + number(value)


def _word(text: str, lang: str) -> str:
    return f'<bdi lang="{escape(lang)}">{escape(text)}</bdi>'


def _say(text: str) -> None:
    st.html(f'<p class="ccta-say">{escape(text)}</p>')


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """A table of cells that are HTML already."""
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    st.html(
        f'<div class="ccta-scroll" tabindex="0"><table class="ccta-table"><thead><tr>{head}</tr>'
        f"</thead><tbody>{body}</tbody></table></div>"
    )
