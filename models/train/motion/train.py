"""Trains the motion denoiser on simulated and tracked curves and writes motion.onnx.

    PYTHONPATH=models/train python -m motion.train --minutes 45 --real WORK/real.npz --out models/motion.onnx

Flow matching with x-prediction: x_t = t x + (1 - t) noise, the network returns x.
"""
import argparse
import copy
import math
import os
import tempfile
import time

import numpy as np
import torch

from . import calibrate, export, simulate, warm
from .contract import CH, CHANNELS, MODE_NAMES, PH
from .network import Denoiser

CHUNK = 4000  # windows per simulator call
# Tags hidden, so that the network also learns what is usual. Of a face that is what real people do: a simulated face
# rarely goes without its tags, a tracked one often.
DROP_ALL, DROP_EACH = 0.12, 0.06
DROP_FACE, DROP_REAL = 0.02, 0.5


class Pool:
    """A pool of simulated windows, renewed chunk by chunk while training draws from it."""

    def __init__(self, seed, chunks):
        self.rng = np.random.default_rng(seed)
        parts = [simulate.draw(self.rng, CHUNK) for _ in range(chunks)]
        self.data = {key: torch.from_numpy(np.concatenate([part[key] for part in parts])) for key in parts[0]}
        self.chunks, self.next = chunks, 0

    def renew(self):
        fresh = simulate.draw(self.rng, CHUNK)
        at = slice(self.next * CHUNK, (self.next + 1) * CHUNK)
        for key, value in fresh.items():
            self.data[key][at] = torch.from_numpy(value)
        self.next = (self.next + 1) % self.chunks

    def batch(self, size):
        rows = torch.randint(len(self.data["tags"]), (size,))
        return {key: value[rows] for key, value in self.data.items()}


def whitening(coefficients):
    """Scale per coefficient and channel, over the windows in which the channel moves at all."""
    energy = coefficients.pow(2).sum(1)
    active = energy > 1e-4 * energy.quantile(0.995, dim=0, keepdim=True)
    mean = (coefficients.pow(2) * active[:, None]).sum(0) / active.sum(0).clamp(min=1)
    return mean.sqrt() + 1e-3 * mean.sum(0, keepdim=True).sqrt()


def loss_weights(scale):
    """What an error costs: strong frequencies more than weak ones, and lids more than anything.

    A lid is a third of a second in three; as one channel in 45 its blinks come out half closed.
    """
    weight = (scale / scale.pow(2).mean(0, keepdim=True).sqrt()).pow(0.6)
    weight = weight / weight.mean(0, keepdim=True)
    channel = torch.ones(len(CHANNELS))
    channel[[CH["lid_l"], CH["lid_r"]]] = 9.0
    channel[CH["mouth"]] = 2.0
    # 26 modes of scenery must not outvote 19 channels of rig.
    channel[[CH[name] for name in MODE_NAMES]] = 0.6
    weight = weight * channel
    return weight / weight.mean()


def hide(tags, known, drop_all):
    """Tags with some of them unknown, as the network reads them: value·known, known."""
    n = len(tags)
    kept = (torch.rand(n, 1) > drop_all[:, None]) & (torch.rand(n, tags.shape[1]) > DROP_EACH)
    # Prompts name few things: some windows know only what happens, or only a handful.
    named = (torch.rand(n, 1) < 0.15) & (tags == 0) & (torch.rand(n, tags.shape[1]) < 0.8)
    known = known * (kept & ~named).float()
    return torch.cat([tags * known, known], 1)


class Mixture:
    """Batches of simulated windows with a share of tracked ones."""

    def __init__(self, pool, real, share):
        self.pool, self.share, self.real = pool, share if real else 0.0, None
        if real:
            with np.load(real) as file:
                self.real = {key: torch.from_numpy(file[key]) for key in file.files}

    def batch(self, size):
        tracked = round(size * self.share)
        batch = self.pool.batch(size)
        batch["known"] = torch.ones_like(batch["tags"])
        batch["seen"] = torch.ones(size, len(CHANNELS))
        face = batch["photo"][:, PH["has_face"]] > 0
        drop = torch.where(face, DROP_FACE if self.real else DROP_ALL, DROP_ALL)
        if tracked:
            # Channels that no tracker sees look like a simulated window's, so that they give nothing away.
            host = torch.nonzero(face)[:, 0]
            host = host[torch.randint(len(host), (tracked,))]
            rows = torch.randint(len(self.real["tags"]), (tracked,))
            own = {key: value[rows] for key, value in self.real.items()}
            seen = own["seen"]
            fill = {key: batch[key][host] for key in ("coefficients", "state")}
            at = slice(size - tracked, size)
            twice = torch.cat([seen, seen, torch.ones(tracked, 1)], 1)
            own["coefficients"] = own["coefficients"] * seen[:, None] + fill["coefficients"] * (1 - seen[:, None])
            own["state"] = own["state"] * twice + fill["state"] * (1 - twice)
            for key, value in own.items():
                batch[key][at] = value
            drop[at] = DROP_REAL
        batch["asked"] = hide(batch["tags"], batch["known"], drop)
        return batch


