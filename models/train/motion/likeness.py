"""How like real people's motion is what the network samples? Against tracked clips (motion.track).

    python -m motion.likeness MODEL.onnx --work WORK [--tracks WORK/tracks.npz]

Three questions, each with its controls (real against real, the simulator, the mean of the training windows, no motion):
- can a logistic classifier on curve statistics tell tracked curves from sampled ones? Folds are by person.
- is the best of eight samples nearer to what a held-out person did than no motion is, at a like magnitude?
- does the right photo matter for real windows (denoising error, photo and state of another window)?
"""
import argparse
import json
import os
import tempfile

import numpy as np

from . import real, simulate
from .contract import CH, CHANNELS, PH, TAGS, TG, basis
from .sampling import Motion, noise_for
from .track import TRACKED

SECONDS = 1.6
FRAMES = 41  # 25 a second, as GRID has them
# What a unit of each channel moves on a face, in inter-ocular distances (an eye's height and width are 0.12 and 0.4).
MOVES = dict(yaw=1.0, pitch=1.0, roll=1.0, shift_x=1.0, shift_y=1.0, scale=1.0, lid_l=0.12, lid_r=0.12, gaze_x=0.4, gaze_y=0.4,
             brow=1.0, smile=0.12, mouth=1.0)
INDEX = [CH[name] for name in TRACKED]
WEIGHT = np.array([MOVES[name] for name in TRACKED])


def series(coefficients):
    """[n, tracked channels, FRAMES] curves, changes since the window's start."""
    x = np.einsum("bkc,kp->bcp", coefficients, basis(np.linspace(0, 1, FRAMES)))
    return x[:, INDEX]


def statistics(x, lids):
    """What an eye would look at: how far, how fast, how jerky each channel goes, and how channels go together."""
    x = x.copy()
    for i, name in enumerate(TRACKED):
        if name.startswith("lid"):
            x[:, i] = np.where(lids[:, None], np.clip(x[:, i], 0, 1), 0)
    v = np.diff(x, axis=2) * (FRAMES - 1) / SECONDS
    a = np.diff(v, axis=2) * (FRAMES - 1) / SECONDS
    small = 1e-3
    size, pace, jerk = (np.log(np.sqrt((y ** 2).mean(2)) * WEIGHT + small) for y in (x - x.mean(2, keepdims=True), v, a))
    end = np.abs(x[:, :, -1]) * WEIGHT
    turns = (np.diff(np.sign(v + 1e-9), axis=2) != 0).mean(2)
    top = x.max(2) * WEIGHT
    flat = [size, pace, jerk, np.log(end + small), turns, top]
    head = np.abs(v[:, :3]).mean(2)
    together = [np.sum(v[:, TRACKED.index(one)] * v[:, TRACKED.index(two)], 1)
                / (np.linalg.norm(v[:, TRACKED.index(one)], axis=1) * np.linalg.norm(v[:, TRACKED.index(two)], axis=1) + 1e-6)
                for one, two in (("yaw", "shift_x"), ("pitch", "shift_y"), ("roll", "shift_x"), ("mouth", "smile"))]
    out = np.concatenate([*flat, np.log(head + small), np.stack(together, 1)], 1)
    # Windows without trusted lids must not be told by that.
    for i, name in enumerate(TRACKED):
        if name.startswith("lid"):
            out[:, [block * len(TRACKED) + i for block in range(len(flat))]] *= lids[:, None]
    return out


def logistic(x, y, weight, ridge=0.03, rounds=400):
    """Weights of a ridge logistic regression (gradient descent with momentum; features are standardised)."""
    w, b, speed, lift = np.zeros(x.shape[1]), 0.0, np.zeros(x.shape[1]), 0.0
    weight = weight / weight.sum()
    for _ in range(rounds):
        error = weight * (1 / (1 + np.exp(-(x @ w + b))) - y)
        speed = 0.9 * speed - 0.3 * (x.T @ error + ridge * w)
        lift = 0.9 * lift - 0.3 * error.sum()
        w, b = w + speed, b + lift
    return w, b


