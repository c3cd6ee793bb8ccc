"""Measures how well a score tells right predictions: the area under the ROC curve, deciles."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import beta

from ccta_core.analysis.coefficients import RANKED_ANEW, MidSums, Moments, fractional_midranks
from ccta_core.analysis.correlation import check_draws
from ccta_core.analysis.permutation import association_p
from ccta_core.analysis.resampling import (
    BLOCKS,
    DRAWS,
    FEW,
    Groups,
    GroupStatistic,
    Names,
    Numbers,
    Statistic,
    bootstrap_interval,
    column,
    group_weights,
    grouped,
    in_order,
    read_outcomes,
    same_length,
    varies,
)
from ccta_core.errors import CctaError

ONE_KIND = "every prediction is right, or every one is wrong: there is nothing to tell apart"


@dataclass(frozen=True, slots=True)
class Auroc:
    """P(a right prediction scores higher than a wrong one), ties half, with its 95% interval.

    `auc` is in [0, 1], 0.5 says nothing; None where all predictions are right or all wrong. `p` is
    against 0.5. `n_correct` of `n` items in `n_groups` groups are right.
    """

    auc: float | None
    low: float | None
    high: float | None
    p: float | None
    n: int
    n_correct: int
    n_groups: int
    method: str
    reliable: bool
    notice: str = ""


@dataclass(frozen=True, slots=True)
class AurocDifference:
    """The AUROC of one score less that of another on the same items, with its 95% interval.

    `p` is two-sided, from the same draws as the interval; None where there is no AUROC.
    """

    first: Auroc
    second: Auroc
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    method: str
    reliable: bool
    notice: str = ""


def auroc(
    score: Numbers,
    correct: Numbers,
    groups: Names | None = None,
    *,
    seed: int = 0,
    draws: int = DRAWS,
) -> Auroc:
    """Returns the area under the ROC curve of `score` as a predictor of `correct`.

    Shape: `score` (items,), higher where a right prediction is expected, any unit and any monotone
    scale; `correct` (items,) 1 or 0. Assumption: groups are independent. Interval: whole groups
    drawn, BCa (percentiles, marked unreliable, below 10 groups); up to 3,000 items ranked anew in
    each resample, beyond from the sums of the placements (DeLong, DeLong and Clarke-Pearson, 1988,
    by group as Obuchowski, 1997). p: as for the correlation of the score's ranks with `correct`.
    Raises CctaError on unequal lengths, missing values, and values of `correct` other than 0 and 1.
    """
    check_draws(draws)
    (values, right), clusters = _items({"score": score}, correct, groups)
    return _auroc(values, right, clusters, draws, seed)


def compare_auroc(  # noqa: PLR0913 - two scores of the same items, and the resampling
    first: Numbers,
    second: Numbers,
    correct: Numbers,
    groups: Names | None = None,
    *,
    seed: int = 0,
    draws: int = DRAWS,
) -> AurocDifference:
    """Compares two scores' AUROC on the same items, such as EMS and the model's confidence.

    Shape and assumptions as `auroc`. The same resampled groups serve both scores (a paired
    bootstrap). p = 2 (1 + draws on the smaller side of 0) / (1 + draws), at most 1.
    """
    check_draws(draws)
    (*scores, right), clusters = _items({"first": first, "second": second}, correct, groups)
    auroc_first, auroc_second = (_auroc(score, right, clusters, draws, seed) for score in scores)
    if auroc_first.auc is None or auroc_second.auc is None or clusters.count < 3:
        return AurocDifference(
            auroc_first,
            auroc_second,
            None,
            None,
            None,
            None,
            auroc_first.method,
            False,
            auroc_first.notice or auroc_second.notice,
        )
    (left, count, width), (other, *_) = (
        auc_over_groups(score, right, clusters, seed) for score in scores
    )

    def difference(weights: np.ndarray) -> np.ndarray:
        return left(weights) - other(weights)

    interval = bootstrap_interval(difference, count, draws=draws, seed=seed, width=width)
    return AurocDifference(
        auroc_first,
        auroc_second,
        auroc_first.auc - auroc_second.auc,
        interval.low,
        interval.high,
        _side_p(difference, count, draws, seed, width),
        f"paired bootstrap; interval: {interval.method}, {draws} draws",
        interval.reliable,
        interval.notice,
    )


def auc_statistic(score: np.ndarray, right: np.ndarray) -> Statistic:
    """Returns the AUROC exactly, as a function of (draws, items) weights; NaN with one kind of
    item.
    """
    below = MidSums(score)

    def statistic(weights: np.ndarray) -> np.ndarray:
        good, bad = weights * right, weights * (1 - right)
        pairs = good.sum(1) * bad.sum(1)
        won = np.einsum("bi,bi->b", good, below(bad))
        with np.errstate(invalid="ignore"):
            return np.where(pairs > 0, won / pairs, np.nan)

    return statistic


def placements(score: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Returns for a right item the share of wrong ones below it, for a wrong one of right ones
    above.
    """
    below = MidSums(score)
    good, bad = right.sum(), len(right) - right.sum()
    wrong_below = below((1 - right)[None])[0] / bad
    right_below = below(right[None])[0] / good
    return np.where(right == 1, wrong_below, 1 - right_below)


