"""Claim 1 at the unit item over all models and pairs: premises drawn, the same ones for all."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ccta_core.analysis.resampling import DRAWS, Interval, bootstrap_interval

FEWEST = 20
"""A model and pair with fewer items is left out."""
CONFIDENCE = "target_confidence"
PREDICTORS = ("ems", "gain", "ems_uniform", CONFIDENCE)
"""What is held against being right."""
FIXED = ("ems_uniform", "units", "fertility")
_SINGULAR = 1e-9


@dataclass(frozen=True, slots=True)
class PooledEstimate:
    """A mean over models and pairs with its 95% interval, groups of items drawn."""

    value: float
    low: float | None
    high: float | None
    n_strata: int
    n_groups: int
    reliable: bool

    @property
    def clear(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


@dataclass(frozen=True, slots=True)
class PooledItems:
    """What a measure says of a right prediction in the target language, item by item.

    `aurocs` by measure (.5 says nothing), `less_confidence` the AUROC of EMS less that of the
    model's own confidence, `partial` the correlation of EMS with being right where embeddings only,
    length and fertility are held fixed; None where nothing can be said. `n_strata` models and pairs
    each of which is compared within itself. `home_right` and `home_wrong` are the AUROC of EMS
    among the items that the model gets right in the source language, and among those that it does
    not: what tells only which translations are predicted as the source is turns round there.
    """

    aurocs: Mapping[str, PooledEstimate]
    less_confidence: PooledEstimate | None
    partial: PooledEstimate | None
    home_right: PooledEstimate | None = None
    home_wrong: PooledEstimate | None = None


def pooled_items(table: pd.DataFrame, *, seed: int = 0, draws: int = DRAWS) -> PooledItems:
    """Pools AUROC and partial correlations over the models and pairs of a table.

    Shape: `table` has a row a model, pair and item: model, pair, group, right (1 or 0), the
    predictors and what is held fixed; where it is known also home (right in the source language).
    Each statistic is taken within a model and pair, where only items differ, and averaged over
    them; the interval draws groups of items (premises, paragraphs), the same draw for every model
    and pair, BCa (percentiles below 10 groups). Models and pairs with fewer than 20 items, or with
    one kind of predictions, are left out.
    """
    names = list(dict.fromkeys((*PREDICTORS, *FIXED)))
    complete = table.dropna(subset=[*names, "right"])
    codes, groups = pd.factorize(complete["group"], sort=True)
    complete = complete.assign(code=codes)
    strata = [
        rows
        for _, rows in complete.groupby(["model", "pair"], sort=True)
        if len(rows) >= FEWEST and 0 < rows["right"].sum() < len(rows)
    ]
    if not strata or len(groups) < 3:
        return PooledItems({}, None, None)
    count = len(groups)
    won = {name: [_wins(rows, name, count) for rows in strata] for name in PREDICTORS}
    pairs = [_opposites(rows, count) for rows in strata]

    def estimate(statistic: Callable[[np.ndarray], np.ndarray]) -> PooledEstimate:
        interval = bootstrap_interval(
            statistic, count, draws=draws, seed=seed, width=max(count, len(strata) * 8)
        )
        return _estimate(float(statistic(np.ones((1, count)))[0]), interval, len(strata), count)

    def auroc(name: str) -> PooledEstimate:
        return estimate(lambda weights: _mean_ratio(weights, won[name], pairs))

    def among(kind: int) -> PooledEstimate | None:
        if "home" not in complete:
            return None
        kinds = (rows[rows["home"] == kind] for rows in strata)
        parts = [rows for rows in kinds if rows["right"].nunique() > 1]
        if not parts:
            return None
        above = [_wins(part, "ems", count) for part in parts]
        both = [_opposites(part, count) for part in parts]
        return estimate(lambda weights: _mean_ratio(weights, above, both))

    aurocs = {name: auroc(name) for name in PREDICTORS}
    gaps = [ems - sure for ems, sure in zip(won["ems"], won[CONFIDENCE], strict=True)]
    less = estimate(lambda weights: _mean_ratio(weights, gaps, pairs))
    alone = estimate(_partial_statistic(strata, count))
    return PooledItems(aurocs, less, alone, among(1), among(0))


def _estimate(value: float, interval: Interval, strata: int, groups: int) -> PooledEstimate:
    return PooledEstimate(value, interval.low, interval.high, strata, groups, interval.reliable)


def _wins(rows: pd.DataFrame, name: str, count: int) -> np.ndarray:
    """Returns how often a right item of one group lies above a wrong one of another, ties half.

    Shape: (groups, groups).
    """
    values, right = rows[name].to_numpy(float), rows["right"].to_numpy(bool)
    above = np.sign(values[right][:, None] - values[~right][None, :]) / 2 + 0.5
    codes = rows["code"].to_numpy()
    kernel = np.zeros((count, count))
    np.add.at(kernel, (codes[right][:, None], codes[~right][None, :]), above)
    return kernel


def _opposites(rows: pd.DataFrame, count: int) -> np.ndarray:
    """Returns how many right items each group has with wrong ones of each.

    Shape: (groups, groups).
    """
    codes, right = rows["code"].to_numpy(), rows["right"].to_numpy(bool)
    sizes = [
        np.bincount(codes[kind], minlength=count).astype(np.float64) for kind in (right, ~right)
    ]
    return np.outer(*sizes)


def _mean_ratio(
    weights: np.ndarray, above: Sequence[np.ndarray], below: Sequence[np.ndarray]
) -> np.ndarray:
    """Returns the mean over strata of w'Aw / w'Bw; a draw with one kind of items is left out."""
    total = np.zeros(len(weights))
    counted = np.zeros(len(weights))
    for wins, pairs in zip(above, below, strict=True):
        bottom = ((weights @ pairs) * weights).sum(1)
        top = ((weights @ wins) * weights).sum(1)
        known = bottom > 0
        total[known] += top[known] / bottom[known]
        counted += known
    return np.where(counted > 0, total / np.maximum(counted, 1), np.nan)


def _partial_statistic(
    strata: Sequence[pd.DataFrame], count: int
) -> Callable[[np.ndarray], np.ndarray]:
    """Returns the mean over strata of the partial r of EMS and being right, `FIXED` held fixed."""
    names = ["ems", "right", *FIXED]
    k = len(names)
    rows_at, columns_at = np.triu_indices(k)
    moments = []
    for rows in strata:
        values = np.column_stack([rows[name].to_numpy(float) for name in names])
        spread = values.std(0)
        if (spread <= 0).any():
            continue
        values = (values - values.mean(0)) / spread
        products = np.column_stack(
            [np.ones(len(values)), values, values[:, rows_at] * values[:, columns_at]]
        )
        sums = np.zeros((count, products.shape[1]))
        np.add.at(sums, rows["code"].to_numpy(), products)
        moments.append(sums)

    def statistic(weights: np.ndarray) -> np.ndarray:
        total, counted = np.zeros(len(weights)), np.zeros(len(weights))
        for sums in moments:
            means = weights @ sums
            means = means / means[:, :1]
            centre, matrix = means[:, 1 : k + 1], np.empty((len(weights), k, k))
            matrix[:, rows_at, columns_at] = matrix[:, columns_at, rows_at] = means[:, k + 1 :]
            matrix -= centre[:, :, None] * centre[:, None, :]
            sound = np.linalg.eigvalsh(matrix)[:, 0] > _SINGULAR
            inverse = np.linalg.inv(np.where(sound[:, None, None], matrix, np.eye(k)))
            partial = -inverse[:, 0, 1] / np.sqrt(inverse[:, 0, 0] * inverse[:, 1, 1])
            total += np.where(sound, partial, 0.0)
            counted += sound
        return np.where(counted > 0, total / np.maximum(counted, 1), np.nan)

    return statistic
