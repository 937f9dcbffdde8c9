"""Tests 6 and 7: the laws that every frame keeps, and what the eye would notice."""

import cv2
import numpy as np

from . import asks as a
from .curves import Track
from .instrument import Warp, coded

FACE_PROMPTS = ["turn left, smile", "look down, talk", "tilt right, raise brows, blink"]
CAMERA_PROMPTS = ["zoom out", "pan left a lot, turn right"]
RATES = (24, 25, 30, 60)
# A wall is what is farther from the judge's person mask than this share of the face's height. Nearer than that
# it has to stretch, since nothing is painted behind a head that moves.
AWAY = 0.3
STILL = 1.0  # pixels that a wall may seem to move by


def physics(ctx, system, portraits, scenes):
    jobs = []
    for n, photo in enumerate([*portraits, *scenes]):
        face = photo.box is not None
        prompts = (
            FACE_PROMPTS[n % 3 : n % 3 + 1] + CAMERA_PROMPTS[n % 2 : n % 2 + 1]
            if face
            else ["", CAMERA_PROMPTS[n % 2]]
        )
        for prompt in prompts:
            jobs.append(dict(ctx.job(system, photo, prompt, key=(photo, prompt)), seconds=1.5, fps=12))
    alike, late, sharp, sharp_all = [], [], [], []
    for job, said, frames in ctx.renderer.clips(jobs):
        photo, prompt = job["key"]
        if frames is None:
            ctx.report.skip(f"a clip of {photo.name}: {said['error']}")
            continue
        same = min(cv2.PSNR(frames[0], photo.image), 99.0) if frames[0].shape == photo.image.shape else 0.0
        # A zoom out has to begin nearer than the photo, or it would end outside of it.
        (late if "zoom out" in prompt else alike).append(same)
        if not any(word in prompt for word in ("zoom", "lean")):
            ratio = np.array([sharpness(frame) for frame in frames]) / max(sharpness(photo.image), 1e-6)
            sharp.append(np.median(ratio))
            sharp_all.append(ratio.min())
    if not alike:
        return ctx.report.skip("physics: no photo")
    ctx.report.add(
        6, "frame 0 against the photo, least PSNR (dB)", system, min(alike), least=40, count=len(alike)
    )
    if late:
        ctx.report.add(
            6, "the same for a zoom out, which begins nearer (dB)", system, min(late), count=len(late)
        )
    ctx.report.add(
        6,
        "sharpness of a clip's frames over the photo's, worst tenth",
        system,
        np.quantile(sharp, 0.1),
        least=0.9,
        count=len(sharp),
    )
    ctx.report.add(
        6,
        "sharpness of the least sharp frame, median clip",
        system,
        np.median(sharp_all),
        count=len(sharp_all),
    )


def sharpness(bgr):
    """Mean size of the gradient: Sobel's, of the luma."""
    grey = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)
    return float(np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)).mean())


def warps(ctx, photos_prompts, models=None, **how):
    """Exact displacement fields: each photo is rendered twice, coded along x and along y."""
    jobs = []
    for n, (photo, prompt) in enumerate(photos_prompts):
        for axis in (0, 1):
            path = ctx.data.work / f"coded_{n}_{axis}.png"
            cv2.imwrite(str(path), coded(photo.image, axis))
            job = ctx.job("model", photo, prompt, key=(photo, prompt, axis))
            jobs.append(dict(job, photo=path, models=str(models or ctx.blue), **how))
    half = None
    for job, said, frames in ctx.renderer.clips(jobs):
        photo, prompt, axis = job["key"]
        if frames is None:
            ctx.report.skip(f"the exact warp of {photo.name}: {said['error']}")
            half = None
        elif axis == 0:
            half = frames
        elif half is not None:
            yield photo, prompt, Warp(half, frames)


