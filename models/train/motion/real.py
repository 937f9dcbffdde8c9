"""Windows cut out of tracked clips, as the simulator makes them, with what was measured and what was not.

    python -m motion.real --work WORK      (reads WORK/tracks.npz, writes WORK/real.npz)

Beside coefficients, tags, photo and state a window has `known` [T] (which tags could be measured) and `seen` [C]
(which channels were: the loss looks at no other). A window may begin in the middle of its clip: then an earlier frame
is its "photo", and the state says how far things have come since.
"""
import argparse
import os
import tempfile

import numpy as np

from . import simulate
from .contract import CAMERA, CH, CHANNELS, PH, TAGS, TG, basis
from .track import SEEN, TRACKED

MIRRORED = {"yaw": -1, "roll": -1, "shift_x": -1, "gaze_x": -1}
SWAPPED = {"lid_l": "lid_r", "lid_r": "lid_l", "open_l": "open_r", "open_r": "open_l"}
# Motion that the library cannot show, or that the tracker cannot follow: such windows are left out.
TOO_FAR = dict(yaw=np.radians(20), pitch=np.radians(15), roll=np.radians(15), shift_x=0.4, shift_y=0.3, scale=0.12)
# Second differences of the lids, median: above this the eyes are too small or too blurred to be measured.
LID_NOISE = 0.03
# Where a speed difference at a clip's start fades, seconds; as in the library's curves.rs.
FADE = 0.15
DEGREE = np.pi / 180
_U = simulate._U
_PROJECT = simulate._PROJECT


class Clip:
    """One tracked stretch: curves over seconds, and whether its lids can be trusted."""

    def __init__(self, curves, seen, rate):
        self.at = {name: curve.copy() for name, curve in zip(TRACKED, curves)}
        both = 0.5 * (self.at["lid_l"] + self.at["lid_r"])
        self.lids = np.median(np.abs(np.diff(both, 2))) < LID_NOISE
        # Two eyes blink as one; what the tracker sees of a difference is mostly the head's turn.
        for name in ("lid_l", "lid_r"):
            self.at[name] = both + 0.15 * (self.at[name] - both)
        self.seen = {name: seen[:, i] for i, name in enumerate(SEEN)}
        self.rate, self.frames = rate, len(both)

    @property
    def seconds(self):
        return (self.frames - 1) / self.rate

    def mirrored(self):
        other = object.__new__(Clip)
        other.lids, other.rate, other.frames = self.lids, self.rate, self.frames
        flip = lambda table: {name: MIRRORED.get(name, 1) * table[SWAPPED.get(name, name)] for name in table}
        other.at, other.seen = flip(self.at), flip(self.seen)
        return other

    def curve(self, name, t):
        return np.interp(t * self.rate, np.arange(self.frames), self.at[name])


def load(path, held_out=None, without=()):
    """Clips of tracks.npz: (name, person, held out, Clip)."""
    data = np.load(path)
    for name, person, folder, held, rate in zip(*(data[k] for k in ("names", "people", "folders", "held_out", "rates"))):
        if (held_out is None or held == held_out) and folder not in without:
            yield str(name), str(person), bool(held), Clip(data[f"curves.{name}"], data[f"seen.{name}"], float(rate))


def measured(x, lids, d):
    """What begins in a window: values and known [T] from its curves {name: [points]}, changes since the photo."""
    value, known = np.zeros(len(TAGS), np.float32), np.zeros(len(TAGS), np.float32)

    def say(tag, v):
        value[TG[tag]], known[TG[tag]] = v, 1

    change = lambda name: x[name] - x[name][0]
    reach = lambda name: np.ptp(x[name])
    n = len(x["yaw"])
    for tag in CAMERA_TAGS:
        say(tag, 0)
    if lids:
        lid = 0.5 * (x["lid_l"] + x["lid_r"])
        top = int(lid.argmax())
        whole = lid[0] < 0.25 and lid[-1] < 0.3
        if lid.max() < 0.25:
            say("blink", 0)
        elif whole and lid.max() > 0.75 and 0.03 * n < top < 0.95 * n:
            say("blink", 1)
        if lid.max() < 0.25 or whole:
            say("close", 0), say("wink", 0)
    # A pose: a way that is gone once and kept. What swings to and fro, or is half-way at the end, stays unnamed.
    for tag, name, unit, quiet in (("look_x", "yaw", 12 * DEGREE, 2.5 * DEGREE), ("look_y", "pitch", 8 * DEGREE, 2.2 * DEGREE),
                                   ("tilt", "roll", 8 * DEGREE, 1.8 * DEGREE), ("lean", "scale", 0.055, 0.015),
                                   ("smile", "smile", 1.0, 0.25)):
        tail = x[name][int(0.8 * n):]
        if reach(name) < quiet:
            say(tag, 0)
        elif np.ptp(tail) < 0.25 * reach(name) and abs(tail.mean() - x[name][0]) > 0.7 * reach(name) and d > 0.8 \
                and reach(name) > 1.6 * quiet:
            say(tag, np.clip(tail.mean() / unit, -1.3, 1.3))
    for tag, name, quiet in (("nod", "pitch", 2.2 * DEGREE), ("shake", "yaw", 2.5 * DEGREE), ("gaze_x", "gaze_x", 0.05),
                             ("gaze_y", "gaze_y", 0.04), ("brow", "brow", 0.025)):
        if reach(name) < quiet:
            say(tag, 0)
    mouth = change("mouth")
    steps = np.diff(mouth[np.r_[True, np.abs(np.diff(mouth)) > 1e-4]])
    turns = (np.diff(np.sign(steps)) != 0).sum() if len(steps) > 1 else 0
    if reach("mouth") < 0.03:
        say("talk", 0)
    elif reach("mouth") > 0.06 and turns >= 3:
        say("talk", np.clip(reach("mouth") / 0.125, 0.3, 1.25))
    if np.count_nonzero(value):
        say("still", 0)
    return value, known