def flow_times(n):
    """Flow times: mostly the middle, and enough of the start, where the tags alone decide how far things go."""
    middle = torch.sigmoid(1.1 * torch.randn(n) - 0.2)
    return torch.where(torch.rand(n) < 0.2, 0.25 * torch.rand(n), middle)


def prepare(net, data, real=None):
    scale = whitening(data["coefficients"])
    if real is not None:
        # Tracked curves are rougher than simulated ones: what they hold must fit in as well.
        seen = real["seen"]
        tracked = ((real["coefficients"].pow(2) * seen[:, None]).sum(0) / seen.sum(0).clamp(min=1)).sqrt()
        scale = torch.maximum(scale, 0.7 * tracked)
    net.scale.copy_(scale)
    net.see.fit(data["photo"])
    # Velocities of lids and eyes come in bursts: scale by the windows in which they are not zero.
    state = data["state"].clone()
    state[:, len(CHANNELS):-1] *= state[:, -1:]
    moving = state.abs() > 1e-6
    net.state_scale.copy_(((state.pow(2) * moving).sum(0) / moving.sum(0).clamp(min=1)).sqrt() + 1e-5)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=35)
    parser.add_argument("--out", default="models/motion.onnx")
    parser.add_argument("--work", default=os.path.join(tempfile.gettempdir(), "kinora-motion"),
                        help="folder for checkpoints")
    parser.add_argument("--resume", help="checkpoint (.pt) or exported file (.onnx) to start from")
    parser.add_argument("--refit", action="store_true", help="with --resume: scales anew from the data, not the file's")
    parser.add_argument("--real", help="windows of tracked clips (motion.real); without: the simulator alone")
    parser.add_argument("--share", type=float, default=0.2, help="how much of a batch is tracked")
    parser.add_argument("--width", type=int, default=144)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--compile", action="store_true", help="torch.compile: 1.7 times as fast after two minutes")
    parser.add_argument("--quick", action="store_true", help="two minutes, to see that everything runs")
    args = parser.parse_args()
    if args.quick:
        args.minutes = min(args.minutes, 2)
    os.makedirs(args.work, exist_ok=True)
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)

    pool = Pool(args.seed, 4 if args.quick else 20)
    net = Denoiser(args.width, args.layers)
    mixture = Mixture(pool, args.real, args.share)
    if args.resume and args.resume.endswith(".onnx"):
        warm.weights(args.resume, net)
    elif args.resume:
        net.load_state_dict(torch.load(args.resume)["ema"])
    if not args.resume or args.refit:
        prepare(net, pool.data, mixture.real)
    weights = loss_weights(net.scale)
    ema = copy.deepcopy(net).eval()
    optimizer = torch.optim.AdamW(net.parameters(), lr=args.rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
    count = sum(p.numel() for p in net.parameters())
    print(f"{count / 1e6:.2f} M parameters, {len(pool.data['tags'])} windows in the pool", flush=True)

    forward = torch.compile(net) if args.compile else net
    begin, step, mean = time.time(), 0, {}

    def save():
        torch.save(dict(ema=ema.state_dict(), config=net.config, step=step), os.path.join(args.work, "motion.pt"))

    while (done := (time.time() - begin) / 60 / args.minutes) < 1:
        cosine = 1 if done < 0.35 else 0.5 * (1 + math.cos(math.pi * (done - 0.35) / 0.65))
        for group in optimizer.param_groups:
            group["lr"] = args.rate * min(1, (step + 1) / 100) * (0.985 * cosine + 0.015)
        batch = mixture.batch(args.batch)
        clean = (batch["coefficients"] / net.scale).clamp(-12, 12)
        noise = torch.randn_like(clean)
        t = flow_times(args.batch)
        mixed = t[:, None, None] * clean + (1 - t[:, None, None]) * noise
        with torch.autocast("cpu", torch.bfloat16):
            guess = forward(mixed, t, batch["asked"], batch["photo"], batch["state"])
        counted = weights * batch["seen"][:, None]
        error = ((guess.float() - clean).pow(2) * counted).mean((1, 2))
        energy = (clean.pow(2) * counted).mean((1, 2))
        # Quiet windows count as much as lively ones; late steps, where detail is made, count more.
        loss = (error * (0.05 + energy).pow(-0.6) / (1 - t).clamp(min=0.1) ** 2).clamp(max=60).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        step += 1
        decay = min(0.998, (step + 1) / (step + 12))
        with torch.no_grad():
            torch._foreach_lerp_(list(ema.parameters()), list(net.parameters()), 1 - decay)
        for key, value in (("loss", loss.item()), ("relative", (error / (energy + 0.02)).mean().item())):
            mean[key] = value if key not in mean else 0.98 * mean[key] + 0.02 * value
        if step % (2 * CHUNK // args.batch) == 0 and not args.quick:
            pool.renew()
        if step % 200 == 0 or step in (5, 50):
            figures = " ".join(f"{key} {value:.4f}" for key, value in mean.items())
            print(f"{step} {(time.time() - begin) / 60:.2f} min {figures}", flush=True)
        if step % 500 == 0:
            save()
    save()
    size = export.export(ema, args.out, amounts=None if args.quick else calibrate.slopes(ema))
    print(f"{args.out}: {size / 1e6:.2f} MB after {step} steps")


if __name__ == "__main__":
    main()
