"""The labels of natural language inference, and when two of its texts are the same."""

from ccta_core.corpus.labels import CLASSES, key_of
from ccta_core.errors import CctaError

LABELS = CLASSES["nli"]


def nli_label(label: str, place: str) -> str:
    """The label as one of LABELS, whatever its case.

    Raises CctaError, naming the place, on any other.
    """
    folded = key_of(label)
    if folded not in LABELS:
        raise CctaError(f"{place}: unknown label {label!r}, expected one of: {', '.join(LABELS)}")
    return folded


def text_key(text: str) -> str:
    """What two texts share that differ in case and final punctuation only."""
    return text.strip().rstrip(".!?").casefold()
