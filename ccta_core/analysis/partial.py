"""Correlates EMS with accuracy where the controls are held fixed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ccta_core.analysis.coefficients import (
    RANKED_ANEW,
    MidSums,
    Moments,
    check_kind,
    fractional_midranks,
)
from ccta_core.analysis.correlation import (
    Correlation,
    assemble_correlation,
    check_draws,
    unknown_correlation,
    why_undefined,
)
from ccta_core.analysis.permutation import PValue, Score, rearrangeable, rearranged_p, sign_test
from ccta_core.analysis.resampling import (
    DRAWS,
    Groups,
    GroupStatistic,
    Names,
    Numbers,
    bootstrap_interval,
    column,
    grouped,
    in_order,
    same_length,
)
from ccta_core.errors import CctaError
from ccta_core.text import count

TOGETHER = 20
"""From so many groups on, all covariates are held fixed at once; below, one at a time."""
INFLATED = 10.0
"""A variance inflation factor above this is told: x can hardly be told from the covariates."""
_SINGULAR = 1e-9


@dataclass(frozen=True, slots=True)
class PartialCorrelation:
    """A correlation of x and y with the named covariates held fixed.

    `vif` holds the variance inflation factor of "x" and of each covariate, in the regression on x
    and the covariates together: 1 is unrelated, above 10 is hardly to be told from the others.
    """

    covariates: tuple[str, ...]
    correlation: Correlation
    vif: Mapping[str, float]


def partial_correlation(  # noqa: PLR0913 - three kinds of columns, the question, the resampling
    x: Numbers,
    y: Numbers,
    covariates: Mapping[str, Numbers],
    *,
    groups: Names | None = None,
    kind: str = "pearson",
    seed: int = 0,
    draws: int = DRAWS,
) -> tuple[PartialCorrelation, ...]:
    """Returns the correlation of x and y after a linear regression of both on the covariates.

    Shape: `x`, `y` and each covariate (items,), any unit; `kind` "pearson", or "spearman": the same
    of the ranks. From 20 groups on there is one result, with all covariates together; below 20
    there is one for each covariate alone: with so few units several covariates fit anything, and
    the notice says so.

    Assumptions: what x and y owe to the covariates is linear (in the ranks, for "spearman"), and
    groups are independent. Interval: whole groups drawn and everything fitted again, as `correlate`
    (Spearman above 3,000 items: the ranks are taken once). p: Freedman and Lane (1983): the
    residuals of y change places by whole groups and are fitted again; with uneven groups or very
    many items the groups' parts in the numerator have their signs turned. Raises CctaError on
    unequal lengths, on missing values and without a covariate.
    """
    check_kind(kind, ("pearson", "spearman"))
    check_draws(draws)
    if not covariates:
        raise CctaError("expected at least one covariate; without one use correlate")
    named = {"x": x, "y": y} | dict(covariates)
    if len(named) != len(covariates) + 2:
        raise CctaError("a covariate can't be called x or y; give it another name")
    columns = {name: column(values, name) for name, values in named.items()}
    clusters = grouped(groups, same_length(columns))
    names = tuple(covariates)
    chosen = (
        [names] if clusters.count >= TOGETHER or len(names) == 1 else [(name,) for name in names]
    )
    alone = len(chosen) > 1
    return tuple(
        _correlate_held(
            kind,
            {name: columns[name] for name in ("x", "y", *some)},
            clusters,
            (draws, seed),
            alone,
        )
        for some in chosen
    )


def _correlate_held(
    kind: str,
    columns: dict[str, np.ndarray],
    groups: Groups,
    resampling: tuple[int, int],
    alone: bool,
) -> PartialCorrelation:
    """Computes one result; `alone` says that other covariates were not held fixed."""
    draws, seed = resampling
    names = tuple(columns)[2:]
    sizes, what = (groups.items, groups.count), f"partial {kind}"
    reason = why_undefined(groups, **columns)
    if not reason and groups.count < len(names) + 4:
        reason = f"{groups.count} groups are too few for {count(len(names), 'covariate')}"
    if reason:
        return PartialCorrelation(names, unknown_correlation(what, sizes, reason), {})
    groups, ordered = in_order(groups, *columns.values())
    table = np.column_stack([fractional_midranks(v) if kind == "spearman" else v for v in ordered])
    table = (table - table.mean(0)) / table.std(0)
    vif = _vif(table, names)
    statistic, units, width = _statistic(kind, table, groups, seed)
    r = float(statistic(np.ones((1, units)))[0])
    if not np.isfinite(r):
        reason = "x, y and the covariates determine each other; leave a covariate out"
        return PartialCorrelation(names, unknown_correlation(what, sizes, reason), vif)
    interval = bootstrap_interval(statistic, units, draws=draws, seed=seed, width=width)
    test = _p(table, groups, draws=draws, seed=seed)
    correlation = assemble_correlation(what, r, interval, test, sizes, draws)
    return PartialCorrelation(names, _add_notices(correlation, vif, alone), vif)


def _add_notices(correlation: Correlation, vif: Mapping[str, float], alone: bool) -> Correlation:
    notices = [correlation.notice] if correlation.notice else []
    if alone:
        notices.append(f"fewer than {TOGETHER} independent units: one covariate at a time")
    large = [f"{name} {value:.0f}" for name, value in vif.items() if value > INFLATED]
    if large:
        notices.append(f"variance inflation above {INFLATED:.0f}: {', '.join(large)}")
    return replace(correlation, notice="; ".join(notices))


def _vif(table: np.ndarray, names: tuple[str, ...]) -> dict[str, float]:
    """Returns 1 / (1 - R^2) of x and each covariate on the others: the inverse correlations'
    diagonal.
    """
    fixed = np.delete(table, 1, axis=1)
    correlations = fixed.T @ fixed / len(fixed)
    if np.linalg.eigvalsh(correlations)[0] < _SINGULAR:
        return {name: float("inf") for name in ("x", *names)}
    return dict(zip(("x", *names), np.diag(np.linalg.inv(correlations)).tolist(), strict=True))


def _statistic(kind: str, table: np.ndarray, groups: Groups, seed: int) -> GroupStatistic:
    items, k = table.shape
    if kind == "spearman" and items <= RANKED_ANEW[kind]:
        below = [MidSums(values) for values in table.T]

        def ranked(weights: np.ndarray) -> np.ndarray:
            item_weights = weights[:, groups.codes]
            total = item_weights.sum(1)
            shares = (
                np.stack([ranks(item_weights) for ranks in below], 2) / total[:, None, None] - 0.5
            )
            products = np.einsum("bi,bij,bik->bjk", item_weights, shares, shares, optimize=True)
            return _partial(products / total[:, None, None])

        return GroupStatistic(ranked, groups.count, items * k)
    rows, columns = np.triu_indices(k)
    ones = np.ones(items)
    products = np.column_stack([ones, table, table[:, rows] * table[:, columns]])

    def finish(sums: np.ndarray) -> np.ndarray:
        means = sums / sums[:, :1]
        centre = means[:, 1 : k + 1]
        matrix = np.empty((len(sums), k, k))
        matrix[:, rows, columns] = matrix[:, columns, rows] = means[:, k + 1 :]
        return _partial(matrix - centre[:, :, None] * centre[:, None, :])

    return Moments(products, finish).over(groups, seed, columns=k)


def _partial(covariances: np.ndarray) -> np.ndarray:
    """Returns -P_xy / sqrt(P_xx P_yy) with P the inverse of (draws, k, k); NaN where there is
    none.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sqrt(np.einsum("bii->bi", covariances))
        correlations = covariances / (spread[:, :, None] * spread[:, None, :])
    sound = np.isfinite(correlations).all((1, 2))
    correlations[~sound] = np.eye(covariances.shape[1])
    sound &= np.linalg.eigvalsh(correlations)[:, 0] > _SINGULAR
    correlations[~sound] = np.eye(covariances.shape[1])
    inverse = np.linalg.inv(correlations)
    partials = -inverse[:, 0, 1] / np.sqrt(inverse[:, 0, 0] * inverse[:, 1, 1])
    return np.where(sound, np.clip(partials, -1, 1), np.nan)


def _p(table: np.ndarray, groups: Groups, *, draws: int, seed: int) -> PValue:
    basis, _ = np.linalg.qr(np.column_stack([np.ones(len(table)), table[:, 2:]]))
    x, y = (values - basis @ (basis.T @ values) for values in table[:, :2].T)
    if not rearrangeable(groups, draws, basis.shape[1] + 1):
        test = sign_test(x * y, groups, draws=draws, seed=seed)
        return PValue(test.p, f"{test.method} (residuals)", test.error)
    score = _refitted_score(x, y, basis)
    test = rearranged_p(score, groups, draws=draws, seed=seed)
    return PValue(test.p, f"{test.method} of residuals (Freedman-Lane)", test.error)


def _refitted_score(x: np.ndarray, y: np.ndarray, basis: np.ndarray) -> Score:
    """Returns the partial correlation when the residuals of y are rearranged and fitted again."""
    length_x, square_y = np.linalg.norm(x), float(y @ y)

    def score(order: np.ndarray) -> np.ndarray:
        moved = y[order]
        left = square_y - np.sum((moved @ basis) ** 2, axis=1)
        return moved @ x / (length_x * np.sqrt(np.maximum(left, 1e-300)))

    return score
