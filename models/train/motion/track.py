"""Rig curves out of real clips: the channels of contract.py, measured frame by frame.

    python -m motion.track --data DIR --work WORK [--without grid_corpus]

The networks that teach vision (YuNet, MediaPipe's mesh and iris) see every frame; a rigid fit of the mesh to the
clip's own mean face gives the head's pose, and what the pose does not explain is expression. WORK/tracks.npz
receives the curves, WORK/tracks.png shows them. `motion.real` cuts windows out of them.
"""
import argparse
import os
import tempfile
from pathlib import Path

import cv2
import numpy as np

from vision import geometry as g
from vision import sources
from vision import teachers
from vision.teachers import EYE_CORNERS, MESH_ROI, Detector, FacePoints, unit_rgb

from .plot import sheet

TRACKED = ["yaw", "pitch", "roll", "shift_x", "shift_y", "scale", "lid_l", "lid_r", "gaze_x", "gaze_y", "brow", "smile",
           "mouth"]
# What the library's photo features hold of a face, measured on every frame.
SEEN = ["face_size", "open_l", "open_r", "mouth_open", "yaw", "pitch", "roll", "smile"]
# Skull and nose: the mesh points that speech, brows and blinks leave where they are.
STABLE = [10, 151, 9, 8, 168, 6, 197, 195, 5, 4, 1, 33, 133, 362, 263, 98, 327, 127, 356, 234, 454, 109, 338, 67, 297, 54,
          284, 21, 251, 162, 389, 103, 332, 116, 345]
# A shut eye's contour, height over width; open ones are .33 to .49 (MediaPipe's iris network on GRID).
SHUT = 0.15
# How far the library moves the corners of the mouth at smile = 1, inter-ocular distances: outwards, up.
SMILE_OUT, SMILE_UP = 0.085, 0.08
# Of the nose tip's offset to the angles in the photo features; as in the library's features.rs.
NOSE_LEVER, NOSE_LEVEL = 0.6, 0.57
# Three people sign in ASL; every GRID clip and every GIF shows somebody else. Folds are by person.
ASL_SIGNERS = dict(asl_1="again brother help no student yes", asl_2="bird milk please sorry thanks",
                   asl_3="book learn school walk")
# A hand covers the face for most of these.
COVERED = {"bird", "thanks"}


class Tracker:
    def __init__(self, data):
        self.detector = Detector(Path(data) / "models/yunet/yunet_s_dynamic.onnx")
        self.points = FacePoints(data)

    def solid(self, bgr, mesh):
        """The mesh once more, with depth: 468 x 3 in photo pixels, z towards the viewer."""
        low, high = mesh.min(0), mesh.max(0)
        to_unit = g.level_square(mesh[33], mesh[263], (low + high) / 2, MESH_ROI * (high - low).max())
        points, _ = self.points.mesh_net(unit_rgb(g.sample(bgr, to_unit, 192)))
        points = points.reshape(468, 3) / 192
        side = 1 / np.linalg.norm(to_unit[0, :2])
        flat = g.apply(g.invert(to_unit), points[:, :2])
        return np.concatenate([(flat + mesh) / 2, -side * points[:, 2:]], 1)

    def frame(self, bgr, near=None):
        """One face of a frame: mesh (468 x 3), eye contours and irises (2 x 21 x 2); None without a sure face."""
        boxes, five, _ = self.detector.faces(bgr, 640, 0.6)
        if not len(boxes):
            return None
        width = boxes[:, 2] - boxes[:, 0]
        if near is None:
            best = int(width.argmax())
        else:
            best = int(np.linalg.norm(five[:, :2].mean(1) - near, axis=1).argmin())
            if np.linalg.norm(five[best, :2].mean(0) - near) > 0.6 * width[best]:
                return None
        mesh, score = self.points.mesh(bgr, five[best])
        if score < 0:
            return None
        mesh = self.solid(bgr, mesh)
        (lo, li), (ro, ri) = EYE_CORNERS
        eyes = np.stack([self.points.eye(bgr, mesh[lo, :2], mesh[li, :2], False),
                         self.points.eye(bgr, mesh[ro, :2], mesh[ri, :2], True)])
        return mesh, eyes


