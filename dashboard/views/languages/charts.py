"""The charts of the Languages page: flows, layers, one pair of languages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ccta_core.text import count, interval, number, percent
from dashboard.theme import ACCENT, DASHES, INK, QUIET, SERIES, quiet_layout, transparent

_GAP = 3.0
"""Per cent of the height between two ranks."""
_WIDE, _HIGH, _HEAD, _LABELS, _BAR = 420, 340, 34, 150, 5
"""Pixels of a picture of its own: ribbons, names above them, labels beside them, a bar's width."""
_STEPS = tuple(at / 16 for at in range(17))
"""Places along a ribbon, from left to right."""


def flows_html(
    table: pd.DataFrame, names: tuple[str, str], order: Sequence[str], *, alt: str
) -> str:
    """Labels left and right, ribbons between them; flows to the same rank are coloured.

    Columns of `table`: sent, received, mass, expected (sums of 1). The labels keep their size at
    any width, the ribbons stretch.
    """
    sent, received = _rank_masses(table, order)
    tops = _rank_tops(sent), _rank_tops(received)
    ribbons = "".join(map(_clip_ribbon, _build_ribbons(table, order, tops)))
    return (
        f'<div class="ccta-flows" role="img" aria-label="{escape(alt)}">'
        f"{_side_labels(names[0], sent, tops[0])}"
        f'<div class="ccta-ribbons" aria-hidden="true">{ribbons}</div>'
        f"{_side_labels(names[1], received, tops[1])}</div>"
    )


def flows_svg(
    table: pd.DataFrame, names: tuple[str, str], order: Sequence[str], *, alt: str
) -> str:
    """The same as an SVG of its own on a light ground, for a file."""
    sides = _rank_masses(table, order)
    tops = _rank_tops(sides[0]), _rank_tops(sides[1])
    parts = [_svg_ribbon(flow) for flow in _build_ribbons(table, order, tops)]
    for side in (0, 1):
        parts += _side_bars(names[side], sides[side], tops[side], right=bool(side))
    width, height = _WIDE + 2 * _LABELS, _HIGH + _HEAD + 6
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="system-ui, sans-serif" font-size="13">'
        f"<title>{escape(alt)}</title>{''.join(parts)}</svg>"
    )


def _svg_ribbon(flow: "Ribbon") -> str:
    corners = " ".join(
        f"{_LABELS + _WIDE * x / 100:.1f},{_HEAD + _HIGH * y / 100:.1f}" for x, y in flow.outline()
    )
    fill, opacity = (ACCENT[0], 0.5) if flow.same_rank else (QUIET[0], 0.22)
    return (
        f'<polygon points="{corners}" fill="{fill}" opacity="{opacity}">'
        f"<title>{escape(flow.description)}</title></polygon>"
    )


def _side_bars(
    name: str, masses: pd.Series, tops: dict[str, float], *, right: bool
) -> Iterator[str]:
    """The bars of one language, with their shares beside them."""
    edge = _LABELS + _WIDE if right else _LABELS - _BAR
    x, anchor = (edge + _BAR + 7, "start") if right else (edge - 7, "end")
    yield _svg_text((x, 18), name, anchor, QUIET[0])
    for rank, mass in masses.items():
        y = _HEAD + _HIGH * tops[str(rank)] / 100
        size = _HIGH * _height_of_mass(len(masses)) * float(mass) / 100
        yield (
            f'<rect x="{edge}" y="{y:.1f}" width="{_BAR}" height="{size:.1f}" fill="{ACCENT[0]}"/>'
        )
        yield _svg_text((x, y + size / 2 + 4.5), f"{rank} {percent(float(mass))}", anchor, INK[0])


def _svg_text(place: tuple[float, float], words: str, anchor: str, fill: str) -> str:
    x, y = place
    return f'<text x="{x}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}">{escape(words)}</text>'


def _rank_masses(table: pd.DataFrame, order: Sequence[str]) -> tuple[pd.Series, pd.Series]:
    """What each rank sends and receives."""
    sent, received = (
        table.groupby(side)["mass"].sum().reindex(list(order), fill_value=0.0)
        for side in ("sent", "received")
    )
    return sent, received


