"""The colours of a matrix's cells: a place on a scale in light and dark, ink that can be read."""

from collections.abc import Iterable
from dataclasses import dataclass

from dashboard.theme import Scale, mass_scale, signed_scale, similarity_scale

_INK, _PAPER = "#000000", "#ffffff"
_LEAST = 1e-9
_SCALES = {"similarity": similarity_scale, "mass": mass_scale, "signed": signed_scale}


@dataclass(frozen=True, slots=True)
class Shades:
    """Maps the values low..high to colours of a light and a dark page; signed meets at zero."""

    low: float
    high: float
    scales: tuple[Scale, Scale]

    def fill(self, value: float) -> tuple[str, str]:
        """The cell's colour in light and in dark."""
        place = min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)
        light, dark = (_between(scale, place) for scale in self.scales)
        return light, dark

    def ink(self, value: float) -> tuple[str, str]:
        """Black or white, whichever contrasts more with the cell: 4.5 or more with any colour."""
        light, dark = (_readable(colour) for colour in self.fill(value))
        return light, dark

    @property
    def stops(self) -> list[tuple[str, str]]:
        """The colours of the legend from low to high, light and dark."""
        return [self.fill(self.low + at * (self.high - self.low) / 8) for at in range(9)]


def shades_of(values: Iterable[float], kind: str = "similarity", *, signed: bool = False) -> Shades:
    """The scale of these values: from the least to the greatest, or as far below zero as above.

    `signed`, or a value below zero, asks for the two-coloured scale. `kind`: "similarity", "mass".
    """
    known = list(values)
    if signed or any(value < 0 for value in known):
        most = max((abs(value) for value in known), default=0.0) or 1.0
        return Shades(-most, most, (signed_scale(dark=False), signed_scale(dark=True)))
    low, high = min(known, default=0.0), max(known, default=1.0)
    scale = _SCALES[kind]
    return Shades(low, max(high, low + _LEAST), (scale(dark=False), scale(dark=True)))


def _between(scale: Scale, place: float) -> str:
    colours = [str(colour) for _, colour in scale]
    at = min(int(place * (len(colours) - 1)), len(colours) - 2)
    share = place * (len(colours) - 1) - at
    ends = (_channels(colours[at]), _channels(colours[at + 1]))
    return "#" + "".join(f"{round(a + share * (b - a)):02x}" for a, b in zip(*ends, strict=True))


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))


def _luminance(colour: str) -> float:
    """Relative luminance in [0, 1] (WCAG 2)."""
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (channel / 255 for channel in _channels(colour))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _readable(ground: str) -> str:
    light = _luminance(ground) + 0.05
    return _INK if light / 0.05 >= 1.05 / light else _PAPER
