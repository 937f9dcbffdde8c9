"""Face detector: YuNet's layout and semantics, our own network, trained from scratch.

Two teachers at once: YuNet-s's maps on every augmented crop (dense, so that little data goes far),
and hand-drawn boxes, which add the faces that YuNet misses and take away what it invents.

    python -m vision.detector --data DIR --work DIR --minutes 40 --out ../face_detector.onnx
"""

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from . import geometry as g
from . import sources, teachers, training

SIZE = 320
# Face sizes (root of the box's area) that occur in a crop, pixels. The largest do not fit: they
# teach that an eye or a nostril is not a face.
SMALLEST, LARGEST = 11, 420
MIN_FACE = 24  # smaller hand-drawn boxes are neither demanded nor punished (photo pixels)
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
            block(width, width, 2), block(width, width, kernel=5), block(width, width, kernel=5)
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
        flat = [m.permute(0, 2, 3, 1).flatten(1, 2) for m in self.network(image)]
        cls = [m[..., 0:1].sigmoid() for m in flat]
        obj = [m[..., 1:2].sigmoid() for m in flat]
        return (*cls, *obj, *(m[..., 2:6] for m in flat), *(m[..., 6:16] for m in flat))


OUTPUTS = [f"{kind}_{stride}" for kind in CHANNELS for stride in g.STRIDES]


