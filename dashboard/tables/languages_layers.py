"""Layer by layer: EMS and its controls of a study, MEXA of the backbone alone."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ccta_core.study.table import Study
from dashboard.tables.languages import means
from dashboard.tables.study_measures import MEASURES

PROFILE = ("ems", "gain", "ems_uniform")
VARIANTS = {"mexa": "MEXA", "mexa_centered": "language mean subtracted", "random": "untrained"}
"""What the card measured, and how the page calls it; random: the same network, untrained."""


def layer_profile(study: Study, model: str) -> pd.DataFrame:
    """EMS, gain and embeddings only by layer, over all pairs of languages, groups of items drawn.

    Columns: measure, layer, value, low, high, n, groups; n counts items x pairs.
    """
    parts = []
    for name in PROFILE:
        sql = MEASURES[name].at("pair")
        sums = study.query(
            f'SELECT layer, "group", coalesce(sum({sql}), 0) AS total, count({sql}) AS known '
            'FROM pairs WHERE model = ? GROUP BY ALL ORDER BY layer, "group"',
            [model],
        )
        parts.append(means(sums.assign(measure=name), ["measure", "layer"]))
    return pd.concat(parts, ignore_index=True)


def mexa_table(card: Mapping[str, Any], languages: Sequence[str]) -> pd.DataFrame:
    """MEXA with English by layer, one row a variant, language and layer, of the languages given.

    Columns: variant, lang, layer, value, n. Empty where the card has none. See
    `research.zoo.retrieval`, which writes the card.
    """
    measured = card.get("mexa", {})
    rows = [
        (variant, lang, layer, value, found["n"])
        for variant in VARIANTS
        for lang, found in measured.get("random" if variant == "random" else "scores", {}).items()
        if lang in languages
        for layer, value in enumerate(found["mexa" if variant == "random" else variant])
    ]
    return pd.DataFrame(rows, columns=["variant", "lang", "layer", "value", "n"])


def mexa_means(table: pd.DataFrame) -> pd.DataFrame:
    """The mean over languages by variant and layer, with the least and the greatest language.

    Columns: variant, layer, value, least, greatest, languages.
    """
    grouped = table.groupby(["variant", "layer"], sort=False)["value"]
    return grouped.agg(value="mean", least="min", greatest="max", languages="count").reset_index()
