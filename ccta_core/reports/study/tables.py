"""The tables of a study's page: data frames of text, and facts by name."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ccta_core.measures import MEASURES, WITH_CONTROLS, label
from ccta_core.reports.study.facts import data_name, language_name, left_out_reasons, own_version
from ccta_core.reports.study.means import PairMeans, Summary, both_ways, overall
from ccta_core.study.storage.table import Study
from ccta_core.text import count, number

_WITH_INTERVAL = ("ems", "gain")
_MOST_REASONS = 20


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A table as a page shows it. All cells of `frame` are text and its first column names a row.

    The first `words` columns stand left, the others are numbers. `notes` are small texts before a
    number, by the places of its row and column.
    """

    caption: str
    frame: pd.DataFrame
    words: int = 1
    notes: Mapping[tuple[int, int], str] = field(default_factory=dict)


def number_or_dash(value: float | None, digits: int = 3) -> str:
    """Returns a number with so many digits; a hyphen where there is none or it is not finite."""
    return "-" if value is None or not math.isfinite(value) else number(value, digits)


def percent_or_dash(share: float | None, digits: int = 1) -> str:
    """Returns a share as a percentage; a hyphen where there is none."""
    return "-" if share is None else f"{number_or_dash(100 * share, digits)}%"


def means_table(pairs: Sequence[PairMeans], measures: Sequence[str]) -> Table:
    """Returns EMS beside its controls, a row a language pair.

    A mean over fewer items than the pair has is noted with its own n.
    """
    titles = ["language pair", "n", "groups"]
    for measure in measures:
        titles += [label(measure)] + ["95% interval"] * (measure in _WITH_INTERVAL)
    rows: list[list[str]] = []
    notes = {}
    for pair in pairs:
        names = f"{language_name(pair.source)} - {language_name(pair.target)}"
        row = [names, str(pair.n), str(pair.groups)]
        for measure in measures:
            mean = pair.means[measure]
            if mean.value is not None and mean.n < pair.n:
                notes[len(rows), len(row)] = f"n = {mean.n}"
            row.append(number_or_dash(mean.value))
            if measure in _WITH_INTERVAL:
                interval = f"{number_or_dash(mean.low)} to {number_or_dash(mean.high)}"
                row.append("-" if mean.low is None else interval)
        rows.append(row)
    caption = (
        "Means by language pair, with 95% intervals in which groups (premises, paragraphs), "
        "not items, are independent; not corrected for the number of pairs."
    )
    more = [
        f"{label(name)}: {MEASURES[name].meaning}" for name in measures if name not in WITH_CONTROLS
    ]
    if more:
        caption += f" {'; '.join(more)}."
    return Table(caption, pd.DataFrame(rows, columns=titles), notes=notes)


def overview_table(summary: Summary) -> Table:
    """Returns a row a model and layer: means over language pairs, and over languages the
    accuracy.
    """
    tasks = {model.get("task") for model in summary.study.manifest.models}
    # Of answers the score is their F1; over models of several tasks it has no name of its own.
    score = "F1" if tasks == {"qa"} else "mean score" if "qa" in tasks else "accuracy"
    rows = []
    for model, layer in summary.settings:
        pairs = both_ways(summary.of(model, layer), summary.study.manifest.languages)
        languages = summary.by_language(model, layer)
        row = {"model": model, "layer": str(layer), "pairs": str(len(pairs))}
        row |= {label(name): number_or_dash(overall(pairs, name)) for name in WITH_CONTROLS}
        row[score] = number_or_dash(_mean_of_known(facts.score for facts in languages))
        converged = _mean_of_known(facts.converged for facts in languages)
        rows.append(row | {"converged": percent_or_dash(converged)})
    return Table("Means over language pairs, each pair counting alike.", pd.DataFrame(rows))


