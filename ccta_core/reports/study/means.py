"""Means of a study by model, layer and language pair, with their intervals; facts by language."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from ccta_core.analysis.intervals import interval_of_sums
from ccta_core.measures import MEASURES, WITH_CONTROLS
from ccta_core.study.storage.table import Study


@dataclass(frozen=True, slots=True)
class MeasureMean:
    """A mean over n items with its 95% interval; None where nothing or too little is known.

    The interval takes groups of items (premises, paragraphs) as what is independent
    (`analysis.intervals.mean_interval`).
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0


@dataclass(frozen=True, slots=True)
class PairMeans:
    """The means of one language pair by measure; `n` items, `groups` of them independent."""

    model: str
    layer: int
    source: str
    target: str
    n: int
    groups: int
    means: dict[str, MeasureMean]


@dataclass(frozen=True, slots=True)
class LanguageFacts:
    """What one language's texts say whatever they are compared with; None where not measured.

    `accuracy` is the share of predictions that are right, `score` the mean score (of answers: F1).
    """

    model: str
    layer: int
    lang: str
    n: int
    accuracy: float | None
    score: float | None
    converged: float | None
    median_error: float | None
    worst_error: float | None
    truncated: int
    special_share: float | None


@dataclass(frozen=True, slots=True)
class Completeness:
    """Over all attributions: how many, the share that converged, their completeness errors and the
    bounds on the errors of their masses (None of studies older than these).
    """

    attributions: int
    converged: float | None
    median_error: float | None
    worst_error: float | None
    median_mass_error: float | None
    worst_mass_error: float | None
    truncated: int


@dataclass(frozen=True, slots=True)
class Summary:
    """A study's means: one `PairMeans` a model x layer x ordered pair, in the study's order.

    `measures` are those asked for; EMS and its controls are always there.
    """

    study: Study
    measures: tuple[str, ...]
    pairs: tuple[PairMeans, ...]
    languages: tuple[LanguageFacts, ...]
    completeness: Completeness

    @property
    def columns(self) -> tuple[str, ...]:
        """EMS and its controls, then what else was asked for."""
        return columns_of(self.measures)

    @property
    def settings(self) -> list[tuple[str, int]]:
        """(model, layer) of which there are rows, in the study's order."""
        return list(dict.fromkeys((pair.model, pair.layer) for pair in self.pairs))

    def of(self, model: str, layer: int) -> list[PairMeans]:
        """Returns the ordered pairs of a model and layer."""
        return [pair for pair in self.pairs if (pair.model, pair.layer) == (model, layer)]

    def by_language(self, model: str, layer: int) -> list[LanguageFacts]:
        """Returns the languages of a model and layer."""
        return [row for row in self.languages if (row.model, row.layer) == (model, layer)]


def summarised(study: Study, measures: Sequence[str]) -> Summary:
    """Reads the study's means of EMS, its controls and these measures.

    Raises CctaError where no part is finished, DamagedFileError where one can't be read.
    """
    columns = columns_of(measures)
    pairs: list[PairMeans] = []
    languages: list[LanguageFacts] = []
    for model in (model["id"] for model in study.manifest.models):
        pairs += _pairs(study, model, columns)
        languages += _languages(study, model)
    order = {lang: place for place, lang in enumerate(study.manifest.languages)}
    layers = {layer: place for place, layer in enumerate(study.manifest.layers)}
    models = {model["id"]: place for place, model in enumerate(study.manifest.models)}
    pairs.sort(key=lambda p: (models[p.model], layers[p.layer], order[p.source], order[p.target]))
    languages.sort(key=lambda row: (models[row.model], layers[row.layer], order[row.lang]))
    return Summary(study, tuple(measures), tuple(pairs), tuple(languages), _completeness(study))


def columns_of(measures: Sequence[str]) -> tuple[str, ...]:
    """Returns the measures of every table, then these, each once."""
    return tuple(dict.fromkeys((*WITH_CONTROLS, *measures)))


def both_ways(pairs: Sequence[PairMeans], languages: Sequence[str]) -> list[PairMeans]:
    """Returns each pair once, in the order of the languages; what has a direction is the mean of
    both.
    """
    by_names = {(pair.source, pair.target): pair for pair in pairs}
    both = []
    for source, target in combinations(languages, 2):
        there, back = by_names.get((source, target)), by_names.get((target, source))
        if there and back:
            means = {name: _mean_of_directions(name, there, back) for name in there.means}
            both.append(replace(there, means=means))
    return both


