"""Item by item: accuracy by tenths of a measure, and who tells right from wrong best."""

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
    asked = replace(question, unit="item", models=question.models[:1])
    text_blocks.heading("Does a high value announce a right prediction?")
    if question.unit != "item":
        with st.container(horizontal=True, key="correlation_pair"):
            pair_choosers(session)
    items = len(resources.computed(chosen.study, right_items, asked))
    text_blocks.quiet(
        f"Model {model_label(chosen.study, asked.models[0].id)}; right or wrong in "
        f"{language_name(asked.pair[1])}; n = {count(items, 'item')}, whole groups of items "
        "resampled."
    )
    if items < FEWEST:
        text_blocks.say(f"{count(items, 'item')}: too few to say anything, {FEWEST} are needed.")
        return
    left, right = st.columns(2, gap="medium")
    with left:
        _deciles(chosen, asked)
    with right:
        told = _aurocs(session, chosen, asked, items)
    _table(chosen, told)


def decile_sentence(found: Deciles, name: str) -> str:
    """The chart's finding: from the lowest tenth to the highest."""
    if found.rise is None:
        return f"All items have nearly the same {name}: there are no tenths to compare."
    first, last = found.deciles[0].accuracy, found.deciles[-1].accuracy
    span = (
        f", 95% {_points(found.rise_low)} to {_points(found.rise_high)}"
        if found.rise_low is not None
        else ""
    )
    few = sum(one.n_groups < _FEW for one in found.deciles)
    doubt = f" Unreliable: {few} of the tenths have fewer than {_FEW} groups." if few else ""
    return (
        f"From the lowest tenth of {name} to the highest, {percent(first)} and {percent(last)} are "
        f"right ({_points(found.rise)} points{span}).{doubt}"
    )


def auroc_sentence(found: Sequence[Told]) -> str:
    """The chart's finding: what beats the model's confidence, what does not."""
    own = {one.measure: one for one in found if one.own.auc is not None}
    if not own:
        return f"{found[0].own.notice[:1].upper()}{found[0].own.notice[1:]}." if found else ""
    base = next((one.against.second.auc for one in own.values() if one.against), None)
    best = max(own.values(), key=lambda one: one.own.auc or 0.0)
    auc = number(best.own.auc)
    if _tells(best):
        text = f"{title(best.measure)} tells them apart best (AUROC {auc})"
    else:
        text = f"No measure is shown to tell them apart (best: {label(best.measure)}, AUROC {auc})"
    if base is None:
        return text + "; the model's confidence is not known here."
    better = [one for one in own.values() if _beats(one)]
    names = ", ".join(label(one.measure) for one in better)
    return f"{text}; the model's own confidence has {number(base)}. " + (
        f"Shown to beat it: {names}." if better else "None is shown to beat it."
    )


def _tells(one: Told) -> bool:
    """Whether a measure's AUROC is shown to be above a half."""
    return one.p_own is not None and one.p_own < _ALPHA and (one.own.auc or 0.0) > 0.5


def _beats(one: Told) -> bool:
    low_p = one.p_holm is not None and one.p_holm < _ALPHA
    return bool(low_p and one.against and (one.against.difference or 0.0) > 0)


def _deciles(chosen: Chosen, question: CorrelationQuestion) -> None:
    measure = told_measures(question)[0]
    name = label(measure, chosen.task)
    found = resources.computed(chosen.study, deciles, question, measure)
    if found is None:
        text_blocks.say(f"Fewer than {FEWEST} items have {name}.")
        return
    text_blocks.say(decile_sentence(found, name))
    table = pd.DataFrame(asdict(one) for one in found.deciles)
    overall = float((table["accuracy"] * table["n"]).sum() / table["n"].sum())
    figure = decile_chart(table, name, overall, dark=text_blocks.dark())
    text_blocks.chart(figure, key="correlation_deciles", alt=decile_sentence(found, name))
    text_blocks.quiet(
        f"Bars: 95% of {count(found.n_groups, 'group')} resampled. Dotted: all items."
    )
    file = f"{chosen.study.name}-deciles-{measure}"
    chart_files(figure, table, file, chart="correlation_deciles")


def _aurocs(
    session: Session, chosen: Chosen, question: CorrelationQuestion, items: int
) -> Sequence[Told]:
    found = _told(session, chosen, question, items)
    if not found:
        return ()
    text_blocks.say(auroc_sentence(found))
    table = auroc_table(found)
    figure = auroc_chart(table, dark=text_blocks.dark())
    text_blocks.chart(figure, key="correlation_aurocs", alt=auroc_sentence(found))
    text_blocks.quiet("Bars: 95%. Against the confidence: the same resampled groups for both.")
    chart_files(figure, table, f"{chosen.study.name}-auroc", chart="correlation_aurocs")
    return found


def _table(chosen: Chosen, found: Sequence[Told]) -> None:
    if found:
        heads = ["AUROC", "95%", "less the confidence", "95%", "p after Holm", "n"]
        text_blocks.table(["measure", *heads], [_row(one, chosen.task) for one in found])


def _told(
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
    found = []
    with st.container(key="correlation_told"):
        for at, name in enumerate(names, 1):
            with st.spinner(f"AUROC of {label(name)}, {at} of {len(names)}"):
                found.append(resources.computed(chosen.study, told_apart, question, name))
    known = tuple(one for one in found if one is not None)
    return resources.computed(chosen.study, corrected, known) if known else ()


def auroc_table(found: Sequence[Told]) -> pd.DataFrame:
    """One row a measure, the model's confidence last, as the chart and the download have it."""
    known = [one for one in found if one.own.auc is not None]
    rows = [(title(one.measure), one.own, one.against, one.p_holm, False) for one in known]
    base = next((one.against.second for one in known if one.against), None)
    if base is not None:
        rows.append((title(CONFIDENCE), base, None, None, True))
    return pd.DataFrame(
        {
            "measure": name, "auc": own.auc, "low": own.low, "high": own.high, "p": own.p,
            "n": own.n, "groups": own.n_groups, "reliable": own.reliable,
            "difference": against.difference if against else None,
            "difference_low": against.low if against else None,
            "difference_high": against.high if against else None,
            "p_holm": p_holm, "baseline": baseline,
        }
        for name, own, against, p_holm, baseline in rows
    )  # fmt: skip


def _row(one: Told, task: str) -> list[str]:
    against = one.against
    doubt = "" if one.own.reliable else " unreliable"
    return [
        title(one.measure, task),
        number(one.own.auc),
        f"{interval(one.own.low, one.own.high)}{doubt}",
        number(against.difference) if against else NONE,
        interval(against.low, against.high) if against else NONE,
        p_value(one.p_holm),
        str(one.own.n),
    ]


def _points(share: float | None) -> str:
    return number(None if share is None else 100 * share, 0)
