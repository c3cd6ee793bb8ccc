"""Item by item: accuracy by tenths of a measure, and which measure predicts it best."""

from collections.abc import Sequence
from dataclasses import asdict, replace

import pandas as pd
import streamlit as st

from ccta_core.analysis.prediction import Deciles
from ccta_core.analysis.questions import (
    CONFIDENCE,
    FEWEST,
    CorrelationQuestion,
    Told,
    corrected,
    deciles,
    right_items,
    told_apart,
    told_measures,
)
from ccta_core.measures import label, title
from ccta_core.text import NONE, count, interval, number, p_value, percent
from dashboard import resources
from dashboard.session import Session
from dashboard.views.correlation.charts import ITEMS_HEIGHT, auroc_chart, decile_chart
from dashboard.views.correlation.controls import pair_choosers
from dashboard.widgets import text_blocks
from dashboard.widgets.files import chart_files
from dashboard.widgets.study_bar import Chosen, model_label
from dashboard.widgets.wording import language_name

_AT_ONCE = 1000
"""Of more items the AUROCs take some seconds each: they wait for a button."""
_ALPHA = 0.05
_FEW = 10


def items(session: Session, chosen: Chosen, question: CorrelationQuestion) -> None:
    """Deciles and AUROCs of the first model for one pair of languages."""
    item_question = replace(question, unit="item", models=question.models[:1])
    text_blocks.heading("Does a measure predict which items are right?")
    if question.unit != "item":
        with st.container(horizontal=True, key="correlation_pair"):
            pair_choosers(session)
    items = len(resources.computed(chosen.study, right_items, item_question))
    text_blocks.quiet(
        f"Model {model_label(chosen.study, item_question.models[0].id)}; right or wrong in "
        f"{language_name(item_question.pair[1])}; n = {count(items, 'item')}, whole groups of "
        "items resampled."
    )
    if items < FEWEST:
        text_blocks.say(f"{count(items, 'item')}: too few to say anything, {FEWEST} are needed.")
        return
    left, right = st.columns(2, gap="medium")
    with left:
        _show_deciles(chosen, item_question)
    with right:
        aurocs = _show_aurocs(session, chosen, item_question, items)
    if aurocs:
        heads = ["AUROC", "95%", "minus the confidence", "95%", "p after Holm", "n"]
        text_blocks.table(["measure", *heads], [_row(auroc, chosen.task) for auroc in aurocs])


def decile_sentence(result: Deciles, name: str) -> str:
    """The chart's finding: from the lowest tenth to the highest."""
    if result.rise is None:
        return f"All items have nearly the same {name}: there are no tenths to compare."
    first, last = result.deciles[0].accuracy, result.deciles[-1].accuracy
    span = (
        f", 95% {_percentage_points(result.rise_low)} to {_percentage_points(result.rise_high)}"
        if result.rise_low is not None
        else ""
    )
    few = sum(tenth.n_groups < _FEW for tenth in result.deciles)
    doubt = f" Unreliable: {few} of the tenths have fewer than {_FEW} groups." if few else ""
    return (
        f"From the lowest tenth of {name} to the highest, {percent(first)} and {percent(last)} are "
        f"right ({_percentage_points(result.rise)} points{span}).{doubt}"
    )


def auroc_sentence(aurocs: Sequence[Told]) -> str:
    """The chart's finding: what beats the model's confidence, what does not."""
    by_measure = {auroc.measure: auroc for auroc in aurocs if auroc.own.auc is not None}
    if not by_measure:
        return f"{aurocs[0].own.notice[:1].upper()}{aurocs[0].own.notice[1:]}." if aurocs else ""
    base = next((auroc.against.second.auc for auroc in by_measure.values() if auroc.against), None)
    best = max(by_measure.values(), key=lambda auroc: auroc.own.auc or 0.0)
    auc = number(best.own.auc)
    if _beats_chance(best):
        text = f"{title(best.measure)} separates right from wrong best (AUROC {auc})"
    else:
        text = "No measure is shown to separate right from wrong "
        text += f"(best: {label(best.measure)}, AUROC {auc})"
    if base is None:
        return text + "; the model's confidence is not known here."
    better = [auroc for auroc in by_measure.values() if _beats_confidence(auroc)]
    names = ", ".join(label(auroc.measure) for auroc in better)
    return f"{text}; the model's own confidence has {number(base)}. " + (
        f"Shown to beat it: {names}." if better else "None is shown to beat it."
    )


def _beats_chance(auroc: Told) -> bool:
    """Whether a measure's AUROC is shown to be above a half."""
    return auroc.p_own is not None and auroc.p_own < _ALPHA and (auroc.own.auc or 0.0) > 0.5


