"""The face detector's figures: its own and, in the same run, those of YuNet.

The rule on street photos, in which YuNet-s scores what it is known for (recall and precision of
about .93): the photo is letterboxed to 640, a hand-drawn face counts when its shorter side has at
least 24 photo pixels (smaller ones neither count nor harm), and a detection matches a face when
they share at least .4 of their union. Hand-drawn boxes end at the chin or under the mask as the
person who drew them saw fit, so .5 would punish another habit of drawing; it is reported as well.
"""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from . import geometry as g
from . import labels, sources, teachers

THRESHOLD = 0.55  # what the library ships (DETECTOR_SCORE); large faces need more (teachers.LARGE_SURER)
SMALLEST = 24  # shorter side of a face that counts, photo pixels
OVERLAP = 0.4
LONG_SIDE = 640
FLOOR = 0.2  # nothing under this score is looked at


def sides(boxes):
    return np.minimum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])


def matches(boxes, scores, drawn, least, smallest=SMALLEST):
    """Greedy matching, best first: for each detection 1 true, 0 false, -1 a face that is ignored;
    and the score at which each drawn face was found (0 when it was not)."""
    found, verdict = np.zeros(len(drawn)), np.zeros(len(boxes), int)
    counted = sides(drawn) >= smallest
    for i in np.argsort(-scores):
        overlap = g.iou(boxes[i], drawn) if len(drawn) else np.zeros(0)
        overlap = np.where(found > 0, 0, overlap)
        best = int(overlap.argmax()) if len(overlap) else -1
        if best >= 0 and overlap[best] >= least:
            found[best] = scores[i]
            verdict[i] = 1 if counted[best] else -1
        elif sides(boxes[i : i + 1])[0] < smallest:
            verdict[i] = -1
    return verdict, found


def figures(path, data, threshold=THRESHOLD, shipped=True):
    """Everything that is said of one network at its threshold; `shipped` looks as the library does
    with its own detector, otherwise as YuNet's own tools do: once, and without further rules."""
    net = teachers.Detector(path)
    look = lambda image, long_side=LONG_SIDE, least=threshold: net.faces(
        image, long_side, least, as_shipped=shipped)
    return dict(threshold=threshold, street=street(look, data, threshold),
                scales={str(side): street(look, data, threshold, side)[f"overlap_{OVERLAP}"]["shipped"]
                        for side in (320, 480)},
                no_faces=no_faces(look, data, threshold), portraits=portraits(look, data),
                turned=turned(look, data), five_points=five_point_error(look, data))


def street(look, data, threshold, long_side=LONG_SIDE):
    """Recall and precision on held-out street photos, over thresholds, sizes and masks."""
    seen = []
    for photo, drawn, masked in sources.mask_photos(data):
        if sources.held_out(photo):
            boxes, _, scores = look(sources.read(photo), long_side, FLOOR)
            seen.append((boxes, scores, drawn, masked))
    # A smaller canvas cannot be asked for smaller faces: the bound grows with it.
    smallest = SMALLEST * LONG_SIDE / long_side
    scores = np.concatenate([one[1] for one in seen])
    drawn, masked = np.concatenate([one[2] for one in seen]), np.concatenate([one[3] for one in seen])
    side, result = sides(drawn), {}
    counted = side >= smallest
    for least in (OVERLAP, 0.5):
        verdicts, found = zip(*(matches(*one[:3], least, smallest) for one in seen))
        verdicts, found = np.concatenate(verdicts), np.concatenate(found)

        def at(limit, chosen=counted):
            true = ((verdicts == 1) & (scores >= limit)).sum()
            false = ((verdicts == 0) & (scores >= limit)).sum()
            return dict(recall=round(float((found[chosen] >= limit).mean()), 3),
                        precision=round(float(true / max(1, true + false)), 3))

        of = lambda chosen: dict(faces=int(chosen.sum()), recall=at(threshold, chosen)["recall"])
        result[f"overlap_{least}"] = dict(
            faces=int(counted.sum()), shipped=at(threshold),
            masked=of(counted & masked), bare=of(counted & ~masked),
            by_side={f"{low}-{high}": of((side >= low) & (side < high) & counted)
                     for low, high in ((24, 48), (48, 96), (96, 1000))
                     if ((side >= low) & (side < high) & counted).any()},
            table={f"{limit:.2f}": at(limit) for limit in np.arange(0.3, 0.86, 0.05)})
    return result


def no_faces(look, data, threshold):
    """False faces on photos of animals, landscapes and objects."""
    rows = [(sources.held_out(photo), look(sources.read(photo), LONG_SIDE, FLOOR)[2])
            for photo in sources.negatives(data)]
    count = lambda limit, mine: int(sum((s >= limit).sum() for held, s in rows if held or not mine))
    return dict(photos=len(rows), false=count(threshold, False),
                held_out_photos=sum(held for held, _ in rows), held_out_false=count(threshold, True),
                table={f"{limit:.2f}": count(limit, False) for limit in np.arange(0.3, 0.86, 0.05)})


def portrait_files(data, held_out=True):
    for folder in ("synthetic", "caltech_faces"):
        for path in sources.images(Path(data) / "faces" / folder):
            if sources.held_out(path) or not held_out:
                yield path


