"""Endless augmented crops for the face detector, with a target for every cell.

The targets are YuNet-s's own maps of the crop (dense, so that little data goes far), brought in line
with what is known of the photo: hand-drawn boxes on street photos; on portraits, the boxes that
YuNet gives at the size where it sees a whole face, with five points from MediaPipe's networks, which
set them more exactly. So an eye that the teacher takes for a face in a close crop is not learned.
"""

from pathlib import Path

import cv2
import numpy as np
import torch

from . import geometry as g
from . import labels, sources, teachers

SIZE = 256
# The library's canvas: whole photos, as they are at run time.
CANVAS = 640
# Face sizes (root of the box's area) that occur in a crop, pixels. The largest do not fit: they
# teach that an eye or a nostril is not a face.
SMALLEST, LARGEST = 14, 340
# Half of all crops show a face between these: people in a street, on the library's canvas.
FAR, NEAR = 20, 80
MIN_FACE = 24  # smaller hand-drawn boxes are neither demanded nor punished (photo pixels)
# From this size on (crop pixels) a known face is asked of the coarsest stride, whatever the teacher
# says of so close a look.
LARGE = 110
# Score, its weight, box (4), box weight, points (10), points weight.
TARGET = 18
STREET, PORTRAIT, COLLAGE, NOWHERE = range(4)


class Photos:
    """What the crops are cut from, decoded once and shared by the workers.

    Each of `street` and `portraits` is (image, boxes N x 4, points N x 5 x 2 or NaN).
    """

    def __init__(self, data, work):
        self.data = Path(data)
        self.street, self.empty = [], []
        for path, boxes, _ in sources.mask_photos(data):
            if not sources.held_out(path):
                self.street.append((sources.read(path), boxes, np.full((len(boxes), 5, 2), np.nan)))
        self.portraits = known_portraits(data, work)
        burst = 0
        for path in sources.negatives(data):
            if not sources.held_out(path):
                # The duck burst is 40 near-identical pictures: every fifth is enough.
                if path.name.startswith("test__out"):
                    burst += 1
                    if burst % 5:
                        continue
                self.empty.append(limit(sources.read(path), 960))
        for clip in ("nature/mdn_flower.webm", "nature/flutter_bee.mp4", "nature/pine_and_sky.mp4",
                     "nature/flutter_butterfly.mp4", "intel_scenes/bottle-detection.mp4"):
            for _, frame in sources.frames(self.data / "videos" / clip, 60):
                self.empty.append(limit(frame, 960))


def known_portraits(data, work):
    """Portraits and frames of people who turn or sign, with boxes and, on photos, exact points."""
    data, store = Path(data), Path(work) / "portraits.npz"
    pictures = []
    for folder in (data / "faces/synthetic", data / "faces/caltech_faces"):
        pictures += [(limit(sources.read(p), 480), True) for p in sources.images(folder)
                     if not sources.held_out(p)]
    for folder, every in (("intel_headpose", 8), ("intel_asl", 30)):
        for clip in sorted((data / "videos" / folder).iterdir()):
            if not sources.held_out(clip):
                pictures += [(limit(f, 640), False) for _, f in sources.frames(clip, every)]
    if store.exists():
        known = np.load(store, allow_pickle=True)["known"]
    else:
        yunet, reader = teachers.Detector(data / "models/yunet/yunet_s_dynamic.onnx"), teachers.FacePoints(data)
        known = np.empty(len(pictures), object)
        for i, (image, is_photo) in enumerate(pictures):
            # A portrait's face fills half of it; YuNet sees such faces best at 320.
            boxes, fives, _ = yunet.faces(image, 320 if is_photo else 480, 0.6)
            exact = np.full(fives.shape, np.nan)
            for j, five in enumerate(fives if is_photo else ()):
                points, sure = reader(image, five)
                read = np.stack([points[:16].mean(0), points[16:32].mean(0), *points[[53, 57, 63]]])
                ocular = np.linalg.norm(five[0] - five[1])
                if sure >= labels.MESH_SURE and np.linalg.norm(read - five, axis=1).mean() < 0.4 * ocular:
                    exact[j] = read
            known[i] = (boxes.astype(np.float32), exact.astype(np.float32))
        store.parent.mkdir(parents=True, exist_ok=True)
        np.savez(store, known=known)
    return [(image, *facts) for (image, _), facts in zip(pictures, known)]


