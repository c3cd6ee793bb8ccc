"""Trains, measures and describes whatever of the zoo is missing; stopped, it goes on where it was.

python -m research.zoo.build DATA [NAME ...] [--list] [--train-only]
"""

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from ccta_core.corpus.formats.flores import read_flores
from ccta_core.corpus.items import Item
from ccta_core.corpus.resolve import SOURCES
from ccta_core.corpus.spec import read_items
from ccta_core.models.catalog import BACKBONE, SHIPPED, find
from ccta_core.models.load import load_model
from ccta_core.models.model import Model
from ccta_core.space.maps import MEANS_FILE
from ccta_core.training.card import WEIGHTS
from ccta_core.training.finish import make_loadable, score_card
from ccta_core.training.fit import METRICS, Data, fit
from research.zoo.plan import Entry, plan
from research.zoo.predictions import FILE, write_predictions

RUNS = Path(__file__).parent / "runs"
"""Cards of the runs whose weights do not ship."""
MEANS_LANGUAGES = (
    *("ar", "bg", "bn", "de", "el", "en", "es", "fr", "hi", "ja", "ko"),
    *("ru", "sw", "th", "tr", "ur", "vi", "zh"),
)
"""Languages with a mean: those of the demo corpus and of the benchmarks."""
MEANS_SENTENCES = 200


def main() -> None:
    """Works through the plan, or through the entries named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with xnli, pawsx, xquad, panx, flores200")
    parser.add_argument("names", nargs="*", help="entries of the plan (all)")
    parser.add_argument("--list", action="store_true", help="say what is here and what is missing")
    parser.add_argument("--train-only", action="store_true")
    parser.add_argument("--langs", help="score in these of the plan's languages for now: en,es")
    parser.add_argument("--work", type=Path, default=Path("cache/training"))
    options = parser.parse_args()
    chosen = [entry for entry in plan() if not options.names or entry.name in options.names]
    unknown = set(options.names) - {entry.name for entry in chosen}
    if unknown:
        parser.error(f"not in the plan: {', '.join(sorted(unknown))}")
    for entry in chosen:
        left = unscored(entry)
        wanted = [lang for lang in left if not options.langs or lang in options.langs.split(",")]
        if options.list:
            sys.stdout.write(f"{entry.name}: {state(entry)}\n")
        elif wanted:
            facts = trained(entry, options.data, options.work / entry.name)
            if not options.train_only:
                describe(entry, facts, wanted, options.data, options.work / entry.name)


def unscored(entry: Entry) -> tuple[str, ...]:
    """The planned languages that its card has no score in; all of them where there is no card."""
    path = SHIPPED / BACKBONE / entry.name / "card.json"
    path = path if entry.ships else RUNS / f"{entry.name}.json"
    scores = json.loads(path.read_text("utf-8"))["scores"] if path.exists() else {}
    return tuple(lang for lang in entry.scored if lang not in scores)


def state(entry: Entry) -> str:
    """Whether it is here, in words."""
    left = unscored(entry)
    if not left:
        return "here"
    return "missing" if left == entry.scored else f"not yet scored in {' '.join(left)}"


def trained(entry: Entry, data: Path, work: Path) -> dict[str, Any]:
    """The facts of the entry's training run, which is done or gone on with if it has to be."""
    if (work / METRICS).exists():
        found: dict[str, Any] = json.loads((work / METRICS).read_text("utf-8"))
        return found
    items = [item for spec in entry.train for item in _items(spec, data, entry.langs)]
    start = find(entry.start) if entry.start else None
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return fit(Data(items, spec=entry.train), entry.recipe, work, start=start, device=device)


def describe(
    entry: Entry, facts: dict[str, Any], langs: Sequence[str], data: Path, work: Path
) -> None:
    """Fits the means, scores the model in `langs` and puts what ships in its place.

    Scores that the card has already stay.
    """
    shipped = SHIPPED / BACKBONE / entry.name
    if unscored(entry) != entry.scored and entry.ships:
        _copy(shipped, work)
        _score(entry, load_model(str(work)), langs, data, work)
        return
    texts = {
        lang: read_flores(data / "flores200", lang)[:MEANS_SENTENCES] for lang in MEANS_LANGUAGES
    }
    said = {
        "data": entry.data,
        "licence": entry.licence,
        "evaluation": entry.evaluation,
        "interval": "95% bootstrap clustered by premise, article or sentence",
        "weaknesses": entry.weaknesses,
        "reference": entry.reference,
        "command": entry.command,
        "threads": torch.get_num_threads(),
        "processor_seconds": facts["seconds"],
    }
    _score(entry, make_loadable(work, facts, texts, **said), langs, data, work)


def _score(entry: Entry, model: Model, langs: Sequence[str], data: Path, work: Path) -> None:
    scored: dict[str, list[Item]] = {}
    for item in _items(entry.evaluate, data, langs):
        scored.setdefault(item.lang, []).append(item)
    card = score_card(work, model, scored, bfloat16=True)
    if not entry.ships:
        RUNS.mkdir(exist_ok=True)
        text = json.dumps(card, ensure_ascii=False, indent=1, sort_keys=True)
        (RUNS / f"{entry.name}.json").write_text(text + "\n", encoding="utf-8")
        return
    write_predictions(model, work)
    _copy(work, SHIPPED / BACKBONE / entry.name)


def _copy(work: Path, folder: Path) -> None:
    """Copies what makes the model; the card last, for without it the model is not found."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*WEIGHTS, MEANS_FILE, FILE, "card.json"):
        shutil.copyfile(work / name, folder / name)


def _items(spec: str, data: Path, langs: Sequence[str] | None) -> tuple[Item, ...]:
    """The items of a spec whose set lies under `data`."""
    name, _, split = spec.partition("#")
    where = data / SOURCES[name].folder
    return read_items(f"{name}:{where}" + (f"#{split}" if split else ""), langs).items


if __name__ == "__main__":
    main()
