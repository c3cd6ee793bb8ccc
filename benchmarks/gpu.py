"""Items a second on a GPU: XNLI pairs (else the demo corpus), every layer asked for, in one run.

    python benchmarks/gpu.py [--items 2048] [--layers 0,4,8,11]

Prints Markdown: items a second in float32 and bfloat16, their share of the best 8192-cube product
of the same precision and run, evaluations, and errors. Without a GPU it says so and ends.
"""

import argparse
import sys
import time

import numpy as np
import torch
from attribution import _sentences, at_least_four, layer_list

import ccta_core as ccta
from ccta_core.config import Config

SIDE = 8192


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=at_least_four, default=2048)
    parser.add_argument("--layers", type=layer_list, default=[0, 4, 8, 11])
    options = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("gpu: no GPU here; benchmarks/attribution.py measures the processor")
    model = ccta.load_model("e5-small/nli-en", device="cuda")
    sentences, source = _sentences(options.items), "XNLI dev, else the demo corpus"
    peaks = {"fp32": _peak(torch.float32), "bf16": _peak(torch.bfloat16)}
    tokens = np.mean([model.encode(sentence).length for sentence in sentences])
    print(f"{torch.cuda.get_device_name()}, {options.items} pairs of {source}, {tokens:.1f} tokens "
          f"each; best {SIDE}-cube: {peaks['fp32'] / 1e12:.0f} TFLOP/s fp32, "
          f"{peaks['bf16'] / 1e12:.0f} bf16\n")  # fmt: skip
    print("| layer | precision | items a second | share of peak | evaluations | masses within, "
          "median | completeness error, mean | converged |\n" + "|---" * 8 + "|")  # fmt: skip
    for layer in options.layers:
        for precision, peak in peaks.items():
            _row(model, sentences, Config(layer=layer, precision=precision), peak)


def _row(model, sentences, config, peak):
    ccta.attribute(model, sentences[:64], config)
    torch.cuda.synchronize()
    began = time.perf_counter()
    found = ccta.attribute(model, sentences, config)
    torch.cuda.synchronize()
    spent = time.perf_counter() - began
    size = model.hf_model.config
    work = 0.0
    for one in found:
        n = len(one.subwords)
        layer = 2 * n * (4 * size.hidden_size**2 + 2 * size.hidden_size * size.intermediate_size)
        layer += 4 * n * n * size.hidden_size
        work += 2 * one.evaluations * (size.num_hidden_layers - config.layer - 0.83) * layer
        work += 2 * size.num_hidden_layers * layer
    evaluations = np.mean([one.evaluations for one in found])
    errors = np.mean([one.completeness_error for one in found])
    bound = np.median([one.mass_error for one in found])
    sure = np.mean([one.converged for one in found])
    print(f"| {config.layer} | {config.precision} | {len(found) / spent:.0f} "
          f"| {work / spent / peak:.1%} | {evaluations:.1f} | {bound:.4f} "
          f"| {errors:.3%} | {sure:.1%} |",
          flush=True)  # fmt: skip


def _peak(dtype):
    left, right = (torch.randn(SIDE, SIDE, device="cuda", dtype=dtype) for _ in range(2))
    best = np.inf
    for _ in range(10):
        torch.cuda.synchronize()
        began = time.perf_counter()
        left @ right
        torch.cuda.synchronize()
        best = min(best, time.perf_counter() - began)
    return 2 * SIDE**3 / best


if __name__ == "__main__":
    main()
