"""Perception: a square picture -> person, head, hair, sky, vegetation, water, depth at 64 x 64.

Learned from MediaPipe's person and hair networks, the mesh's oval, cues on listed pictures, painted
scenery, and people pasted into scenery (so that the classes occur together).

    python -m vision.perception --data DIR --work DIR --minutes 15 --out ../perception.onnx
"""

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from . import labels, scenery, training

SIZE, CELLS = 256, 64
MAPS = ("person", "head", "hair", "sky", "vegetation", "water", "depth")
# A portrait is cached 1.25 times larger than the contract's crop.
PORTRAIT_ZOOM = 0.8
# How much each map counts: the masks that cut people out count most.
IMPORTANCE = (1.5, 1.0, 3.0, 1.0, 0.8, 0.8, 1.0)


class Network(nn.Module):
    """RGB 0-1 (B, 3, 256, 256) -> logits (B, 7, 64, 64)."""

    def __init__(self):
        super().__init__()
        conv, block = training.conv, training.Separable
        self.down2 = conv(3, 16, 3, 2)
        self.down4 = nn.Sequential(conv(16, 32, 3, 2), block(32, 32))
        # Pooling instead of strides: strided depthwise convolutions train slowly on a CPU.
        self.down8 = nn.Sequential(
            nn.MaxPool2d(2), block(32, 64), block(64, 64), block(64, 64)
        )
        self.down16 = nn.Sequential(
            nn.MaxPool2d(2), block(64, 96, kernel=5), *(block(96, 96, kernel=5) for _ in range(3))
        )
        self.down32 = nn.Sequential(
            nn.MaxPool2d(2), block(96, 144, kernel=5), *(block(144, 144, kernel=5) for _ in range(5))
        )
        # What the whole picture is (a portrait, a landscape) biases every cell.
        self.whole = nn.Sequential(nn.Linear(144, 64), nn.ReLU(), nn.Linear(64, 96))
        self.to16 = conv(144, 96, 1)
        self.up16 = nn.Sequential(*(block(96, 96, kernel=k) for k in (3, 3, 5, 5)))
        self.to8 = conv(96, 64, 1)
        self.up8 = nn.Sequential(*(block(64, 64, kernel=k) for k in (3, 3, 5, 5)))
        self.to4 = conv(64, 32, 1)
        self.up4 = nn.Sequential(conv(32 + 32 + 16, 72, 1), conv(72, 72), *(block(72, 72) for _ in range(3)))
        self.out = nn.Conv2d(72, len(MAPS), 1)

    def forward(self, image):
        grow = lambda x: F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
        x2 = self.down2((image - 0.5) / 0.25)
        x4 = self.down4(x2)
        x8 = self.down8(x4)
        x16 = self.down16(x8)
        x32 = self.down32(x16)
        context = self.whole(x32.mean((2, 3)))[:, :, None, None]
        x16 = self.up16(x16 + grow(self.to16(x32)) + context)
        x8 = self.up8(x8 + grow(self.to8(x16)))
        fine = F.avg_pool2d(x2, 2)
        x4 = self.up4(torch.cat([x4, grow(self.to4(x8)), fine], 1))
        return self.out(x4)


