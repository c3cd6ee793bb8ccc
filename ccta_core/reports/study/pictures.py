"""The page's figures, each with a title, its data as CSV, and no claim."""

from collections.abc import Sequence
from urllib.parse import quote

from ccta_core.measures import MEASURES, label
from ccta_core.reports.figures import Point, heatmap, scatter
from ccta_core.reports.study.means import PairMeans, Summary
from ccta_core.reports.study.words import name_of, safe, shown, titled


def pictures(summary: Summary, model: str, layer: int) -> str:
    """The heatmaps of the measures and the scatter of accuracy for one model and layer."""
    maps = "".join(_heat(summary, model, layer, name) for name in summary.measures)
    return f'<div class="figures">{maps}</div>{_scatter(summary, model, layer)}'


def _heat(summary: Summary, model: str, layer: int, measure: str) -> str:
    pairs = summary.of(model, layer)
    if all(pair.means[measure].value is None for pair in pairs):
        return f'<p class="quiet">{safe(titled(label(measure)))}: not known of any pair.</p>'
    cells = {(pair.source, pair.target): pair.means[measure].value for pair in pairs}
    title = _extremes(pairs, measure)
    svg = heatmap(
        cells, summary.study.manifest.languages, title=title, signed=MEASURES[measure].signed
    )
    rows = [
        (pair.source, pair.target, pair.means[measure].value, pair.means[measure].n)
        for pair in pairs
    ]
    data = _csv(("source", "target", measure, "n"), rows)
    say = f"Mean {label(measure)} by language pair; rows are sources, columns targets."
    return _figure(title, say, svg, data, f"{measure}.csv")


def _extremes(pairs: Sequence[PairMeans], measure: str) -> str:
    """Which pair has most and which least: what the heatmap shows first."""
    known = [(value, pair) for pair in pairs if (value := pair.means[measure].value) is not None]
    (least, low), (most, high) = (
        choose(known, key=lambda entry: entry[0]) for choose in (min, max)
    )
    if len(known) < 3:
        return f"{titled(label(measure))}: {_named(high)} {shown(most, 2)}"
    return (
        f"{titled(label(measure))}: highest for {_named(high)} ({shown(most, 2)}), lowest for "
        f"{_named(low)} ({shown(least, 2)})"
    )


def _named(pair: PairMeans) -> str:
    return f"{name_of(pair.source)} - {name_of(pair.target)}"


def _scatter(summary: Summary, model: str, layer: int) -> str:
    """Accuracy against consistency, a point a language; a sentence where there is nothing to see.

    x is the mean with the training language, which is left out itself; where there is none in the
    study, the mean over the other languages.
    """
    measure = summary.measures[0]
    facts = next(one for one in summary.study.manifest.models if one["id"] == model)
    trained = facts.get("training_language")
    trained = trained if trained in summary.study.manifest.languages else None
    score = {one.lang: one.score for one in summary.by_language(model, layer)}
    consistency = _consistency(summary.of(model, layer), measure, trained)
    points = [
        Point(lang, x, y)
        for lang, x in consistency.items()
        if x is not None and (y := score.get(lang)) is not None
    ]
    what = "F1" if facts.get("task") == "qa" else "accuracy"
    where = f"with {name_of(trained)}" if trained else "with the other languages"
    if len(points) < 2:
        return f'<p class="quiet">{safe(_nothing(points, what, where))}</p>'
    x_label, title = (
        f"mean {label(measure)} {where}",
        f"{what.capitalize()} beside {label(measure)} {where}",
    )
    if what == "F1":
        title = f"F1 beside {label(measure)} {where}"
    svg = scatter(points, title=title, x_label=x_label, y_label=what)
    rows = [(point.label, point.x, point.y) for point in points]
    return _figure(
        title,
        _caption(points, trained),
        svg,
        _csv(("language", measure, what), rows),
        f"{measure}-{what}.csv",
    )


def _consistency(
    pairs: Sequence[PairMeans], measure: str, trained: str | None
) -> dict[str, float | None]:
    """The measure of each language: against the training language, else its mean over others."""
    found: dict[str, list[float | None]] = {}
    for pair in pairs:
        if trained is None or (pair.source == trained != pair.target):
            lang = pair.target if trained else pair.source
            found.setdefault(lang, []).append(pair.means[measure].value)
    return {lang: _average(values) for lang, values in found.items()}


def _average(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None


def _caption(points: Sequence[Point], trained: str | None) -> str:
    out = f" {name_of(trained)}, the training language, is left out." if trained else ""
    line = (
        " Dashed: least squares with its 95% band, as if languages were independent, which they "
        "are not."
        if len(points) > 3
        else ""
    )
    return (
        f"n = {len(points)} languages, a point each.{out}{line} Nothing is claimed: two columns of "
        "a few languages may go together for many reasons, similar embeddings among them."
    )


def _nothing(points: Sequence[Point], what: str, where: str) -> str:
    if points:
        return f"Consistency {where} against {what}: one language only, nothing to draw."
    return f"Consistency {where} against {what}: no score is known, nothing to draw."


def _figure(title: str, caption: str, svg: str, data: str, name: str) -> str:
    return (
        f"<figure><figcaption><b>{safe(title)}</b>{safe(caption)} "
        f'<a class="download" download="{safe(name)}" href="{safe(data)}">Data (CSV)</a>'
        f'</figcaption><div class="scroll" tabindex="0">{svg}</div></figure>'
    )


def _csv(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """The figure's numbers as a data address."""
    lines = [",".join(head)]
    lines += [",".join("" if value is None else str(value) for value in row) for row in rows]
    return "data:text/csv;charset=utf-8," + quote("\r\n".join(lines) + "\r\n")
