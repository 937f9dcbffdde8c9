"""What a data folder offers: portraits, scenes and clips, sampled by the hash of their names.

The folder has the layout of shared/data (faces/, photos/, videos/); no labels are needed. Only faces
that the judge finds are used. Photos are brought to an even size of at most `SIZE` pixels and written as
PNG files, so that the library and the judge see the same pixels.
"""

import hashlib
import sys
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from . import judges as j
from .curves import inter_ocular, head_of

SIZE = 448
PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}
CLIPS = {".mpg", ".mpeg", ".mp4", ".mkv", ".mov", ".avi", ".webm", ".gif", ".m4v"}
# A portrait: its face is this much of the long side, this surely seen, and nearly frontal and level.
FACE_SHARE, FACE_PIXELS = (0.16, 0.62), 64
CONFIDENCE, MOUTH_CONFIDENCE = 0.68, 0.64  # masked faces have less, nine in ten of them
TURNED, ROLLED = 0.22, 20
ALONE = 0.5  # other faces are at most this high, compared
OPEN = 0.22  # eyes that can blink
OPEN_IN_CLIP = 0.2


@dataclass
class Photo:
    name: str
    path: Path
    image: np.ndarray
    box: np.ndarray = None
    points: np.ndarray = None
    confidence: float = 0.0
    opening: np.ndarray = None
    extra: dict = field(default_factory=dict)


def order(path):
    return hashlib.sha256(path.name.encode()).hexdigest()


def mixed(root):
    """Pictures below a folder, by hash, the folders in turn: many small sets count beside a large one."""
    folders = {}
    if not root.is_dir():
        return []
    for path in root.rglob("*"):
        if path.suffix.lower() in PICTURES and path.is_file():
            folders.setdefault(path.parent, []).append(path)
    ranked = []
    for folder in folders.values():
        weight = len(folder) ** 0.75
        ranked += [
            ((i + 0.5) / weight, order(path), path) for i, path in enumerate(sorted(folder, key=order))
        ]
    return [path for _, _, path in sorted(ranked)]


class Data:
    def __init__(self, root, work, judges, unseen, folders=""):
        self.root, self.work, self.judges = Path(root), Path(work) / "photos", judges
        self.folders = set(folders.split(",")) if folders else None
        self.work.mkdir(parents=True, exist_ok=True)
        self.unseen = unseen
        self.looked = {}

    def portraits(self, count, eyes_open=False):
        """Frontal faces, each alone or by far the largest in its photo."""
        return self._take(
            self.root / "faces",
            count,
            lambda photo: is_portrait(photo) and (not eyes_open or photo.opening.min() >= OPEN),
        )

    def scenes(self, count):
        """Photos in which the judge finds no face."""
        return self._take(
            self.root / "photos", count, lambda photo: photo.box is None and min(photo.image.shape[:2]) >= 96
        )

    def groups(self, count):
        """Photos whose people stand left or right by turns: portraits alone would all hold them in the middle."""

        def fits(photo):
            if photo.box is None or photo.confidence < 0.5:
                return False
            return 28 <= photo.box[3] - photo.box[1] <= 0.62 * max(photo.image.shape[:2])

        found = []
        for photo in self._take(self.root / "faces", 3 * count, fits):
            if len(found) == count:
                break
            cut = self.prepare(f"{photo.name} aside", aside(photo, left=len(found) % 2 == 0))
            if cut is None or cut.box is None:
                continue
            cut.extra["mask"] = self.judges.person(cut.image)
            if 0.06 < (cut.extra["mask"] > 0.5).mean() < 0.85:
                found.append(cut)
        return found

    def _take(self, root, count, fits):
        taken = []
        for path in mixed(root):
            if len(taken) == count:
                break
            if not self.unseen(path):
                continue
            if root.name == "faces" and self.folders and not self.folders & set(path.parts):
                continue
            photo = self.look(path)
            if photo is not None and fits(photo):
                taken.append(photo)
        return taken

    def look(self, path):
        if path not in self.looked:
            image = cv2.imread(str(path), cv2.IMREAD_COLOR)
            self.looked[path] = (
                self.prepare(str(path.relative_to(self.root)), image) if image is not None else None
            )
        return self.looked[path]

    def prepare(self, name, image, size=SIZE):
        image = even(image, size)
        if min(image.shape[:2]) < 64:
            return None
        path = self.work / f"{zlib.crc32(name.encode()):08x}.png"
        cv2.imwrite(str(path), image)
        photo = Photo(name, path, image)
        faces = self.judges.faces(image)
        if faces:
            photo.box = faces[0][0]
            crop = self.judges.crop_of(image, photo.box)
            photo.points, confidence = self.judges.landmarks(image, crop)
            photo.confidence = float(confidence.mean())
            photo.opening = self.judges.lids(image, photo.points)
            height = lambda box: box[3] - box[1]
            photo.extra.update(
                others=max([height(f[0]) / height(photo.box) for f in faces[1:]], default=0.0),
                mouth=float(confidence[list(j.MOUTH)].mean()),
            )
        return photo

    def clips(self):
        """Files below videos/ that decode, by hash."""
        root = self.root / "videos"
        found = [p for p in root.rglob("*") if p.suffix.lower() in CLIPS] if root.is_dir() else []
        return [path for path in sorted(found, key=order) if self.unseen(path)]


