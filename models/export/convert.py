"""The denoiser of a mid pipeline as OpenVINO converts diffusers' module, and what one step gives it.

    python -m export.convert --out DIR [--only NAME]

Writes DIR/NAME-f32/openvino beside what `mid` has made.
"""
import argparse
import inspect
import json
import os
import shutil

import numpy as np
import torch
from torch import nn

from . import mid, tiny


class Tensors(nn.Module):
    """A module that takes tensors by position and knows the rest of its arguments."""

    def __init__(self, module, names, rest):
        super().__init__()
        self.module, self.names, self.rest = module, names, rest

    def forward(self, *tensors):
        return self.module(**dict(zip(self.names, tensors)), **self.rest)[0]


class Stop(Exception):
    pass


def calls_of_a_step(pipe, name):
    """The arguments of the denoiser in the first step, those of each run; and what it gives for them."""
    model, calls, results = mid.denoiser_of(pipe), [], []
    order = list(inspect.signature(model.forward).parameters)

    def before(_, given, named):
        calls.append({**dict(zip(order, given)), **named})

    def after(_, given, out):
        results.append(out[0])

    def end(*_):
        raise Stop

    width, height, frames = mid.MODELS[name].step
    hooks = [model.register_forward_pre_hook(before, with_kwargs=True), model.register_forward_hook(after)]
    named = dict(width=width, height=height, num_frames=frames, num_inference_steps=2, callback_on_step_end=end)
    if name != "wan":
        named["image"] = mid.photo(name, (width, height))
    if name != "svd":
        named |= dict(prompt=tiny.PROMPT, negative_prompt=tiny.NEGATIVE, guidance_scale=3.0)
    try:
        pipe(**named)
    except Stop:
        pass
    for hook in hooks:
        hook.remove()
    return calls, results


def convert(name, out):
    import openvino as ov
    folder = mid.make(name, out)
    target = os.path.join(folder, "openvino")
    if os.path.exists(os.path.join(target, "about.json")):
        return
    shutil.rmtree(target, ignore_errors=True)
    os.makedirs(target)
    pipe = mid.MODELS[name].pipe()
    pipe.set_progress_bar_config(disable=True)
    with torch.inference_mode():
        calls, results = calls_of_a_step(pipe, name)
    calls = [{key: torch.as_tensor(value) if key == "timestep" else value for key, value in call.items()} for call in calls]
    names = [key for key, value in calls[0].items() if torch.is_tensor(value)]
    rest = {key: value for key, value in calls[0].items() if key not in names} | {"return_dict": False}
    module = Tensors(mid.denoiser_of(pipe), names, rest).eval()
    example = tuple(calls[0][key].clone() for key in names)
    with torch.no_grad():
        model = ov.convert_model(module, example_input=example)
    model.reshape({i: list(value.shape) for i, value in enumerate(example)})
    inputs = {f"{run}/{i}": call[key].numpy() for run, call in enumerate(calls) for i, key in enumerate(names)}
    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 2})
    difference = max(float(np.abs(compiled({i: inputs[f"{run}/{i}"] for i in range(len(names))})[0] - result.numpy()).max())
                     for run, result in enumerate(results))
    if difference > 1e-3:
        raise AssertionError(f"{name}: OpenVINO's denoiser differs from diffusers' by {difference:.1e}")
    ov.save_model(model, os.path.join(target, "denoiser.xml"), compress_to_fp16=False)
    np.savez(os.path.join(target, "inputs.npz"), **inputs)
    with open(os.path.join(target, "about.json"), "w") as file:
        json.dump({"runs": len(calls), "inputs": names, "difference": difference}, file)
    print(name, f"OpenVINO: {len(calls)} runs a step, largest difference from diffusers {difference:.1e}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", required=True)
    parser.add_argument("--only", choices=mid.MODELS)
    options = parser.parse_args()
    torch.set_num_threads(2)
    for name in mid.MODELS:
        if options.only in (None, name):
            convert(name, options.out)


if __name__ == "__main__":
    main()
