"""Reads what several commands take: lists with commas, layers, names of a few choices."""

from collections.abc import Callable
from typing import TypeVar

from ccta_core.errors import CctaError
from ccta_core.text import read_whole

_MOST_LAYERS = 9999
Value = TypeVar("Value")


def read_list(name: str, text: str, read: Callable[[str], Value]) -> list[Value]:
    """The values of a list with commas, each once.

    Raises CctaError where there is none.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        raise CctaError(f"--{name} is empty; expected values with commas between them")
    return list(dict.fromkeys(read(part) for part in parts))


def read_layer(text: str) -> int:
    """The number of a layer. Raises CctaError on anything else."""
    try:
        return read_whole(text, 0, _MOST_LAYERS)
    except ValueError:
        raise CctaError(
            f"{text[:40]!r} is no layer; expected numbers, 0 = embedding output"
        ) from None


def one_of(name: str, values: tuple[str, ...]) -> Callable[[str], str]:
    """What reads one of the values, and raises CctaError on any other."""

    def read(text: str) -> str:
        if text not in values:
            raise CctaError(f"unknown {name} {text!r}; expected one of: {', '.join(values)}")
        return text

    return read
