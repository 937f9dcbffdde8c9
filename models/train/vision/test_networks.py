"""Checks of points and perception that need no data: `python -m vision.test_networks`."""

import tempfile
from pathlib import Path

import cv2
import numpy as np
import onnx
import torch

from . import labels, perception, points, training


def columns_mirror_a_window():
    network = points.Network(np.zeros((93, 2)))
    window = torch.rand(2, 3, 48, 56)
    assert torch.equal(torch.matmul(window, network.columns), window.flip(-1))


def drawn_lids_cover_the_eye():
    side = labels.FACE_PIXELS
    unit = lambda at: ((np.array(at) + 0.5) / side - 0.5) * labels.FACE_MARGIN + 0.5
    along = np.linspace(0, np.pi, 9)
    face, crop = np.full((93, 2), 0.5), np.full((side, side, 3), 90, np.uint8)
    for first, x, sign in ((0, 85, 1), (16, 139, -1)):  # Both contours run outer to inner.
        lower = np.stack([x - sign * 14 * np.cos(along), 100 + 5 * np.sin(along)], 1)
        upper = np.stack([x - sign * 14 * np.cos(along), 100 - 6 * np.sin(along)], 1)
        face[first : first + 16] = unit(np.concatenate([lower, upper[1:8]]))
        cv2.fillPoly(crop, [np.int32(np.concatenate([lower, upper[::-1]]))], (255, 255, 255))
    closed, lids = points.closing(crop, face, (1.0, 0.0))
    left, right = points.openings(lids)
    assert left < 0.06 and right > 0.3, (left, right)
    white = lambda a, x: (a[80:120, x - 16 : x + 17, 0] > 200).sum()
    # A rim is left: where lashes are expected, this eye has none.
    assert white(crop, 85) > 150 and white(closed, 85) < 0.35 * white(crop, 85)
    assert white(closed, 139) == white(crop, 139)


def maps_move_with_the_picture():
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[0:320, 0:320]
    for _ in range(8):
        x, y = rng.uniform(110, 210, 2)
        dot = np.float32(np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 300))
        picture = np.uint8(np.dstack([dot] * 3) * 255)
        small = cv2.resize(picture, (160, 160), interpolation=cv2.INTER_AREA)
        maps = np.dstack([small, small, small[..., :1]])
        moved, there, _ = perception.move(rng, picture, maps, maps, 0.9, 0.02)
        cut = lambda a: cv2.resize(a[..., 0], (64, 64), interpolation=cv2.INTER_AREA).astype(int)
        assert np.abs(cut(moved) - cut(there)).max() < 14


def hair_hangs_on_a_head():
    head, hair = np.zeros((160, 160), np.uint8), np.zeros((160, 160), np.float32)
    cv2.circle(head, (80, 60), 20, 255, -1)
    hair[35:60, 60:100], hair[120:150, 10:40] = 0.9, 0.8  # A wig on the head, a dark jacket below.
    kept, doubt = labels.on_heads(hair, head)
    assert (kept[35:60, 60:100] == hair[35:60, 60:100]).all() and kept[100:].max() == 0
    assert doubt[120:150, 10:40].all() and doubt[:100].max() == 0
    # A view that is one photo wide and half a photo too high: its lower half repeats the edge.
    inside = labels.inside_photo(np.zeros((100, 200, 3)), np.array([[1 / 200, 0, 0], [0, 1 / 200, 0]]))
    assert inside[:80].all() and not inside[81:].any()


# What ONNX Runtime lists for CoreML's ML programs and for WebGPU, as far as our networks use it; the
# casts of stored weights are folded when the file is loaded.
EVERYWHERE = {"Add", "AveragePool", "Cast", "Concat", "Constant", "Conv", "Div", "Gemm", "MatMul",
              "MaxPool", "Mul", "ReduceMean", "Relu", "Reshape", "Resize", "Sigmoid", "Slice", "Sub",
              "Unsqueeze"}


def graphs_run_on_every_provider():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        for network, size in ((perception.Maps(perception.Network()), 256),
                              (points.Network(np.zeros((93, 2))), 160)):
            for parameter in network.parameters():
                torch.nn.init.normal_(parameter)  # The exporter would join equal ones.
            training.export(network, torch.zeros(1, 3, size, size), path, ["in"], ["out"], half=True)
            graph = onnx.load(path).graph
            unknown = {node.op_type for node in graph.node} - EVERYWHERE
            assert not unknown, unknown
            constant = {n.output[0]: onnx.numpy_helper.to_array(n.attribute[0].t)
                        for n in graph.node if n.op_type == "Constant"}
            steps = [constant[n.input[4]] for n in graph.node if n.op_type == "Slice"]
            assert all((step > 0).all() for step in steps)


def main():
    for check in (columns_mirror_a_window, drawn_lids_cover_the_eye, maps_move_with_the_picture,
                  hair_hangs_on_a_head, graphs_run_on_every_provider):
        check()
        print("ok", check.__name__)


if __name__ == "__main__":
    main()
