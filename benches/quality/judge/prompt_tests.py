"""Tests 2, 3 and 4: does what is asked happen, do eyes blink, do seeds differ?"""

import numpy as np

from . import asks as a
from .curves import Track, curves_of
from .picture_tests import warps
from .scene import camera_of

FPS, SECONDS = 12, 1.5
BLINK_FPS = 25
RULED = 6  # faces whose leaks the ruler reads
FACE_CURVES = ["yaw", "pitch", "roll", "scale", "smile", "brow", "mouth"]


def size_of(curve, swings):
    """How far a curve goes: its extreme, or half its range where it swings."""
    return (curve.max() - curve.min()) / 2 if swings else curve[np.abs(curve).argmax()]


def prompts_of(ask, full):
    out = [("1", ask.more)]
    if full:
        out = [("weak", a.WEAK.format(ask.more)), *out, ("strong", a.STRONG.format(ask.more))]
    return out + ([("-1", ask.less)] if ask.less else [])


def prompt(ctx, system, photos, full):
    """Test 2 on `photos`; `full` adds the strengths."""
    jobs = [ctx.job(system, photo, a.NEUTRAL, key=(i, None, None)) for i, photo in enumerate(photos)]
    jobs += [
        ctx.job(system, photo, text, key=(i, ask, how))
        for i, photo in enumerate(photos)
        for ask in a.ASKS
        for how, text in prompts_of(ask, full)
    ]
    for job in jobs:
        job.update(seconds=SECONDS, fps=FPS)
    seen, unmoved = {}, set()
    for job, said, frames in ctx.renderer.clips(jobs):
        i, ask, how = job["key"]
        if frames is None:
            ctx.report.skip(f"a clip of {photos[i].name}: {said['error']}")
            continue
        if not said["faces"]:
            unmoved.add(photos[i].name)
        if ask and not said["used"]:
            ctx.report.skip(f"the library does not understand \"{job['prompt']}\"; it counts as not done")
        track = Track(ctx.judges, frames, photos[i].box)
        camera, on_walls = camera_of(ctx.judges, frames, photos[i])
        # A face that fills its photo hides the camera; only where one is asked for is the whole picture taken.
        keep = on_walls or ask is None or ask.camera
        seen[i, ask, how] = dict(track.curves, **(camera if keep else {}))
    if system == "model" and unmoved:
        ctx.report.skip(
            f"faces that the library does not find: {', '.join(sorted(unmoved))}; they count as not moved"
        )

    faces = sorted({i for i, _, _ in seen})
    right, rising, rising_faces = [], [], []
    response = {}
    for ask in a.ASKS:
        got = lambda how: np.array(
            [
                size_of(seen[i, ask, how][ask.curve], ask.swings) if (i, ask, how) in seen else np.nan
                for i in faces
            ]
        )
        quiet = np.array(
            [
                size_of(seen[i, None, None][ask.curve], ask.swings) if (i, None, None) in seen else 0
                for i in faces
            ]
        )
        one = got("1")
        # A swing must stand out from what the face does unasked; a direction must only be the right one.
        good = (one - quiet if ask.swings else one) > ask.floor
        if ask.less:
            good &= got("-1") < -ask.floor
        right.append(good)
        response[ask] = max(np.nanmedian(np.abs(one)), ask.floor)
        ctx.report.add(2, f"{ask.name}: right on", system, np.mean(good), count=len(faces))
        if full:
            steps = np.stack([got("weak"), one, got("strong")])
            middle = np.nanmedian(steps, 1)
            rising.append(bool(middle[0] < middle[1] < middle[2] and middle[0] > 0))
            rising_faces.append(np.nanmean(np.diff(steps, axis=0) > -0.12 * response[ask]))
            if system == "model":
                ctx.report.add(
                    2,
                    f"{ask.name}: weak, plain, strong over plain",
                    system,
                    rising[-1],
                    note=" ".join(f"{v / response[ask]:.2f}" for v in middle),
                )
    judged = leaks_of(seen, faces, response)
    ctx.report.add(
        2, "right direction, share of faces × asks", system, np.mean(right), least=0.95, count=np.size(right)
    )
    ctx.report.add(2, "right direction, worst ask", system, np.min(np.mean(right, 1)), count=len(faces))
    if not full:
        return
    ctx.report.add(
        2, "asks monotone in strength (medians), share", system, np.mean(rising), least=1.0, count=len(rising)
    )
    ctx.report.add(2, "steps of strength that rise, share of faces", system, np.mean(rising_faces))
    # OpenSeeFace reads a turned mouth as another mouth. What the mouth really does the ruler knows: its points of
    # the photo, carried by the library's own warp. Cameras are read from walls either way.
    ruled = dict(judged)
    if ctx.ruler(system) is not None:
        ruled.update(leaks_of(*carried(ctx, system, photos[:RULED])))
        worst_of(
            ctx,
            system,
            "leak into what was not asked by OpenSeeFace's own reading, worst median",
            judged,
            None,
        )
    worst_of(ctx, system, "leak into what was not asked, worst median", ruled, 0.25)
    ctx.report.add(2, "leak, mean of medians", system, np.mean(list(ruled.values())) if ruled else np.nan)