def _items(
    scores: dict[str, Numbers], correct: Numbers, groups: Names | None
) -> tuple[tuple[np.ndarray, ...], Groups]:
    """Returns the scores and `correct`, checked and in order, and the groups."""
    columns = {name: column(values, name) for name, values in scores.items()}
    columns["correct"] = read_outcomes(correct, "correct")
    clusters, ordered = in_order(grouped(groups, same_length(columns)), *columns.values())
    return ordered, clusters


def _auroc(score: np.ndarray, right: np.ndarray, groups: Groups, draws: int, seed: int) -> Auroc:
    sizes = (len(score), int(right.sum()), groups.count)
    if not varies(right):
        return Auroc(None, None, None, None, *sizes, "none", False, ONE_KIND)
    statistic, count, width = auc_over_groups(score, right, groups, seed)
    auc = float(statistic(np.ones((1, count)))[0])
    if groups.count < 3:
        notice = f"{groups.count} groups: no interval and no p-value below 3"
        return Auroc(auc, None, None, None, *sizes, "none", False, notice)
    if not varies(score):
        return Auroc(auc, None, None, None, *sizes, "none", False, "the score does not vary")
    interval = bootstrap_interval(statistic, count, draws=draws, seed=seed, width=width)
    test = association_p("spearman", score, right, groups, draws=draws, seed=seed)
    method = f"interval: {interval.method}, {draws} draws; p: {test.method}"
    given = (auc, interval.low, interval.high, test.p)
    return Auroc(*given, *sizes, method, interval.reliable, interval.notice)


