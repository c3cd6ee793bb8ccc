"""The score of a model in a language: over all items of the split where its card has them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pandas as pd

from ccta_core.models.catalog import catalog, is_twin
from ccta_core.study.manifest import Manifest
from ccta_core.study.storage.table import Study

PUBLISHED = ("xnli", "pawsx", "xquad", "panx")
"""Data sets whose splits are the same items wherever their name stands."""


CARDS = "cards"
"""In a study's folder: cards of models whose weights do not ship, by id with ~ for /."""


@dataclass(frozen=True, slots=True, eq=False)
class LanguageScores:
    """The scores of a study's models by language, and over how many items.

    `by_cell` maps (model, language) to the score, `bounds` to its 95% interval where a card has
    one. `from_cards`: they are those of the models' cards, over all items of the split; else the
    study's own, over its few.
    """

    by_cell: dict[tuple[str, str], float]
    items: int
    from_cards: bool
    bounds: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)


def language_scores(study: Study) -> LanguageScores:
    """Returns the scores of the study's models, without twins with a random head.

    Those of the cards where every model has a card of the same weights, scored on the split the
    study's items come from in each of its languages, and contexts were not cut; else the study's.
    """
    manifest = study.manifest
    by_cell: dict[tuple[str, str], float] = {}
    bounds: dict[tuple[str, str], tuple[float, float]] = {}
    counts = []
    for model in manifest.models:
        if is_twin(model["id"]):
            continue
        card = _card_of(study, model)
        if not same_split(card, manifest):
            return _of_rows(study)
        scores, metric = card.get("scores", {}), card.get("metric", "")
        for lang in manifest.languages:
            if metric not in scores.get(lang, {}):
                return _of_rows(study)
            by_cell[model["id"], lang] = float(scores[lang][metric])
            if "low" in scores[lang]:
                bounds[model["id"], lang] = (scores[lang]["low"], scores[lang]["high"])
            counts.append(int(scores[lang].get("n", 0)))
    return LanguageScores(by_cell, min(counts), True, bounds) if counts else _of_rows(study)


def _card_of(study: Study, model: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the card of the weights that the study measured: the catalogue's, else the one beside
    the study; empty where both are of other weights.
    """
    info = catalog().get(model["id"])
    if info is not None and info.revision == model["revision"]:
        return info.card
    path = study.folder / CARDS / f"{str(model['id']).replace('/', '~')}.json"
    try:
        card = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    same = isinstance(card, dict) and card.get("revision") == model["revision"]
    return card if same else {}


def same_split(card: Mapping[str, Any], manifest: Manifest) -> bool:
    """Returns whether a card's scores are of the split that the study's items come from."""
    if manifest.source not in PUBLISHED or manifest.crop is not None:
        return False  # a cut context is another question than the card's
    words = str(card.get("command", "")).split()
    scored = [after for word, after in pairwise(words) if word == "--eval"]
    # A data set's folder may stand between its name and its split: xnli:FOLDER#dev.
    return any(
        name.partition(":")[0].partition("#")[0] == manifest.source
        and name.rpartition("#")[2] == manifest.split
        for name in scored
    )


def _of_rows(study: Study) -> LanguageScores:
    table = study.query(
        "SELECT model, source_lang AS lang, avg(source_score) AS score FROM rows GROUP BY ALL"
    )
    table = table[~table["model"].map(is_twin)].dropna(subset=["score"])
    keys = zip(table["model"], table["lang"], strict=True)
    by_cell = dict(zip(keys, table["score"].astype(float), strict=True))
    return LanguageScores(by_cell, study.manifest.items, False)


def with_scores(study: Study, table: pd.DataFrame, unit: str) -> pd.DataFrame:
    """Returns a table of units with `score` from the cards where they hold.

    Columns: model, source, target, score; a pair of languages has the mean of both. Items keep
    their own.
    """
    scores = language_scores(study)
    if unit == "item" or not scores.from_cards or "score" not in table:
        return table

    def of(row: tuple[str, str, str]) -> float:
        model, source, target = row
        langs = (source, target) if unit == "pair" else (target,)
        known = [scores.by_cell.get((model, lang)) for lang in langs]
        values = [value for value in known if value is not None]
        return sum(values) / len(values) if len(values) == len(langs) else float("nan")

    cells = zip(table["model"], table["source"], table["target"], strict=True)
    own = table["score"]
    replaced = pd.Series([of(cell) for cell in cells], index=table.index, dtype=float)
    return table.assign(score=replaced.where(replaced.notna(), own))