def told_apart(one, other, people, test=None, rounds=400):
    """Share of windows that a classifier sorts rightly, folds by person; 95% interval by bootstrap over people.

    one, other: statistics of tracked and of sampled windows, row by row of the same people. `test` names the people to
    be judged (others only train).
    """
    names = sorted(set(people))
    right = {}
    for person in names:
        if test is not None and person not in test:
            continue
        out = people == person
        train = np.concatenate([one[~out], other[~out]])
        y = np.r_[np.ones((~out).sum()), np.zeros((~out).sum())]
        # Every person counts alike.
        share = np.array([1 / (people == p).sum() for p in people[~out]])
        mean, deviation = train.mean(0), train.std(0) + 1e-6
        scaled = lambda z: np.clip((z - mean) / deviation, -4, 4)
        w, b = logistic(scaled(train), y, np.r_[share, share], rounds=rounds)
        right[person] = 0.5 * ((scaled(one[out]) @ w + b > 0).mean() + (scaled(other[out]) @ w + b < 0).mean())
    scores = np.array(list(right.values()))
    rng = np.random.default_rng(0)
    draws = [rng.choice(scores, len(scores)).mean() for _ in range(2000)]
    return dict(accuracy=round(float(scores.mean()), 3), interval=[round(float(q), 3) for q in np.quantile(draws, [0.025, 0.975])],
                people=len(scores))


def sampled(motion, windows, tags, seed, **how):
    n = len(windows["tags"])
    return motion.sample(tags, windows["photo"], windows["state"], noise_for(range(seed, seed + n)), **how)


def people_windows(tracks, held_out, each, seed, **how):
    """`each` windows of every clip (not stretched; half of them mirrored), the persons' names, the clips' names."""
    rng, parts, people, names = np.random.default_rng(seed), [], [], []
    for name, person, _, clip in real.load(tracks, held_out=held_out):
        if clip.seconds < SECONDS:
            continue
        rows, tries = [], 0
        sides = (clip, clip.mirrored())
        while len(rows) < each and tries < 40 * each:
            tries += 1
            row = real.window(rng, sides[tries % 2], augment=False, **how)
            if row is not None:
                rows.append(row)
        parts += rows
        people += [person] * len(rows)
        names += [name] * len(rows)
    return {key: np.stack([row[key] for row in parts]) for key in parts[0]}, np.array(people), np.array(names)


def classifier(motion, tracks, each=12, **how):
    """Unasked: every tag unknown, the same photo features and state, other seeds."""
    windows, people, _ = people_windows(tracks, None, each, 5, seconds=SECONDS, opening=True)
    again, *_ = people_windows(tracks, None, each, 6, seconds=SECONDS, opening=True)
    n = len(people)
    held = {person for _, person, out, _ in real.load(tracks) if out}
    lids = windows["seen"][:, CH["lid_l"]] > 0
    truth = statistics(series(windows["coefficients"]), lids)
    unknown = np.zeros((n, 2 * len(TAGS)), np.float32)
    guess = statistics(series(sampled(motion, windows, unknown, 40_000, **how)), lids)
    # The simulator's own unasked motion on portraits, and no motion at all.
    simulated = simulate.draw(np.random.default_rng(9_000), 12_000)
    fit = (simulated["photo"][:, PH["has_face"]] > 0) & (simulated["photo"][:, PH["face_size"]] > 0.04) \
        & (simulated["state"][:, :len(CHANNELS)] == 0).all(1) & (np.abs(simulated["state"][:, -1] - SECONDS) < 0.3)
    rows = np.flatnonzero(fit)[np.arange(n) % fit.sum()]
    control = statistics(series(simulated["coefficients"][rows]), lids)
    still = statistics(np.zeros((n, len(TRACKED), FRAMES)), lids)
    out = {}
    for name, other in (("model", guess), ("simulator", control), ("no_motion", still)):
        out[name] = told_apart(truth, other, people)
        out[name]["held_out_people"] = told_apart(truth, other, people, held)["accuracy"]
    # Real against other windows of the same clips: what chance looks like here.
    if len(again["tags"]) == n:
        out["real_against_real"] = told_apart(truth, statistics(series(again["coefficients"]), lids), people)
    return out


def best_of(motion, tracks, samples=8, each=10, **how):
    """Distance of the nearest of eight samples to what held-out people did, over that of no motion (displacements).

    From rest: a clip's first window. Under way: a later one, whose state says where things are and how fast they go.
    """
    out = {}
    for opening, kind in ((True, "from_rest"), (False, "under_way")):
        windows, people, _ = people_windows(tracks, True, each, 15, seconds=SECONDS, opening=opening)
        out[kind] = _best_of(motion, tracks, windows, people, samples, opening, **how)
    return out


