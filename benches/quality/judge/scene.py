"""What the whole picture does: the camera, and what stands still."""

import cv2
import numpy as np

GRID = 12  # flow is read every so many pixels


def camera_of(judges, frames, photo):
    """Zoom, pan_x, pan_y as curves (start and end only), from flow outside the person; None where there is no such place."""
    if "away" not in photo.extra:
        mask = cv2.dilate((judges.person(photo.image) > 0.3).astype(np.uint8), np.ones((15, 15)))
        photo.extra["away"] = mask == 0
    away = photo.extra["away"]
    flow = judges.moved(frames[0], frames[-1])
    whole = camera_from(flow, np.ones_like(away))
    # A portrait that fills its photo leaves no wall to see the camera by.
    seen = camera_from(flow, away) if away.mean() > 0.12 else whole
    return {name: np.array([0.0, value]) for name, value in zip(("zoom", "pan_x", "pan_y"), seen)}


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