def _rank_tops(masses: pd.Series) -> dict[str, float]:
    """Where each rank begins, in per cent from the top."""
    scale, top, tops = _height_of_mass(len(masses)), 0.0, {}
    for name, mass in masses.items():
        tops[str(name)] = top
        top += scale * float(mass) + _GAP
    return tops


def _height_of_mass(count: int) -> float:
    """Per cent of the height of a mass of 1."""
    return 100.0 - _GAP * (count - 1)


def _side_labels(name: str, masses: pd.Series, tops: dict[str, float]) -> str:
    scale = _height_of_mass(len(masses))
    rows = "".join(
        f'<li style="top:{tops[str(rank)]:.2f}%;height:{scale * float(mass):.2f}%">'
        f"<span>{escape(str(rank))} <b>{percent(float(mass))}</b></span></li>"
        for rank, mass in masses.items()
    )
    return f'<div><p>{escape(name)}</p><ol aria-hidden="true">{rows}</ol></div>'


@dataclass(frozen=True, slots=True)
class Ribbon:
    """A ribbon: where it starts left, ends right and how high it is, in per cent of the whole."""

    start: float
    end: float
    high: float
    same_rank: bool
    description: str

    def outline(self) -> list[tuple[float, float]]:
        """The corners, both coordinates in per cent."""
        span = self.end - self.start
        curve = [
            (100 * share, self.start + span * share * share * (3 - 2 * share)) for share in _STEPS
        ]
        return [*curve, *((x, y + self.high) for x, y in reversed(curve))]


def _build_ribbons(
    table: pd.DataFrame, order: Sequence[str], tops: tuple[dict[str, float], dict[str, float]]
) -> list[Ribbon]:
    """One a flow, in the order of the ranks on both sides; those to the same rank on top."""
    scale = _height_of_mass(len(order))
    left, right = (dict(side) for side in tops)
    mass = {(row.sent, row.received): row for row in table.itertuples()}
    flows = []
    for sent in order:
        for received in order:
            flow = mass.get((sent, received))
            if flow is None or flow.mass <= 0:
                continue
            high = scale * float(flow.mass)
            description = (
                f"{sent} to {received}: {percent(flow.mass, 1)} of the mass; in proportion to "
                f"the masses {percent(flow.expected, 1)}"
            )
            flows.append(Ribbon(left[sent], right[received], high, sent == received, description))
            left[sent], right[received] = left[sent] + high, right[received] + high
    return sorted(flows, key=lambda ribbon: ribbon.same_rank)


def _clip_ribbon(flow: Ribbon) -> str:
    """A ribbon cut out of the whole area: the page lets no SVG through, but clip paths."""
    shape = ",".join(f"{x:.4g}% {y:.2f}%" for x, y in flow.outline())
    name = ' class="is-own"' if flow.same_rank else ""
    return f'<i{name} style="clip-path:polygon({shape})" title="{escape(flow.description)}"></i>'


if TYPE_CHECKING:
    import plotly.graph_objects as go

_LAYERS_HEIGHT = 320


def profile_chart(
    table: pd.DataFrame, names: dict[str, str], depth: int, *, dark: bool
) -> "go.Figure":
    """Lines by layer with 95% bars. Columns: measure, layer, value, low, high, n, groups."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for index, (name, group) in enumerate(table.groupby("measure", sort=False)):
        colour = SERIES[index][dark]
        figure.add_scatter(
            x=group["layer"],
            y=group["value"],
            mode="lines+markers",
            name=escape(names[str(name)]),
            line={"color": colour, "width": 1.5, "dash": DASHES[index]},
            marker={
                "size": 8,
                "color": colour,
                "symbol": ("circle", "square", "diamond")[index % 3],
            },
            error_y={
                "type": "data",
                "symmetric": False,
                "array": (group["high"] - group["value"]).tolist(),
                "arrayminus": (group["value"] - group["low"]).tolist(),
                "color": QUIET[dark],
                "thickness": 1.2,
                "width": 3,
            },
            hovertext=[
                f"{escape(names[str(name)])}, layer {row.layer}: {number(row.value, 3)} "
                f"(95% {interval(row.low, row.high, 3)})<br>"
                f"n = {row.n} in {count(row.groups, 'group')}"
                for row in group.itertuples()
            ],
            hoverinfo="text",
        )
    return _lay_out_layers(figure, depth, "mean over pairs of languages", dark=dark)


def mexa_chart(
    table: pd.DataFrame, names: dict[str, str], depth: int, *, dark: bool
) -> "go.Figure":
    """Lines by layer, the range over languages shaded faintly behind the first.

    Columns: variant, layer, value, least, greatest, languages.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    for index, (name, group) in enumerate(table.groupby("variant", sort=False)):
        colour = SERIES[(index + 2) % len(SERIES)][dark]
        figure.add_scatter(
            x=group["layer"],
            y=group["value"],
            mode="lines+markers",
            name=escape(names[str(name)]),
            line={"color": colour, "width": 1.5, "dash": DASHES[index]},
            marker={"size": 5, "color": colour},
            hovertext=[
                f"{escape(names[str(name)])}, layer {row.layer}: {number(row.value, 3)}<br>"
                f"{count(row.languages, 'language')}, {interval(row.least, row.greatest, 3)}"
                for row in group.itertuples()
            ],
            hoverinfo="text",
        )
    return _lay_out_layers(figure, depth, "MEXA with English", dark=dark)


