"""What a ranking of training languages holds, and says, in words no stronger than the data."""

from collections.abc import Sequence
from dataclasses import dataclass

from ccta_core.languages import LANGUAGES
from ccta_core.statistics.seeds import SEEDS
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
    """Training languages from the most to the least consistent, and whether the first is first.

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
    """One or two sentences: is the first the highest, over what, and who was left out.

    With fewer than three seeds in some language it speaks of "these checkpoints".
    """
    named = ", ".join(
        f"{_name(one.training_language)} seed {one.seed} "
        f"({one.score:.3f} against {one.majority:.3f})"
        for one in left_out
    )
    aside = f" Left out, not shown above the majority: {named}." if named else ""
    if not languages:
        return f"No checkpoint is left: nothing is ranked.{aside}"
    seeds = min(one.seeds for one in languages)
    subject = "these checkpoints" if seeds < SEEDS else f"models of {seeds} seeds a language"
    first, mean = _name(languages[0].name), plain(languages[0].mean)
    if not comparisons:
        return f"Of {subject} only {first} is left: there is nothing to rank.{aside}"
    scope = f"over {groups} groups of items"
    worst = max(comparisons, key=lambda one: 2.0 if one.p_holm is None else one.p_holm)
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
    """A language's name; a label that is no language's code stands as it is."""
    return LANGUAGES[code].name if code in LANGUAGES else code
