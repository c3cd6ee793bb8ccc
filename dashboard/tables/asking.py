"""What a table asks of a study: SQL over its views `rows` and `pairs`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pandas as pd


class Ask(Protocol):
    """A study as a function from SQL and its parameters to a DataFrame."""

    def __call__(self, query: str, parameters: Sequence[Any] = ()) -> "pd.DataFrame":
        """The answer. Raises CctaError where the study can't be read any more."""
        ...