class Maps(nn.Module):
    """The network with its output in 0-1."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, image):
        return self.network(image).sigmoid()


class Samples(torch.utils.data.IterableDataset):
    """Endless pictures (3, 256, 256 bytes) with maps and weights (14, 64, 64 bytes)."""

    def __init__(self, arrays, seed, without=()):
        self.seed = seed
        folder = np.array([n.split("/")[0] for n in arrays["names"]])
        train = np.flatnonzero(~arrays["test"] & ~np.isin(folder, without))
        self.pictures, self.maps, self.weights = (
            arrays[k][train] for k in ("pictures", "maps", "weights"))
        kind, names = arrays["kind"][train], arrays["names"][train]
        self.portrait = kind == "portrait"
        self.people, self.scenes = np.flatnonzero(kind != "scene"), np.flatnonzero(kind == "scene")
        clip = np.array([n.split("/")[0] in ("grid_corpus", "intel_asl") for n in names])
        has_scenery = (self.maps[..., 3:6].astype(np.float32).mean((1, 2, 3)) > 4)
        folder = np.array([n.split("/")[0] for n in names])
        # Synthetic portraits and streets differ most from each other, clips and Caltech least.
        chance = np.select([clip, folder == "caltech_faces", folder == "synthetic"], [0.4, 0.5, 1.3], 1.0)
        chance = chance * np.where(has_scenery, 2.0, 1.0)
        self.chance = chance[self.people] / chance[self.people].sum()
        # Pasted people come from clean portraits: clips and crowds have ragged masks.
        clean = np.array([n.split("/")[0] in ("synthetic", "caltech_faces") for n in names])
        self.cut_out = np.flatnonzero(clean & (kind != "scene"))
        self.patches, self.things = self.materials()

    def materials(self):
        """Real foliage, and real things that are none of the classes, for the painter."""
        patches, things = [], []
        for i in range(len(self.pictures)):
            share = self.maps[i, ..., 4].mean() / 255
            plants = cv2.resize(self.maps[i, ..., 4], (320, 320)) > 128
            if share > 0.12:
                for y in range(0, 240, 80):
                    for x in range(0, 240, 80):
                        if plants[y : y + 80, x : x + 80].mean() > 0.85:
                            patches.append(self.pictures[i, y : y + 80, x : x + 80])
        for i in self.scenes:
            if self.maps[i, ..., 3:6].max() == 0 and self.weights[i, ..., 3:6].mean() > 200:
                things.append(self.pictures[i])
        return patches, things

    def __iter__(self):
        torch.set_num_threads(1)
        cv2.setNumThreads(0)
        rng, painted = np.random.default_rng(self.seed), []
        while True:
            if len(painted) < 400 and (len(painted) < 20 or rng.random() < 0.25):
                painted.append(self.freeze(*scenery.paint(rng, 320, self.patches, self.things)))
            draw = rng.random()
            if draw < 0.70:
                i = rng.choice(self.people, p=self.chance)
                sample = self.view(rng, i)
            elif draw < 0.78:
                sample = self.view(rng, rng.choice(self.scenes))
            else:
                if len(painted) == 400 and rng.random() < 0.1:
                    painted[rng.integers(400)] = self.freeze(
                        *scenery.paint(rng, 320, self.patches, self.things))
                back = (painted[rng.integers(len(painted))] if rng.random() < 0.8 else
                        self.real_scene(rng))
                sample = self.paste(rng, back) if draw < 0.93 else back
                sample = move(rng, *sample, rng.uniform(0.75, 1.0), 0.02)
            picture, maps, weights = sample
            picture = photometric(rng, relight(rng, picture, maps))
            small = lambda m: cv2.resize(m, (CELLS, CELLS), interpolation=cv2.INTER_AREA)
            target = np.dstack([small(m[..., c : c + 4]) for m in (maps, weights) for c in (0, 4)])
            target = target.transpose(2, 0, 1)
            yield (torch.from_numpy(np.ascontiguousarray(picture[..., ::-1].transpose(2, 0, 1))),
                   torch.from_numpy(np.ascontiguousarray(target)))

    def freeze(self, picture, classes, depth):
        """A painted scene in the cache's form."""
        empty = np.zeros((*depth.shape, 3), np.float32)
        half = lambda m: cv2.resize(m, (labels.MAP_PIXELS,) * 2, interpolation=cv2.INTER_AREA)
        maps = labels.as_bytes(np.dstack([half(m) for m in (empty, classes, depth)]))
        return picture.astype(np.uint8), maps, np.full_like(maps, 255)

    def real_scene(self, rng):
        i = rng.choice(self.scenes)
        return self.pictures[i], self.maps[i], self.weights[i]

    def view(self, rng, i):
        zoom = PORTRAIT_ZOOM if self.portrait[i] else 0.93
        return move(rng, self.pictures[i], self.maps[i], self.weights[i],
                    zoom * np.exp(rng.normal(0, 0.10)), 0.04)

    def paste(self, rng, back):
        """A person cut out of a portrait into scenery, standing on the lower edge."""
        picture, maps, weights = (a.copy() for a in back)
        for _ in range(1 if rng.random() < 0.85 else 2):
            i = rng.choice(self.cut_out)
            scale = rng.uniform(0.35, 1.15)
            x = rng.uniform(-0.25, 1.25 - scale) * 320
            y = 320 - 320 * scale + rng.uniform(0, 0.12) * 320
            matrix = np.array([[scale, 0, x], [0, scale, y]])
            if rng.random() < 0.5:
                matrix = np.array([[-scale, 0, x + 320 * scale], [0, scale, y]])
            front = cv2.warpAffine(self.pictures[i], matrix, (320, 320), flags=cv2.INTER_AREA)
            small = halved(matrix)
            mine = np.dstack([cv2.warpAffine(m, small, maps.shape[:2], flags=cv2.INTER_AREA)
                              for m in (self.maps[i][..., :4], self.maps[i][..., 4:])])
            mine = mine.astype(np.float32) / 255
            alpha = np.clip((mine[..., :1] - 0.25) / 0.55, 0, 1)
            cover = cv2.resize(alpha, (320, 320))[..., None]
            light = np.exp(rng.normal(0, 0.12)) * (picture.mean() / max(front.mean(), 20)) ** 0.3
            front = front * np.float32(np.clip(light, 0.5, 1.6))
            picture = np.uint8(np.clip(front * cover + picture * (1 - cover), 0, 255))
            keep = 1 - alpha
            maps = maps.astype(np.float32)
            old_person = maps[..., :3] * keep
            maps[..., :3] = old_person + 255 * mine[..., :3] * np.minimum(1, alpha * 1.2)
            maps[..., 3:6] *= keep
            near = np.clip(0.5 + 0.6 * scale, 0, 1) * 255
            maps[..., 6:] = maps[..., 6:] * keep + near * alpha
            maps = np.uint8(np.clip(maps, 0, 255))
            # The rim of a pasted mask is the teacher's guess, not the truth.
            rim = (mine[..., 0] > 0.1) & (mine[..., 0] < 0.9)
            weights[rim, :6] = weights[rim, :6] // 2
            weights[alpha[..., 0] > 0.9, 3:6] = 255
        return picture, maps, weights


