"""What lies one click under the picture: plan, costs, controls, predictions."""

from collections.abc import Callable, Iterable
from html import escape
from math import isnan
from typing import TYPE_CHECKING, Any

import streamlit as st

from ccta_core.measures import MEASURES, PAIR_CONTROLS
from ccta_core.reports.pair.verdict import both_sides, drawn_text, why_untestable
from ccta_core.result import PairResult
from ccta_core.text import NONE, count, number, percent, signed
from dashboard.session import Session, widget_key
from dashboard.views.pair.basket import basket
from dashboard.views.pair.compare import ComparedView, compare
from dashboard.views.pair.deletion import deletion
from dashboard.views.pair.places import word_places
from dashboard.views.pair.view import OWN, Options, PairView
from dashboard.views.pair.walk import walk
from dashboard.widgets import text_blocks
from dashboard.widgets.files import chart_files, csv_button
from dashboard.widgets.pair_picture import PIN
from dashboard.widgets.wording import language_name, word_cell

if TYPE_CHECKING:
    import pandas as pd


def details(
    session: Session,
    view: PairView,
    options: Options,
    result: PairResult,
    other: ComparedView | None,
) -> None:
    """Folded parts; each is made only when it is opened."""
    gold = None if view.item == OWN else options.example(view.model, view.item).label
    compared = (view.model2, view.layer2)
    if other is not None and st.session_state.get("pair_opened") != compared:
        # Unfolds the comparison once for each second view: a person may fold it again.
        st.session_state["pair_opened"] = compared
        st.session_state[widget_key("pair", "compare")] = True
    if view.basket and st.session_state.get("pair_basket_opened") != view.basket:
        st.session_state["pair_basket_opened"] = view.basket
        st.session_state[widget_key("pair", "basket_part")] = True
    parts: tuple[tuple[str, str, Callable[[], None]], ...] = (
        (
            "compare",
            "Compare with another model or layer",
            lambda: compare(session, view, options, result, other),
        ),
        (
            "basket_part",
            "Several models on this item",
            lambda: basket(session, view, options, result),
        ),
        ("layers", "Walk the layers", lambda: walk(view, options)),
        (
            "faithfulness",
            "Does the mass name what the model uses?",
            lambda: deletion(view.request(options)),
        ),
        (
            "places",
            "Where the words are",
            lambda: word_places(view.request(options), result),
        ),
        ("plan", "The plan as a heatmap", lambda: _show_plan(result)),
        ("costs", "What costs most, what adds most", lambda: costs(result)),
        ("controls", "All controls", lambda: _show_controls(result)),
        ("predictions", "Predictions side by side", lambda: _show_predictions(result, gold)),
    )
    for name, label, show in parts:
        folded = st.expander(label, on_change="rerun", key=widget_key("pair", name))
        with folded:
            if folded.open:
                show()


def _names(result: PairResult) -> tuple[str, str]:
    return language_name(result.source.lang), language_name(result.target.lang)


def _show_plan(result: PairResult) -> None:
    from dashboard.views.pair.charts import plan_heatmap
    from dashboard.views.pair.tables import plan_table

    names, table = _names(result), plan_table(result)
    top = table.nlargest(5, "mass")
    strongest = ", ".join(f"{row.source} to {row.target} {percent(row.mass)}" for row in _rows(top))
    text = (
        f"Mass moved from each {names[0]} word (row) to each {names[1]} word (column). "
        f"Strongest: {strongest}."
    )
    text_blocks.say(text)
    figure = plan_heatmap(table, names=names, dark=text_blocks.dark())
    text_blocks.chart(figure, key="pair_plan_chart", alt=text)
    name = f"plan-{result.source.lang}-{result.target.lang}"
    chart_files(figure, table, name, chart="pair_plan_chart")


def _show_controls(result: PairResult) -> None:
    text_blocks.say(
        "What EMS is compared with. A dash: it can't be computed here (nothing to shuffle, too few "
        f"linked words, or no unrelated sentences in this language). "
        f"{_permutation_sentence(result)}"
    )
    values = result.controls.as_dict()
    rows = [
        (escape(measure.title), measure.write(values[measure.key]), escape(measure.meaning))
        for measure in (MEASURES[key] for key in PAIR_CONTROLS)
    ]
    text_blocks.table(["control", "value", "what it is"], rows, html=True)


def _permutation_sentence(result: PairResult) -> str:
    """What p was counted over, and how far another seed might move it."""
    test = result.permutation
    if test.p_value is None:
        return f"There is no p: {why_untestable(test)}."
    if test.exact:
        return f"p is exact, over {drawn_text(test)} of the masses."
    requested = f" ({result.n_shuffles} at first)" if test.drawn > result.n_shuffles else ""
    error = f", standard error {number(test.p_error, 3)}" if test.p_error else ""
    return f"p counts {drawn_text(test)}{requested}{error}."


def _show_predictions(result: PairResult, gold: str | None) -> None:
    from dashboard.views.pair.tables import predictions

    table = predictions(result)
    outputs, names = result.source.outputs, _names(result)
    show = _number_cell if outputs == "scores" else _bar_cell
    rows = [
        (_class_cell(row.label, gold), show(row.source), show(row.target), signed(row.difference))
        for row in _rows(table)
    ]
    text_blocks.say(_prediction_sentence(result, names))
    head = {"scores": "score", "labels": "label"}.get(outputs, "class")
    text_blocks.table([head, *names, "difference"], rows, html=True)


