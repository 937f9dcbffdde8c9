"""The teachers' answers, once, into a cache: face crops with points, pictures with maps.

    python -m vision.labels --data DIR --work DIR

Writes faces.npz and scenes.npz into the work folder; the trainings make them when they are missing.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from . import geometry as g
from . import scenery, sources, teachers

# Cached face crops are 1.4 times the contract's, at its resolution: room for the jitter.
FACE_MARGIN, FACE_PIXELS = 1.4, 224
FACE_CACHE_CROP = (g.FACE_CROP[0] * FACE_MARGIN, (0.5, 0.5 - 0.1 / FACE_MARGIN))
MESH_SURE = 15.0  # presence logit of the mesh; hands and masks fall below
SCENE_PIXELS, MAP_PIXELS = 320, 160
PORTRAIT_CACHE_CROP = (g.PORTRAIT_CROP[0] * 1.25, g.PORTRAIT_CROP[1])


def pictures(data):
    """(path, frame number, picture) of all that shows faces."""
    data = Path(data)
    for folder in ("synthetic", "caltech_faces", "pillow_hopper", "imageio"):
        for path in sources.images(data / "faces" / folder):
            yield path, 0, sources.read(path)
    for path, _, _ in sources.mask_photos(data):
        yield path, 0, sources.read(path)
    for folder, every in (("grid_corpus", 1), ("intel_asl", 3)):
        for path in sorted((data / "videos" / folder).iterdir()):
            if path.suffix in (".mpg", ".mkv"):
                for index, frame in sources.frames(path, every):
                    yield path, index, frame


def unmasked(points, boxes, masked):
    """Whether a face of a street photo is drawn as unmasked (matched by its middle)."""
    middle = points.mean(0)
    inside = (middle > boxes[:, :2]).all(1) & (middle < boxes[:, 2:]).all(1)
    return bool(inside.any() and not masked[inside].any())


def faces(data):
    """Face crops (N, 224, 224, 3 BGR), points in the contract's crop, held out or not, names."""
    detector = teachers.Detector(Path(data) / "models/yunet/yunet_s_dynamic.onnx")
    mesh = teachers.FacePoints(data)
    drawn = {p: (b, m) for p, b, m in sources.mask_photos(data)}
    crops, points, test, names = [], [], [], []
    for path, index, image in pictures(data):
        for five in detector.faces(image, threshold=0.7)[1]:
            if np.linalg.norm(five[1] - five[0]) < 22:
                continue
            if path in drawn and not unmasked(five, *drawn[path]):
                continue
            landmarks, sure = mesh(image, five)
            if sure < MESH_SURE or not np.isfinite(landmarks).all():
                continue
            crops.append(g.sample(image, g.crop_transform(five, FACE_CACHE_CROP), FACE_PIXELS))
            points.append(g.apply(g.crop_transform(five, g.FACE_CROP), landmarks))
            test.append(sources.held_out(path))
            names.append(f"{path.parent.name}/{path.stem}:{index}")
    return dict(crops=np.stack(crops), points=np.float32(points), test=np.array(test),
                names=np.array(names))


# The mesh's oval ends at the hairline and inside the ears; a head is that, wider and higher.
SKULL = (1.14, 1.5)


def skull(oval):
    """The oval's 16 points (from the forehead's top, clockwise) widened, and raised above the eyes."""
    up = oval[0] - oval[8]
    up = up / np.linalg.norm(up)
    across = np.array([-up[1], up[0]])
    middle = (oval[4] + oval[12]) / 2
    x, y = (oval - middle) @ across * SKULL[0], (oval - middle) @ up
    y = np.where(y > 0, y * SKULL[1], y)
    return middle + x[:, None] * across + y[:, None] * up


