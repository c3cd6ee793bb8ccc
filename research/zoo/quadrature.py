"""How the paths of a model are walked: measured on the demo corpus, calibrated on held-out items.

    python -m research.zoo.quadrature DATA [--items 32] [--held 64] [--curves FOLDER] [--write]

For every layer asked for, F and all tokens' slopes are evaluated at many even points of the path
(dense curves), and the engine's own rule is run on cubic splines through them, so that the true
L1 error of the unit masses is known for every setting that is tried. The stretch k and the number
of first points are those that need the fewest evaluations at the default tolerance on the demo
corpus. The factor c of the error bound is the smallest that covers nine in ten of these and one
half of the items held out (XNLI dev) together; its coverage is reported on the other half. bfloat16
is calibrated on real evaluations of the held half, since its noise can't be interpolated.

Prints the tables of docs/benchmarks.md; `--write` puts the figures into the backbone's card.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from scipy.interpolate import CubicSpline

from ccta_core.attribution.integrated_gradients import unit_masses
from ccta_core.attribution.protocol import never
from ccta_core.attribution.quadrature import AdaptivePath, Node, Schedule, fixed_points, stretched
from ccta_core.attribution.rates import Path as Line
from ccta_core.attribution.rates import rates
from ccta_core.attribution.readings import baselines, read
from ccta_core.attribution.schedule import schedule_of
from ccta_core.config import Config, Quadrature
from ccta_core.corpus.demo import read_demo
from ccta_core.corpus.spec import read_items
from ccta_core.models.catalog import BACKBONE, SHIPPED
from ccta_core.models.heads import Target
from ccta_core.models.load import load_model
from ccta_core.models.model import Encoded, Model
from ccta_core.types import Sentence

_MODEL = "e5-small/nli-en"
_LANGUAGES = ("en", "es", "de", "ru", "zh", "ar", "hi", "sw")
_DENSE = {0: 129}
_DENSE_ABOVE = 65
"""Points of a dense curve at the embeddings and above: twice as many change nothing that shows."""
_STRETCHES = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0)
_COUNTS = (3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 18, 20, 24, 28, 32)
_FIRSTS = (4, 5, 6, 7, 8, 10, 12, 14, 16, 18, 20)
_COVERAGE = 0.9
_WORTH_TRYING = (0.002, 0.06)
"""The mean L1 error after the first round of a start that may be the best: the tolerance lies well
inside, and every start outside needs many more points or has too many already."""
_MOST = 48
"""Points after which a walk on a curve ends: what needs more is counted as so many."""


_LARGE = 1e6
"""A factor at which nothing but D and S decides on the bound, which is divided by it again."""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """F and all tokens' slopes of one item along its path, and its true unit masses."""

    lang: str
    line: Line
    values: CubicSpline
    slopes: CubicSpline
    masses: np.ndarray

    @property
    def ends(self) -> tuple[float, float]:
        """F at the baseline and at the input."""
        return float(self.values(0.0)), float(self.values(1.0))

    def error_of(self, total: np.ndarray) -> float:
        """The L1 distance of an attribution's unit masses to the true ones."""
        return float(np.abs(unit_masses(self.line.encoded, total) - self.masses).sum())

    def node(self, point: float) -> Node:
        """What an evaluation in float32 gives at a point of the path."""
        return Node(float(self.values(point)), self.slopes(point))


