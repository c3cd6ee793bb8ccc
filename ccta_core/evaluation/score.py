"""Scores a model on labelled items of one language, with an interval that respects groups."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ccta_core.analysis.intervals import clustered_interval
from ccta_core.attribution.protocol import Stop, never
from ccta_core.corpus.items import Item
from ccta_core.corpus.labels import match_labels, match_tags, relabel_items
from ccta_core.errors import CctaError
from ccta_core.evaluation.answers import answer_scores
from ccta_core.evaluation.predict import answers, classes, tags
from ccta_core.evaluation.tagging import entity_scores
from ccta_core.models.model import Model

_DIGITS = 4


def score(
    model: Model, items: Sequence[Item], *, bfloat16: bool = False, stop: Stop = never
) -> dict[str, Any]:
    """Returns the task's metric over items of one language, in [0, 1].

    Classes: `accuracy`; question answering: `f1` and `em` (answers.py); tags: `f1`, `precision`,
    `recall` of entities. `low` and `high` are the 95% bootstrap interval of the first of these,
    whole groups drawn; `n` is the number of items. Labels and tags of the data are matched with the
    model's (`corpus.labels`). Raises CctaError without items, on items without the gold answer the
    task needs, and on labels that the model does not certainly have.
    """
    if not items:
        raise CctaError("there is no item to score; check the data set's split and language")
    scorer = {"qa": _answers, "ner": _tags}.get(model.info.task, _classes)
    figures = scorer(model, items, bfloat16, stop)
    return {
        name: round(value, _DIGITS) if isinstance(value, float) else value
        for name, value in figures.items()
    } | {"n": len(items)}


def _classes(model: Model, items: Sequence[Item], bfloat16: bool, stop: Stop) -> dict[str, Any]:
    for item in items:
        if item.label is None:
            raise CctaError(f"item {item.id} ({item.lang}) has no gold label")
    labels = {item.label for item in items if item.label is not None}
    mapping = match_labels(labels, model.labels, data="the data", model=model.id)
    items = relabel_items(items, mapping)
    predicted = classes(model, items, bfloat16=bfloat16, stop=stop)
    right = np.array(
        [label == item.label for label, item in zip(predicted, items, strict=True)], float
    )
    low, high = clustered_interval(right, [item.group for item in items])
    return {"accuracy": float(right.mean()), "low": low, "high": high}


def _answers(model: Model, items: Sequence[Item], bfloat16: bool, stop: Stop) -> dict[str, Any]:
    predicted = answers(model, items, bfloat16=bfloat16, stop=stop)
    pairs = []
    for answer, item in zip(predicted, items, strict=True):
        if item.text2 is None or not item.answers:
            raise CctaError(f"item {item.id} ({item.lang}) has no answer marked in a context")
        golds = [item.text2[start:end] for start, end in item.answers]
        pairs.append(answer_scores(answer, golds, item.lang))
    f1, em = np.array(pairs, float).T
    low, high = clustered_interval(f1, [item.group for item in items])
    return {"f1": float(f1.mean()), "em": float(em.mean()), "low": low, "high": high}


def _tags(model: Model, items: Sequence[Item], bfloat16: bool, stop: Stop) -> dict[str, Any]:
    gold = {tag for item in items for tag in item.tags}
    mapping = match_tags(gold, model.labels, data="the data", model=model.id)
    items = relabel_items(items, mapping)
    predicted = tags(model, items, bfloat16=bfloat16, stop=stop)
    scores = entity_scores([list(item.tags) for item in items], predicted)
    return {name: scores[name] for name in ("f1", "precision", "recall", "low", "high")}