def language_table(summary: Summary, model: str, layer: int) -> Table:
    """Returns what each language's texts say whatever they are compared with."""
    models = summary.study.manifest.models
    answers = any(facts["id"] == model and facts.get("task") == "qa" for facts in models)
    rows = []
    for facts in summary.by_language(model, layer):
        row = {"language": language_name(facts.lang), "n": str(facts.n)}
        row["exact match" if answers else "accuracy"] = number_or_dash(facts.accuracy)
        if answers:
            row["F1"] = number_or_dash(facts.score)
        row |= {
            "converged": percent_or_dash(facts.converged),
            "median error": percent_or_dash(facts.median_error, 2),
            "worst error": percent_or_dash(facts.worst_error, 2),
            "truncated": str(facts.truncated),
            label("special_share"): percent_or_dash(facts.special_share),
        }
        rows.append(row)
    caption = (
        "Errors are completeness errors. Share on special tokens: of the attribution, on tokens "
        "that are no words; it gets no mass."
    )
    return Table(caption, pd.DataFrame(rows))


def models_table(study: Study) -> Table:
    """Returns the models with their revisions and what they were trained on."""
    rows = [
        {
            "model": model["id"],
            "revision": model.get("revision") or "-",
            "task": model.get("task") or "-",
            "training language": language_name(model.get("training_language") or "-"),
            "seed": "-" if model.get("seed") is None else str(model["seed"]),
        }
        for model in study.manifest.models
    ]
    return Table("Models.", pd.DataFrame(rows), words=4)


def left_out_table(study: Study) -> Table | None:
    """Counts why items were left out, None where it was not kept; what a reason quoted is not
    shown.
    """
    reasons = left_out_reasons(study)
    if not reasons:
        return None
    rows = [(reason, f"{items:,}") for reason, items in reasons[:_MOST_REASONS]]
    rest = reasons[_MOST_REASONS:]
    if rest:
        items = sum(items for _, items in rest)
        rows.append((count(len(rest), "other reason"), f"{items:,}"))
    return Table("Items left out, by reason.", pd.DataFrame(rows, columns=["reason", "items"]))


def data_facts(study: Study) -> dict[str, str]:
    """Returns the data: where from, licence, how much, which languages and layers."""
    manifest = study.manifest
    return {
        "data": data_name(manifest),
        "source and split": f"{manifest.source}, {manifest.part_of_data}",
        "licence of the data": manifest.licence,
        "items": f"{manifest.items:,} (sha256 of their ids {manifest.items_sha256[:16]})",
        "languages": ", ".join(f"{language_name(lang)} ({lang})" for lang in manifest.languages),
        "layers": ", ".join(map(str, manifest.layers)) + " (0 is the output of the embeddings)",
        "in this page": "ids of models and numbers; no text of the data",
    }


def completeness_facts(summary: Summary) -> dict[str, str]:
    """Parts that are there, attributions that converged, texts that were cut, items left out."""
    completeness, manifest = summary.completeness, summary.study.manifest
    done, total = summary.study.done
    converged = completeness.converged
    return {
        "parts": f"{done} of {total} there, {total - done} missing",
        "attributions": f"{completeness.attributions:,} (text x model x layer)",
        "converged": (
            "not measured by this method" if converged is None else percent_or_dash(converged, 2)
        ),
        "masses within (90%), median": number_or_dash(completeness.median_mass_error),
        "masses within (90%), worst": number_or_dash(completeness.worst_mass_error),
        "median completeness error": percent_or_dash(completeness.median_error, 3),
        "worst completeness error": percent_or_dash(completeness.worst_error, 3),
        "attributions of truncated texts": f"{completeness.truncated:,}",
        "items left out": f"{manifest.left_out:,}",
    }


def settings_facts(study: Study) -> dict[str, str]:
    """Returns every setting and version that decides the numbers."""
    manifest = study.manifest
    settings = {name: value for name, value in manifest.config.items() if name != "layer"}
    return {
        **{name.replace("_", " "): _setting_text(value) for name, value in settings.items()},
        "fingerprint of the settings": manifest.fingerprint,
        "schema": str(manifest.schema),
        "threads of a worker": str(manifest.threads),
        **{name: str(value) for name, value in manifest.versions.items()},
        "written by": own_version(),
    }


def _setting_text(value: Any) -> str:
    if isinstance(value, Mapping):
        parts = (f"{name.replace('_', ' ')} {_setting_text(part)}" for name, part in value.items())
        return ", ".join(parts)
    if value is None:
        return "the model's own"
    return value if isinstance(value, str) else json.dumps(value)


def _mean_of_known(values: Iterable[float | None]) -> float | None:
    finite = [value for value in values if value is not None]
    return sum(finite) / len(finite) if finite else None
