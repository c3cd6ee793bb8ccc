"""Scores tagged sentences by entity-level precision, recall and F1; entities as seqeval finds
them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import regex

from ccta_core.analysis.intervals import f1_interval
from ccta_core.errors import CctaError

_TAG = regex.compile(r"O|[BI]-.+")


@dataclass(frozen=True, slots=True, eq=False)
class EntityCounts:
    """How many entities each sentence has, of each type.

    `correct` are predicted with exactly the gold type, beginning and end. Shape: (sentences, types)
    for the three arrays.
    """

    types: tuple[str, ...]
    correct: np.ndarray
    gold: np.ndarray
    predicted: np.ndarray


def entity_scores(
    gold: Sequence[Sequence[str]],
    predicted: Sequence[Sequence[str]],
    *,
    groups: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Returns micro-averaged entity F1, precision and recall, with F1's 95% interval, and each by
    type.

    `low` and `high` are a bootstrap over sentences, or over `groups` of them; `gold`, `predicted`
    and `correct` count entities. Undefined is None: F1 (and its interval) and recall without a gold
    entity, precision without a predicted one. Raises CctaError as `entity_counts` does.
    """
    counts = entity_counts(gold, predicted)
    interval = f1_interval(
        counts.correct.sum(1), counts.gold.sum(1), counts.predicted.sum(1), groups
    )
    low, high = interval or (None, None)
    return {
        **_scores(*_totals(counts.correct, counts.gold, counts.predicted)),
        "low": low,
        "high": high,
        "sentences": len(gold),
        "types": {
            kind: _scores(*_totals(*columns))
            for kind, *columns in zip(
                counts.types, counts.correct.T, counts.gold.T, counts.predicted.T, strict=True
            )
        },
    }


def entity_counts(
    gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]
) -> EntityCounts:
    """Returns correct, gold and predicted entities of every sentence.

    Entities are read leniently as conlleval does (seqeval's default): an I- after O or after
    another type begins one. Raises CctaError on no sentence, on sentences or tags that do not pair
    up, and on a tag that is not O, B-TYPE or I-TYPE.
    """
    _check(gold, predicted)
    pairs = [
        (_entities(gold_entities), _entities(predicted_entities))
        for gold_entities, predicted_entities in zip(gold, predicted, strict=True)
    ]
    types = sorted({entity[0] for pair in pairs for side in pair for entity in side})
    column = {kind: place for place, kind in enumerate(types)}
    correct, in_gold, in_predicted = np.zeros((3, len(pairs), len(types)), int)
    for row, (gold_entities, predicted_entities) in enumerate(pairs):
        for counts, entities in (
            (correct, gold_entities & predicted_entities),
            (in_gold, gold_entities),
            (in_predicted, predicted_entities),
        ):
            for kind, _, _ in entities:
                counts[row, column[kind]] += 1
    return EntityCounts(tuple(types), correct, in_gold, in_predicted)


def _check(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> None:
    if not gold or len(gold) != len(predicted):
        raise CctaError(
            f"expected as many predicted sentences as gold ones, at least one; got {len(gold)} "
            f"gold and {len(predicted)} predicted"
        )
    for place, (gold_tags, predicted_tags) in enumerate(zip(gold, predicted, strict=True)):
        if len(gold_tags) != len(predicted_tags):
            raise CctaError(
                f"sentence {place}: expected one predicted tag a gold tag, got {len(gold_tags)} "
                f"gold and {len(predicted_tags)} predicted"
            )
        for tag in (*gold_tags, *predicted_tags):
            if not _TAG.fullmatch(tag):
                raise CctaError(f"sentence {place}: expected O, B-TYPE or I-TYPE, got {tag!r}")


def _entities(tags: Sequence[str]) -> set[tuple[str, int, int]]:
    """Returns the entities of one sentence: type, first and last word."""
    from seqeval.metrics.sequence_labeling import get_entities  # loads scikit-learn

    return set(get_entities(list(tags)))


def _totals(*counts: np.ndarray) -> list[int]:
    return [int(count.sum()) for count in counts]


def _scores(correct: int, gold: int, predicted: int) -> dict[str, Any]:
    return {
        "f1": 2 * correct / (gold + predicted) if gold else None,
        "precision": correct / predicted if predicted else None,
        "recall": correct / gold if gold else None,
        "gold": gold,
        "predicted": predicted,
        "correct": correct,
    }
