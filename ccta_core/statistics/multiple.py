"""Many p-values at once: Holm's correction."""

from collections.abc import Sequence
from dataclasses import dataclass

from ccta_core.errors import CctaError


@dataclass(frozen=True, slots=True)
class Holm:
    """P-values corrected for their number, in the order they came; None stays None.

    `rejected` says which are below `alpha` after the correction.
    """

    p_values: tuple[float | None, ...]
    adjusted: tuple[float | None, ...]
    rejected: tuple[bool, ...]
    alpha: float


def holm(p_values: Sequence[float | None], alpha: float = 0.05) -> Holm:
    """Holm's (1979) step-down correction: the chance of any false rejection is at most `alpha`.

    Holds however the tests depend on each other. A None (a test that could not be made) is not
    counted. Raises CctaError on a value outside [0, 1].
    """
    given = tuple(None if p is None else float(p) for p in p_values)
    known = [p for p in given if p is not None]
    strange = [p for p in known if not 0 <= p <= 1]
    if strange:
        raise CctaError(f"expected p-values in [0, 1], got {strange[0]}")
    if not known:
        return Holm(given, given, (False,) * len(given), alpha)
    from statsmodels.stats.multitest import multipletests

    rejected, adjusted, *_ = multipletests(known, alpha=alpha, method="holm")
    each = iter(zip(adjusted.tolist(), rejected.tolist(), strict=True))
    pairs = [(None, False) if p is None else next(each) for p in given]
    return Holm(given, tuple(p for p, _ in pairs), tuple(bad for _, bad in pairs), alpha)
