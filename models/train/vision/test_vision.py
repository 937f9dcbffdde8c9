"""Checks that need no data: `python -m vision.test_vision`."""

import tempfile
from pathlib import Path

import numpy as np
import torch

from . import crops, detector, geometry, points, scenery, training


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


def points_of_a_face_are_told_from_others():
    box = np.array((50.0, 50, 150, 150))
    face = box[:2] + 100 * np.array([(0.3, 0.37), (0.7, 0.37), (0.5, 0.58), (0.34, 0.75), (0.66, 0.75)])
    assert geometry.plausible(box, face)
    assert not geometry.plausible(box, face[[1, 0, 2, 3, 4]])
    raised = face.copy()
    raised[2, 1] = 70  # A nose above the eyes.
    assert not geometry.plausible(box, raised)
    turn = np.array([(0.8, -0.6), (0.6, 0.8)])
    assert geometry.plausible(box, (face - 100) @ turn.T + 100)


class Fires:
    """A teacher that sees one box, surely, at the cell under its middle."""

    def __init__(self, size, stride, box):
        self.size, self.stride, self.box = size, stride, np.array(box, np.float64)

    def maps(self, _):
        maps = {}
        for stride in geometry.STRIDES:
            cells = (self.size // stride) ** 2
            maps |= {f"{kind}_{stride}": np.zeros((1, cells, n), np.float32)
                     for kind, n in detector.CHANNELS.items()}
        middle, extent = (self.box[:2] + self.box[2:]) / 2, self.box[2:] - self.box[:2]
        column, row = (middle // self.stride).astype(int)
        cell = row * (self.size // self.stride) + column
        for kind, value in (("cls", 0.9), ("obj", 0.9)):
            maps[f"{kind}_{self.stride}"][0, cell] = value
        maps[f"bbox_{self.stride}"][0, cell] = (*(middle / self.stride - (column, row)),
                                                *np.log(extent / self.stride))
        return maps


def the_teacher_is_corrected():
    crop, here = np.zeros((crops.SIZE, crops.SIZE, 3), np.uint8), np.eye(2, 3)
    levels = np.repeat([8, 16, 32], [(crops.SIZE // s) ** 2 for s in geometry.STRIDES])
    known = np.array([(40.0, 40, 220, 220)], np.float32)
    unknown = np.full((1, 5, 2), np.nan)
    # An eye within a known face is no face, and the face itself is asked for at the coarse stride.
    for kind in (crops.STREET, crops.PORTRAIT):
        target = crops.targets(Fires(crops.SIZE, 8, (80, 80, 116, 116)), crop, kind, known, unknown, here)
        target = target.numpy()
        fine = target[levels == 8]
        assert fine[:, 0].max() == 0 and fine[:, 1].min() == 1
        asked = target[(levels == 32) & (target[:, 0] > 0.6)]
        assert len(asked) >= 4 and (asked[:, 6] > 0).all() and (asked[:, 17] == 0).all()
        size = np.exp(asked[:, 4:6]) * 32
        assert np.allclose(size, 180, atol=1)
    # A doubtful box that nobody drew is wrong on a street photo; a small known face is asked for.
    small = np.array([(100.0, 100, 140, 140)], np.float32)
    teacher = Fires(crops.SIZE, 8, (180, 20, 230, 70))
    target = crops.targets(teacher, crop, crops.STREET, small, unknown, here).numpy()
    strong = target[target[:, 0] > 0.5]
    assert len(strong) >= 1 and (strong[:, 0] < 0.9).all()
    # Points that are known replace the teacher's; mirrored, left and right change places.
    five = (known[0, :2] + 180 * np.array([(0.3, 0.37), (0.7, 0.37), (0.5, 0.58), (0.34, 0.75),
                                           (0.66, 0.75)]))[None]
    mirror = np.array([(-1.0, 0, crops.SIZE), (0, 1, 0)])
    for to_crop, wanted in ((here, five[0]), (mirror, (five[0] * (-1, 1) + (crops.SIZE, 0))[[1, 0, 2, 4, 3]])):
        target = crops.targets(Fires(crops.SIZE, 32, (40, 40, 220, 220)), crop, crops.PORTRAIT, known,
                               five, to_crop).numpy()
        cells = np.flatnonzero((levels == 32) & (target[:, 17] > 0))
        side, first = crops.SIZE // 32, np.flatnonzero(levels == 32)[0]
        for cell in cells:
            at = np.array(((cell - first) % side, (cell - first) // side))
            assert np.allclose((target[cell, 7:17].reshape(5, 2) + at) * 32, wanted, atol=0.1)


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
                  umeyama_finds_a_similarity, outputs_decode_as_yunet_does, points_of_a_face_are_told_from_others,
                  the_teacher_is_corrected, networks_are_small,
                  an_exported_file_is_gone_on_from, painted_scenery_is_one_class_a_pixel):
        check()
        print("ok", check.__name__)


if __name__ == "__main__":
    main()
