"""The judge judged: motions that are known, and what it says of them."""

import os
import tempfile
import unittest
from pathlib import Path

import cv2
import numpy as np

from . import (
    asks,
    curves as c,
    data as d,
    instrument,
    judges as j,
    picture_tests,
    prompt_tests,
    real_test,
    report as r,
    scene,
)

SIDE = 240


def head():
    """A symmetric head of 66 points in inter-ocular distances: x and y by hand, depths the judge's own."""
    jaw = [(1.1 * np.sin(a), 0.4 - 1.4 * np.cos(a) * -1) for a in np.linspace(-1.5, 1.5, 17)]
    brows = [(x, -0.35) for x in np.linspace(-0.9, -0.25, 5)] + [
        (x, -0.35) for x in np.linspace(0.25, 0.9, 5)
    ]
    nose = [(0, y) for y in np.linspace(0.02, 0.6, 4)] + [(x, 0.73) for x in np.linspace(-0.18, 0.18, 5)]
    eye = [(-0.22, 0), (-0.11, -0.08), (0.11, -0.08), (0.22, 0), (0.11, 0.05), (-0.11, 0.05)]
    eyes = [(x - 0.5, y) for x, y in eye] + [(x + 0.5, y) for x, y in eye]
    outer = [(x, 0.97) for x in np.linspace(-0.26, 0.26, 5)] + [(x, 1.22) for x in np.linspace(0.3, -0.3, 5)]
    inner = [
        (-0.43, 1.05),
        (-0.2, 1.05),
        (0, 1.05),
        (0.2, 1.05),
        (0.43, 1.05),
        (0.2, 1.11),
        (0, 1.12),
        (-0.2, 1.11),
    ]
    flat = np.array(jaw + brows + nose + eyes + outer + inner)
    return np.hstack([flat, c.DEPTH[:, None]])


def turned(solid, yaw=0.0, pitch=0.0, roll=0.0, scale=1.0):
    """The head after a turn, as 66 points in pixels: + right, + down, + clockwise as seen (y runs down)."""
    y, p, q = np.radians([yaw, pitch, roll])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(q), -np.sin(q), 0], [np.sin(q), np.cos(q), 0], [0, 0, 1]])
    return 60 * scale * (solid @ (about_z @ about_x @ about_y).T)[:, :2] + 200


def texture(seed=0):
    """A picture in which flow can see: smooth noise at several scales."""
    rng = np.random.default_rng(seed)
    total = sum(
        cv2.resize(
            rng.standard_normal((n, n)).astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC
        )
        for n in (8, 20, 60)
    )
    return cv2.cvtColor(
        cv2.normalize(total, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8), cv2.COLOR_GRAY2BGR
    )


def moved(picture, dx, dy):
    """What stands at (x + dx, y + dy) comes to (x, y)."""
    ys, xs = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    return cv2.remap(
        picture,
        xs + dx.astype(np.float32),
        ys + dy.astype(np.float32),
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )


class Curves(unittest.TestCase):
    def measured(self, **how):
        return {k: v[-1] for k, v in c.curves_of(np.stack([turned(head()), turned(head(), **how)])).items()}

    def test_a_head_that_rests_has_no_motion_and_no_leak(self):
        for name, value in self.measured().items():
            self.assertAlmostEqual(value, 0, places=9, msg=name)

    def test_turns_have_their_sign_and_size(self):
        for name in ("yaw", "pitch", "roll"):
            for angle in (-10, 6, 10):
                seen = self.measured(**{name: angle})
                self.assertAlmostEqual(seen[name], angle, delta=0.5)
                for other in ("smile", "brow", "mouth"):
                    self.assertLess(abs(seen[other]), 0.008, f"{name} {angle} leaks into {other}")
        self.assertAlmostEqual(self.measured(scale=1.06)["scale"], np.log(1.06), places=3)

    def test_a_flat_head_that_turns_raises_no_brow(self):
        flat = head() * (1, 1, 0.6)
        seen = c.curves_of(np.stack([turned(flat), turned(flat, yaw=14)]))
        for name in ("smile", "brow", "mouth"):
            self.assertLess(abs(seen[name][-1]), 0.01, name)

    def test_features_have_their_sign(self):
        def with_change(points, dx, dy):
            solid = head()
            solid[points, 0] += dx
            solid[points, 1] += dy
            return {k: v[-1] for k, v in c.curves_of(np.stack([turned(head()), turned(solid)])).items()}

        self.assertGreater(with_change(list(j.MOUTH_CORNERS), 0, -0.06)["smile"], 0.03)
        self.assertLess(with_change(list(j.MOUTH_CORNERS), 0, 0.06)["smile"], -0.03)
        self.assertAlmostEqual(with_change([*j.BROWS[0], *j.BROWS[1]], 0, -0.08)["brow"], 0.08, delta=0.01)
        self.assertAlmostEqual(with_change(list(j.LOWER_INNER), 0, 0.1)["mouth"], 0.1, delta=0.02)
        self.assertLess(abs(with_change(list(j.LOWER_INNER), 0, 0.1)["yaw"]), 0.2)

    def test_lids(self):
        def contour(height):
            x = np.linspace(-1, 1, 9)
            lid = height * (1 - x**2) / 2
            return np.concatenate([np.stack([x / 2, lid / 1], 1), np.stack([x[1:8] / 2, -lid[1:8]], 1)])

        for height in (0.4, 0.1):
            self.assertAlmostEqual(j.opening(contour(height)), height, places=6)
        lid = np.interp(np.arange(38) / 25, [0, 0.4, 0.5, 0.6, 0.7, 1.5], [0, 0, 1, 1, 0, 0])
        self.assertAlmostEqual(prompt_tests.blink_ms(lid, 25), 200, delta=12)

    def test_a_swing_is_its_half_range(self):
        self.assertAlmostEqual(prompt_tests.size_of(np.sin(np.linspace(0, 12, 200)) * 3, True), 3, places=2)
        self.assertEqual(prompt_tests.size_of(np.array([0, -4, 1.0]), False), -4)


