"""Evaluations and errors of the adaptive rule beside fixed rules, in one run.

python benchmarks/quadrature.py [--items 12]: layers 0, 4 and 8 against Gauss-Legendre 200.
"""

import argparse
import time
from dataclasses import replace

import numpy as np

import ccta_core as ccta
from ccta_core.attribution.integrated_gradients import integrate, unit_masses
from ccta_core.attribution.rates import Path
from ccta_core.attribution.readings import baselines, read
from ccta_core.config import Config, Quadrature
from ccta_core.models.heads import Target

RULES = {
    "adaptive 0.02 (default)": Quadrature(),
    "adaptive 0.004": Quadrature(tolerance=0.004),
    **{f"midpoint {n}": Quadrature(rule="midpoint", points=n) for n in (9, 27, 81)},
    **{f"Gauss-Legendre {n}": Quadrature(rule="gauss", points=n) for n in (16, 32, 50)},
}
REFERENCE = Quadrature(rule="gauss", points=200)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=12)
    options = parser.parse_args()
    model = ccta.load_model("e5-small/nli-en")
    items = ccta.read_demo("nli")[:: max(1, 60 // options.items)][: options.items]
    langs = ("en", "es", "zh", "ar")
    encoded = [
        model.encode(item.sentences[lang])
        for item, lang in zip(items, langs * len(items), strict=False)
    ]
    print(
        "| layer | rule | points (max) | completeness error (worst) | L1 of masses (worst) | time |"
    )
    print("|---|---|---|---|---|---|")
    for layer in (0, 4, 8):
        paths = _paths(model, encoded, layer)
        config = Config(layer=layer)
        exact = integrate(model, paths, replace(config, quadrature=REFERENCE))
        masses = [unit_masses(p.encoded, e.scores) for p, e in zip(paths, exact, strict=True)]
        base = None
        for name, rule in RULES.items():
            began = time.perf_counter()
            found = integrate(model, paths, replace(config, quadrature=rule))
            spent = time.perf_counter() - began
            base = base or spent
            errors = [one.completeness_error for one in found]
            moved = [
                np.abs(unit_masses(p.encoded, one.scores) - mass).sum()
                for p, one, mass in zip(paths, found, masses, strict=True)
            ]
            points = [one.evaluations for one in found]
            print(
                f"| {layer} | {name} | {np.mean(points):.1f} ({max(points)}) "
                f"| {np.mean(errors):.3%} ({max(errors):.2%}) "
                f"| {np.mean(moved):.4f} ({max(moved):.4f}) | {spent / base:.2f} |",
                flush=True,
            )


def _paths(model, encoded, layer):
    readings = read(model, encoded, [layer])
    starts = [start.states[layer] for start in baselines(model, encoded, [layer], kind="pad")]
    return [
        Path(item, start, reading.states[layer] - start, _target(reading))
        for item, start, reading in zip(encoded, starts, readings, strict=True)
    ]


def _target(reading):
    return Target(((0, int(reading.logits[0].argmax())),))


if __name__ == "__main__":
    main()
