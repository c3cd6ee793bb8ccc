"""Ranks training languages by the consistency of their models, with intervals and tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from ccta_core.analysis.correlation import check_draws, holm
from ccta_core.analysis.resampling import DRAWS, FEW, column, grouped
from ccta_core.analysis.seeds import (
    SEEDS,
    CheckpointScores,
    ContrastEstimate,
    highest_p,
    of_checkpoints,
    over_seeds,
)
from ccta_core.errors import CctaError
from ccta_core.languages import LANGUAGES
from ccta_core.text import plain

_ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A trained model, its score on its task and what always naming the commonest class scores.

    `excess_low` is the lower end of the 95% interval of their difference, None where that is not
    known.
    """

    training_language: str
    seed: int
    score: float
    majority: float
    excess_low: float | None = None

    @property
    def usable(self) -> bool:
        """Whether it is shown to have learned anything: to score above the majority."""
        excess = self.score - self.majority if self.excess_low is None else self.excess_low
        return excess > 0


@dataclass(frozen=True, slots=True)
class TrainingLanguage:
    """Mean consistency of the models trained on one language, with its 95% interval."""

    name: str
    mean: float
    low: float | None
    high: float | None
    seeds: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """The best training language less another, with its 95% interval.

    `p` is two-sided; `p_holm` is corrected for the number of comparisons.
    """

    best: str
    other: str
    difference: float
    low: float | None
    high: float | None
    p: float | None
    p_holm: float | None


@dataclass(frozen=True, slots=True)
class TrainingRanking:
    """Training languages from the most to the least consistent, and the test of the first against
    the rest.

    `p_highest` is the permutation's: how often labels of training languages that mean nothing, on
    these items, put one as far above the others; picking the best is part of it. `left_out` are the
    checkpoints not shown above the majority. `n_cells` counts (item, pair) that every one has.
    """

    languages: tuple[TrainingLanguage, ...]
    comparisons: tuple[Comparison, ...]
    p_highest: float | None
    left_out: tuple[Checkpoint, ...]
    n_cells: int
    n_groups: int
    method: str
    reliable: bool
    verdict: str
    notice: str = ""


def verdict_of(
    languages: Sequence[TrainingLanguage],
    comparisons: Sequence[Comparison],
    left_out: Sequence[Checkpoint],
    groups: int,
) -> str:
    """Writes in one or two sentences whether the first is the highest, and who was left out.

    With fewer than three seeds in some language it speaks of "these checkpoints".
    """
    named = ", ".join(
        f"{_name(checkpoint.training_language)} seed {checkpoint.seed} "
        f"({checkpoint.score:.3f} against {checkpoint.majority:.3f})"
        for checkpoint in left_out
    )
    aside = f" Left out, not shown above the majority: {named}." if named else ""
    if not languages:
        return f"No checkpoint is left: nothing is ranked.{aside}"
    seeds = min(language.seeds for language in languages)
    subject = "these checkpoints" if seeds < SEEDS else f"models of {seeds} seeds a language"
    first, mean = _name(languages[0].name), plain(languages[0].mean)
    if not comparisons:
        return f"Of {subject} only {first} is left: there is nothing to rank.{aside}"
    scope = f"over {groups} groups of items"
    worst = max(comparisons, key=lambda gap: 2.0 if gap.p_holm is None else gap.p_holm)
    if worst.p_holm is None or worst.p_holm >= _ALPHA:
        p = "" if worst.p_holm is None else f" (p = {worst.p_holm:.2g} after Holm)"
        return (
            f"Of {subject} no training language is shown to be the most consistent: {first} has "
            f"the highest mean ({mean}), but {scope} it is not above {_name(worst.other)}{p}."
            f"{aside}"
        )
    return (
        f"Of {subject} those trained on {first} are the most consistent ({mean}): {scope} above "
        f"every other training language (largest p = {worst.p_holm:.2g} after Holm).{aside}"
    )


def _name(code: str) -> str:
    """Returns a language's name; a label that is no language's code stands as it is."""
    return LANGUAGES[code].name if code in LANGUAGES else code


COLUMNS = ("training_language", "seed", "group", "pair", "value")


def rank_training_languages(
    table: pd.DataFrame,
    checkpoints: Sequence[Checkpoint] = (),
    *,
    seed: int = 0,
    draws: int = DRAWS,
) -> TrainingRanking:
    """Ranks training languages by mean value and tests "the first is the highest".

    Shape: `table` is long: columns `training_language`, `seed`, `group` (the item's premise or
    paragraph), `pair`, `value` (say EMS), and `item` where groups have several; one row for each
    checkpoint, item and pair. Only (item, pair) that every checkpoint has are used, so that all are
    compared on the same; how many were not is told. `checkpoints` with their scores: those not
    shown above the majority are left out and named.

    Assumption: groups are independent, and seeds where there are three or more. A language's mean
    is that of its seeds' means. With fewer than three seeds in some language the checkpoints are
    taken as they are (seeds.of_checkpoints: groups independent, signs of their differences turned),
    and the verdict speaks of "these checkpoints"; from three on seeds and groups both vary
    (seeds.over_seeds). The claim needs every comparison of the best below 0.05 after Holm; one
    comparison on its own doesn't count that the best was picked, `p_highest` does. Raises CctaError
    on missing columns or values, rows given twice, and checkpoints that share no (item, pair) or
    have no score.
    """
    check_draws(draws)
    rows = _checked(table)
    kept, left_out = _kept(rows, checkpoints)
    if kept.empty:
        verdict = verdict_of((), (), left_out, 0)
        return TrainingRanking((), (), None, left_out, 0, 0, "none", False, verdict)
    scores, dropped = _scores(kept)
    names = sorted(scores.by_language, key=lambda name: (-scores.mean(name), name))
    seeds = min(len(values) for values in scores.by_language.values())
    languages, comparisons = _estimates(names, scores, seeds, (draws, seed))
    return TrainingRanking(
        languages,
        comparisons,
        highest_p(scores, draws=draws, seed=seed) if len(names) > 1 else None,
        left_out,
        int(scores.sizes.sum()),
        scores.groups,
        "two-level t: seeds and groups" if seeds >= SEEDS else "groups, linearised; signs turned",
        scores.groups >= FEW,
        verdict_of(languages, comparisons, left_out, scores.groups),
        _notice(dropped, bool(checkpoints), scores.groups),
    )


