"""Test 5: real clips and generated ones, followed by the same tracker at the same rate and length."""

import cv2
import numpy as np

from . import data as d
from .curves import CURVES, Track, inter_ocular

SECONDS, RATE = 1.5, 25.0
STRIDE = 0.6  # seconds between windows of one clip
KEPT = 0.5  # seconds at a window's end in which a pose must stand to be one
SMOOTH = 1.5  # frames: what is faster is the tracker's noise
LEAST_FPS = 18
# What strength 1 is worth here; distances and captions are in these.
NOMINAL = dict(
    yaw=12.0,
    pitch=6.0,
    roll=8.0,
    shift_x=0.35,
    shift_y=0.3,
    scale=0.06,
    smile=0.06,
    brow=0.06,
    mouth=0.07,
    lid_l=0.6,
    lid_r=0.6,
)
CAPTIONS = [
    ("yaw", "turn right", "turn left"),
    ("pitch", "look down", "look up"),
    ("roll", "tilt right", "tilt left"),
    ("smile", "smile", "frown"),
    ("brow", "raise brows", None),
]


def resampled(curves, fps):
    """Curves at RATE for SECONDS, smoothed."""
    n = int(SECONDS * RATE)
    out = {}
    for name, values in curves.items():
        at = np.interp(np.arange(n) / RATE, np.arange(len(values)) / fps, values)
        out[name] = smooth(at) - smooth(at)[0] if not name.startswith("lid") else smooth(at)
    return out


def smooth(x):
    r = np.arange(-5, 6)
    kernel = np.exp(-0.5 * (r / SMOOTH) ** 2)
    return np.convolve(np.pad(x, 5, mode="edge"), kernel / kernel.sum(), "valid")


def windows(ctx, most):
    """Stretches of real clips with a face that is well seen and starts with open eyes."""
    out, files = [], 0
    for path in ctx.data.clips():
        frames, fps = d.frames_of(path)
        if fps < LEAST_FPS or len(frames) < SECONDS * fps + 1:
            continue
        frames = [d.even(frame, d.SIZE) for frame in frames]
        faces = ctx.judges.faces(frames[0])
        if not faces:
            continue
        track = Track(ctx.judges, frames, faces[0][0], lids=True)
        if track.unit < 16 or np.quantile(track.confidence.mean(1), 0.1) < 0.6:
            continue
        files += 1
        length, start = int(np.ceil(SECONDS * fps)), 0
        usual = np.quantile(track.opening.mean(1), 0.7)
        while start + length < len(frames):
            # The photo to animate is one with open eyes.
            best = start + int(np.argmax(track.opening[start : start + int(0.2 * fps) + 1].mean(1)))
            if best + length >= len(frames):
                break
            if track.opening[best].mean() > 0.8 * usual:
                out.append(cut(ctx, path, frames, fps, track, best, length))
            start = best + int(STRIDE * fps)
    by_file = {}
    for window in out:
        by_file.setdefault(window["file"], []).append(window)
    # From each clip in turn, so that no person fills the test.
    order = [
        w
        for turn in range(max(map(len, by_file.values()), default=0))
        for ws in by_file.values()
        for w in ws[turn : turn + 1]
    ]
    return order[:most], files


def cut(ctx, path, frames, fps, track, start, length):
    part = slice(start, start + length + 1)
    points = track.points[part]
    from .curves import curves_of

    curves = curves_of(points)
    for i, name in enumerate(("lid_l", "lid_r")):
        curves[name] = 1 - track.opening[part, i] / max(track.opening[start, i], 0.05)
    window = dict(
        file=path.name,
        fps=fps,
        curves=resampled(curves, fps),
        points=displacement(points, fps),
        noise=noise_of(frames[part], points),
        photo=ctx.data.prepare(f"{path.name} {start}", frames[start]),
    )
    window["prompt"] = caption(window["curves"])
    return window


