"""Time at equal error of the unit masses: our integrated gradients beside Captum's, in one run.

    python benchmarks/attribution.py [--items 32] [--layers 0,4,8,11] [--target 0.01] [--curves DIR]

Unit masses are what is used. The items are XNLI dev pairs in eight languages (../shared/data, else
the demo corpus, on which stretches and first points were chosen). For every layer and precision

- Captum has its best rule of two (midpoint, Gauss-Legendre), with the fewest steps whose mean L1
  error of the masses is at most the target, at its fastest batch size and grouping;
- ours has the loosest tolerance whose mean L1 error is at most the target, and its default.

Both are chosen on dense curves in float32 and then run; the errors printed are those of the run.
Contestants take turns on four chunks of the items. With one thread the times are the process's
processor time, which other programs on the machine hardly disturb; else they are seconds. They are
medians over the chunks, ratios are medians of the chunks' ratios. Readings, baselines and F at the
ends are in the time. Prints Markdown; the second table of a layer asks for completeness instead.
"""

import argparse
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from captum_side import CaptumSide

sys.path.insert(0, str(Path(__file__).parents[1]))  # research is beside, and in no package

import ccta_core as ccta
from ccta_core.attribution.integrated_gradients import layer_integrated_gradients, unit_masses
from ccta_core.attribution.protocol import Request
from ccta_core.attribution.quadrature import AdaptivePath, completeness_error, fixed_points
from ccta_core.attribution.readings import read
from ccta_core.attribution.schedule import schedule_of
from ccta_core.config import Config, Quadrature
from ccta_core.models.processor import mkl_is_slow
from research.zoo.quadrature import curves_of, held_out

DATA = Path(__file__).parents[2] / "shared" / "data"
LANGUAGES = ("en", "es", "de", "ru", "zh", "ar", "hi", "sw")
HELD = 64
"""Pairs that are drawn; the first of them are used, so that kept curves serve any number."""
STEPS = (3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 36, 40, 50, 60, 80, 100)
TOLERANCES = (
    *(0.3, 0.2, 0.15, 0.1, 0.08, 0.06, 0.05, 0.04, 0.035, 0.03, 0.025, 0.02, 0.015, 0.01),
    *(0.008, 0.006, 0.004, 0.003, 0.002, 0.001),
)
CHUNKS = 4
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
RULES = {"midpoint": "riemann_middle", "gauss": "gausslegendre"}


@dataclass
class Outcome:
    """What one contestant did: seconds an item for each chunk, and its errors."""

    name: str
    seconds: list
    distances: np.ndarray
    errors: np.ndarray
    evaluations: float

    def row(self, other):
        ratio = np.median(np.array(other.seconds) / np.array(self.seconds)) if other else 1.0
        return (
            f"| {self.name} | {1000 * np.median(self.seconds):.0f} | {ratio:.2f} "
            f"| {self.distances.mean():.4f} | {self.distances.max():.3f} "
            f"| {self.errors.mean():.2%} | {self.evaluations:.1f} |"
        )


HEAD = (
    "| contestant | ms an item | times as fast as Captum in fp32 | L1 of masses, mean | worst "
    "| completeness error, mean | evaluations |\n|---|---|---|---|---|---|---|"
)


def main():
    options = _options()
    torch.manual_seed(0)
    model = ccta.load_model("e5-small/nli-en")
    sentences = _sentences()[: options.items]
    precisions = options.precisions.split(",")
    # Only those asked for: without instructions for bfloat16 its products take minutes.
    peaks = [f"{_peak(DTYPES[name]) / 1e9:.0f} GFLOP/s in {name}" for name in precisions]
    print(f"{options.items} pairs, {np.mean([model.encode(s).length for s in sentences]):.1f} "
          f"tokens each; best product of 2048-cubes {', '.join(peaks)}; "
          f"{torch.get_num_threads()} threads, torch {torch.__version__}.", flush=True)  # fmt: skip
    for layer in options.layers:
        kept = options.curves and options.curves / f"held-{layer}.npz"
        curves = curves_of(model, sentences, layer, kept)
        race = Race(model, layer, curves)
        print(f"\n### layer {layer}, mean L1 of the masses at most {options.target}\n\n{HEAD}",
              flush=True)  # fmt: skip
        race.run(by_mass, options.target, precisions)
        if options.completeness:
            print(f"\n### layer {layer}, mean completeness error at most 1%\n\n{HEAD}", flush=True)
            race.run(by_completeness, 0.01, ["fp32"])
    if not options.only_layers:
        _sweep(model, sentences)
        _warm_pair()


