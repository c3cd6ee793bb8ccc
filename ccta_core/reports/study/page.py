"""A study as one self-contained page: nothing is loaded, nothing runs, nothing is a text of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from ccta_core.measures import MEASURES, label
from ccta_core.reports.figures import Point, heatmap, scatter
from ccta_core.reports.study.facts import language_name, layers, missing_by_model, outline
from ccta_core.reports.study.means import PairMeans, Summary, both_ways, mean_of_all, overall
from ccta_core.reports.study.tables import (
    Table,
    completeness_facts,
    data_facts,
    language_table,
    left_out_table,
    means_table,
    models_table,
    number_or_dash,
    overview_table,
    settings_facts,
)
from ccta_core.reports.templates import render
from ccta_core.text import count


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing with its title, what it shows, and its data as the address of a CSV file.

    Without `svg` there was nothing to draw, and `caption` says why.
    """

    caption: str
    title: str = ""
    svg: str = ""
    data: str = ""
    file_name: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """What the page shows of one model at one layer."""

    model: str
    layer: int
    training: str
    sentence: str
    means: Table
    heatmaps: Sequence[Figure]
    scatter: Figure
    languages: Table


def study_page(summary: Summary) -> str:
    """Returns a complete HTML document: what was studied, EMS beside its controls, figures,
    gaps.
    """
    study, settings = summary.study, summary.settings
    sentences = [_sentence(summary, *setting) for setting in settings]
    verdict = sentences[0] if sentences else ""
    if len(settings) > 1:
        verdict += f" This is the first of {len(settings)} models and layers below."
    else:
        sentences = [""]  # the verdict says it
    parts = (
        *outline(study.manifest),
        count(len(study.manifest.models), "model"),
        layers(study.manifest),
    )
    return render(
        "study/page.html",
        title=f"Study {study.name}: consistency of attributions across languages",
        heading=f"Study {study.name}",
        setting=", ".join(parts),
        unfinished=_unfinished(summary),
        verdict=verdict,
        data=data_facts(study),
        models=models_table(study),
        completeness=completeness_facts(summary),
        left_out=left_out_table(study),
        overview=overview_table(summary) if len(settings) > 1 else None,
        sections=[
            _section(summary, model, layer, sentence)
            for (model, layer), sentence in zip(settings, sentences, strict=True)
        ],
        settings=settings_facts(study),
    )


def _unfinished(summary: Summary) -> str:
    """Returns which parts are missing and how to go on; empty where none is."""
    study = summary.study
    done, total = study.done
    if done == total:
        return ""
    where = "; ".join(f"{model}: {parts}" for model, parts in missing_by_model(study).items())
    return (
        f"This study is not finished: {total - done} of {total} parts "
        f"{'is' if total - done == 1 else 'are'} missing ({where}). Every number below is over "
        f"what is there and may change; ccta study resume {study.name} goes on."
    )


def _sentence(summary: Summary, model: str, layer: int) -> str:
    """Says EMS beside its controls for one model and layer, and claims no more than they allow."""
    pairs = both_ways(summary.of(model, layer), summary.study.manifest.languages)
    ems, gain = (number_or_dash(overall(pairs, name), 2) for name in ("ems", "gain"))
    controls = [
        f"{label(key)} {number_or_dash(value, 2)}"
        for key in ("ems_shuffled", "ems_uniform", "ems_unrelated")
        if (value := overall(pairs, key)) is not None
    ]
    head = f"{model}, layer {layer}: mean EMS is {ems} over {count(len(pairs), 'language pair')}"
    head = "; ".join([head, ", ".join(controls)] if controls else [head])
    if overall(pairs, "gain") is None:
        return f"{head}. Without shuffled masses it can't be distinguished from similar embeddings."
    lows = [pair.means["gain"].low for pair in pairs]
    above = sum(low is not None and low > 0 for low in lows)
    return (
        f"{head}. The gain over shuffled is {gain}; its 95% interval lies above zero in {above} "
        f"of {count(len(pairs), 'pair')}."
    )


def _section(summary: Summary, model: str, layer: int, sentence: str) -> Section:
    pairs, languages = summary.of(model, layer), summary.study.manifest.languages
    facts = next(facts for facts in summary.study.manifest.models if facts["id"] == model)
    trained = facts.get("training_language")
    return Section(
        model,
        layer,
        f"trained on {language_name(trained)}" if trained else "no training language known",
        sentence,
        means_table(both_ways(pairs, languages), summary.columns),
        [_heatmap(pairs, languages, measure) for measure in summary.measures],
        _scatter(summary, layer, facts),
        language_table(summary, model, layer),
    )


