"""What each shipped model predicts on the demo corpus: stored beside it, and checked.

python -m research.zoo.predictions [ID ...] [--items 8] [--langs en,es,zh]
python -m research.zoo.predictions [ID ...] --write
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ccta_core.corpus.demo import DEMO_PARTS, read_demo
from ccta_core.errors import CctaError
from ccta_core.models.catalog import SHIPPED, ModelInfo, catalog
from ccta_core.models.load import load_model
from ccta_core.models.model import Model
from ccta_core.pipeline.sentences import forward
from ccta_core.tasks import task_of
from ccta_core.types import Sentence

FILE = "predictions.json"
_DIGITS = 3
_CHUNK = 64
TOLERANCE = 0.02
"""Probabilities may differ by this much between machines."""

Said = dict[str, float]
"""The predicted class or answer, or every entity ("words: TYPE"), with its probability."""


def predictions(model: Model, sentences: Sequence[Sentence]) -> list[Said]:
    """The model's prediction for each sentence: the best one, or all entities of a tagger."""
    task = task_of(model.info.task)
    found = []
    for start in range(0, len(sentences), _CHUNK):
        for one in forward(model, sentences[start : start + _CHUNK], []):
            said = task.explain(model, one.output, task.label(model, one.output, "each")).prediction
            best = sorted(said.items(), key=lambda entry: -entry[1])
            kept = best if model.info.task == "ner" else best[:1]
            found.append({name: round(probability, _DIGITS) for name, probability in kept})
    return found


def demo_sentences(task: str) -> dict[str, dict[str, Sentence]]:
    """Language -> item -> sentence of the task's demo part; answers are not in focus."""
    by_lang: dict[str, dict[str, Sentence]] = {}
    for item in read_demo(DEMO_PARTS[task]):
        for lang, sentence in item.sentences.items():
            plain = Sentence(sentence.text, lang, sentence.text2)
            by_lang.setdefault(lang, {})[item.id] = plain
    return by_lang


def write_predictions(model: Model, folder: Path) -> None:
    """Writes `predictions.json`: language -> item -> prediction, for all of the demo part."""
    said = {
        lang: dict(zip(items, predictions(model, list(items.values())), strict=True))
        for lang, items in demo_sentences(model.info.task).items()
    }
    lines = [
        f" {json.dumps(lang)}: {json.dumps(found, ensure_ascii=False)}"
        for lang, found in sorted(said.items())
    ]
    (folder / FILE).write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def read_predictions(folder: Path) -> Mapping[str, Mapping[str, Said]]:
    """What `write_predictions` wrote. Raises CctaError where it is missing or can't be read."""
    try:
        found: dict[str, dict[str, Said]] = json.loads((folder / FILE).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CctaError(f"{folder / FILE} can't be read ({error}); run make zoo-check") from error
    return found


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


def main() -> None:
    """Checks the models named, or all that ship: a line a model, and fails if a prediction differs.

    Writes their predictions instead where that is asked for.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ids", nargs="*", metavar="ID", help="such as e5-small/nli-en (all)")
    parser.add_argument("--write", action="store_true", help="store what the models say now")
    parser.add_argument("--items", type=int, help="check the first N items (all)")
    parser.add_argument("--langs", help="check these languages, as in en,es,zh (all)")
    options = parser.parse_args()
    models = [info for info in shipped() if info.id in (options.ids or [info.id])]
    unknown = set(options.ids) - {info.id for info in models}
    if unknown:
        parser.error(f"no shipped model is named {', '.join(sorted(unknown))}")
    langs = options.langs.split(",") if options.langs else None
    count = 0
    for info in models:
        if options.write and info.folder:
            write_predictions(load_model(info.id), info.folder)
            sys.stderr.write(f"{info.id}\n")
            continue
        wrong = list(faults(info, items=options.items, langs=langs))
        count += len(wrong)
        sys.stdout.write(f"{info.id}: {'; '.join(wrong) or 'as its card says'}\n")
        sys.stdout.flush()
    sys.exit(1 if count else 0)


if __name__ == "__main__":
    main()
