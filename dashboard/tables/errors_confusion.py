"""What is predicted in one language against what is predicted in the other."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ccta_core.study.table import Study
from dashboard.tables.errors_filters import Filters, selected

RIGHT, WRONG = "right", "wrong"
"""The words of a table of answers, which have no labels."""


def confusion(study: Study, filters: Filters, labels: Sequence[str]) -> pd.DataFrame:
    """One row a pair of predictions: source, target, n, and share of all comparisons.

    Of `labels`; without any, right or wrong, where the gold is known. Where no language is named, a
    comparison of A and B stands in (A, B) and in (B, A).
    """
    query = selected(filters.unsaid)
    if labels:
        cells, known = ("source_predicted", "target_predicted"), "TRUE"
    else:
        source, target = (
            f"CASE WHEN {side}_correct THEN '{RIGHT}' ELSE '{WRONG}' END"
            for side in ("source", "target")
        )
        cells, known = (source, target), "source_correct IS NOT NULL AND target_correct IS NOT NULL"
    found = study.query(
        f"SELECT {cells[0]} AS source, {cells[1]} AS target, count(*) AS n FROM ({query.sql}) "
        f"WHERE {known} GROUP BY ALL",
        query.parameters,
    )
    words = list(labels) or [RIGHT, WRONG]
    table = found.pivot_table(index="source", columns="target", values="n", aggfunc="sum")
    table = table.reindex(index=words, columns=words).fillna(0).astype(int)
    total = int(table.to_numpy().sum())
    if filters.open:  # the diagonal once, each other pair on both sides
        counts = table.to_numpy()
        both = counts + counts.T - np.diag(np.diag(counts))
        table = pd.DataFrame(both, index=words, columns=words)
    rows = [
        (source, target, int(table.loc[source, target])) for source in words for target in words
    ]
    cells_of = pd.DataFrame(rows, columns=["source", "target", "n"])
    return cells_of.assign(share=cells_of["n"] / total if total else float("nan"))