def _prediction_sentence(result: PairResult, names: tuple[str, str]) -> str:
    """What the model says of both texts, and what kind of number stands beside it."""
    if result.source.outputs == "scores":
        return "The model gives a score, no class: it has no probability and is not right or wrong."
    source, target = result.source.predicted, result.target.predicted
    same = f"The model says {source} in {both_sides(result.source.lang, result.target.lang)}."
    text = same if source == target else f"{names[0]}: {source}. {names[1]}: {target}."
    if result.source.outputs == "labels":
        text += " Each label has a probability of its own; it holds from 0.5 on."
    return text


def _rows(table: "pd.DataFrame") -> Iterable[Any]:
    return table.itertuples()


def _class_cell(label: str, gold: str | None) -> str:
    return escape(label) + (" <small>(gold)</small>" if label == gold else "")


def _bar_cell(share: float) -> str:
    if isnan(share):
        return number(share)
    return f'<span class="ccta-share" style="--v:{share:.3f}"></span>{number(share)}'


def _number_cell(value: float) -> str:
    return NONE if isnan(value) else number(value)


_MOST = 12


def costs(result: PairResult) -> None:
    """Three tables, each under the sentence that sums it up; the pinned word narrows the first."""
    _show_flows(result)
    _show_poorly_matched(result)
    _show_links(result)


def _show_flows(result: PairResult) -> None:
    from dashboard.views.pair.tables import costliest_flows, flows_of_word, plan_table

    table, pinned = plan_table(result), st.session_state.get(PIN)
    flows = costliest_flows(table)
    head = (
        f"EMS is 1 minus what the transport costs, {number(1 - result.ems)}. A flow costs its mass "
        f"times (1 - cosine); these {len(flows)} make up {percent(flows['share_of_cost'].sum())}."
    )
    if pinned is not None:
        side, index = pinned
        text = getattr(result, side).units[index].text
        flows = costliest_flows(flows_of_word(table, side, index))
        share = percent(flows["share_of_cost"].sum())
        head = f"The flows of the pinned word, {text}: {share} of the whole cost."
    text_blocks.heading("Flows that cost most")
    text_blocks.say(head)
    rows = [
        (
            *_pair_cells(row, result),
            percent(row.mass, 1),
            number(row.cosine),
            number(row.cost, 3),
            percent(row.share_of_cost, 1),
        )
        for row in flows.itertuples()
    ]
    text_blocks.table(
        [*_names(result), "mass", "cosine", "cost", "share of the cost"], rows, html=True
    )


def _show_poorly_matched(result: PairResult) -> None:
    from dashboard.views.pair.tables import mean_best_cosine, poorly_matched

    table, limits = poorly_matched(result), mean_best_cosine(result)
    names = _names(result)
    shares = [table.loc[table["side"] == side, "poor_mass"].sum() for side in ("source", "target")]
    text_blocks.heading("Words whose mass moves to poor partners")
    text_blocks.say(
        f"{percent(shares[0])} of the {names[0]} mass and {percent(shares[1])} of the {names[1]} "
        "mass move at a cosine below what words of that side find at best on average "
        f"({number(limits[0])} and {number(limits[1])})."
    )
    langs = {"source": result.source.lang, "target": result.target.lang}
    other = {"source": "target", "target": "source"}
    rows = [
        (
            word_cell(row.word, langs[row.side]),
            percent(row.mass, 1),
            percent(row.poor_share),
            number(row.reached),
            f"{word_cell(row.best_partner, langs[other[row.side]])} {number(row.best)}",
        )
        for row in table[table["poor_mass"] > 0].head(_MOST).itertuples()
    ]
    heads = ["word", "mass", "of it, to poor partners", "cosine reached", "best partner, cosine"]
    text_blocks.table(heads, rows, html=True)
    csv_button(table, "words-without-partner", key=widget_key("pair", "poor_csv"))


def _show_links(result: PairResult) -> None:
    from dashboard.views.pair.tables import link_parts

    table = link_parts(result)
    adds, mass = float(table["adds"].sum()), float(table["mass"].sum())
    text_blocks.heading("What each word link adds")
    text_blocks.say(
        f"{count(len(table), 'pair')} of words {'is' if len(table) == 1 else 'are'} each other's "
        "most similar. The plan moves "
        f"{percent(mass)} of the mass along them, which adds {number(adds)} of EMS "
        f"{number(result.ems)}; all other flows add {number(result.ems - adds)}."
    )
    rows = [
        (*_pair_cells(row, result), percent(row.mass, 1), number(row.cosine), number(row.adds, 3))
        for row in table.head(_MOST).itertuples()
    ]
    text_blocks.table([*_names(result), "mass", "cosine", "adds to EMS"], rows, html=True)
    csv_button(table, "word-links", key=widget_key("pair", "links_csv"))


def _pair_cells(row: Any, result: PairResult) -> Iterable[str]:
    return word_cell(row.source, result.source.lang), word_cell(row.target, result.target.lang)
