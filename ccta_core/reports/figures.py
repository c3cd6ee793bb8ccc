"""Figures as SVG text: a heatmap by language pair and a scatter with a line. No library draws them.

Colours follow the reader's light or dark scheme; where that is not understood they are the light
ones. Text takes the colour of what is around it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from ccta_core.text import number

_ACCENT = ("#0d7263", "#63d8c1")
_ONE_WAY = (("#f4f6f6", "#b7d6cf", "#0d7263"), ("#1b2026", "#1d4b44", "#63d8c1"))
_TWO_WAYS = (("#2a60a3", "#ffffff", "#d9781a"), ("#74abe8", "#1b2026", "#f39a3d"))
"""Below, at and above zero, in light and dark."""
_INK, _PAPER = "#000000", "#ffffff"
"""One of the two has a contrast of 4.5 or more with any colour."""
_FONT = 'font-family="system-ui, sans-serif" font-size="13" fill="currentColor"'
_MANY = 20
"""With more rows than this the cells are small and without numbers."""
_WIDE, _HIGH, _LEFT, _BELOW, _ROOM = 560, 360, 70, 50, 16
_SHADES = 24

Cells = Mapping[tuple[str, str], float | None]


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a scatter and its short label."""

    label: str
    x: float
    y: float


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A least-squares line with its 95% band for the mean. Shape: every array is (places,)."""

    x: np.ndarray
    y: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True, slots=True)
class _Scale:
    """Maps the values low..high to the colours of a light and a dark page."""

    low: float
    high: float
    ramps: tuple[tuple[str, str, str], tuple[str, str, str]]

    def colours(self, value: float) -> tuple[str, str]:
        place = (value - self.low) / (self.high - self.low)
        light, dark = (_between(ramp, min(max(place, 0.0), 1.0)) for ramp in self.ramps)
        return light, dark


def heatmap(  # noqa: PLR0913 - cells, their axes and how they look
    cells: Cells,
    rows: Sequence[str],
    columns: Sequence[str] | None = None,
    *,
    title: str,
    signed: bool = False,
    digits: int = 2,
) -> str:
    """A heatmap with numbers in its cells, which are named (row, column) by what stands there.

    Without `columns` they are the rows again, languages as sources and targets, and the diagonal
    stays empty, as do missing values. `signed`, or a value below zero: two colours that
    meet at zero; else one colour from the smallest value to the largest. `title` is the text
    alternative.
    """
    known = [value for value in cells.values() if value is not None]
    scale = _scale(known, signed)
    across = rows if columns is None else columns
    many = max(len(rows), len(across)) > _MANY
    wide, high = (24, 18) if many else (50, 30)
    left, top = max(40.0, 16 + 7.5 * max(map(len, rows), default=0)), 30
    width = left + wide * len(across) + 2
    height = top + high * len(rows) + 46
    parts = []
    for at, name in enumerate(across):
        parts.append(_text(left + wide * (at + 0.5), top - 9, name, "middle"))
    for at, name in enumerate(rows):
        parts.append(_text(left - 8, top + high * (at + 0.5) + 4.5, name, "end"))
    for row, source in enumerate(rows):
        for column, target in enumerate(across):
            value = cells.get((source, target))
            if value is not None and not (columns is None and source == target):
                box = (left + wide * column, top + high * row, wide, high)
                words = f"{source} to {target}: {number(value, digits + 1)}"
                shown = "" if many else number(value, digits)
                parts.append(_cell(box, scale.colours(value), words, shown))
    parts.append(_legend(scale, left, height - 22, digits))
    return _svg(max(width, 240), height, title, parts)


def scatter(points: Sequence[Point], *, title: str, x_label: str, y_label: str) -> str:
    """Labelled points, with a line and its 95% band where `line_of` finds one, and n in a corner.

    `title` is the text alternative. Needs at least one point.
    """
    line = line_of([point.x for point in points], [point.y for point in points])
    x_ticks = ticks([point.x for point in points])
    drawn = [] if line is None else [*line.y]
    y_ticks = ticks([*(point.y for point in points), *drawn])

    def across(value: float) -> float:
        return _place(value, x_ticks, _LEFT, _WIDE - _ROOM)

    def up(value: float) -> float:
        return _place(value, y_ticks, _HIGH - _BELOW, _ROOM)

    parts = _axes(x_ticks, y_ticks, across, up, (x_label, y_label))
    taken = []
    if line is not None:
        parts += _band(line, y_ticks, across, up)
        taken = [_around(across(x), up(y), 3) for x, y in zip(line.x, line.y, strict=True)]
    parts += _marks([(point.label, across(point.x), up(point.y)) for point in points], taken)
    parts.append(_text(_WIDE - _ROOM - 4, _HIGH - _BELOW - 8, f"n = {len(points)}", "end"))
    return _svg(_WIDE, _HIGH, title, parts)


def line_of(x: Sequence[float], y: Sequence[float]) -> Line | None:
    """The least-squares line of y on x with its 95% band for the mean, over the range of x.

    The band takes the points as independent with errors of one normal distribution (Student's t,
    n - 2 degrees of freedom). None below four points and where x does not vary.
    """
    from scipy.special import stdtrit

    across, up = np.asarray(x, np.float64), np.asarray(y, np.float64)
    count = len(across)
    spread = float(((across - across.mean()) ** 2).sum()) if count else 0.0
    if count < 4 or spread < 1e-12:
        return None
    slope = float(((across - across.mean()) * up).sum()) / spread
    base = float(up.mean()) - slope * float(across.mean())
    error = np.sqrt(((up - base - slope * across) ** 2).sum() / (count - 2))
    places = np.linspace(across.min(), across.max(), 41)
    half = (
        stdtrit(count - 2, 0.975)
        * error
        * np.sqrt(1 / count + (places - across.mean()) ** 2 / spread)
    )
    fitted = base + slope * places
    return Line(places, fitted, fitted - half, fitted + half)


def ticks(values: Sequence[float]) -> list[float]:
    """Four to nine round numbers a constant step apart whose range holds all values."""
    low, high = min(values), max(values)
    if high - low < 1e-9:
        low, high = low - 0.05, high + 0.05
    rough = (high - low) / 5
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough)
    first, last = int(np.floor(low / step + 1e-9)), int(np.ceil(high / step - 1e-9))
    return [round(at * step, 10) for at in range(first, max(last, first + 1) + 1)]


def _scale(known: Sequence[float], signed: bool) -> _Scale:
    if signed or any(value < 0 for value in known):
        most = max((abs(value) for value in known), default=0.0) or 1.0
        return _Scale(-most, most, _TWO_WAYS)
    low, high = min(known, default=0.0), max(known, default=1.0)
    return _Scale(low, high if high - low > 1e-9 else low + 1e-9, _ONE_WAY)


def _between(ramp: tuple[str, str, str], place: float) -> str:
    """The colour at a place in 0..1 of a ramp whose middle colour stands at 0.5."""
    one, other = (ramp[0], ramp[1]) if place <= 0.5 else (ramp[1], ramp[2])
    share = 2 * place if place <= 0.5 else 2 * place - 1
    mixed = (
        round(a + share * (b - a)) for a, b in zip(_channels(one), _channels(other), strict=True)
    )
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))


def _luminance(colour: str) -> float:
    """Relative luminance in [0, 1] (WCAG 2)."""
    channels = (channel / 255 for channel in _channels(colour))
    red, green, blue = (
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _readable(background: str) -> str:
    """Ink or paper, whichever contrasts more with the background."""
    light = _luminance(background) + 0.05
    dark_ink = light / (_luminance(_INK) + 0.05)
    return _INK if dark_ink >= (_luminance(_PAPER) + 0.05) / light else _PAPER


def _fill(colours: tuple[str, str]) -> str:
    light, dark = colours
    return f'fill="{light}" style="fill:light-dark({light},{dark})"'


def _text(x: float, y: float, words: str, anchor: str = "start", extra: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{extra}>{escape(words)}</text>'


def _cell(
    box: tuple[float, float, float, float], colours: tuple[str, str], words: str, shown: str
) -> str:
    x, y, wide, high = box
    light, dark = (_readable(colour) for colour in colours)
    label = _text(x + wide / 2, y + high / 2 + 4.5, shown, "middle", f" {_fill((light, dark))}")
    return (
        f'<g><title>{escape(words)}</title><rect x="{x + 0.5:.1f}" y="{y + 0.5:.1f}" '
        f'width="{wide - 1}" height="{high - 1}" {_fill(colours)}/>{label if shown else ""}</g>'
    )


def _legend(scale: _Scale, left: float, top: float, digits: int) -> str:
    low, high = number(scale.low, digits), number(scale.high, digits)
    start = left + 8.0 * len(low) + 6
    shades = []
    for at in range(_SHADES):
        value = scale.low + (scale.high - scale.low) * (at + 0.5) / _SHADES
        shades.append(
            f'<rect x="{start + 4 * at:.1f}" y="{top}" width="4.2" height="10" '
            f"{_fill(scale.colours(value))}/>"
        )
    ends = _text(start - 6, top + 9.5, low, "end") + _text(start + 4 * _SHADES + 6, top + 9.5, high)
    return f'<g aria-hidden="true">{"".join(shades)}{ends}</g>'


def _place(value: float, marks: Sequence[float], start: float, end: float) -> float:
    return start + (end - start) * (value - marks[0]) / (marks[-1] - marks[0])


Map = Callable[[float], float]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def _axes(
    x_ticks: Sequence[float],
    y_ticks: Sequence[float],
    across: Map,
    up: Map,
    labels: tuple[str, str],
) -> list[str]:
    bottom, right = _HIGH - _BELOW, _WIDE - _ROOM
    parts = []
    for value in x_ticks:
        x = across(value)
        parts.append(_rule(x, _ROOM, x, bottom))
        parts.append(_text(x, bottom + 18, _tick(value, x_ticks), "middle"))
    for value in y_ticks:
        y = up(value)
        parts.append(_rule(_LEFT, y, right, y))
        parts.append(_text(_LEFT - 8, y + 4.5, _tick(value, y_ticks), "end"))
    parts.append(_text((_LEFT + right) / 2, _HIGH - 10, labels[0], "middle"))
    middle = (_ROOM + bottom) / 2
    turned = f' transform="rotate(-90 14 {middle:.1f})"'
    parts.append(_text(14, middle, labels[1], "middle", turned))
    return parts


def _tick(value: float, marks: Sequence[float]) -> str:
    """All ticks of an axis with the digits that the finest needs."""
    step = marks[1] - marks[0]
    digits = next((count for count in range(4) if abs(step - round(step, count)) < 1e-9), 4)
    return number(value, digits)


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="currentColor" '
        'stroke-opacity="0.15"/>'
    )


def _band(line: Line, y_ticks: Sequence[float], across: Map, up: Map) -> list[str]:
    """The band, cut off at the picture's edge, and the line."""
    low, high = (np.clip(side, y_ticks[0], y_ticks[-1]) for side in (line.low, line.high))
    outline = [*zip(line.x, high, strict=True), *zip(line.x[::-1], low[::-1], strict=True)]
    around = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in outline)
    x1, x2 = across(line.x[0]), across(line.x[-1])
    y1, y2 = up(line.y[0]), up(line.y[-1])
    light, dark = _ACCENT
    return [
        f'<polygon points="{around}" {_fill(_ACCENT)} fill-opacity="0.13"/>',
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{light}" '
        f'style="stroke:light-dark({light},{dark})" stroke-width="1.5" stroke-dasharray="6 4"/>',
    ]


