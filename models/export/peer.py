"""One clip by another program, in a process of its own: `peers` starts it in turns with ours.

    python peer.py JOB.json

Imports no more than such a program would. Prints one line of JSON with the keys of benches/peers/video.rs.
"""
import json
import sys
import time

THREADS = 2


def status(name):
    """Bytes that /proc/self/status tells under this name; None where there is none."""
    try:
        with open("/proc/self/status") as file:
            return next((1024 * int(line.split()[1]) for line in file if line.startswith(name)), None)
    except OSError:
        return None


def since(started):
    return (time.time_ns() - started) / 1e9


class Stop(Exception):
    """The first step is done, and no more is wanted."""


def call(pipe, job, end):
    """What the family's pipeline is asked for."""
    named = dict(width=job["width"], height=job["height"], num_frames=job["frames"], num_inference_steps=job["steps"],
                 output_type="np", callback_on_step_end=end)
    if job["photo"]:
        from PIL import Image
        named["image"] = Image.open(job["photo"]).convert("RGB")
    if job["family"] == "svd":
        return named | dict(fps=job["fps"], min_guidance_scale=1.0, max_guidance_scale=job["guidance"], decode_chunk_size=8)
    named |= dict(prompt=job["words"], negative_prompt=job["not"], guidance_scale=job["guidance"])
    if job["family"] == "ltx":
        named |= dict(frame_rate=job["fps"], decode_timestep=0.05, decode_noise_scale=0.025)
    return named


def given_noise(pipe, job, named):
    """The call that starts from the noise in a file, and draws none."""
    import importlib

    import numpy as np
    import torch
    noise = {name: torch.from_numpy(array) for name, array in np.load(job["noise"]).items()}
    module = importlib.import_module(type(pipe).__module__)
    drawn = noise.get("augmentation", noise.get("decode"))
    if drawn is not None:
        module.randn_tensor = lambda *_, **__: drawn.clone()
    latents = noise["latents"]
    if job["family"] == "ltx":
        # The pipeline would draw from the posterior of the photo's latents; a pack takes their mean.
        pixels = pipe.video_processor.preprocess(named["image"], job["height"], job["width"])[:, :, None]
        mean = pipe.vae.encode(pixels).latent_dist.mode()
        first = pipe._normalize_latents(mean, pipe.vae.latents_mean, pipe.vae.latents_std)
        latents = torch.cat([first, latents[:, :, 1:]], 2).flatten(2).transpose(1, 2)
    return named | {"latents": latents}


def diffusers(job):
    import torch
    torch.set_num_threads(THREADS)
    import diffusers as library
    library.utils.logging.disable_progress_bar()
    pipe = getattr(library, job["class"]).from_pretrained(job["model"], torch_dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    ends, peaks = [], []

    def end(_, step, timestep, values):
        ends.append((time.perf_counter(), since(job["started"])))
        peaks.append(status("VmHWM:"))
        if job["first_step"]:
            raise Stop
        return values

    frames, begun = None, time.perf_counter()
    with torch.inference_mode():
        named = call(pipe, job, end)
        if job.get("noise"):
            named = given_noise(pipe, job, named)
        try:
            frames = pipe(**named).frames[0]
        except Stop:
            pass
    total = time.perf_counter() - begun
    if job.get("frames_out"):
        import numpy as np
        np.save(job["frames_out"], frames)
    return {"first_step": ends[0][1], "steps": [b[0] - a[0] for a, b in zip(ends, ends[1:])], "total": total,
            "process": since(job["started"]), "decoding": time.perf_counter() - ends[-1][0],
            "peak_denoising": peaks[-1], "peak": status("VmHWM:"), "frames": None if frames is None else len(frames)}


def openvino(job):
    """The denoiser alone, as often as a step runs it."""
    import numpy as np
    import openvino as ov
    compiled = ov.Core().compile_model(job["model"], "CPU", {
        "INFERENCE_NUM_THREADS": THREADS, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32", "NUM_STREAMS": 1})
    runs = []
    with np.load(job["inputs"]) as file:
        for run in range(job["runs"]):
            runs.append({int(name.split("/")[1]): file[name] for name in file if name.startswith(f"{run}/")})
    request, steps = compiled.create_infer_request(), []
    for _ in range(job["steps"]):
        begun = time.perf_counter()
        for inputs in runs:
            request.infer(inputs, share_inputs=True)
        steps.append(time.perf_counter() - begun)
    return {"steps": steps[1:], "peak": status("VmHWM:")}


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        asked = json.load(file)
    print(json.dumps({"diffusers": diffusers, "openvino": openvino}[asked["peer"]](asked)))