def turned(points, yaw, pitch, roll):
    """Yaw, then pitch, then roll, with the library's signs (head.rs): + turns the nose right, down, clockwise."""
    x, y, z = points[:, 0], points[:, 1], points[:, 2]
    x, z = np.cos(yaw) * x + np.sin(yaw) * z, np.cos(yaw) * z - np.sin(yaw) * x
    y, z = np.cos(pitch) * y + np.sin(pitch) * z, np.cos(pitch) * z - np.sin(pitch) * y
    x, y = np.cos(roll) * x - np.sin(roll) * y, np.sin(roll) * x + np.cos(roll) * y
    return np.stack([x, y, z], 1)


def fit(model, seen, guess):
    """Pose (yaw, pitch, roll, log scale, x, y, z) that carries `model` to `seen` (n x 3); depth counts little."""
    weight = np.array([1.0, 1.0, 0.35])
    pose = guess.copy()

    def project(p):
        return np.exp(p[3]) * turned(model, *p[:3]) + p[4:7]

    robust = np.ones((len(model), 1))
    for _ in range(6):
        here = project(pose)
        error = (seen - here) * weight * robust
        slopes = np.stack([((project(pose + step) - here) * weight * robust / 1e-4).ravel() for step in 1e-4 * np.eye(7)], 1)
        pose = pose + np.linalg.lstsq(slopes, error.ravel(), rcond=None)[0]
        away = np.linalg.norm((seen - project(pose))[:, :2], axis=1, keepdims=True)
        robust = 1 / (1 + (away / (2 * np.median(away) + 1e-6)) ** 2)
    return pose