def _best_of(motion, tracks, windows, people, samples, opening, **how):
    n = len(people)
    seen = windows["seen"][:, INDEX][:, :, None] * WEIGHT[None, :, None]
    truth = series(windows["coefficients"]) * seen
    length = lambda x: np.sqrt((x ** 2).sum((1, 2)))
    known = np.concatenate([windows["tags"] * windows["known"], windows["known"]], 1)
    train = [clip for *_, clip in real.load(tracks, held_out=False)]
    mean = real.windows(np.random.default_rng(3), train, 600, opening=opening)["coefficients"].mean(0)
    others = real.windows(np.random.default_rng(4), train, samples * n, seconds=SECONDS, opening=opening)["coefficients"]
    out = {}
    for name, tags in (("told_what_was_measured", known), ("unasked", np.zeros_like(known))):
        tries = np.stack([series(sampled(motion, windows, tags, 50_000 + 1000 * i, **how)) for i in range(samples)]) * seen
        near = np.array([length(x - truth) for x in tries]).min(0)
        out[name] = figures(near, length(truth), np.median([length(x) for x in tries], 0), people)
    tries = series(others).reshape(samples, n, len(TRACKED), FRAMES) * seen
    near = np.array([length(x - truth) for x in tries]).min(0)
    out["other_people"] = figures(near, length(truth), np.median([length(x) for x in tries], 0), people)
    out["training_mean"] = figures(length(series(mean[None]) * seen - truth), length(truth), length(series(mean[None]) * seen), people)
    return out


def figures(near, size, own, people):
    """near / no motion (which is as far away as the motion is long), and how long the samples are beside it."""
    return dict(nearer=round(float(1 - near.sum() / size.sum()), 3), nearer_median=round(float(np.median(1 - near / size)), 3),
                windows_nearer=round(float((near < 0.95 * size).mean()), 3), magnitude=round(float(np.median(own / size)), 3),
                by_person={str(p): round(float(1 - near[people == p].sum() / size[people == p].sum()), 3) for p in sorted(set(people))})


def gap(motion, tracks, each=24):
    """Denoising error on held-out people's windows: own photo, another window's photo, all tags unknown."""
    windows, *_ = people_windows(tracks, True, each, 25, opening=False)
    probe = motion.denoise(np.ones((1, 16, len(CHANNELS)), np.float32), 0.5, np.zeros((1, 2 * len(TAGS)), np.float32),
                           windows["photo"][:1], windows["state"][:1])
    scale = probe[1] / probe[0]
    clean = (windows["coefficients"] / scale).astype(np.float32)
    seen = windows["seen"][:, None]
    tags = np.concatenate([windows["tags"] * windows["known"], windows["known"]], 1)
    noise = np.random.default_rng(8).standard_normal(clean.shape).astype(np.float32)
    order = np.random.default_rng(9).permutation(len(clean))
    out = {}
    for t in (0.1, 0.3, 0.6, 0.85):
        x = (t * clean + (1 - t) * noise).astype(np.float32)
        errors = [float((((motion.denoise(x, t, tag, photo, state)[0] - clean) * seen) ** 2).mean())
                  for tag, photo, state in ((tags, windows["photo"], windows["state"]), (tags, windows["photo"][order], windows["state"]),
                                            (tags, windows["photo"][order], windows["state"][order]),
                                            (0 * tags, windows["photo"], windows["state"]))]
        out[str(t)] = dict(zip(("matched", "shuffled_photo", "shuffled_photo_and_state", "no_tags"), (round(e, 4) for e in errors)))
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--work", default=os.path.join(tempfile.gettempdir(), "kinora-motion"))
    parser.add_argument("--tracks", help="what motion.track wrote; default WORK/tracks.npz")
    parser.add_argument("--guidance", type=float)
    parser.add_argument("--steps", type=int)
    args = parser.parse_args()
    tracks = args.tracks or os.path.join(args.work, "tracks.npz")
    motion = Motion(args.model)
    how = {k: getattr(args, k) for k in ("steps", "guidance")}
    report = dict(classifier=classifier(motion, tracks, **how), best_of_8=best_of(motion, tracks, **how), gap=gap(motion, tracks))
    os.makedirs(args.work, exist_ok=True)
    with open(os.path.join(args.work, "likeness.json"), "w") as file:
        json.dump(report, file, indent=1)
    for name, table in report.items():
        print(name)
        for key, value in table.items():
            print("  ", key, value)


if __name__ == "__main__":
    main()
