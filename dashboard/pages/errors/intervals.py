"""How sure a share or a difference of comparisons is: groups of items are what is independent."""

from dataclasses import dataclass
from math import isfinite, sqrt

import numpy as np
import pandas as pd

from ccta_core.measures import SAME_PREDICTION
from ccta_core.study.storage.table import Study
from dashboard.pages.errors.filters import Filters, Query, flagged, selected

FEW = 10
"""With fewer groups an interval is not to be relied on."""
_LEVEL = 0.975


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `n` comparisons of `groups` groups, with the 95% interval of their share.

    Clopper and Pearson's interval at the effective number of comparisons: as many independent ones
    as have the variance the groups show (Korn and Graubard, 1998); the number of groups where they
    show none. None where there is no comparison, or one group.
    """

    count: int
    n: int
    groups: int
    low: float | None = None
    high: float | None = None

    @property
    def value(self) -> float:
        """The share; NaN of nothing."""
        return self.count / self.n if self.n else float("nan")


@dataclass(frozen=True, slots=True)
class Difference:
    """Chosen comparisons less the others, within pairs of languages, with its 95% interval.

    A ratio of sums over groups, its variance linearised (Cochran, 1977, 6.4), Student's t.
    """

    value: float
    low: float
    high: float

    @property
    def clear(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class Found:
    """What the page says of a selection: its share, and how EMS and the gain differ in it."""

    share: Share
    ems: Difference | None
    gain: Difference | None


def found(study: Study, filters: Filters) -> Found:
    """The share of comparisons that pass among those of `filters.whole`, and what differs."""
    rows = study.query(*_sums(flagged(filters)))
    share = share_of(rows["chosen"], rows["n"])
    differences = (
        difference(rows[f"{name}_above"], rows[f"{name}_below"]) for name in ("ems", "gain")
    )
    return Found(share, *differences)


def same_prediction(study: Study, filters: Filters) -> Share:
    """The share of comparisons with one prediction in both languages, answers right in both or
    wrong in both; of those where that is known.
    """
    query = selected(filters.unsaid)
    rows = study.query(
        f'SELECT "group", count({SAME_PREDICTION}) AS n, '
        f"count(*) FILTER ({SAME_PREDICTION}) AS same "
        f'FROM ({query.sql}) GROUP BY "group" ORDER BY "group"',
        query.parameters,
    )
    return share_of(rows["same"], rows["n"])


def share_of(hits: pd.Series, sizes: pd.Series) -> Share:
    """The share of hits from each group's hits and comparisons."""
    k, n = (column.to_numpy(np.float64) for column in (hits, sizes))
    count, total, groups = float(k.sum()), float(n.sum()), len(n)
    if total == 0 or groups < 2:
        return Share(int(count), int(total), groups)
    share = count / total
    variance = groups / (groups - 1) * float(np.sum((k - share * n) ** 2)) / total**2
    low, high = _exact(share, _effective(share, variance, total, groups))
    return Share(int(count), int(total), groups, low, high)


def difference(above: pd.Series, below: pd.Series) -> Difference | None:
    """The ratio of two sums over groups; None where it isn't defined, or of fewer than two."""
    from scipy.special import stdtrit

    top, bottom = (column.to_numpy(np.float64) for column in (above, below))
    groups, whole = len(bottom), float(np.sum(bottom))
    if groups < 2 or not whole > 0 or not isfinite(float(np.sum(top))):
        return None
    value = float(np.sum(top)) / whole
    spread = sqrt(groups / (groups - 1) * float(np.sum((top - value * bottom) ** 2))) / whole
    half = float(stdtrit(groups - 1, _LEVEL)) * spread
    return Difference(value, value - half, value + half)


def _effective(share: float, variance: float, total: float, groups: int) -> float:
    """As many independent comparisons as have this variance, for the t of so many groups."""
    from scipy.special import ndtri, stdtrit

    if variance <= 0:
        return float(min(groups, total))
    ratio = float(ndtri(_LEVEL) / stdtrit(groups - 1, _LEVEL))
    return min(share * (1 - share) / variance * ratio**2, total)


def _exact(share: float, n: float) -> tuple[float, float]:
    from scipy.special import betaincinv

    k = share * n
    low = betaincinv(k, n - k + 1, 1 - _LEVEL) if k > 0 else 0.0
    high = betaincinv(k + 1, n - k, _LEVEL) if k < n else 1.0
    return float(low), float(high)


def _sums(query: Query) -> tuple[str, tuple]:
    """Each group's comparisons, chosen ones, and sums of products within pairs of languages."""
    means, sums = [], []
    for name in ("ems", "gain"):  # each over the comparisons in which it is known
        known = f"FILTER (isfinite({name}))"
        means.append(f"avg(chosen) {known} AS {name}_c, avg({name}) {known} AS {name}_m")
        away = f"(chosen - {name}_c)"
        sums.append(
            f"coalesce(sum({away} * {away}) {known}, 0) AS {name}_below, "
            f"coalesce(sum({away} * ({name} - {name}_m)) {known}, 0) AS {name}_above"
        )
    return (
        f"""
        WITH base AS ({query.sql}),
            means AS (SELECT a, b, {", ".join(means)} FROM base GROUP BY a, b)
        SELECT "group", count(*) AS n, sum(chosen)::BIGINT AS chosen, {", ".join(sums)}
        FROM base JOIN means USING (a, b) GROUP BY "group" ORDER BY "group"
        """,
        query.parameters,
    )
