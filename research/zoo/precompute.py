"""Comparisons that ship with the product, so that the Pair page opens before a model is loaded.

python -m research.zoo.precompute [--limit-seconds 600]
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from ccta_core.config import Config
from ccta_core.corpus.demo import read_demo
from ccta_core.store.files import write_entry
from ccta_core.store.pairs import SHIPPED, find_pair, pair_key
from ccta_core.types import Sentence

if TYPE_CHECKING:
    from ccta_core.models.model import Model

_MODEL = "e5-small/nli-en"
_FIRST = "ferry-c"
_AT_ONCE = 12
"""Comparisons of one batch: three languages of four items, whose English side is read once."""


def main() -> None:
    """Computes what is missing, the most looked at first, until the time is up; old ones go."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit-seconds", type=float, default=600.0)
    options = parser.parse_args()
    from ccta_core.models.load import load_model  # what is wanted is known without torch

    model, config = load_model(_MODEL), Config()
    deadline, made, kept = time.monotonic() + options.limit_seconds, 0, set()
    missing = []
    for source, target, settings in wanted(config):
        kept.add(pair_key(model.info, source, target, settings))
        if find_pair(model.info, source, target, settings) is None:
            missing.append((source, target, settings))
    for settings, group in groupby(missing, key=itemgetter(2)):
        for chunk in batched([(source, target) for source, target, _ in group], _AT_ONCE):
            if time.monotonic() < deadline:
                made += _write(model, chunk, settings)
    old = [path for path in SHIPPED.rglob("*.json.gz") if path.name.split(".")[0] not in kept]
    for path in old:  # of another version, revision or text: nothing asks for it any more
        path.unlink()
        if not any(path.parent.iterdir()):
            path.parent.rmdir()
    sys.stderr.write(f"{made} comparisons written to {SHIPPED}, {len(old)} old ones removed\n")


def _write(model: "Model", pairs: Sequence[tuple[Sentence, Sentence]], settings: Config) -> int:
    from ccta_core.pipeline import compare_many

    for (source, target), result in zip(pairs, compare_many(model, pairs, settings), strict=True):
        key = pair_key(model.info, source, target, settings)
        write_entry(SHIPPED, key, result.payload())
    return len(pairs)


def batched(
    pairs: Sequence[tuple[Sentence, Sentence]], size: int
) -> Iterator[Sequence[tuple[Sentence, Sentence]]]:
    """Runs of at most `size` pairs, in order."""
    for start in range(0, len(pairs), size):
        yield pairs[start : start + size]


def wanted(config: Config | None = None) -> Iterator[tuple[Sentence, Sentence, Config]]:
    """The first item in every language and at several layers, then every item in Spanish, Chinese
    and Arabic.
    """
    config = config or Config()
    items = {item.id: item for item in read_demo("nli")}
    first = items[_FIRST].sentences
    for lang in ("es", "ar", "zh", *sorted(first)):
        if lang != "en":
            yield first["en"], first[lang], config
    for layer in range(1, 12):
        yield first["en"], first["es"], config.with_layer(layer)
    for item in items.values():
        for lang in ("es", "zh", "ar"):
            yield item.sentences["en"], item.sentences[lang], config


if __name__ == "__main__":
    main()