def by_mass(curve, total):
    return curve.error_of(total)


def by_completeness(curve, total):
    start, end = curve.ends
    return completeness_error(total, end - start)


class Race:
    """One model and layer, and its items with their dense curves."""

    def __init__(self, model, layer, curves):
        self.model, self.layer, self.curves = model, layer, curves
        self.chunks = [range(start, len(curves), CHUNKS) for start in range(CHUNKS)]
        self.captum = CaptumSide(model, layer)
        items = [(c.line.encoded, c.line.target.places[0][1]) for c in curves]
        self.items = items
        self.captum.tune(items[:8], 12, "fp32")

    def run(self, error, target, precisions):
        rule, steps = self._fewest(error, target)
        loosest = self._loosest(error, target)
        contestants = []
        for precision in precisions:
            contestants.append(
                (f"Captum, {rule} {steps}, {precision}", self._captum(rule, steps, precision))
            )
            if precision == "fp32" and mkl_is_slow():
                name = f"Captum, {rule} {steps}, {precision}, our products"
                contestants.append((name, self._captum(rule, steps, precision, ours=True)))
            names = {f"ours, tolerance {loosest:g}, {precision}": loosest}
            if error is by_mass:
                names[f"ours, default, {precision}"] = Quadrature().tolerance
            for name, tolerance in names.items():
                contestants.append((name, self._ours(tolerance, precision)))
        outcomes = self._timed(contestants)
        first = outcomes[0]
        for outcome in outcomes:
            print(outcome.row(None if outcome is first else first), flush=True)

    def _fewest(self, error, target):
        """Captum's better rule by steps, and the steps."""
        best = ("midpoint", STEPS[-1])
        for rule in RULES:
            for steps in STEPS:
                points, weights = fixed_points(rule, steps)
                if np.mean([error(c, weights @ c.slopes(points)) for c in self.curves]) <= target:
                    best = min(best, (rule, steps), key=lambda pair: pair[1])
                    break
        return best

    def _loosest(self, error, target):
        schedule = schedule_of(self.model.info, self.layer, "fp32")
        for tolerance in TOLERANCES:
            errors = []
            for curve in self.curves:
                masses = partial(unit_masses, curve.line.encoded)
                path = AdaptivePath(Quadrature(tolerance=tolerance), schedule, masses, curve.ends)
                while points := path.wanted():
                    path.feed({p: curve.node(p) for p in points})
                errors.append(error(curve, path.estimate.total))
            if np.mean(errors) <= target:
                return tolerance
        return TOLERANCES[-1]

    def _captum(self, rule, steps, precision, *, ours=False):
        def work(chosen):
            items = [self.items[index] for index in chosen]
            scores = self.captum.run(items, steps, RULES[rule], precision, our_products=ours)
            return [(score, steps) for score in scores]

        return work

    def _ours(self, tolerance, precision):
        """From the sentence's ids to its scores."""
        config = Config(
            layer=self.layer, precision=precision, quadrature=Quadrature(tolerance=tolerance)
        )

        def work(chosen):
            encoded = [self.items[index][0] for index in chosen]
            requests = [
                Request(
                    item, reading.states[self.layer], self.curves[index].line.target,
                    logits=reading.logits,
                )
                for item, reading, index in zip(
                    encoded, read(self.model, encoded, [self.layer]), chosen, strict=True
                )
            ]  # fmt: skip
            results = layer_integrated_gradients(self.model, requests, config)
            return [(result.scores, result.evaluations) for result in results]

        return work

    def _timed(self, contestants):
        clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
        seconds = {name: [] for name, _ in contestants}
        results = {name: {} for name, _ in contestants}
        for chunk in self.chunks:
            for name, work in contestants:
                began = clock()
                done = work(chunk)
                seconds[name].append((clock() - began) / len(chunk))
                results[name] |= dict(zip(chunk, done, strict=True))
        outcomes = []
        for name, _ in contestants:
            ordered = [results[name][index] for index in range(len(self.curves))]
            pairs = list(zip(self.curves, ordered, strict=True))
            outcomes.append(
                Outcome(
                    name=name,
                    seconds=seconds[name],
                    distances=np.array([by_mass(c, scores) for c, (scores, _) in pairs]),
                    errors=np.array([by_completeness(c, scores) for c, (scores, _) in pairs]),
                    evaluations=float(np.mean([spent for _, (_, spent) in pairs])),
                )
            )
        return outcomes


