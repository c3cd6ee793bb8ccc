"""Scores a model on labelled items of one language, with an interval that respects groups."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ccta_core.analysis.intervals import clustered_interval, f1_interval
from ccta_core.attribution.protocol import Stop, never
from ccta_core.corpus.items import Item
from ccta_core.corpus.labels import match_labels, match_tags, relabel_items
from ccta_core.errors import CctaError
from ccta_core.evaluation.answers import answer_scores
from ccta_core.evaluation.predict import answers, classes, tags
from ccta_core.evaluation.tagging import entity_counts
from ccta_core.models.model import Model

_DIGITS = 4


@dataclass(frozen=True, slots=True, eq=False)
class ItemScores:
    """What a model made of each item of one language: what paired tests compare.

    Shape: `columns` maps a name to (items,). Classes: `predicted` (labels) and `correct` (1 or 0);
    question answering: `f1` and `em`; tags: entities `correct`, in `gold` and `predicted`.
    """

    task: str
    ids: tuple[str, ...]
    groups: tuple[str, ...]
    columns: dict[str, np.ndarray]


def score(
    model: Model, items: Sequence[Item], *, bfloat16: bool = False, stop: Stop = never
) -> dict[str, Any]:
    """Returns the task's metric over items of one language, in [0, 1]: `summarise` of
    `item_scores`.
    """
    return summarise(item_scores(model, items, bfloat16=bfloat16, stop=stop))


def item_scores(
    model: Model, items: Sequence[Item], *, bfloat16: bool = False, stop: Stop = never
) -> ItemScores:
    """Returns what the model makes of each item.

    Labels and tags of the data are matched with the model's (`corpus.labels`). Raises CctaError
    without items, on items without the gold answer the task needs, and on labels that the model
    does not certainly have.
    """
    if not items:
        raise CctaError("there is no item to score; check the data set's split and language")
    scorer = {"qa": _answers, "ner": _tags}.get(model.info.task, _classes)
    columns = scorer(model, items, bfloat16, stop)
    ids, groups = (tuple(getattr(item, name) for item in items) for name in ("id", "group"))
    return ItemScores(model.info.task, ids, groups, columns)


def summarise(scores: ItemScores) -> dict[str, Any]:
    """Returns the task's metric, in [0, 1].

    Classes: `accuracy`; question answering: `f1` and `em` (answers.py); tags: `f1`, `precision`,
    `recall` of entities. `low` and `high` are the 95% bootstrap interval of the first of these,
    whole groups drawn (of tags: sentences); `n` is the number of items.
    """
    columns = scores.columns
    if scores.task == "ner":
        summary = _entity_summary(columns)
    else:
        metric = "f1" if scores.task == "qa" else "accuracy"
        values = columns["f1" if scores.task == "qa" else "correct"]
        low, high = clustered_interval(values, scores.groups)
        exact = {"em": float(columns["em"].mean())} if scores.task == "qa" else {}
        summary = {metric: float(values.mean()), **exact, "low": low, "high": high}
    return {
        name: round(value, _DIGITS) if isinstance(value, float) else value
        for name, value in summary.items()
    } | {"n": len(scores.ids)}


def _entity_summary(columns: dict[str, np.ndarray]) -> dict[str, Any]:
    correct, gold, predicted = (
        int(columns[name].sum()) for name in ("correct", "gold", "predicted")
    )
    low, high = f1_interval(columns["correct"], columns["gold"], columns["predicted"]) or (
        None,
        None,
    )
    return {
        "f1": 2 * correct / (gold + predicted) if gold else None,
        "precision": correct / predicted if predicted else None,
        "recall": correct / gold if gold else None,
        "low": low,
        "high": high,
    }


def _classes(
    model: Model, items: Sequence[Item], bfloat16: bool, stop: Stop
) -> dict[str, np.ndarray]:
    for item in items:
        if item.label is None:
            raise CctaError(f"item {item.id} ({item.lang}) has no gold label")
    labels = {item.label for item in items if item.label is not None}
    mapping = match_labels(labels, model.labels, data="the data", model=model.id)
    items = relabel_items(items, mapping)
    predicted = classes(model, items, bfloat16=bfloat16, stop=stop)
    right = [label == item.label for label, item in zip(predicted, items, strict=True)]
    return {"predicted": np.array(predicted), "correct": np.array(right, float)}


def _answers(
    model: Model, items: Sequence[Item], bfloat16: bool, stop: Stop
) -> dict[str, np.ndarray]:
    predicted = answers(model, items, bfloat16=bfloat16, stop=stop)
    pairs = []
    for answer, item in zip(predicted, items, strict=True):
        if item.text2 is None or not item.answers:
            raise CctaError(f"item {item.id} ({item.lang}) has no answer marked in a context")
        golds = [item.text2[start:end] for start, end in item.answers]
        pairs.append(answer_scores(answer, golds, item.lang))
    f1, em = np.array(pairs, float).T
    return {"f1": f1, "em": em}


def _tags(model: Model, items: Sequence[Item], bfloat16: bool, stop: Stop) -> dict[str, np.ndarray]:
    gold = {tag for item in items for tag in item.tags}
    mapping = match_tags(gold, model.labels, data="the data", model=model.id)
    items = relabel_items(items, mapping)
    predicted = tags(model, items, bfloat16=bfloat16, stop=stop)
    counts = entity_counts([list(item.tags) for item in items], predicted)
    return {
        "correct": counts.correct.sum(1),
        "gold": counts.gold.sum(1),
        "predicted": counts.predicted.sum(1),
    }