def overall(pairs: Sequence[PairMeans], measure: str) -> float | None:
    """Returns the mean over pairs, each pair counting alike; None where a pair has none."""
    return mean_of_all([pair.means[measure].value for pair in pairs])


def mean_of_all(values: Sequence[float | None]) -> float | None:
    """Returns the mean of these values; None where one of them is missing, or all are."""
    finite = [value for value in values if value is not None]
    return sum(finite) / len(finite) if finite and len(finite) == len(values) else None


def _mean_of_directions(name: str, there: PairMeans, back: PairMeans) -> MeasureMean:
    means = (there.means[name], back.means[name])
    if not MEASURES[name].directed:
        return means[0]
    finite = [mean for mean in means if mean.value is not None]
    n = sum(mean.n for mean in finite)
    if not n:
        return MeasureMean(None)
    value = sum((mean.value or 0.0) * mean.n for mean in finite) / n
    return MeasureMean(value, n=min(mean.n for mean in means))


def _pairs(study: Study, model: str, measures: Sequence[str]) -> Iterator[PairMeans]:
    finite = [f'CASE WHEN isfinite("{name}") THEN "{name}" END' for name in measures]
    inner = ", ".join(
        f"count({value}) AS k{i}, coalesce(sum({value}), 0) AS s{i}"
        for i, value in enumerate(finite)
    )
    outer = ", ".join(
        f"[sum(k{i}), sum(s{i}), sum(s{i} * s{i}), sum(s{i} * k{i}), sum(k{i} * k{i}), "
        f"count(*) FILTER (k{i} > 0)] AS m{i}"
        for i in range(len(measures))
    )
    rows = study.records(
        f"""
        WITH grouped AS (
            SELECT layer, source_lang, target_lang, "group", count(*) AS n, {inner}
            FROM rows WHERE model = $1 GROUP BY ALL
        )
        SELECT layer, source_lang, target_lang, sum(n) AS n, count(*) AS groups, {outer}
        FROM grouped GROUP BY layer, source_lang, target_lang ORDER BY ALL
        """,
        [model],
    )
    for row in rows:
        means = {name: _mean(*map(float, row[f"m{i}"])) for i, name in enumerate(measures)}
        pair = (row["layer"], row["source_lang"], row["target_lang"])
        yield PairMeans(model, *pair, int(row["n"]), row["groups"], means)


def _mean(  # noqa: PLR0913 - sums over groups
    count: float, total: float, squares: float, products: float, counts: float, groups: float
) -> MeasureMean:
    """Computes a mean from sums over groups of s, s^2, s k, k^2, where a group of k items has
    the sum s.
    """
    if not count:
        return MeasureMean(None)
    value = total / count
    away = max(squares - 2 * value * products + value * value * counts, 0.0)
    ends = interval_of_sums(value, away, count, int(groups))
    low, high = ends or (None, None)
    return MeasureMean(value, low, high, int(count))


_ATTRIBUTIONS = """
    avg(CAST(source_converged AS INTEGER)) AS converged,
    median(source_completeness_error) AS median_error,
    max(source_completeness_error) AS worst_error, count(*) FILTER (source_truncated) AS truncated
"""


def _languages(study: Study, model: str) -> Iterator[LanguageFacts]:
    """Yields the facts of each language. Every text stands in as many rows as there are other
    languages, so that means over rows are means over texts.
    """
    rows = study.records(
        f"""
        SELECT layer, source_lang AS lang, count(*) AS n,
            avg(CAST(source_correct AS INTEGER)) AS accuracy, avg(source_score) AS score,
            {_ATTRIBUTIONS}, avg(source_special_share) AS special_share
        FROM rows WHERE model = $1 GROUP BY layer, source_lang ORDER BY ALL
        """,
        [model],
    )
    others = len(study.manifest.languages) - 1
    for row in rows:
        counts = {name: row[name] // others for name in ("n", "truncated")}
        yield LanguageFacts(model=model, **row | counts)


def _completeness(study: Study) -> Completeness:
    (row,) = study.records(
        f"SELECT count(*) AS attributions, {_ATTRIBUTIONS}, "
        "median(source_mass_error) AS median_mass_error, "
        "max(source_mass_error) AS worst_mass_error FROM rows"
    )
    others = len(study.manifest.languages) - 1
    counts = {name: row[name] // others for name in ("attributions", "truncated")}
    return Completeness(**row | counts)