class Flow(unittest.TestCase):
    def test_camera_has_its_sign_and_size(self):
        flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        ys, xs = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
        picture, everywhere = texture(), np.ones((SIDE, SIDE), bool)
        for zoom, pan_x, pan_y in ((0.05, 0, 0), (-0.04, 0.01, 0), (0, -0.02, 0.02), (0, 0, 0)):
            shrink = np.exp(-zoom) - 1
            later = moved(picture, xs * shrink + pan_x * SIDE, ys * shrink + pan_y * SIDE)
            grey = [cv2.cvtColor(p, cv2.COLOR_BGR2GRAY) for p in (picture, later)]
            seen = scene.camera_from(flow.calc(*grey, None), everywhere)
            np.testing.assert_allclose(seen, (zoom, pan_x, pan_y), atol=0.003)


class Instrument(unittest.TestCase):
    def warp(self, dx, dy):
        frames = [
            [moved(instrument.coded(texture(), axis), dx * t, dy * t) for t in (0, 1)] for axis in (0, 1)
        ]
        return instrument.Warp(*frames)

    def test_displacements_are_exact(self):
        ys, xs = np.mgrid[:SIDE, :SIDE] / SIDE
        dx, dy = 6 * np.sin(5 * ys), 9 * np.cos(4 * xs)
        warp = self.warp(dx, dy)
        inner = (slice(20, -20), slice(20, -20))
        self.assertLess(np.abs(warp.off[1][inner] - np.stack([dx, dy], -1)[inner]).max(), 0.25)
        self.assertLess(np.abs(warp.off[0]).max(), 0.15)
        self.assertEqual(warp.folds(1), 0)
        # A point carried by the warp lands where the warp takes it from.
        points = np.array([[60.5, 80.5], [150.0, 120.0]])
        landed = warp.carry(points)[1]
        column, row = landed[:, 0] - 0.5, landed[:, 1] - 0.5
        source = landed + np.stack([6 * np.sin(5 * row / SIDE), 9 * np.cos(4 * column / SIDE)], 1)
        np.testing.assert_allclose(source, points, atol=0.3)

    def test_folds_are_seen(self):
        ys, xs = np.mgrid[:SIDE, :SIDE].astype(float)
        inside = (np.abs(xs - 120) < 20) & (np.abs(ys - 120) < 40)
        self.assertGreater(self.warp(np.where(inside, -2 * (xs - 120), 0), xs * 0).folds(1), 0.02)

    def test_a_repeated_edge_is_seen(self):
        shift = np.full((SIDE, SIDE), 5.0)
        self.assertGreater(self.warp(shift, 0 * shift).outside(1), 0.01)
        ys, xs = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
        self.assertEqual(self.warp(-0.04 * xs, -0.04 * ys).outside(1), 0)

    def test_framing_does_not_bend_a_wall(self):
        ys, xs = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
        wall = np.abs(xs) > 50
        zoom = np.stack([-0.02 * xs, -0.02 * ys], -1)
        self.assertEqual(picture_tests.bent(zoom, wall)[0], 0)
        dent = zoom + np.stack([4 * np.exp(-((xs - 80) ** 2 + ys**2) / 400), 0 * xs], -1)
        self.assertGreater(picture_tests.bent(dent, wall)[0], 0.01)