class Crops(torch.utils.data.IterableDataset):
    """(picture 3 x size x size uint8 BGR, target cells x TARGET), without end."""

    def __init__(self, photos, seed, size=SIZE):
        self.photos, self.seed, self.size = photos, seed, size

    def __iter__(self):
        info = torch.utils.data.get_worker_info()
        torch.set_num_threads(1)
        cv2.setNumThreads(0)
        rng = np.random.default_rng((self.seed, self.size, info.id if info else 0))
        teacher = teachers.Detector(self.photos.data / "models/yunet/yunet_s_dynamic.onnx")
        while True:
            yield self.one(rng, teacher)

    def one(self, rng, teacher):
        whole = self.size == CANVAS
        kind = rng.choice(4, p=(0.45, 0.40, 0.0, 0.15) if whole else (0.66, 0.18, 0.04, 0.12))
        boxes = points = to_crop = None
        if kind in (STREET, PORTRAIT):
            pool = self.photos.street if kind == STREET else self.photos.portraits
            image, boxes, points = pool[rng.integers(len(pool))]
            if kind == PORTRAIT and rng.random() < 0.4:
                image = masked(rng, image, points)
            cut = self.canvas if whole else self.around_face
            crop, to_crop = cut(rng, image, boxes)
        elif kind == COLLAGE:
            crop = self.collage(rng)
        elif whole:
            crop, _ = self.canvas(rng, self.photos.empty[rng.integers(len(self.photos.empty))], None)
        else:
            crop = self.nowhere(rng)
        if rng.random() < 0.5:
            crop = crop[:, ::-1]
            if to_crop is not None:
                to_crop = np.diag((-1.0, 1.0)) @ to_crop + [[0, 0, self.size], [0, 0, 0]]
        crop = np.ascontiguousarray(crop)
        target = targets(teacher, crop, kind, boxes, points, to_crop)
        return torch.from_numpy(photometric(rng, crop).transpose(2, 0, 1).astype(np.uint8)), target

    def around_face(self, rng, image, boxes):
        """A crop in which a randomly chosen face has a log-uniform size."""
        h, w = image.shape[:2]
        if len(boxes):
            x1, y1, x2, y2 = boxes[rng.integers(len(boxes))]
        else:
            x1, y1, x2, y2 = 0, 0, w / 3, h / 3
        size = max(4.0, np.sqrt(max(1.0, (x2 - x1) * (y2 - y1))))
        low, high = (FAR, NEAR) if rng.random() < 0.5 else (SMALLEST, LARGEST)
        wanted = np.exp(rng.uniform(np.log(low), np.log(high)))
        # Beyond threefold enlargement a crop shows blur, not a face.
        scale = np.clip(wanted / size, self.size / 4 / max(h, w), 3.5)
        stretch = np.exp(rng.normal(0, 0.06))
        angle = rng.normal(0, 0.12) if rng.random() < 0.5 else 0.0
        if rng.random() < 0.06:
            angle = rng.uniform(-0.7, 0.7)
        c, s = np.cos(angle), np.sin(angle)
        linear = np.array([[c, -s], [s, c]]) @ np.diag((scale * stretch, scale / stretch))
        reach = max(0.0, self.size / 2 - min(wanted, self.size) * 0.35)
        place = self.size / 2 + rng.uniform(-reach, reach, 2)
        centre = np.array(((x1 + x2) / 2, (y1 + y2) / 2))
        shift = place - linear @ centre
        if rng.random() < 0.85:  # As much of the photo as fits: bare border teaches nothing.
            first, last = shift, shift + (w, h) * linear.diagonal()
            low, high = np.minimum(first, last), np.maximum(first, last)
            fits = high - low >= self.size
            shift = shift - np.where(fits, np.maximum(low, 0) + np.minimum(high - self.size, 0),
                                     np.minimum(low, 0) + np.maximum(high - self.size, 0))
        to_crop = np.hstack([linear, shift[:, None]])
        crop = warp(rng, image, to_crop, self.size)
        if wanted < NEAR and w * scale < 0.8 * self.size and rng.random() < 0.6:
            # A small photo fills no crop: something without a face lies behind it.
            photo = cv2.warpAffine(np.ones((h, w), np.uint8), to_crop, (self.size, self.size))
            crop = np.where(photo[..., None] > 0, crop, self.nowhere(rng))
        return crop, to_crop

    def canvas(self, rng, image, _):
        """The whole photo at the top left, as the library feeds it, now and then smaller."""
        scale = self.size / max(image.shape[:2])
        if rng.random() < 0.5:
            scale *= np.exp(rng.uniform(np.log(0.35), 0.0))
        linear, shift = scale * np.eye(2), np.zeros(2)
        if rng.random() < 0.3:
            angle = rng.normal(0, 0.12)
            c, s = np.cos(angle), np.sin(angle)
            linear = linear @ np.array([[c, -s], [s, c]])
            middle = np.array(image.shape[1::-1]) / 2
            shift = scale * middle - linear @ middle
        if rng.random() < 0.15:  # A close portrait: the face fills the photo.
            zoom = rng.uniform(1.1, 1.7)
            middle = np.array([self.size / 2, self.size * rng.uniform(0.35, 0.5)])
            linear, shift = linear * zoom, middle + (shift - middle) * zoom
        to_crop = np.hstack([linear, shift[:, None]])
        return warp(rng, image, to_crop, self.size), to_crop

    def collage(self, rng):
        """Portraits shrunk into a grid: many small faces, whole."""
        columns = int(rng.integers(2, 6))
        side = self.size // columns + 1
        canvas = np.zeros((side * columns, side * columns, 3), np.uint8)
        for i in range(columns * columns):
            if rng.random() < 0.7:
                image = self.photos.portraits[rng.integers(len(self.photos.portraits))][0]
            else:
                image = self.photos.empty[rng.integers(len(self.photos.empty))]
            y, x = divmod(i, columns)
            canvas[y * side : (y + 1) * side, x * side : (x + 1) * side] = cv2.resize(
                image, (side, side), interpolation=cv2.INTER_AREA
            )
        return canvas[: self.size, : self.size]

    def nowhere(self, rng):
        """A crop without a face, at any scale and angle."""
        image = self.photos.empty[rng.integers(len(self.photos.empty))]
        h, w = image.shape[:2]
        scale = self.size / min(h, w) * np.exp(rng.uniform(np.log(0.6), np.log(3.0)))
        angle = rng.normal(0, 0.3)
        linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        centre = np.array((rng.uniform(0.2, 0.8) * w, rng.uniform(0.2, 0.8) * h))
        to_crop = np.hstack([linear, (self.size / 2 - linear @ centre)[:, None]])
        return warp(rng, image, to_crop, self.size)


