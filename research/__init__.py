"""Makes what ships: the zoo, its maps, the documents. Needs a clone; not in the wheel."""

import sys
from types import TracebackType

from ccta_core.errors import CctaError


def _tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Writes what is wrong with an input as one line; anything else is a defect, with its trace."""
    if isinstance(error, CctaError):
        sys.stderr.write(f"{error}\n")
    else:
        sys.__excepthook__(kind, error, trace)


if sys.argv[:1] == ["-m"]:  # a script of this package is being started, not imported
    sys.excepthook = _tell
