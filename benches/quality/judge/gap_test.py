"""Test 1: does the model look at the photo?"""

import numpy as np
import onnxruntime

from .controls import simulator_module
from .scene import camera_from

HELD_OUT = 990_030  # simulator seeds that training never draws (motion/evaluate.py)
TIMES = (0.1, 0.3, 0.6, 0.85)
PROMPT = "turn right"


class Denoiser:
    def __init__(self, path):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.batch = self.session.get_inputs()[0].shape[0]

    def __call__(self, latents, time, tags, photo, state):
        """Denoised latents and coefficients; a fixed batch is filled row by row."""
        feeds = dict(
            latents=latents, time=np.full(len(latents), time, np.float32), tags=tags, photo=photo, state=state
        )
        n, size = len(latents), self.batch if isinstance(self.batch, int) else 64
        parts = []
        for at in range(0, n, size):
            rows = (
                np.minimum(np.arange(at, at + size), n - 1)
                if isinstance(self.batch, int)
                else np.arange(at, min(at + size, n))
            )
            parts.append(
                [
                    out[: min(size, n - at)]
                    for out in self.session.run(
                        ["denoised", "coefficients"], {k: v[rows] for k, v in feeds.items()}
                    )
                ]
            )
        return [np.concatenate(p) for p in zip(*parts)]


def network(ctx, n):
    """Denoising error with the window's own photo below the error with another's, per system."""
    _, simulate = simulator_module()
    batch = simulate.draw(np.random.default_rng(HELD_OUT), n)
    rng = np.random.default_rng(7)
    shape = batch["coefficients"].shape
    noise = rng.standard_normal(shape).astype(np.float32)
    tags = np.concatenate([batch["tags"], np.ones_like(batch["tags"])], 1)
    wrong = np.roll(batch["photo"], 1, 0)
    model = Denoiser(ctx.models["model"] / "motion.onnx")
    whitened, plain = model(noise, 0.5, tags, batch["photo"], batch["state"])
    # The whitening is the ratio of the two outputs, the same for every window.
    ratio = np.where(np.abs(whitened) > 1e-3, plain / np.where(whitened == 0, 1, whitened), np.nan)
    scale = np.nanmedian(ratio, 0)
    scale = np.where(
        np.isfinite(scale) & (scale > 0), scale, np.inf
    )  # a channel that never moves tells nothing
    clean = (batch["coefficients"] / scale).astype(np.float32)
    for system in ("model", "no motion", "training mean", "average support"):
        if system not in ctx.models:
            continue
        denoise = model if system == "model" else Denoiser(ctx.models[system] / "motion.onnx")
        gaps = []
        for t in TIMES:
            x = (t * clean + (1 - t) * noise).astype(np.float32)
            error = [
                np.mean(
                    ((denoise(x, t, tags, photo, batch["state"])[1] - batch["coefficients"]) / scale) ** 2
                )
                for photo in (batch["photo"], wrong)
            ]
            gaps.append(1 - error[0] / error[1])
        ctx.report.add(
            1,
            "denoising error, matched below shuffled photo, least over times",
            system,
            min(gaps),
            least=0.10,
            count=n,
        )


def support(ctx, system, photos):
    """The same prompt and seed on photos whose people stand elsewhere: what moves follows the own mask."""
    jobs = [dict(ctx.job(system, photo, PROMPT, key=i), seconds=1.5, fps=8) for i, photo in enumerate(photos)]
    energy = {}
    for job, said, frames in ctx.renderer.clips(jobs):
        if frames is None:
            continue
        moved = [np.linalg.norm(ctx.judges.moved(frames[0], frame), axis=-1) for frame in frames[3::3]]
        total = np.max(moved, 0)
        # The smallest of it is flow's own noise.
        energy[job["key"]] = np.where(total > 0.3, total, 0)
    own, other, follows = [], [], []
    for i, field in energy.items():
        inside = lambda mask: (field * fitted(mask, field.shape)).sum() / max(field.sum(), 1e-9)
        # What the mask covers by chance is taken off: a mask of everything holds all motion.
        beyond = lambda mask: inside(mask) - fitted(mask, field.shape).mean()
        mine = beyond(photos[i].extra["mask"])
        others = [beyond(photos[k].extra["mask"]) for k in energy if k != i]
        if field.sum() == 0:
            own.append(0.0), other.append(0.0), follows.append(False)
            continue
        own.append(mine), other.append(np.mean(others)), follows.append(mine > np.mean(others))
    if len(own) < 3:
        return ctx.report.skip("image gap on frames: fewer than three photos with people")
    ctx.report.add(
        1, "motion inside its own person mask, beyond chance", system, np.mean(own), count=len(own)
    )
    ctx.report.add(
        1, "motion inside another photo's mask, beyond chance", system, np.mean(other), count=len(own)
    )
    gap = 1 - np.mean(other) / np.mean(own) if np.mean(own) > 0.02 else 0.0
    ctx.report.add(1, "support: own mask above another's, relative", system, gap, least=0.10, count=len(own))
    ctx.report.add(
        1,
        "support follows the own mask more, share of photos",
        system,
        np.mean(follows),
        least=0.8,
        count=len(own),
    )


def fitted(mask, shape):
    import cv2

    return (cv2.resize(mask, (shape[1], shape[0])) > 0.5).astype(np.float32)
