"""Alignment, crops, box decoding: the same geometry that the library uses at run time.

Coordinates are pixels of the photo with the origin at the top-left *corner* of the top-left pixel
(OpenCV counts from that pixel's centre, hence the half pixels below), x to the right, y down.
"""

import cv2
import numpy as np

# ArcFace's 112x112 template: image-left eye, image-right eye, nose, mouth corners (left, right).
TEMPLATE = np.array(
    [(38.29, 51.70), (73.53, 51.50), (56.03, 71.74), (41.55, 92.37), (70.73, 92.20)], np.float64
)
TEMPLATE_EYE_MIDDLE = np.array((55.91, 51.60))
TEMPLATE_INTER_OCULAR = 35.24

# Crop kind -> (side in inter-ocular distances, centre of the eyes in the unit square).
FACE_CROP = (3.6, (0.5, 0.40))
PORTRAIT_CROP = (8.0, (0.5, 0.42))


def unit_template(crop):
    """The five template points in a crop's unit square."""
    side, centre = crop
    return np.array(centre) + (TEMPLATE - TEMPLATE_EYE_MIDDLE) / TEMPLATE_INTER_OCULAR / side


def umeyama(source, target):
    """Least-squares similarity (2x3) that carries `source` to `target` (Umeyama, 1991)."""
    source, target = np.asarray(source, np.float64), np.asarray(target, np.float64)
    mean_s, mean_t = source.mean(0), target.mean(0)
    s, t = source - mean_s, target - mean_t
    u, d, vt = np.linalg.svd(t.T @ s / len(s))
    sign = np.array([1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = u @ np.diag(sign) @ vt
    scale = (d * sign).sum() / s.var(0).sum()
    return np.hstack([scale * rotation, (mean_t - scale * rotation @ mean_s)[:, None]])


def crop_transform(five_points, crop):
    """Photo pixels -> unit square of the crop."""
    return umeyama(five_points, unit_template(crop))


def apply(matrix, points):
    """A 2x3 affine map applied to points (..., 2)."""
    return np.asarray(points) @ matrix[:, :2].T + matrix[:, 2]


def invert(matrix):
    return cv2.invertAffineTransform(np.asarray(matrix, np.float64))


def level_square(a, b, centre, side):
    """Photo -> unit square of a square around `centre`, rotated so that a -> b runs level."""
    angle = np.arctan2(b[1] - a[1], b[0] - a[0])
    c, s = np.cos(angle), np.sin(angle)
    linear = np.array([[c, s], [-s, c]]) / side
    return np.hstack([linear, (0.5 - linear @ np.asarray(centre, np.float64))[:, None]])


def sample(image, to_unit, size):
    """The crop `to_unit` of an image at size x size pixels; edge pixels repeat outside.

    Where the crop shrinks the image by more than 1.5, the image is first reduced by area
    averaging, which is the antialiasing that the contract asks for.
    """
    to_unit = np.asarray(to_unit, np.float64)
    scale = np.sqrt(abs(np.linalg.det(to_unit[:, :2]))) * size
    if scale < 1 / 1.5:
        h, w = image.shape[:2]
        small = (max(1, round(w * scale)), max(1, round(h * scale)))
        reduced = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
        back = np.diag([w / small[0], h / small[1]])
        to_unit = np.hstack([to_unit[:, :2] @ back, to_unit[:, 2:]])
        image = reduced
    matrix = to_unit * size
    # Corner-based to centre-based: p_c = p - .5 on both sides.
    matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    return cv2.warpAffine(
        image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


STRIDES = (8, 16, 32)


def decode(outputs, height, width, threshold):
    """YuNet's maps -> boxes (N, 4 xyxy), points (N, 5, 2), scores (N), before suppression.

    `outputs` maps names such as "cls_8" to arrays (1, cells, channels).
    """
    boxes, points, scores = [], [], []
    for stride in STRIDES:
        columns = width // stride
        cls = np.clip(outputs[f"cls_{stride}"][0, :, 0], 0, 1)
        obj = np.clip(outputs[f"obj_{stride}"][0, :, 0], 0, 1)
        score = np.sqrt(cls * obj)
        keep = np.flatnonzero(score > threshold)
        cell = np.stack([keep % columns, keep // columns], 1).astype(np.float32)
        box = outputs[f"bbox_{stride}"][0, keep]
        centre = (cell + box[:, :2]) * stride
        half = np.exp(box[:, 2:]) * stride / 2
        boxes.append(np.hstack([centre - half, centre + half]))
        kps = outputs[f"kps_{stride}"][0, keep].reshape(-1, 5, 2)
        points.append((cell[:, None] + kps) * stride)
        scores.append(score[keep])
    return np.concatenate(boxes), np.concatenate(points), np.concatenate(scores)


def iou(box, boxes):
    """Intersection over union of one xyxy box with many."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    inter = np.clip(high - low, 0, None).prod(1)
    area = (box[2:] - box[:2]).prod() + (boxes[:, 2:] - boxes[:, :2]).prod(1) - inter
    return inter / np.maximum(area, 1e-9)


def suppress(boxes, scores, overlap=0.3):
    """Greedy non-maximum suppression: the kept indices, best first (OpenCV's default overlap)."""
    order, kept = np.argsort(-scores, kind="stable"), []
    while len(order):
        kept.append(order[0])
        order = order[1:][iou(boxes[order[0]], boxes[order[1:]]) <= overlap]
    return np.array(kept, int)


def plausible(box, points):
    """Whether five points can be those of a face in this box (xyxy); the library's rule and bounds.

    Measured in the face's own frame, whose axis runs from between the eyes to between the mouth's
    corners, so that a tilted head passes; wide enough for a head seen from the side.
    """
    size = np.sqrt(max(1e-9, np.prod(np.maximum(box[2:] - box[:2], 0))))
    eyes, mouth = (points[0] + points[1]) / 2, (points[3] + points[4]) / 2
    length = np.linalg.norm(mouth - eyes)
    if not 0.2 * size <= length <= 0.8 * size:
        return False
    down = (mouth - eyes) / length
    right = np.array([down[1], -down[0]])
    apart, lips = (points[1] - points[0]) @ right, (points[4] - points[3]) @ right
    nose = (points[2] - eyes) @ down / length
    margin = 0.3 * (box[2:] - box[:2])
    inside = (points > box[:2] - margin).all() and (points < box[2:] + margin).all()
    return bool(-0.1 * size <= apart <= 0.8 * size and -0.15 * size <= lips <= 0.8 * size
                and 0.15 <= nose <= 1.05 and inside)


def nested(boxes, scores, within=0.75):
    """Which boxes lie for the most part in a larger and surer one; the library's rule."""
    area = np.maximum(boxes[:, 2:] - boxes[:, :2], 0).prod(1)
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(2)
    larger = (area[:, None] < area[None]) & (scores[:, None] <= scores[None])
    return (larger & (shared >= within * area[:, None])).any(1)


GLIMPSE = 0.2  # the least score that counts in one of several looks


def agree(looks, same=0.35):
    """Several looks' (boxes, points, scores) as one: the library's rule.

    Boxes that overlap are one face: the mean score over the looks, a look without it counting as
    half a GLIMPSE, and the means of boxes and points weighted by score. Surest first.
    """
    boxes, points, scores = (np.concatenate(part) for part in zip(*looks))
    look = np.repeat(np.arange(len(looks)), [len(one[0]) for one in looks])
    free, faces = np.ones(len(boxes), bool), []
    for i in np.argsort(-scores, kind="stable"):
        if not free[i]:
            continue
        group = free & (iou(boxes[i], boxes) > same)
        group[i] = True
        free &= ~group
        seen = [scores[group & (look == k)].max(initial=GLIMPSE / 2) for k in range(len(looks))]
        weights = scores[group]
        faces.append((np.average(boxes[group], axis=0, weights=weights),
                      np.average(points[group], axis=0, weights=weights), np.mean(seen)))
    if not faces:
        return boxes, points, scores
    boxes, points, scores = (np.array(part) for part in zip(*faces))
    order = np.argsort(-scores, kind="stable")
    return boxes[order], points[order], scores[order]
