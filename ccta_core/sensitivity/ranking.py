"""How well two settings agree on which items, and which pairs of languages, are consistent.

And the row of the report that says so for one setting.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from scipy.stats import ConstantInputWarning, kendalltau, rankdata, spearmanr

from ccta_core.sensitivity.settings import Setting


@dataclass(frozen=True, slots=True)
class Agreement:
    """Rank correlations with the reference; None where one side does not vary.

    `spearman` and `kendall` are over items x pairs of languages, `low` and `high` the 95% interval
    of Spearman's rho from resampled groups; `within` is the mean over pairs of rho among items;
    `pairs` is rho among the pairs' means.
    """

    spearman: float | None
    low: float | None
    high: float | None
    kendall: float | None
    within: float | None
    pairs: float | None


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting: means over items and pairs, and its agreement with the reference.

    `gain_low`, `gain_high`: 95% interval of the mean gain, groups of items resampled; None in the
    row of the uniform masses, which have no gain.
    """

    setting: Setting
    ems: float
    gain: float | None
    gain_low: float | None
    gain_high: float | None
    completeness_error: float | None
    converged: float | None
    evaluations: float | None
    special_share: float | None
    uniform: float | None
    by_ems: Agreement
    by_gain: Agreement | None
    pair_ems: Mapping[str, float]
    pair_gain: Mapping[str, float]

    def payload(self) -> dict[str, Any]:
        """Plain numbers and strings; agreements as `ems_spearman`, `gain_spearman` and so on."""
        setting = self.setting
        facts: dict[str, Any] = {
            "method": setting.method,
            "layer": setting.layer,
            "baseline": setting.baseline,
            "mass": setting.mass,
        }
        facts |= {name: getattr(self, name) for name in _NUMBERS}
        for name, agreement in (("ems", self.by_ems), ("gain", self.by_gain)):
            for part in fields(Agreement):
                facts[f"{name}_{part.name}"] = (
                    None if agreement is None else getattr(agreement, part.name)
                )
        return facts | {"pair_ems": dict(self.pair_ems), "pair_gain": dict(self.pair_gain)}


_NUMBERS = (
    "ems",
    "gain",
    "gain_low",
    "gain_high",
    "completeness_error",
    "converged",
    "evaluations",
    "special_share",
    "uniform",
)


def agreements(
    values: np.ndarray, groups: Sequence[str], *, draws: int, seed: int
) -> list[Agreement]:
    """The agreement of every setting with the first.

    Shape: `values` (settings, items, pairs); `groups` names each item's group.
    """
    resampled = np.array(
        [
            _rhos(values[:, chosen].reshape(len(values), -1))
            for chosen in _draws(groups, draws, seed)
        ]
    ).reshape(-1, len(values))
    return [
        _agreement(values[0], other, resampled[:, number]) for number, other in enumerate(values)
    ]


def mean_interval(
    values: np.ndarray, groups: Sequence[str], *, draws: int, seed: int
) -> tuple[float, float] | None:
    """The 95% interval of the mean of (items, pairs), groups resampled; None without draws."""
    means = [float(values[chosen].mean()) for chosen in _draws(groups, draws, seed)]
    return _interval(np.array(means))


def _agreement(reference: np.ndarray, other: np.ndarray, resampled: np.ndarray) -> Agreement:
    rho = _correlation(spearmanr, reference.ravel(), other.ravel())
    within = [_correlation(spearmanr, a, b) for a, b in zip(reference.T, other.T, strict=True)]
    defined = [value for value in within if value is not None]
    low, high = (None if rho is None else _interval(resampled)) or (None, None)
    return Agreement(
        spearman=rho,
        low=low,
        high=high,
        kendall=_correlation(kendalltau, reference.ravel(), other.ravel()),
        within=float(np.mean(defined)) if defined else None,
        pairs=_correlation(spearmanr, reference.mean(0), other.mean(0)),
    )


def _correlation(kind: object, left: np.ndarray, right: np.ndarray) -> float | None:
    if len(left) < 2:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConstantInputWarning)
        value = float(kind(left, right).statistic)  # type: ignore[operator]
    return value if np.isfinite(value) else None


def _rhos(values: np.ndarray) -> np.ndarray:
    """Spearman's rho of every row with the first. Shape: (settings, n) -> (settings,)."""
    ranks = rankdata(values, axis=1)
    ranks -= ranks.mean(1, keepdims=True)
    length = np.linalg.norm(ranks, axis=1)
    scale = length * length[0]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(scale > 0, ranks @ ranks[0] / scale, np.nan)


def _draws(groups: Sequence[str], draws: int, seed: int) -> list[np.ndarray]:
    """Items of groups drawn with replacement, the same ones for the same seed."""
    names = list(dict.fromkeys(groups))
    members = [np.flatnonzero(np.array(groups) == name) for name in names]
    draw = np.random.default_rng(seed)
    return [
        np.concatenate([members[group] for group in draw.integers(len(names), size=len(names))])
        for _ in range(draws)
    ]


def _interval(values: np.ndarray) -> tuple[float, float] | None:
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
