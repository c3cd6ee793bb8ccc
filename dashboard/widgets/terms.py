"""Terms that pages use, each with one sentence and the step of Learn where it is explained."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import streamlit as st

from dashboard.views.learn.steps import STEPS

LEARN = "views/learn/learn.py"


@dataclass(frozen=True, slots=True)
class Term:
    """A term, what it is in one sentence, and the name of a step of Learn."""

    name: str
    sentence: str
    step: str

    @property
    def number(self) -> int:
        """The step's number, from 1. Raises ValueError where Learn has no such step."""
        return [step.name for step in STEPS].index(self.step) + 1

    @property
    def link(self) -> str:
        """What leads there."""
        return f"Learn, step {self.number}: {self.step}"


TERMS: Mapping[str, Term] = MappingProxyType(
    {
        "ems": Term(
            "EMS",
            "Earth Mover's Similarity: the best sum of mass times cosine when all the mass of one "
            "reading is moved onto the other, at most 1.",
            "Transport",
        ),
        "gain": Term(
            "Gain",
            "EMS less its mean over shuffled masses: what the attributions add to words that are "
            "alike anyway.",
            "Chance",
        ),
        "uniform": Term(
            "Uniform weights",
            "The same transport with an equal mass for every word, called embeddings only: what "
            "they give without attributions.",
            "Chance",
        ),
        "padding": Term(
            "Padding baseline",
            "The text of padding tokens that integrated gradients start from; what it says already "
            "is attributed to no word.",
            "Path",
        ),
        "completeness": Term(
            "Completeness error",
            "How far all attributions together miss the score of the text less that of the "
            "baseline, as a share.",
            "Sum",
        ),
        "masses": Term(
            "Unit masses",
            "A word's share of all absolute attributions of its text; they sum to 1.",
            "Words",
        ),
        "unit": Term(
            "Unit of analysis",
            "What one point is: a language, a pair of languages, an item, or a training language "
            "with a language read. It decides what n counts.",
            "Claims",
        ),
        "axes": Term(
            "x axis and y axis",
            "The two measures of each point: the consistency, and what it is held against.",
            "Claims",
        ),
        "pearson": Term(
            "Pearson's r",
            "How nearly the points lie on a straight line: from \N{MINUS SIGN}1 over 0, no line, "
            "to 1.",
            "Claims",
        ),
        "majority": Term(
            "Majority baseline",
            "The score of always giving the commonest label: a model has learned something only "
            "above it.",
            "Claims",
        ),
        "confusion": Term(
            "Confusion matrix",
            "How often each label was predicted where each was right; the diagonal has what is "
            "right.",
            "Claims",
        ),
        "entities": Term(
            "Named entities",
            "People, places and organisations that a text names; of a model that finds them, the "
            "tag of such words is what is explained.",
            "Attribution",
        ),
    }
)


def help_text(*keys: str) -> str:
    """The terms for a widget's help: their sentences, and links that open Learn beside the page."""
    return "\n\n".join(
        f"**{term.name}**: {term.sentence} [{term.link}](learn?step={term.number})"
        for term in (TERMS[key] for key in keys)
    )


def what_is(page: str, *keys: str) -> None:
    """A small "What is this?" that unfolds the terms; each leads to its step of Learn."""
    with (
        st.popover("What is this?", type="tertiary", width="content", key=f"{page}_what_is"),
        st.container(key=f"{page}_terms", gap=None),
    ):
        for key in keys:
            term = TERMS[key]
            st.markdown(f"**{term.name}** {term.sentence}")
            st.page_link(LEARN, label=term.link, query_params={"step": str(term.number)})


def terms_of(step: str) -> list[Term]:
    """The terms that a step of Learn explains."""
    return [term for term in TERMS.values() if term.step == step]