def _checked(table: pd.DataFrame) -> pd.DataFrame:
    """Returns the columns that are used, training languages as text and seeds as whole numbers."""
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise CctaError(
            f"expected the columns {', '.join(COLUMNS)}; {', '.join(missing)} is missing"
        )
    names = [*COLUMNS, "item"] if "item" in table.columns else list(COLUMNS)
    rows = table[names].copy()
    column(rows["value"].to_numpy(), "value")
    empty = [name for name in names if rows[name].isna().any()]
    if empty:
        raise CctaError(f"{', '.join(empty)} is missing in some rows; fill it in or leave them out")
    if not pd.api.types.is_integer_dtype(rows["seed"]):
        raise CctaError("the column seed holds other things than whole numbers; number the seeds")
    rows["training_language"] = rows["training_language"].astype(str)
    twice = rows.duplicated([name for name in names if name != "value"])
    if twice.any():
        row = rows[twice].iloc[0]
        raise CctaError(
            f"{row['training_language']} seed {row['seed']} has group {row['group']}, pair "
            f"{row['pair']} more than once; name the group's items in a column `item`"
        )
    return rows


def _kept(
    rows: pd.DataFrame, checkpoints: Sequence[Checkpoint]
) -> tuple[pd.DataFrame, tuple[Checkpoint, ...]]:
    """Returns the rows of checkpoints above the majority, and the other checkpoints; all rows where
    no score is given.
    """
    if not checkpoints:
        return rows, ()
    by_key = {
        (checkpoint.training_language, checkpoint.seed): checkpoint for checkpoint in checkpoints
    }
    keys = list(zip(rows["training_language"], rows["seed"], strict=True))
    for key in sorted(set(keys)):
        if key not in by_key:
            raise CctaError(f"checkpoint {key[0]} seed {key[1]} has no score; add a Checkpoint")
    usable = np.array([by_key[key].usable for key in keys], bool)
    present = set(keys)
    out = tuple(
        checkpoint
        for key, checkpoint in sorted(by_key.items())
        if not checkpoint.usable and key in present
    )
    return rows[usable], out


class _CommonScores(NamedTuple):
    """Sums over groups of the (item, pair) that every checkpoint has, and how many some lack."""

    scores: CheckpointScores
    lacking: int


def _scores(rows: pd.DataFrame) -> _CommonScores:
    keys = [name for name in ("group", "item", "pair") if name in rows.columns]
    maker = ["training_language", "seed"]
    wide = rows.set_index([*keys, *maker])["value"].unstack(maker)
    full = wide.dropna()
    if full.empty:
        raise CctaError("the checkpoints share no item and pair; run them on the same ones")
    clusters = grouped(full.index.get_level_values("group").to_numpy(), len(full))
    sums = clusters.sums(full.to_numpy(np.float64))
    makers = full.columns.get_level_values("training_language")
    by_language = {name: sums[:, makers == name].T for name in sorted(set(makers))}
    return _CommonScores(CheckpointScores(by_language, clusters.sizes), len(wide) - len(full))


def _estimates(
    names: Sequence[str], scores: CheckpointScores, seeds: int, resampling: tuple[int, int]
) -> tuple[tuple[TrainingLanguage, ...], tuple[Comparison, ...]]:
    """Returns every language's mean, and the first less each other, in the order of `names`."""
    draws, seed = resampling
    estimate = over_seeds if seeds >= SEEDS else of_checkpoints

    def contrast(weights: Mapping[str, float]) -> ContrastEstimate:
        return estimate(scores, weights, draws=draws, seed=seed)

    means = {name: contrast({name: 1.0}) for name in names}
    languages = tuple(
        TrainingLanguage(name, mean.value, mean.low, mean.high, len(scores.by_language[name]))
        for name, mean in means.items()
    )
    best = names[0]
    gaps = {name: contrast({best: 1.0, name: -1.0}) for name in names[1:]}
    adjusted = holm([gap.p for gap in gaps.values()]).adjusted
    comparisons = tuple(
        Comparison(best, name, gap.value, gap.low, gap.high, gap.p, p_holm)
        for (name, gap), p_holm in zip(gaps.items(), adjusted, strict=True)
    )
    return languages, comparisons


def _notice(dropped: int, scored: bool, groups: int) -> str:
    notices = []
    if dropped:
        notices.append(f"{dropped} (item, pair) that not every checkpoint has are not used")
    if not scored:
        notices.append("no scores were given: not checked against the majority")
    if groups < FEW:
        notices.append(f"only {groups} independent groups of items: intervals are unreliable")
    return "; ".join(notices)
