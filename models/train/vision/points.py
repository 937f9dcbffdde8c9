"""Face points: the aligned face crop -> the contract's 93 points, learned from MediaPipe's.

A trunk sees the whole crop; a small network, the same for both eyes (the second one mirrored),
sees each eye at full resolution, because a closed lid is two pixels high.

    python -m vision.points --data DIR --work DIR --minutes 15 --out ../face_points.onnx
"""

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from . import labels, training

SIZE = 160
POINTS = 93
EYES = {"left": (*range(0, 16), *range(32, 37)), "right": (*range(16, 32), *range(37, 42))}
EYE_ROWS, EYE_COLUMNS = (40, 88), (24, 80)  # the image-left eye's window in the crop, pixels
# Both irises' rims run inner, top, outer, bottom, and both contours outer to inner, so a flip only
# swaps the eyes.
FLIP = np.array(
    [*range(16, 32), *range(0, 16), *range(37, 42), *range(32, 37)]
    + [*range(47, 52), *range(42, 47)]
    + [52, 53, 54, 56, 55]
    + [57 + (6 - i) % 12 for i in range(12)]
    + [69 + (4 - i) % 8 for i in range(8)]
    + [77 + (-i) % 16 for i in range(16)]
)
# Inter-ocular distance in units of the crop's side, by the crop's definition.
INTER_OCULAR = 1 / 3.6


class Eye(nn.Module):
    """One eye's window -> 21 points in the window's unit square."""

    def __init__(self):
        super().__init__()
        conv, block = training.conv, training.Separable
        self.features = nn.Sequential(
            conv(3, 16, 3, 2), conv(16, 32, 3, 2), block(32, 48), block(48, 48),
            block(48, 64, 2), block(64, 64), conv(64, 24, 1),
        )
        self.hidden = nn.Linear(24 * 6 * 7, 96)
        self.out = nn.Linear(96, 42)

    def forward(self, window):
        # A reshape, since CoreML's ML programs know no Flatten.
        return self.out(F.relu(self.hidden(self.features(window).reshape(-1, 24 * 6 * 7))))


class Network(nn.Module):
    """RGB 0-1 (B, 3, 160, 160) -> points (B, 93, 2) in the crop's unit square."""

    def __init__(self, mean):
        super().__init__()
        conv, block = training.conv, training.Separable
        self.trunk = nn.Sequential(
            conv(3, 16, 3, 2), conv(16, 32, 3, 2), block(32, 32),
            block(32, 64, 2), block(64, 64), block(64, 64),
            block(64, 96, 2), block(96, 96), block(96, 96), block(96, 96),
            block(96, 128, 2), block(128, 128), conv(128, 48, 1),
        )
        self.hidden = nn.Linear(48 * 5 * 5, 128)
        self.out = nn.Linear(128, 2 * (POINTS - 42))
        self.eye = Eye()
        # Where the head is turned, an eye lies at its window's edge; the trunk knows how far.
        self.nudge = nn.Linear(128, 84)
        mean = torch.as_tensor(mean, dtype=torch.float32)
        self.register_buffer("mean", mean[42:].clone())
        (top, bottom), (left, right) = EYE_ROWS, EYE_COLUMNS
        self.register_buffer("origin", torch.tensor((left, top)) / SIZE)
        self.register_buffer("extent", torch.tensor((right - left, bottom - top)) / SIZE)
        self.register_buffer("eye_mean", (mean[list(EYES["left"])] - self.origin) / self.extent)
        self.register_buffer("mirror", torch.tensor((-1.0, 1.0)))
        self.register_buffer("edge", torch.tensor((1.0, 0.0)))
        # Mirrors a window's columns: every execution provider multiplies matrices.
        self.register_buffer("columns", torch.eye(right - left).flip(0))
        for layer in (self.out, self.eye.out, self.nudge):
            nn.init.normal_(layer.weight, std=0.003)
            nn.init.zeros_(layer.bias)

    def eyes(self, image, nudge):
        (top, bottom), (left, right) = EYE_ROWS, EYE_COLUMNS
        far = image[..., top:bottom, SIZE - right : SIZE - left]
        windows = [image[..., top:bottom, left:right], torch.matmul(far, self.columns.to(far.dtype))]
        points = [
            self.origin + self.extent * (self.eye_mean + 0.2 * self.eye(w).reshape(-1, 21, 2))
            for w in windows
        ]
        nudge = 0.1 * nudge.reshape(-1, 42, 2)
        return points[0] + nudge[:, :21], self.edge + self.mirror * points[1] + nudge[:, 21:]

    def forward(self, crop):
        image = (crop - 0.5) / 0.25
        hidden = F.relu(self.hidden(self.trunk(image).reshape(-1, 48 * 5 * 5)))
        left, right = self.eyes(image, self.nudge(hidden))
        rest = self.mean + 0.2 * self.out(hidden).reshape(-1, POINTS - 42, 2)
        return torch.cat([left[:, :16], right[:, :16], left[:, 16:], right[:, 16:], rest], 1)