def exact(ctx, portraits, scenes):
    """Folds, samples outside the photo, walls: from the library's own warp, without flow's guesses."""
    if ctx.blue is None:
        return
    pairs = [(photo, FACE_PROMPTS[n % 3]) for n, photo in enumerate(portraits)]
    pairs += [(photo, CAMERA_PROMPTS[n % 2]) for n, photo in enumerate([*portraits[:4], *scenes])]
    folds, worst, outside, walls, drift, unread = [], [], [], [], [], []
    for photo, prompt, warp in warps(ctx, pairs, seconds=1.5, fps=12):
        frames = range(1, len(warp.off))
        each = [warp.folds(t) for t in frames]
        folds.append(np.mean(each)), worst.append(max(each))
        outside.append(max(warp.outside(t) for t in frames))
        unread.append(1 - warp.read.mean())
        if photo.box is not None and prompt in FACE_PROMPTS:
            wall = wall_of(ctx, photo)
            if wall.mean() > 0.08:
                each = [bent(warp.off[t], wall & warp.read[t]) for t in frames]
                walls.append(max(share for share, _ in each))
                drift.append(max(size for _, size in each))
    if not folds:
        return ctx.report.skip("exact warp: nothing was rendered")
    ctx.report.add(
        6,
        "folds: pixels where the warp turns over, worst clip's mean (%)",
        "model",
        100 * max(folds),
        most=0.1,
        count=len(folds),
    )
    ctx.report.add(6, "folds in the worst frame (%)", "model", 100 * max(worst), count=len(folds))
    ctx.report.add(
        6,
        "frame that repeats the photo's edge, worst frame (%)",
        "model",
        100 * max(outside),
        most=0.1,
        count=len(outside),
    )
    ctx.report.add(
        6, "pixels shaded too much to be read (%)", "model", 100 * np.mean(unread), count=len(unread)
    )
    if walls:
        ctx.report.add(
            7,
            "walls that bend by over 1 px with no camera asked, median clip (%)",
            "model",
            100 * np.median(walls),
            most=2.0,
            count=len(walls),
        )
        ctx.report.add(7, "walls, worst clip (%)", "model", 100 * max(walls), count=len(walls))
        ctx.report.add(
            7, "what framing alone moves them by, worst clip (pixels)", "model", max(drift), count=len(drift)
        )


def bent(off, wall):
    """Share of the wall that moves otherwise than the picture's framing, and how far framing moves it.

    Framing hides borders by a slow zoom of a percent or so: a similarity, which nobody sees as a moving wall.
    """
    ys, xs = np.nonzero(wall)
    at, to = np.stack([xs, ys], 1).astype(np.float64), off[wall].astype(np.float64)
    keep = np.ones(len(at), bool)
    for _ in range(3):
        x, y = at[keep].T
        one, none = np.ones_like(x), np.zeros_like(x)
        rows = np.vstack([np.stack([x, -y, one, none], 1), np.stack([y, x, none, one], 1)])
        a, b, u, v = np.linalg.lstsq(rows, to[keep].T.ravel(), rcond=None)[0]
        framed = np.stack([a * at[:, 0] - b * at[:, 1] + u, b * at[:, 0] + a * at[:, 1] + v], 1)
        left = np.linalg.norm(to - framed, axis=1)
        keep = left <= max(np.median(left) * 3, 0.2)
    return float((left > STILL).mean()), float(np.linalg.norm(framed, axis=1).max())


def wall_of(ctx, photo):
    reach = int(AWAY * (photo.box[3] - photo.box[1])) * 2 + 1
    person = (ctx.judges.person(photo.image) > 0.3).astype(np.uint8)
    x0, y0, x1, y1 = photo.box.astype(int)
    person[max(0, y0) : y1, max(0, x0) : x1] = 1
    return cv2.dilate(person, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))) == 0


def loops(ctx, photos):
    jobs = [
        dict(ctx.job("model", photo, "turn right, smile, blink", key=i), seconds=2.0, fps=24, looping=True)
        for i, photo in enumerate(photos)
    ]
    jumps, back = [], []
    for job, said, frames in ctx.renderer.clips(jobs):
        if frames is None:
            continue
        step = lambda a, b: float(np.abs(a.astype(np.int16) - b).mean())
        steps = [step(x, y) for x, y in zip(frames, frames[1:])]
        jumps.append(step(frames[-1], frames[0]) / max(max(steps), 1e-3))
        back.append(step(frames[-1], frames[0]) / max(max(step(frames[0], f) for f in frames), 1e-3))
    if jumps:
        ctx.report.add(
            6,
            "loop: step from the last frame to the first over the largest step",
            "model",
            max(jumps),
            most=1.0,
            count=len(jumps),
        )


