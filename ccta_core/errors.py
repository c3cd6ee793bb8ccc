"""Errors a person may see: one line that says what was expected, what came and what to do."""


class CctaError(ValueError):
    """Bad input or a resource that can't be used; its text is one line, ready to be shown."""

    def __str__(self) -> str:
        return " ".join(super().__str__().split())


class DamagedFileError(CctaError):
    """A file that is not what its checksum or its format says."""


class StoppedError(CctaError):
    """A computation that was asked to stop, and did."""


class ModelUnavailableError(CctaError):
    """A model that is not here and can't be fetched."""
