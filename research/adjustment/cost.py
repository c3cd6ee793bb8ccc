"""What an adjustment costs: measured steps on this processor, and a sizing by formula.

python -m research.adjustment.cost PARALLEL LANG [--steps N] [--pairs 250000]

Some steps of 32 pairs are run on one thread and timed by the processor's own clock, so that other
work on the machine does not count. Operations a token by formula, with P the weights of the layers:
forward 2P; backward through an adapter 2P, through every weight 4P; both sides learn, and English
is read once more by the frozen model: 5P (adapter) and 7P (every weight) a token of either side on
average. The rate of this processor follows, and from it the time for another model and number of
pairs; the row of a GPU takes a share of its peak, which is assumed and said so.
"""

import argparse
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from ccta_core.adjustment.learning import Learning, needed_bytes
from ccta_core.adjustment.objective import layer_of
from ccta_core.adjustment.run import prepare
from ccta_core.adjustment.settings import Adjustment
from ccta_core.models.load import backbone

_PER_TOKEN = {False: 5, True: 7}
"""Operations a token by weights of the layers: an adapter, every weight."""
_XLMR = {"weights": 278_043_648, "layers": 85_054_464, "width": 768, "heads": 12, "depth": 12}
_PEAK, _SHARE = 312e12, 0.35
"""bfloat16 peak of one A100, and the share of it that is assumed."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Steps on this processor: seconds of one thread, tokens of both sides, peak memory."""

    seconds: float
    tokens: float
    pairs: int
    rate: float
    """Operations a second by the formula."""
    peak_mb: int


def main() -> None:
    """Measures, and prints the sizing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parallel", help="a spec of parallel text")
    parser.add_argument("lang")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--pairs", type=int, default=250_000)
    parser.add_argument("--out", type=Path, help="as Parquet: cache/adjustment/sizing.parquet")
    options = parser.parse_args()
    measured = measure(options.parallel, options.lang, options.steps)
    per_pair = measured.tokens / measured.pairs
    sys.stdout.write(
        f"measured on one thread: {measured.seconds:.2f} s a step of {measured.pairs} pairs "
        f"({measured.tokens:.0f} tokens, {per_pair:.0f} a pair), {measured.rate / 1e9:.0f} GFLOP/s "
        f"by the formula, peak memory {measured.peak_mb} MB\n\n"
        f"{options.pairs:,} pairs on XLM-R base\n\n"
        "| trained | operations | one such thread | 16 threads (if they scale) | one A100 at "
        f"{_SHARE:.0%} of {_PEAK / 1e12:.0f} TFLOP/s (assumed) | memory beside the weights |\n"
        "|---|---:|---:|---:|---:|---:|\n"
    )
    rows = []
    for full in (False, True):
        work = _PER_TOKEN[full] * _XLMR["layers"] * per_pair * options.pairs
        hours = work / measured.rate / 3600
        sys.stdout.write(
            f"| {'every weight' if full else 'an adapter'} | {work:.1e} | {hours:.0f} h | "
            f"{hours / 16:.1f} h | {work / (_PEAK * _SHARE) / 60:.0f} min | "
            f"{_xlmr_bytes(full) / 1e9:.1f} GB |\n"
        )
        rows.append(
            {"trained": "every weight" if full else "an adapter", "pairs": options.pairs,
             "tokens a pair": per_pair, "operations": work,
             "hours, one thread as measured": hours,
             "minutes, one A100 (assumed)": work / (_PEAK * _SHARE) / 60,
             "GB beside the weights": _xlmr_bytes(full) / 1e9,
             "measured: s a step of 32 pairs": measured.seconds,
             "measured: GFLOP/s": measured.rate / 1e9, "measured: peak MB": measured.peak_mb}
        )  # fmt: skip
    if options.out is not None:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(rows).to_parquet(options.out, index=False)


def measure(parallel: str, lang: str, steps: int) -> Measured:
    """Runs the first steps of an adjustment of the embedded model and times them."""
    torch.set_num_threads(1)
    settings = Adjustment(
        name="cost", lang=lang, parallel=(parallel,), pairs=32 * steps, log_every=10**6
    )
    parts = backbone(settings.model)
    prepared = prepare(settings, parts, report=lambda line: None, device="cpu")
    learning = Learning(settings, parts, prepared)
    learning.model.train()
    seconds, tokens = [], []
    for rows in learning.batches:
        pairs = [prepared.train[row] for row in rows]
        began = time.process_time()
        learning.step()
        seconds.append(time.process_time() - began)
        tokens.append(sum(p.foreign.tokens + p.english.tokens for p in pairs))
    layers = sum(t.numel() for name, t in parts.state.items() if layer_of(name).isdigit())
    rate = _PER_TOKEN[False] * layers * sum(tokens) / sum(seconds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return Measured(float(np.mean(seconds)), float(np.mean(tokens)), 32, rate, peak)


def _xlmr_bytes(full: bool) -> int:
    """As `needed_bytes`, of XLM-R base with sentences of 128 tokens."""
    from types import SimpleNamespace

    config = SimpleNamespace(
        hidden_size=_XLMR["width"], num_attention_heads=_XLMR["heads"],
        num_hidden_layers=_XLMR["depth"],
    )  # fmt: skip
    state = {
        "layer.0.": torch.empty(_XLMR["layers"], device="meta"),
        "embeddings": torch.empty(_XLMR["weights"] - _XLMR["layers"], device="meta"),
    }
    parts = SimpleNamespace(config=config, state=state)
    return needed_bytes(parts, 128, full=full)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
