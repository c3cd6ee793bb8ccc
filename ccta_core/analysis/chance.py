"""What of a study's gain is there without a translation, and without a common class."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ccta_core.analysis.claims import models
from ccta_core.analysis.intervals import Ends, mean_interval
from ccta_core.study.storage.table import Study


class Share(NamedTuple):
    """A mean over rows, its part of their mean gain, and the part's 95% interval over groups; the
    rows and the groups of items that have it.
    """

    mean: float
    of_gain: float
    ends: Ends | None
    rows: int
    groups: int

    @property
    def gain(self) -> float:
        """The mean gain of these rows."""
        return self.mean / self.of_gain


@dataclass(frozen=True, slots=True)
class ChanceOfGain:
    """The gain of a study at one layer, beside what of it is no agreement on translations.

    `unrelated` is against unrelated texts of the same class, `other_class` with one side explained
    for another class (over the items chosen for it), `agreement` the gain less the former. None
    where the study has no such control, or no gain above zero.
    """

    gain: float
    unrelated: Share
    agreement: Share
    other_class: Share | None
    rows: int


def chance_of_gain(study: Study, layer: int) -> ChanceOfGain | None:
    """Returns the study's gain and its chance levels; None where it was measured without them.

    Twins with a random head are left out. Interval: a ratio of sums over groups of items
    (`mean_interval`). Raises as `Study.query` does.
    """
    if not study.manifest.has_chance_of_gain:
        return None
    whole = "gain IS NOT NULL AND gain_unrelated IS NOT NULL"
    sums = study.query(
        f'SELECT "group", count(*) FILTER ({whole}) AS n, '
        f"coalesce(sum(gain) FILTER ({whole}), 0) AS gain, "
        f"coalesce(sum(gain_unrelated) FILTER ({whole}), 0) AS chance, "
        "coalesce(sum(gain) FILTER (gain_other_class IS NOT NULL), 0) AS chosen, "
        "coalesce(sum(gain_other_class), 0) AS other, count(gain_other_class) AS n_other "
        'FROM pairs WHERE layer = ? AND list_contains(?, model) GROUP BY "group" '
        'ORDER BY "group"',
        [layer, models(study)],
    ).astype(dict.fromkeys(("n", "gain", "chance", "chosen", "other", "n_other"), float))
    rows, gain = sums["n"].sum(), sums["gain"].sum()
    if not rows or gain <= 0:
        return None

    def share(part: np.ndarray, of: np.ndarray, count: float) -> Share:
        ends = mean_interval(part, of)
        return Share(part.sum() / count, part.sum() / of.sum(), ends, int(count), len(part))

    column = {name: sums[name].to_numpy(float) for name in sums.columns if name != "group"}
    has_other = column["n_other"].sum() > 0 and column["chosen"].sum() > 0
    held = column["n_other"] > 0
    return ChanceOfGain(
        float(gain / rows),
        share(column["chance"], column["gain"], rows),
        share(column["gain"] - column["chance"], column["gain"], rows),
        share(column["other"][held], column["chosen"][held], column["n_other"].sum())
        if has_other
        else None,
        int(rows),
    )
