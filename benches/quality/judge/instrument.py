"""An exact look at the warp: photos whose red and green say where each pixel comes from.

Blue holds the photo in grey, and the three networks that look at the photo are given blue alone; so the
library sees the same photo and moves it in the same way, and red and green come out of its warp as the
cosine and sine of the source coordinate. Frames are 8 bits, so that is good to about a tenth of a pixel.
"""

import cv2
import numpy as np
import onnx
from onnx import helper, numpy_helper

from .controls import folder_for

PERIOD = 128.0  # pixels; sources are told apart up to half of it
FAINT = 0.12  # where shade or blending changed the amplitude by more, the pixel is not read


def blue_eyed(work, models, name="blue_eyed"):
    """The models, looking at the blue channel only."""
    folder = folder_for(work, name, models)
    for file, blue in (("face_detector.onnx", 0), ("face_points.onnx", 2), ("perception.onnx", 2)):
        model = onnx.load(folder / file)
        name = model.graph.input[0].name
        for node in model.graph.node:
            for i, used in enumerate(node.input):
                if used == name:
                    node.input[i] = "blue_only"
        model.graph.initializer.append(numpy_helper.from_array(np.full(3, blue, np.int64), "blue_index"))
        model.graph.node.insert(0, helper.make_node("Gather", [name, "blue_index"], ["blue_only"], axis=1))
        onnx.save(model, folder / file)
    return folder


def coded(image, axis):
    """The photo (BGR) in blue, its x (axis 0) or y (axis 1) in red and green."""
    h, w = image.shape[:2]
    at = np.arange(w)[None] + 0.5 if axis == 0 else np.arange(h)[:, None] + 0.5
    phase = np.broadcast_to(2 * np.pi * at / PERIOD, (h, w))
    wave = lambda f: np.round(127.5 + 127.5 * f(phase)).astype(np.uint8)
    return np.dstack([cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), wave(np.sin), wave(np.cos)])


def decoded(frame, axis, zero=None):
    """Source minus own coordinate, in pixels, and where it can be read."""
    h, w = frame.shape[:2]
    s, c = frame[..., 1] / 127.5 - 1, frame[..., 2] / 127.5 - 1
    at = np.arange(w)[None] + 0.5 if axis == 0 else np.arange(h)[:, None] + 0.5
    source = np.arctan2(s, c) / (2 * np.pi) * PERIOD
    off = (source - at + PERIOD / 2) % PERIOD - PERIOD / 2
    return off, np.abs(np.hypot(s, c) - 1) < FAINT


class Warp:
    """The displacement field of each frame of a clip: [T, H, W, 2] and where it was read."""

    def __init__(self, along_x, along_y):
        pairs = [(decoded(a, 0), decoded(b, 1)) for a, b in zip(along_x, along_y)]
        self.off = np.stack([np.stack([x[0], y[0]], -1) for x, y in pairs]).astype(np.float32)
        self.read = np.stack([x[1] & y[1] for x, y in pairs])

    def folds(self, t):
        """Share of the pixels where the warp turns over: the Jacobian's determinant is not positive."""
        off = self.off[t]
        dx = (off[1:-1, 2:] - off[1:-1, :-2]) / 2
        dy = (off[2:, 1:-1] - off[:-2, 1:-1]) / 2
        determinant = (1 + dx[..., 0]) * (1 + dy[..., 1]) - dx[..., 1] * dy[..., 0]
        # A repeated edge has no area either; that is what `outside` counts.
        edge_x, edge_y = self.edges(t)
        good = cv2.erode((self.read[t] & ~edge_x & ~edge_y).astype(np.uint8), np.ones((3, 3)))[1:-1, 1:-1] > 0
        return float(((determinant <= 0) & good).mean())

    def outside(self, t):
        """Share of the frame that repeats the photo's edge: the source stays at the border over several pixels."""
        h, w = self.off.shape[1:3]
        edge_x, edge_y = self.edges(t)
        # One column or row of the frame may well show the photo's first; two that show it repeat it.
        run_x = edge_x[:, 1:] & edge_x[:, :-1]
        run_y = edge_y[1:] & edge_y[:-1]
        return float((run_x & self.read[t, :, 1:]).sum() + (run_y & self.read[t, 1:]).sum()) / (h * w)

    def edges(self, t):
        """Where the source is the photo's first or last column, and row."""
        h, w = self.off.shape[1:3]
        x = self.off[t, ..., 0] + np.arange(w)[None] + 0.5
        y = self.off[t, ..., 1] + np.arange(h)[:, None] + 0.5
        return (x < 0.8) | (x > w - 0.8), (y < 0.8) | (y > h - 0.8)

    def carry(self, points):
        """Where the warp takes points of the photo: [T, N, 2]. What is at q comes from q + off(q)."""
        h, w = self.off.shape[1:3]
        track = []
        for off in self.off:
            at = points.astype(np.float64).copy()
            for _ in range(8):
                x, y = np.clip(at[:, 0] - 0.5, 0, w - 1), np.clip(at[:, 1] - 0.5, 0, h - 1)
                maps = x.astype(np.float32)[None], y.astype(np.float32)[None]
                at = points - cv2.remap(off, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]
            track.append(at)
        return np.array(track)

    def size(self):
        """Length of the displacement, [T, H, W] pixels."""
        return np.linalg.norm(self.off, axis=-1)