def pseudo_depth(person, sky):
    """Depth of a real picture, 1 = near: people in front, the ground rising from far to near."""
    h, w = person.shape
    rows = np.linspace(0, 1, h, dtype=np.float32)[:, None] * np.ones((1, w), np.float32)
    back = (0.18 + 0.45 * np.clip((rows - 0.35) / 0.65, 0, 1)) * (1 - sky)
    # A small person is a far one.
    solid = (person > 0.5).astype(np.uint8)
    count, components, stats, _ = cv2.connectedComponentsWithStats(solid)
    near = np.zeros_like(back)
    for i in range(1, count):
        near[components == i] = np.clip(0.5 + 0.8 * stats[i, cv2.CC_STAT_HEIGHT] / h, 0, 1)
    near = cv2.GaussianBlur(cv2.dilate(near, np.ones((5, 5))), (0, 0), 2)
    return back + (np.maximum(near, back) - back) * person


class Views:
    """Pictures with the maps that the teachers and the cues give them."""

    def __init__(self, data):
        self.detector = teachers.Detector(Path(data) / "models/yunet/yunet_s_dynamic.onnx")
        self.mesh, self.masks = teachers.FacePoints(data), teachers.Masks(data)
        self.rows, self.single = [], []

    def add(self, image, to_unit, ovals, path, kind, person=None, hair=None):
        """One view: `to_unit` carries photo pixels to the unit square of the picture.

        `person` (one mask, and one from a single pass) is asked for where it is not given; `hair`
        is a map over the whole photo.
        """
        picture = warp_to_square(image, to_unit, SCENE_PIXELS)
        small = cv2.resize(picture, (MAP_PIXELS, MAP_PIXELS), interpolation=cv2.INTER_AREA)
        person, once = person or self.person(picture)
        head = np.zeros((MAP_PIXELS, MAP_PIXELS), np.uint8)
        for oval in ovals:
            points = skull(g.apply(to_unit, oval)) * MAP_PIXELS
            cv2.fillPoly(head, [np.int32(np.round(points))], 255)
        if hair is None:
            hair = doubt = np.zeros((MAP_PIXELS, MAP_PIXELS), np.float32)
        else:
            hair = warp_to_square(hair, on_map(to_unit, image, hair), MAP_PIXELS) * (person > 0.3)
            hair, doubt = on_heads(hair, head)
        head = cv2.GaussianBlur(head, (0, 0), 1).astype(np.float32) / 255
        head = np.maximum(head, hair) * person
        studio = path.parent.name in ("grid_corpus", "caltech_faces", "intel_asl")
        scenery_maps, weights = scenery.label(small, person, path.stem, studio)
        depth = pseudo_depth(person, scenery_maps[..., scenery.SKY])
        maps = np.dstack([person, head, hair, scenery_maps, depth])
        weight = np.ones_like(maps)
        weight[..., 3:6] = weights
        weight[..., 1:3] -= 0.55 * doubt[..., None]
        # Outside the photo nothing is seen: whether a repeated pixel is hair matters little.
        weight[~inside_photo(image, to_unit), 1:3] *= 0.2
        test = sources.held_out(path)
        if test:
            mask = cv2.resize(self.masks.hair(picture), (MAP_PIXELS, MAP_PIXELS)) * (once > 0.3)
            self.single.append(as_bytes(np.dstack([once, mask])))
        self.rows.append((picture, as_bytes(maps), as_bytes(weight), test, kind,
                          f"{path.parent.name}/{path.stem}"))

    def person(self, picture):
        """The person mask, averaged with the mirrored picture's, and that of a single pass."""
        once, turned = (cv2.resize(m, (MAP_PIXELS, MAP_PIXELS)) for m in (
            self.masks.person(picture), self.masks.person(picture[:, ::-1])[:, ::-1]))
        return (once + turned) / 2, once

    def hair(self, image, fives):
        """Hair over the whole photo: the mean of several looks, since one look is not sure.

        The hair network agrees with itself on the mirrored picture at an overlap of .83 only, and
        repeated edge pixels look like hair to it: it sees the photo and its heads, not beyond.
        """
        h, w = image.shape[:2]
        ratio = min(1.0, 512 / max(h, w))
        total = np.zeros((max(1, round(h * ratio)), max(1, round(w * ratio))), np.float32)
        weight = np.full_like(total, 1e-6)
        largest = max(np.linalg.norm(five[1] - five[0]) for five in fives)
        # In a photo of small heads the network sees hair where it sees none in a portrait.
        looks = [((0, 0, w, h), 1.0 if largest > 0.09 * max(h, w) else 0.1)]
        for five in fives[:3]:
            eyes, apart = five[:2].mean(0), np.linalg.norm(five[1] - five[0])
            for side in (7.0, 5.2):
                low = np.maximum(eyes - np.array((0.5, 0.43)) * side * apart, 0)
                high = np.minimum(eyes + np.array((0.5, 0.57)) * side * apart, (w, h))
                if (high - low).prod() < 0.8 * h * w:
                    break
            looks.append(((*np.int32(low), *np.int32(np.ceil(high))), 1.0))
        for (left, top, right, bottom), sure in looks:
            cut = image[top:bottom, left:right]
            found = self.masks.hair(cut)
            if sure == 1:
                found = (found + self.masks.hair(cut[:, ::-1])[:, ::-1]) / 2
            x0, y0, x1, y1 = (round(v * ratio) for v in (left, top, right, bottom))
            if x1 > x0 and y1 > y0:
                inside = np.s_[y0:y1, x0:x1]
                size = total[inside].shape[::-1]
                total[inside] += sure * cv2.resize(found, size, interpolation=cv2.INTER_AREA)
                weight[inside] += sure
        return total / weight

    def people(self, path, image, portraits=1, smallest=20):
        """Portrait crops of the nearest faces, and the whole photo stretched to a square."""
        fives = [f for f in self.detector.faces(image, threshold=0.6)[1]
                 if np.linalg.norm(f[1] - f[0]) > smallest]
        if not fives:
            return
        ovals = []
        for five in fives:
            mesh, sure = self.mesh.mesh(image, five)
            # A mask hides half the face, but not the oval from the mesh.
            ovals.append(mesh[list(teachers.OVAL)] if sure > 0 else fallback_oval(five))
        hair = self.hair(image, fives)
        stretch = whole_photo(image)
        whole = self.person(warp_to_square(image, stretch, 256))
        self.add(image, stretch, ovals, path, "whole", whole, hair)
        for five in fives[:portraits]:
            to_unit = g.crop_transform(five, PORTRAIT_CACHE_CROP)
            person = None
            corners = g.apply(g.invert(to_unit), [(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)])
            low, high = corners.min(0), corners.max(0)
            inside = np.clip(np.minimum(high, image.shape[1::-1]) - np.maximum(low, 0), 0, None)
            if inside.prod() / (high - low).prod() < 0.6:
                # Mostly repeated edge pixels: the whole photo's mask repeats with them.
                person = tuple(warp_to_square(m, on_map(to_unit, image, m), MAP_PIXELS)
                               for m in whole)
            self.add(image, to_unit, ovals, path, "portrait", person, hair)


