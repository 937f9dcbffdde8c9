"""Sampling the exported denoiser with ONNX Runtime, the way the library does it."""
import json

import numpy as np
import onnxruntime

from .contract import CHANNELS, COEFFICIENTS, TAGS, TG, basis


class Motion:
    def __init__(self, path, threads=1):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.about = json.loads(self.session.get_modelmeta().custom_metadata_map["kinora.motion"])
        rows = self.session.get_inputs()[0].shape[0]
        self.rows = rows if isinstance(rows, int) else None
        if (self.about["channels"], self.about["tags"]) != (CHANNELS, TAGS):
            raise SystemExit(f"{path}: channels or tags differ from contract.py")

    def denoise(self, latents, time, tags, photo, state):
        """Rows do not see each other, so two of anything fill one run of the file's fixed shapes."""
        feeds = dict(latents=latents, time=np.full(len(latents), time, np.float32), tags=tags, photo=photo, state=state)
        if self.rows is None:
            return self.session.run(None, feeds)
        count = len(latents)
        parts = []
        for at in range(0, count, self.rows):
            index = np.minimum(np.arange(at, at + self.rows), count - 1)
            parts.append(self.session.run(None, {name: value[index] for name, value in feeds.items()}))
        return [np.concatenate(side)[:count] for side in zip(*parts)]

    def sample(self, tags, photo, state, noise, steps=None, guidance=None, shift=None):
        """Euler steps from noise at time 0 to motion at time 1; coefficients [B, K, C]."""
        default = self.about["defaults"]
        steps = default["steps"] if steps is None else steps
        guidance = default["guidance"] if guidance is None else guidance
        shift = default["shift"] if shift is None else shift
        u = np.arange(steps + 1) / steps
        times = shift * u / (1 + (shift - 1) * u)
        x, n = noise.astype(np.float32), len(noise)
        twice = lambda a: np.concatenate([a, a])
        both = np.concatenate([tags, np.zeros_like(tags)])
        for now, then in zip(times[:-1], times[1:]):
            if guidance == 1:
                guess, motion = self.denoise(x, now, tags, photo, state)
            else:
                guess, motion = self.denoise(twice(x), now, both, twice(photo), twice(state))
                guess = guess[n:] + guidance * (guess[:n] - guess[n:])
                motion = motion[n:] + guidance * (motion[:n] - motion[n:])
            x = (x + (then - now) / (1 - now) * (guess - x)).astype(np.float32)
        return motion


def noise_for(seeds):
    return np.stack([np.random.default_rng(seed).standard_normal((COEFFICIENTS, len(CHANNELS))) for seed in seeds])


def ask(n, others=0.0, **tags):
    """Tags for n windows: the named ones at their strength, the rest known to be zero (None: unknown)."""
    values = np.zeros((n, len(TAGS)), np.float32)
    known = np.full((n, len(TAGS)), 0.0 if others is None else 1.0, np.float32)
    for name, value in tags.items():
        values[:, TG[name]] = 0 if value is None else value
        known[:, TG[name]] = 0 if value is None else 1
    return np.concatenate([values * known, known], 1)


def curves(coefficients, points=121):
    """[B, C, points] values at equally spaced times from 0 to the window's end, both included."""
    return np.einsum("bkc,kp->bcp", coefficients, basis(np.linspace(0, 1, points)))
