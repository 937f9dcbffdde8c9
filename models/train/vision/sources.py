"""The photos and clips that the networks learn from, and who is kept aside.

`--data` is the folder that the licence table in ../README.md describes. Nothing of it is copied.
Held out (never trained on, used by `vision.evaluate`): images whose name's CRC-32 is divisible by
5, the last Caltech people, two of GRID's speakers and one ASL signer (four clips). A person of
Caltech, GRID or ASL appears on one side only; the synthetic people are all different.
"""

import zlib
from pathlib import Path

import cv2
import numpy as np

# Two GRID speakers and one ASL signer; none of them appears in another clip.
HELD_OUT_CLIPS = {"lwbsza", "sbia1a", "book", "learn", "school", "walk"}
# Caltech numbers its photos person by person; none stands between 114 and 147.
CALTECH_TEST_START = 115
# People stand in this one; everything else in photos/ is without a face.
PHOTOS_WITH_PEOPLE = {"labelme-subset__q0291.jpg"}


def held_out(path):
    """Whether a file is kept aside for the test."""
    path = Path(path)
    if path.parent.name == "caltech_faces":
        return int(path.stem.split("_")[1]) >= CALTECH_TEST_START
    if "videos" in path.parts:
        return path.stem in HELD_OUT_CLIPS
    if path.parent.name == "threatexchange_pdq" and "bridge" in path.name:
        return False  # One photo in many versions: all on one side.
    if path.parent.name == "tf_od_test_images":
        # A burst of one scene: the split must not run through it.
        return path.name in {"test_images__image1.jpg", "train__robertducky2.jpg"}
    return zlib.crc32(path.name.encode()) % 5 == 0


def images(folder):
    return sorted(p for p in Path(folder).iterdir() if p.suffix.lower() in (".jpg", ".jpeg", ".png"))


def read(path):
    """BGR uint8, three channels."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"cannot decode {path}")
    return image


def frames(path, every=1):
    """Every n-th frame of a clip, BGR."""
    clip, index = cv2.VideoCapture(str(path)), 0
    while True:
        ok, frame = clip.read()
        if not ok:
            return
        if index % every == 0:
            yield index, frame
        index += 1


def mask_photos(data):
    """kaggle_facemask: (path, boxes N x 4 xyxy, masked N) with the hand-drawn boxes."""
    root = Path(data) / "faces"
    boxes = {}
    for line in (root / "labels/kaggle_facemask.gt.csv").read_text().splitlines()[1:]:
        name, kind, *box = line.split(",")
        boxes.setdefault(Path(name).stem, []).append((kind, [float(v) for v in box]))
    for path in images(root / "kaggle_facemask/images_jpg90"):
        rows = boxes.get(path.stem, [])
        yield (
            path,
            np.array([b for _, b in rows], np.float32).reshape(-1, 4),
            np.array([k != "without_mask" for k, _ in rows], bool),
        )


def negatives(data):
    """Photos without a face: animals, landscapes, objects, patterns."""
    for folder in sorted((Path(data) / "photos").iterdir()):
        if folder.is_dir():
            for path in images(folder):
                if path.name not in PHOTOS_WITH_PEOPLE and min(read(path).shape[:2]) >= 64:
                    yield path
