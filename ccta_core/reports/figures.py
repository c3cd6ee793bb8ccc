"""Figures as SVG text: a heatmap by language pair and a scatter with a line. No library draws them.

Colours follow the reader's light or dark scheme; where that is not understood they are the light
ones. Text takes the colour of what is around it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

import numpy as np

from ccta_core.text import number

_ACCENT = ("#0d7263", "#63d8c1")
Ramp = tuple[str, str, str]
ONE_WAY: tuple[Ramp, Ramp] = (("#f4f6f6", "#b7d6cf", "#0d7263"), ("#1b2026", "#1d4b44", "#63d8c1"))
"""From the least to the greatest value, in light and dark."""
TWO_WAYS: tuple[Ramp, Ramp] = (("#2a60a3", "#ffffff", "#d9781a"), ("#74abe8", "#1b2026", "#f39a3d"))
"""Below, at and above zero, in light and dark."""
_INK, _PAPER = "#000000", "#ffffff"
"""One of the two has a contrast of 4.5 or more with any colour."""
_FONT = 'font-family="system-ui, sans-serif" font-size="13" fill="currentColor"'
_MANY = 20
"""With more rows than this the cells are small and without numbers."""
_WIDE, _HIGH, _LEFT, _BELOW, _ROOM = 560, 360, 70, 50, 16
_SHADES = 24
_LEAST_RANGE = 1e-9
"""Between the ends of a scale, so that values that are all alike have a colour."""

Cells = Mapping[tuple[str, str], float | None]
Box = tuple[float, float, float, float]
"""Two ends across and two ends up or down: x1, y1, x2, y2, the smaller first."""
_Position = Callable[[float], float]


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


class ThemeColours(NamedTuple):
    """One colour on a light and on a dark page."""

    light: str
    dark: str


@dataclass(frozen=True, slots=True)
class ColourScale:
    """Maps the values low..high to the colours of a light and a dark page.

    `ramps` are two rows of colours ("#rrggbb"), for light and dark, at even steps from low to high.
    """

    low: float
    high: float
    ramps: tuple[Sequence[str], Sequence[str]]

    def fill(self, value: float) -> ThemeColours:
        """Returns the colour of a value in light and in dark; beyond the ends it is that of the
        end.
        """
        share = min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)
        return ThemeColours(*(_mixed(ramp, share) for ramp in self.ramps))

    def ink(self, value: float) -> ThemeColours:
        """Returns black or white for text on a value's colour: a contrast of 4.5 or more (WCAG
        2).
        """
        return ThemeColours(*map(readable_ink, self.fill(value)))

    def stops(self, count: int) -> list[ThemeColours]:
        """Returns so many colours from low to high, for a legend."""
        step = (self.high - self.low) / (count - 1)
        return [self.fill(self.low + place * step) for place in range(count)]


def colour_scale(
    values: Iterable[float],
    one_way: tuple[Sequence[str], Sequence[str]],
    two_ways: tuple[Sequence[str], Sequence[str]],
    *,
    signed: bool = False,
) -> ColourScale:
    """Returns the scale of these values: from the least to the greatest, or as far below zero as
    above.

    `signed`, or a value below zero, asks for `two_ways`, whose middle colour stands at zero.
    """
    given = list(values)
    if signed or any(value < 0 for value in given):
        most = max((abs(value) for value in given), default=0.0) or 1.0
        return ColourScale(-most, most, two_ways)
    low, high = min(given, default=0.0), max(given, default=1.0)
    return ColourScale(low, max(high, low + _LEAST_RANGE), one_way)


def heatmap(  # noqa: PLR0913 - cells, their axes and how they look
    cells: Cells,
    rows: Sequence[str],
    columns: Sequence[str] | None = None,
    *,
    title: str,
    signed: bool = False,
    digits: int = 2,
) -> str:
    """Returns a heatmap with numbers in its cells, which are named (row, column) by what stands
    there.

    Without `columns` they are the rows again, languages as sources and targets, and the diagonal
    stays empty, as do missing values. `signed`, or a value below zero: two colours that
    meet at zero; else one colour from the smallest value to the largest. `title` is the text
    alternative.
    """
    values = (value for value in cells.values() if value is not None)
    scale = colour_scale(values, ONE_WAY, TWO_WAYS, signed=signed)
    across = rows if columns is None else columns
    many = max(len(rows), len(across)) > _MANY
    wide, high = (24, 18) if many else (50, 30)
    left, top = max(40.0, 16 + 7.5 * max(map(len, rows), default=0)), 30
    width = left + wide * len(across) + 2
    height = top + high * len(rows) + 46
    parts = []
    for column, name in enumerate(across):
        parts.append(_text(left + wide * (column + 0.5), top - 9, name, "middle"))
    for row, name in enumerate(rows):
        parts.append(_text(left - 8, top + high * (row + 0.5) + 4.5, name, "end"))
    for row, source in enumerate(rows):
        for column, target in enumerate(across):
            value = cells.get((source, target))
            if value is not None and not (columns is None and source == target):
                box = (left + wide * column, top + high * row, wide, high)
                words = f"{source} to {target}: {number(value, digits + 1)}"
                shown = "" if many else number(value, digits)
                parts.append(_cell(box, scale, value, words, shown))
    parts.append(_legend(scale, left, height - 22, digits))
    return _svg(max(width, 240), height, title, parts)


def scatter(points: Sequence[Point], *, title: str, x_label: str, y_label: str) -> str:
    """Draws labelled points, with a line and its 95% band where `line_of` gives one, and n in a
    corner.

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
    """Returns the least-squares line of y on x with its 95% band for the mean, over the range of x.

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
    """Returns four to nine round numbers a constant step apart whose range holds all values."""
    low, high = min(values), max(values)
    if high - low < 1e-9:
        low, high = low - 0.05, high + 0.05
    rough = (high - low) / 5
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough)
    first, last = int(np.floor(low / step + 1e-9)), int(np.ceil(high / step - 1e-9))
    return [round(place * step, 10) for place in range(first, max(last, first + 1) + 1)]


def readable_ink(background: str) -> str:
    """Returns black or white, whichever contrasts more with the background."""
    lightness = luminance(background) + 0.05
    return _INK if lightness / 0.05 >= 1.05 / lightness else _PAPER


def luminance(colour: str) -> float:
    """Returns the relative luminance of "#rrggbb", in [0, 1] (WCAG 2)."""
    red, green, blue = (
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in (channel / 255 for channel in _channels(colour))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def overlap(box: Box, others: Iterable[Box]) -> float:
    """Returns the area that the others cover of a box; what two of them cover counts twice."""
    left, top, right, bottom = box
    return sum(
        max(0.0, min(right, x2) - max(left, x1)) * max(0.0, min(bottom, y2) - max(top, y1))
        for x1, y1, x2, y2 in others
    )


def _mixed(ramp: Sequence[str], share: float) -> str:
    """Returns the colour at a share in [0, 1] of the way along a ramp."""
    place = share * (len(ramp) - 1)
    first = min(int(place), len(ramp) - 2)
    ends = (_channels(ramp[first]), _channels(ramp[first + 1]))
    channels = (round(a + (place - first) * (b - a)) for a, b in zip(*ends, strict=True))
    return "#" + "".join(f"{channel:02x}" for channel in channels)


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[start : start + 2], 16) for start in (1, 3, 5))


def _fill(colours: tuple[str, str]) -> str:
    light, dark = colours
    return f'fill="{light}" style="fill:light-dark({light},{dark})"'


def _text(x: float, y: float, words: str, anchor: str = "start", extra: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{extra}>{escape(words)}</text>'


def _cell(box: Box, scale: ColourScale, value: float, words: str, shown: str) -> str:
    """Returns a coloured cell; `box` is its left, top, width and height, `words` its text
    alternative.
    """
    x, y, wide, high = box
    ink = f" {_fill(scale.ink(value))}"
    label = _text(x + wide / 2, y + high / 2 + 4.5, shown, "middle", ink) if shown else ""
    return (
        f'<g><title>{escape(words)}</title><rect x="{x + 0.5:.1f}" y="{y + 0.5:.1f}" '
        f'width="{wide - 1}" height="{high - 1}" {_fill(scale.fill(value))}/>{label}</g>'
    )


def _legend(scale: ColourScale, left: float, top: float, digits: int) -> str:
    low, high = number(scale.low, digits), number(scale.high, digits)
    start = left + 8.0 * len(low) + 6
    shades = []
    for place in range(_SHADES):
        value = scale.low + (scale.high - scale.low) * (place + 0.5) / _SHADES
        shades.append(
            f'<rect x="{start + 4 * place:.1f}" y="{top}" width="4.2" height="10" '
            f"{_fill(scale.fill(value))}/>"
        )
    ends = _text(start - 6, top + 9.5, low, "end") + _text(start + 4 * _SHADES + 6, top + 9.5, high)
    return f'<g aria-hidden="true">{"".join(shades)}{ends}</g>'


def _place(value: float, marks: Sequence[float], start: float, end: float) -> float:
    return start + (end - start) * (value - marks[0]) / (marks[-1] - marks[0])


def _axes(
    x_ticks: Sequence[float],
    y_ticks: Sequence[float],
    across: _Position,
    up: _Position,
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
    """Returns all ticks of an axis with the digits that the finest needs."""
    step = marks[1] - marks[0]
    digits = next((count for count in range(4) if abs(step - round(step, count)) < 1e-9), 4)
    return number(value, digits)


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="currentColor" '
        'stroke-opacity="0.15"/>'
    )


def _band(line: Line, y_ticks: Sequence[float], across: _Position, up: _Position) -> list[str]:
    """Returns the band, cut off at the picture's edge, and the line."""
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
        boxes = [(left, base - 11, left + wide, base + 3) for left, base in sides]
        best = min(range(len(sides)), key=lambda side: _cost(boxes[side], taken))
        taken.append(boxes[best])
        parts.append(_text(*sides[best], label))
    return parts


def _cost(box: Box, taken: Sequence[Box]) -> float:
    """Returns how much of a label is covered, and more than that where it leaves the picture."""
    left, top, right, bottom = box
    outside = left < _LEFT or right > _WIDE or top < 0 or bottom > _HIGH - _BELOW
    return 1000.0 * outside + overlap(box, taken)


def _svg(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(title)}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" '
        f"{_FONT}><title>{escape(title)}</title>{''.join(parts)}</svg>"
    )
