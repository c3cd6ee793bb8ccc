"""Numbers and counts as they are written and read: in one place, never a minus before a zero."""

import ast
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ccta_core import text
from ccta_core.text import MINUS, NONE

ROOT = Path(__file__).parents[1]
FILES = sorted([*(ROOT / "ccta_core").rglob("*.py"), *(ROOT / "dashboard").rglob("*.py")])


@pytest.mark.parametrize(
    ("value", "number", "signed", "percent", "plain"),
    [
        (None, NONE, NONE, NONE, "-"),
        (math.nan, NONE, NONE, NONE, "-"),
        (-0.004, "0.00", "0.00", "0%", "0.00"),
        (0.004, "0.00", "0.00", "0%", "0.00"),
        (-0.0, "0.00", "0.00", "0%", "0.00"),
        (-0.006, "−0.01", "−0.01", "−1%", "-0.01"),
        (0.006, "0.01", "+0.01", "1%", "0.01"),
        (1.5, "1.50", "+1.50", "150%", "1.50"),
        (-10.0, "−10.00", "−10.00", "−1000%", "-10.00"),
        (math.inf, "inf", "+inf", "inf%", "inf"),
        (np.float64(-0.001), "0.00", "0.00", "0%", "0.00"),
    ],
)
def test_a_number_is_rounded_before_it_has_a_sign(value, number, signed, percent, plain):
    assert text.number(value) == number
    assert text.signed(value) == signed
    assert text.percent(value) == percent
    assert text.plain(value, 2) == plain


@given(st.floats(-1e9, 1e9) | st.floats(-1e-2, 1e-2), st.integers(0, 6))
@example(-0.5, 0)
@example(-0.00049999, 3)
def test_what_is_written_is_the_number_rounded(value, digits):
    rounded = float(f"{value:.{digits}f}")
    for written in (text.number(value, digits), text.signed(value, digits)):
        assert float(written.replace(MINUS, "-")) == rounded
        assert "-" not in written
        assert (MINUS in written) == (rounded < 0)
    assert text.signed(value, digits).startswith("+") == (rounded > 0)
    assert text.plain(value, digits) == text.number(value, digits).replace(MINUS, "-")
    share = text.percent(value, digits)
    assert share.endswith("%")
    assert not (share.startswith(MINUS) and not share.strip(f"{MINUS}0.%"))


@pytest.mark.parametrize(
    ("p", "value", "phrase"),
    [
        (None, NONE, ""),
        (math.nan, NONE, ""),
        (0.2, "0.20", "p = 0.20"),
        (0.048, "0.048", "p = 0.048"),
        (0.004, "0.004", "p = 0.004"),  # never "0.00"
        (0.0004, "< 0.001", "p < 0.001"),
        (0.0, "< 0.001", "p < 0.001"),
        (1.0, "1.00", "p = 1.00"),
    ],
)
def test_a_p_value_is_never_zero(p, value, phrase):
    assert text.p_value(p) == value
    assert text.p_phrase(p) == phrase


def test_an_interval_stays_on_one_line():
    assert text.interval(-0.5, 0.25).replace("\N{NO-BREAK SPACE}", " ") == "−0.50 to 0.25"
    assert " " not in text.interval(-0.004, 0.2)
    assert text.interval(-0.004, 0.2).startswith("0.00")
    assert text.interval(None, 0.2) == text.interval(0.1, math.nan) == NONE


@pytest.mark.parametrize(
    ("number_of", "noun", "plural", "written"),
    [
        (1, "study", None, "1 study"),
        (2, "study", None, "2 studies"),
        (0, "entry", None, "0 entries"),
        (1_200, "item", None, "1,200 items"),
        (2, "key", None, "2 keys"),
        (2, "process", None, "2 processes"),
        (2, "batch", None, "2 batches"),
        (2, "language pair", None, "2 language pairs"),
        (2, "person", "people", "2 people"),
        (1, "person", "people", "1 person"),
    ],
)
def test_a_count_has_its_plural(number_of, noun, plural, written):
    assert text.count(number_of, noun, plural) == written


def test_words_are_listed():
    assert text.listing([]) == ""
    assert text.listing(["a"]) == "a"
    assert text.listing(["a", "b"]) == "a and b"
    assert text.listing(["a", "b", "c"], "or") == "a, b or c"


STRANGE = ["", " ", "²", "１２", "٣", "1e3", "1.0", "+1", "1 ", "--1", "-", "1_0", "nan", "inf",
           "\0", "9" * 16, "9" * 5000, "0x1", "½", "1,0"]  # fmt: skip


@pytest.mark.parametrize("written", STRANGE)
def test_a_whole_number_is_digits(written):
    with pytest.raises(ValueError, match=r"^a whole number from -5 to 99999$"):
        text.read_whole(written, -5, 99_999)


