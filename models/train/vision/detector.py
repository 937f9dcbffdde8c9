"""Face detector: YuNet's layout and semantics, our own network, trained from scratch.

What it learns from stands in crops.py: YuNet-s's maps and hand-drawn boxes.

    python -m vision.detector --data DIR --work DIR --minutes 40 --out ../face_detector.onnx
"""

import argparse
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from . import geometry as g
from . import crops, training

CHANNELS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}


class Level(nn.Module):
    """One stride's head: a separable block, then all sixteen values of a cell at once."""

    def __init__(self, width):
        super().__init__()
        self.block = training.Separable(width, width)
        self.out = nn.Conv2d(width, sum(CHANNELS.values()), 1)
        nn.init.normal_(self.out.weight, std=0.01)
        nn.init.zeros_(self.out.bias)
        with torch.no_grad():
            self.out.bias[:2] = -4.0  # faces are rare
            self.out.bias[4:6] = 1.0  # a box is a few cells wide

    def forward(self, x):
        return self.out(self.block(x))


class Network(nn.Module):
    """BGR 0-255 (B, 3, H, W) -> one map (B, 16, H/s, W/s) per stride; scores as logits."""

    def __init__(self, width=64):
        super().__init__()
        conv, block = training.conv, training.Separable
        self.stem = nn.Sequential(conv(3, 16, 3, 2), conv(16, 32, 3, 2), block(32, 32))
        self.stage8 = nn.Sequential(conv(32, 48, 3, 2), block(48, width), block(width, width))
        self.stage16 = nn.Sequential(
            block(width, width, 2), block(width, width), block(width, width)
        )
        self.stage32 = nn.Sequential(
            block(width, width, 2), block(width, width, kernel=5), block(width, width, kernel=5),
            # Wide apart, so that a face of the canvas's size is seen as a whole.
            block(width, width, dilation=2), block(width, width, dilation=4),
        )
        self.merge16, self.merge8 = block(width, width), block(width, width)
        self.heads = nn.ModuleList(Level(width) for _ in g.STRIDES)

    def forward(self, image):
        x8 = self.stage8(self.stem((image - 127.5) / 64))
        x16 = self.stage16(x8)
        x32 = self.stage32(x16)
        x16 = self.merge16(x16 + F.interpolate(x32, scale_factor=2.0, mode="nearest"))
        x8 = self.merge8(x8 + F.interpolate(x16, scale_factor=2.0, mode="nearest"))
        return [head(x) for head, x in zip(self.heads, (x8, x16, x32))]


