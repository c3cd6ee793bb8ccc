"""What the page Learn shows now: every field of its session, read once a run."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from ccta_core.text import read_decimal
from dashboard.fields import Field, flag, one_of, whole
from dashboard.session import Session
from dashboard.views.learn.own import read_own
from dashboard.views.learn.steps import STEPS
from dashboard.views.pair.view import OWN, PairView

PIVOT = "en"
"""The lesson's first language, which the others are beside."""
LANGUAGES = ("en", "es", "ar", "zh")
PARTNERS = ("es", "ar", "zh", "en")
"""English with itself comes last: what perfect agreement would look like."""
POINTS = (2, 3, 5, 9, 17, 33, 65, 129)
MASSES = ("abs", "positive", "negative")
SPACES = ("raw", "centered")
FLOWS = ("optimum", "hand")
"""The plan whose flows are ribbons: the best one, or the one moved by hand."""
SHUFFLES = (19, 99, 499, 999)
CLAIMS = ("1", "2", "3")
_DIGITS = 2


@dataclass(frozen=True, slots=True)
class LearnView:
    """One state of the page; `partner` is the language that the first is compared with.

    `own` is the pair that stands in place of the lesson's sentence, if one does; `langs` are the
    languages to read alone, `partners` those to compare the first with.
    """

    session: Session
    step: int
    lang: str
    partner: str
    alpha: float
    points: int
    mass: str
    space: str
    flows: str
    shuffles: int
    seed: int
    claim: str
    large: bool
    own: PairView | None = None
    langs: tuple[str, ...] = LANGUAGES
    partners: tuple[str, ...] = PARTNERS

    @property
    def pivot(self) -> str:
        """The first language."""
        return self.langs[0]

    @property
    def mark(self) -> str:
        """Tells the sentence from others in keys; empty for the lesson's."""
        return "" if self.own is None else f"-{hash((self.own.model, self.own.texts)):x}"


def read_view(session: Session, steps: int) -> LearnView:
    """Every field, valid, with a problem noted in the session for what was not."""

    def choose(name: str, options: Iterable[Any], default: Any) -> Any:
        return session.value(one_of(name, [str(option) for option in options], str(default)))

    step = int(choose("step", range(1, steps + 1), 1))
    of_pair = choose("item", ("lesson", OWN), "lesson") == OWN
    own = read_own(session) if of_pair else None
    langs: tuple[str, ...] = LANGUAGES
    partners: tuple[str, ...] = PARTNERS
    if own is not None and STEPS[step - 1].of_lesson:
        langs, partners = (own.src, own.tgt), (own.tgt, own.src)
    lang = choose("lang", langs, langs[0])
    return LearnView(
        session=session,
        own=own,
        langs=langs,
        partners=partners,
        step=step,
        lang=lang,
        partner=choose("with", partners, partners[0] if lang == langs[0] else lang),
        alpha=session.value(_alpha()),
        points=int(choose("points", POINTS, 5)),
        mass=choose("mass", MASSES, "abs"),
        space=choose("space", SPACES, "centered"),
        flows=choose("flows", FLOWS, FLOWS[0]),
        shuffles=int(choose("shuffles", SHUFFLES, 99)),
        seed=session.value(whole("seed", 0, 9999, 0)),
        claim=choose("claim", CLAIMS, "1"),
        large=session.value(flag("present")),
    )


def follow_language(session: Session, langs: tuple[str, ...]) -> None:
    """The language read alone is the one that the first is compared with next (a callback)."""
    lang = st.session_state.get(session.widget("lang"))
    if lang in langs[1:]:
        session.put(**{"with": lang})


def set_alpha(session: Session, value: Any) -> None:
    """Takes the place on the path that the picture tells, if it is one."""
    if isinstance(value, int | float) and 0 <= value <= 1:
        session.put(alpha=round(float(value), _DIGITS))


def _alpha() -> Field:
    def read(text: str) -> float:
        return round(read_decimal(text, 0, 1), _DIGITS)

    return Field("alpha", 0.0, read, lambda value: f"{value:g}")
