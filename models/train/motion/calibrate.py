"""Makes half of a strength half of the motion.

A denoiser learns the ends of a tag's range better than its middle: asked for a third it moves less than a third. What it
does at each strength is measured on simulated photos, and the curve that undoes it goes into the exported file, as a
polyline per tag in front of the network.
"""
import numpy as np
import torch

from .contract import CHANNELS, COEFFICIENTS, SIGNED, TAGS, TG
from .evaluate import MEASURE, opening_state, portraits
from .network import KNOTS, Exported
from .sampling import ask, curves, noise_for

# Tags whose amount is a matter of degree. Camera and scenery are nearly linear as they are.
GRADED = ["smile", "brow", "gaze_x", "gaze_y", "talk", "nod", "shake", "tilt", "look_x", "look_y", "lean"]
SEED = 880_000  # of the photos and noises: neither training's nor the evaluation's


@torch.no_grad()
def sample(net, tags, photo, state, noise, steps=12, shift=0.7):
    """As sampling.py, with the torch network and without guidance."""
    u = np.arange(steps + 1) / steps
    times = shift * u / (1 + (shift - 1) * u)
    tags, photo, state, x = (torch.from_numpy(np.asarray(a, np.float32)) for a in (tags, photo, state, noise))
    for now, then in zip(times[:-1], times[1:]):
        guess, motion = net(x, torch.full((len(x),), float(now)), tags, photo, state)
        x = x + float((then - now) / (1 - now)) * (guess - x)
    return motion.numpy()


def responses(net, count=28):
    """How far each tag goes at each knot, averaged over photos and both signs: {tag: [knots]}."""
    net = Exported(net).eval()
    photo, noise = portraits(count, SEED), noise_for(range(SEED, SEED + count))
    state = opening_state(count, np.random.default_rng(6).uniform(1.2, 2.8, count).astype(np.float32))
    rest = curves(sample(net, ask(count), photo, state, noise))
    out = {}
    for tag in GRADED:
        signs = (1, -1) if tag in SIGNED else (1,)
        base = MEASURE[tag](rest).mean() if tag not in SIGNED else 0.0
        out[tag] = [0.0]
        for knot in KNOTS[1:]:
            far = [sign * MEASURE[tag](curves(sample(net, ask(count, **{tag: sign * knot}), photo, state, noise))).mean()
                   for sign in signs]
            out[tag].append(float(np.mean(far) - base))
    return out


def slopes(net, count=28):
    """[T, knots] slopes for `Exported`: the inverse of each tag's measured response, straight up to strength 1."""
    measured = responses(net, count)
    knots = np.array(KNOTS)
    out = np.ones((len(TAGS), len(KNOTS)))
    for tag, far in measured.items():
        reached = np.maximum.accumulate(np.array(far) / far[-1])
        print(f"{tag:9} strengths {knots[1:]} reach {np.round(reached[1:], 2)} of {far[-1]:.4f}", flush=True)
        # Strictly rising, or there is no inverse; then half-way only, where the measure itself is in doubt.
        reached = np.maximum(reached, 0.25 * knots) + 1e-4 * np.arange(len(knots))
        reached /= reached[-1]
        hear = np.interp(knots, reached, knots)
        out[TG[tag], :-1] = np.diff(hear) / np.diff(knots)
        out[TG[tag], -1] = 1.0  # past 1 as trained
    return out.astype(np.float32)