def openings(points):
    """Height over width of the image-left and image-right eye contour; works on any array type."""
    both = []
    for first in (0, 16):
        lower, upper = points[..., first + 1 : first + 8, :], points[..., first + 9 : first + 16, :]
        across = points[..., first + 8, :] - points[..., first, :]
        height = ((lower - upper) ** 2).sum(-1) ** 0.5
        # The middle three of seven pairs: the lids run together towards the corners.
        both.append(height[..., 2:5].mean(-1) / (across**2).sum(-1) ** 0.5)
    return both


def augment(crops, points, generator):
    """Cached crops (B, 3, 224, 224) in 0-1 and their points -> jittered crops of 160 pixels."""
    count = len(crops)
    uniform = lambda *shape: torch.rand(*shape, generator=generator) * 2 - 1
    normal = lambda *shape: torch.randn(*shape, generator=generator)
    angle = uniform(count) * np.deg2rad(11)
    scale = torch.exp(uniform(count) * 0.12)
    shift = uniform(count, 2) * 0.05
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    # Jittered crop -> contract's crop: p = centre + R (q - centre) + shift.
    turn = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)
    points = ((points - 0.5 - shift[:, None]) @ torch.linalg.inv(turn).transpose(1, 2)) + 0.5
    # grid_sample wants cached-crop coordinates in -1..1; the contract's crop is its middle.
    margin = labels.FACE_MARGIN
    theta = torch.cat([turn / margin, (2 * shift / margin)[:, :, None]], 2)
    grid = F.affine_grid(theta, (count, 3, SIZE, SIZE), align_corners=False)
    image = F.grid_sample(crops, grid, padding_mode="border", align_corners=False)
    flip = torch.rand(count, generator=generator) < 0.5
    image = torch.where(flip[:, None, None, None], image.flip(-1), image)
    mirrored = points[:, FLIP] * torch.tensor((-1.0, 1.0)) + torch.tensor((1.0, 0.0))
    points = torch.where(flip[:, None, None], mirrored, points)
    # Small photos: some crops lose resolution.
    size = int(torch.randint(40, 160, (1,), generator=generator))
    blurred = F.interpolate(image, size=(size, size), mode="area")
    blurred = F.interpolate(blurred, size=(SIZE, SIZE), mode="bilinear", align_corners=False)
    soft = torch.rand(count, generator=generator) < 0.3
    image = torch.where(soft[:, None, None, None], blurred, image)
    mean = image.mean((1, 2, 3), keepdim=True)
    image = (image - mean) * (1 + 0.35 * uniform(count, 1, 1, 1)) + mean
    image = image * torch.exp(0.3 * uniform(count, 1, 1, 1) + 0.08 * normal(count, 3, 1, 1))
    grey = (torch.rand(count, generator=generator) < 0.12)[:, None, None, None]
    image = torch.where(grey, image.mean(1, keepdim=True).expand_as(image), image)
    image = image + 0.03 * normal(count, 1, 1, 1).abs() * normal(*image.shape)
    return image.clamp(0, 1), points


def wing(apart, width=0.02, curve=0.004):
    """Wing loss (Feng et al., 2018): logarithmic near zero, so that small errors keep counting."""
    offset = width - width * np.log(1 + width / curve)
    return torch.where(apart < width, width * torch.log1p(apart / curve), apart - offset)


def loss_of(found, wanted, weight):
    """Wing loss on the points, eyes weighted up, and an L1 on how far the eyes are open."""
    apart = ((found - wanted) / INTER_OCULAR).abs()
    points = (wing(apart).mean(-1) * weight).mean()
    lids = sum((a - b).abs().mean() for a, b in zip(openings(found), openings(wanted)))
    return points + 0.05 * lids, (apart.mean(), lids / 2)


def closing(crop, points, closure):
    """A crop (cached size) whose lids are drawn down over the eyes, and its points.

    `closure`: image-left and image-right eye, 0-1. The skin between brow and lid is stretched over
    the eyeball, as the library's renderer does; what is not covered stays where it is.
    """
    side = crop.shape[0]
    to_pixels = lambda p: ((p - 0.5) / labels.FACE_MARGIN + 0.5) * side - 0.5
    points = points.copy()
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32)
    source = rows.copy()
    for first, close in zip((0, 16), closure):
        contour = to_pixels(points[first : first + 16])
        lower, upper = contour[:9], contour[[0, *range(9, 16), 8]]
        if close <= 0 or (np.diff(np.sort(lower[:, 0])) <= 0).any():
            continue
        order = np.argsort(lower[:, 0]), np.argsort(upper[:, 0])
        x = np.arange(side, dtype=np.float32)
        under, over = (np.interp(x, line[o, 0], line[o, 1]).astype(np.float32)
                       for line, o in zip((lower, upper), order))
        width = np.ptp(lower[:, 0])
        # The lashes hang a little below the contour of the upper lid.
        edge = over + 0.03 * width
        closed = edge + close * np.maximum(under - over, 0)
        fixed = over - 0.55 * width
        covered = (rows > fixed) & (rows < closed) & (columns >= lower[:, 0].min()) & (
            columns <= lower[:, 0].max())
        stretched = fixed + (rows - fixed) * (edge - fixed) / np.maximum(closed - fixed, 1e-3)
        source = np.where(covered, stretched, source)
        # The teacher leaves a tenth of the height to an eye that is closed.
        lids = points[first : first + 16]
        lids[9:16] += 0.9 * close * (lids[1:8] - lids[9:16])
    moved = cv2.remap(crop, columns, np.float32(source), cv2.INTER_LINEAR,
                      borderMode=cv2.BORDER_REPLICATE)
    return moved, points