@dataclass(frozen=True, slots=True)
class Round:
    """One round of a walk: its points, its bound for a factor of 1 but at least `floor` whatever
    the factor (the residual of completeness), and the true error.
    """

    evaluations: int
    unit_bound: float
    floor: float
    error: float

    def bound(self, factor: float) -> float:
        """The bound for a factor."""
        return max(factor * self.unit_bound, self.floor)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a factor makes of walks at a tolerance."""

    factor: float
    evaluations: float
    error: float
    covered: float
    bound: float


def main() -> None:
    """Measures, prints and, where asked to, writes the card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="the folder of public data sets")
    parser.add_argument("--items", type=int, default=32, help="of the demo corpus (32)")
    parser.add_argument("--held", type=int, default=64, help="of XNLI dev (64)")
    parser.add_argument("--layers", default="0,2,4,6,8,10,11")
    parser.add_argument("--precisions", default="fp32,bf16")
    parser.add_argument("--curves", type=Path, help="where dense curves are kept")
    parser.add_argument(
        "--as-in-card", action="store_true", help="keep k and the first points, calibrate alone"
    )
    parser.add_argument("--write", action="store_true", help="into the backbone's card")
    options = parser.parse_args()
    model = load_model(_MODEL)
    demo = read_demo("nli")
    tuning = [
        demo[index % len(demo)].sentences[_LANGUAGES[index % len(_LANGUAGES)]]
        for index in range(options.items)
    ]
    held = held_out(options.data, options.held)
    layers: dict[str, dict[str, dict[str, float | int]]] = {}
    for layer in map(int, options.layers.split(",")):
        keep = options.curves
        curves = curves_of(model, held, layer, keep and keep / f"held-{layer}.npz")
        _print_trial(layer, curves)
        tuned = curves_of(model, tuning, layer, keep and keep / f"demo-{layer}.npz")
        if options.as_in_card:
            start = replace(schedule_of(model.info, layer, "fp32"), factor=_LARGE)
        else:
            start = best_schedule(tuned)
        layers[str(layer)] = {
            precision: _calibrated(model, layer, start, (tuned, curves), precision)
            for precision in options.precisions.split(",")
        }
    if options.write:
        _write_card(layers, options.items, options.held)


def held_out(data: Path, count: int) -> list[Sentence]:
    """XNLI dev pairs, drawn with a fixed seed, the eight languages in turn."""
    spec = f"xnli:{data / 'xnli'}#dev"
    files = {lang: read_items(spec, [lang]).items for lang in _LANGUAGES}
    rows = np.random.default_rng(0).choice(len(files["en"]), count, replace=False)
    langs = [_LANGUAGES[index % len(_LANGUAGES)] for index in range(count)]
    texts = [files[lang][row] for lang, row in zip(langs, rows, strict=True)]
    return [Sentence(text.text, lang, text.text2) for lang, text in zip(langs, texts, strict=True)]


def curves_of(
    model: Model, sentences: Sequence[Sentence], layer: int, kept: Path | None
) -> list[Curve]:
    """The dense curve of every sentence from PAD to itself; read from `kept` where it is there."""
    grid = np.linspace(0, 1, _DENSE.get(layer, _DENSE_ABOVE))
    lines = [_line(model, model.encode(sentence), layer) for sentence in sentences]
    arrays = dict(np.load(kept)) if kept and kept.exists() else {}
    curves = []
    for number, line in enumerate(lines):
        if f"values-{number}" not in arrays:
            rows = [(0, float(point)) for point in grid]
            nodes = dict(rates(model, [line], rows, Config(layer=layer), never))
            arrays[f"values-{number}"] = np.array([nodes[row].value for row in rows])
            arrays[f"slopes-{number}"] = np.stack([nodes[row].rates for row in rows])
        slopes = CubicSpline(grid, arrays[f"slopes-{number}"])
        masses = unit_masses(line.encoded, slopes.integrate(0, 1))
        values = CubicSpline(grid, arrays[f"values-{number}"])
        curves.append(Curve(line.encoded.sentence.lang, line, values, slopes, masses))
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(kept, **arrays)
    sys.stderr.write(f"layer {layer}: {len(curves)} curves\n")
    return curves


def best_schedule(curves: Sequence[Curve]) -> Schedule:
    """The stretch and first points that need the fewest evaluations at the default tolerance."""
    trials = []
    for stretch in _STRETCHES:
        for first in _FIRSTS:
            points, weights = _midpoints(first, stretch=stretch)
            errors = [curve.error_of(weights @ curve.slopes(points)) for curve in curves]
            if not _WORTH_TRYING[0] < np.mean(errors) < _WORTH_TRYING[1]:
                continue
            schedule = Schedule(stretch, first, _LARGE)
            walks = [_walk(curve, schedule) for curve in curves]
            outcome = calibrate(walks, Quadrature().tolerance)
            trials.append((outcome.evaluations, outcome.error, schedule))
    return min(trials, key=lambda trial: trial[:2])[2]