def inside_photo(image, to_unit):
    """Which cells of a view show the photo and not its repeated edge (booleans)."""
    side = np.arange(MAP_PIXELS) + 0.5
    cells = np.stack(np.meshgrid(side, side), 2) / MAP_PIXELS
    at = g.apply(g.invert(to_unit), cells)
    return ((at >= 0) & (at <= image.shape[1::-1])).all(2)


def on_map(to_unit, image, over_photo):
    """The transform `to_unit` for a map that covers the whole photo at another size."""
    ratio = np.array(image.shape[1::-1]) / over_photo.shape[1::-1]
    return to_unit @ np.diag((*ratio, 1.0))


def on_heads(hair, heads):
    """Hair that hangs together with a head (a mask of skulls), and where it was taken away.

    The teacher takes dark jackets and plaid for hair; in a crowd it also finds the hair of heads
    that the detector missed. Both count for little.
    """
    near = cv2.dilate(heads, np.ones((9, 9), np.uint8)) > 0
    _, components = cv2.connectedComponents(np.uint8(hair > 0.3))
    attached = np.isin(components, np.unique(components[near])) & (components > 0)
    grown = cv2.dilate(np.uint8(attached), np.ones((5, 5), np.uint8)) > 0
    return np.where(grown, hair, 0), np.float32(~grown & (hair > 0.3))


