"""The tables of the Languages page: pairs of languages, layers, training languages, flows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ccta_core.analysis.claims import trained
from ccta_core.analysis.intervals import mean_interval, ratio_interval
from ccta_core.analysis.questions import shared
from ccta_core.analysis.two_way import TwoWay, two_way
from ccta_core.errors import CctaError
from ccta_core.languages import LANGUAGES
from ccta_core.measures import MEASURES
from ccta_core.result import PairResult
from ccta_core.study.storage.table import Study

ORDERS = ("family", "clustering", "name", "study")
PAIR_MEASURES = ("ems", "ems_shuffled", "ems_uniform", "gain")


@dataclass(frozen=True, slots=True)
class GroupedMean:
    """A mean over n items in `groups` groups, with its 95% interval where there is one."""

    value: float
    low: float | None
    high: float | None
    n: int
    groups: int


def matrix_table(study: Study, model: str, layer: int, measure: str) -> pd.DataFrame:
    """One row an ordered pair: mean, 95% interval, n and groups of a measure.

    Columns: source, target, value, low, high, n, groups. The interval takes groups of items as
    independent. Scores have rows source = target too: the language alone.
    """
    sql = MEASURES[measure].sql_at("pair")
    if MEASURES[measure].directed:
        return grouped_means(_pair_sums(study, model, layer, sql, "true"), ["source", "target"])
    once = grouped_means(
        _pair_sums(study, model, layer, sql, "source_lang < target_lang"), ["source", "target"]
    )
    back = once.rename(columns={"source": "target", "target": "source"})
    parts = [once, back]
    if measure == "score":
        parts.append(grouped_means(_language_scores(study, model, layer), ["source", "target"]))
    return pd.concat(parts, ignore_index=True)


def grouped_means(sums: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Means with intervals from sums over groups: columns `total`, `known` and the keys."""
    rows = []
    for key, part in sums.groupby(keys, sort=False):
        mean = grouped_mean(part["total"].to_numpy(float), part["known"].to_numpy(float))
        if mean is not None:
            rows.append((*key, mean.value, mean.low, mean.high, mean.n, mean.groups))
    names = ["value", "low", "high", "n", "groups"]
    table = pd.DataFrame(rows, columns=[*keys, *names])
    return table.astype({"low": float, "high": float})


def grouped_mean(totals: np.ndarray, counts: np.ndarray) -> GroupedMean | None:
    """A mean from each group's sum and count, its interval that of exports and findings
    (`analysis.intervals.mean_interval`). None without any.
    """
    present = counts > 0
    count = int(counts.sum())
    if not count:
        return None
    groups = int(present.sum())
    ends = mean_interval(totals[present], counts[present])
    low, high = ends or (None, None)
    return GroupedMean(float(totals.sum() / count), low, high, count, groups)


def order_languages(languages: Sequence[str], order: str, table: pd.DataFrame) -> list[str]:
    """The languages by family and name, by similarity in a matrix, by name, or as they are."""
    names = sorted(languages, key=_name)
    if order == "family":
        return sorted(names, key=lambda code: (_family(code), _name(code)))
    if order == "clustering":
        return cluster_languages(names, table)
    return names if order == "name" else list(languages)


def cluster_languages(languages: Sequence[str], table: pd.DataFrame) -> list[str]:
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
        languages[index]
        for index in leaves_list(optimal_leaf_ordering(linkage(near, "average"), near))
    ]


def grid(table: pd.DataFrame, languages: Sequence[str]) -> np.ndarray:
    """The values as (sources, targets), NaN where there is none."""
    wide = table.pivot(index="source", columns="target", values="value")
    return wide.reindex(index=list(languages), columns=list(languages)).to_numpy(float)


def within_families(table: pd.DataFrame) -> tuple[float, float] | None:
    """The mean over pairs of one family and over the others, each pair alike; None without both."""
    pairs = table[table["source"] != table["target"]]
    alike = np.array(
        [_family(a) == _family(b) for a, b in zip(pairs["source"], pairs["target"], strict=True)],
        dtype=bool,
    )
    if not alike.any() or alike.all():
        return None
    values = pairs["value"].to_numpy(float)
    return float(values[alike].mean()), float(values[~alike].mean())


def pair_items(study: Study, model: str, layer: int, pair: tuple[str, str]) -> pd.DataFrame:
    """One row an item of a pair, highest EMS first: measures, gold, what is predicted, right."""
    return study.query(
        'SELECT item, "group", gold, ems, ems_uniform, ems_shuffled, gain, source_predicted, '
        "target_predicted, source_correct, target_correct FROM rows WHERE model = ? AND layer = ? "
        "AND source_lang = ? AND target_lang = ? ORDER BY ems DESC, item",
        [model, layer, *pair],
    )


