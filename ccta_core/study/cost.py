"""What a study will cost, before it is started: docs/scaling.md's formula, set to this machine.

The figures were measured with benchmarks/study_scaling.py: the embedded model, the demo's NLI items
(32 subwords), one core of a server processor. Other texts are longer or shorter than those by their
characters. The progress of earlier studies tells how much faster or slower it is here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil
from statistics import fmean, median

import numpy as np

from ccta_core.config import cache_root
from ccta_core.corpus.demo import read_demo
from ccta_core.errors import CctaError
from ccta_core.study.manifest import Manifest
from ccta_core.study.request import CHUNK
from ccta_core.study.run.progress import StudyRun
from ccta_core.study.run.status import runs_here
from ccta_core.study.storage.items import read_items_of
from ccta_core.text import count, duration, size
from ccta_core.types import ParallelExample

SIDES = {0: 0.853, 4: 0.453, 8: 0.166, 11: 0.046}
"""Layer -> core seconds an item and language."""
PAIR = 0.0026
"""Core seconds an item and pair of languages."""
_TRANSPORT = 1.6
"""The power of a text's length with which a pair's transport grows (docs/benchmarks.md)."""
_SAMPLE = 200
"""Items whose texts are looked at."""
_PART, _ROW, _TEXT = 20_062, 133, 253
"""Bytes of a part, of a row, of an item in one language."""
_ENOUGH_SECONDS, _ENOUGH_PARTS, _RUNS = 20, 2, 5


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds by the clock and bytes on disk; the start of workers and models comes on top."""

    seconds: float
    bytes: int
    formula: str
    """How the seconds come about, for a person who wants to know."""

    @property
    def line(self) -> str:
        """What the study costs, in one sentence."""
        return (
            f"About {duration(self.seconds)} after the models are loaded, and {size(self.bytes)} "
            "on disk."
        )

    def paced(self, pace: "Pace | None") -> "Cost":
        """Returns the cost on a machine of this pace; itself where none is known."""
        if pace is None:
            return self
        return replace(
            self,
            seconds=self.seconds * pace.factor,
            formula=f"{self.formula} x {pace.factor:.2f}, the pace of {pace.source}",
        )


@dataclass(frozen=True, slots=True)
class Pace:
    """How many times as long as the formula says this machine has taken, and in which studies."""

    factor: float
    source: str


def estimate(  # noqa: PLR0913 - what a study is
    models: int,
    items: int,
    languages: int,
    layers: Sequence[int],
    cores: int,
    chunk: int = CHUNK,
    length: float = 1.0,
) -> Cost:
    """Returns the cost of measuring `items` in `languages` with so many models at `layers`.

    Layers between the measured ones are interpolated; later ones cost what layer 11 does. `length`
    is that of the texts, the demo's are 1: attribution grows with it, transport a little faster.
    """
    parts = ceil(items / chunk) * models
    pairs = languages * (languages - 1) // 2
    longer = length**_TRANSPORT
    each = sum(languages * side(layer) * length + pairs * PAIR * longer for layer in layers)
    whole = items * models * each
    rounds = ceil(parts / max(cores, 1))
    rows = items * pairs * len(layers) * models
    sides = " + ".join(f"{side(layer):.3f}" for layer in layers)
    sides = f"({sides})" if len(layers) > 1 else sides
    return Cost(
        seconds=rounds * whole / parts if parts else 0.0,
        bytes=parts * _PART + rows * _ROW + round(items * languages * _TEXT * length),
        formula=f"{count(items, 'item')} x {count(models, 'model')} x "
        f"({count(languages, 'language')} x {sides} s{_times(length)} + "
        f"{count(pairs * len(layers), 'pair')} x {PAIR} s{_times(longer)}) "
        f"on {min(cores, max(parts, 1))} of {count(cores, 'core')}"
        + (f", texts {length:.1f} times as long as the demo's" if _times(length) else ""),
    )


def cost_of(manifest: Manifest, cores: int, length: float = 1.0) -> Cost:
    """Returns the cost of a whole study whose texts are so many times as long as the demo's."""
    return estimate(
        len(manifest.models),
        manifest.items,
        len(manifest.languages),
        manifest.layers,
        cores,
        manifest.chunk,
        length,
    )


def length_of(examples: Sequence[ParallelExample]) -> float:
    """Returns how many times as long the texts are as the demo's NLI items in the same languages.

    Characters of the first few examples are counted; 1 where the demo has none of the languages.
    """
    some = examples[:_SAMPLE]
    demo = _demo_characters()
    ratios = [
        fmean(_characters(example, lang) for example in some) / usual
        for lang, usual in demo.items()
        if some and all(lang in example.sentences for example in some)
    ]
    return fmean(ratios) if ratios else 1.0


@lru_cache(maxsize=1)
def _demo_characters() -> dict[str, float]:
    """Characters of an item of the demo, on average, by language."""
    items = read_demo("nli")
    return {lang: fmean(_characters(item, lang) for item in items) for lang in items[0].sentences}


def _characters(example: ParallelExample, lang: str) -> int:
    return sum(map(len, example.sentences[lang].segments))


def side(layer: int) -> float:
    """Returns the core seconds of an item and language when `layer` is explained."""
    return float(np.interp(layer, list(SIDES), list(SIDES.values())))


def pace_here() -> Pace | None:
    """Returns how this machine compares, by the progress of studies in the cache; None where none
    tells.

    The median over the latest runs that measured two parts or more in 20 seconds or more.
    """
    paced = [(factor, run) for run in runs_here() if (factor := _factor(run)) is not None]
    latest = sorted(paced, key=lambda pair: pair[1].when)[-_RUNS:]
    if not latest:
        return None
    names = dict.fromkeys(run.manifest.name for _, run in reversed(latest))
    return Pace(median(factor for factor, _ in latest), ", ".join(names))


def _factor(run: StudyRun) -> float | None:
    """Seconds the run took over the seconds of the formula; None where it is too short to tell."""
    span, manifest = run.measured, run.manifest
    if (
        span is None
        or span.items < _ENOUGH_PARTS * manifest.chunk
        or span.seconds < _ENOUGH_SECONDS
    ):
        return None
    try:
        length = length_of(read_items_of(cache_root() / "studies" / manifest.name, 0, _SAMPLE))
    except CctaError:  # its texts are damaged or gone: they count as the demo's
        length = 1.0
    whole = estimate(
        1, span.items, len(manifest.languages), manifest.layers, 1, manifest.chunk, length
    ).seconds
    return span.seconds / (whole / min(run.workers, len(manifest.parts)))


def _times(factor: float) -> str:
    """Returns the factor as a part of the formula; nothing where it shows no digit other than
    one.
    """
    text = f"{factor:.1f}"
    return "" if text == "1.0" else f" x {text}"
