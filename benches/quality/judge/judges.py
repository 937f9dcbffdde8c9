"""The independent judges: networks that taught nothing of what they judge here, but for lids.

Coordinates are pixels with the origin at the top-left corner of the top-left pixel, x to the right.
"""

from pathlib import Path

import cv2
import numpy as np
import onnxruntime

# OpenSeeFace's 66 points are iBUG's 68 without the two outer mouth corners: of the mouth come the
# outer lips (5 above, 5 below), then the inner lips from the image-left corner over the top.
JAW = range(0, 17)
BROWS = (range(17, 22), range(22, 27))
NOSE = range(27, 36)
EYES = (range(36, 42), range(42, 48))
MOUTH = range(48, 66)
MOUTH_CORNERS = (58, 62)
UPPER_INNER, LOWER_INNER = range(59, 62), range(63, 66)
EYE_CORNERS = (36, 39, 42, 45)

# Its tracker's constants: heat maps are 28 wide for 224 pixels, offsets are logits over 16.
INPUT, MAP, LOGIT = 224, 28, 16.0
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
# How much a face's box is widened on each side before the network sees it.
WIDEN = (0.10, 0.125)

# MediaPipe's iris network: side of its crop in distances between an eye's corners (SOURCES.md's trap:
# only the first 16 contour points close; the mesh never does).
IRIS_SIDE, IRIS_INPUT = 2.3, 64
MESH_INPUT = 192
MESH_CORNERS = ((33, 133), (263, 362))  # outer, inner: image-left eye, then image-right eye

# Of two boxes that share more than this, one face is meant.
SAME = 0.3