def _around(x: float, y: float, room: float) -> Box:
    return x - room, y - room, x + room, y + room


def _marks(places: Sequence[tuple[str, float, float]], drawn: Sequence[Box]) -> list[str]:
    """Dots with labels, each label on the side where it covers the least that is there already."""
    taken = [*drawn, *(_around(x, y, 5) for _, x, y in places)]
    parts = []
    for label, x, y in places:
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" {_fill(_ACCENT)}/>')
        wide = 8.0 * len(label)
        sides = (
            (x + 8, y + 4.5), (x - 8 - wide, y + 4.5), (x - wide / 2, y - 9), (x - wide / 2, y + 19)
        )  # fmt: skip
        best = min(sides, key=lambda at: _covered(at, wide, taken))
        taken.append((best[0], best[1] - 11, best[0] + wide, best[1] + 3))
        parts.append(_text(*best, label))
    return parts


def _covered(at: tuple[float, float], wide: float, taken: Sequence[Box]) -> float:
    """How much of a label is covered or outside the picture."""
    left, top, right, bottom = at[0], at[1] - 11, at[0] + wide, at[1] + 3
    outside = 1000.0 * (left < _LEFT or right > _WIDE or top < 0 or bottom > _HIGH - _BELOW)
    overlaps = (
        max(0.0, min(right, x2) - max(left, x1)) * max(0.0, min(bottom, y2) - max(top, y1))
        for x1, y1, x2, y2 in taken
    )
    return outside + sum(overlaps)


def _svg(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(title)}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" '
        f"{_FONT}><title>{escape(title)}</title>{''.join(parts)}</svg>"
    )
