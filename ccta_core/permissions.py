"""What people may do with an installation: everything, or look and compare only.

One switch, the variable CCTA_READ_ONLY (`ccta dashboard --read-only` sets it), asked by every
function that keeps, changes, deletes or starts something for whoever calls it: hiding a button is
no protection. Pairs are still computed and their results kept, which is what a demo is for.
"""

import os

from ccta_core.errors import CctaError

VARIABLE = "CCTA_READ_ONLY"
_OFF = ("", "0", "no", "off", "false")


class ReadOnlyError(CctaError):
    """Something that a read-only installation does not do."""


def read_only() -> bool:
    """Whether this installation is read-only. A value that is neither on nor off is on."""
    return os.environ.get(VARIABLE, "").strip().lower() not in _OFF


def refuse_if_read_only(what: str) -> None:
    """Raises ReadOnlyError, which names `what` as the beginning of a sentence, where it is."""
    if read_only():
        raise ReadOnlyError(
            f"{what} is not possible here: this installation is read-only ({VARIABLE} is set); "
            "use one of your own"
        )
