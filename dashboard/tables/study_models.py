"""The models of a study: which have rows, which learned anything, which items all of them have."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd

from ccta_core.findings import frames
from ccta_core.study.table import Study
from dashboard.tables.asking import Ask


def measured(ask: Ask) -> frozenset[str]:
    """The models that have rows."""
    return frozenset(ask("SELECT DISTINCT model FROM pairs")["model"])


_MODELS = "SELECT DISTINCT model, training_language, seed FROM rows"


@dataclass(frozen=True, slots=True)
class _Answer:
    """A DataFrame where DuckDB's relation is expected."""

    frame: pd.DataFrame

    def df(self) -> pd.DataFrame:
        """A copy: answers are kept, and who asks may add columns."""
        return self.frame.copy()


@dataclass(frozen=True, slots=True)
class _Asked:
    """Stands for a Study in `ccta_core.findings`, which asks it nothing but SQL."""

    ask: Ask

    def sql(self, query: str, parameters: Sequence[Any] | None = None) -> _Answer:
        """The answer of the page's own connection, which is kept; it has no table `models`."""
        if "JOIN models" in query:
            query = f"WITH models AS ({_MODELS}) {query}"
        return _Answer(self.ask(query, list(parameters or [])))


def as_study(ask: Ask) -> Study:
    """A study for those findings that only ask for rows, and not for the plan."""
    return cast(Study, _Asked(ask))


def checkpoints(ask: Ask) -> pd.DataFrame:
    """One row a model: training language, seed, mean score, and the majority's share."""
    return frames.checkpoints(as_study(ask))


def trained(ask: Ask) -> tuple[pd.DataFrame, list[str]]:
    """The checkpoints with a training language that learned anything, and the names of the others.

    METHOD 5: a checkpoint that is not shown above the majority is left out.
    """
    known = checkpoints(ask).dropna(subset=["training_language"])
    usable = [
        not np.isfinite(row.majority) or frames.checkpoint(row).usable for row in known.itertuples()
    ]
    kept = np.array(usable, dtype=bool)
    return known[kept], list(known["model"][~kept])


def shared(models: Sequence[str]) -> tuple[str, list[str]]:
    """SQL that is true of rows whose item every one of the models has, and its parameters."""
    marks = ", ".join("?" for _ in models)
    return (
        f"item IN (SELECT item FROM pairs WHERE model IN ({marks}) GROUP BY item "
        f"HAVING count(DISTINCT model) = {len(models)})"
    ), list(models)