def _lay_out_layers(figure: "go.Figure", depth: int, title: str, *, dark: bool) -> "go.Figure":
    quiet_layout(figure, height=_LAYERS_HEIGHT, dark=dark)
    figure.update_xaxes(
        title_text="layer (0 = embedding output)", dtick=1, range=[-0.4, depth + 0.4]
    )
    figure.update_yaxes(title_text=title, rangemode="tozero")
    return figure


if TYPE_CHECKING:
    import plotly.graph_objects as go

_PAIR_HEIGHT = 300
_BINS = 24


def histogram_table(items: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """Counts of items in equal steps, the same for every measure.

    `names` are the columns of `items` and what they are called. Columns: measure, low, high, items.
    """
    by_measure = {name: items[name].dropna().to_numpy(float) for name in names}
    values = np.concatenate(list(by_measure.values()))
    edges = np.histogram_bin_edges(values, bins=_BINS)
    parts = [
        pd.DataFrame(
            {
                "measure": names[name],
                "low": edges[:-1],
                "high": edges[1:],
                "items": np.histogram(column, edges)[0],
            }
        )
        for name, column in by_measure.items()
    ]
    return pd.concat(parts, ignore_index=True)


def histogram_chart(
    table: pd.DataFrame,
    means: dict[str, float],
    selected: Sequence[float] = (),
    *,
    dark: bool,
) -> "go.Figure":
    """Outlines of the counts (see `histogram_table`), the first filled; a line at each mean.

    `selected` are the EMS of the items that are selected: strokes on the axis. A box drawn over
    the chart selects from its lower to its upper EMS.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    for index, (name, group) in enumerate(table.groupby("measure", sort=False)):
        colour, dash = SERIES[index][dark], DASHES[index]
        figure.add_scatter(
            x=[group["low"].iloc[0], *group["low"], group["high"].iloc[-1]],
            y=[0, *group["items"], 0],
            mode="lines",
            name=escape(str(name)),
            line={"color": colour, "width": 1.5, "dash": dash, "shape": "hv"},
            fill="tozeroy" if index == 0 else None,
            fillcolor=transparent(colour, 0.16) if index == 0 else None,
            hovertemplate="%{x:.2f}: %{y} items<extra>" + escape(str(name)) + "</extra>",
        )
        if str(name) in means:
            figure.add_vline(x=means[str(name)], line={"color": colour, "width": 1.5, "dash": dash})
    if len(selected):
        figure.add_scatter(
            x=list(selected),
            y=[0] * len(selected),
            mode="markers",
            name="selected",
            marker={"symbol": "line-ns-open", "size": 16, "color": INK[dark]},
            unselected={"marker": {"opacity": 1}},
            hovertemplate="%{x:.3f}<extra>selected</extra>",
            cliponaxis=False,
        )
    quiet_layout(figure, height=_PAIR_HEIGHT, dark=dark)
    figure.update_layout(dragmode="select", selectdirection="h")
    figure.update_xaxes(title_text="EMS and its controls, item by item")
    figure.update_yaxes(title_text="items")
    return figure
