"""One demo item through the arms: its picture, and what every arm makes of it."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import NamedTuple

import streamlit as st

from ccta_core.adjustment.demo import ITEMS, DemoPair
from ccta_core.adjustment.summary import ARMS, NOT_RUN, TASK_NAMES
from ccta_core.corpus.demo import read_demo
from ccta_core.reports.pair.marks import prediction_text
from ccta_core.result import PairResult
from ccta_core.text import NONE, number, percent, signed
from ccta_core.types import ParallelExample
from dashboard import adjustments, resources
from dashboard.session import Session
from dashboard.views.adjust.controls import ChosenAdjustment
from dashboard.views.adjust.tables import arm_table
from dashboard.views.pair.gold import Gold, judge
from dashboard.views.pair.settings import Settings, of_study
from dashboard.widgets import text_blocks
from dashboard.widgets.files import csv_button
from dashboard.widgets.pair_picture import PictureStyle, pair_picture, shared_top
from dashboard.widgets.wording import language_name

_PICTURE = "adjust_pair"


class MassChange(NamedTuple):
    """A word's share of its side's mass in the original and in an arm."""

    word: str
    lang: str
    before: float
    after: float


def sentence_in_arms(session: Session, chosen: ChosenAdjustment) -> None:
    """The item's picture in the chosen arm, and all arms of it in a table."""
    text_blocks.heading("One sentence through the arms")
    if chosen.task not in ITEMS:
        text_blocks.say(f"Demo items of {TASK_NAMES.get(chosen.task, chosen.task)}: {NOT_RUN}.")
        return
    example = next(each for each in read_demo(chosen.task) if each.id == chosen.item)
    _choosers(session, chosen, example)
    pairs = adjustments.arms(chosen.lang, chosen.task, chosen.item)
    measured = {arm: pair.result for arm, pair in pairs.items() if pair is not None}
    if not measured:
        text_blocks.say(f"Demo items in English and {language_name(chosen.lang)}: {NOT_RUN}.")
        return
    text_blocks.say(arm_sentence(measured, chosen.arm))
    settings = of_study({}, chosen.task, str(example.label))
    if chosen.arm in measured:
        _picture(measured, chosen.arm, example, settings)
    text_blocks.table(
        ["arm", "prediction, English", f"prediction, {language_name(chosen.lang)}", "EMS",
         "less chance", "mass moved", "changed most"],
        arm_rows(measured, chosen.arm), html=True,
    )  # fmt: skip
    seeds = ", ".join(f"{arm} {pair.seed}" for arm, pair in pairs.items() if pair is not None)
    text_blocks.quiet(
        f"Every arm explains the gold label, {example.label}. Chance: the mean EMS against "
        "unrelated sentences. Mass moved: the share of the attributions' mass that lies on other "
        f"words than in the original. Seeds: {seeds}. Measured beforehand; no model is loaded."
    )
    with st.container(horizontal=True, vertical_alignment="center", key="adjust_sentence_files"):
        _open_in_pair(session, chosen, pairs[chosen.arm], settings)
        file = f"{chosen.lang}-{chosen.item}-arms"
        csv_button(arm_table(measured), file, key="adjust_sentence_csv")


def _choosers(session: Session, chosen: ChosenAdjustment, example: ParallelExample) -> None:
    texts = {each.id: each.sentences["en"].text2 for each in read_demo(chosen.task)}
    with st.container(horizontal=True, vertical_alignment="bottom", key="adjust_sentence_bar"):
        session.selectbox(
            "Item", "item", format_func=lambda item: f"{item}: {texts[item]}", width=360,
            help=None if chosen.words is None else f"Items that hold {chosen.words}",
        )  # fmt: skip
        session.select_slider(
            "Arm", "arm", format_func=lambda arm: arm.replace("-", " "), width=360
        )
        st.button(
            "Next item", on_click=session.put, kwargs={"item": chosen.next_item},
            key=session.widget("next"), help="Key: N. Arms: 1 to 5",
        )  # fmt: skip