class Crops(torch.utils.data.IterableDataset):
    """Endless augmented crops with their targets."""

    def __init__(self, data, seed):
        self.data, self.seed = data, seed
        self.street, self.portraits, self.empty = [], [], []
        for path, boxes, _ in sources.mask_photos(data):
            if not sources.held_out(path):
                self.street.append((sources.read(path), boxes))
        faces = Path(data) / "faces"
        for folder in (faces / "synthetic", faces / "caltech_faces"):
            for path in sources.images(folder):
                if not sources.held_out(path):
                    self.portraits.append(limit(sources.read(path), 480))
        seen = set()
        for path in sources.negatives(data):
            if not sources.held_out(path):
                # The duck burst is 40 near-identical pictures: every fifth is enough.
                burst = path.name.startswith("test__out")
                if burst and len(seen) % 5:
                    seen.add(path)
                    continue
                seen.add(path)
                self.empty.append(limit(sources.read(path), 960))
        for clip in ("nature/mdn_flower.webm", "nature/flutter_bee.mp4", "nature/pine_and_sky.mp4",
                     "nature/flutter_butterfly.mp4", "intel_scenes/bottle-detection.mp4"):
            for _, frame in sources.frames(Path(data) / "videos" / clip, 60):
                self.empty.append(limit(frame, 960))

    def __iter__(self):
        info = torch.utils.data.get_worker_info()
        torch.set_num_threads(1)
        cv2.setNumThreads(0)
        rng = np.random.default_rng((self.seed, info.id if info else 0))
        teacher = teachers.Detector(Path(self.data) / "models/yunet/yunet_s_dynamic.onnx")
        portrait_sizes = {}
        while True:
            kind = rng.choice(4, p=(0.48, 0.28, 0.08, 0.16))
            boxes = np.zeros((0, 4), np.float32)
            if kind == 0:
                image, boxes = self.street[rng.integers(len(self.street))]
                crop, to_crop = self.around_face(rng, image, boxes)
            elif kind == 1:
                index = rng.integers(len(self.portraits))
                image = self.portraits[index]
                if index not in portrait_sizes:
                    portrait_sizes[index] = teacher.faces(image, 320)[0].astype(np.float32)
                crop, to_crop = self.around_face(rng, image, portrait_sizes[index])
            elif kind == 2:
                crop, to_crop = self.collage(rng), None
            else:
                crop, to_crop = self.nowhere(rng), None
            if rng.random() < 0.5:
                crop = crop[:, ::-1]
                if to_crop is not None:
                    to_crop = np.diag((-1.0, 1.0)) @ to_crop + [[0, 0, SIZE], [0, 0, 0]]
            crop = np.ascontiguousarray(crop)
            target = self.targets(teacher, crop, kind, boxes, to_crop)
            yield torch.from_numpy(photometric(rng, crop).transpose(2, 0, 1).astype(np.uint8)), target

    def around_face(self, rng, image, boxes):
        """A crop in which a randomly chosen face has a log-uniform size."""
        h, w = image.shape[:2]
        if len(boxes):
            x1, y1, x2, y2 = boxes[rng.integers(len(boxes))]
        else:
            x1, y1, x2, y2 = 0, 0, w / 3, h / 3
        size = max(4.0, np.sqrt(max(1.0, (x2 - x1) * (y2 - y1))))
        wanted = np.exp(rng.uniform(np.log(SMALLEST), np.log(LARGEST)))
        # Beyond threefold enlargement a crop shows blur, not a face.
        scale = np.clip(wanted / size, SIZE / 4 / max(h, w), 3.5)
        stretch = np.exp(rng.normal(0, 0.06))
        angle = rng.normal(0, 0.12) if rng.random() < 0.5 else 0.0
        if rng.random() < 0.06:
            angle = rng.uniform(-0.7, 0.7)
        c, s = np.cos(angle), np.sin(angle)
        linear = np.array([[c, -s], [s, c]]) @ np.diag((scale * stretch, scale / stretch))
        reach = max(0.0, SIZE / 2 - min(wanted, SIZE) * 0.35)
        place = SIZE / 2 + rng.uniform(-reach, reach, 2)
        centre = np.array(((x1 + x2) / 2, (y1 + y2) / 2))
        to_crop = np.hstack([linear, (place - linear @ centre)[:, None]])
        return warp(rng, image, to_crop), to_crop

    def collage(self, rng):
        """Portraits shrunk into a grid: many small faces, whole."""
        columns = int(rng.integers(2, 6))
        side = SIZE // columns + 1
        canvas = np.zeros((side * columns, side * columns, 3), np.uint8)
        for i in range(columns * columns):
            source = self.portraits if rng.random() < 0.7 else self.empty
            image = source[rng.integers(len(source))]
            y, x = divmod(i, columns)
            canvas[y * side : (y + 1) * side, x * side : (x + 1) * side] = cv2.resize(
                image, (side, side), interpolation=cv2.INTER_AREA
            )
        return canvas[:SIZE, :SIZE]

    def nowhere(self, rng):
        """A crop without a face, at any scale and angle."""
        image = self.empty[rng.integers(len(self.empty))]
        h, w = image.shape[:2]
        scale = SIZE / min(h, w) * np.exp(rng.uniform(np.log(0.6), np.log(3.0)))
        angle = rng.normal(0, 0.3)
        linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        centre = np.array((rng.uniform(0.2, 0.8) * w, rng.uniform(0.2, 0.8) * h))
        return warp(rng, image, np.hstack([linear, (SIZE / 2 - linear @ centre)[:, None]]))

    def targets(self, teacher, crop, kind, boxes, to_crop):
        """Per cell: score, its weight, box (4), box weight, points (10), points weight."""
        maps = teacher.maps(crop)
        per_level, coded = [], []
        for stride in g.STRIDES:
            cells = (SIZE // stride) ** 2
            target = np.zeros((cells, 18), np.float32)
            target[:, 0] = np.sqrt(maps[f"cls_{stride}"][0, :, 0] * maps[f"obj_{stride}"][0, :, 0])
            target[:, 1] = 1
            target[:, 2:6] = maps[f"bbox_{stride}"][0]
            target[:, 6] = target[:, 0] * (target[:, 0] > 0.3)
            target[:, 7:17] = maps[f"kps_{stride}"][0]
            target[:, 17] = target[:, 6]
            per_level.append(target)
            n = SIZE // stride
            grid = np.stack([np.arange(cells) % n, np.arange(cells) // n, np.full(cells, stride)], 1)
            coded.append(grid)
        target, grid = np.concatenate(per_level), np.concatenate(coded).astype(np.float32)
        if kind == 3:
            target[:, [0, 6, 17]] = 0
        elif kind == 0 and len(boxes):
            self.correct(target, grid, boxes, to_crop)
        target[:, 2:6] = np.clip(target[:, 2:6], -12, 12)
        return torch.from_numpy(target)

    def correct(self, target, grid, boxes, to_crop):
        """The teacher's maps brought in line with the hand-drawn boxes."""
        stride, cell = grid[:, 2:3], grid[:, :2]
        centre = (cell + target[:, 2:4]) * stride
        half = np.exp(np.clip(target[:, 4:6], -6, 6)) * stride / 2
        seen = np.hstack([centre - half, centre + half])
        middle = g.apply(to_crop, (boxes[:, :2] + boxes[:, 2:]) / 2)
        scale = np.sqrt(abs(np.linalg.det(to_crop[:, :2])))
        extent = (boxes[:, 2:] - boxes[:, :2]) * scale / 2
        drawn = np.hstack([middle - extent, middle + extent])
        small = np.sqrt((boxes[:, 2:] - boxes[:, :2]).prod(1)) < MIN_FACE
        fires = np.flatnonzero(target[:, 0] > 0.1)
        overlap = np.stack([g.iou(b, seen[fires]) for b in drawn])
        best, which = overlap.max(0), overlap.argmax(0)
        stray = fires[best < 0.3]
        # A box that nobody drew is wrong where it is large; a tiny one may have been left out.
        tiny = (2 * half[stray]).prod(1) ** 0.5 < MIN_FACE * scale
        target[stray[~tiny], 0] = 0
        target[stray[tiny], 1] = 0
        target[stray, 6] = target[stray, 17] = 0
        for i, box in enumerate(drawn):
            size = np.sqrt((box[2:] - box[:2]).prod())
            visible = (np.clip(box[2:], 0, SIZE) - np.clip(box[:2], 0, SIZE)).clip(0).prod()
            mine = fires[(which == i) & (best > 0.4)]
            strength = target[mine, 0].max() if len(mine) else 0.0
            if visible < 0.6 * size**2 or size < 8 or small[i]:
                if strength < 0.5:  # Cut off or tiny: neither demanded nor punished.
                    inside = ((cell + 0.5) * stride > box[:2]) & ((cell + 0.5) * stride < box[2:])
                    target[inside.all(1) & (target[:, 0] < 0.5), 1] = 0
                continue
            if strength < 0.35:
                # The teacher missed it: cells near its middle, at the stride that fits its size.
                fit = 8 if size < 32 else 16 if size < 96 else 32
                near = np.abs((cell + 0.5) * stride - (box[:2] + box[2:]) / 2).max(1)
                mine = np.flatnonzero((grid[:, 2] == fit) & (near < max(0.75 * fit, 0.14 * size)))
                mine = mine[target[mine, 6] < 0.3]
                target[mine, 0], target[mine, 1] = 0.75, 1
                target[mine, 6], target[mine, 17] = 0.75, 0
                share = 1.0
            else:
                if strength < 0.8:
                    target[mine, 0] *= 0.8 / strength
                share = 0.5
            s = stride[mine]
            code = np.hstack(
                [
                    (box[:2] + box[2:]) / 2 / s - cell[mine],
                    np.log(np.maximum(box[2:] - box[:2], 1) / s),
                ]
            )
            target[mine, 2:6] += share * (code - target[mine, 2:6])


def limit(image, long_side):
    scale = long_side / max(image.shape[:2])
    if scale >= 1:
        return image
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def warp(rng, image, to_crop):
    """The crop at SIZE x SIZE; outside the photo, edge pixels or a flat colour."""
    scale = np.sqrt(abs(np.linalg.det(to_crop[:, :2])))
    if scale < 0.7:
        h, w = image.shape[:2]
        image = cv2.resize(
            image, (max(1, round(w * scale)), max(1, round(h * scale))), interpolation=cv2.INTER_AREA
        )
        back = np.diag((w / image.shape[1], h / image.shape[0]))
        to_crop = np.hstack([to_crop[:, :2] @ back, to_crop[:, 2:]])
    border = cv2.BORDER_REPLICATE if rng.random() < 0.3 else cv2.BORDER_CONSTANT
    fill = (0, 0, 0) if rng.random() < 0.6 else tuple(int(v) for v in rng.integers(0, 256, 3))
    return cv2.warpAffine(
        image, to_crop, (SIZE, SIZE), flags=cv2.INTER_LINEAR, borderMode=border, borderValue=fill
    )


def photometric(rng, image):
    """Light, colour, blur, compression, noise."""
    if rng.random() < 0.12:
        sigma = rng.uniform(0.4, 1.6)
        image = cv2.GaussianBlur(image, (0, 0), sigma)
    if rng.random() < 0.15:
        quality = int(rng.integers(25, 80))
        image = cv2.imdecode(
            cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR
        )
    x = image.astype(np.float32)
    mean = x.mean()
    x = (x - mean) * rng.uniform(0.7, 1.3) + mean * rng.uniform(0.65, 1.3)
    grey = x.mean(2, keepdims=True)
    x = grey + (x - grey) * (0.0 if rng.random() < 0.08 else rng.uniform(0.5, 1.4))
    x *= np.exp(rng.normal(0, 0.06, 3)).astype(np.float32)
    if rng.random() < 0.2:
        x += rng.normal(0, rng.uniform(1, 9), x.shape).astype(np.float32)
    return np.clip(x, 0, 255)


def loss_of(maps, target):
    """Soft focal cross-entropy for the scores, GIoU for boxes, size-relative L1 for points."""
    flat = torch.cat([m.permute(0, 2, 3, 1).flatten(1, 2) for m in maps], 1).float()
    score, weight = target[..., 0], target[..., 1]
    box_weight, point_weight = target[..., 6], target[..., 17]
    count = box_weight.sum().clamp(min=8.0)
    scores = 0.0
    for channel in (0, 1):
        logit = flat[..., channel]
        focus = (logit.sigmoid() - score).abs().detach() ** 1.5
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
    return 2.0 * scores + 2.0 * boxes + 10.0 * points, (scores, boxes, points)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--wall", type=float, help="at most so many minutes by the clock")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--echo", type=int, default=2)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", help="weights (.pt) of an earlier run of ours to go on from")
    parser.add_argument("--quick", action="store_true", help="three minutes, to see that it runs")
    args = parser.parse_args()
    rng = training.prepare(args.seed)
    network = Network().to(memory_format=torch.channels_last)
    print("parameters", sum(p.numel() for p in network.parameters()), flush=True)
    if args.start:
        network.load_state_dict(torch.load(args.start))
    average, optimiser = training.Average(network), training.optimizer(network, 0.01)
    clock = training.Clock(3 if args.quick else args.minutes, args.steps, args.wall)
    loader = torch.utils.data.DataLoader(
        Crops(args.data, args.seed), batch_size=args.batch // args.echo, num_workers=1,
        prefetch_factor=16,
    )
    pool = training.Pool(loader, args.batch, args.echo, 64 * args.batch, rng)
    work = Path(args.work)
    work.mkdir(parents=True, exist_ok=True)
    started, shown = time.time(), 0
    while (progress := clock.progress()) < 1:
        images, target = pool.next()
        with torch.autocast("cpu", torch.bfloat16):
            maps = network(images)
        loss, parts = loss_of(maps, target)
        rate = training.learning_rate(progress, args.rate)
        training.step(network, optimiser, average, loss, rate)
        clock.step += 1
        if clock.step % 50 == 0:
            print(clock.step, f"{progress:.3f}", f"{time.time() - started:.0f}s",
                  " ".join(f"{float(p.detach()):.3f}" for p in parts), flush=True)
        if progress > shown + 0.1:  # A usable file at every tenth of the way.
            shown = progress
            save(average.network, work, args)
    save(average.network, work, args)


def save(network, work, args):
    torch.save(network.state_dict(), work / "face_detector.pt")
    sides = {2: "height", 3: "width"}
    training.export(
        Layout(network), torch.zeros(1, 3, 320, 256), args.out, ["input"], OUTPUTS,
        {"input": sides, **{name: {1: f"cells_{name.split('_')[1]}"} for name in OUTPUTS}},
        "Face detector with YuNet's output layout; BGR 0-255.",
    )


if __name__ == "__main__":
    main()