def noise_of(frames, points):
    """Deviation of what camera and codec add to each frame, on the face: the judge reads nothing else.

    Second differences in time, so that steady motion cancels. Between the frames of a still background
    a codec changes nothing, and a whole frame's median would call a noisy face clean.
    """
    (x1, y1), (x2, y2) = np.maximum(points[0].min(0), 0).astype(int), points[0].max(0).astype(int)
    a, b, c = (
        np.stack([cv2.cvtColor(f[y1:y2, x1:x2], cv2.COLOR_BGR2GRAY) for f in part]).astype(np.float32)
        for part in (frames[:-2], frames[1:-1], frames[2:])
    )
    return float(np.median(np.abs(a - 2 * b + c)) * 1.4826 / np.sqrt(6))


def displacement(points, fps):
    """Where the 66 points go, in inter-ocular distances, at RATE: [T, 66, 2]."""
    moved = (points - points[0]) / inter_ocular(points[0])
    n = int(SECONDS * RATE)
    flat = moved.reshape(len(moved), -1)
    at = np.stack(
        [smooth(np.interp(np.arange(n) / RATE, np.arange(len(flat)) / fps, column)) for column in flat.T], 1
    )
    return (at - at[0]).reshape(n, 66, 2)


def caption(curves):
    """What a person would ask for to get this, in the library's words.

    There a look, a tilt or a smile is a pose that is taken and kept, so what counts is where the
    window ends and not how far it went on the way.
    """
    said = []
    for name, more, less in CAPTIONS:
        size = curves[name][-int(KEPT * RATE) :].mean() / NOMINAL[name]
        word = more if size > 0 else less
        if word and abs(size) > 0.35:
            said.append(
                f"{word} slightly" if abs(size) < 0.7 else f"{word} a lot" if abs(size) > 1.1 else word
            )
    if np.ptp(curves["mouth"]) > 0.04:
        said.append("talk")
    lids = (curves["lid_l"] + curves["lid_r"]) / 2
    said.append("blink" if lids.max() > 0.45 else "no blinking")
    return ", ".join(said)


def real(ctx, system, found, seeds):
    jobs = [
        dict(
            ctx.job(system, w["photo"], w["prompt"], key=(i, s)),
            seconds=SECONDS + 1 / w["fps"],
            fps=w["fps"],
            seed=500 + s,
        )
        for i, w in enumerate(found)
        for s in range(seeds)
    ]
    made = {}
    for job, said, frames in ctx.renderer.clips(jobs):
        if frames is None:
            continue
        i, s = job["key"]
        w = found[i]
        rng = np.random.default_rng(i * 100 + s)
        if w["noise"] > 0.3:
            frames = [
                (
                    np.clip(f + rng.normal(0, w["noise"], f.shape[:2])[..., None], 0, 255).astype(np.uint8)
                    if t
                    else f
                )
                for t, f in enumerate(frames)
            ]
        track = Track(ctx.judges, frames, w["photo"].box, lids=True)
        made[i, s] = dict(
            curves=resampled(track.curves, w["fps"]), points=displacement(track.points, w["fps"])
        )
    if not made:
        return ctx.report.skip("real: no clip was rendered")
    distances(ctx, system, found, made, seeds)
    real_rows = np.array([features(w["curves"]) for w in found])
    made_rows = np.array([features(m["curves"]) for m in made.values()])
    groups = [w["file"] for w in found]
    made_groups = [found[i]["file"] for i, _ in made]
    accuracy, low, high = classify(real_rows, groups, made_rows, made_groups)
    ctx.report.add(
        5,
        "real or generated: balanced accuracy of a classifier",
        system,
        accuracy,
        most=0.65,
        count=len(real_rows),
        note=f"{system}: 90% interval {low:.2f} to {high:.2f}, {len(set(groups))} clips",
    )


