"""Where the weight goes: an alluvial picture of mass between words by rank, as HTML and SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import pandas as pd

from dashboard.charts.theme import ACCENT, INK, QUIET

_GAP = 3.0
"""Per cent of the height between two ranks."""
_STEPS = tuple(at / 16 for at in range(17))
"""Places along a ribbon, from left to right."""


def flows_html(
    table: pd.DataFrame, names: tuple[str, str], order: Sequence[str], *, alt: str
) -> str:
    """Labels left and right, ribbons between them; flows to the same rank are coloured.

    Columns of `table`: sent, received, mass, expected (sums of 1). The labels keep their size at
    any width, the ribbons stretch.
    """
    sent, received = _sums(table, order)
    tops = _tops(sent), _tops(received)
    ribbons = "".join(map(_cut, _flows(table, order, tops)))
    return (
        f'<div class="ccta-flows" role="img" aria-label="{escape(alt)}">'
        f"{_labels(names[0], sent, tops[0])}"
        f'<div class="ccta-ribbons" aria-hidden="true">{ribbons}</div>'
        f"{_labels(names[1], received, tops[1])}</div>"
    )


def flows_svg(
    table: pd.DataFrame, names: tuple[str, str], order: Sequence[str], *, alt: str
) -> str:
    """The same as an SVG of its own on a light ground, for a file."""
    sides = _sums(table, order)
    tops = _tops(sides[0]), _tops(sides[1])
    left, high, top = 150, 3.4, 34
    right = left + 420
    parts = []
    for flow in _flows(table, order, tops):
        corners = " ".join(f"{left + 4.2 * x:.1f},{top + high * y:.1f}" for x, y in flow.outline())
        fill = f'fill="{(ACCENT if flow.own else QUIET)[0]}" opacity="{0.5 if flow.own else 0.22}"'
        parts.append(
            f'<polygon points="{corners}" {fill}><title>{escape(flow.said)}</title></polygon>'
        )
    for name, masses, starts, x, anchor in zip(
        names, sides, tops, (left - 12, right + 12), ("end", "start"), strict=True
    ):
        parts.append(_text((x, 18), name, anchor, QUIET[0]))
        for rank, mass in masses.items():
            y, size = top + high * starts[str(rank)], high * _scale(len(order)) * float(mass)
            bar = left - 5 if anchor == "end" else right
            parts.append(
                f'<rect x="{bar}" y="{y:.1f}" width="5" height="{size:.1f}" fill="{ACCENT[0]}"/>'
            )
            parts.append(
                _text((x, y + size / 2 + 4.5), f"{rank} {float(mass):.0%}", anchor, INK[0])
            )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {right + left} {top + 346}" '
        f'width="{right + left}" height="{top + 346}" font-family="system-ui, sans-serif" '
        f'font-size="13"><title>{escape(alt)}</title>{"".join(parts)}</svg>'
    )


def _text(place: tuple[float, float], words: str, anchor: str, fill: str) -> str:
    x, y = place
    return f'<text x="{x}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}">{escape(words)}</text>'


def _sums(table: pd.DataFrame, order: Sequence[str]) -> tuple[pd.Series, pd.Series]:
    """What each rank sends and receives."""
    sent, received = (
        table.groupby(side)["mass"].sum().reindex(list(order), fill_value=0.0)
        for side in ("sent", "received")
    )
    return sent, received


def _tops(masses: pd.Series) -> dict[str, float]:
    """Where each rank begins, in per cent from the top."""
    scale, top, found = _scale(len(masses)), 0.0, {}
    for name, mass in masses.items():
        found[str(name)] = top
        top += scale * float(mass) + _GAP
    return found


def _scale(count: int) -> float:
    """Per cent of the height of a mass of 1."""
    return 100.0 - _GAP * (count - 1)


def _labels(name: str, masses: pd.Series, tops: dict[str, float]) -> str:
    scale = _scale(len(masses))
    rows = "".join(
        f'<li style="top:{tops[str(rank)]:.2f}%;height:{scale * float(mass):.2f}%">'
        f"<span>{escape(str(rank))} <b>{float(mass):.0%}</b></span></li>"
        for rank, mass in masses.items()
    )
    return f'<div><p>{escape(name)}</p><ol aria-hidden="true">{rows}</ol></div>'


@dataclass(frozen=True, slots=True)
class _Flow:
    """A ribbon: where it starts left, ends right and how high it is, in per cent of the whole."""

    top: float
    to: float
    high: float
    own: bool
    said: str

    def outline(self) -> list[tuple[float, float]]:
        """The corners, both coordinates in per cent."""
        span = self.to - self.top
        curve = [(100 * at, self.top + span * at * at * (3 - 2 * at)) for at in _STEPS]
        return [*curve, *((x, y + self.high) for x, y in reversed(curve))]


def _flows(
    table: pd.DataFrame, order: Sequence[str], tops: tuple[dict[str, float], dict[str, float]]
) -> list[_Flow]:
    """One a flow, in the order of the ranks on both sides; those to the same rank on top."""
    scale = _scale(len(order))
    left, right = (dict(side) for side in tops)
    mass = {(row.sent, row.received): row for row in table.itertuples()}
    found = []
    for sent in order:
        for received in order:
            flow = mass.get((sent, received))
            if flow is None or flow.mass <= 0:
                continue
            high = scale * float(flow.mass)
            said = (
                f"{sent} to {received}: {flow.mass:.1%} of the mass; by weight alone "
                f"{flow.expected:.1%}"
            )
            found.append(_Flow(left[sent], right[received], high, sent == received, said))
            left[sent], right[received] = left[sent] + high, right[received] + high
    return sorted(found, key=lambda one: one.own)


def _cut(flow: _Flow) -> str:
    """A ribbon cut out of the whole area: the page lets no SVG through, but clip paths."""
    shape = ",".join(f"{x:.4g}% {y:.2f}%" for x, y in flow.outline())
    name = ' class="is-own"' if flow.own else ""
    return f'<i{name} style="clip-path:polygon({shape})" title="{escape(flow.said)}"></i>'