def calibrate(walks: Sequence[Sequence[Round]], tolerance: float) -> Outcome:
    """The smallest factor whose bound covers the walks where each stops by it.

    Not nine in ten of n but ceil(0.9 (n + 1)), as split conformal prediction takes it, so that the
    next item is covered with 90% whatever the distribution (Vovk, Gammerman, Shafer, 2005).
    """
    enough = min(int(np.ceil(_COVERAGE * (len(walks) + 1))), len(walks)) / len(walks)
    for factor in np.geomspace(0.02, 4.0, 107):
        outcome = apply(walks, float(factor), tolerance)
        if outcome.covered >= enough:
            return outcome
    raise AssertionError("no factor covers nine in ten")


def apply(walks: Sequence[Sequence[Round]], factor: float, tolerance: float) -> Outcome:
    """Where every walk stops by the bound of this factor, and what is true there."""
    stops = [
        next((step for step in walk if step.bound(factor) <= tolerance), walk[-1]) for walk in walks
    ]
    bounds = np.array([step.bound(factor) for step in stops])
    errors = np.array([step.error for step in stops])
    return Outcome(
        factor=factor,
        evaluations=float(np.mean([step.evaluations for step in stops])),
        error=float(errors.mean()),
        covered=float((errors <= bounds).mean()),
        bound=float(np.median(bounds)),
    )


def _walk(curve: Curve, schedule: Schedule) -> list[Round]:
    """The rounds of a refinement that no tolerance ends, on the curve."""
    return list(_rounds(curve, schedule, lambda points: {p: curve.node(p) for p in points}))


def _walk_half(model: Model, layer: int, curve: Curve, schedule: Schedule) -> list[Round]:
    """The same on real evaluations in bfloat16."""
    config = Config(layer=layer, precision="bf16")

    def evaluate(points: list[float]) -> dict[float, Node]:
        rows = [(0, point) for point in points]
        nodes = dict(rates(model, [curve.line], rows, config, never))
        return {point: node for (_, point), node in nodes.items()}

    return list(_rounds(curve, schedule, evaluate))


def _rounds(
    curve: Curve,
    schedule: Schedule,
    evaluate: Callable[[list[float]], dict[float, Node]],
) -> Iterator[Round]:
    settings = Quadrature(tolerance=1e-9, max_points=_MOST)
    masses = partial(unit_masses, curve.line.encoded)
    path = AdaptivePath(settings, schedule, masses, curve.ends)
    while points := path.wanted():
        path.feed(evaluate(points))
        estimate = path.estimate
        difference = abs(float(estimate.total.sum()) - (curve.ends[1] - curve.ends[0]))
        yield Round(
            path.evaluations,
            float("inf") if estimate.mass_error is None else estimate.mass_error / schedule.factor,
            difference / float(np.abs(estimate.total).sum()),
            curve.error_of(estimate.total),
        )


