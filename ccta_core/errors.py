"""Errors a person may see: one line that says what was expected, what came and what to do."""

_HEAD, _TAIL = 900, 500
"""Letters that are kept of a line that quotes too much: what it is about, and what to do."""


class CctaError(ValueError):
    """Bad input or a resource that can't be used; its text is one line, ready to be shown.

    A line that quotes a cell or a name of thousands of letters is shortened in its middle.
    """

    def __str__(self) -> str:
        line = " ".join(super().__str__().split())
        if len(line) <= _HEAD + _TAIL:
            return line
        return f"{line[:_HEAD]} [...] {line[-_TAIL:]}"


class DamagedFileError(CctaError):
    """A file that is not what its checksum or its format says."""


class StoppedError(CctaError):
    """A computation that was asked to stop, and did."""


class ModelUnavailableError(CctaError):
    """A model that is not here and can't be fetched."""