def distances(ctx, system, found, made, seeds):
    best, none, curve_best, curve_none, size = [], [], [], [], []
    flat = lambda curves: np.stack([curves[name] / NOMINAL[name] for name in CURVES])
    rms = lambda x: np.sqrt(np.mean(x**2))
    for i, w in enumerate(found):
        mine = [made[i, s] for s in range(seeds) if (i, s) in made]
        if not mine:
            continue
        none.append(rms(w["points"]))
        best.append(min(rms(w["points"] - m["points"]) for m in mine))
        curve_none.append(rms(flat(w["curves"])))
        curve_best.append(min(rms(flat(w["curves"]) - flat(m["curves"])) for m in mine))
        size.append(np.median([rms(m["points"]) for m in mine]))
    ctx.report.add(
        5,
        f"best of {seeds}: nearer to the real points than no motion",
        system,
        1 - np.mean(best) / np.mean(none),
        least=0.05,
        count=len(none),
    )
    ctx.report.add(
        5,
        "size of the motion over the real one's",
        system,
        np.median(np.array(size) / np.array(none)),
        least=0.5,
        most=2.0,
        count=len(none),
    )
    ctx.report.add(
        5,
        f"best of {seeds}: nearer in normalised curves",
        system,
        1 - np.mean(curve_best) / np.mean(curve_none),
        count=len(none),
    )


def features(curves):
    """Statistics of a window: how far, how fast, how jerky, how often it turns back."""
    row = []
    for name in CURVES:
        x = curves[name] / NOMINAL[name]
        v = np.diff(x) * RATE
        a = np.diff(v) * RATE
        log = lambda value: np.log(0.02 + value)
        turns = np.sum(np.diff(np.sign(v[np.abs(v) > 0.05])) != 0) if (np.abs(v) > 0.05).sum() > 1 else 0
        row += [
            log(x.std()),
            log(np.ptp(x)),
            log(v.std()),
            log(np.abs(v).max()),
            log(a.std() / 10),
            turns,
            abs(x[-1]),
            np.abs(v).max() / (v.std() + 0.05),
        ]
    return np.array(row)


def classify(real_rows, real_groups, made_rows, made_groups, strength=3.0, rounds=200):
    """Balanced accuracy of logistic regression, folds by clip, and a bootstrap interval over clips."""
    names = sorted(set(real_groups))
    folds = {name: i % min(8, len(names)) for i, name in enumerate(names)}
    x = np.vstack([real_rows, made_rows])
    y = np.array([1] * len(real_rows) + [0] * len(made_rows))
    groups = np.array(list(real_groups) + list(made_groups))
    fold = np.array([folds[g] for g in groups])
    hit = np.zeros(len(y))
    for k in sorted(set(fold)):
        train, test = fold != k, fold == k
        if len(set(y[train])) < 2:
            continue
        mean, deviation = x[train].mean(0), x[train].std(0) + 1e-6
        weights = fit((x[train] - mean) / deviation, y[train], strength)
        score = np.hstack([(x[test] - mean) / deviation, np.ones((test.sum(), 1))]) @ weights
        hit[test] = (score > 0) == (y[test] == 1)
    balanced = lambda pick: (hit[pick & (y == 1)].mean() + hit[pick & (y == 0)].mean()) / 2
    everything = np.ones(len(y), bool)
    rng = np.random.default_rng(3)
    of = {name: (hit[(groups == name) & (y == 1)], hit[(groups == name) & (y == 0)]) for name in names}
    draws = []
    for _ in range(rounds):
        drawn = [of[names[i]] for i in rng.integers(0, len(names), len(names))]
        draws.append(np.mean([np.concatenate([pair[side] for pair in drawn]).mean() for side in (0, 1)]))
    return balanced(everything), *np.nanquantile(draws, [0.05, 0.95])


def fit(x, y, strength, steps=30):
    """Ridge logistic regression by Newton steps, both classes weighing the same."""
    x = np.hstack([x, np.ones((len(x), 1))])
    share = np.where(y == 1, 0.5 / max(y.mean(), 1e-6), 0.5 / max(1 - y.mean(), 1e-6))
    ridge = np.full(x.shape[1], strength)
    ridge[-1] = 1e-3
    w = np.zeros(x.shape[1])
    for _ in range(steps):
        p = 1 / (1 + np.exp(-np.clip(x @ w, -30, 30)))
        gradient = x.T @ (share * (p - y)) + ridge * w
        hessian = (x * (share * p * (1 - p))[:, None]).T @ x + np.diag(ridge)
        step = np.linalg.solve(hessian, gradient)
        w -= step
        if np.abs(step).max() < 1e-6:
            break
    return w
