"""What each shipped model says of the demo corpus, so that a page can show it without the model.

python -m ccta_core.zoo.demo_predictions [ID ...]
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ccta_core.corpus.demo import DEMO_PARTS, read_demo
from ccta_core.errors import CctaError
from ccta_core.models.catalog import SHIPPED, catalog
from ccta_core.models.load import load_model
from ccta_core.models.model import Model
from ccta_core.pipeline.sentences import look
from ccta_core.tasks import task_of
from ccta_core.types import Sentence

FILE = "predictions.json"
_DIGITS = 3
_CHUNK = 64

Said = dict[str, float]
"""The predicted class or answer, or every entity ("words: TYPE"), with its probability."""


def predictions(model: Model, sentences: Sequence[Sentence]) -> list[Said]:
    """The model's prediction for each sentence: the best one, or all entities of a tagger."""
    task = task_of(model.info.task)
    found = []
    for start in range(0, len(sentences), _CHUNK):
        for one in look(model, sentences[start : start + _CHUNK], []):
            said = task.aim(model, one.seen, task.label(model, one.seen, "each")).prediction
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


def main() -> None:
    """Writes the predictions of the models named, or of all adapters that ship."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ids", nargs="*")
    options = parser.parse_args()
    for info in catalog().values():
        if info.folder and SHIPPED in info.folder.parents and info.id in (options.ids or [info.id]):
            write_predictions(load_model(info.id), info.folder)
            sys.stderr.write(f"{info.id}\n")


if __name__ == "__main__":
    main()