def worst_of(ctx, system, what, leaks, most):
    ranked = sorted(leaks, key=lambda pair: -leaks[pair])
    told = ", ".join(f"{ask} → {curve} {leaks[ask, curve]:.2f}" for ask, curve in ranked[:5])
    value = leaks[ranked[0]] if ranked else np.nan
    ctx.report.add(2, what, system, value, most=most, note=told if system == "model" else "")
    ctx.leaks[f"{system}: {what}"] = {f"{k[0]} → {k[1]}": round(float(leaks[k]), 3) for k in ranked[:12]}


def carried(ctx, system, photos):
    """The same as `prompt` sees at plain strength, with the photo's points carried by the exact warp."""
    asked = {a.NEUTRAL: None, **{ask.more: ask for ask in a.ASKS}}
    pairs = [(photo, text) for photo in photos for text in asked]
    seen = {}
    for photo, text, warp in warps(ctx, pairs, models=ctx.ruler(system), seconds=SECONDS, fps=FPS):
        i = next(i for i, other in enumerate(photos) if other is photo)
        ask = asked[text]
        seen[i, ask, None if ask is None else "1"] = curves_of(warp.carry(photo.points))
    return seen, range(len(photos)), {ask: ask.floor for ask in a.ASKS}


def leaks_of(seen, faces, response):
    """(ask, curve) -> how much more than unasked the curve moves, over what it does when it is asked."""
    reach = lambda x: np.abs(x).max()
    full = {}
    for ask, size in response.items():
        # Excess is counted from the first frame, so what an ask is worth has to be too; a direction before a swing.
        asked = [
            reach(seen[i, ask, "1"][ask.curve]) for i in faces if ask.curve in seen.get((i, ask, "1"), ())
        ]
        if asked and (not ask.swings or ask.curve not in full):
            full[ask.curve] = max(float(np.median(asked)), ask.floor)
    leaks = {}
    for ask in response:
        for curve in FACE_CURVES + list(a.CAMERA):
            if curve == ask.curve or curve in ask.along or curve not in full:
                continue
            if ask.camera and curve == "scale":
                continue  # a camera that comes nearer enlarges the face too
            excess = []
            for i in faces:
                if (i, ask, "1") in seen and (i, None, None) in seen:
                    asked, quiet = seen[i, ask, "1"].get(curve), seen[i, None, None].get(curve)
                    if asked is not None and quiet is not None:
                        excess.append(max(0.0, reach(asked) - reach(quiet)) / full[curve])
            if excess:
                leaks[ask.name, curve] = float(np.median(excess))
    return leaks


