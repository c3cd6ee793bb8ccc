"""Pages that stand alone: what their templates share, and how marks in them are filled."""

import re
from collections.abc import Mapping
from importlib import resources

_MARK = re.compile(r"%%(\w+)%%")
NOTHING_RUNS = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""A policy for pages without a script."""


def asset(name: str, package: str = "ccta_core.report") -> str:
    """A template, style or script of a package."""
    return (resources.files(package) / name).read_text(encoding="utf-8")


def shared() -> dict[str, str]:
    """What every page begins with: its head, and colours, type and measure."""
    return {"head": asset("head.html"), "theme": asset("theme.css")}


def fill(page: str, values: Mapping[str, str]) -> str:
    """Fills the marks that are named, in one pass: what is put in is not looked at again."""
    return _MARK.sub(lambda mark: values.get(mark[1], mark[0]), page)


def still_page(name: str, package: str, values: Mapping[str, str]) -> str:
    """A page in which nothing runs: its template filled with `values`, all marks of it."""
    page = fill(asset(name, package), shared())
    return fill(page, {"policy": NOTHING_RUNS, **values})
