"""Trains the NLI series on fewer items: does consistency grow with the data a model has seen?

python -m research.zoo.sizes DATA [--langs es,en,zh] [--seeds 1,2,3] [--sizes 500,1250,2500]

The items of a size are whole premises spread evenly over XNLI test, and those of a smaller size are
among those of a larger one. What is trained already stays; a run that was killed goes on.
"""

import argparse
import json
import sys
from pathlib import Path

from ccta_core.config import cache_root
from ccta_core.corpus.formats.flores import read_flores
from ccta_core.corpus.items import Item
from ccta_core.corpus.resolve import SOURCES
from ccta_core.corpus.spec import read_items
from ccta_core.corpus.spread import spread_groups
from ccta_core.models.catalog import read_info
from ccta_core.training.finish import make_loadable, score_card
from ccta_core.training.fit import Data, fit
from ccta_core.training.recipe import recipe_for
from research.zoo.build import MEANS_SENTENCES, RUNS

SIZES = (500, 1250, 2500)
"""Items; the series itself has all 5,010."""
TRAINED_ON, SEEDS = ("es", "en", "zh"), (1, 2, 3)
SCORED = ("ar", "de", "en", "es", "hi", "ru", "zh")
SCORED_PREMISES = 200
"""Of XNLI dev, spread evenly, with all three hypotheses: 600 items a language."""


def main() -> None:
    """Trains and scores what is missing, all languages of a seed before the next seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with xnli and flores200")
    parser.add_argument("--langs", default=",".join(TRAINED_ON))
    parser.add_argument("--seeds", default=",".join(map(str, SEEDS)))
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    options = parser.parse_args()
    for seed in map(int, options.seeds.split(",")):
        for size in map(int, options.sizes.split(",")):
            for lang in options.langs.split(","):
                train(options.data, lang, size, seed)


def name_of(lang: str, size: int, seed: int) -> str:
    """Returns the id of a model of this training language, size and seed."""
    return f"own/nli-xnli-{lang}-{size}-seed{seed}"


def train(data: Path, lang: str, size: int, seed: int) -> None:
    """Trains one model in float32 and scores it, unless it is there."""
    folder = cache_root() / "models" / name_of(lang, size, seed)
    recipe = recipe_for("nli", seed=seed, bfloat16=False)
    items = spread_groups(read(data, "test", (lang,)), size)
    if read_info(folder) is None:
        facts = fit(Data(items, spec=("xnli#test",)), recipe, folder)
        texts = {each: read_flores(data / "flores200", each)[:MEANS_SENTENCES] for each in SCORED}
        make_loadable(
            folder, facts, texts,
            data=f"XNLI test (CC BY-NC 4.0), {len(items)} items of premises spread evenly over it",
            licence="weights: CC BY-NC 4.0 (XNLI); code: MIT",
            evaluation=f"XNLI dev (CC BY-NC 4.0), {SCORED_PREMISES} premises spread over it x 3",
        )  # fmt: skip
    from ccta_core.models.load import load_model

    scored: dict[str, list[Item]] = {}
    for each in SCORED:
        scored[each] = spread_groups(read(data, "dev", (each,)), 3 * SCORED_PREMISES)
    card = score_card(folder, load_model(str(folder)), scored)
    text = json.dumps(card, ensure_ascii=False, indent=1, sort_keys=True)
    RUNS.mkdir(exist_ok=True)
    (RUNS / f"{folder.name}.json").write_text(text + "\n", encoding="utf-8")
    means = [values["accuracy"] for values in card["scores"].values()]
    sys.stdout.write(f"{name_of(lang, size, seed)}: {sum(means) / len(means):.3f}\n")


def read(data: Path, split: str, langs: tuple[str, ...]) -> list[Item]:
    """Returns the items of an XNLI split in these languages."""
    return list(read_items(f"xnli:{data / SOURCES['xnli'].folder}#{split}", langs).items)


if __name__ == "__main__":
    main()
