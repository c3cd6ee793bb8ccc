"""Time against achieved error: our integrated gradients beside Captum's, in one run.

    python benchmarks/attribution.py [--items 64] [--layers 0,4,8,11] [--models small,base]

The items are XNLI dev pairs in eight languages (../shared/data, else the demo corpus). Contestants
take turns on chunks of the items; times are medians over the chunks, ratios are medians of the
chunks' ratios. Prints Markdown.
"""

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from captum_side import CaptumSide
from curves import STEPS, dense_curves, steps_for, tolerance_for

import ccta_core as ccta
from ccta_core.attribution.integrated_gradients import layer_integrated_gradients, unit_masses
from ccta_core.attribution.protocol import Request
from ccta_core.attribution.quadrature import completeness_error
from ccta_core.attribution.rates import Path as Line
from ccta_core.attribution.readings import baselines, read
from ccta_core.config import Config, Quadrature
from ccta_core.corpus.spec import read_items
from ccta_core.models.catalog import ModelInfo
from ccta_core.models.heads import Target
from ccta_core.models.model import Model
from ccta_core.types import Sentence

DATA = Path(__file__).parents[2] / "shared" / "data"
LANGUAGES = ("en", "es", "de", "ru", "zh", "ar", "hi", "sw")
TARGETS = (0.03, 0.01, 0.001)
CHUNKS = 4


@dataclass
class Problem:
    """One model at one layer, its items, and the dense reference of each."""

    model: Model
    layer: int
    encoded: list
    classes: list
    curves: list

    def chunks(self):
        return [range(start, len(self.encoded), CHUNKS) for start in range(CHUNKS)]


@dataclass
class Outcome:
    """What one contestant did: seconds an item for each chunk, errors, distances, evaluations."""

    name: str
    seconds: list
    errors: np.ndarray
    distances: np.ndarray
    evaluations: float
    share: float | None
    memory: float

    def row(self, other):
        ratio = np.median(np.array(other.seconds) / np.array(self.seconds)) if other else 1.0
        share = "" if self.share is None else f"{self.share:.0%}"
        return (
            f"| {self.name} | {1000 * np.median(self.seconds):.0f} | {ratio:.2f} "
            f"| {self.errors.mean():.3%} | {self.errors.max():.2%} | {self.distances.mean():.4f} "
            f"| {self.evaluations:.1f} | {share} | {self.memory:.0f} |"
        )


HEAD = (
    "| contestant | ms an item | times as fast | error, mean | worst | L1 of masses | evaluations "
    "| share of peak | peak MiB |\n|---|---|---|---|---|---|---|---|---|"
)


def main():
    options = _options()
    torch.manual_seed(0)
    peak = _peak(torch.float32)
    print(f"Best float32 product of 2048-cubes: {peak / 1e9:.0f} GFLOP/s, "
          f"bfloat16 {_peak(torch.bfloat16) / 1e9:.0f}; {torch.get_num_threads()} threads, "
          f"torch {torch.__version__}.")  # fmt: skip
    for name in options.models.split(","):
        model, count = _model(name), options.items if name == "small" else options.base_items
        sentences, source = _sentences(count)
        encoded = [model.encode(sentence) for sentence in sentences]
        print(f"\n## {model.id}: {count} pairs of {source}, "
              f"{np.mean([one.length for one in encoded]):.1f} tokens each")  # fmt: skip
        for layer in options.layers:
            _layer(model, layer, encoded, peak, options)
        if name == "small" and not options.only_layers:
            _sweep(model, encoded, sentences)
    if not options.only_layers:
        _warm_pair()


