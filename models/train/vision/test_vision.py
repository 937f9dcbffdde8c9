"""Checks that need no data: `python -m vision.test_vision`."""

import tempfile
from pathlib import Path

import cv2
import numpy as np
import onnx
import torch

from . import detector, geometry, labels, perception, points, scenery, training


def a_flip_twice_is_nothing_and_keeps_roles():
    assert (points.FLIP[points.FLIP] == np.arange(points.POINTS)).all()
    # The template of a symmetric face: mirrored and remapped it is itself.
    face = np.zeros((points.POINTS, 2))
    face[0], face[8] = (0.2, 0.4), (0.4, 0.4)
    face[16], face[24] = (0.8, 0.4), (0.6, 0.4)
    face[42], face[46], face[47], face[51] = (0.15, 0.3), (0.42, 0.3), (0.85, 0.3), (0.58, 0.3)
    face[52:55], face[55], face[56] = (0.5, 0.5), (0.45, 0.6), (0.55, 0.6)
    for first, count, start in ((57, 12, np.pi), (69, 8, np.pi), (77, 16, -np.pi / 2)):
        angle = start + np.arange(count) / count * 2 * np.pi
        face[first : first + count] = 0.5 + 0.1 * np.stack([np.cos(angle), np.sin(angle)], 1)
    drawn = face.any(1)
    mirrored = (face * (-1, 1) + (1, 0))[points.FLIP]
    assert np.allclose(mirrored[drawn], face[drawn])


def jitter_moves_points_with_the_picture():
    # A bright dot at the point: after the jitter it must still lie under it.
    generator = torch.Generator().manual_seed(0)
    at = torch.rand(16, 93, 2, generator=generator) * 0.3 + 0.35
    margin, cached = points.labels.FACE_MARGIN, points.labels.FACE_PIXELS
    crops = torch.zeros(16, 3, cached, cached)
    rows = torch.arange(cached) + 0.5
    for i in range(16):
        # Every point but number 54, which a flip keeps, is ignored.
        x, y = ((at[i, 54] - 0.5) / margin + 0.5) * cached
        dot = torch.exp(-((rows[None] - x) ** 2 + (rows[:, None] - y) ** 2) / 18)
        crops[i] = dot
    images, moved = points.augment(crops, at, generator)
    grid = (torch.arange(points.SIZE) + 0.5) / points.SIZE
    for image, point in zip(images.mean(1), moved[:, 54]):
        weight = (image - 0.5 * image.max()).clamp(min=0)
        found = torch.stack([(weight.sum(0) * grid).sum(), (weight.sum(1) * grid).sum()]) / weight.sum()
        assert (found - point).abs().max() < 0.012, (found, point)


def umeyama_finds_a_similarity():
    turn = np.array([[0.8, -0.6], [0.6, 0.8]]) * 1.7
    target = geometry.TEMPLATE @ turn.T + (3, -8)
    assert np.allclose(geometry.apply(geometry.umeyama(geometry.TEMPLATE, target), geometry.TEMPLATE),
                       target)


def outputs_decode_as_yunet_does():
    outputs = {}
    for stride in geometry.STRIDES:
        cells = (64 // stride) * (96 // stride)
        outputs |= {f"cls_{stride}": np.zeros((1, cells, 1)), f"obj_{stride}": np.zeros((1, cells, 1)),
                    f"bbox_{stride}": np.zeros((1, cells, 4)), f"kps_{stride}": np.zeros((1, cells, 10))}
    cell = 3 * 6 + 2  # row 3, column 2 at stride 16
    outputs["cls_16"][0, cell], outputs["obj_16"][0, cell] = 0.81, 1.0
    outputs["bbox_16"][0, cell] = (0.5, 0.25, np.log(2), np.log(3))
    outputs["kps_16"][0, cell, :2] = (0.25, -0.5)
    boxes, kps, scores = geometry.decode(outputs, 64, 96, 0.5)
    assert np.allclose(scores, 0.9)
    assert np.allclose(boxes, [(40 - 16, 52 - 24, 40 + 16, 52 + 24)])
    assert np.allclose(kps[0, 0], (36, 40))


def networks_are_small():
    count = lambda network: sum(p.numel() for p in network.parameters())
    assert count(detector.Network()) <= 100_000
    assert count(points.Network(np.zeros((93, 2)))) <= 400_000


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


def painted_scenery_is_one_class_a_pixel():
    rng = np.random.default_rng(0)
    for _ in range(8):
        picture, classes, depth = scenery.paint(rng, 96, [], [])
        assert picture.shape == (96, 96, 3) and classes.sum(2).max() <= 1
        assert 0 <= depth.min() and depth.max() <= 1


def main():
    for check in (a_flip_twice_is_nothing_and_keeps_roles, jitter_moves_points_with_the_picture,
                  umeyama_finds_a_similarity, outputs_decode_as_yunet_does, networks_are_small,
                  columns_mirror_a_window, drawn_lids_cover_the_eye, maps_move_with_the_picture,
                  graphs_run_on_every_provider, painted_scenery_is_one_class_a_pixel):
        check()
        print("ok", check.__name__)


if __name__ == "__main__":
    main()