def as_bytes(maps):
    return np.uint8(np.round(np.clip(maps, 0, 1) * 255))


def whole_photo(image):
    h, w = image.shape[:2]
    return np.array([[1 / w, 0, 0], [0, 1 / h, 0]])


def fallback_oval(five):
    """An average oval where the mesh sees none."""
    angles = np.arange(16) / 16 * 2 * np.pi
    unit = np.stack([0.5 + 0.29 * np.sin(angles), 0.53 - 0.38 * np.cos(angles)], 1)
    return g.apply(g.invert(g.crop_transform(five, g.FACE_CROP)), unit)


def warp_to_square(image, to_unit, size):
    """Like geometry.sample, for maps that may also shrink unequally in x and y."""
    to_unit = np.asarray(to_unit, np.float64)
    scale = np.linalg.norm(to_unit[:, :2], axis=0) * size
    if (scale < 0.9).any():
        h, w = image.shape[:2]
        small = [max(1, round(n * min(1.0, s))) for n, s in zip((w, h), scale)]
        image = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
        to_unit = np.hstack([to_unit[:, :2] @ np.diag((w / small[0], h / small[1])), to_unit[:, 2:]])
    matrix = to_unit * size
    matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    return cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR,
                          borderMode=cv2.BORDER_REPLICATE)


def scenes(data):
    """Square pictures (N, 320, 320, 3 BGR), maps and weights (N, 160, 160, 7), held out, kind, name;
    `single`: person and hair of one pass of the teachers, for the held-out ones."""
    data, views = Path(data), Views(data)
    for folder in ("synthetic", "caltech_faces", "imageio", "pillow_hopper"):
        for path in sources.images(data / "faces" / folder):
            views.people(path, sources.read(path))
    for folder, every in (("grid_corpus", 15), ("intel_asl", 10)):
        for path in sorted((data / "videos" / folder).iterdir()):
            if path.suffix in (".mpg", ".mkv"):
                for _, frame in sources.frames(path, every):
                    views.people(path, frame)
    for path, boxes, _ in sources.mask_photos(data):
        image = sources.read(path)
        large = len(boxes) and (boxes[:, 3] - boxes[:, 1]).max() > 0.2 * image.shape[0]
        if large:  # The person network fails on small people.
            views.people(path, image, portraits=2, smallest=16)
    nobody = np.zeros((MAP_PIXELS, MAP_PIXELS), np.float32)
    for path in sources.negatives(data):
        if path.name.startswith("test__out") and int(path.stem[9:]) % 5:
            continue
        image = sources.read(path)
        views.add(image, whole_photo(image), [], path, "scene", (nobody, nobody))
    for name, every in (("mdn_flower.webm", 30), ("flutter_bee.mp4", 40), ("pine_and_sky.mp4", 30),
                        ("flutter_butterfly.mp4", 60)):
        path = data / "videos/nature" / name
        for _, frame in sources.frames(path, every):
            views.add(frame, whole_photo(frame), [], path, "scene", (nobody, nobody))
    picture, maps, weights, test, kind, name = map(np.array, zip(*views.rows))
    return dict(pictures=picture, maps=maps, weights=weights, test=test, kind=kind, names=name,
                single=np.stack(views.single))


def cached(data, work, name):
    """The arrays of faces.npz or scenes.npz, made on first use."""
    path = Path(work) / f"{name}.npz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **(faces if name == "faces" else scenes)(data))
    with np.load(path) as file:
        return {key: file[key] for key in file.files}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--only", choices=("faces", "scenes"))
    args = parser.parse_args()
    cv2.setNumThreads(1)
    for name in ("faces", "scenes") if not args.only else (args.only,):
        arrays = cached(args.data, args.work, name)
        print(name, {k: v.shape for k, v in arrays.items()}, "held out", int(arrays["test"].sum()))


if __name__ == "__main__":
    main()
