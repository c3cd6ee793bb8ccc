"""Where the weight goes: an alluvial picture of mass between words by rank, as plain HTML."""

from collections.abc import Sequence
from html import escape

import pandas as pd

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
    sent, received = (
        table.groupby(side)["mass"].sum().reindex(list(order), fill_value=0.0)
        for side in ("sent", "received")
    )
    tops = _tops(sent), _tops(received)
    ribbons = _ribbons(table, order, tops)
    return (
        f'<div class="ccta-flows" role="img" aria-label="{escape(alt)}">'
        f"{_labels(names[0], sent, tops[0])}"
        f'<div class="ccta-ribbons" aria-hidden="true">{ribbons}</div>'
        f"{_labels(names[1], received, tops[1])}</div>"
    )


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


def _ribbons(
    table: pd.DataFrame, order: Sequence[str], tops: tuple[dict[str, float], dict[str, float]]
) -> str:
    """One path a flow, in the order of the ranks on both sides; the coloured ones on top."""
    scale = _scale(len(order))
    left, right = (dict(side) for side in tops)
    mass = {(row.sent, row.received): row for row in table.itertuples()}
    paths = []
    for sent in order:
        for received in order:
            flow = mass.get((sent, received))
            if flow is None or flow.mass <= 0:
                continue
            high = scale * float(flow.mass)
            ends = (left[sent], right[received])
            left[sent], right[received] = ends[0] + high, ends[1] + high
            said = (
                f"{sent} to {received}: {flow.mass:.1%} of the mass; by weight alone "
                f"{flow.expected:.1%}"
            )
            paths.append((sent == received, _path(ends, high, said, own=sent == received)))
    return "".join(path for _, path in sorted(paths, key=lambda pair: pair[0]))


def _path(ends: tuple[float, float], high: float, said: str, *, own: bool) -> str:
    """A ribbon cut out of the whole area: the page lets no SVG through, but clip paths."""
    top, to = ends
    curve = [(100 * at, top + (to - top) * at * at * (3 - 2 * at)) for at in _STEPS]
    outline = [*curve, *((x, y + high) for x, y in reversed(curve))]
    shape = ",".join(f"{x:.4g}% {y:.2f}%" for x, y in outline)
    name = ' class="is-own"' if own else ""
    return f'<i{name} style="clip-path:polygon({shape})" title="{escape(said)}"></i>'
