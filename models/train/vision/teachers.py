"""The networks that teach: YuNet and MediaPipe's mesh, iris, person and hair models.

They run only here. Nothing of their weights enters ours.
"""

from pathlib import Path

import cv2
import numpy as np
import onnxruntime

from . import geometry as g

# The contract's 93 points as indices into the mesh; the eyes come from the iris network.
EYE_CORNERS = ((33, 133), (263, 362))  # outer, inner: image-left eye, then image-right eye
BROWS = (70, 63, 105, 66, 107, 300, 293, 334, 296, 336)
NOSE = (168, 1, 2, 98, 327)
OUTER_LIPS = (61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91)
INNER_LIPS = (78, 81, 13, 311, 308, 402, 14, 178)
OVAL = (10, 297, 284, 389, 454, 361, 397, 379, 152, 150, 172, 132, 234, 162, 54, 67)
FROM_MESH = BROWS + NOSE + OUTER_LIPS + INNER_LIPS + OVAL
EYE_ROI = 2.3  # side of the iris network's crop, in distances between the eye's corners
LOOKS = (1.0, 0.7)  # sizes at which the library's own detector sees a photo
# How much surer a face must be whose shorter side is this share of the photo's long side.
LARGE_SURER, LARGE_SHARE = 0.11, 0.11
MESH_ROI = 1.5  # side of the mesh's crop, in sides of the face


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class Detector:
    """A network with YuNet's layout: YuNet itself, or ours, whose canvas has one size."""

    def __init__(self, path):
        self.session = session(path)
        self.names = [o.name for o in self.session.get_outputs()]
        sides = self.session.get_inputs()[0].shape[2:]
        self.canvas = tuple(sides) if all(isinstance(side, int) for side in sides) else None

    def maps(self, bgr):
        """BGR uint8 with sides divisible by 32 -> the twelve maps by name."""
        tensor = bgr.astype(np.float32).transpose(2, 0, 1)[None]
        return dict(zip(self.names, self.session.run(None, {"input": tensor})))

    def faces(self, bgr, long_side=640, threshold=0.6, as_shipped=False):
        """Boxes, five points and scores in the photo's pixels, best first.

        The photo lies at the top left of its canvas, the rest is black. `as_shipped` applies the
        library's rules for its own detector: the mean of two looks, points that can be a face's,
        nothing nested.
        """
        if not as_shipped:
            return self.look(bgr, long_side, threshold)
        boxes, points, scores = g.agree([
            self.look(bgr, round(long_side * share), min(g.GLIMPSE, threshold), sane=True)
            for share in LOOKS])
        # What is large is seen clearly, and has to be surer: said as a score that is lower.
        sides = np.minimum(*(boxes[:, 2:] - boxes[:, :2]).T) if len(boxes) else np.zeros(0)
        raw, scores = scores, scores - LARGE_SURER * (sides >= LARGE_SHARE * max(bgr.shape[:2]))
        kept = scores >= threshold
        if kept.any():
            kept[kept] = ~g.nested(boxes[kept], raw[kept])
        return boxes[kept], points[kept], scores[kept]

    def look(self, bgr, long_side, threshold, sane=False):
        """Faces at one size of the photo, before anything is joined."""
        h, w = bgr.shape[:2]
        scale = long_side / max(h, w)
        small = cv2.resize(
            bgr,
            (max(1, round(w * scale)), max(1, round(h * scale))),
            interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR,
        )
        padded = self.canvas or [-(-s // 32) * 32 for s in small.shape[:2]]
        canvas = np.zeros((*padded, 3), np.uint8)
        canvas[: small.shape[0], : small.shape[1]] = small
        boxes, points, scores = g.decode(self.maps(canvas), *padded, threshold)
        if sane:
            sane = np.array([g.plausible(b, p) for b, p in zip(boxes, points)], bool)
            boxes, points, scores = boxes[sane], points[sane], scores[sane]
        kept = g.suppress(boxes, scores)
        ratio = np.array([w / small.shape[1], h / small.shape[0]])
        return boxes[kept] * np.tile(ratio, 2), points[kept] * ratio, scores[kept]


class Lite:
    """A TFLite network on one thread, one picture at a time."""

    def __init__(self, path):
        from ai_edge_litert.interpreter import Interpreter

        self.net = Interpreter(str(path), num_threads=1)
        self.net.allocate_tensors()
        self.input = self.net.get_input_details()[0]["index"]
        self.outputs = [o["index"] for o in self.net.get_output_details()]

    def __call__(self, picture):
        self.net.set_tensor(self.input, picture[None].astype(np.float32))
        self.net.invoke()
        return [self.net.get_tensor(i)[0].copy() for i in self.outputs]


def unit_rgb(bgr):
    return bgr[..., ::-1].astype(np.float32) / 255


class FacePoints:
    """MediaPipe's mesh and iris networks -> the contract's 93 points."""

    def __init__(self, folder):
        folder = Path(folder) / "models/mediapipe"
        self.mesh_net = Lite(folder / "face_landmark.tflite")
        self.iris_net = Lite(folder / "iris_landmark.tflite")

    def mesh(self, bgr, five):
        """468 mesh points in photo pixels and the mesh's presence logit."""
        eyes = five[1] - five[0]
        across = np.array([-eyes[1], eyes[0]])
        middle = five[:2].mean(0) + 0.35 * across
        to_unit = g.level_square(five[0], five[1], middle, 4.0 * np.linalg.norm(eyes))
        for _ in range(2):  # The second pass centres the crop on what the first one saw.
            points, score = self.mesh_net(unit_rgb(g.sample(bgr, to_unit, 192)))
            mesh = g.apply(g.invert(to_unit), points.reshape(468, 3)[:, :2] / 192)
            level = mesh @ (to_unit[:, :2] / np.linalg.norm(to_unit[0, :2])).T
            low, high = level.min(0), level.max(0)
            centre = np.linalg.solve(to_unit[:, :2] / np.linalg.norm(to_unit[0, :2]), (low + high) / 2)
            to_unit = g.level_square(mesh[33], mesh[263], centre, MESH_ROI * (high - low).max())
        return mesh, float(np.squeeze(score))

    def eye(self, bgr, outer, inner, mirrored):
        """16 contour points and 5 iris points of one eye, photo pixels."""
        side = EYE_ROI * np.linalg.norm(inner - outer)
        left, right = (inner, outer) if mirrored else (outer, inner)
        to_unit = g.level_square(left, right, (outer + inner) / 2, side)
        crop = unit_rgb(g.sample(bgr, to_unit, 64))
        contour, iris = self.iris_net(crop[:, ::-1] if mirrored else crop)
        points = np.concatenate([contour.reshape(71, 3)[:16], iris.reshape(5, 3)])[:, :2] / 64
        if mirrored:
            points[:, 0] = 1 - points[:, 0]
        return g.apply(g.invert(to_unit), points)

    def __call__(self, bgr, five):
        """93 x 2 points in photo pixels, and the mesh's presence logit."""
        mesh, score = self.mesh(bgr, five)
        (lo, li), (ro, ri) = EYE_CORNERS
        left = self.eye(bgr, mesh[lo], mesh[li], False)
        right = self.eye(bgr, mesh[ro], mesh[ri], True)
        # The mirrored eye comes back mirrored: both rims run inner, top, outer, bottom.
        rest = mesh[list(FROM_MESH)]
        points = np.concatenate([left[:16], right[:16], left[16:], right[16:], rest])
        return points.astype(np.float32), score


class Masks:
    """MediaPipe's person and hair networks on a square RGB picture."""

    def __init__(self, folder):
        folder = Path(folder) / "models/mediapipe"
        self.person_net = Lite(folder / "selfie_segmentation.tflite")
        self.hair_net = Lite(folder / "hair_segmentation.tflite")

    def person(self, bgr):
        return self.person_net(unit_rgb(cv2.resize(bgr, (256, 256), interpolation=cv2.INTER_AREA)))[0][..., 0]

    def hair(self, bgr):
        rgb = unit_rgb(cv2.resize(bgr, (512, 512), interpolation=cv2.INTER_LINEAR))
        logits = self.hair_net(np.dstack([rgb, np.zeros((512, 512, 1), np.float32)]))[0]
        return 1 / (1 + np.exp(logits[..., 0] - logits[..., 1]))
