"""The alignment adapter scaled from 0 to 1.5 under a task's model that was trained on it.

python -m research.adjustment.dial es --data xnli:FOLDER#dev [--items 200] [--limit-seconds 1800]

At scale s a weight is W_original + s (W_adjusted - W_original) + what the task's training added, so
that 1 is the model as it is and 0 takes the alignment out again from under the task. Each scale is
measured, none interpolated: accuracy in the language, AUC of linked demo words at the last layer,
and EMS of demo items (raw space: the language means belong to scale 1). Scales that are there are
left as they are; the table is cache/adjustment/dial.parquet.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from ccta_core.adjustment.demo import GROUPS, PIVOT
from ccta_core.adjustment.probe import auc, distances, read_sentences, unrelated_words
from ccta_core.adjustment.tables import SHIPPED, read_tables
from ccta_core.adjustment.words import WordReader
from ccta_core.config import Config
from ccta_core.corpus.demo import read_demo
from ccta_core.corpus.items import Item
from ccta_core.corpus.spec import read_items
from ccta_core.evaluation.score import score
from ccta_core.models.catalog import BACKBONE
from ccta_core.models.load import backbone, load_model
from ccta_core.models.model import Model
from ccta_core.pipeline import compare_many
from research.adjustment.sentences import LinkedSentences, arm_models, linked_sentences

SCALES = (0.0, 1.0, 0.5, 1.5, 0.25, 0.75, 1.25)
"""The coarse ones first: a run that is cut short leaves a whole dial with fewer points."""
_TASK = "nli"
_SPACE = "none"


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What every scale is measured on."""

    items: list[Item]
    linked: LinkedSentences
    reader: WordReader


def main() -> None:
    """Measures the scales that are missing, until the time is up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lang")
    parser.add_argument("--data", required=True, help="items that are scored: xnli:FOLDER#dev")
    parser.add_argument("--items", type=int, default=200, help="the first ones (200)")
    parser.add_argument("--arm", default="adjusted", choices=("adjusted", "placebo"))
    parser.add_argument("--out", type=Path, default=SHIPPED, help="the folder of the tables")
    parser.add_argument("--limit-seconds", type=float, default=1800.0)
    options = parser.parse_args()
    deadline = time.monotonic() + options.limit_seconds
    runs = read_tables(options.out)["runs"]
    arm = next(each for each in arm_models(runs, options.lang) if each.arm == options.arm)
    model, original = load_model(arm.task_model), backbone(BACKBONE)
    reader = WordReader(original.tokenizer)
    measured = Measured(
        list(read_items(options.data, (options.lang,)).items[: options.items]),
        linked_sentences(options.lang, reader, original.encoder(), original.align_layer),
        reader,
    )
    step = alignment_step(original.state, backbone(arm.word_model).state)
    path = options.out / "dial.parquet"
    place = {"lang": arm.lang, "arm": arm.arm, "seed": arm.seed, "task": _TASK,
             "model": model.id, "revision": model.info.revision}  # fmt: skip
    for scale in SCALES:
        rows = pd.read_parquet(path) if path.exists() else pd.DataFrame()
        if len(rows) and ((rows[list(place)] == pd.Series(place)).all(axis=1)
                          & (rows["scale"] == scale)).any():  # fmt: skip
            continue
        if time.monotonic() > deadline:
            break
        with scaled(model.hf_model, step, scale):
            # A model of its own: references that are remembered belong to one scale.
            turned = Model(model.info, model.hf_model, model.tokenizer)
            row = place | {"scale": scale} | _measure(turned, arm.lang, measured)
        rows = pd.concat([rows, pd.DataFrame([row])], ignore_index=True)
        rows.sort_values(["lang", "arm", "scale"]).to_parquet(path, index=False, compression="zstd")
        sys.stderr.write(f"{row}\n")


def alignment_step(
    original: dict[str, torch.Tensor], adjusted: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """What the adjustment added to each weight; only of weights that it changed."""
    steps = {name: adjusted[name] - weight for name, weight in original.items()}
    return {name: step for name, step in steps.items() if bool(step.any())}


@contextmanager
def scaled(hf_model: Any, step: dict[str, torch.Tensor], scale: float) -> Iterator[None]:
    """Inside it the alignment's part of the model's weights is times `scale`; then as it was."""
    encoder = hf_model.base_model
    weights = {name: weight for name, weight in encoder.named_parameters() if name in step}
    if len(weights) != len(step):
        raise ValueError(f"{len(step)} weights were adjusted and the model has {len(weights)}")
    kept = {name: weight.detach().clone() for name, weight in weights.items()}
    try:
        with torch.no_grad():
            for name, weight in weights.items():
                weight.add_(step[name].to(weight), alpha=scale - 1.0)
        yield
    finally:
        with torch.no_grad():
            for name, weight in weights.items():
                weight.copy_(kept[name])


def _measure(model: Model, lang: str, measured: Measured) -> dict[str, Any]:
    pairs = measured.linked.pairs
    encoder: Any = model.hf_model.base_model
    layer = int(encoder.config.num_hidden_layers)
    sides = [
        read_sentences(encoder, measured.reader, [getattr(p, side) for p in pairs], [layer])
        for side in ("foreign", "english")
    ]
    values = distances(
        pairs, unrelated_words(pairs), sides[0].words[layer], sides[1].words[layer], "cosine"
    )
    results = []
    for example in read_demo(_TASK):
        if example.group in GROUPS and example.id.endswith("-c"):
            config = Config(space=_SPACE, target_class=str(example.label))
            both = (example.sentences[PIVOT], example.sentences[lang])
            results += compare_many(model, [both], config)
    scores = score(model, measured.items)
    chance = [result.chance_level for result in results if result.chance_level is not None]
    return {
        "metric": "accuracy", "score": float(scores["accuracy"]), "n": len(measured.items),
        "auc": auc(values), "related": float(values.related.mean()),
        "unrelated": float(values.unrelated.mean()), "links": len(values.related),
        "layer": layer, "ems": float(np.mean([result.ems for result in results])),
        "chance": float(np.mean(chance)), "pairs": len(results), "space": _SPACE,
    }  # fmt: skip


if __name__ == "__main__":
    main()
