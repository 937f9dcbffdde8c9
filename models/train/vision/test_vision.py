"""Checks that need no data: `python -m vision.test_vision`."""

import tempfile
from pathlib import Path

import numpy as np
import torch

from . import detector, geometry, points, scenery, training


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


def an_exported_file_is_gone_on_from():
    torch.manual_seed(0)
    make = lambda: torch.nn.Sequential(training.conv(3, 8, 3, 2), training.Separable(8, 8),
                                       torch.nn.Conv2d(8, 2, 1))
    first, second, pictures = make(), make(), torch.rand(32, 3, 32, 32) * 2 - 1
    for _ in range(50):  # statistics that are not those of a fresh norm
        first(pictures)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "small.onnx"
        training.export(first, pictures[:1], path, ["input"], ["output"])
        assert training.resume(second, path, [pictures[:16], pictures[16:]]) == []
    wanted, norm = first.eval()(pictures), second[0][1]
    assert torch.allclose(second.eval()(pictures), wanted, atol=1e-5)
    # The norms stand on the batch's own statistics, so training goes on where it was.
    assert torch.allclose(second.train()(pictures), wanted, atol=1e-2)
    assert (norm.running_var - 1).abs().max() > 0.01


def painted_scenery_is_one_class_a_pixel():
    rng = np.random.default_rng(0)
    for _ in range(8):
        picture, classes, depth = scenery.paint(rng, 96, [], [])
        assert picture.shape == (96, 96, 3) and classes.sum(2).max() <= 1
        assert 0 <= depth.min() and depth.max() <= 1


def main():
    for check in (a_flip_twice_is_nothing_and_keeps_roles, jitter_moves_points_with_the_picture,
                  umeyama_finds_a_similarity, outputs_decode_as_yunet_does, networks_are_small,
                  an_exported_file_is_gone_on_from, painted_scenery_is_one_class_a_pixel):
        check()
        print("ok", check.__name__)


if __name__ == "__main__":
    main()