CAMERA_TAGS = ["zoom", "pan_x", "pan_y", "orbit", "handheld"]


def window(rng, clip, augment=True, seconds=None, opening=None):
    """One window of a clip as a dict of rows, or None where it shows what the library cannot."""
    stretch = rng.uniform(0.87, 1.15) if augment else 1.0
    longest = min(3.0, clip.seconds * stretch)
    d = seconds or rng.uniform(min(0.8, longest), longest)
    if d > longest + 1e-6:
        return None
    start = rng.uniform(0, longest - d) / stretch if longest - d > 1e-6 else 0.0
    start = min(start, clip.seconds - d / stretch)
    opening = rng.random() < 0.55 if opening is None else opening
    photo_at = start if opening else max(0.0, start - rng.uniform(0.2, 1.5))
    times = np.r_[0, 0.02, _U * d] / stretch + start
    gain = rng.uniform(0.85, 1.15) if augment else 1.0
    x = {}
    for name in TRACKED:
        from_photo = clip.curve(name, times) - clip.curve(name, photo_at)
        if name.startswith("lid"):
            shut = clip.curve(name, photo_at)
            if shut > 0.35:
                return None  # a photo in mid-blink
            # Closure counts from the photo's own opening.
            x[name] = from_photo / (1 - max(shut, 0.0))
        else:
            x[name] = gain * from_photo
            if name in TOO_FAR and np.abs(x[name]).max() > TOO_FAR[name]:
                return None
    t = times[2:] * stretch - start * stretch
    value = {name: x[name][0] for name in TRACKED}
    speed = {name: (x[name][1] - x[name][0]) / 0.02 for name in TRACKED}
    coefficients = np.zeros((_PROJECT.shape[1], len(CHANNELS)), np.float32)
    state = np.zeros(2 * len(CHANNELS) + 1, np.float32)
    for name in TRACKED:
        curve = x[name][2:] - x[name][0]
        if opening:
            # A clip begins at rest; the library fades a missing speed in the same way.
            curve = curve - speed[name] * t * np.exp(-t / FADE)
            x[name] = np.r_[0, 0, curve]
        else:
            state[CH[name]], state[len(CHANNELS) + CH[name]] = value[name], speed[name]
        coefficients[:, CH[name]] = curve @ _PROJECT
    state[-1] = d
    tags, known = measured({name: x[name][2:] for name in TRACKED}, clip.lids, d)
    channels = np.zeros(len(CHANNELS), np.float32)
    channels[[CH[name] for name in TRACKED if clip.lids or not name.startswith("lid")]] = 1
    channels[[CH[name] for name in CAMERA]] = 1
    # Shares of the picture were not measured: those of some portrait.
    photo = portrait(rng)
    here = int(round(photo_at * clip.rate))
    for name in SEEN:
        photo[PH[name]] = clip.seen[name][min(here, clip.frames - 1)]
    if augment:
        for name, size in (("yaw", 0.05), ("pitch", 0.06), ("roll", 0.03), ("smile", 0.04), ("open_l", 0.02), ("open_r", 0.02)):
            photo[PH[name]] += rng.normal(0, size)
        photo[PH["face_size"]] *= np.exp(rng.normal(0, 0.35))
    return dict(coefficients=coefficients, tags=tags, photo=photo, state=state, known=known, seen=channels)


_PORTRAITS = []


def portrait(rng):
    if not _PORTRAITS:
        photo = simulate.draw_photo(np.random.default_rng(77), 4000)
        _PORTRAITS.append(photo[(photo[:, PH["has_face"]] > 0) & (photo[:, PH["face_size"]] > 0.04)])
    rows = _PORTRAITS[0]
    return rows[rng.integers(len(rows))].copy()


def windows(rng, clips, n, **how):
    """n windows drawn from clips in proportion to their length (shorter than two seconds: as two)."""
    both = [side for clip in clips for side in (clip, clip.mirrored())]
    share = np.array([min(max(clip.seconds, 2.0), 3.0) for clip in both])
    rows, tries = [], 0
    while len(rows) < n:
        tries += 1
        if tries > 60 * n:
            raise SystemExit("hardly any window of these clips can be used")
        row = window(rng, both[rng.choice(len(both), p=share / share.sum())], **how)
        if row is not None:
            rows.append(row)
    return {key: np.stack([row[key] for row in rows]).astype(np.float32) for key in rows[0]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", default=os.path.join(tempfile.gettempdir(), "kinora-motion"))
    parser.add_argument("--without", nargs="*", default=[], help="folders of videos/ to leave out")
    parser.add_argument("--count", type=int, default=16000)
    args = parser.parse_args()
    tracks = os.path.join(args.work, "tracks.npz")
    clips = [clip for *_, clip in load(tracks, held_out=False, without=args.without)]
    data = windows(np.random.default_rng(11), clips, args.count)
    np.savez_compressed(os.path.join(args.work, "real.npz"), **data)
    print(f"{args.count} windows of {len(clips)} clips, {sum(c.seconds for c in clips):.0f} s")
    for tag in TAGS:
        i = TG[tag]
        print(f"  {tag:9} known in {data['known'][:, i].mean():.2f}, not zero in {(data['tags'][:, i] != 0).mean():.3f}")


if __name__ == "__main__":
    main()
