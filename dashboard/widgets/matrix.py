"""A matrix whose cells are buttons: numbers on colour, walked with the arrow keys, clickable."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from ccta_core.reports.figures import ColourScale, colour_scale, heatmap
from ccta_core.text import number
from dashboard.theme import mass_scale, read_beside, signed_scale, similarity_scale

_SCALES = {"similarity": similarity_scale, "mass": mass_scale, "signed": signed_scale}
_component = st.components.v2.component(
    "ccta_matrix",
    html='<div class="ccta-mx"></div>',
    css=read_beside(__file__, "matrix.css"),
    js=read_beside(__file__, "matrix.js"),
    isolate_styles=False,
)


@dataclass(frozen=True, slots=True)
class Head:
    """A row or a column: its key, its name, a short name and the group it stands in."""

    key: str
    name: str
    short: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """One cell: the value that colours it, what is written in it, what is said of it.

    `say` is read aloud and shown at the pointer: rows and columns by name, the value, n.
    """

    value: float
    text: str
    say: str


@dataclass(frozen=True, slots=True)
class Matrix:
    """What is drawn. A place without a cell stays empty; `marked` cells have a thin frame.

    `low` and `high` are written at the legend's ends; `scale`: "similarity", "mass" or "signed".
    """

    label: str
    rows: Sequence[Head]
    columns: Sequence[Head]
    cells: Mapping[tuple[str, str], MatrixCell]
    legend: str
    row_title: str = ""
    column_title: str = ""
    scale: str = "similarity"
    digits: int = 2
    marked: frozenset[tuple[str, str]] = frozenset()
    empty: str = "not measured"


def drawing(drawn: Matrix) -> str:
    """The matrix as an SVG of its own, for a file: rows by name where they are not the columns."""
    square = [head.key for head in drawn.rows] == [head.key for head in drawn.columns]
    rows = {head.key: (head.short or head.name) if square else head.name for head in drawn.rows}
    columns = {head.key: head.short or head.name for head in drawn.columns}
    return heatmap(
        {(rows[row], columns[column]): cell.value for (row, column), cell in drawn.cells.items()},
        list(rows.values()),
        None if square else list(columns.values()),
        title=drawn.label,
        signed=drawn.scale == "signed",
        digits=drawn.digits,
    )


def matrix(
    drawn: Matrix,
    *,
    key: str,
    chosen: tuple[str, str] | None = None,
    on_click: Callable[[str, str], None] | None = None,
    clickable: bool = True,
) -> tuple[str, str] | None:
    """Draws a matrix; the keys (row, column) of the cell clicked in this run, else None.

    `on_click` is called with the same keys before the page runs anew: the place to set what the
    page shows next. `chosen` is framed. Texts reach the page as text only.
    """

    def clicked() -> None:
        sent = _read_cell(st.session_state.get(key))
        if sent is not None and sent in drawn.cells and on_click is not None:
            on_click(*sent)

    event = _component(
        key=key,
        data=payload(drawn, chosen=chosen, clickable=clickable),
        on_cell_change=clicked,
    )
    cell = _read_cell(event)
    return cell if cell in drawn.cells else None


def payload(
    drawn: Matrix, *, chosen: tuple[str, str] | None = None, clickable: bool = True
) -> dict[str, Any]:
    """The matrix as the script reads it: colours of light and dark, texts, keys."""
    values = (cell.value for cell in drawn.cells.values())
    signed = drawn.scale == "signed"
    shades = shades_of(values, "similarity" if signed else drawn.scale, signed=signed)

    def cell_of(row: Head, column: Head) -> dict[str, Any] | None:
        cell = drawn.cells.get((row.key, column.key))
        if cell is None:
            return None
        return {
            "text": cell.text,
            "say": cell.say,
            "fill": shades.fill(cell.value),
            "ink": shades.ink(cell.value),
            "marked": (row.key, column.key) in drawn.marked,
            "chosen": (row.key, column.key) == chosen,
        }

    return {
        "label": drawn.label,
        "rows": [_head_data(head) for head in drawn.rows],
        "columns": [_head_data(head) for head in drawn.columns],
        "titles": [drawn.row_title, drawn.column_title],
        "cells": [[cell_of(row, column) for column in drawn.columns] for row in drawn.rows],
        "empty": drawn.empty,
        "clickable": clickable,
        "legend": {
            "label": drawn.legend,
            "stops": shades.stops(9),
            "ends": [number(end, drawn.digits) for end in (shades.low, shades.high)],
        },
    }


def _head_data(head: Head) -> dict[str, str]:
    return {"key": head.key, "name": head.name, "short": head.short, "group": head.group}


def _read_cell(event: Any) -> tuple[str, str] | None:
    """The keys the script sent, checked: it runs in the reader's browser."""
    sent = getattr(event, "cell", None)
    if not isinstance(sent, Mapping):
        return None
    row, column = sent.get("row"), sent.get("column")
    return (row, column) if isinstance(row, str) and isinstance(column, str) else None


def shades_of(
    values: Iterable[float], kind: str = "similarity", *, signed: bool = False
) -> ColourScale:
    """The scale of these values: from the least to the greatest, or as far below zero as above.

    `signed`, or a value below zero, asks for the two-coloured scale. `kind`: "similarity", "mass".
    """
    return colour_scale(values, _scale_colours(kind), _scale_colours("signed"), signed=signed)


def _scale_colours(kind: str) -> tuple[list[str], list[str]]:
    """The colours of a scale of the theme in light and in dark."""
    light, dark = (
        [str(colour) for _, colour in _SCALES[kind](dark=dark)] for dark in (False, True)
    )
    return light, dark