def _sweep(model, sentences):
    layers = list(model.info.layers)
    chosen = sentences[:8]
    ccta.attribute(model, chosen[:2], Config(layer=0))
    began = time.perf_counter()
    ccta.attribute(model, chosen, Config(layer=0))
    one = time.perf_counter() - began
    began = time.perf_counter()
    ccta.attribute_layers(model, chosen, layers)
    every = time.perf_counter() - began
    print(f"\nAll layers {layers[0]} to {layers[-1]} of {len(chosen)} pairs in one sweep: "
          f"{every / one:.2f} times the embeddings alone.")  # fmt: skip


def _warm_pair():
    """A pair of two sentences with every control: new at two layers, and from the store."""
    model = ccta.load_model("e5-small/nli-en")
    items = ccta.read_demo("nli")
    print(
        "\n| new pair, all controls | precision | median s | of the store, ms |\n|---|---|---|---|"
    )
    for layer in (8, 0):
        for precision in ("fp32", "bf16"):
            config = Config(layer=layer, precision=precision)
            new, kept = [], []
            for item in items[:7]:
                pair = item.sentences["en"], item.sentences["es"]
                began = time.perf_counter()
                result = ccta.compare(model, *pair, config)
                new.append(time.perf_counter() - began)
                kept.append(_from_store(model, pair, config, result))
            print(f"| layer {layer} | {precision} | {np.median(new[1:]):.2f} "
                  f"| {1000 * np.median(kept):.1f} |", flush=True)  # fmt: skip


def _from_store(model, pair, config, result):
    from ccta_core.store.pairs import find_pair, keep_pair

    keep_pair(result, model.info, *pair, config)
    began = time.perf_counter()
    find_pair(model.info, *pair, config)
    return time.perf_counter() - began


def _sentences(count=HELD):
    if DATA.is_dir():
        return held_out(DATA, count)
    items = ccta.read_demo("nli")
    return [items[n % len(items)].sentences[LANGUAGES[n % len(LANGUAGES)]] for n in range(count)]


def _peak(dtype):
    left, right = (torch.randn(2048, 2048).to(dtype) for _ in range(2))
    best = np.inf
    for _ in range(10):
        began = time.perf_counter()
        left @ right
        best = min(best, time.perf_counter() - began)
    return 2 * 2048**3 / best


def layer_list(text):
    """0,4,8 -> [0, 4, 8], for a model of 12 layers whose last one is not offered."""
    parts = text.split(",")
    if not all(part.isdigit() and int(part) < 12 for part in parts):
        raise argparse.ArgumentTypeError(f"expected layers 0 to 11 such as 0,4,8, not {text!r}")
    return [int(part) for part in parts]


def at_least_four(text):
    """A number of items: there are four chunks."""
    if not text.isdigit() or int(text) < CHUNKS:
        raise argparse.ArgumentTypeError(f"expected a number from {CHUNKS} on, not {text!r}")
    return int(text)


def _options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=at_least_four, default=32, help="at most 64")
    parser.add_argument("--layers", type=layer_list, default=[0, 4, 8, 11])
    parser.add_argument("--precisions", default="fp32,bf16")
    parser.add_argument("--target", type=float, default=0.01, help="mean L1 of the masses (0.01)")
    parser.add_argument("--completeness", action="store_true", help="the second table too")
    parser.add_argument("--curves", type=Path, help="where dense curves are kept")
    parser.add_argument("--only-layers", action="store_true", help="no sweep, no pairs")
    return parser.parse_args()


if __name__ == "__main__":
    main()
