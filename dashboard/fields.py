"""What can be chosen on a page and stands in its address: a field's name, its default, its text."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from ccta_core.text import read_decimal, read_whole

_LONGEST_SHOWN = 40
_MOST_NAMED = 12


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to choose.

    `read` turns the address's text into the widget's value and raises ValueError, saying what was
    expected, where it can't; `write` is its inverse. `limits` are what the field's widget is given
    after its label: a list of options in a tuple of one, or the least and the greatest number.
    `always`: written to the address even where it is the default, which depends on the day.
    """

    name: str
    default: Any
    read: Callable[[str], Any] = str
    write: Callable[[Any], str] = str
    limits: tuple[Any, ...] = ()
    always: bool = False


def one_of(
    name: str, options: Collection[Any], default: Any = None, *, always: bool = False
) -> Field:
    """One of a list; the first where no default is named."""
    ordered = list(options)

    def read(text: str) -> Any:
        return _option(text, ordered)

    usual = ordered[0] if default is None else default
    return Field(name, usual, read, limits=(ordered,), always=always)


def some_of(name: str, options: Collection[str], default: Collection[str] = ()) -> Field:
    """Several of a list, with commas between them."""
    ordered = list(options)

    def read(text: str) -> list[str]:
        return [_option(part, ordered) for part in text.split(",") if part]

    return Field(name, list(default), read, ",".join, (ordered,))


def whole(name: str, low: int, high: int, default: int) -> Field:
    """A whole number in a range, both ends included."""
    return Field(name, default, lambda text: read_whole(text, low, high), limits=(low, high))


def span(name: str, low: float, high: float) -> Field:
    """A range of numbers, `low..high`; by default all of it."""

    def read(text: str) -> tuple[float, float]:
        start, _, end = text.partition("..")
        try:
            lower, upper = read_decimal(start, low, high), read_decimal(end, low, high)
        except ValueError:
            raise ValueError(f"a range within {low:g}..{high:g}") from None
        if lower > upper:
            raise ValueError(f"a range within {low:g}..{high:g}, the lower end first")
        return lower, upper

    return Field(
        name, (low, high), read, lambda ends: f"{ends[0]:g}..{ends[1]:g}", limits=(low, high)
    )


def flag(name: str, *, default: bool = False) -> Field:
    """Yes or no: 1 or 0."""

    def read(text: str) -> bool:
        if text not in ("0", "1"):
            raise ValueError("0 or 1")
        return text == "1"

    return Field(name, default, read, lambda on: "1" if on else "0")


def words(name: str, most: int = 200) -> Field:
    """A short text, such as a search."""

    def read(text: str) -> str:
        if len(text) > most:
            raise ValueError(f"at most {most} characters")
        return text

    return Field(name, "", read)


def shown(text: str) -> str:
    """A text of the address as a problem quotes it: printable, and not too long."""
    return ascii(text[:_LONGEST_SHOWN]) + ("…" if len(text) > _LONGEST_SHOWN else "")


def _option(text: str, options: Sequence[Any]) -> Any:
    """The option that is written so. Raises ValueError, naming some of them, for any other text."""
    for option in options:
        if str(option) == text:
            return option
    named = ", ".join(map(str, options[:_MOST_NAMED]))
    raise ValueError(f"one of {named}" + (", …" if len(options) > _MOST_NAMED else ""))