def _layer(model, layer, encoded, peak, options):
    problem = _problem(model, layer, encoded)
    captum = CaptumSide(model, layer)
    captum.tune(list(zip(problem.encoded, problem.classes, strict=True))[:8], 20, "fp32")
    for precision in options.precisions.split(","):
        print(f"\n### layer {layer}, {precision}: {model.id}; Captum in groups of {captum.group}, "
              f"{captum.rows} rows a batch\n\n{HEAD}", flush=True)  # fmt: skip
        first = _captum(problem, captum, 50, "gausslegendre", precision)
        print(first.row(None), flush=True)
        print(_ours(problem, Quadrature(), precision, peak, "ours, default").row(first), flush=True)
        for target in TARGETS:
            _at(problem, captum, target, precision, peak)


def _at(problem, captum, target, precision, peak):
    """The rows of one target: Captum's default rule, its midpoint rule, ours; ratios to both."""
    settings = tolerance_for(problem.curves, target)
    if settings is None:
        print(f"| ours: no tolerance that was tried gives {target:.1%} |||||||||")
        return
    ours = _ours(problem, settings, precision, peak, f"ours, {target:.1%}")
    for method in ("gausslegendre", "riemann_middle")[: 2 if precision == "fp32" else 1]:
        steps = steps_for(problem.curves, target, method)
        theirs = steps and _captum(problem, captum, steps, method, precision)
        if theirs:
            print(theirs.row(None))
        else:
            print(f"| Captum, {method}: {max(STEPS)} steps do not give {target:.1%} |||||||||")
        print(ours.row(theirs), flush=True)


def _problem(model, layer, encoded):
    readings = read(model, encoded, [layer])
    starts = baselines(model, encoded, layer, kind="pad")
    classes = [int(reading.logits[0].argmax()) for reading in readings]
    lines = [
        Line(one, start, reading.states[layer] - start, Target(((0, target),)))
        for one, start, reading, target in zip(encoded, starts, readings, classes, strict=True)
    ]
    curves = dense_curves(model, lines, Config(layer=layer))
    return Problem(model, layer, list(encoded), classes, curves)


def _ours(problem, settings, precision, peak, name):
    """From the sentence's ids to its scores: readings and baselines are in the time."""
    config = Config(layer=problem.layer, precision=precision, quadrature=settings)

    def work(chosen):
        encoded = [problem.encoded[at] for at in chosen]
        readings = read(problem.model, encoded, [problem.layer])
        requests = [
            Request(one, reading.states[problem.layer], Target(((0, problem.classes[at]),)))
            for one, reading, at in zip(encoded, readings, chosen, strict=True)
        ]
        return layer_integrated_gradients(problem.model, requests, config)

    seconds, found, memory = _timed(problem, work)
    evaluations = np.array([one.evaluations for one in found])
    return _outcome(
        problem, name, seconds, [one.scores for one in found], evaluations, memory, peak
    )


def _captum(problem, captum, steps, method, precision):
    def work(chosen):
        items = [(problem.encoded[at], problem.classes[at]) for at in chosen]
        return captum.run(items, steps, method, precision)

    seconds, found, memory = _timed(problem, work)
    short = {"gausslegendre": "Gauss-Legendre", "riemann_middle": "midpoint"}[method]
    name = f"Captum, {short} {steps}"
    return _outcome(problem, name, seconds, found, np.array([steps]), memory, None)


def _timed(problem, work):
    seconds, found = [], {}
    _reset_memory()
    for chunk in problem.chunks():
        began = time.perf_counter()
        results = work(chunk)
        seconds.append((time.perf_counter() - began) / len(chunk))
        found |= dict(zip(chunk, results, strict=True))
    return seconds, [found[at] for at in range(len(found))], _memory()


def _outcome(problem, name, seconds, scores, evaluations, memory, peak):
    errors = [
        completeness_error(one, curve.rise)
        for one, curve in zip(scores, problem.curves, strict=True)
    ]
    distances = [
        np.abs(unit_masses(encoded, one) - curve.masses).sum()
        for encoded, one, curve in zip(problem.encoded, scores, problem.curves, strict=True)
    ]
    share = None
    if peak:
        spent = np.median(seconds) * len(problem.encoded)
        share = _flops(problem, evaluations) / spent / peak
    return Outcome(
        name, seconds, np.array(errors), np.array(distances), evaluations.mean(), share, memory
    )


