"""Languages against languages: matrices and their orders, one pair and its items."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ccta_core.evaluation.intervals import ratio_interval
from ccta_core.languages import LANGUAGES
from ccta_core.study.table import Study
from dashboard.tables.study_measures import DIRECTED, MEASURES

ORDERS = ("family", "clustering", "name", "study")
_MOST = 60_000
"""Sums over groups up to which every cell gets an interval: a second or so of resampling."""
PAIR_MEASURES = ("ems", "ems_shuffled", "ems_uniform", "gain")


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over n items in `groups` groups, with its 95% interval where there is one."""

    value: float
    low: float | None
    high: float | None
    n: int
    groups: int


def matrix_table(study: Study, model: str, layer: int, measure: str) -> pd.DataFrame:
    """One row an ordered pair: mean, 95% interval, n and groups of a measure.

    Columns: source, target, value, low, high, n, groups. Whole groups of items are drawn for the
    interval (NaN in very large studies: a single pair has one). Scores have rows source = target
    too: the language alone.
    """
    sql = MEASURES[measure].at("pair")
    if measure in DIRECTED:
        return means(_sums(study, model, layer, sql, "true"), ["source", "target"])
    once = means(_sums(study, model, layer, sql, "source_lang < target_lang"), ["source", "target"])
    back = once.rename(columns={"source": "target", "target": "source"})
    parts = [once, back]
    if measure == "score":
        parts.append(means(_alone(study, model, layer), ["source", "target"]))
    return pd.concat(parts, ignore_index=True)


def means(sums: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Means with intervals from sums over groups: columns `total`, `known` and the keys."""
    wanted = len(sums) <= _MOST
    rows = []
    for key, part in sums.groupby(keys, sort=False):
        found = mean_of(part["total"].to_numpy(float), part["known"].to_numpy(float), wanted=wanted)
        if found is not None:
            rows.append((*key, found.value, found.low, found.high, found.n, found.groups))
    names = ["value", "low", "high", "n", "groups"]
    found_all = pd.DataFrame(rows, columns=[*keys, *names])
    return found_all.astype({"low": float, "high": float})


def mean_of(totals: np.ndarray, known: np.ndarray, *, wanted: bool = True) -> Mean | None:
    """A mean from each group's sum and count; the interval draws whole groups. None without any."""
    there = known > 0
    count = int(known.sum())
    if not count:
        return None
    groups = int(there.sum())
    ends = ratio_interval(totals[there], known[there]) if wanted and groups > 1 else None
    low, high = ends or (None, None)
    return Mean(float(totals.sum() / count), low, high, count, groups)


def ordered(languages: Sequence[str], order: str, table: pd.DataFrame) -> list[str]:
    """The languages by family and name, by likeness in a matrix, by name, or as they are."""
    names = sorted(languages, key=_name)
    if order == "family":
        return sorted(names, key=lambda code: (_family(code), _name(code)))
    if order == "clustering":
        return clustered(names, table)
    return names if order == "name" else list(languages)


def clustered(languages: Sequence[str], table: pd.DataFrame) -> list[str]:
    """The languages so that neighbours are alike: average linkage, optimal order of the leaves.

    The distance is the greatest value less the value, which orders as 1 - value does and is never
    negative. The languages as they are where there are fewer than three or a pair has no value.
    """
    from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
    from scipy.spatial.distance import squareform

    both = grid(table, languages)
    both = (both + both.T) / 2
    away = both[~np.eye(len(both), dtype=bool)]
    if len(languages) < 3 or not np.isfinite(away).all():
        return list(languages)
    distance = away.max() - both
    np.fill_diagonal(distance, 0.0)
    near = squareform(distance, checks=False)
    return [
        languages[at] for at in leaves_list(optimal_leaf_ordering(linkage(near, "average"), near))
    ]


def grid(table: pd.DataFrame, languages: Sequence[str]) -> np.ndarray:
    """The values as (sources, targets), NaN where there is none."""
    wide = table.pivot(index="source", columns="target", values="value")
    return wide.reindex(index=list(languages), columns=list(languages)).to_numpy(float)


def within_families(table: pd.DataFrame) -> tuple[float, float] | None:
    """The mean over pairs of one family and over the others, each pair alike; None without both."""
    known = table[table["source"] != table["target"]]
    alike = np.array(
        [_family(a) == _family(b) for a, b in zip(known["source"], known["target"], strict=True)],
        dtype=bool,
    )
    if not alike.any() or alike.all():
        return None
    values = known["value"].to_numpy(float)
    return float(values[alike].mean()), float(values[~alike].mean())


def pair_items(study: Study, model: str, layer: int, pair: tuple[str, str]) -> pd.DataFrame:
    """One row an item of a pair, highest EMS first: measures, gold, what is predicted, right."""
    return study.query(
        'SELECT item, "group", gold, ems, ems_uniform, ems_shuffled, gain, source_predicted, '
        "target_predicted, source_correct, target_correct FROM rows WHERE model = ? AND layer = ? "
        "AND source_lang = ? AND target_lang = ? ORDER BY ems DESC, item",
        [model, layer, *pair],
    )


def pair_means(items: pd.DataFrame) -> dict[str, Mean]:
    """The mean of EMS and its controls over the items of a pair, groups of items drawn."""
    found = {}
    for name in PAIR_MEASURES:
        known = items.dropna(subset=[name])
        sums = known.groupby("group", sort=True)[name].agg(["sum", "count"])
        mean = mean_of(sums["sum"].to_numpy(float), sums["count"].to_numpy(float))
        if mean is not None:
            found[name] = mean
    return found


def _sums(study: Study, model: str, layer: int, sql: str, where: str) -> pd.DataFrame:
    """One row a pair and group: the sum of a measure and how many items have it."""
    return study.query(
        f'SELECT source_lang AS source, target_lang AS target, "group", '
        f"coalesce(sum({sql}), 0) AS total, count({sql}) AS known FROM rows "
        f"WHERE model = ? AND layer = ? AND {where} GROUP BY ALL "
        'ORDER BY source, target, "group"',
        [model, layer],
    )


def _alone(study: Study, model: str, layer: int) -> pd.DataFrame:
    """The scores of single languages, each text once though it stands in many rows."""
    sql = MEASURES["score"].at("language")
    return study.query(
        'SELECT lang AS source, lang AS target, "group", sum(score) AS total, '
        f'count(score) AS known FROM (SELECT item, "group", target_lang AS lang, avg({sql}) AS '
        "score FROM rows WHERE model = ? AND layer = ? GROUP BY ALL) GROUP BY ALL "
        'ORDER BY source, "group"',
        [model, layer],
    )


def _name(code: str) -> str:
    return LANGUAGES[code].name if code in LANGUAGES else code


def _family(code: str) -> str:
    return LANGUAGES[code].family if code in LANGUAGES else code