def halved(matrix):
    """A pixel transform for maps that have half the picture's pixels."""
    linear, shift = matrix[:, :2], matrix[:, 2]
    # From pixel centres to corners and back: the corner is what halves.
    half = np.full(2, 0.5)
    corner = (shift + half - linear @ half) / 2
    return np.hstack([linear, (corner - half + linear @ half)[:, None]])


def move(rng, picture, maps, weights, zoom, shift):
    """A part of the 320 pixel square, turned a little, at 256 pixels; mirrored half the time."""
    angle, stretch = rng.normal(0, 0.06), np.exp(rng.normal(0, 0.05))
    zoom = min(zoom, 1.05)
    reach = max(0.0, 1 - zoom) / 2 * 0.9 + 0.01
    if shift < 0.03:
        offset = rng.uniform(-reach, reach, 2)
    else:
        offset = np.clip(rng.normal(0, shift, 2), -reach - 0.05, reach + 0.05)
    c, s = np.cos(angle) * SIZE / 320 / zoom, np.sin(angle) * SIZE / 320 / zoom
    linear = np.array([[c * stretch, -s], [s, c / stretch]])
    if rng.random() < 0.5:
        linear = np.diag((-1, 1)) @ linear
    centre = 160 + offset * 320
    matrix = np.hstack([linear, (SIZE / 2 - linear @ centre)[:, None]])
    warp = lambda a, by, size: cv2.warpAffine(a, by, (size, size), flags=cv2.INTER_LINEAR,
                                              borderMode=cv2.BORDER_REPLICATE)
    # OpenCV warps at most four channels.
    small = halved(matrix)
    many = lambda a: np.dstack([warp(a[..., c : c + 4], small, SIZE // 2) for c in (0, 4)])
    return warp(picture, matrix, SIZE), many(maps), many(weights)


def relight(rng, picture, maps):
    """Hair of another colour, people before a darker or lighter background: now and then."""
    draw = rng.random()
    if draw > 0.2 or maps[..., 0].max() < 128:
        return picture
    mask = maps[..., 2] if draw < 0.1 else 255 - maps[..., 0]
    mask = cv2.resize(mask, picture.shape[:2])[..., None].astype(np.float32) / 255
    gain = np.exp(rng.normal(0, 0.35) + rng.normal(0, 0.15, 3)).astype(np.float32)
    lift = np.float32(rng.uniform(-20, 30) if draw < 0.1 else 0)
    return np.uint8(np.clip(picture * (1 + mask * (gain - 1)) + lift * mask, 0, 255))


def photometric(rng, image):
    if rng.random() < 0.15:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 2.0))
    if rng.random() < 0.15:
        quality = int(rng.integers(25, 85))
        image = cv2.imdecode(
            cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
    x = image.astype(np.float32)
    if rng.random() < 0.1:
        x = 255 * (x / 255) ** np.float32(np.exp(rng.normal(0, 0.35)))
    mean = x.mean()
    x = (x - mean) * rng.uniform(0.75, 1.25) + mean * rng.uniform(0.7, 1.25)
    grey = x.mean(2, keepdims=True)
    x = grey + (x - grey) * (0.0 if rng.random() < 0.05 else rng.uniform(0.6, 1.3))
    x *= np.exp(rng.normal(0, 0.05, 3)).astype(np.float32)
    if rng.random() < 0.2:
        x += rng.normal(0, rng.uniform(1, 7), x.shape).astype(np.float32)
    return np.uint8(np.clip(x, 0, 255))


def loss_of(logits, target):
    """Cross-entropy per cell, soft Dice for the cut-out maps, L1 for depth."""
    wanted, weight = target[:, :7], target[:, 7:]
    logits = logits.float()
    importance = torch.tensor(IMPORTANCE)[None, :, None, None]
    entropy = F.binary_cross_entropy_with_logits(logits[:, :6], wanted[:, :6], reduction="none")
    entropy = (entropy * weight[:, :6] * importance[:, :6]).mean()
    found = logits.sigmoid()
    both = (found[:, :6] * wanted[:, :6] * weight[:, :6]).sum((0, 2, 3))
    sizes = ((found[:, :6] + wanted[:, :6]) * weight[:, :6]).sum((0, 2, 3))
    dice = 1 - (2 * both + 20) / (sizes + 20)
    dice = (dice * importance.flatten()[:6]).sum() / 6
    depth = (found[:, 6] - wanted[:, 6]).abs().mean()
    return entropy * 4 + 0.5 * dice + depth, (entropy, dice, depth)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--wall", type=float, help="at most so many minutes by the clock")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--echo", type=int, default=2)
    parser.add_argument("--rate", type=float, default=2.5e-3)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--without", nargs="*", default=[], help="folders to leave out: grid_corpus")
    parser.add_argument("--start", help="weights of an earlier run of ours (.pt, .onnx) to go on from")
    parser.add_argument("--compile", action="store_true",
                        help="compiled by PyTorch: almost twice the steps, after a minute")
    parser.add_argument("--quick", action="store_true", help="three minutes, to see that it runs")
    args = parser.parse_args()
    rng = training.prepare(args.seed)
    samples = Samples(labels.cached(args.data, args.work, "scenes"), args.seed, args.without)
    loader = torch.utils.data.DataLoader(
        samples, batch_size=args.batch // args.echo, num_workers=1, prefetch_factor=16)
    pool = training.Pool(loader, args.batch, args.echo, 64 * args.batch, rng)
    network = Network().to(memory_format=torch.channels_last)
    print("pictures", len(samples.pictures), "patches", len(samples.patches), "things",
          len(samples.things), "parameters", sum(p.numel() for p in network.parameters()), flush=True)
    if args.start and args.start.endswith(".onnx"):
        training.resume(network, args.start, [pool.next()[0] / 255 for _ in range(16)])
    elif args.start:
        network.load_state_dict(torch.load(args.start))
    run = torch.compile(network) if args.compile else network
    average, optimiser = training.Average(network), training.optimizer(network)
    clock = training.Clock(3 if args.quick else args.minutes, args.steps, args.wall)
    work = Path(args.work)
    started, shown = time.time(), 0
    while (progress := clock.progress()) < 1:
        image, target = pool.next()
        with torch.autocast("cpu", torch.bfloat16):
            logits = run(image / 255)
        loss, parts = loss_of(logits, target.float() / 255)
        training.step(network, optimiser, average, loss,
                      training.learning_rate(progress, args.rate))
        clock.step += 1
        if clock.step % 50 == 0:
            print(clock.step, f"{progress:.3f}", f"{time.time() - started:.0f}s",
                  " ".join(f"{float(p.detach()):.4f}" for p in parts), flush=True)
        if progress > shown + 0.25:
            shown = progress
            save(average.network, work, args)
    save(average.network, work, args)


def save(network, work, args):
    torch.save(network.state_dict(), work / "perception.pt")
    training.export(
        Maps(network), torch.zeros(1, 3, SIZE, SIZE), args.out, ["image"], ["maps"],
        note=f"{', '.join(MAPS)} at 64 x 64; RGB 0-1.", half=True,
    )


if __name__ == "__main__":
    main()
