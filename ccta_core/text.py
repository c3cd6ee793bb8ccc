"""Writes numbers, p-values, intervals, counts, lists and command lines, and reads numbers.

What a person reads has a true minus and a dash where there is no number. `plain` is for a terminal,
for LaTeX and for tables of Markdown, which programs read too. Nothing is ever a negative zero: a
value is rounded first, and what is left of it decides on the sign.
"""

import math
import re
import shlex
from collections.abc import Iterable, Sequence

NONE = "\N{EN DASH}"
"""Stands where there is no number."""
MINUS = "\N{MINUS SIGN}"
_TO = "\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}"
_TIMES = ((86_400, "days"), (3_600, "h"), (60, "min"))
_SIZES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
_SIBILANTS = ("s", "x", "z", "ch", "sh")
_WHOLE = re.compile(r"-?[0-9]{1,15}")
_DECIMAL = re.compile(
    r"[+-]?(?:[0-9]{1,15}(?:\.[0-9]{0,15})?|\.[0-9]{1,15})(?:[eE][+-]?[0-9]{1,3})?"
)


def number(value: float | None, digits: int = 2) -> str:
    """Writes a number with so many digits: 0.12, −0.12, 0.00; a dash for None and NaN."""
    return NONE if _missing(value) else plain(value, digits).replace("-", MINUS)


def signed(value: float | None, digits: int = 2) -> str:
    """Writes a number with its sign: +0.12, −0.12; 0.00 has none."""
    text = number(value, digits)
    positive = text != NONE and not text.startswith(MINUS) and bool(text.strip("0."))
    return f"+{text}" if positive else text


def percent(share: float | None, digits: int = 0) -> str:
    """Writes a share in percent: 12%, −12%, 0%; a dash for None and NaN."""
    return NONE if share is None or _missing(share) else f"{number(100 * share, digits)}%"


def plain(value: float | None, digits: int = 3, *, none: str = "-") -> str:
    """Writes a number with a hyphen for its minus, as programs do; `none` for None and NaN."""
    if value is None or math.isnan(value):
        return none
    text = f"{value:.{digits}f}"
    return text[1:] if text.startswith("-") and not text.strip("-0.") else text


def p_value(p: float | None) -> str:
    """Writes a p-value, never as 0: 0.20, 0.048, < 0.001; a dash where there is none."""
    if p is None or math.isnan(p):
        return NONE
    return "< 0.001" if p < 0.001 else number(p, 3 if p < 0.1 else 2)


def p_phrase(p: float | None, name: str = "p") -> str:
    """Writes `p = 0.02`, `p < 0.001`, or nothing where there is none."""
    text = p_value(p)
    if text == NONE:
        return ""
    return f"{name} {text}" if text.startswith("<") else f"{name} = {text}"


def interval(low: float | None, high: float | None, digits: int = 2) -> str:
    """Writes `0.10 to 0.20`, held on one line; a dash where an end is not known."""
    if _missing(low) or _missing(high):
        return NONE
    return f"{number(low, digits)}{_TO}{number(high, digits)}"


def count(number_of: int, noun: str, plural: str | None = None) -> str:
    """Writes a count and its noun: 1 study, 1,200 studies; `plural` where English has no rule for
    it.
    """
    return f"{number_of:,} {noun if number_of == 1 else plural or plural_of(noun)}"


def plural_of(noun: str) -> str:
    """Returns the plural that English makes by rule: pair, pairs; study, studies; process,
    processes.
    """
    if noun.endswith("y") and noun[-2:-1] not in ("a", "e", "i", "o", "u"):
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(_SIBILANTS) else f"{noun}s"


def duration(seconds: float) -> str:
    """Returns a time with its unit, two digits at most and 1 s at least: 40 s, 3.5 min, 12 h."""
    for length, unit in _TIMES:
        if seconds >= 1.5 * length:
            return f"{_two_digits(seconds / length)} {unit}"
    return "1 s" if seconds < 1.05 else f"{_two_digits(seconds)} s"


def size(of_bytes: float) -> str:
    """Bytes with their unit: 240 kB, 1.5 GB."""
    for length, unit in _SIZES:
        if of_bytes >= length:
            return f"{_two_digits(of_bytes / length)} {unit}"
    return f"{of_bytes:.0f} bytes"


def listing(words: Sequence[str], last: str = "and") -> str:
    """Writes words as a list in a sentence: `a`, `a and b`, `a, b and c`; nothing for none."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def option(name: str, value: object) -> list[str]:
    """Writes `--name value` as arguments; `align_layer` is written `--align-layer`.

    A value that begins with a dash, as a text may ("-Stop!"), would be taken for an option of its
    own: it is written as one argument, `--name=value`.
    """
    flag, text = f"--{name.replace('_', '-')}", str(value)
    return [f"{flag}={text}"] if text.startswith("-") else [flag, text]


def command_line(words: Iterable[str]) -> str:
    """Writes `ccta` and its arguments as one line for a POSIX shell."""
    return shlex.join(["ccta", *words])


def read_whole(text: str, low: int, high: int) -> int:
    """Reads a whole number in digits 0 to 9, as a person or an address gives it.

    `int` and `str.isdigit` take more for digits (²), and thousands of them. Raises ValueError,
    whose text says what was expected, on anything else and outside of the range.
    """
    if not _WHOLE.fullmatch(text) or not low <= int(text) <= high:
        raise ValueError(f"a whole number from {low} to {high}")
    return int(text)


def read_decimal(text: str, low: float, high: float) -> float:
    """Reads a number such as 3, -0.5 or 1e-3, as a person or an address gives it; 0 has no sign.

    `float` takes more ("nan", "inf", "1_0"). Raises ValueError, whose text says what was expected,
    on anything else and outside of the range.
    """
    if not _DECIMAL.fullmatch(text) or not low <= float(text) <= high:
        raise ValueError(f"a number from {low:g} to {high:g}")
    return float(text) + 0.0


def _missing(value: float | None) -> bool:
    return value is None or math.isnan(value)


def _two_digits(value: float) -> str:
    return f"{value:.1f}" if value < 9.95 else f"{value:,.0f}"