def pair_means(items: pd.DataFrame) -> dict[str, GroupedMean]:
    """The mean of EMS and its controls over the items of a pair, groups of items drawn."""
    estimates = {}
    for name in PAIR_MEASURES:
        measured = items.dropna(subset=[name])
        sums = measured.groupby("group", sort=True)[name].agg(["sum", "count"])
        mean = grouped_mean(sums["sum"].to_numpy(float), sums["count"].to_numpy(float))
        if mean is not None:
            estimates[name] = mean
    return estimates


def _pair_sums(study: Study, model: str, layer: int, sql: str, where: str) -> pd.DataFrame:
    """One row a pair and group: the sum of a measure and how many items have it."""
    return study.query(
        f'SELECT source_lang AS source, target_lang AS target, "group", '
        f"coalesce(sum({sql}), 0) AS total, count({sql}) AS known FROM rows "
        f"WHERE model = ? AND layer = ? AND {where} GROUP BY ALL "
        'ORDER BY source, target, "group"',
        [model, layer],
    )


def _language_scores(study: Study, model: str, layer: int) -> pd.DataFrame:
    """The scores of single languages, each text once though it stands in many rows."""
    sql = MEASURES["score"].sql_at("language")
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


PROFILE = ("ems", "gain", "ems_uniform")
VARIANTS = {"mexa": "MEXA", "mexa_centered": "language mean subtracted", "random": "untrained"}
"""What the card measured, and how the page calls it; random: the same network, untrained."""


def layer_profile(study: Study, model: str) -> pd.DataFrame:
    """EMS, gain and embeddings only by layer, over all pairs of languages, groups of items drawn.

    Columns: measure, layer, value, low, high, n, groups; n counts items x pairs.
    """
    parts = []
    for name in PROFILE:
        sql = MEASURES[name].sql_at("pair")
        sums = study.query(
            f'SELECT layer, "group", coalesce(sum({sql}), 0) AS total, count({sql}) AS known '
            'FROM pairs WHERE model = ? GROUP BY ALL ORDER BY layer, "group"',
            [model],
        )
        parts.append(grouped_means(sums.assign(measure=name), ["measure", "layer"]))
    return pd.concat(parts, ignore_index=True)


def mexa_table(card: Mapping[str, Any], languages: Sequence[str]) -> pd.DataFrame:
    """MEXA with English by layer, one row a variant, language and layer, of the languages given.

    Columns: variant, lang, layer, value, n. Empty where the card has none. See
    `research.zoo.retrieval`, which writes the card.
    """
    measured = card.get("mexa", {})
    rows = [
        (variant, lang, layer, value, entry["n"])
        for variant in VARIANTS
        for lang, entry in measured.get("random" if variant == "random" else "scores", {}).items()
        if lang in languages
        for layer, value in enumerate(entry["mexa" if variant == "random" else variant])
    ]
    return pd.DataFrame(rows, columns=["variant", "lang", "layer", "value", "n"])


def mexa_means(table: pd.DataFrame) -> pd.DataFrame:
    """The mean over languages by variant and layer, with the least and the greatest language.

    Columns: variant, layer, value, least, greatest, languages.
    """
    grouped = table.groupby(["variant", "layer"], sort=False)["value"]
    return grouped.agg(value="mean", least="min", greatest="max", languages="count").reset_index()


@dataclass(frozen=True, slots=True, eq=False)
class TrainingTable:
    """Training languages against languages that are read.

    `table`: one row a model and language: model, source (training language), target, value, low,
    high (95%, groups of items drawn), n, groups.
    Its rows source = target are scores of the training language itself. `items` is how many items
    every model has: only they count. `left_out` are models not shown above the majority. `shares`
    says how much is the training language's; None, with the reason in `problem`, where it can't be
    told.
    """

    table: pd.DataFrame
    items: int
    left_out: tuple[str, ...]
    shares: TwoWay | None
    problem: str = ""


def training_table(
    study: Study, layer: int, measure: str, models: tuple[str, ...]
) -> TrainingTable:
    """The mean of a measure with each model's training language, by the language that is read.

    The shares of the two-way table leave each training language's own column out (METHOD 5).
    """
    checkpoints, left_out = trained(study)
    checkpoints = checkpoints[checkpoints["model"].isin(models)]
    names = list(checkpoints["model"])
    if not names:
        return TrainingTable(
            pd.DataFrame(), 0, tuple(left_out), None, "no model has a training language"
        )
    table = grouped_means(
        _sums_by_model(study, layer, measure, names), ["model", "source", "target"]
    )
    away = table[table["source"] != table["target"]]
    shares, problem = _two_way_shares(away)
    items = int(table["n"].max()) if len(table) else 0
    return TrainingTable(table, items, tuple(left_out), shares, problem)


