"""Does one column go with another? A coefficient with its interval and p-value."""

from dataclasses import dataclass

import numpy as np

from ccta_core.errors import CctaError
from ccta_core.statistics.coefficients import check_kind, over_groups
from ccta_core.statistics.groups import (
    Groups,
    Names,
    Numbers,
    column,
    grouped,
    in_order,
    same_length,
    varies,
)
from ccta_core.statistics.permuting import PValue, association_p
from ccta_core.statistics.resampling import DRAWS, Interval, bootstrap_interval


@dataclass(frozen=True, slots=True)
class Correlation:
    """A correlation in [-1, 1] with its 95% interval and two-sided p-value.

    `r` is None where a column does not vary or there are fewer than three items; `low`, `high` and
    `p` are None where there are fewer than three groups too. `n` counts the items, `n_groups` what
    is independent. `reliable` is False below 10 groups and where the interval is not what it should
    be; `notice` then says why, else it is empty. `method` says how the numbers were found.
    """

    r: float | None
    low: float | None
    high: float | None
    p: float | None
    n: int
    n_groups: int
    method: str
    reliable: bool
    notice: str = ""


def correlate(  # noqa: PLR0913 - two columns, the question and the resampling
    x: Numbers,
    y: Numbers,
    *,
    kind: str = "pearson",
    groups: Names | None = None,
    seed: int = 0,
    draws: int = DRAWS,
) -> Correlation:
    """The correlation of two columns over items of which some belong together.

    Shape: `x`, `y` (items,), any unit; `groups` one name an item (its premise or paragraph), else
    each item is its own. `kind`: "pearson", "spearman" or "kendall" (tau-b); ties get midranks.

    Assumptions: groups are independent draws of one population; items of a group may depend on each
    other in any way. Interval: whole groups drawn, BCa with the jackknife over groups (Efron,
    1987); percentiles, marked unreliable, below 10 groups. Spearman (up to 3,000 items) and Kendall
    (up to 500) are ranked anew in each resample; beyond that ranks are taken once and each item's
    influence on all ranks is kept (its Hoeffding projection). More than 2,000 groups are thrown
    together into 2,000 random blocks. p: permuting.association_p, which also says how groups are
    moved. The result does not depend on the order of the items, and is the same for the same seed.
    Raises CctaError on columns of unequal length and on missing values.
    """
    check_kind(kind)
    check_draws(draws)
    x, y = column(x, "x"), column(y, "y")
    n = same_length({"x": x, "y": y})
    found = grouped(groups, n)
    reason = too_little(found, x=x, y=y)
    if reason:
        return unknown(kind, (n, found.count), reason)
    found, (x, y) = in_order(found, x, y)
    statistic, count, width = over_groups(kind, x, y, found, seed)
    r = float(statistic(np.ones((1, count)))[0])
    if found.count < 3:
        reason = f"{found.count} groups: no interval and no p-value below 3"
        return unknown(kind, (n, found.count), reason, r)
    interval = bootstrap_interval(statistic, count, draws=draws, seed=seed, width=width)
    test = association_p(kind, x, y, found, draws=draws, seed=seed)
    return assembled(kind, r, interval, test, (n, found.count), draws)


def assembled(  # noqa: PLR0913 - the parts of one result
    kind: str, r: float, interval: Interval, test: PValue, sizes: tuple[int, int], draws: int
) -> Correlation:
    """A correlation from its parts; `sizes` are the items and the groups."""
    method = f"{kind}; interval: {interval.method}, {draws} draws; p: {test.method}"
    low, high, reliable = interval.low, interval.high, interval.reliable
    return Correlation(r, low, high, test.p, *sizes, method, reliable, interval.notice)


def unknown(kind: str, sizes: tuple[int, int], reason: str, r: float | None = None) -> Correlation:
    """A correlation without interval and p-value, and why; `sizes` are the items and the groups."""
    return Correlation(r, None, None, None, *sizes, kind, False, reason)


def too_little(groups: Groups, **columns: np.ndarray) -> str:
    """Why no coefficient can be had of these columns, or nothing."""
    if groups.items < 3:
        return f"{groups.items} items: no correlation below 3"
    flat = [name for name, values in columns.items() if not varies(values)]
    return f"{' and '.join(flat)} does not vary" if flat else ""


def check_draws(draws: int) -> None:
    """Raises CctaError on fewer than 100 draws."""
    if draws < 100:
        raise CctaError(f"expected at least 100 draws, got {draws}; 2000 is the default")