def blink(ctx, system, photos):
    """Test 3: eyes that are open in the photo, asked to blink and asked to be still."""
    jobs = [
        dict(ctx.job(system, photo, text, key=(i, text)), seconds=SECONDS, fps=BLINK_FPS)
        for i, photo in enumerate(photos)
        for text in (a.BLINK, a.STILL)
    ]
    closed = {a.BLINK: [], a.STILL: []}
    apart, long = [], []
    for job, said, frames in ctx.renderer.clips(jobs):
        i, text = job["key"]
        if frames is None:
            ctx.report.skip(f"a clip of {photos[i].name}: {said['error']}")
            continue
        track = Track(ctx.judges, frames, photos[i].box, lids=True)
        lids = np.stack([track.curves["lid_l"], track.curves["lid_r"]])
        shut = lids.max(1)
        closed[text].append(shut.mean())
        if text == a.BLINK:
            apart.append(abs(shut[0] - shut[1]))
            long.append(blink_ms(lids.mean(0), BLINK_FPS) if shut.mean() > 0.2 else np.nan)
    if not closed[a.BLINK]:
        return ctx.report.skip("blink: no face with open eyes")
    asked, still = np.array(closed[a.BLINK]), np.array(closed[a.STILL])
    n = len(asked)
    ctx.report.add(
        3, "asked to blink: opening shrinks by, median", system, np.median(asked), least=0.5, count=n
    )
    ctx.report.add(
        3, "asked to blink: shrinks by ≥ .5, share of faces", system, np.mean(asked >= 0.5), count=n
    )
    ctx.report.add(
        3,
        "asked to be still: opening shrinks by, 90th percentile",
        system,
        np.quantile(still, 0.9),
        most=0.15,
        count=len(still),
    )
    ctx.report.add(3, "difference between the eyes, median", system, np.median(apart), most=0.15, count=n)
    # Where no lid moves there is no duration, and the share is of all faces.
    within = np.mean([100 <= t <= 400 for t in long])
    ctx.report.add(3, "blink lasts 100 to 400 ms, share of faces", system, within, least=0.8, count=n)
    ctx.report.add(
        3,
        "blink, median ms below half of its depth",
        system,
        np.nanmedian(long) if np.isfinite(long).any() else None,
        count=n,
    )


def blink_ms(lid, fps):
    """How long the deepest closure stays above half of its depth, between frames by straight lines."""
    peak = int(lid.argmax())
    half = lid[peak] / 2
    start = peak
    while start > 0 and lid[start - 1] > half:
        start -= 1
    end = peak
    while end < len(lid) - 1 and lid[end + 1] > half:
        end += 1
    before = (lid[start] - half) / (lid[start] - lid[start - 1]) if start > 0 else 0
    after = (lid[end] - half) / (lid[end] - lid[end + 1]) if end < len(lid) - 1 else 0
    return 1000 * (end - start + before + after) / fps


def seeds(ctx, system, photos, count):
    """Test 4: one prompt, many seeds."""
    jobs = [
        dict(ctx.job(system, photo, a.SEEDS, key=(i, seed)), seconds=SECONDS, fps=25, seed=1000 + seed)
        for i, photo in enumerate(photos)
        for seed in range(count)
    ]
    when, far, told = {}, {}, []
    for job, said, frames in ctx.renderer.clips(jobs):
        if frames is None:
            continue
        i, seed = job["key"]
        curves = Track(ctx.judges, frames, photos[i].box).curves
        yaw, smile = curves["yaw"], curves["smile"]
        far.setdefault(i, []).append(yaw.max())
        when.setdefault(i, []).append(np.argmax(yaw > yaw.max() / 2) / 25)
        told.append(yaw.max() > 2.0 and smile.max() > 0.010)
    if not told:
        return ctx.report.skip("seeds: no clip")
    spread = [np.std(v) for v in when.values()]
    relative = [np.std(v) / max(np.mean(v), 0.5) for v in far.values()]
    ctx.report.add(
        4,
        "timing: half of the turn is done, deviation over seeds (s)",
        system,
        np.mean(spread),
        least=0.04,
        count=len(told),
    )
    ctx.report.add(
        4,
        "amplitude of the turn, deviation over mean",
        system,
        np.mean(relative),
        least=0.05,
        count=len(told),
    )
    ctx.report.add(
        4, "smiles and turns right, share of seeds", system, np.mean(told), least=0.95, count=len(told)
    )
