"""Demo items made from comparisons that ship: the original at layer 0, adjusted at layer 3."""

import numpy as np
import pandas as pd

from ccta_core.adjustment.demo import DemoPlace, words_path, write_pair
from ccta_core.config import Config
from ccta_core.corpus.demo import read_demo
from ccta_core.models.catalog import find
from ccta_core.store.pairs import find_pair

ITEM = "ferry-c"
"""The item whose comparisons ship at several layers."""
LINKS = (
    ("ferry-c", "salió", "left", "tiempo"),
    ("ferry", "ferri", "ferry", "boda"),
    ("bakery-e", "pan", "bread", "calle"),
)
"""Sentence, foreign word, English word, unrelated foreign word."""
LAYERS = (0, 1, 2, 3)


def write_demo(folder):
    """Writes an item of Spanish in two arms, and linked words in them; returns the results."""
    example = next(each for each in read_demo("nli") if each.id == ITEM)
    sides = [example.sentences[lang] for lang in ("en", "es")]
    results = {}
    for arm, layer in (("original", 0), ("adjusted", 3)):
        result = find_pair(find("e5-small/nli-en"), *sides, Config().with_layer(layer))
        write_pair(folder, DemoPlace("nli", "es", arm, ITEM), result.payload(), 1)
        results[arm] = result
    for arm, far in (("original", 0.4), ("adjusted", 0.2)):
        made_words(far).to_parquet(words_path(folder, "es", arm), index=False)
    return results


def made_words(far):
    """Three links at every layer: related at 1/4, 2/4, 3/4 of `far`, unrelated `far` beyond."""
    rows = []
    for layer in LAYERS:
        for place, (sentence, foreign, english, unrelated) in enumerate(LINKS):
            related = far * (place + 1) / 4
            angle = np.float32(place)
            rows.append(
                {"sentence": sentence, "foreign": foreign, "english": english,
                 "unrelated": unrelated, "foreign_place": place, "english_place": place,
                 "layer": layer, "related_cosine": related, "unrelated_cosine": related + far,
                 "related_l2": 10 * related, "unrelated_l2": 10 * (related + far),
                 "x_foreign": np.cos(angle), "y_foreign": np.sin(angle),
                 "x_english": np.cos(angle) + 5 * related, "y_english": np.sin(angle),
                 "plane_share": 0.25, "model": "made", "revision": "made", "seed": 1}
            )  # fmt: skip
    return pd.DataFrame(rows)