def portraits(look, data):
    """On held-out portraits: how many faces are seen, whole and when the face fills the photo; and
    how far the largest face's points lie from MediaPipe's, in inter-ocular distances."""
    teacher = teachers.Detector(Path(data) / "models/yunet/yunet_s_dynamic.onnx")
    reader, result = teachers.FacePoints(data), {}
    for kind in ("whole", "close"):
        several, counts, apart = 0, [], []
        for path in portrait_files(data):
            image = sources.read(path)
            # YuNet sees large faces best at 320; it only says how many people there are.
            true, fives, _ = teacher.faces(image, 320, 0.6)
            if len(true) != 1:
                several += 1
                continue
            if kind == "close":
                image, (x, y) = close_up(image, true[0])
                fives = fives - (x, y)
            boxes, found, _ = look(image)
            counts.append(len(boxes))
            if len(boxes):
                wanted, sure = reader(image, fives[0])
                if sure >= labels.MESH_SURE:
                    largest = (boxes[:, 2:] - boxes[:, :2]).prod(1).argmax()
                    apart.append(error_of(found[largest], five_of(wanted)))
        counts = np.array(counts)
        result[kind] = dict(
            portraits=len(counts), none=int((counts == 0).sum()), one=int((counts == 1).sum()),
            more=int((counts > 1).sum()), not_one_person=several,
            points_median=round(float(np.median(apart)), 4),
            points_ninetieth=round(float(np.percentile(apart, 90)), 4))
    return result


def close_up(image, box):
    """The photo cut so that the face fills it but for a tenth on each side."""
    h, w = image.shape[:2]
    margin = 0.1 * (box[2:] - box[:2])
    x1, y1 = np.maximum(box[:2] - margin, 0).astype(int)
    x2, y2 = np.minimum(box[2:] + margin, (w, h)).astype(int)
    return np.ascontiguousarray(image[y1:y2, x1:x2]), (x1, y1)


def five_of(points):
    """The detector's five of the contract's 93 points."""
    return np.stack([points[:16].mean(0), points[16:32].mean(0), *points[[53, 57, 63]]])


def error_of(found, wanted):
    """Mean distance of five points in inter-ocular distances."""
    return float(np.linalg.norm(found - wanted, axis=1).mean() / np.linalg.norm(wanted[0] - wanted[1]))


def turned(look, data):
    """Turned heads: the synthetic portraits picked for their pose, and people who turn on video.

    `seen` portraits and the clips were in training. Distances are in sizes of the box, since the
    eyes of a profile are close together.
    """
    teacher = teachers.Detector(Path(data) / "models/yunet/yunet_s_dynamic.onnx")
    reader, groups = teachers.FacePoints(data), {"held_out": [], "seen": []}
    for path in sources.images(Path(data) / "faces/synthetic"):
        if path.name.startswith("face_pose"):
            groups["held_out" if sources.held_out(path) else "seen"].append(sources.read(path))
    groups["clips"] = [frame for clip in sorted((Path(data) / "videos/intel_headpose").iterdir())
                       for _, frame in sources.frames(clip, 12)]
    result = {}
    for name, pictures in groups.items():
        errors, missed, extra = [], 0, 0
        for image in pictures:
            true, fives, _ = teacher.faces(image, 320 if name != "clips" else 640, 0.6)
            boxes, found, _ = look(image)
            missed += max(0, len(true) - len(boxes))
            extra += max(0, len(boxes) - len(true))
            for box, five in zip(true, fives):
                wanted, sure = reader(image, five)
                if sure >= labels.MESH_SURE and len(found):
                    size = np.sqrt((box[2:] - box[:2]).prod())
                    apart = np.linalg.norm(found - five_of(wanted), axis=2).mean(1).min() / size
                    if apart < 0.5:
                        errors.append(apart)
        result[name] = dict(pictures=len(pictures), missed=missed, extra=extra, measured=len(errors),
                            error_of_box=round(float(np.mean(errors)), 4) if errors else None)
    return result


def five_point_error(look, data):
    """Mean distance to hand-set landmarks (dlib's photos) in inter-ocular distances, and recall."""
    errors, total = [], 0
    folder = Path(data) / "faces/dlib_faces"
    for listing in ("training_with_face_landmarks.xml", "testing_with_face_landmarks.xml"):
        if not (folder / listing).exists():
            continue
        for image in ElementTree.parse(folder / listing).iter("image"):
            if not (folder / image.get("file")).exists():
                continue
            _, fives, _ = look(sources.read(folder / image.get("file")))
            for box in image.iter("box"):
                parts = {int(p.get("name")): (float(p.get("x")), float(p.get("y")))
                         for p in box.iter("part")}
                if len(parts) < 68:
                    continue
                at = np.array([parts[i] for i in range(68)])
                truth = np.stack([at[36:42].mean(0), at[42:48].mean(0), at[30], at[48], at[54]])
                total += 1
                if len(fives):
                    apart = min(error_of(five, truth) for five in fives)
                    if apart < 0.6:
                        errors.append(apart)
    return dict(error=round(float(np.mean(errors)), 4) if errors else None, found=len(errors), of=total)
