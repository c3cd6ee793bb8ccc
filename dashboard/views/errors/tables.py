"""The tables of the Errors page: items and confusions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ccta_core.analysis.intervals import Difference, Share, difference, share_of
from ccta_core.measures import SAME_PREDICTION
from ccta_core.study.storage.table import Study
from dashboard.views.errors.filters import (
    BETWEEN,
    UNKNOWN,
    Filters,
    Order,
    Query,
    finite,
    flag_comparisons,
    select_comparisons,
)

if TYPE_CHECKING:
    import pandas as pd

LABELS = 12
"""More different words than this are answers, not labels."""
_EARLY = 1000
"""Up to this place in the order one query is quicker than two."""
COLUMNS = (
    "item", "gold", "source_lang", "target_lang", "source_predicted", "target_predicted",
    "source_correct", "target_correct", "source_confidence", "target_confidence", "ems", "gain",
)  # fmt: skip
"""What a row of the list shows."""


def count(study: Study, filters: Filters) -> int:
    """How many comparisons pass."""
    query = select_comparisons(filters)
    return int(study.query(f"SELECT count(*) AS n FROM ({query.sql})", query.parameters)["n"][0])


def items_listed(study: Study, filters: Filters, most: int) -> list[str]:
    """The ids of the first `most` items, by id, of which a comparison passes."""
    query = select_comparisons(filters)
    sql = f"SELECT DISTINCT item FROM ({query.sql}) ORDER BY item LIMIT {most:d}"
    return study.query(sql, query.parameters)["item"].tolist()


def tagged_items(study: Study, filters: Filters, tagged: str) -> list[str]:
    """Those of the tagged items (`filters.joined`) of which a comparison passes."""
    narrowed = replace(filters, items=tagged)
    return items_listed(study, narrowed, tagged.count(BETWEEN) + 1)


def rows_of_page(
    study: Study, filters: Filters, order: Order, start: int = 0, size: int = 25
) -> "pd.DataFrame":
    """`size` comparisons from place `start` on.

    Columns: COLUMNS and `sorted`, the measure they are sorted by, NaN where it is not known.
    """
    query = select_comparisons(filters)
    if start > _EARLY:
        query, start = _narrow_to_page(study, query, order, start, size)
    columns = ", ".join(COLUMNS)
    rows = study.query(
        f"SELECT {columns}, {order.value} AS sorted FROM ({query.sql}) ORDER BY {order.sql} "
        f"LIMIT {size:d} OFFSET {start:d}",
        query.parameters,
    )
    if order.name != "item":
        rows = rows.assign(sorted=rows["sorted"].where(rows["sorted"].abs() < UNKNOWN))
    return rows


def _narrow_to_page(
    study: Study, query: Query, order: Order, start: int, size: int
) -> tuple[Query, int]:
    """The comparisons with the values of one page, and where in them the page starts.

    Far into the order only the measure itself is sorted: eight bytes a comparison.
    """
    cut = study.query(
        f"SELECT {order.value} AS v FROM ({query.sql}) ORDER BY v {order.direction} "
        f"LIMIT {size:d} OFFSET {start:d}",
        query.parameters,
    )["v"].tolist()
    if not cut:
        return query, start
    low, high = min(cut), max(cut)
    ahead, end = (">", high) if order.down else ("<", low)
    before = study.query(
        f"SELECT count(*) AS n FROM ({query.sql}) WHERE {order.value} {ahead} ?",
        (*query.parameters, end),
    )["n"][0]
    near = f"SELECT * FROM ({query.sql}) WHERE {order.value} BETWEEN ? AND ?"
    return Query(near, (*query.parameters, low, high)), start - int(before)


def comparison(
    study: Study, filters: Filters, item: str, source: str, target: str
) -> "pd.DataFrame":
    """All columns of one comparison; no row where there is none."""
    return study.query(
        "SELECT * FROM rows WHERE model = ? AND layer = ? AND item = ? AND source_lang = ? AND "
        "target_lang = ?",
        (filters.model, filters.layer, item, source, target),
    )


def gold_of(study: Study, item: str, model: str) -> str | None:
    """The gold label of an item, as this model names it; None of a question: answers differ."""
    column = study.query(
        "SELECT max(gold) AS gold FROM pairs WHERE item = ? AND model = ?", [item, model]
    )["gold"]
    gold = column.dropna()
    return str(gold.iloc[0]) if len(gold) else None


def first_rows(study: Study, filters: Filters, order: Order, most: int) -> "pd.DataFrame":
    """All columns of the first `most` comparisons."""
    query = select_comparisons(filters)
    return study.query(
        f"SELECT * FROM ({query.sql}) ORDER BY {order.sql} LIMIT {most:d}", query.parameters
    )


def label_words(study: Study, model: str, layer: int) -> tuple[list[str], list[str]]:
    """The gold labels and the predictions there are, by name; more than LABELS of them: none."""
    table = study.query(
        "SELECT DISTINCT 'gold' AS side, gold AS word FROM pairs WHERE model = ? AND layer = ? "
        "UNION SELECT DISTINCT 'said', source_predicted FROM pairs WHERE model = ? AND layer = ? "
        "UNION SELECT DISTINCT 'said', target_predicted FROM pairs WHERE model = ? AND layer = ? "
        f"ORDER BY ALL LIMIT {3 * LABELS}",
        (model, layer) * 3,
    ).dropna()
    gold, predicted = (table["word"][table["side"] == side].tolist() for side in ("gold", "said"))
    return (gold if len(gold) <= LABELS else []), (predicted if len(predicted) <= LABELS else [])


def value_range(study: Study, model: str, layer: int, name: str) -> tuple[float, float] | None:
    """The least and the greatest known value of a measure of SORTS; None where none is known."""
    value = finite(name)
    ends = study.query(
        f"SELECT min({value}) AS low, max({value}) AS high FROM rows WHERE model = ? AND layer = ?",
        (model, layer),
    ).iloc[0]
    return None if ends.isna().any() else (float(ends["low"]), float(ends["high"]))


RIGHT, WRONG = "right", "wrong"
"""The words of a table of answers, which have no labels."""


def confusion(study: Study, filters: Filters, labels: Sequence[str]) -> pd.DataFrame:
    """One row a pair of predictions: source, target, n, and share of all comparisons.

    Of `labels`; without any, right or wrong, where the gold is known. Where no language is named, a
    comparison of A and B stands in (A, B) and in (B, A).
    """
    query = select_comparisons(filters.without_predictions)
    if labels:
        cells, condition = ("source_predicted", "target_predicted"), "TRUE"
    else:
        source, target = (
            f"CASE WHEN {side}_correct THEN '{RIGHT}' ELSE '{WRONG}' END"
            for side in ("source", "target")
        )
        cells, condition = (
            (source, target),
            "source_correct IS NOT NULL AND target_correct IS NOT NULL",
        )
    cell_counts = study.query(
        f"SELECT {cells[0]} AS source, {cells[1]} AS target, count(*) AS n FROM ({query.sql}) "
        f"WHERE {condition} GROUP BY ALL",
        query.parameters,
    )
    words = list(labels) or [RIGHT, WRONG]
    table = cell_counts.pivot_table(index="source", columns="target", values="n", aggfunc="sum")
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


@dataclass(frozen=True, slots=True)
class SelectionSummary:
    """What the page says of a selection: its share, and how EMS and the gain differ in it."""

    share: Share
    ems: Difference | None
    gain: Difference | None


def summarise_selection(study: Study, filters: Filters) -> SelectionSummary:
    """The share of comparisons that pass among those of `filters.whole`, and what differs."""
    rows = study.query(*_group_sums(flag_comparisons(filters)))
    share = share_of(rows["chosen"], rows["n"])
    differences = (
        difference(rows[f"{name}_above"], rows[f"{name}_below"]) for name in ("ems", "gain")
    )
    return SelectionSummary(share, *differences)


def same_prediction(study: Study, filters: Filters) -> Share:
    """The share of comparisons with one prediction in both languages, answers right in both or
    wrong in both; of those where that is known.
    """
    query = select_comparisons(filters.without_predictions)
    rows = study.query(
        f'SELECT "group", count({SAME_PREDICTION}) AS n, '
        f"count(*) FILTER ({SAME_PREDICTION}) AS same "
        f'FROM ({query.sql}) GROUP BY "group" ORDER BY "group"',
        query.parameters,
    )
    return share_of(rows["same"], rows["n"])


def _group_sums(query: Query) -> tuple[str, tuple]:
    """Each group's comparisons, chosen ones, and sums of products within pairs of languages."""
    means, sums = [], []
    for name in ("ems", "gain"):  # each over the comparisons in which it is known
        finite_only = f"FILTER (isfinite({name}))"
        means.append(
            f"avg(chosen) {finite_only} AS {name}_c, avg({name}) {finite_only} AS {name}_m"
        )
        away = f"(chosen - {name}_c)"
        sums.append(
            f"coalesce(sum({away} * {away}) {finite_only}, 0) AS {name}_below, "
            f"coalesce(sum({away} * ({name} - {name}_m)) {finite_only}, 0) AS {name}_above"
        )
    return (
        f"""
        WITH base AS ({query.sql}),
            means AS (SELECT a, b, {", ".join(means)} FROM base GROUP BY a, b)
        SELECT "group", count(*) AS n, sum(chosen)::BIGINT AS chosen, {", ".join(sums)}
        FROM base JOIN means USING (a, b) GROUP BY "group" ORDER BY "group"
        """,
        query.parameters,
    )