def judder(ctx, photos):
    """Does motion go on evenly at every frame rate? From the exact warp."""
    if ctx.blue is None:
        return
    sudden, apart = {}, []
    for photo in photos:
        paths = {}
        for rate in RATES:
            for _, _, warp in warps(ctx, [(photo, "turn right slowly, pan left")], seconds=2.0, fps=rate):
                good = warp.read.all(0)
                paths[rate] = warp.off[:, good].mean(1)
        for rate, path in paths.items():
            v = np.diff(path, axis=0) * rate
            most = np.linalg.norm(v, axis=1).max()
            # How fast speed changes, over speed: a frame shown twice makes this the frame rate itself.
            sudden.setdefault(rate, []).append(
                np.linalg.norm(np.diff(v, axis=0), axis=1).max() * rate / max(most, 1e-6)
            )
        if len(paths) == len(RATES):
            at = lambda rate: np.stack(
                [
                    np.interp(np.arange(0, 1.9, 0.1), np.arange(len(paths[rate])) / rate, c)
                    for c in paths[rate].T
                ],
                1,
            )
            apart.append(max(np.abs(at(rate) - at(RATES[0])).max() for rate in RATES[1:]))
    for rate, values in sudden.items():
        ctx.report.add(
            6,
            f"judder at {rate} frames a second: change of speed a second over speed",
            "model",
            max(values),
            most=18.0,
            count=len(values),
        )
    if apart:
        ctx.report.add(
            6,
            "the same motion at every frame rate, apart by (pixels)",
            "model",
            max(apart),
            most=0.5,
            count=len(apart),
        )


def eye(ctx, system, photos, folder):
    """Contact sheets for a person, and guards for what a person would notice first."""
    jobs = [
        dict(ctx.job(system, photo, text, key=(i, k)), seconds=1.5, fps=12)
        for i, photo in enumerate(photos)
        for k, text in enumerate(a.EYE)
    ]
    lost, rows = [], {}
    for job, said, frames in ctx.renderer.clips(jobs):
        i, k = job["key"]
        if frames is None:
            continue
        track = Track(ctx.judges, frames, photos[i].box)
        confidence = track.confidence.mean(1)
        lost.append(confidence.min() / max(confidence[0], 1e-3))
        if folder is not None:
            change = [np.abs(f.astype(np.int16) - frames[0]).mean() for f in frames]
            rows.setdefault(i, {})[k] = [frames[len(frames) // 4], frames[int(np.argmax(change))], frames[-1]]
    if not lost:
        return ctx.report.skip("the eye: no portrait")
    ctx.report.add(
        7,
        "judge's confidence in the face over the photo's, worst tenth of clips",
        system,
        np.quantile(lost, 0.1),
        least=0.8,
        count=len(lost),
    )
    ctx.report.add(7, "the same, worst clip", system, min(lost), count=len(lost))
    if folder is not None:
        sheets(folder, photos, rows)


def sheets(folder, photos, rows, side=224, per=5):
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("sheet_*.png"):
        old.unlink()
    keys = sorted(rows)
    for page, at in enumerate(range(0, len(keys), per)):
        lines = []
        for i in keys[at : at + per]:
            frames = [photos[i].image] + [frame for k in sorted(rows[i]) for frame in rows[i][k]]
            line = np.hstack([tile(frame, side) for frame in frames])
            head = np.full((18, line.shape[1], 3), 255, np.uint8)
            for column, words in [
                (0, photos[i].name[-34:]),
                *((1 + 3 * n, a.EYE[k]) for n, k in enumerate(sorted(rows[i]))),
            ]:
                cv2.putText(
                    head,
                    words,
                    (4 + column * side, 13),
                    cv2.FONT_HERSHEY_SIMPLEX,
                    0.4,
                    (0, 0, 0),
                    1,
                    cv2.LINE_AA,
                )
            lines.append(np.vstack([head, line]))
        width = max(line.shape[1] for line in lines)
        lines = [np.pad(line, ((0, 0), (0, width - line.shape[1]), (0, 0))) for line in lines]
        cv2.imwrite(str(folder / f"sheet_{page + 1}.png"), np.vstack(lines))


def tile(frame, side):
    h, w = frame.shape[:2]
    scale = side / max(h, w)
    small = cv2.resize(frame, (round(w * scale), round(h * scale)), interpolation=cv2.INTER_AREA)
    canvas = np.zeros((side, side, 3), np.uint8)
    y, x = (side - small.shape[0]) // 2, (side - small.shape[1]) // 2
    canvas[y : y + small.shape[0], x : x + small.shape[1]] = small
    return canvas