def shut(crops, points, chance, count, rng):
    """`count` crops of open eyes with one or both of them closed to different degrees."""
    wide = np.minimum(*openings(points)) > 0.26
    made = []
    while len(made) < count:
        i = rng.choice(len(crops), p=chance * wide / (chance * wide).sum())
        close = np.full(2, np.clip(rng.uniform(0.3, 1.25), 0, 1))
        if rng.random() < 0.25:
            close[rng.integers(2)] = 0
        crop, moved = closing(crops[i], points[i], close)
        changed = np.abs(crop.astype(np.int16) - crops[i]).mean(2)
        # Behind dark glasses nothing shows that an eye is closed.
        if changed.any() and np.percentile(changed[changed > 0], 80) > 8:
            made.append((crop, moved))
    return tuple(np.stack(part) for part in zip(*made))


def sampling(names, points):
    """How often each face is drawn: clips count as few photos, closed eyes as many."""
    clips = np.array([n.split("/")[0] in ("grid_corpus", "intel_asl") for n in names])
    weight = np.where(clips, 0.25, 1.0)
    open_left, open_right = openings(points)
    closed = np.minimum(open_left, open_right) < 0.22
    weight = np.where(closed, np.maximum(weight * 4, 2.0), weight)
    return weight / weight.sum()


def check_flip():
    """Flipping twice is nothing, and a flip keeps what is inside, outside, upper and lower."""
    assert (FLIP[FLIP] == np.arange(POINTS)).all()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--wall", type=float, help="at most so many minutes by the clock")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--without", nargs="*", default=[], help="folders to leave out: grid_corpus")
    parser.add_argument("--start", help="weights of an earlier run of ours (.pt, .onnx) to go on from")
    parser.add_argument("--eyes", action="store_true", help="only the eyes learn: cheap after --start")
    parser.add_argument("--quick", action="store_true", help="two minutes, to see that it runs")
    args = parser.parse_args()
    check_flip()
    rng = training.prepare(args.seed)
    generator = torch.Generator().manual_seed(args.seed)
    arrays = labels.cached(args.data, args.work, "faces")
    folder = np.array([n.split("/")[0] for n in arrays["names"]])
    use = np.flatnonzero(~arrays["test"] & ~np.isin(folder, args.without))
    crops, points = arrays["crops"][use], arrays["points"][use]
    cv2.setNumThreads(1)
    chance = sampling(arrays["names"][use], points)
    made = shut(crops, points, chance, len(use) // 2, rng)
    crops, points = np.concatenate([crops, made[0]]), np.concatenate([points, made[1]])
    chance = np.concatenate([chance * 0.8, np.full(len(made[0]), 0.2 / len(made[0]))])
    flipped = points[:, FLIP] * (-1, 1) + (1, 0)
    network = Network((points.mean(0) + flipped.mean(0)) / 2).to(memory_format=torch.channels_last)
    print("faces", len(use), "closed by us", len(made[0]), "parameters",
          sum(p.numel() for p in network.parameters()), flush=True)
    if args.start and args.start.endswith(".onnx"):
        some = np.ascontiguousarray(crops[:: len(crops) // 96][..., ::-1].transpose(0, 3, 1, 2))
        some, _ = augment(torch.from_numpy(some).float() / 255,
                          torch.from_numpy(points[:: len(crops) // 96]), generator)
        training.resume(network, args.start, [some])
    elif args.start:
        network.load_state_dict(torch.load(args.start))
    if args.eyes:
        for part in (network.trunk, network.hidden, network.out):
            part.requires_grad_(False).eval()
    average, optimiser = training.Average(network), training.optimizer(network)
    weight = torch.ones(POINTS)
    weight[:42] = 2.0
    clock = training.Clock(2 if args.quick else args.minutes, args.steps, args.wall)
    work = Path(args.work)
    started, shown = time.time(), 0
    while (progress := clock.progress()) < 1:
        chosen = rng.choice(len(points), args.batch, p=chance)
        batch = np.ascontiguousarray(crops[chosen][..., ::-1].transpose(0, 3, 1, 2))
        image, wanted = augment(
            torch.from_numpy(batch).float() / 255, torch.from_numpy(points[chosen]), generator
        )
        image = image.contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            found = network(image)
        loss, parts = loss_of(found.float(), wanted, weight)
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
    torch.save(network.state_dict(), work / "face_points.pt")
    training.export(
        network, torch.zeros(1, 3, SIZE, SIZE), args.out, ["crop"], ["points"],
        note="93 face points in the unit square of the aligned face crop; RGB 0-1.", half=True,
    )


if __name__ == "__main__":
    main()
