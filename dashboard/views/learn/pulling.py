"""Steps 8 and 9: what pulling languages together does to the sentence's words, and its placebo."""

import streamlit as st

from ccta_core.adjustment.summary import NOT_RUN
from ccta_core.errors import CctaError
from ccta_core.text import count, number
from ccta_core.zoo.lesson import Lesson
from ccta_core.zoo.pulling import Pulling, summarise
from dashboard import resources
from dashboard.views.learn.frame import notice, side_note
from dashboard.views.learn.pulling_chart import distance_table, distances_chart
from dashboard.views.learn.view import PIVOT, LearnView
from dashboard.widgets import notices, text_blocks
from dashboard.widgets.files import chart_files
from dashboard.widgets.wording import language_name


def pulled(view: LearnView, _: Lesson) -> None:
    """Step 8: every word pair before and after an adjustment."""
    _show(view, ("original", "adjusted"))


def placebo(view: LearnView, _: Lesson) -> None:
    """Step 9: the same beside an adjustment whose links were re-paired at random."""
    _show(view, ("original", "adjusted", "placebo"))


def _show(view: LearnView, wanted: tuple[str, ...]) -> None:
    try:
        pulling = resources.pulling()
    except CctaError as error:
        notices.problem(str(error))
        return
    arms = tuple(arm for arm in wanted if arm in pulling.arms)
    if view.partner == PIVOT:
        notice("English beside itself has nothing to be pulled: choose another language.")
        return
    notice(finding(pulling, view.partner, arms))
    if len(arms) < len(wanted):
        text_blocks.say(f"Placebo: {NOT_RUN}.")
    table = distance_table(pulling, view.partner, arms)
    figure = distances_chart(table, arms, dark=text_blocks.dark(), large=view.large)
    key = f"learn_pulled_{len(wanted)}"
    means = "; ".join(
        f"{arm}: linked {number(each.related, 3)}, others {number(each.unrelated, 3)}"
        for arm in arms
        for each in [summarise(pulling.word_pairs[view.partner], arm)]
    )
    text_blocks.chart(figure, key=key, alt=f"Cosine distance of word pairs. Means, {means}.")
    side_note(source(pulling, view.partner))
    with st.container(horizontal=True, vertical_alignment="center", key="learn_pulled_links"):
        chart_files(figure, table, f"learn-pulled-{view.partner}", chart=key)
        st.page_link("views/adjust/adjust.py", label="Adjust: held-out pairs and scores")


def finding(pulling: Pulling, code: str, arms: tuple[str, ...]) -> str:
    """What the arms do to linked words and to all others, in numbers; no verdict."""
    by_arm = {arm: summarise(pulling.word_pairs[code], arm) for arm in arms}
    first, adjusted = by_arm["original"], by_arm["adjusted"]
    text = (
        f"Linked words: {number(first.related, 3)} apart on average, {number(adjusted.related, 3)} "
        f"after the adjustment. All others: {number(first.unrelated, 3)}, then "
        f"{number(adjusted.unrelated, 3)}. "
    )
    if "placebo" not in by_arm:
        return text + (
            f"An unlinked pair is farther apart than a linked one in {_share(adjusted.auc)} of all "
            f"comparisons (AUC), before it in {_share(first.auc)}."
        )
    other = by_arm["placebo"]
    return text + (
        f"With links re-paired at random: {number(other.related, 3)} and "
        f"{number(other.unrelated, 3)}. Linked words are the nearer ones in {_share(first.auc)} of "
        f"all comparisons (AUC) in the original, {_share(adjusted.auc)} adjusted and "
        f"{_share(other.auc)} in the placebo."
    )


def source(pulling: Pulling, code: str) -> str:
    """What was measured, from how many pairs, and whether the language was adjusted for."""
    pairs = pulling.word_pairs[code]
    linked = sum(pair.related for pair in pairs)
    seen = (
        ""
        if code == pulling.lang
        else f" {language_name(code)} was not part of it: the adjustment is for "
        f"{language_name(pulling.lang)}."
    )
    return (
        f"Measured once: e5-small adjusted with {pulling.pairs:,} sentence pairs of English and "
        f"{language_name(pulling.lang)}, layer {pulling.layer}, seed {pulling.seed}. "
        f"{count(linked, 'link')} and {len(pairs) - linked} other word pairs of the same text; "
        f"words are linked by the model before it.{seen} One sentence shows how it works, not what "
        "it does to a model. No model is loaded."
    )


def _share(auc: float) -> str:
    return number(auc)
