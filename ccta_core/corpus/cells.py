"""Reads the cells of tables as text, labels and whole numbers, whatever program wrote them.

Files of one and the same table differ in their types: pandas makes a column of integers with a gap
one of floats, JSON knows NaN, a missing value becomes the word "nan" in a csv.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ccta_core.errors import CctaError

UNLABELLED = ("", "-")
"""What stands where the annotators did not agree on a label."""
_MISSING = frozenset(("nan", "NaN", "<NA>", "NaT", "inf", "-inf", "Infinity", "-Infinity"))
"""How programs write a number that is missing or infinite; no text consists of it alone."""
_FRACTION = re.compile(r"[+-]?(\d+\.\d*|\.\d+)")
_KINDS = {"list": "a list", "tuple": "a list", "dict": "an object", "bytes": "bytes"}


def text_of(value: object) -> str:
    """Returns a value as text without outer spaces; empty where there is none: null, NaN, infinity.

    A float that is a whole number is written as one, so that 1.0 is the 1 of another file. Raises
    CctaError on a list, an object and bytes.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        text = value.strip()
        return "" if text in _MISSING else text
    if isinstance(value, float):
        if not math.isfinite(value):
            return ""
        return str(int(value)) if value.is_integer() else repr(value)
    kind = _KINDS.get(type(value).__name__)
    if kind is not None:
        raise CctaError(f"expected text, found {kind}")
    text = str(value)  # pandas' NaT and NA come as objects of their own
    return "" if text in _MISSING else text


def label_of(value: object) -> str:
    """Returns a class as text, empty where there is none; "0.0" is the class 0.

    Raises CctaError on a real fraction: that is a score and no class.
    """
    text = text_of(value)
    if not _FRACTION.fullmatch(text):
        return text
    if not float(text).is_integer():
        raise CctaError(f"expected a class as label, found the fraction {text!r}")
    return str(int(float(text)))


def whole_number_of(value: object) -> int | None:
    """Returns a whole number (5, 5.0, "5", "5.0"), None where the value is none."""
    if isinstance(value, bool):
        return None
    text = "" if isinstance(value, list | dict | bytes) else text_of(value)
    text = text.removesuffix(".0")
    return int(text) if re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII) else None


def declared_names(features: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Maps each column to the names of its classes, where the table declares them.

    `features` are those of the library `datasets`, as plain values; a column of classes or of lists
    of classes holds their numbers.
    """
    names = {}
    for column, feature in features.items():
        kind = feature
        if isinstance(kind, Sequence) and not isinstance(kind, str) and kind:
            kind = kind[0]  # as earlier versions wrote a list
        while isinstance(kind, Mapping) and isinstance(kind.get("feature"), Mapping):
            kind = kind["feature"]
        if isinstance(kind, Mapping) and kind.get("_type") == "ClassLabel" and kind.get("names"):
            names[column] = tuple(str(name) for name in kind["names"])
    return names


def class_names(value: Any, names: Sequence[str]) -> Any:
    """Replaces a class number, or each number of a list, by its name; other values stay as they
    are.
    """
    if isinstance(value, list):
        return [class_names(each, names) for each in value]
    number = whole_number_of(value) if isinstance(value, int | float) else None
    return names[number] if number is not None and 0 <= number < len(names) else value
