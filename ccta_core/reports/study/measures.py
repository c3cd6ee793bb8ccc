"""Which measures an export has: those asked for, beside EMS and its controls."""

from collections.abc import Sequence

from ccta_core.errors import CctaError
from ccta_core.measures import EXPORTED

DEFAULT = ("ems", "gain")
"""The measures of the heatmaps where none is named; the first is the scatter's."""


def checked(measures: Sequence[str]) -> tuple[str, ...]:
    """The measures, each once. Raises CctaError on an unknown one and where none is named."""
    chosen = tuple(dict.fromkeys(measures))
    unknown = [name for name in chosen if name not in EXPORTED]
    if unknown or not chosen:
        raise CctaError(
            f"unknown measure {', '.join(map(repr, unknown)) or 'nothing'}; expected some of: "
            f"{', '.join(EXPORTED)}"
        )
    return chosen