def auc_over_groups(
    score: np.ndarray, right: np.ndarray, groups: Groups, seed: int
) -> GroupStatistic:
    """Returns the AUROC as a function of the weights of groups.

    Beyond 3,000 items from the placements' sums: the mean over right items plus that over wrong
    ones, less the AUROC.
    """
    if len(score) <= RANKED_ANEW["spearman"]:
        item = auc_statistic(score, right)
        return GroupStatistic(
            lambda weights: item(weights[:, groups.codes]), groups.count, len(score)
        )
    place = placements(score, right)
    auc = place[right == 1].mean()
    columns = np.column_stack([right, 1 - right, place * right, place * (1 - right)])

    def finish(sums: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            return sums[:, 2] / sums[:, 0] + sums[:, 3] / sums[:, 1] - auc

    return Moments(columns, finish).over(groups, seed)


def _side_p(statistic: Statistic, count: int, draws: int, seed: int, width: int) -> float:
    values = np.concatenate([statistic(w) for w in group_weights(count, draws, seed, width)])
    values = values[np.isfinite(values)]
    fewer = min(np.sum(values <= 0), np.sum(values >= 0))
    return float(min(1.0, 2 * (1 + fewer) / (1 + len(values))))


@dataclass(frozen=True, slots=True)
class Decile:
    """Items whose score lies between two ranks: `number` counts from 1, the lowest scores.

    `score_low`, `score_high` and `score_mean` are in the score's unit; `accuracy` in [0, 1] has the
    95% interval `low` to `high`.
    """

    number: int
    score_low: float
    score_high: float
    score_mean: float
    n: int
    n_groups: int
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Deciles:
    """Accuracy by decile of a score, and the top decile's less the bottom one's.

    A decile that ties leave empty is missing. `reliable` is False below 10 groups in some decile;
    `rise` and its interval are None with fewer than two deciles.
    """

    deciles: tuple[Decile, ...]
    rise: float | None
    rise_low: float | None
    rise_high: float | None
    n: int
    n_groups: int
    reliable: bool
    notice: str = ""


def accuracy_by_decile(  # noqa: PLR0913 - three columns, the bins and the resampling
    score: Numbers,
    correct: Numbers,
    groups: Names | None = None,
    *,
    bins: int = 10,
    seed: int = 0,
    draws: int = DRAWS,
) -> Deciles:
    """Returns accuracy in each tenth of the items, ordered by score.

    Shape: `score` (items,), any unit; `correct` (items,) 1 or 0. Equal scores share a decile, so
    deciles can differ in size. Assumption: groups are independent; the deciles' borders are taken
    as given. Interval: percentiles of whole groups drawn, all deciles together; where a decile is
    all right or all wrong no resample varies, and the interval is Clopper and Pearson's (1934) with
    the decile's groups as trials. Raises CctaError on unequal lengths, missing values, values of
    `correct` other than 0 and 1, fewer than two bins and no item.
    """
    check_draws(draws)
    columns = {"score": column(score, "score"), "correct": read_outcomes(correct, "correct")}
    n = same_length(columns)
    if n == 0 or bins < 2:
        raise CctaError(f"expected at least one item and two bins, got {n} and {bins}")
    clusters, (values, right) = in_order(grouped(groups, n), *columns.values())
    bin_of = np.minimum((fractional_midranks(values) * bins).astype(int), bins - 1)
    numbers = np.unique(bin_of)
    members = (bin_of[:, None] == numbers).astype(np.float64)  # (items, deciles)
    rates = _rates(members, right, clusters, draws, seed)
    deciles = tuple(
        _decile(int(number), values[inside], right[inside], clusters.codes[inside], rates[:, row])
        for row, number in enumerate(numbers)
        for inside in [bin_of == number]
    )
    few = [decile.number for decile in deciles if decile.n_groups < FEW]
    notice = f"fewer than {FEW} groups in decile {', '.join(map(str, few))}" if few else ""
    rise = low = high = None
    if len(deciles) > 1:
        rise = deciles[-1].accuracy - deciles[0].accuracy
        low, high = map(float, np.nanpercentile(rates[:, -1] - rates[:, 0], [2.5, 97.5]))
    return Deciles(deciles, rise, low, high, n, clusters.count, not few, notice)


def _rates(
    members: np.ndarray, right: np.ndarray, groups: Groups, draws: int, seed: int
) -> np.ndarray:
    """Returns the accuracy of each decile in each resample, NaN where it has no item. Shape:
    (draws, deciles).
    """
    blocks = groups.merged(BLOCKS, seed)
    hits, items = blocks.sums(members * right[:, None]), blocks.sums(members)
    parts = []
    for weights in group_weights(blocks.count, draws, seed):
        with np.errstate(invalid="ignore"):
            parts.append((weights @ hits) / (weights @ items))
    return np.concatenate(parts)


def _decile(
    number: int, score: np.ndarray, right: np.ndarray, codes: np.ndarray, rates: np.ndarray
) -> Decile:
    groups, accuracy = len(np.unique(codes)), float(right.mean())
    if 0 < accuracy < 1:
        low, high = np.nanpercentile(rates, [2.5, 97.5])
    else:
        low = beta.ppf(0.025, groups, 1) if accuracy else 0.0
        high = 1.0 if accuracy else beta.ppf(0.975, 1, groups)
    edges = (float(score.min()), float(score.max()), float(score.mean()))
    return Decile(number + 1, *edges, len(score), groups, accuracy, float(low), float(high))
