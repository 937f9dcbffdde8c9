"""What the whole picture does: the camera, and what stands still."""

import cv2
import numpy as np

GRID = 6  # flow is read every so many pixels
POINTS = 40  # so many on walls show a camera
TEXTURE = 1e-4  # least eigenvalue of the gradients' mean product, luma 0-1


def camera_of(judges, frames, photo):
    """Zoom, pan_x, pan_y at the clip's end, and whether walls showed them or only the whole picture could.

    Walls: what lies outside the person and has texture, since flow only guesses in blur.
    """
    if "away" not in photo.extra:
        person = cv2.dilate((judges.person(photo.image) > 0.3).astype(np.uint8), np.ones((25, 25)))
        photo.extra["texture"] = textured(photo.image)
        photo.extra["away"] = photo.extra["texture"] & (person == 0)
    flow = judges.moved(frames[0], frames[-1])
    walls = photo.extra["away"]
    seen = bool(walls[GRID // 2 :: GRID, GRID // 2 :: GRID].sum() >= POINTS)
    camera = camera_from(flow, walls if seen else np.ones_like(walls))
    return {name: np.array([0.0, value]) for name, value in zip(("zoom", "pan_x", "pan_y"), camera)}, seen


def textured(bgr):
    """Where a picture has corners enough for flow to hold on to."""
    grey = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY).astype(np.float32) / 255
    return cv2.cornerMinEigenVal(grey, 9) > TEXTURE


def camera_from(flow, where):
    """Log magnification and pan (shares of the long side) of the similarity that fits a flow best."""
    h, w = flow.shape[:2]
    ys, xs = np.mgrid[GRID // 2 : h : GRID, GRID // 2 : w : GRID]
    pick = where[ys, xs]
    at = np.stack([xs[pick], ys[pick]], 1).astype(np.float32)
    to = at + flow[ys, xs][pick]
    if len(at) < 12:
        return 0.0, 0.0, 0.0
    middle = np.array([w / 2, h / 2], np.float32)
    matrix, _ = cv2.estimateAffinePartial2D(
        at - middle, to - middle, method=cv2.RANSAC, ransacReprojThreshold=1.5
    )
    if matrix is None:
        return 0.0, 0.0, 0.0
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    # A camera that goes right moves the picture left.
    return float(np.log(max(scale, 1e-3))), float(-matrix[0, 2] / max(h, w)), float(-matrix[1, 2] / max(h, w))