class Layout(nn.Module):
    """The network with YuNet's twelve outputs."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, image):
        # A constant shape: `flatten` would leave Shape nodes that no accelerator runs.
        channels = sum(CHANNELS.values())
        flat = [m.permute(0, 2, 3, 1).reshape(1, -1, channels) for m in self.network(image)]
        cls = [m[..., 0:1].sigmoid() for m in flat]
        obj = [m[..., 1:2].sigmoid() for m in flat]
        return (*cls, *obj, *(m[..., 2:6] for m in flat), *(m[..., 6:16] for m in flat))


OUTPUTS = [f"{kind}_{stride}" for kind in CHANNELS for stride in g.STRIDES]


def loss_of(maps, target):
    """Varifocal cross-entropy for the scores, GIoU for boxes, size-relative L1 for points.

    As in VarifocalNet (Zhang et al., 2021) only what is no face is focal: a face that is half seen
    keeps its full weight, or its score would stay at the half.
    """
    flat = torch.cat([m.permute(0, 2, 3, 1).flatten(1, 2) for m in maps], 1).float()
    score, weight = target[..., 0], target[..., 1]
    box_weight, point_weight = target[..., 6], target[..., 17]
    count = box_weight.sum().clamp(min=8.0)
    scores = 0.0
    for channel in (0, 1):
        logit = flat[..., channel]
        focus = torch.maximum(score, (logit.sigmoid() - score).abs().detach() ** 1.5)
        scores = scores + (F.binary_cross_entropy_with_logits(logit, score, reduction="none")
                           * focus * weight).sum() / count
    sure = box_weight > 0
    box, wanted, w = flat[..., 2:6][sure], target[..., 2:6][sure], box_weight[sure]
    corners = lambda b: (b[:, :2] - b[:, 2:].clamp(-6, 6).exp() / 2,
                         b[:, :2] + b[:, 2:].clamp(-6, 6).exp() / 2)
    (low, high), (want_low, want_high) = corners(box), corners(wanted)
    area = lambda a, b: (b - a).clamp(min=0).prod(1)
    inter = area(torch.maximum(low, want_low), torch.minimum(high, want_high))
    union = area(low, high) + area(want_low, want_high) - inter
    hull = area(torch.minimum(low, want_low), torch.maximum(high, want_high))
    giou = inter / union - (hull - union) / hull
    size = (want_high - want_low).prod(1).sqrt()[:, None]
    boxes = ((1 - giou) * w).sum() / count
    apart = (flat[..., 6:16][sure] - target[..., 7:17][sure]).abs() / size
    points = (apart.mean(1) * point_weight[sure]).sum() / count
    return 2.0 * scores + 2.0 * boxes + 15.0 * points, (scores, boxes, points)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--wall", type=float, help="at most so many minutes by the clock")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--echo", type=int, default=3)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", help="weights (.pt or exported .onnx) of an earlier run to go on from")
    parser.add_argument("--keep-stem", action="store_true",
                        help="leave the first layers as they are: a quarter of the time saved")
    parser.add_argument("--keep-norms", action="store_true",
                        help="norms keep their statistics: for the last part of a run, so that what "
                             "is trained is what is exported, at a lower --rate")
    parser.add_argument("--compile", action="store_true",
                        help="compiled by PyTorch: almost twice the steps, after a minute")
    parser.add_argument("--quick", action="store_true", help="three minutes, to see that it runs")
    args = parser.parse_args()
    rng = training.prepare(args.seed)
    network = Network().to(memory_format=torch.channels_last)
    print("parameters", sum(p.numel() for p in network.parameters()), flush=True)
    work = Path(args.work)
    photos = crops.Photos(args.data, work)
    pool, canvases = (
        training.Pool(
            torch.utils.data.DataLoader(
                crops.Crops(photos, args.seed, size), batch_size=max(1, batch // args.echo),
                num_workers=1, prefetch_factor=4),
            batch, batch if batch < args.echo else args.echo, 1024 * batch // args.batch, rng)
        for size, batch in ((crops.SIZE, args.batch), (crops.CANVAS, args.batch // 4))
    )
    if args.start and args.start.endswith(".onnx"):
        print("new layers", training.resume(network, args.start, [pool.next()[0] for _ in range(16)]))
    elif args.start:
        network.load_state_dict(torch.load(args.start))
    if args.keep_stem:
        network.stem.requires_grad_(False).eval()
    if args.keep_norms:
        network.eval()
    run = torch.compile(network) if args.compile else network
    average, optimiser = training.Average(network), training.optimizer(network, 0.01)
    clock = training.Clock(3 if args.quick else args.minutes, args.steps, args.wall)
    started, shown = time.time(), 0
    while (progress := clock.progress()) < 1:
        # Every sixth step sees whole canvases: large faces, and much without a face.
        images, target = (canvases if clock.step % 6 == 5 else pool).next()
        with torch.autocast("cpu", torch.bfloat16):
            maps = run(images)
        loss, parts = loss_of(maps, target)
        rate = training.learning_rate(progress, args.rate)
        training.step(network, optimiser, average, loss, rate)
        clock.step += 1
        if clock.step % 50 in (0, 5):
            print(clock.step, f"{progress:.3f}", f"{time.time() - started:.0f}s",
                  " ".join(f"{float(p.detach()):.3f}" for p in parts), flush=True)
        if progress > shown + 0.1:  # A usable file at every tenth of the way.
            shown = progress
            save(average.network, work, args)
    save(average.network, work, args)


def save(network, work, args):
    torch.save(network.state_dict(), work / "face_detector.pt")
    training.export(
        Layout(network), torch.zeros(1, 3, crops.CANVAS, crops.CANVAS), args.out, ["input"], OUTPUTS,
        note="Face detector with YuNet's output layout; BGR 0-255, letterboxed at the top left.",
    )


if __name__ == "__main__":
    main()