def _sums_by_model(study: Study, layer: int, measure: str, names: Sequence[str]) -> pd.DataFrame:
    """One row a model, language and group: the sum over items and how many have the measure.

    What belongs to one text is there for the training language too.
    """
    alike, details = shared(names)
    same_language = "OR target_lang = training_language" if MEASURES[measure].sided else ""
    marks = ", ".join("?" for _ in names)
    return study.query(
        'SELECT model, source, target, "group", coalesce(sum(value), 0) AS total, '
        "count(value) AS known FROM (SELECT model, training_language AS source, "
        'target_lang AS target, "group", item, '
        f"avg({MEASURES[measure].sql_at('training')}) AS value "
        f"FROM rows WHERE layer = ? AND model IN ({marks}) AND {alike} "
        f"AND (source_lang = training_language {same_language}) GROUP BY ALL) GROUP BY ALL "
        'ORDER BY model, source, target, "group"',
        [layer, *names, *details],
    )


def _two_way_shares(table: pd.DataFrame) -> tuple[TwoWay | None, str]:
    try:
        shares = two_way(
            table["value"], list(table["source"]), list(table["target"]), runs=list(table["model"])
        )
    except CctaError as error:
        return None, str(error)
    return shares, ""


BINS = ("1st", "2nd", "3rd", "4th to 6th", "7th and on")
"""Words of a text by the rank of their mass, the heaviest first."""
_ENDS = (1, 2, 3, 6)
COLUMNS = ("source", "target", "item", "group", "sent", "received", "mass", "expected")


@dataclass(frozen=True, slots=True)
class TopShare:
    """The share of the heaviest source word's mass that goes to the heaviest target word.

    `low` and `high` are its 95% interval over groups of items; `expected` is the share if mass went
    to target words in proportion to their masses.
    """

    share: float
    low: float | None
    high: float | None
    expected: float
    n: int
    groups: int


def rank_flows(results: Sequence[tuple[str, str, PairResult]]) -> pd.DataFrame:
    """One row a comparison and pair of bins, from (item, group, result).

    Columns: source and target (languages), item, group, sent and received (of `BINS`), mass (of the
    plan, summing to 1 over a comparison) and expected (the product of the two bins' masses).
    """
    rows = []
    for item, group, result in results:
        sides = [_rank_bins(mass) for mass in (result.source_mass, result.target_mass)]
        plan = _sum_over_bins(result.plan.matrix, *sides)
        sent, received = plan.sum(1), plan.sum(0)
        for i, j in np.ndindex(*plan.shape):
            flow = (BINS[i], BINS[j], float(plan[i, j]), float(sent[i] * received[j]))
            rows.append((result.source.lang, result.target.lang, item, group, *flow))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def mean_flows(flows: pd.DataFrame) -> pd.DataFrame:
    """The mean over the items of one pair. Columns: sent, received, mass, expected; sums of 1."""
    averages = flows.groupby(["sent", "received"], sort=False)[["mass", "expected"]].mean()
    return averages.reset_index()


def top_share(flows: pd.DataFrame) -> TopShare:
    """From the heaviest word to the heaviest word, over the items of one pair."""
    first = flows[flows["sent"] == BINS[0]]
    sent = first.groupby("item", sort=True)[["mass"]].sum()["mass"]
    top = first[first["received"] == BINS[0]].set_index("item").sort_index()
    groups = list(top["group"])
    count = len(set(groups))
    ends = ratio_interval(top["mass"].to_numpy(), sent.to_numpy(), groups) if count > 1 else None
    low, high = ends or (None, None)
    total = float(sent.sum())
    return TopShare(
        float(top["mass"].sum()) / total, low, high, float(top["expected"].sum()) / total,
        len(top), count,
    )  # fmt: skip


def _rank_bins(mass: np.ndarray) -> np.ndarray:
    """The bin of each word. Shape: (units,) -> (units,); equal masses rank in reading order."""
    rank = np.empty(len(mass), int)
    rank[np.argsort(-mass, kind="stable")] = np.arange(len(mass))
    return np.searchsorted(_ENDS, rank, side="right")


def _sum_over_bins(plan: np.ndarray, sent: np.ndarray, received: np.ndarray) -> np.ndarray:
    """The plan summed over bins. Shape: (bins, bins)."""
    left, right = (np.eye(len(BINS))[side] for side in (sent, received))
    return left.T @ plan @ right
