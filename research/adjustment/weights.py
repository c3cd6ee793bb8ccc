"""Chooses the weights of continual learning on held-out links and held-out English items.

python -m research.adjustment.weights NAME TRAIN [--start ID] [--skip N] [--items N] [--out FILE]

NAME is an adjustment, whose pairs and links are used; TRAIN a data set of English inference. The
task starts from the adjusted backbone, or from ID: a model that knows the task already tells
weights apart after few steps. Without the first `--skip` items, N drawn at random are learnt from
and N others held out. The rule: of all weights whose accuracy on the held-out items is within one
standard error of the best, those with the highest AUC of related over unrelated words on held-out
links. Items of the target language are never read.
"""

import argparse
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ccta_core.adjustment.continual import ContinualSettings, gradient_line, open_continual
from ccta_core.adjustment.probe import Probe
from ccta_core.corpus.demo import read_demo
from ccta_core.corpus.items import Item
from ccta_core.corpus.spec import scan
from ccta_core.evaluation.score import score
from ccta_core.models.catalog import find
from ccta_core.training.finish import make_loadable
from ccta_core.training.fit import Data, fit
from ccta_core.training.loop import to_stderr
from ccta_core.training.recipe import recipe_for

GRID = ("0:0", "0.01:1", "0.1:1", "1:1", "10:1", "10:10", "100:10")
"""Weights of alignment and anchor; the second are EFI's for mBERT."""


def main() -> None:
    """Trains one small model a pair of weights and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="an adjustment")
    parser.add_argument("train", help="English items: taxinli")
    parser.add_argument("--items", type=int, default=1000, help="learnt from, and as many held out")
    parser.add_argument("--start", help="what training starts from (the adjusted backbone)")
    parser.add_argument("--skip", type=int, default=0, help="items that START was trained on")
    parser.add_argument("--weights", nargs="*", default=GRID, metavar="ALIGN:ANCHOR")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="a file of JSON lines, read and added to")
    options = parser.parse_args()
    every = scan(options.train, ["en"]).reading.items[options.skip :]
    order = np.random.default_rng(0x77).permutation(len(every))[: 2 * options.items]
    items = [every[row] for row in order]  # a file may be in order of its labels
    rows = []
    if options.out is not None and options.out.exists():
        rows = [json.loads(line) for line in options.out.read_text("utf-8").splitlines()]
    done = {(row["align_weight"], row["anchor_weight"]) for row in rows}
    for text in options.weights:
        align, anchor = (float(part) for part in text.split(":"))
        if (align, anchor) in done:
            continue
        rows.append(measure(options, items, align, anchor))
        if options.out is not None:
            options.out.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    best = choose(rows)
    for row in rows:
        mark = "*" if row is best else " "
        sys.stdout.write(
            f"{mark} alignment {row['align_weight']:<6g} anchor {row['anchor_weight']:<6g} "
            f"accuracy {row['accuracy']:.3f} (SE {row['standard_error']:.3f})  "
            f"AUC {row['auc']:.4f}  held loss {row['held_loss']:.5f}  norms "
            f"{row['norm_task']} {row['norm_alignment']} {row['norm_anchor']}\n"
        )


def measure(
    options: argparse.Namespace, items: list[Item], align: float, anchor: float
) -> dict[str, Any]:
    """One trial as a row.

    `accuracy` is that on held-out English items, `standard_error` its binomial one; `auc` and
    `held_loss` are on held-out links at the last layer; norms are means over the logged steps.
    """
    start, seed = find(options.start or f"adjusted/{options.name}"), options.seed
    settings = ContinualSettings(options.name, align_weight=align, anchor_weight=anchor)
    terms = open_continual(settings, start, seed=seed, bfloat16=True, report=to_stderr)
    half = len(items) // 2
    recipe = recipe_for("nli", seed=seed, epochs=1)
    with TemporaryDirectory() as place:
        out = Path(place)
        facts = fit(Data(items[:half]), recipe, out, start=start, auxiliary=terms)
        to_stderr(gradient_line(facts["continual"]))
        texts = {"en": [example.sentences["en"].text for example in read_demo("nli")]}
        model = make_loadable(out, facts, texts)
        score_row = score(model, items[half:], bfloat16=True)
        probe = Probe(terms.reader, terms.prepared.held, terms.layer)
        row = probe.measure(model.hf_model.base_model, 0, {}, bfloat16=True)[terms.layer]
    accuracy, means = float(score_row["accuracy"]), facts["continual"]["means"]
    norms = {f"norm_{term}": means.get(f"norm_{term}") for term in ("task", "alignment", "anchor")}
    return {
        "align_weight": align,
        "anchor_weight": anchor,
        "accuracy": accuracy,
        "standard_error": (accuracy * (1 - accuracy) / score_row["n"]) ** 0.5,
        "auc": row["auc_cosine"],
        "held_loss": row["held_loss"],
        **norms,
    }


def choose(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The trial with the highest AUC among those within one standard error of the best accuracy."""
    best = max(rows, key=lambda row: float(row["accuracy"]))
    near = [row for row in rows if row["accuracy"] >= best["accuracy"] - best["standard_error"]]
    return max(near, key=lambda row: float(row["auc"]))


if __name__ == "__main__":
    main()