def _picture(
    measured: Mapping[str, PairResult], arm: str, example: ParallelExample, settings: Settings
) -> None:
    """Drawn on one scale for all arms, so that colours can be compared between them."""
    result = measured[arm]
    top = shared_top([each.payload() for each in measured.values()])
    right = judge(result, Gold(label=example.label))
    pair_picture(result.payload(), PictureStyle(settings, right, top), key=_PICTURE)


def arm_sentence(measured: Mapping[str, PairResult], arm: str) -> str:
    """What the chosen arm does to the item, against the original; claims no cause."""
    if arm not in measured:
        return f"{arm.capitalize().replace('-', ' ')}: {NOT_RUN} on this item."
    result, original = measured[arm], measured.get("original")
    lang = language_name(result.target.lang)
    prediction = prediction_text(result.target, show=number)
    above = _less_chance(result)
    if arm == "original" or original is None:
        level = "" if above is None else f", {number(above)} above chance"
        return f"{lang}: {prediction}. EMS {number(result.ems)}{level}."
    if result.target.predicted == original.target.predicted:
        before = f"as before, {prediction}"
    else:
        before = f"{prediction}, before it {prediction_text(original.target, show=number)}"
    first, text = _less_chance(original), f"{lang}: {before}."
    if above is not None and first is not None:
        text += f" EMS less chance {number(first)} to {number(above)}."
    change = _largest_change(original, result)
    if change is not None:
        text += (
            f" “{change.word}” ({language_name(change.lang)}) changed most, "
            f"{percent(change.before, 1)} to {percent(change.after, 1)} of the mass."
        )
    return text


def arm_rows(measured: Mapping[str, PairResult], chosen: str) -> Iterator[list[str]]:
    """A row an arm, as HTML; the chosen one in bold."""
    from dashboard.views.pair.tables import mass_changes, moved_mass

    original = measured.get("original")
    for place, arm in enumerate(ARMS, start=1):
        name = f"{place} {escape(arm.replace('-', ' '))}"
        name = f"<b>{name}</b>" if arm == chosen else name
        result = measured.get(arm)
        if result is None:
            yield [name, NOT_RUN, *[NONE] * 5]
            continue
        above, moved, most = _less_chance(result), NONE, NONE
        if original is not None and arm != "original":
            changes = mass_changes(original, result)
            moved = " · ".join(
                f"{getattr(result, side).lang} {percent(moved_mass(changes, side))}"
                for side in ("source", "target")
            )
            change = _largest_change(original, result)
            if change is not None:
                most = (
                    f'<bdi lang="{escape(change.lang)}">{escape(change.word)}</bdi> '
                    f"{signed(100 * (change.after - change.before), 1)} points"
                )
        yield [
            name,
            *(
                escape(prediction_text(side, show=number))
                for side in (result.source, result.target)
            ),
            number(result.ems),
            NONE if above is None else number(above),
            moved,
            most,
        ]


def _less_chance(result: PairResult) -> float | None:
    return None if result.chance_level is None else result.ems - result.chance_level


def _largest_change(original: PairResult, result: PairResult) -> MassChange | None:
    """The word whose mass changed most; None where the two read no word alike."""
    from dashboard.views.pair.tables import mass_changes

    changes = mass_changes(original, result)
    if not len(changes):
        return None
    row = changes.iloc[0]
    lang = getattr(original, row["side"]).lang
    return MassChange(row["word"], lang, float(row["first"]), float(row["second"]))


def _open_in_pair(
    session: Session, chosen: ChosenAdjustment, pair: DemoPair | None, settings: Settings
) -> None:
    """The button to the item on the page Pair with the arm's model, where it is on this machine."""
    if pair is None:
        return
    model = pair.result.model
    there = model in resources.options().models
    if st.button(
        "Open in Pair", key=session.widget("to_pair"), disabled=not there,
        help=None if there else f"{model} is not in this machine's models: its weights do not "
        "ship; Share has the line that trains it",
    ):  # fmt: skip
        query = {"model": model, "item": chosen.item, "src": "en", "tgt": chosen.lang, "layer": "0"}
        session.lead_to("pair", query | settings.query())
