"""What the page Learn shows now: every field of its address, read once a run."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from ccta_core.text import read_decimal
from dashboard.address import Address, Field, flag, one_of, whole

LANGUAGES = ("en", "es", "ar", "zh")
PARTNERS = ("es", "ar", "zh", "en")
"""English with itself comes last: what perfect agreement would look like."""
POINTS = (2, 3, 5, 9, 17, 33, 65, 129)
MASSES = ("abs", "positive", "negative")
SPACES = ("raw", "centered")
SHUFFLES = (19, 99, 499, 999)
CLAIMS = ("1", "2", "3")
_DIGITS = 2


@dataclass(frozen=True, slots=True)
class View:
    """One state of the page; `partner` is the language that English is compared with."""

    address: Address
    step: int
    lang: str
    partner: str
    alpha: float
    points: int
    mass: str
    space: str
    shuffles: int
    seed: int
    claim: str
    large: bool

    def widget(self, name: str) -> str:
        """The session key of a field's widget."""
        return self.address.widget(name)


def read_view(address: Address, steps: int) -> View:
    """Every field, valid, with a problem noted in the address for what was not."""

    def choose(name: str, known: tuple[Any, ...], default: Any) -> Any:
        return address.value(one_of(name, [str(one) for one in known], str(default)))

    lang = choose("lang", LANGUAGES, LANGUAGES[0])
    return View(
        address=address,
        step=int(choose("step", tuple(range(1, steps + 1)), 1)),
        lang=lang,
        partner=choose("with", PARTNERS, PARTNERS[0] if lang == LANGUAGES[0] else lang),
        alpha=address.value(_alpha()),
        points=int(choose("points", POINTS, 5)),
        mass=choose("mass", MASSES, "abs"),
        space=choose("space", SPACES, "centered"),
        shuffles=int(choose("shuffles", SHUFFLES, 99)),
        seed=address.value(whole("seed", 0, 9999, 0)),
        claim=choose("claim", CLAIMS, "1"),
        large=address.value(flag("present")),
    )


def follow_language(address: Address) -> None:
    """The language read alone is the one that English is compared with next (a callback)."""
    lang = st.session_state.get(address.widget("lang"))
    if lang in PARTNERS and lang != LANGUAGES[0]:
        st.session_state[address.widget("with")] = lang


def go(address: Address, step: int) -> None:
    """Turns to a step (a button's callback)."""
    st.session_state[address.widget("step")] = str(step)


def set_alpha(address: Address, value: Any) -> None:
    """Takes the place on the path that the picture tells, if it is one."""
    if isinstance(value, int | float) and 0 <= value <= 1:
        st.session_state[address.widget("alpha")] = round(float(value), _DIGITS)


def _alpha() -> Field:
    def read(text: str) -> float:
        return round(read_decimal(text, 0, 1), _DIGITS)

    return Field("alpha", 0.0, read, lambda value: f"{value:g}")