def smooth(curve, sigma):
    """Gaussian over frames, reflected at the ends."""
    reach = int(np.ceil(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return np.convolve(np.pad(curve, reach, mode="reflect", reflect_type="odd"), kernel / kernel.sum(), mode="valid")


def median3(curve):
    padded = np.pad(curve, 1, mode="edge")
    return np.median(np.stack([padded[:-2], padded[1:-1], padded[2:]]), 0)


def eye_numbers(eye, mirrored):
    """Opening (height over width of the contour) and the iris in the eye, in eye widths."""
    outer, inner = eye[0], eye[8]
    left, right = (inner, outer) if mirrored else (outer, inner)
    axis = right - left
    width = np.linalg.norm(axis)
    axis = axis / width
    down = np.array([-axis[1], axis[0]])
    # Lids opposite each other: lower 1..7 runs outer to inner, upper 9..15 likewise.
    opening = np.mean([(eye[i] - eye[8 + i]) @ down for i in (3, 4, 5)]) / width
    offset = eye[16] - (left + right) / 2
    return opening, (offset @ axis) / width, (offset @ down) / width


def curves(frames):
    """Raw detections of a clip -> curves {name: [frames]} and photo features [frames, SEEN]."""
    meshes = np.stack([mesh for mesh, _ in frames])
    eyes = np.stack([eye for _, eye in frames])
    unit = np.median(np.linalg.norm(eyes[:, 1, [0, 8]].mean(1) - eyes[:, 0, [0, 8]].mean(1), axis=1))
    meshes = meshes / unit
    # The clip's mean face, upright: every frame brought to the first one's pose, averaged, twice.
    model = meshes[len(meshes) // 2]
    poses = np.zeros((len(meshes), 7))
    for turn in range(3):
        if turn == 0:
            a, b = model[33], model[263]
            roll = np.arctan2(b[1] - a[1], b[0] - a[0])
            model = turned(model - model[168], 0, 0, -roll)
        # The library's pivot: a quarter of the face's height below the chin, behind the face (head.rs).
        height = model[152, 1] - model[168, 1]
        edge = 0.5 * (model[234] + model[454])
        width = model[454, 0] - model[234, 0]
        pivot = np.array([edge[0], model[152, 1] + 0.25 * height, edge[2] - 0.35 * 0.62 * width])
        model = model - pivot
        guess = np.zeros(7)
        guess[4:7] = (meshes[0, STABLE] - model[STABLE]).mean(0)
        for i, mesh in enumerate(meshes):
            guess = poses[i] = fit(model[STABLE], mesh[STABLE], guess)
        home = np.stack([undo(mesh, pose) for mesh, pose in zip(meshes, poses)])
        model = np.median(home, 0)
    own = home[:, :, :2]  # the face in its own upright frame, inter-ocular distances
    numbers = np.array([[eye_numbers(eye[0], False), eye_numbers(eye[1], True)] for eye in eyes])  # [n, 2, 3]
    out = dict(zip(("yaw", "pitch", "roll"), (smooth(poses[:, i], 1.8) for i in range(3))))
    out["scale"] = smooth(poses[:, 3], 2.2)
    out["shift_x"], out["shift_y"] = smooth(poses[:, 4], 1.8), smooth(poses[:, 5], 1.8)
    for side, name in enumerate(("lid_l", "lid_r")):
        opening = numbers[:, side, 0]
        wide = np.quantile(opening, 0.7)
        closure = (wide - opening) / max(wide - SHUT, 0.08)
        # The contour trembles by a few hundredths; what is smaller than that is no motion.
        calm = smooth(closure, 2.0)
        share = np.clip((np.abs(closure - calm) - 0.05) / 0.1, 0, 1)
        share = np.maximum(share, np.clip((closure - 0.2) / 0.2, 0, 1))
        out[name] = np.minimum(calm + share * (closure - calm), 1.06)
    for axis, name in ((1, "gaze_x"), (2, "gaze_y")):
        both = numbers[:, :, axis].mean(1)
        shut = np.maximum(out["lid_l"], out["lid_r"]) > 0.45  # an iris behind its lid is a guess
        wide_open = np.flatnonzero(~shut)
        if len(wide_open) > 3:
            both = np.interp(np.arange(len(both)), wide_open, both[wide_open])
        out[name] = smooth(median3(both), 0.7)
    brows = own[:, list(teachers.BROWS), 1].mean(1)
    corners = own[:, [33, 133, 263, 362], 1].mean(1)
    out["brow"] = smooth(corners - brows, 2.2)
    left, right = own[:, 61], own[:, 291]
    stretch = (right[:, 0] - left[:, 0]) / 2
    lift = -(left[:, 1] + right[:, 1]) / 2
    out["smile"] = smooth(0.5 * stretch / SMILE_OUT + 0.5 * lift / SMILE_UP, 2.5)
    out["mouth"] = smooth(np.linalg.norm(own[:, 14] - own[:, 13], axis=1), 0.6)
    return out, features(meshes, eyes / unit, numbers)


def undo(mesh, pose):
    """A frame's mesh in the face's own frame."""
    p = (mesh - pose[4:7]) / np.exp(pose[3])
    p = turned(p, 0, 0, -pose[2])
    p = turned(p, 0, -pose[1], 0)
    return turned(p, -pose[0], 0, 0)


def features(meshes, eyes, numbers):
    """SEEN for every frame, as the library derives it from the 93 points; face_size is filled in by the caller."""
    rows = []
    for mesh, eye, number in zip(meshes[:, :, :2], eyes, numbers):
        left, right = eye[0, [0, 8]].mean(0), eye[1, [0, 8]].mean(0)
        axis = right - left
        unit = np.linalg.norm(axis)
        axis = axis / unit
        level = lambda p: np.array([(p - (left + right) / 2) @ axis, (p - (left + right) / 2) @ [-axis[1], axis[0]]]) / unit
        tip = level(mesh[1])
        rows.append([unit, number[0, 0], number[1, 0], np.linalg.norm(mesh[14] - mesh[13]) / unit,
                     np.arcsin(np.clip(tip[0] / NOSE_LEVER, -0.8, 0.8)),
                     np.arcsin(np.clip((tip[1] - NOSE_LEVEL) / NOSE_LEVER, -0.6, 0.6)), np.arctan2(axis[1], axis[0]),
                     np.linalg.norm(mesh[291] - mesh[61]) / unit])
    return np.array(rows, np.float32)


def clips(data, without=()):
    """(path, folder, person): the people in front of a camera that stands still."""
    root = Path(data) / "videos"
    for folder, pattern in (("grid_corpus", "*.mpg"), ("intel_asl", "*.mkv"), ("intel_headpose", "*.gif")):
        if folder in without:
            continue
        for path in sorted((root / folder).glob(pattern)):
            signer = [name for name, words in ASL_SIGNERS.items() if folder == "intel_asl" and path.stem in words.split()]
            if path.stem not in COVERED:
                yield path, folder, signer[0] if signer else path.stem


def track(tracker, path, least=20):
    """Unbroken stretches in which one face is followed: lists of (mesh, eyes)."""
    runs, run, near = [], [], None
    for _, bgr in sources.frames(path):
        if max(bgr.shape[:2]) < 480:  # YuNet and the mesh like larger faces than GRID's
            bgr = cv2.resize(bgr, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
        found = tracker.frame(bgr, near)
        if found is None:
            runs, run, near = runs + [run], [], None
            continue
        run.append(found)
        near = found[1][:, [0, 8]].reshape(-1, 2).mean(0)
        side = max(bgr.shape[:2])
    return [r for r in runs + [run] if len(r) >= least], side if runs or run else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--work", default=os.path.join(tempfile.gettempdir(), "kinora-motion"))
    parser.add_argument("--without", nargs="*", default=[], help="folders of videos/ to leave out")
    args = parser.parse_args()
    os.makedirs(args.work, exist_ok=True)
    cv2.setNumThreads(1)
    tracker, saved, rows = Tracker(args.data), {}, []
    names, people, folders, held, rates = [], [], [], [], []
    for path, folder, person in clips(args.data, args.without):
        rate = cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FPS)
        runs, side = track(tracker, path)
        for index, run in enumerate(runs):
            found, seen = curves(run)
            unit = np.median(np.linalg.norm(np.stack([e for _, e in run])[:, 1, [0, 8]].mean(1)
                                            - np.stack([e for _, e in run])[:, 0, [0, 8]].mean(1), axis=1))
            seen[:, 0] *= unit / side
            name = f"{path.stem}.{index}"
            saved[f"curves.{name}"] = np.stack([found[k] for k in TRACKED]).astype(np.float32)
            saved[f"seen.{name}"] = seen
            names.append(name), people.append(person), folders.append(folder), rates.append(rate)
            held.append(sources.held_out(path))
            limit = dict(lid_l=1.1, lid_r=1.1, smile=1, mouth=0.2, gaze_x=0.2, gaze_y=0.2, brow=0.15, scale=0.1,
                         shift_x=0.3, shift_y=0.3)
            rows.append([(f"{name[:14]} {k}", [found[k] - np.median(found[k])], (-limit.get(k, 0.25), limit.get(k, 0.25)))
                         for k in TRACKED])
            print(f"{name}: {len(run)} frames at {rate:.1f}, {blinks(found)} blinks, yaw "
                  f"{np.degrees(np.ptp(found['yaw'])):.1f} deg, mouth {np.ptp(found['mouth']):.2f}", flush=True)
    np.savez(os.path.join(args.work, "tracks.npz"), names=names, people=people, folders=folders, held_out=held, rates=rates,
             **saved)
    for part in range(0, len(rows), 12):
        sheet(rows[part:part + 12], os.path.join(args.work, f"tracks_{part // 12}.png"), 150, 80)


def blinks(found):
    """How many times both lids close."""
    both = np.minimum(found["lid_l"], found["lid_r"])
    shut = both > 0.55
    return int((np.diff(shut.astype(int)) == 1).sum() + shut[0])


if __name__ == "__main__":
    main()
