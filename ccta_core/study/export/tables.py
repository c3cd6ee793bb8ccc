"""The page's tables as HTML: numbers to the right with equal digits, each in a box that scrolls."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ccta_core.study.export.facts import (
    data_name,
    left_out_reasons,
    own_version,
)
from ccta_core.study.export.means import (
    LanguageFacts,
    Mean,
    PairMeans,
    Summary,
    both_ways,
    overall,
)
from ccta_core.study.export.measures import TABLE, WHAT, label
from ccta_core.study.export.words import name_of, percent, safe, shown
from ccta_core.study.table import Study
from ccta_core.text import count

_WITH_INTERVAL = ("ems", "gain")
_MOST_REASONS = 20
_SEEN = ("converged", "median error", "worst error", "truncated", "share on specials")


def means_table(pairs: Sequence[PairMeans], columns: Sequence[str]) -> str:
    """EMS beside its controls, a row a language pair."""
    heads = [("language pair", False), ("n", True), ("groups", True)]
    heads += [(text, True) for name in columns for text in _heads(name)]
    rows = [
        [
            _head(f"{name_of(pair.source)} - {name_of(pair.target)}"),
            *(_number(str(value)) for value in (pair.n, pair.groups)),
            *(cell for name in columns for cell in _mean(name, pair.means[name], pair.n)),
        ]
        for pair in pairs
    ]
    caption = (
        "Means by language pair, with 95% intervals in which groups (premises, paragraphs), "
        "not items, are independent; not corrected for the number of pairs."
    )
    more = [name for name in columns if name not in TABLE]
    if more:
        caption += " " + "; ".join(f"{label(name)}: {WHAT[name]}" for name in more) + "."
    return _table(caption, heads, rows)


def overview_table(summary: Summary) -> str:
    """A row a model and layer: means over language pairs, and over languages the accuracy."""
    heads = [("model", False), ("layer", True), ("pairs", True)]
    heads += [(label(name), True) for name in TABLE]
    heads += [(_scored(summary), True), ("converged", True)]
    rows = []
    for model, layer in summary.settings:
        pairs = both_ways(summary.of(model, layer), summary.study.plan.languages)
        facts = summary.by_language(model, layer)
        rows.append(
            [
                _head(model),
                _number(str(layer)),
                _number(str(len(pairs))),
                *(_number(shown(overall(pairs, name))) for name in TABLE),
                _number(shown(_over(facts, "score"))),
                _number(percent(_over(facts, "converged"))),
            ]
        )
    return _table("Means over language pairs, each pair counting alike.", heads, rows)


def language_table(summary: Summary, model: str, layer: int) -> str:
    """What each language's texts say whatever they are compared with."""
    answers = any(
        one["id"] == model and one.get("task") == "qa" for one in summary.study.plan.models
    )
    names = ["n", *(("exact match", "F1") if answers else ("accuracy",)), *_SEEN]
    rows = [
        [
            _head(name_of(one.lang)),
            _number(str(one.n)),
            _number(shown(one.accuracy)),
            *([_number(shown(one.score))] if answers else []),
            _number(percent(one.converged)),
            _number(percent(one.median_error, 2)),
            _number(percent(one.worst_error, 2)),
            _number(str(one.truncated)),
            _number(percent(one.special_share)),
        ]
        for one in summary.by_language(model, layer)
    ]
    caption = (
        "Errors are completeness errors. Share on specials: of the attribution, on tokens that are "
        "no words; it gets no mass."
    )
    return _table(caption, [("language", False), *((name, True) for name in names)], rows)


def studied_table(study: Study) -> str:
    """The data: where from, licence, how much, which languages and layers."""
    plan = study.plan
    return _facts(
        {
            "data": data_name(plan),
            "source and split": f"{plan.source}, {plan.part_of_data}",
            "licence of the data": plan.licence,
            "items": f"{plan.items:,} (sha256 of their ids {plan.items_sha256[:16]})",
            "languages": ", ".join(f"{name_of(lang)} ({lang})" for lang in plan.languages),
            "layers": ", ".join(map(str, plan.layers)) + " (0 is the output of the embeddings)",
            "in this page": "ids of models and numbers; no text of the data",
        }
    )