class Real(unittest.TestCase):
    def test_the_classifier_knows_alike_from_unlike(self):
        rng = np.random.default_rng(1)
        groups = [f"clip {i % 8}" for i in range(40)]
        draw = lambda shift: rng.standard_normal((40, 30)) + shift
        self.assertLess(real_test.classify(draw(0), groups, draw(0), groups)[0], 0.66)
        self.assertGreater(real_test.classify(draw(0), groups, draw(1.5), groups)[0], 0.9)

    def test_captions(self):
        still = {name: np.zeros(38) for name in c.CURVES}
        self.assertEqual(real_test.caption(still), "no blinking")
        ramp = np.linspace(0, 1, 38)
        self.assertEqual(
            real_test.caption(dict(still, yaw=-11 * ramp, lid_l=ramp, lid_r=ramp)), "turn left, blink"
        )
        there_and_back = -11 * np.sin(np.pi * ramp) ** 4
        self.assertEqual(real_test.caption(dict(still, yaw=there_and_back)), "no blinking")

    def test_noise_is_read_where_the_face_moves(self):
        rng = np.random.default_rng(4)
        shift = np.full((SIDE, SIDE), 0.3)
        frames = [
            np.clip(moved(texture(), t * shift, 0 * shift) + rng.normal(0, 3, (SIDE, SIDE, 1)), 0, 255)
            for t in range(8)
        ]
        corners = np.array([[[40.0, 40.0], [200.0, 200.0]]])
        noise = real_test.noise_of([f.astype(np.uint8) for f in frames], corners)
        self.assertAlmostEqual(noise, 3, delta=0.4)


class Rest(unittest.TestCase):
    def test_a_control_that_passes_is_found(self):
        report = r.Report()
        report.add(3, "closes", "model", 0.6, least=0.5)
        report.add(3, "closes", "no motion", 0.7, least=0.5)
        self.assertEqual(report.passing_controls(), [("no motion", 3)])
        self.assertFalse(report.ok())
        report.add(3, "closes", "no motion", 0.0, least=0.5)
        self.assertTrue(report.ok())
        report.add(2, "leak", "model", float("nan"), most=0.25)
        self.assertFalse(report.ok(), "what was not seen has not been shown")

    def test_the_card_is_replaced_between_its_markers(self):
        with tempfile.TemporaryDirectory() as folder:
            card = Path(folder) / "CARD.md"
            card.write_text("# A\n\n" + r.BEGIN + "\nold\n" + r.END + "\n\n## Z\n")
            r.write_card(card, "new")
            r.write_card(card, "newer")
            self.assertEqual(card.read_text(), "# A\n\n" + r.BEGIN + "\nnewer\n" + r.END + "\n\n## Z\n")

    def test_names_decide_the_sample(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("a/1.jpg", "a/2.jpg", "b/3.png", "b/no.txt"):
                path = Path(folder) / name
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(b"")
            first = d.mixed(Path(folder))
            self.assertEqual(len(first), 3)
            self.assertEqual(first, d.mixed(Path(folder)))
            self.assertEqual({p.parent.name for p in first[:2]}, {"a", "b"})
        self.assertEqual(d.mixed(Path(folder) / "absent"), [])

    def test_every_ask_is_in_the_simulators_table(self):
        sets = asks.tag_sets()
        for ask in asks.ASKS:
            self.assertTrue(any(abs(tags.get(ask.tag, 0) - ask.amount) < 1e-6 for tags in sets), ask.name)


@unittest.skipUnless(os.environ.get("KINORA_JUDGES"), "no judges' models")
class Networks(unittest.TestCase):
    def test_points_go_where_the_picture_goes(self):
        folder = Path(os.environ["KINORA_JUDGES"]).parent / "faces"
        judges = j.Judges(os.environ["KINORA_JUDGES"])
        for path in d.mixed(folder)[:12]:
            picture = d.even(cv2.imread(str(path)), 360)
            faces = judges.faces(picture)
            if not faces or faces[0][0][3] - faces[0][0][1] < 90:
                continue
            shift = np.array([[1, 0, 6], [0, 1, -4]], float)
            later = cv2.warpAffine(picture, shift, picture.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
            track = c.Track(judges, [picture, later], faces[0][0])
            off = np.median(track.points[1] - track.points[0], 0)
            np.testing.assert_allclose(off, (6, -4), atol=1.0)
            return
        self.skipTest("no portrait to look at")


if __name__ == "__main__":
    unittest.main()
