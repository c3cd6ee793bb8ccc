"""Tests whether words that translate each other get the same share of the attribution."""

from dataclasses import dataclass

import numpy as np

from ccta_core.analysis.coefficients import MidSums
from ccta_core.analysis.correlation import check_draws
from ccta_core.analysis.permutation import sign_test
from ccta_core.analysis.prediction import auc_over_groups
from ccta_core.analysis.resampling import DRAWS, Groups, Names, bootstrap_interval, column, grouped
from ccta_core.errors import CctaError


@dataclass(frozen=True, slots=True)
class Contrast:
    """Linked words compared with another kind of word pairs.

    `auc` = P(the other pair differs more than the linked one), ties half: 0.5 says that being
    linked means nothing, 1 that any linked pair differs less than any other. `low` and `high` are
    its 95% interval, `p` is two-sided against 0.5. `linked` and `other` are the median differences,
    in shares of a uniform mass. `n` counts linked pairs that had something to be compared with,
    `n_other` the others.
    """

    auc: float | None
    low: float | None
    high: float | None
    p: float | None
    linked: float | None
    other: float | None
    n: int
    n_other: int
    n_groups: int
    method: str
    reliable: bool
    notice: str = ""


@dataclass(frozen=True, slots=True)
class SynonymTest:
    """Linked words against unlinked words of similar frequency, and against shuffled masses."""

    unlinked: Contrast
    shuffled: Contrast


def synonym_test(  # noqa: PLR0913 - three kinds of differences, and the resampling
    difference_linked: np.ndarray,
    difference_unlinked: np.ndarray,
    difference_shuffled: np.ndarray,
    groups: Names | None = None,
    *,
    seed: int = 0,
    draws: int = DRAWS,
) -> SynonymTest:
    """Tests whether linked words differ less in attribution than other pairs of words do.

    Shape: `difference_linked` (pairs,), |n_s m_i - n_t m_j| of each linked pair of words: masses
    times the number of units of their side, so 1 is a uniform share. `difference_unlinked` and
    `difference_shuffled` (pairs,) or (pairs, k): the same of the first word with unlinked words of
    similar corpus frequency, and of the same link under shuffled masses; NaN where there is none.
    `groups` names each pair's premise or paragraph.

    Assumption: groups are independent. Interval: whole groups drawn with all their pairs and
    everything ranked anew, as `auroc`. p: linked and other pairs change sides in whole groups: the
    sum over a group of the ranks of one kind less those of the other has its sign turned. Raises
    CctaError on other shapes, and on a linked pair without a finite difference.
    """
    check_draws(draws)
    linked = column(difference_linked, "difference_linked")
    clusters = grouped(groups, len(linked))
    tables = [
        _table(values, name, len(linked))
        for name, values in (
            ("difference_unlinked", difference_unlinked),
            ("difference_shuffled", difference_shuffled),
        )
    ]
    return SynonymTest(*(_contrast(linked, table, clusters, draws, seed) for table in tables))


def _table(values: np.ndarray, name: str, count: int) -> np.ndarray:
    table = np.asarray(values, np.float64)
    table = table[:, None] if table.ndim == 1 else table
    if table.ndim != 2 or len(table) != count:
        raise CctaError(
            f"{name} has the shape {np.shape(values)}; expected ({count},) or ({count}, k): "
            "one row a linked pair"
        )
    return table


def _contrast(
    linked: np.ndarray, table: np.ndarray, groups: Groups, draws: int, seed: int
) -> Contrast:
    defined = np.isfinite(table)
    usable = defined.any(1)
    row, place = np.nonzero(defined)
    values = np.concatenate([linked[usable], table[row, place]])
    codes = np.concatenate([groups.codes[usable], groups.codes[row]])
    other = np.concatenate([np.zeros(usable.sum()), np.ones(len(row))])
    order = np.lexsort((values, other, codes))
    values, other = values[order], other[order]
    clusters = grouped(codes[order], len(values))
    sizes = (int(usable.sum()), len(row), clusters.count)
    if clusters.count < 3:
        reason = f"{clusters.count} groups with both kinds of pairs: nothing to say below 3"
        return Contrast(None, None, None, None, None, None, *sizes, "none", False, reason)
    statistic, count, width = auc_over_groups(values, other, clusters, seed)
    interval = bootstrap_interval(statistic, count, draws=draws, seed=seed, width=width)
    test = sign_test(_sides(values, other), clusters, draws=draws, seed=seed)
    return Contrast(
        float(statistic(np.ones((1, count)))[0]),
        interval.low,
        interval.high,
        test.p,
        float(np.median(values[other == 0])),
        float(np.median(values[other == 1])),
        *sizes,
        f"interval: {interval.method}, {draws} draws; p: {test.method}",
        interval.reliable,
        interval.notice,
    )


def _sides(values: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Returns parts whose sum is AUC - 1/2: pooled ranks, both kinds given the same weight.

    With one other pair for each linked pair, turning a group's sign is exactly exchanging its
    linked and its other pairs.
    """
    share = np.where(other == 1, 1 / other.sum(), 1 / (1 - other).sum())
    rank = MidSums(values)(share[None])[0] / 2
    return np.where(other == 1, rank, -rank) * share
