"""Where the weight of a word goes: plans of finished comparisons, words by rank of their mass."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ccta_core.evaluation.intervals import ratio_interval
from ccta_core.result import PairResult

BINS = ("1st", "2nd", "3rd", "4th to 6th", "7th and on")
"""Words of a text by the rank of their mass, the heaviest first."""
_ENDS = (1, 2, 3, 6)
COLUMNS = ("source", "target", "item", "group", "sent", "received", "mass", "expected")


@dataclass(frozen=True, slots=True)
class TopShare:
    """The share of the heaviest source word's mass that goes to the heaviest target word.

    `low` and `high` are its 95% interval over groups of items; `expected` is the share if mass went
    to target words by their weight alone.
    """

    share: float
    low: float | None
    high: float | None
    expected: float
    n: int
    groups: int


def rank_flows(results: Sequence[tuple[str, str, PairResult]]) -> pd.DataFrame:
    """One row a comparison and pair of bins, from (item, group, result).

    Columns: source and target (languages), item, group, sent and received (of `BINS`), mass (of the
    plan, summing to 1 over a comparison) and expected (the product of the two bins' masses).
    """
    rows = []
    for item, group, result in results:
        sides = [_bins(mass) for mass in (result.source_mass, result.target_mass)]
        plan = _summed(result.plan.matrix, *sides)
        sent, received = plan.sum(1), plan.sum(0)
        for at, to in np.ndindex(*plan.shape):
            flow = (BINS[at], BINS[to], float(plan[at, to]), float(sent[at] * received[to]))
            rows.append((result.source.lang, result.target.lang, item, group, *flow))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def mean_flows(flows: pd.DataFrame) -> pd.DataFrame:
    """The mean over the items of one pair. Columns: sent, received, mass, expected; sums of 1."""
    means = flows.groupby(["sent", "received"], sort=False)[["mass", "expected"]].mean()
    return means.reset_index()


def top_share(flows: pd.DataFrame) -> TopShare:
    """From the heaviest word to the heaviest word, over the items of one pair."""
    first = flows[flows["sent"] == BINS[0]]
    sent = first.groupby("item", sort=True)[["mass"]].sum()["mass"]
    top = first[first["received"] == BINS[0]].set_index("item").sort_index()
    groups = list(top["group"])
    count = len(set(groups))
    ends = ratio_interval(top["mass"].to_numpy(), sent.to_numpy(), groups) if count > 1 else None
    low, high = ends or (None, None)
    total = float(sent.sum())
    return TopShare(
        float(top["mass"].sum()) / total, low, high, float(top["expected"].sum()) / total,
        len(top), count,
    )  # fmt: skip


def _bins(mass: np.ndarray) -> np.ndarray:
    """The bin of each word. Shape: (units,) -> (units,); equal masses rank in reading order."""
    rank = np.empty(len(mass), int)
    rank[np.argsort(-mass, kind="stable")] = np.arange(len(mass))
    return np.searchsorted(_ENDS, rank, side="right")


def _summed(plan: np.ndarray, sent: np.ndarray, received: np.ndarray) -> np.ndarray:
    """The plan summed over bins. Shape: (bins, bins)."""
    left, right = (np.eye(len(BINS))[side] for side in (sent, received))
    return left.T @ plan @ right