def aside(photo, left, share=0.72):
    """The photo cut so that its largest face stands as far left or right, and as high or low, as it may."""
    h, w = photo.image.shape[:2]
    x0, y0, x1, y1 = photo.box
    room = 0.25 * (x1 - x0)
    width, height = int(max(share * w, x1 - x0 + 2 * room)), int(max(share * h, y1 - y0 + 2 * room))
    x = x0 - room if left else x1 + room - width
    x = int(np.clip(x, 0, max(0, w - width)))
    y = int(np.clip(y0 - room if not left else y1 + room - height, 0, max(0, h - height)))
    return photo.image[y : y + height, x : x + width]


def even(image, size):
    """At most `size` pixels long, sides even; nothing is enlarged."""
    h, w = image.shape[:2]
    scale = min(1, size / max(h, w))
    if scale < 1:
        image = cv2.resize(
            image, (max(2, round(w * scale)), max(2, round(h * scale))), interpolation=cv2.INTER_AREA
        )
    h, w = image.shape[:2]
    return np.ascontiguousarray(image[: h // 2 * 2, : w // 2 * 2])


def is_portrait(photo):
    if photo.box is None or photo.confidence < CONFIDENCE or photo.extra["mouth"] < MOUTH_CONFIDENCE:
        return False
    if photo.extra["others"] > ALONE or inter_ocular(photo.points) < 20:
        return False
    height = photo.box[3] - photo.box[1]
    share = height / max(photo.image.shape[:2])
    eyes = [photo.points[list(eye)].mean(0) for eye in j.EYES]
    roll = abs(np.degrees(np.arctan2(*(eyes[1] - eyes[0])[::-1])))
    head = head_of(photo.points)
    turned = abs(head[30, 0] * np.cos(np.radians(roll)))
    inside = (
        photo.box[0] > -4
        and photo.box[1] > -4
        and photo.box[2] < photo.image.shape[1] + 4
        and photo.box[3] < photo.image.shape[0] + 4
    )
    return (
        FACE_SHARE[0] <= share <= FACE_SHARE[1]
        and height >= FACE_PIXELS
        and roll <= ROLLED
        and turned <= TURNED
        and inside
    )


def frames_of(path, limit=400):
    """All frames of a clip (BGR) and its frame rate."""
    clip, frames = cv2.VideoCapture(str(path)), []
    fps = clip.get(cv2.CAP_PROP_FPS)
    while len(frames) < limit:
        ok, frame = clip.read()
        if not ok:
            break
        if min(frame.shape[:2]) < 64:
            return [], 0
        frames.append(frame)
    return frames, fps


def split_of(root, default):
    """Whether a file was kept out of training: known for the folder that training read, else all were."""
    root = Path(root).resolve()
    sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "models/train"))
    from vision.sources import HELD_OUT_CLIPS, held_out

    read_by_training = root == Path(default).resolve() and any(
        path.stem in HELD_OUT_CLIPS for path in (root / "videos").rglob("*")
    )
    if not read_by_training:
        return lambda path: True

    def unseen(path):
        try:
            return held_out(path)
        except (ValueError, IndexError):
            return False

    return unseen