def targets(teacher, crop, kind, boxes, points, to_crop):
    """What each cell should say, strides 8, 16, 32 one after the other."""
    maps, size = teacher.maps(crop), crop.shape[0]
    per_level, coded = [], []
    for stride in g.STRIDES:
        n = size // stride
        target = np.zeros((n * n, TARGET), np.float32)
        target[:, 0] = np.sqrt(maps[f"cls_{stride}"][0, :, 0] * maps[f"obj_{stride}"][0, :, 0])
        target[:, 1] = 1
        target[:, 2:6] = maps[f"bbox_{stride}"][0]
        target[:, 6] = target[:, 0] * (target[:, 0] > 0.3)
        target[:, 7:17] = maps[f"kps_{stride}"][0]
        target[:, 17] = target[:, 6]
        per_level.append(target)
        coded.append(np.stack([np.arange(n * n) % n, np.arange(n * n) // n, np.full(n * n, stride)], 1))
    target, grid = np.concatenate(per_level), np.concatenate(coded).astype(np.float32)
    if kind == NOWHERE:
        target[:, [0, 6, 17]] = 0
    elif kind in (STREET, PORTRAIT) and len(boxes):
        correct(target, grid, kind, boxes, points, to_crop, size)
    target[:, 2:6] = np.clip(target[:, 2:6], -12, 12)
    return torch.from_numpy(target)


def correct(target, grid, kind, boxes, points, to_crop, side):
    """The teacher's maps brought in line with the boxes and points that are known."""
    stride, cell = grid[:, 2:3], grid[:, :2]
    centre = (cell + target[:, 2:4]) * stride
    half = np.exp(np.clip(target[:, 4:6], -6, 6)) * stride / 2
    seen = np.hstack([centre - half, centre + half])
    middle = g.apply(to_crop, (boxes[:, :2] + boxes[:, 2:]) / 2)
    scale = np.sqrt(abs(np.linalg.det(to_crop[:, :2])))
    extent = (boxes[:, 2:] - boxes[:, :2]) * scale / 2
    drawn = np.hstack([middle - extent, middle + extent])
    five = g.apply(to_crop, points)
    if np.linalg.det(to_crop[:, :2]) < 0:
        five = five[:, [1, 0, 2, 4, 3]]  # Mirrored: left and right are the picture's.
    small = np.sqrt((boxes[:, 2:] - boxes[:, :2]).prod(1)) < MIN_FACE
    sizes = 2 * np.sqrt(extent.prod(1))
    fires = np.flatnonzero(target[:, 0] > 0.1)
    overlap = np.stack([g.iou(b, seen[fires]) for b in drawn])
    best, which = overlap.max(0), overlap.argmax(0)
    stray = fires[best < 0.3]
    # Something within a known face is a part of it. Elsewhere, a box that nobody drew is wrong
    # unless it is tiny, or the teacher so sure that the one who drew may have left it out.
    extents = (2 * half[stray]).prod(1) ** 0.5
    part = np.zeros(len(stray), bool)
    for box, size in zip(drawn, sizes):
        inside = (centre[stray] > box[:2]).all(1) & (centre[stray] < box[2:]).all(1)
        part |= inside & (extents < 0.7 * size)
    unsure = (extents < MIN_FACE * scale) | (target[stray, 0] > 0.8)
    if kind == PORTRAIT:
        unsure |= True
    target[stray, 1] = np.where(unsure & ~part, 0, 1)
    target[stray, 0] = 0
    target[stray, 6] = target[stray, 17] = 0
    for i, box in enumerate(drawn):
        size = sizes[i]
        visible = (np.clip(box[2:], 0, side) - np.clip(box[:2], 0, side)).clip(0).prod()
        mine = fires[(which == i) & (best > 0.4)]
        strength = target[mine, 0].max() if len(mine) else 0.0
        if visible < 0.6 * size**2 or size < 8 or small[i]:
            if strength < 0.5:  # Cut off or tiny: neither demanded nor punished.
                inside = ((cell + 0.5) * stride > box[:2]) & ((cell + 0.5) * stride < box[2:])
                inside = inside.all(1) & (target[:, 0] < 0.5)
                if size >= LARGE:  # But never for a thing of the fine stride.
                    inside &= grid[:, 2] == 32
                target[inside, 1] = 0
            continue
        if 0.35 <= strength < 0.85:
            target[mine, 0] = np.minimum(target[mine, 0] * 0.85 / strength, 0.95)
        if strength < 0.35 or size >= LARGE:
            # Cells near its middle, at the stride that fits its size (as the teacher assigns them).
            fit = 8 if size < LARGE else 32
            away = np.abs((cell + 0.5) * stride - (box[:2] + box[2:]) / 2).max(1)
            near = (grid[:, 2] == fit) & (away < max(0.75 * fit, min(1.4 * fit, 0.22 * size)))
            given = np.flatnonzero(near & (target[:, 6] < 0.6))
            ask = 0.85 if strength < 0.35 and kind == STREET else 0.92
            ask = ask * np.clip(1.25 - 0.35 * away[given] / fit, 0.8, 1)
            target[given, 0], target[given, 1], target[given, 6] = ask, 1, ask
            target[given, 17] *= g.iou(box, seen[given]) > 0.4
            mine = np.union1d(mine, given)
        share = 0.75 if kind == STREET else 0.5
        s = stride[mine]
        code = np.hstack([(box[:2] + box[2:]) / 2 / s - cell[mine],
                          np.log(np.maximum(box[2:] - box[:2], 1) / s)])
        # Where the teacher's box is of something else, the known one takes its place.
        off = g.iou(box, seen[mine]) < 0.4
        target[mine, 2:6] += np.where(off, 1.0, share)[:, None] * (code - target[mine, 2:6])
        if np.isfinite(five[i]).all():
            target[mine, 7:17] = five[i].reshape(1, 10) / s - np.tile(cell[mine], 5)
            target[mine, 17] = 1.5 * target[mine, 6]


def masked(rng, image, points):
    """The picture with a painted mask over each face whose five points are known."""
    image = image.copy()
    for eyes_left, eyes_right, nose, left, right in points[np.isfinite(points).all((1, 2))]:
        eyes, mouth = (eyes_left + eyes_right) / 2, (left + right) / 2
        down = mouth - eyes
        across = (right - left + eyes_right - eyes_left) / 2
        top = eyes + down * rng.uniform(0.35, 0.6)
        chin = eyes + down * rng.uniform(1.55, 1.8)
        wide, narrow = rng.uniform(0.75, 0.95), rng.uniform(0.4, 0.6)
        bridge = top + 0.3 * (nose - eyes - 0.55 * down) - 0.12 * down
        outline = np.stack([top - wide * across, bridge, top + wide * across,
                            mouth + 0.95 * wide * across, chin + narrow * across,
                            chin - narrow * across, mouth - 0.95 * wide * across])
        # A plain cloth with a fold or two, lit from one side as the face below it is.
        cloth = np.zeros(image.shape[:2], np.uint8)
        cv2.fillPoly(cloth, [np.int32(np.rint(outline * 16))], 255, cv2.LINE_AA, 4)
        cover = cv2.GaussianBlur(cloth, (0, 0), max(0.5, np.linalg.norm(across) / 40))[..., None] / 255
        grey = rng.uniform(20, 250)
        colour = np.clip(grey + rng.normal(0, 25, 3), 0, 255) if rng.random() < 0.5 else np.full(3, grey)
        light = cv2.GaussianBlur(image, (0, 0), max(1.0, np.linalg.norm(across) / 4)).mean(2, keepdims=True)
        light = light / max(1.0, light[cloth > 127].mean() if (cloth > 127).any() else light.mean())
        painted = colour * light
        for share in rng.uniform(0.1, 0.9, rng.integers(0, 3)):
            ends = [outline[0] + share * (outline[6] - outline[0]), outline[2] + share * (outline[3] - outline[2])]
            fold = np.zeros(image.shape[:2], np.uint8)
            cv2.line(fold, *(tuple(int(v) for v in np.rint(e)) for e in ends), 255,
                     max(1, round(np.linalg.norm(across) / 30)))
            painted = painted * (1 - 0.25 * fold[..., None] / 255)
        image = np.clip(image * (1 - cover) + painted * cover, 0, 255).astype(np.uint8)
    return image


def limit(image, long_side):
    scale = long_side / max(image.shape[:2])
    if scale >= 1:
        return image
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def warp(rng, image, to_crop, size):
    """The crop at size x size; outside the photo, edge pixels or a flat colour."""
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
        image, to_crop, (size, size), flags=cv2.INTER_LINEAR, borderMode=border, borderValue=fill
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
