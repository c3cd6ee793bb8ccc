"""What is looked at: language, task, arm, step, layer, distance, view; all in the address."""

from dataclasses import dataclass

import streamlit as st

from ccta_core.adjustment.changes import Tables
from ccta_core.adjustment.demo import ITEMS, items_with
from ccta_core.adjustment.summary import (
    ARMS,
    NOT_RUN,
    TASK_NAMES,
    adjusted_languages,
    arm_states,
    most_harmed,
    scored_languages,
    tasks,
)
from ccta_core.text import command_line, read_decimal
from dashboard import adjustments
from dashboard.fields import Field, one_of
from dashboard.session import Session
from dashboard.views.adjust.tables import layers_of, steps_of
from dashboard.widgets.wording import language_name

DISTANCES = {"cosine": "cosine", "l2": "L2"}
VIEWS = {"score": "score", "difference": "paired difference"}
FARTHEST = {"cosine": 2.0, "l2": 100.0}
"""Distances that a range may name."""
WORD_MARK = " – "
"""Between the two words of a linked pair, the other language's first."""
PLAN = "research/adjustment.toml"


@dataclass(frozen=True, slots=True)
class ChosenAdjustment:
    """What the page shows; `step` and `layer` are of the checkpoints, -1 where there are none."""

    lang: str
    task: str
    arm: str
    step: int
    layer: int
    distance: str
    view: str
    scored: str
    """The language, or pair of them, whose items are compared."""
    items: tuple[str, ...]
    """Demo items to choose from: those that hold the chosen pair of words, else all."""
    item: str
    words: str | None
    """A linked pair of words, as `WORD_MARK` joins them."""
    low: float | None
    high: float | None
    """The range of distances whose pairs of words are listed; None is no bound."""

    @property
    def next_item(self) -> str:
        """The item after the shown one, the first after the last."""
        return self.items[(self.items.index(self.item) + 1) % len(self.items)]


def choosers(session: Session, tables: Tables) -> ChosenAdjustment:
    """The row of choosers; what is chosen in the picture is read through the session too."""
    languages, names = adjusted_languages(tables), tasks(tables)
    task = session.value(one_of("task", names))
    first = most_harmed(tables, task) or languages[0]
    with st.container(horizontal=True, vertical_alignment="bottom", key="adjust_bar"):
        lang = session.selectbox(
            "Adjusted for",
            one_of("lang", languages, first, always=True),
            format_func=lambda code: _language(tables, code, task),
            width=240,
        )
        session.selectbox(
            "Task", "task", format_func=lambda name: TASK_NAMES.get(name, name), width=160
        )
        chosen = _in_picture(session, tables, lang, task)
        _share(tables, chosen)
    return chosen


def _in_picture(session: Session, tables: Tables, lang: str, task: str) -> ChosenAdjustment:
    """What is chosen in the picture: its fields have no widget of their own."""
    steps, layers = steps_of(tables, lang) or [-1], layers_of(tables, lang) or [-1]
    distance = session.value(one_of("distance", DISTANCES))
    words = session.value(_word_pair(lang))
    items = _items(lang, task, words)
    return ChosenAdjustment(
        lang=lang,
        task=task,
        arm=session.value(one_of("arm", ARMS, "adjusted")),
        step=session.value(_number("step", steps)),
        layer=session.value(_number("layer", layers)),
        distance=distance,
        view=session.value(one_of("view", VIEWS)),
        scored=session.value(one_of("scored", scored_languages(tables, lang, task))),
        items=items,
        item=session.value(one_of("item", items)),
        words=words,
        low=session.value(_bound("low", distance)),
        high=session.value(_bound("high", distance)),
    )


def word_pairs(lang: str) -> list[str]:
    """The linked pairs of words of a language's demo items, each once, in the items' order."""
    table = adjustments.words(lang)
    if not len(table):
        return []
    pairs = table[["foreign", "english"]].drop_duplicates()
    return [f"{row.foreign}{WORD_MARK}{row.english}" for row in pairs.itertuples()]


def _word_pair(lang: str) -> Field:
    options = word_pairs(lang)

    def read(text: str) -> str:
        if text not in options:
            raise ValueError("a linked pair of words of the demo items")
        return text

    return Field("words", None, read, lambda text: text or "", limits=(options,))


def _items(lang: str, task: str, words: str | None) -> tuple[str, ...]:
    items = ITEMS.get(task, ITEMS["nli"])
    if words is None:
        return items
    foreign, _, english = words.partition(WORD_MARK)
    return tuple(items_with(adjustments.words(lang), foreign, english, items)) or items


def _bound(name: str, distance: str) -> Field:
    """One end of a range of distances; None by default."""
    top = FARTHEST[distance]
    return Field(
        name, None, lambda text: read_decimal(text, 0, top),
        lambda value: "" if value is None else f"{value:g}", limits=(0.0, top),
    )  # fmt: skip


def _number(name: str, options: list[int]) -> Field:
    """One of some numbers, the last where none is asked for."""
    return one_of(name, options, options[-1])


def _language(tables: Tables, code: str, task: str) -> str:
    """A language as the menu names it, with "not run" where nothing of it is finished."""
    states = arm_states(tables, code, task)
    trained = any(states[arm] != NOT_RUN for arm in ARMS[1:])
    there = trained or bool(steps_of(tables, code))
    return language_name(code) + ("" if there else f" · {NOT_RUN}")


def _share(tables: Tables, chosen: ChosenAdjustment) -> None:
    with st.popover("Share", width="content"):
        st.caption("The address of this page leads back to this view.")
        st.caption("The same on the command line")
        st.code("\n".join(commands(tables, chosen.lang)), language="bash", wrap_lines=True)
        st.caption("Every table in Python")
        st.code(
            "import pandas as pd\n\n"
            'checkpoints = pd.read_parquet("cache/adjustment/probe.parquet")\n'
            'scores = pd.read_parquet("cache/adjustment/scores.parquet")',
            language="python",
            wrap_lines=True,
        )


def commands(tables: Tables, lang: str) -> list[str]:
    """The lines that run what a language lacks, show its adjustments, and collect the tables."""
    runs = tables["runs"]
    names = [
        str(name).removeprefix("adjusted/")
        for name in runs[(runs["lang"] == lang) & (runs["kind"] == "adjust") & runs["usual"]]["id"]
    ]
    return [
        command_line(["adjust", "plan", "run", PLAN, "--only", f"*-{lang}-*", "--only",
                      f"adjusted/{lang}-*", "--background"]),
        *(command_line(["adjust", "show", name]) for name in names[:2]),
        command_line(["adjust", "plan", "collect", PLAN]),
    ]  # fmt: skip