def _flops(problem, evaluations):
    """Products of the layers run for real tokens: forward and input gradient at every point of the
    path, and the two whole forward passes. The last layer counts keys and values only, where the
    head reads one token.
    """
    config = problem.model.hf_model.config
    width, inner, depth = config.hidden_size, config.intermediate_size, config.num_hidden_layers
    total = 0.0
    for encoded, count in zip(problem.encoded, evaluations, strict=True):
        n = encoded.length
        layer = 2 * n * (4 * width * width + 2 * width * inner + 2 * n * width)
        last = 2 * n * 2 * width * width
        above = (depth - problem.layer - 1) * layer + last
        total += 2 * count * above + 2 * depth * layer
    return total


def _sweep(model, encoded, sentences):
    layers = list(model.info.layers)
    ccta.attribute(model, sentences[:4], Config(layer=0))
    chosen = sentences[:16]
    began = time.perf_counter()
    ccta.attribute(model, chosen, Config(layer=0))
    one = time.perf_counter() - began
    began = time.perf_counter()
    ccta.attribute_layers(model, chosen, layers)
    every = time.perf_counter() - began
    print(f"\nAll layers {layers[0]} to {layers[-1]} of 16 pairs in one sweep: {every / one:.2f} "
          f"times the embeddings alone ({1000 * one / 16:.0f} ms a pair).")  # fmt: skip


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


def _model(name):
    small = ccta.load_model("e5-small/nli-en")
    if name == "small":
        return small
    from transformers import XLMRobertaConfig, XLMRobertaForSequenceClassification

    size = XLMRobertaConfig(vocab_size=250_002, max_position_embeddings=514, num_labels=3)
    model = XLMRobertaForSequenceClassification(size)
    info = ModelInfo(
        id="XLM-R-base-sized, random",
        task="nli",
        training_language=None,
        labels=small.labels,
        layers=tuple(range(12)),
        align_layer=8,
        revision="random",
    )
    return Model(info, model, small.tokenizer)


def _sentences(count):
    if DATA.is_dir():
        files = {lang: read_items(f"xnli:{DATA / 'xnli'}#dev", [lang]).items for lang in LANGUAGES}
        rows = np.random.default_rng(0).choice(len(files["en"]), count, replace=False)
        pairs = [
            (LANGUAGES[at % len(LANGUAGES)], files[LANGUAGES[at % len(LANGUAGES)]][row])
            for at, row in enumerate(rows)
        ]
        return [Sentence(p.text, lang, p.text2) for lang, p in pairs], "XNLI dev"
    items = ccta.read_demo("nli")
    langs = ("en", "es", "de", "ru", "zh", "ar", "hi", "sw")
    found = [items[at % len(items)].sentences[langs[at % 8]] for at in range(count)]
    return found, "the demo corpus"


def _peak(dtype):
    left, right = (torch.randn(2048, 2048).to(dtype) for _ in range(2))
    best = np.inf
    for _ in range(10):
        began = time.perf_counter()
        left @ right
        best = min(best, time.perf_counter() - began)
    return 2 * 2048**3 / best


def _reset_memory():
    """Lets the peak of resident memory start again; Linux only."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        sys.stderr.write("the peak of memory can't be reset here: read the column as 'so far'\n")


def _memory():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


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
    parser.add_argument("--items", type=at_least_four, default=64)
    parser.add_argument("--base-items", type=at_least_four, default=8)
    parser.add_argument("--layers", type=layer_list, default=[0, 4, 8, 11])
    parser.add_argument("--models", default="small,base")
    parser.add_argument("--precisions", default="fp32,bf16")
    parser.add_argument("--only-layers", action="store_true", help="no sweep, no pairs")
    return parser.parse_args()


if __name__ == "__main__":
    main()
