"""From frames to curves: what a head and a face do, as OpenSeeFace's points and the iris contour see it.

Lengths are in inter-ocular distances of the first frame, angles in degrees. Every curve but `opening`
is a change since the first frame; signs are those of models/README.md.
"""

import numpy as np

from . import judges as j

# Depths of the 66 points towards the viewer, inter-ocular distances, image-left half and middle: from
# common anthropometry (an inter-ocular distance is about 63 mm, the nose stands out by 20 to 25, the ears
# lie 80 behind the bridge), then fitted on real turning heads (rigid factorisation with that as prior, the
# clips of ../shared/data/videos). The across and down coordinates are each face's own.
DEPTH = np.array(
    [
        -1.11,
        -1.07,
        -1.02,
        -0.98,
        -0.88,
        -0.70,
        -0.50,
        -0.32,
        -0.23,
        -0.32,
        -0.50,
        -0.70,
        -0.88,
        -0.98,
        -1.02,
        -1.07,
        -1.11,
    ]
    + [-0.27, -0.15, -0.07, -0.02, 0.02, 0.02, -0.02, -0.07, -0.15, -0.27]
    + [-0.03, 0.07, 0.19, 0.22, -0.02, 0.02, 0.04, 0.02, -0.02]
    + [-0.31, -0.26, -0.22, -0.22, -0.23, -0.27, -0.22, -0.22, -0.26, -0.31, -0.27, -0.23]
    + [-0.05, 0.03, 0.03, 0.03, -0.05, -0.11, -0.06, -0.04, -0.06, -0.11]
    + [-0.17, -0.03, 0.01, -0.03, -0.17, -0.06, -0.03, -0.06]
)
# What moves with the skull and not with the face's muscles.
RIGID = [0, 1, 2, 3, 13, 14, 15, 16, *j.NOSE, *j.EYE_CORNERS]

HEAD = ["yaw", "pitch", "roll", "shift_x", "shift_y", "scale"]
FACE = ["smile", "brow", "mouth"]
LIDS = ["lid_l", "lid_r"]
CURVES = HEAD + FACE + LIDS

# A crop is renewed when the face has left it by this share of its side.
SLACK = 0.06


class Track:
    """A face followed through a clip."""

    def __init__(self, judges, frames, box, lids=False):
        self.points, self.confidence, openings = [], [], []
        crop = None
        for frame in frames:
            crop = judges.crop_of(frame, box) if crop is None else crop
            points, confidence = judges.landmarks(frame, crop)
            fresh = j.points_crop(points)
            corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
            if np.abs(j.apply(crop, j.apply(j.invert(fresh), corners)) - corners).max() > SLACK:
                crop = fresh
            self.points.append(points)
            self.confidence.append(confidence)
            if lids:
                openings.append(judges.lids(frame, points))
        self.points = np.array(self.points)
        self.confidence = np.array(self.confidence)
        self.opening = np.array(openings) if lids else None
        self.unit = inter_ocular(self.points[0])
        self.curves = curves_of(self.points)
        if lids:
            closed = 1 - self.opening / np.maximum(self.opening[0], 0.05)
            self.curves["lid_l"], self.curves["lid_r"] = closed[:, 0], closed[:, 1]


def inter_ocular(points):
    return float(np.linalg.norm(points[list(j.EYES[1])].mean(0) - points[list(j.EYES[0])].mean(0)))


def head_of(points):
    """The face of a frame as a solid: 66 points in inter-ocular distances around the eyes' middle."""
    eyes = np.array([points[list(eye)].mean(0) for eye in j.EYES])
    flat = (points - eyes.mean(0)) / inter_ocular(points)
    return np.hstack([flat, DEPTH[:, None]])


def pose_of(head, points):
    """Scaled orthography: scale, rotation (3x3) and shift that carry the head onto the points; and
    where each point of a head that only moves as a whole would be.

    Those come from the affine map that the rotation is made of: a head that is deeper or flatter than
    DEPTH foreshortens otherwise when it turns, and that is no expression.
    """
    solid, seen = head[RIGID], points[RIGID]
    middle, centre = solid.mean(0), seen.mean(0)
    affine = np.linalg.lstsq(solid - middle, seen - centre, rcond=None)[0].T
    u, d, vt = np.linalg.svd(affine, full_matrices=False)
    rows = u @ vt
    scale = d.mean()
    rotation = np.vstack([rows, np.cross(rows[0], rows[1])])
    whole = (head - middle) @ affine.T + centre
    return scale, rotation, centre - scale * rows @ middle, whole


def curves_of(track):
    """[T, 66, 2] points -> curves by name, each [T]."""
    head, unit = head_of(track[0]), inter_ocular(track[0])
    out = {name: np.zeros(len(track)) for name in HEAD + FACE}
    start = None
    for t, points in enumerate(track):
        scale, rotation, shift, whole = pose_of(head, points)
        nose = rotation[:, 2]
        # y runs down, so a positive pitch turns the nose down; z comes towards the viewer.
        now = dict(
            yaw=np.degrees(np.arcsin(np.clip(nose[0], -1, 1))),
            pitch=np.degrees(np.arcsin(np.clip(nose[1], -1, 1))),
            roll=np.degrees(np.arctan2(rotation[1, 0], rotation[0, 0])),
            shift_x=shift[0] / unit,
            shift_y=shift[1] / unit,
            scale=np.log(scale / unit),
        )
        now.update(expression(points, whole, scale, rotation))
        start = now if start is None else start
        for name, value in now.items():
            out[name][t] = value - start[name]
    return out


def expression(points, whole, scale, rotation):
    """What is left when the head's motion is taken away, level with the face."""
    level = rotation[:2, :2] / np.sqrt(abs(np.linalg.det(rotation[:2, :2])) + 1e-9)
    left = np.linalg.solve(level, (points - whole).T).T / scale
    corner_l, corner_r = (left[i] for i in j.MOUTH_CORNERS)
    lips = left[list(j.MOUTH)].mean(0)
    brows = left[[*j.BROWS[0], *j.BROWS[1]], 1].mean()
    gap = points[list(j.LOWER_INNER)] - points[list(j.UPPER_INNER)[::-1]]
    gap = np.linalg.norm(gap, axis=1).mean() / scale
    widened = (corner_r[0] - corner_l[0]) / 2
    raised = lips[1] - (corner_l[1] + corner_r[1]) / 2
    return dict(smile=widened + raised, brow=-brows, mouth=gap)