def _calibrated(
    model: Model,
    layer: int,
    start: Schedule,
    items: tuple[Sequence[Curve], Sequence[Curve]],
    precision: str,
) -> dict[str, float | int]:
    """The figures of one layer and precision for the card; prints its coverage.

    `items` are those of the demo corpus and those held out.
    """
    tolerance, (demo, curves) = Quadrature().tolerance, items
    more: list[list[Round]] = []
    if precision == "fp32":
        schedule = start
        walks = [_walk(curve, schedule) for curve in curves]
        more = [_walk(curve, schedule) for curve in demo]
    else:
        schedule = Schedule(start.stretch, start.first, _LARGE, rounds=2)
        if layer < model.depth // 2:  # noise is what is left, and it falls with points
            schedule = Schedule(start.stretch, start.first * 3 // 2, _LARGE, rounds=2)
        walks = [_walk_half(model, layer, curve, schedule) for curve in curves]
    turn = len(_LANGUAGES)  # both halves have every language
    half = [walk for number, walk in enumerate(walks) if number // turn % 2 == 0]
    tuned = calibrate([*more, *half], tolerance)
    others = [walk for number, walk in enumerate(walks) if number // turn % 2]
    shown = apply(others, tuned.factor, tolerance)
    by_lang = {
        lang: apply([w for w, c in zip(walks, curves, strict=True) if c.lang == lang],
                    tuned.factor, tolerance).covered
        for lang in dict.fromkeys(curve.lang for curve in curves)
    }  # fmt: skip
    least = min(by_lang, key=lambda lang: by_lang[lang])
    _print(
        f"| {layer} | {precision} | {schedule.stretch:g} | {schedule.first} | {tuned.factor:.2f} "
        f"| {shown.evaluations:.1f} | {shown.error:.4f} | {shown.bound:.4f} "
        f"| {shown.covered:.0%} of {len(others)} | {least} {by_lang[least]:.0%} |"
    )
    figures: dict[str, float | int] = {
        "stretch": schedule.stretch,
        "first": schedule.first,
        "factor": round(tuned.factor, 3),
    }
    return figures if schedule.rounds is None else {**figures, "rounds": schedule.rounds}


def _print_trial(layer: int, curves: Sequence[Curve]) -> None:
    """The mean L1 error of the masses by rule and number of points."""
    rules: dict[str, Callable[[int], tuple[np.ndarray, np.ndarray]]] = {
        "midpoint": partial(_midpoints, stretch=0.0),
        "spline with both ends": _spline,
        "Gauss-Legendre": partial(fixed_points, "gauss"),
        **{f"sinh, k = {k:g}": partial(_midpoints, stretch=k) for k in _STRETCHES[1:]},
    }
    _print(f"\nLayer {layer}, {len(curves)} items: mean L1 error of the masses\n")
    _print("| rule | " + " | ".join(map(str, _COUNTS)) + " |\n|---|" + "---|" * len(_COUNTS))
    for name, rule in rules.items():
        cells = []
        for count in _COUNTS:
            points, weights = rule(count)
            errors = [curve.error_of(weights @ curve.slopes(points)) for curve in curves]
            cells.append(f"{np.mean(errors):.4f}")
        _print(f"| {name} | " + " | ".join(cells) + " |")
    _print(
        "\n| layer | precision | k | first | factor | evaluations | L1 error | median bound "
        "| covered | least by language |\n|---|---|---|---|---|---|---|---|---|---|"
    )


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _midpoints(count: int, *, stretch: float) -> tuple[np.ndarray, np.ndarray]:
    points, slopes = stretched((np.arange(count) + 0.5) / count, stretch)
    return points, slopes / count


def _spline(count: int) -> tuple[np.ndarray, np.ndarray]:
    points = np.linspace(0, 1, count)
    return points, CubicSpline(points, np.eye(count)).integrate(0, 1)


def _line(model: Model, encoded: Encoded, layer: int) -> Line:
    """The path of the predicted class."""
    reading = read(model, [encoded], [layer])[0]
    start = baselines(model, [encoded], [layer], kind="pad")[0].states[layer]
    target = Target(((0, int(reading.logits[0].argmax())),))
    return Line(encoded, start, reading.states[layer] - start, target)


def _write_card(
    layers: dict[str, dict[str, dict[str, float | int]]], items: int, held: int
) -> None:
    path = SHIPPED / BACKBONE / "card.json"
    card = json.loads(path.read_text("utf-8"))
    card["quadrature"] = {
        "measured": f"{_MODEL}: stretch and first points on {items} items of the demo corpus, "
        f"factors on these and {held // 2} XNLI dev items (CC BY-NC 4.0; no text is kept), "
        f"tolerance {Quadrature().tolerance}, 90% coverage (research/zoo/quadrature.py)",
        "layers": layers,
    }
    path.write_text(json.dumps(card, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