class Judges:
    """All judges of a models folder, each on one thread."""

    def __init__(self, models):
        models = Path(models)
        cv2.setNumThreads(1)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.points_net = onnxruntime.InferenceSession(
            str(models / "openseeface/lm_model0_opt.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self.points_input = self.points_net.get_inputs()[0].name
        self.finder = cv2.FaceDetectorYN.create(
            str(models / "yunet/yunet_s_640_640.onnx"), "", (640, 640), 0.8, SAME, 200
        )
        self.person_net = Lite(models / "mediapipe/selfie_segmentation.tflite")
        self.mesh_net = Lite(models / "mediapipe/face_landmark.tflite")
        self.iris_net = Lite(models / "mediapipe/iris_landmark.tflite")
        self.flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def faces(self, bgr):
        """Boxes (xyxy), five points and scores of the faces in a picture, largest first."""
        # A face that fills the picture is too large for the network at the larger scale.
        return self.faces_at(bgr, 640) or self.faces_at(bgr, 320)

    def faces_at(self, bgr, long_side):
        h, w = bgr.shape[:2]
        scale = long_side / max(h, w)
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        canvas = np.zeros((640, 640, 3), np.uint8)
        small = cv2.resize(bgr, (max(1, round(w * scale)), max(1, round(h * scale))), interpolation=how)
        canvas[: small.shape[0], : small.shape[1]] = small
        _, rows = self.finder.detect(canvas)
        found = []
        for row in rows if rows is not None else []:
            x, y, bw, bh = row[:4] / scale
            found.append((np.array([x, y, x + bw, y + bh]), row[4:14].reshape(5, 2) / scale, float(row[14])))
        return sorted(found, key=lambda face: -np.prod(face[0][2:] - face[0][:2]))

    def landmarks(self, bgr, crop):
        """66 points (x, y) in pixels and their confidence (0-1), seen through `crop` (2x3 to 0-1)."""
        picture = cv2.warpAffine(
            bgr,
            centred(crop * INPUT),
            (INPUT, INPUT),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        tensor = (picture[..., ::-1].astype(np.float32) / 255 - MEAN) / DEVIATION
        maps = self.points_net.run(None, {self.points_input: tensor.transpose(2, 0, 1)[None]})[0][0].reshape(
            198, -1
        )
        at = maps[:66].argmax(1)
        rows = np.arange(66)
        logit = lambda p: np.log(p / (1 - p)) / LOGIT
        off = [logit(np.clip(maps[first + rows, at], 1e-7, 1 - 1e-7)) for first in (66, 132)]
        cell = (INPUT - 1) / (MAP - 1)
        y = at // MAP * cell + (INPUT - 1) * off[0]
        x = at % MAP * cell + (INPUT - 1) * off[1]
        points = np.stack([x + 0.5, y + 0.5], 1) / INPUT
        return apply(invert(crop), points), maps[rows, at]

    def crop_of(self, bgr, box):
        """The crop for a face: two passes from its box, level with the eyes."""
        crop = box_crop(np.array([[box[0], box[1]], [box[2], box[3]]]), 0.0)
        for _ in range(2):
            points, _ = self.landmarks(bgr, crop)
            crop = points_crop(points)
        return crop

    def lids(self, bgr, points):
        """Height over width of both eyes' contours, image-left first, from 66 points near by."""
        return np.array(
            [
                opening(self.eye(bgr, outer, inner, mirrored))
                for outer, inner, mirrored in self.corners(bgr, points)
            ]
        )

    def corners(self, bgr, points):
        eyes = points[[36, 45]]
        size = 1.5 * 1.15 * np.linalg.norm(points[8] - eyes.mean(0))
        crop = level_square(
            eyes[0], eyes[1], points[list(range(17)) + list(range(17, 27))].mean(0), 1.5 * size
        )
        picture = unit_rgb(sample(bgr, crop, MESH_INPUT))
        mesh = self.mesh_net(picture)[0].reshape(468, 3)[:, :2] / MESH_INPUT
        mesh = apply(invert(crop), mesh)
        return [(mesh[outer], mesh[inner], side == 1) for side, (outer, inner) in enumerate(MESH_CORNERS)]

    def eye(self, bgr, outer, inner, mirrored):
        """16 contour points of one eye in the unit square of its own crop."""
        left, right = (inner, outer) if mirrored else (outer, inner)
        crop = level_square(left, right, (outer + inner) / 2, IRIS_SIDE * np.linalg.norm(inner - outer))
        picture = unit_rgb(sample(bgr, crop, IRIS_INPUT))
        contour = self.iris_net(picture[:, ::-1] if mirrored else picture)[0]
        return contour.reshape(71, 3)[:16, :2] / IRIS_INPUT

    def person(self, bgr):
        """The person mask of a picture at its own size, 0-1."""
        small = cv2.resize(bgr, (256, 256), interpolation=cv2.INTER_AREA)
        mask = self.person_net(unit_rgb(small))[0][..., 0]
        return cv2.resize(mask, (bgr.shape[1], bgr.shape[0]))

    def moved(self, first, then):
        """Dense flow (H, W, 2) in pixels from one picture to another."""
        grey = [cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) for picture in (first, then)]
        return self.flow.calc(grey[0], grey[1], None)


class Lite:
    """A TFLite network on one thread, one picture at a time."""

    def __init__(self, path):
        from ai_edge_litert.interpreter import Interpreter

        self.net = Interpreter(str(path), num_threads=1)
        self.net.allocate_tensors()
        self.input = self.net.get_input_details()[0]["index"]
        self.outputs = [output["index"] for output in self.net.get_output_details()]

    def __call__(self, picture):
        self.net.set_tensor(self.input, np.ascontiguousarray(picture[None], np.float32))
        self.net.invoke()
        return [self.net.get_tensor(index)[0].copy() for index in self.outputs]


def opening(contour):
    """Height over width of 16 contour points: 0-8 the lower lid with both corners, 9-15 the upper."""
    across = contour[8] - contour[0]
    width = np.linalg.norm(across)
    normal = np.array([-across[1], across[0]]) / max(width, 1e-6)
    heights = (contour - contour[0]) @ normal
    return (heights[1:8].mean() - heights[9:16].mean()) / max(width, 1e-6) * PARABOLA


# A lid is near a parabola: its seven inner points' mean height is this share of the height in the middle.
PARABOLA = 1 / np.mean([1 - (2 * i / 8 - 1) ** 2 for i in range(1, 8)])


def unit_rgb(bgr):
    return bgr[..., ::-1].astype(np.float32) / 255


def apply(matrix, points):
    return np.asarray(points) @ matrix[:, :2].T + matrix[:, 2]


def invert(matrix):
    return cv2.invertAffineTransform(np.asarray(matrix, np.float64))


def centred(matrix):
    """Corner-based coordinates to OpenCV's, which count from the first pixel's centre."""
    matrix = np.array(matrix, np.float64)
    matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    return matrix


def level_square(a, b, centre, side):
    """Picture -> unit square of a square around `centre`, turned so that a -> b runs level."""
    angle = np.arctan2(b[1] - a[1], b[0] - a[0])
    c, s = np.cos(angle), np.sin(angle)
    linear = np.array([[c, s], [-s, c]]) / side
    return np.hstack([linear, (0.5 - linear @ np.asarray(centre, np.float64))[:, None]])


def sample(bgr, crop, size):
    """The crop at size x size pixels; what shrinks is averaged first."""
    scale = np.sqrt(abs(np.linalg.det(crop[:, :2]))) * size
    if scale < 1 / 1.5:
        h, w = bgr.shape[:2]
        small = (max(1, round(w * scale)), max(1, round(h * scale)))
        bgr = cv2.resize(bgr, small, interpolation=cv2.INTER_AREA)
        crop = np.hstack([crop[:, :2] @ np.diag([w / small[0], h / small[1]]), crop[:, 2:]])
    return cv2.warpAffine(
        bgr, centred(crop * size), (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def box_crop(points, angle):
    """Picture -> unit square of the box around points, widened, in a frame turned by `angle`."""
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, s], [-s, c]])
    low, high = (points @ turn.T).min(0), (points @ turn.T).max(0)
    size = (high - low) * (1 + 2 * np.array(WIDEN))
    linear = np.diag(1 / np.maximum(size, 1)) @ turn
    return np.hstack([linear, (0.5 - linear @ (turn.T @ ((low + high) / 2)))[:, None]])


def points_crop(points):
    eyes = [points[list(eye)].mean(0) for eye in EYES]
    angle = np.arctan2(*(eyes[1] - eyes[0])[::-1])
    return box_crop(points, angle)