def _beats_confidence(auroc: Told) -> bool:
    low_p = auroc.p_holm is not None and auroc.p_holm < _ALPHA
    return bool(low_p and auroc.against and (auroc.against.difference or 0.0) > 0)


def _show_deciles(chosen: Chosen, question: CorrelationQuestion) -> None:
    measure = told_measures(question)[0]
    name = label(measure, chosen.task)
    result = resources.computed(chosen.study, deciles, question, measure)
    if result is None:
        text_blocks.say(f"Fewer than {FEWEST} items have {name}.")
        return
    text_blocks.say(decile_sentence(result, name))
    table = pd.DataFrame(asdict(tenth) for tenth in result.deciles)
    overall = float((table["accuracy"] * table["n"]).sum() / table["n"].sum())
    figure = decile_chart(table, name, overall, dark=text_blocks.dark())
    text_blocks.chart(figure, key="correlation_deciles", alt=decile_sentence(result, name))
    text_blocks.quiet(
        f"Bars: 95% intervals, {count(result.n_groups, 'group')} resampled. Dotted: all items."
    )
    file = f"{chosen.study.name}-deciles-{measure}"
    chart_files(figure, table, file, chart="correlation_deciles")


def _show_aurocs(
    session: Session, chosen: Chosen, question: CorrelationQuestion, items: int
) -> Sequence[Told]:
    aurocs = _compute_aurocs(session, chosen, question, items)
    if not aurocs:
        return ()
    text_blocks.say(auroc_sentence(aurocs))
    table = auroc_table(aurocs)
    figure = auroc_chart(table, dark=text_blocks.dark())
    text_blocks.chart(figure, key="correlation_aurocs", alt=auroc_sentence(aurocs))
    text_blocks.quiet(
        "Bars: 95% intervals. Against the confidence: the same resampled groups for both."
    )
    chart_files(figure, table, f"{chosen.study.name}-auroc", chart="correlation_aurocs")
    return aurocs


def _compute_aurocs(
    session: Session, chosen: Chosen, question: CorrelationQuestion, items: int
) -> Sequence[Told]:
    """Every measure's AUROC, one after the other so that it can be said which is being found."""
    names = told_measures(question)
    if items > _AT_ONCE and not st.session_state.get(session.widget("asked")):
        seconds = 2 * len(names) * items // 1000
        if not st.button(
            f"Compare with the model's confidence (about {seconds} s)", key="correlation_auroc"
        ):
            st.container(height=ITEMS_HEIGHT, border=False)
            return ()
        st.session_state[session.widget("asked")] = True
    results = []
    with st.container(key="correlation_told"):
        for position, name in enumerate(names, 1):
            with st.spinner(f"AUROC of {label(name)}, {position} of {len(names)}"):
                results.append(resources.computed(chosen.study, told_apart, question, name))
    aurocs = tuple(auroc for auroc in results if auroc is not None)
    return resources.computed(chosen.study, corrected, aurocs) if aurocs else ()


def auroc_table(aurocs: Sequence[Told]) -> pd.DataFrame:
    """One row a measure, the model's confidence last, as the chart and the download have it."""
    defined = [auroc for auroc in aurocs if auroc.own.auc is not None]
    rows = [
        (title(auroc.measure), auroc.own, auroc.against, auroc.p_holm, False) for auroc in defined
    ]
    base = next((auroc.against.second for auroc in defined if auroc.against), None)
    if base is not None:
        rows.append((title(CONFIDENCE), base, None, None, True))
    return pd.DataFrame(
        {
            "measure": name, "auc": estimate.auc, "low": estimate.low, "high": estimate.high,
            "p": estimate.p, "n": estimate.n, "groups": estimate.n_groups,
            "reliable": estimate.reliable,
            "difference": against.difference if against else None,
            "difference_low": against.low if against else None,
            "difference_high": against.high if against else None,
            "p_holm": p_holm, "baseline": baseline,
        }
        for name, estimate, against, p_holm, baseline in rows
    )  # fmt: skip


def _row(auroc: Told, task: str) -> list[str]:
    against = auroc.against
    doubt = "" if auroc.own.reliable else " unreliable"
    return [
        title(auroc.measure, task),
        number(auroc.own.auc),
        f"{interval(auroc.own.low, auroc.own.high)}{doubt}",
        number(against.difference) if against else NONE,
        interval(against.low, against.high) if against else NONE,
        p_value(auroc.p_holm),
        str(auroc.own.n),
    ]


def _percentage_points(share: float | None) -> str:
    return number(None if share is None else 100 * share, 0)
