"""Loads every shipped model, checks its files and its predictions on the demo corpus.

python -m ccta_core.zoo.check [--items 8] [--langs en,es,zh]
"""

import argparse
import sys
from collections.abc import Iterator, Sequence

from ccta_core.errors import CctaError
from ccta_core.models.catalog import SHIPPED, ModelInfo, catalog
from ccta_core.models.load import load_model
from ccta_core.zoo.demo_predictions import demo_sentences, predictions, read_predictions

TOLERANCE = 0.02
"""Probabilities may differ by this much between machines."""


def main() -> None:
    """Says what is wrong, a line a fault, and fails if anything is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, help="the first N items (all)")
    parser.add_argument("--langs", help="languages, as in en,es,zh (all)")
    options = parser.parse_args()
    langs = options.langs.split(",") if options.langs else None
    count = 0
    for info in shipped():
        found = list(faults(info, items=options.items, langs=langs))
        count += len(found)
        sys.stdout.write(f"{info.id}: {'; '.join(found) or 'as its card says'}\n")
        sys.stdout.flush()
    sys.exit(1 if count else 0)


def shipped() -> list[ModelInfo]:
    """The zoo's adapters."""
    return [info for info in catalog().values() if info.folder and SHIPPED in info.folder.parents]


def faults(
    info: ModelInfo, *, items: int | None = None, langs: Sequence[str] | None = None
) -> Iterator[str]:
    """What is not as the card and the stored predictions say."""
    if info.folder is None:
        return
    try:
        model, stored = load_model(info.id), read_predictions(info.folder)
    except CctaError as error:
        yield str(error)
        return
    demo = demo_sentences(info.task)
    for lang in langs or sorted(demo):
        chosen = dict(list(demo[lang].items())[:items])
        now = dict(zip(chosen, predictions(model, list(chosen.values())), strict=True))
        wrong = [name for name, said in now.items() if not _same(said, stored[lang].get(name))]
        if wrong:
            yield f"{lang}: other predictions than stored for {', '.join(wrong)}"


def _same(said: dict[str, float], stored: dict[str, float] | None) -> bool:
    """Equal names and near probabilities; a near tie may fall the other way on another machine."""
    if stored is None:
        return False
    if said.keys() == stored.keys():
        return all(abs(said[name] - stored[name]) <= TOLERANCE for name in said)
    unsure = [*(said[name] for name in said.keys() - stored.keys())]
    unsure += [stored[name] for name in stored.keys() - said.keys()]
    return all(probability <= 0.5 + TOLERANCE for probability in unsure)


if __name__ == "__main__":
    main()
