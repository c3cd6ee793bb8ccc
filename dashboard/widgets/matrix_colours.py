"""The colours of a matrix's cells: a place on a scale in light and dark, ink that can be read."""

from collections.abc import Iterable

from ccta_core.reports.figures import ColourScale, colour_scale
from dashboard.theme import mass_scale, signed_scale, similarity_scale

_SCALES = {"similarity": similarity_scale, "mass": mass_scale, "signed": signed_scale}


def shades_of(
    values: Iterable[float], kind: str = "similarity", *, signed: bool = False
) -> ColourScale:
    """The scale of these values: from the least to the greatest, or as far below zero as above.

    `signed`, or a value below zero, asks for the two-coloured scale. `kind`: "similarity", "mass".
    """
    return colour_scale(values, _ramps(kind), _ramps("signed"), signed=signed)


def _ramps(kind: str) -> tuple[list[str], list[str]]:
    """The colours of a scale of the theme in light and in dark."""
    light, dark = (
        [str(colour) for _, colour in _SCALES[kind](dark=dark)] for dark in (False, True)
    )
    return light, dark