def _heatmap(pairs: Sequence[PairMeans], languages: Sequence[str], measure: str) -> Figure:
    """Returns a measure by language pair; the title says which pair has most and which least."""
    name = label(measure)
    # A name of one letter (p, z) stays small.
    title = name[:1].upper() + name[1:] if name[1:2].isalpha() else name
    measured = [(value, pair) for pair in pairs if (value := pair.means[measure].value) is not None]
    if not measured:
        return Figure(f"{title}: not known of any pair.")
    least, most = (pick(measured, key=lambda entry: entry[0]) for pick in (min, max))
    (low, lowest), (high, highest) = (
        (number_or_dash(value, 2), f"{language_name(pair.source)} - {language_name(pair.target)}")
        for value, pair in (least, most)
    )
    if len(measured) < 3:
        title = f"{title}: {highest} {high}"
    else:
        title = f"{title}: highest for {highest} ({high}), lowest for {lowest} ({low})"
    means = [(pair.source, pair.target, pair.means[measure]) for pair in pairs]
    cells = {(source, target): mean.value for source, target, mean in means}
    rows = [(source, target, mean.value, mean.n) for source, target, mean in means]
    return Figure(
        f"Mean {name} by language pair; rows are sources, columns targets.",
        title,
        heatmap(cells, languages, title=title, signed=MEASURES[measure].signed),
        _csv_address(("source", "target", measure, "n"), rows),
        f"{measure}.csv",
    )


def _scatter(summary: Summary, layer: int, facts: Mapping) -> Figure:
    """Draws accuracy against consistency, a point a language; a sentence where there is nothing to
    see.

    x is the mean with the training language, which is left out itself; where there is none in the
    study, the mean over the other languages.
    """
    measure = summary.measures[0]
    trained = facts.get("training_language")
    trained = trained if trained in summary.study.manifest.languages else None
    score = {row.lang: row.score for row in summary.by_language(facts["id"], layer)}
    points = [
        Point(lang, x, y)
        for lang, x in _consistency(summary.of(facts["id"], layer), measure, trained).items()
        if x is not None and (y := score.get(lang)) is not None
    ]
    what = "F1" if facts.get("task") == "qa" else "accuracy"
    where = f"with {language_name(trained)}" if trained else "with the other languages"
    if len(points) < 2:
        why = "one language only" if points else "no score is known"
        return Figure(f"Consistency {where} against {what}: {why}, nothing to draw.")
    caption = f"n = {len(points)} languages, a point each."
    if trained:
        caption += f" {language_name(trained)}, the training language, is left out."
    if len(points) > 3:
        caption += (
            " Dashed: least squares with its 95% band, as if languages were independent, which "
            "they are not."
        )
    caption += (
        " Nothing is claimed: two columns of a few languages may go together for many reasons, "
        "similar embeddings among them."
    )
    title = f"{what[:1].upper()}{what[1:]} beside {label(measure)} {where}"
    x_label = f"mean {label(measure)} {where}"
    return Figure(
        caption,
        title,
        scatter(points, title=title, x_label=x_label, y_label=what),
        _csv_address(
            ("language", measure, what), [(point.label, point.x, point.y) for point in points]
        ),
        f"{measure}-{what}.csv",
    )


def _consistency(
    pairs: Sequence[PairMeans], measure: str, trained: str | None
) -> dict[str, float | None]:
    """Returns the measure of each language: against the training language, else its mean over
    others.
    """
    values: dict[str, list[float | None]] = {}
    for pair in pairs:
        if trained is None or (pair.source == trained != pair.target):
            lang = pair.target if trained else pair.source
            values.setdefault(lang, []).append(pair.means[measure].value)
    return {lang: mean_of_all(of_language) for lang, of_language in values.items()}


def _csv_address(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Returns a figure's numbers as a CSV file in an address."""
    lines = [columns, *(["" if value is None else str(value) for value in row] for row in rows)]
    text = "".join(f"{','.join(line)}\r\n" for line in lines)
    return f"data:text/csv;charset=utf-8,{quote(text)}"