@pytest.mark.parametrize(
    ("written", "value"), [("0", 0), ("-0", 0), ("-5", -5), ("007", 7), ("0000000000012", 12)]
)
def test_a_whole_number_is_read(written, value):
    assert text.read_whole(written, -5, 99_999) == value
    with pytest.raises(ValueError, match="from 13 to 20"):
        text.read_whole(written, 13, 20)


@pytest.mark.parametrize(
    "written",
    ["", "²", "１.５", "nan", "inf", "-inf", "infinity", "1_0", "1..2", ".", "e3", "1e9999",
     "9" * 5000, "0x1p3", "\0", " 1", "1e400", "--1", "1,5"],
)  # fmt: skip
def test_a_decimal_number_is_digits(written):
    with pytest.raises(ValueError, match=r"^a number from -1 to 1000$"):
        text.read_decimal(written, -1, 1000)


@pytest.mark.parametrize(
    ("written", "value"),
    [("1e3", 1000.0), ("-0.5", -0.5), (".5", 0.5), ("5.", 5.0), ("+1", 1.0), ("1e-05", 1e-5),
     ("0.123457", 0.123457), ("-0", 0.0), ("-0.0", 0.0)],
)  # fmt: skip
def test_a_decimal_number_is_read(written, value):
    found = text.read_decimal(written, -1, 1000)
    assert found == value
    assert math.copysign(1, found) == (-1 if value < 0 else 1)  # no negative zero


@given(st.floats(-1e6, 1e6))
def test_what_an_address_writes_is_read_again(value):
    assert text.read_decimal(f"{value + 0.0:g}", -1e7, 1e7) == pytest.approx(value, rel=1e-5)


# What holds it in one place


def formats(tree):
    """How every field of an f-string that has a format is written, as "+.2f"."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FormattedValue) and isinstance(node.format_spec, ast.JoinedStr):
            parts = node.format_spec.values
            yield "".join(part.value for part in parts if isinstance(part, ast.Constant))


def endings(tree):
    """What is chosen by a condition and is only an ending: the "s" of a plural made by hand."""
    for node in ast.walk(tree):
        if isinstance(node, ast.IfExp):
            for branch in (node.body, node.orelse):
                if isinstance(branch, ast.Constant) and branch.value in ("s", "es", "ies"):
                    yield branch.value


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_other_place_writes_signs_or_plurals(path):
    if path == ROOT / "ccta_core" / "text.py":
        return
    code = path.read_text("utf-8")
    tree = ast.parse(code)
    assert not [how for how in formats(tree) if how.startswith("+")], "text.signed does that"
    assert not list(endings(tree)), "text.count does that"
    minus = re.search(r"""replace\(\s*["']-["'],\s*(_?MINUS|["']\\N\{MINUS)""", code)
    assert minus is None or path.parent.name == "errors", "text.number does that"  # `g`


# The same in the pictures' scripts

VALUES = [-0.004, 0.004, 0, -0.0, 0.5, -0.5, 1, -1, 10.05, -0.0004, 0.0004, 0.02]


@pytest.fixture(scope="module")
def script(browser):
    """Runs an expression in a script's file, for each of the values."""
    page = browser.new_page()

    def run(path, expression):
        code = (ROOT / path).read_text("utf-8")
        each = f"return values.map((x) => {expression});"
        return page.evaluate(
            f"(values) => {{ const root = document.body; {code}\n{each} }}", VALUES
        )

    yield run
    page.close()


@pytest.mark.parametrize(
    ("path", "expression", "python"),
    [
        ("ccta_core/reports/pair/base.js", "fixed(x, 2)", lambda x: text.number(x, 2)),
        ("ccta_core/reports/pair/base.js", "signed(x)", lambda x: text.signed(x, 3)),
        ("dashboard/views/learn/learn_base.js", "fixed(x)", lambda x: text.number(x, 2)),
        ("dashboard/views/learn/learn_base.js", "signed(x)", lambda x: text.signed(x, 2)),
        ("dashboard/views/learn/learn_base.js", "percent(x)", lambda x: text.percent(x)),
    ],
)
def test_scripts_write_numbers_as_the_program_does(script, path, expression, python):
    values = [x for x in VALUES if expression != "percent(x)" or x != 10.05]
    found = dict(zip(map(json.dumps, VALUES), script(path, expression), strict=True))
    assert [found[json.dumps(x)] for x in values] == [python(x) for x in values]


def test_a_short_number_loses_its_leading_zero_only(script):
    found = script("ccta_core/reports/pair/base.js", "short(x)")
    assert found[4:9] == [".50", "−.50", "1.00", "−1.00", "10.05"]
    assert found[0] == ".00"
