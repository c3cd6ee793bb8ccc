"""A forest plot as SVG text: one row an estimate with its interval, a rule at no effect."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from ccta_core.reports.figures import ticks
from ccta_core.text import interval, number

_ROW, _TOP, _BOTTOM, _PLOT, _RIGHT = 22, 34, 44, 330, 150
_CHARACTER = 6.6
"""Pixels of a character of the labels, about."""
_BOLD = 7.6
"""The same of a heading."""
_STRONG, _QUIET = ("#0d7263", "#63d8c1"), ("#6b7780", "#9aa7b1")


@dataclass(frozen=True, slots=True)
class ForestRow:
    """One estimate: its label, value and 95% interval; `control` draws it quietly.

    A row without a value is a heading.
    """

    label: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    control: bool = False


def forest(
    rows: Sequence[ForestRow], *, title: str, axis: str, zero: float, digits: int = 2
) -> str:
    """Returns the plot as SVG, in the order of the rows; `zero` is the value without an effect.

    Every mark has its numbers beside it and in its text alternative. Colours follow the reader's
    light or dark scheme.
    """
    ends = [
        end
        for row in rows
        for end in (row.value, row.low, row.high)
        if end is not None and np.isfinite(end)
    ]
    marks = ticks([*ends, zero])
    left = 16 + max(
        len(row.label) * (_CHARACTER if row.value is not None else _BOLD) for row in rows
    )
    width, height = left + _PLOT + _RIGHT, _TOP + _ROW * len(rows) + _BOTTOM
    floor = _TOP + _ROW * len(rows)

    def across(value: float) -> float:
        return left + _PLOT * (value - marks[0]) / (marks[-1] - marks[0])

    parts = [f'<text x="8" y="18" font-weight="600">{escape(title)}</text>']
    for mark in marks:
        parts.append(_line(across(mark), _TOP - 4, across(mark), floor, 'stroke-opacity="0.12"'))
        parts.append(
            f'<text x="{across(mark):.1f}" y="{floor + 16}" text-anchor="middle" '
            f'font-size="11">{number(mark)}</text>'
        )
    dashed = 'stroke-opacity="0.7" stroke-dasharray="3 3"'
    parts.append(_line(across(zero), _TOP - 4, across(zero), floor, dashed))
    parts.append(
        f'<text x="{left + _PLOT / 2:.1f}" y="{floor + 34}" text-anchor="middle">'
        f"{escape(axis)}</text>"
    )
    for place, row in enumerate(rows):
        parts.append(_row(row, (left, _TOP + _ROW * place + 13), across, digits))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(title)}" '
        f'viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" height="{height}" '
        'font-family="system-ui, sans-serif" font-size="13">'
        f"<style>:root{{color-scheme:light dark}}svg{{background:light-dark(#fff,#14181d);"
        f"color:light-dark(#1b2026,#e6eaed)}}text{{fill:currentColor}}"
        f"line{{stroke:currentColor}}.strong{{stroke:light-dark({','.join(_STRONG)});"
        f"fill:light-dark({','.join(_STRONG)})}}.quiet{{stroke:light-dark({','.join(_QUIET)});"
        f"fill:light-dark({','.join(_QUIET)})}}</style><title>{escape(title)}</title>"
        f"{''.join(parts)}</svg>\n"
    )


def _row(
    row: ForestRow, corner: tuple[float, float], across: Callable[[float], float], digits: int
) -> str:
    left, y = corner
    if row.value is None:
        return f'<text x="8" y="{y + 1:.1f}" font-weight="600">{escape(row.label)}</text>'
    kind = "quiet" if row.control else "strong"
    span = "" if row.low is None else f" ({interval(row.low, row.high, digits)})"
    words = f"{row.label}: {number(row.value, digits)}{span}"
    bar = ""
    if row.low is not None and row.high is not None:
        bar = (
            f'<line class="{kind}" x1="{across(row.low):.1f}" y1="{y - 3:.1f}" '
            f'x2="{across(row.high):.1f}" y2="{y - 3:.1f}" stroke-width="2"/>'
        )
    x = across(row.value)
    mark = (
        f'<rect class="{kind}" x="{x - 4:.1f}" y="{y - 7:.1f}" width="8" height="8"/>'
        if row.control
        else f'<circle class="{kind}" cx="{x:.1f}" cy="{y - 3:.1f}" r="4.5"/>'
    )
    return (
        f"<g><title>{escape(words)}</title>"
        f'<text x="{left - 10:.1f}" y="{y + 1:.1f}" text-anchor="end">{escape(row.label)}</text>'
        f"{bar}{mark}"
        f'<text x="{left + _PLOT + 12:.1f}" y="{y + 1:.1f}" font-size="12">'
        f"{number(row.value, digits)}{span}</text></g>"
    )


def _line(x1: float, y1: float, x2: float, y2: float, look: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {look}/>'
