"""One run of the denoiser: ONNX Runtime beside diffusers' eager f32, both on two threads, in turns.

    python -m export.speed --out DIR [--only NAME] [--precision f32|f16|int8|w8a8] [--rounds 9]

Prints the median time of each and the median of the ratios of neighbours (under 1: ours is faster), and how much of ours are
matrix products, attention and convolutions: what no graph can save, as long as both libraries multiply equally fast.
"""
import argparse
import json
import os
import statistics
import tempfile
import time

import numpy as np
import torch

from . import component, mid, weights

THREADS = 2
PRODUCTS = {"Conv", "FusedConv", "FusedGemm", "FusedMatMul", "Gemm", "MatMul", "MultiHeadAttention"}


def seconds(run):
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def both(name, out, precision):
    """Functions that run ours and diffusers' on the same inputs, and how far apart their results are."""
    pack = os.path.join(mid.make(name, out, precision), "pack")
    pipe = mid.MODELS[name].pipe()
    part, model, calls = mid.component(pipe, "denoiser"), mid.denoiser_of(pipe), []
    hook = model.register_forward_pre_hook(lambda _, given, named: calls.append((given, named)), with_kwargs=True)
    with open(os.path.join(pack, "pack.json")) as file:
        inputs, expected = part.example(mid.latents_sizes(name, json.load(file)))
    hook.remove()
    given, named = calls[-1]
    runner = component.session(os.path.join(pack, "denoiser.onnx"), THREADS)
    feeds = {key: value.numpy() for key, value in inputs.items()}
    ours = lambda: runner.run(None, feeds)[0]
    theirs = lambda: model(*given, **named)
    share = products(os.path.join(pack, "denoiser.onnx"), feeds)
    return ours, theirs, share, float(np.abs(ours() - expected[0].numpy()).max()), float(expected[0].std())


def products(path, feeds):
    """The share of a run's time that is in matrix products, attention and convolutions."""
    with tempfile.TemporaryDirectory() as folder:
        runner = component.session(path, THREADS, os.path.join(folder, "run"))
        runner.run(None, feeds)
        with open(runner.end_profiling()) as file:
            nodes = [e for e in json.load(file) if e.get("cat") == "Node" and e["name"].endswith("_kernel_time")]
    taken = lambda events: sum(event["dur"] for event in events)
    return taken(e for e in nodes if e["args"]["op_name"] in PRODUCTS) / taken(nodes)


def measure(name, out, precision, rounds):
    ours, theirs, share, difference, spread = both(name, out, precision)
    with torch.inference_mode():
        theirs()
        pairs = [(seconds(ours), seconds(theirs)) for _ in range(rounds)]
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"{name} {precision}: ours {statistics.median(a for a, _ in pairs):.3f} s, diffusers "
          f"{statistics.median(b for _, b in pairs):.3f} s, ratio {ratio:.3f}; "
          f"{share:.0%} of ours are products, {share * ratio:.3f} of diffusers'; "
          f"largest difference {difference:.1e} of predictions with deviation {spread:.2f}", flush=True)
    return ratio


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", required=True)
    parser.add_argument("--only", choices=mid.MODELS)
    parser.add_argument("--precision", default="f32", choices=weights.PRECISIONS)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    torch.set_num_threads(THREADS)
    for name in mid.MODELS:
        if options.only in (None, name):
            measure(name, options.out, options.precision, options.rounds)


if __name__ == "__main__":
    main()