def models_table(study: Study) -> str:
    """The models with their revisions and what they were trained on."""
    heads = [
        ("model", False),
        ("revision", False),
        ("task", False),
        ("training language", False),
        ("seed", True),
    ]
    rows = [
        [
            _head(model["id"]),
            _cell(model.get("revision") or "-"),
            _cell(model.get("task") or "-"),
            _cell(name_of(model.get("training_language") or "-")),
            _number("-" if model.get("seed") is None else str(model["seed"])),
        ]
        for model in study.plan.models
    ]
    return _table("Models.", heads, rows)


def completeness_table(summary: Summary) -> str:
    """Parts that are there, attributions that converged, texts that were cut, items left out."""
    found, plan = summary.completeness, summary.study.plan
    done, total = summary.study.done
    late = found.converged is None
    return _facts(
        {
            "parts": f"{done} of {total} there, {total - done} missing",
            "attributions": f"{found.attributions:,} (text x model x layer)",
            "converged": "not measured by this method" if late else percent(found.converged, 2),
            "masses within (90%), median": shown(found.median_mass_error),
            "masses within (90%), worst": shown(found.worst_mass_error),
            "median completeness error": percent(found.median_error, 3),
            "worst completeness error": percent(found.worst_error, 3),
            "attributions of truncated texts": f"{found.truncated:,}",
            "items left out": f"{plan.left_out:,}",
        }
    )


def left_out_table(study: Study) -> str:
    """Why items were left out; what a reason quoted is not shown."""
    found = left_out_reasons(study)
    if not found:
        return ""
    rows = [[_head(reason), _number(f"{count:,}")] for reason, count in found[:_MOST_REASONS]]
    rest = found[_MOST_REASONS:]
    if rest:
        several = sum(count for _, count in rest)
        rows.append([_head(count(len(rest), "other reason")), _number(f"{several:,}")])
    return _table("Items left out, by reason.", [("reason", False), ("items", True)], rows)


def settings_table(study: Study) -> str:
    """Every setting and version that decides the numbers."""
    plan = study.plan
    settings = {name: value for name, value in plan.config.items() if name != "layer"}
    facts = {name.replace("_", " "): _plain(value) for name, value in settings.items()}
    facts |= {"fingerprint of the settings": plan.fingerprint, "schema": str(plan.schema)}
    facts |= {"threads of a worker": str(plan.threads)}
    facts |= {name: str(value) for name, value in plan.versions.items()}
    return _facts(facts | {"written by": own_version()})


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name.replace('_', ' ')} {_plain(one)}" for name, one in value.items())
    if value is None:
        return "the model's own"
    return value if isinstance(value, str) else json.dumps(value)


def _scored(summary: Summary) -> str:
    """What the mean score is called: of answers it is their F1."""
    tasks = {model.get("task") for model in summary.study.plan.models}
    return "F1" if tasks == {"qa"} else "mean score" if "qa" in tasks else "accuracy"


def _over(facts: Sequence[LanguageFacts], name: str) -> float | None:
    known = [value for one in facts if (value := getattr(one, name)) is not None]
    return sum(known) / len(known) if known else None


def _heads(measure: str) -> tuple[str, ...]:
    return (label(measure), "95% interval") if measure in _WITH_INTERVAL else (label(measure),)


def _mean(name: str, mean: Mean, n: int) -> list[str]:
    """A mean, before it its own n where that is smaller, and its interval in a cell of its own."""
    fewer = mean.value is not None and mean.n < n
    note = f"<small>n = {mean.n}</small> " if fewer else ""
    cells = [f'<td class="number">{note}{safe(shown(mean.value))}</td>']
    if name in _WITH_INTERVAL:
        known = mean.low is not None
        cells.append(_number(f"{shown(mean.low)} to {shown(mean.high)}" if known else "-"))
    return cells


def _head(text: str) -> str:
    return f'<th scope="row">{safe(text)}</th>'


def _cell(text: str) -> str:
    return f"<td>{safe(text)}</td>"


def _number(text: str) -> str:
    return f'<td class="number">{safe(text)}</td>'


def _facts(facts: Mapping[str, str]) -> str:
    rows = "".join(f"<tr>{_head(name)}{_cell(value)}</tr>" for name, value in facts.items())
    return (
        f'<div class="scroll" tabindex="0"><table class="facts"><tbody>{rows}</tbody></table></div>'
    )


def _table(caption: str, heads: Sequence[tuple[str, bool]], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(
        f'<th scope="col"{" class=number" if right else ""}>{safe(name)}</th>'
        for name, right in heads
    )
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return (
        f'<div class="scroll" tabindex="0"><table><caption>{safe(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
