"""How often `mass_error` holds where nobody calibrated it: other tasks, models and baselines.

    python -m research.zoo.mass_coverage [--items 10] [--layers 0,8] [--precision fp32]

Items of the demo corpus, the languages in turn. The truth is the same attribution at a tolerance of
0.001 in float32. Prints a row of Markdown for every model, layer and baseline.
"""

import argparse
import sys
from dataclasses import replace

import numpy as np

from ccta_core.config import Config, Quadrature
from ccta_core.corpus.demo import read_demo
from ccta_core.models.load import load_model
from ccta_core.models.model import Model
from ccta_core.pipeline import attribute
from ccta_core.types import Sentence

_LANGUAGES = ("en", "es", "de", "ru", "zh", "ar", "hi", "sw")
_CASES = (
    ("nli", "e5-small/nli-en", "mask", "logit"),
    ("nli", "e5-small/nli-en", "zero", "logit"),
    ("nli", "e5-small/nli-en", "pad", "margin"),
    ("nli", "e5-small/nli-xnli-es", "pad", "logit"),
    ("paraphrase", "e5-small/paraphrase-en", "pad", "logit"),
    ("qa", "e5-small/qa-en", "pad", "logit"),
    ("sentences", "e5-small/ner-en", "pad", "logit"),
)
_TRUTH = Quadrature(tolerance=0.001, max_points=257)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=10)
    parser.add_argument("--layers", default="0,8")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    options = parser.parse_args()
    _print(
        "| model | baseline | F | layer | evaluations | L1 error, mean | bound, mean | covered "
        "| converged |\n|---|---|---|---|---|---|---|---|---|"
    )
    for part, name, baseline, objective in _CASES:
        model, items = load_model(name), read_demo(part)
        sentences = [
            items[number % len(items)].sentences[_LANGUAGES[number % len(_LANGUAGES)]]
            for number in range(options.items)
        ]
        for layer in map(int, options.layers.split(",")):
            if baseline == "zero" and layer == 0:
                continue  # some 130 evaluations an item, and many more for the truth
            config = Config(
                layer=layer, baseline=baseline, objective=objective, precision=options.precision
            )
            _row(model, sentences, config)


def _row(model: Model, sentences: list[Sentence], config: Config) -> None:
    usual = attribute(model, sentences, config)
    exact = attribute(model, sentences, replace(config, quadrature=_TRUTH, precision="fp32"))
    errors, bounds = [], []
    for ours, truth in zip(usual, exact, strict=True):
        sums = [np.abs(side.scores) for side in (ours, truth)]
        masses = [side / side.sum() for side in sums]
        errors.append(float(np.abs(masses[0] - masses[1]).sum()))
        bounds.append(ours.mass_error or 0.0)
    covered = sum(error <= bound for error, bound in zip(errors, bounds, strict=True))
    converged = np.mean([ours.converged for ours in usual])
    _print(
        f"| {model.id} | {config.baseline} | {config.objective} | {config.layer} "
        f"| {np.mean([ours.evaluations for ours in usual]):.1f} | {np.mean(errors):.4f} "
        f"| {np.mean(bounds):.4f} | {covered} of {len(usual)} | {converged:.0%} |"
    )


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
