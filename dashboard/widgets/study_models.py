"""The models of a study: which learned anything, which items all of them have."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ccta_core.analysis import claims
from ccta_core.study.storage.table import Study


def trained(study: Study) -> tuple[pd.DataFrame, list[str]]:
    """The checkpoints with a training language that learned anything, and the names of the others.

    METHOD 5: a checkpoint that is not shown above the majority is left out.
    """
    known = claims.checkpoints(study).dropna(subset=["training_language"])
    usable = [
        not np.isfinite(row.majority) or claims.checkpoint(row).usable for row in known.itertuples()
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
