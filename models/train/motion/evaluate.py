"""Does the denoiser do as it is told? Figures and pictures for an exported motion.onnx.

    PYTHONPATH=models/train python -m motion.evaluate models/motion.onnx

Photos and states come from simulator seeds that training never draws. `--sweep` compares guidance,
steps and time shift.
"""
import argparse
import json
import os
import tempfile
import time

import numpy as np

from . import simulate
from .contract import CH, CHANNELS, MODES, PH, SIGNED, STATE, TAGS, TG, basis, basis_slope
from .plot import sheet
from .sampling import Motion, ask, curves, noise_for

HELD_OUT = 990_000  # simulator seeds from here on are for judging
DEGREE = simulate.DEGREE

# What strength 1 is worth, per channel; leaks are shares of it.
NOMINAL = dict(yaw=12 * DEGREE, pitch=8 * DEGREE, roll=8 * DEGREE, shift_x=0.05, shift_y=0.04, scale=0.055, lid_l=1,
               lid_r=1, gaze_x=0.16, gaze_y=0.11, brow=0.1, smile=1, mouth=0.12, breath=1, zoom=0.12, pan_x=0.06,
               pan_y=0.06, orbit=0.05, camera_roll=0.01, hair=0.02, cloth=0.004, vegetation=0.004, water=0.0035,
               sky=0.02)

# Tag -> the channels that it is meant to move, and those that it may move along.
TARGET = dict(
    blink=("lid_l", "lid_r"), smile=("smile", "lid_l", "lid_r", "pitch", "yaw", "brow"), brow=("brow",),
    gaze_x=("gaze_x",), gaze_y=("gaze_y", "lid_l", "lid_r"), talk=("mouth", "pitch", "brow"), nod=("pitch",),
    shake=("yaw", "hair"), tilt=("roll", "shift_x", "hair"), look_x=("yaw", "gaze_x", "hair", "roll"),
    look_y=("pitch", "gaze_y", "lid_l", "lid_r", "shift_y"),
    idle=("yaw", "pitch", "roll", "shift_x", "shift_y", "scale", "gaze_x", "gaze_y", "brow", "hair", "lid_l", "lid_r"),
    breathe=("breath", "cloth"), zoom=("zoom",), pan_x=("pan_x",), pan_y=("pan_y",), orbit=("orbit",),
    handheld=("pan_x", "pan_y", "camera_roll", "zoom"), sway=("hair", "cloth", "vegetation"), ripple=("water",),
    drift=("sky",), still=(), wink=("lid_l", "lid_r"), close=("lid_l", "lid_r"), lean=("scale", "shift_y"))


# Enough tags to choose guidance by.
SWEPT = ("smile", "gaze_x", "nod", "look_x", "zoom", "ripple", "talk")


def of(x, name):
    return x[:, CH[name]]


def extreme(a):
    at = np.abs(a).argmax(1)
    return a[np.arange(len(a)), at]


def spread(a):
    return (a.max(-1) - a.min(-1)) / 2


def group(x, kind):
    return x[:, [i for i, name in enumerate(CHANNELS) if name.startswith(kind + "_")]]


# Tag -> the figure that must grow with its strength.
MEASURE = dict(
    blink=lambda x: np.maximum(of(x, "lid_l"), 0).max(1), smile=lambda x: extreme(of(x, "smile")),
    brow=lambda x: of(x, "brow").max(1), gaze_x=lambda x: extreme(of(x, "gaze_x")),
    gaze_y=lambda x: extreme(of(x, "gaze_y")), talk=lambda x: 2 * spread(of(x, "mouth")),
    nod=lambda x: spread(of(x, "pitch")), shake=lambda x: spread(of(x, "yaw")), tilt=lambda x: extreme(of(x, "roll")),
    look_x=lambda x: extreme(of(x, "yaw")), look_y=lambda x: extreme(of(x, "pitch")),
    idle=lambda x: spread(of(x, "yaw")), breathe=lambda x: spread(of(x, "breath")), zoom=lambda x: of(x, "zoom")[:, -1],
    pan_x=lambda x: of(x, "pan_x")[:, -1], pan_y=lambda x: of(x, "pan_y")[:, -1],
    orbit=lambda x: of(x, "orbit")[:, -1], handheld=lambda x: spread(of(x, "camera_roll")),
    sway=lambda x: spread(group(x, "vegetation")).sum(1), ripple=lambda x: spread(group(x, "water")).sum(1),
    drift=lambda x: of(x, "sky_0")[:, -1], wink=lambda x: extreme(of(x, "lid_r") - of(x, "lid_l")),
    close=lambda x: of(x, "lid_l")[:, -1], lean=lambda x: extreme(of(x, "scale")))


def _reach(told):
    """How far strength 1 goes, over what it is worth: 1 is as simulated."""
    worth = dict(smile=0.85, gaze_x=NOMINAL["gaze_x"], look_x=NOMINAL["yaw"], zoom=NOMINAL["zoom"])
    return np.mean([told[tag]["mean"][-1] / value for tag, value in worth.items()])


def portraits(n, seed=HELD_OUT):
    """Photos in which everything can move: a face with open eyes, plants, water, sky, hair, clothes."""
    photo = simulate.draw_photo(np.random.default_rng(seed), 40 * n)
    see = lambda name: photo[:, PH[name]]
    photo = photo[(see("has_face") > 0) & (np.minimum(see("open_l"), see("open_r")) > 0.22) & (see("mouth_open") < 0.05)
                  & (np.abs(see("yaw")) < 0.3) & (see("person") - see("head") > 0.05)][:n].copy()
    rng = np.random.default_rng(seed + 1)
    for name, low, high in (("vegetation", 0.15, 0.4), ("water", 0.1, 0.3), ("sky", 0.1, 0.3)):
        photo[:, PH[name]] = rng.uniform(low, high, n)
    return photo


def opening_state(n, seconds):
    state = np.zeros((n, len(STATE)), np.float32)
    state[:, -1] = seconds
    return state


def noise_seeds(n):
    return noise_for(range(HELD_OUT, HELD_OUT + n))


def obedience(motion, n, only=None, **how):
    photo, noise = portraits(n), noise_seeds(n)
    seconds = np.random.default_rng(5).uniform(1.5, 3.0, n).astype(np.float32)
    state = opening_state(n, seconds)
    nominal = np.array([NOMINAL.get(name, NOMINAL.get(name.split("_")[0])) for name in CHANNELS])
    quiet = curves(motion.sample(ask(n), photo, state, noise, **how))
    report = dict(quiet_leak=float(np.median(np.abs(quiet).max(2) / nominal, 0).max()))
    for tag, measure in MEASURE.items():
        if only and tag not in only:
            continue
        levels = [-1, -0.67, -0.33, 0, 0.33, 0.67, 1] if tag in SIGNED else [0, 0.33, 0.67, 1]
        if tag == "blink":
            levels = [0, 0.15, 0.3, 1]  # from a half on a blink is a full one
        seen, top = [], None
        for level in levels:
            x = quiet if level == 0 else curves(motion.sample(ask(n, **{tag: level}), photo, state, noise, **how))
            seen.append(measure(x))
            top = x
        seen = np.array(seen)  # [levels, n]
        mean = seen.mean(1)
        unit = abs(mean[-1]) + 1e-9
        right = seen[-1] > 0.3 * unit
        if tag in SIGNED:
            right &= seen[0] < -0.3 * unit
        allowed = [any(name == t or name.startswith(t + "_") for t in TARGET[tag]) for name in CHANNELS]
        leak = np.median(np.abs(top).max(2) / nominal, 0) * ~np.array(allowed)
        report[tag] = dict(
            levels=levels, mean=[round(float(v), 4) for v in mean],
            third=round(float(mean[-3] / (levels[-3] * mean[-1] + 1e-9)), 2), right=round(float(right.mean()), 3),
            monotone_mean=bool((np.diff(mean) > 0).all()),
            monotone=round(float((np.diff(seen, axis=0) > -0.08 * unit).mean()), 3),
            spread=round(float(seen[-1].std() / unit), 3), leak=round(float(leak.max()), 3),
            leak_channel=CHANNELS[int(leak.argmax())])
    return report


def flutter(lid):
    """Share of windows in which a lid also closes part of the way, apart from a whole blink."""
    rows = 0
    for row in lid.clip(0, 1):
        edges = np.flatnonzero(np.diff(np.r_[False, row > 0.12, False].astype(int)))
        tops = [row[a:b].max() for a, b in zip(edges[::2], edges[1::2])]
        rows += any(0.2 < top < 0.7 for top in tops)
    return round(rows / len(lid), 3)


def blinks(motion, n, **how):
    photo, noise = portraits(n, HELD_OUT + 10), noise_seeds(n)
    out = {}
    for name, seconds in (("0.8s", 0.8), ("1.5s", 1.5), ("2s", 2.0), ("2.5s", 2.5), ("3s", 3.0)):
        state = opening_state(n, seconds)
        x = curves(motion.sample(ask(n, blink=1, idle=0.5, breathe=0.5), photo, state, noise, **how), 241)
        left, right = of(x, "lid_l").clip(0, 1), of(x, "lid_r").clip(0, 1)
        first = left.argmax(1)
        shut = []
        for row, at in zip(left, first):
            a = b = at
            while a > 0 and row[a - 1] > 0.5:
                a -= 1
            while b < 240 and row[b + 1] > 0.5:
                b += 1
            shut.append((b - a + 1) / 240 * seconds)
        out[name] = dict(
            closure_median=round(float(np.median(left.max(1))), 3), closure_p10=round(float(np.quantile(left.max(1), .1)), 3),
            full=round(float((left.max(1) > 0.85).mean()), 3), flutter=flutter(left), half_width_ms=round(1e3 * float(np.median(shut))),
            eyes_apart=round(float(np.abs(left.max(1) - right.max(1)).mean()), 3),
            peak_time_spread=round(float((first / 240 * seconds).std()), 3))
    state = opening_state(n, 2.5)
    for name, tags in (("no_blink", ask(n, blink=0, idle=0.5, breathe=0.5)), ("still", ask(n, others=None, still=1)),
                       ("still_all_known", ask(n, still=1))):
        x = curves(motion.sample(tags, photo, state, noise, **how))
        out[name] = dict(closure_median=round(float(np.median(of(x, "lid_l").max(1))), 3),
                         closure_p90=round(float(np.quantile(of(x, "lid_l").max(1), 0.9)), 3),
                         yaw_deg_p90=round(float(np.quantile(spread(of(x, "yaw")), 0.9) / DEGREE), 2))
    free = curves(motion.sample(ask(n, others=None), photo, state, noise, **how))
    out["unasked_blink_share"] = round(float((of(free, "lid_l").max(1) > 0.7).mean()), 3)
    return out


def photo_gates(motion, n, **how):
    """What the photo lacks must not move, however loudly it is asked for."""
    noise, state = noise_seeds(n), opening_state(n, 2.0)
    base = portraits(n, HELD_OUT + 20)

    def with_(**values):
        photo = base.copy()
        for name, value in values.items():
            photo[:, PH[name]] = value
        return photo

    run = lambda photo, **tags: curves(motion.sample(ask(n, **tags), photo, state, noise, **how))
    out = {}
    pair = lambda yes, no: [round(float(np.median(yes)), 4), round(float(np.median(no)), 4)]
    m = MEASURE["blink"]
    out["closed_eyes_blink"] = pair(m(run(base, blink=1)), m(run(with_(open_l=0.1, open_r=0.1), blink=1)))
    none = base.copy()
    none[:, [PH[k] for k in ("has_face", "head", "hair", "person", "face_size", "open_l", "open_r", "mouth_open",
                             "yaw", "pitch", "roll", "smile")]] = 0
    out["no_face_look"] = pair(*[np.abs(MEASURE["look_x"](run(p, look_x=1))) for p in (base, none)])
    out["no_face_breath"] = pair(*[MEASURE["breathe"](run(p, breathe=1)) for p in (base, none)])
    for tag, share in (("sway", "vegetation"), ("ripple", "water"), ("drift", "sky")):
        out[f"no_{share}"] = pair(*[np.abs(MEASURE[tag](run(p, **{tag: 1}))) for p in (base, with_(**{share: 0.0}))])
    hair = lambda x: spread(group(x, "hair")).sum(1)
    out["no_hair"] = pair(hair(run(with_(hair=0.06, head=0.12), sway=1)), hair(run(with_(hair=0.0), sway=1)))
    out["smiling_already"] = pair(*[MEASURE["smile"](run(with_(smile=s), smile=1)) for s in (0.75, 1.05)])
    out["turned_already"] = pair(*[MEASURE["look_x"](run(with_(yaw=a), look_x=1)) for a in (-0.4, 0.4)])
    out["open_mouth_closes"] = pair(*[of(run(with_(mouth_open=a), talk=1), "mouth").min(1) for a in (0.0, 0.25)])
    return out


def image_gap(motion, n):
    """Denoising error with the window's own photo over the error with another window's photo."""
    batch = simulate.draw(np.random.default_rng(HELD_OUT + 30), n)
    scale = _scale(motion)
    clean = (batch["coefficients"] / scale).astype(np.float32)
    known = np.ones_like(batch["tags"])
    tags = np.concatenate([batch["tags"], known], 1)
    noise = np.random.default_rng(7).standard_normal(clean.shape).astype(np.float32)
    wrong = np.roll(batch["photo"], 1, 0)
    out = {}
    for t in (0.1, 0.3, 0.6, 0.85):
        x = (t * clean + (1 - t) * noise).astype(np.float32)
        error = [float(np.mean((motion.denoise(x, t, tag, photo, batch["state"])[0] - clean) ** 2))
                 for tag, photo in ((tags, batch["photo"]), (tags, wrong), (tags * 0, batch["photo"]))]
        out[str(t)] = dict(matched=round(error[0], 4), shuffled=round(error[1], 4), gap=round(1 - error[0] / error[1], 3),
                           no_tags=round(error[2], 4))
    return out


def _scale(motion):
    feeds = [np.ones((1, *s), np.float32) for s in ((16, len(CHANNELS)),)]
    about = motion.denoise(feeds[0], 0.5, ask(1), portraits(1), opening_state(1, 2))
    return about[1] / about[0]


def continuity(motion, n, **how):
    """Does a window go on as the last one ended? Also chains windows at 0.9 of their length."""
    batch = simulate.draw(np.random.default_rng(HELD_OUT + 40), 3 * n)
    running = np.abs(batch["state"][:, :-1]).max(1) > 0
    batch = {k: v[running][:n] for k, v in batch.items()}
    n = len(batch["tags"])
    tags = np.concatenate([batch["tags"], np.ones_like(batch["tags"])], 1)
    c = motion.sample(tags, batch["photo"], batch["state"], noise_seeds(n), **how)
    d = batch["state"][:, -1:]
    slope = lambda c: np.einsum("bkc,k->bc", c, basis_slope([0.0])[:, 0]) / d
    channels = len(CHANNELS)
    given = batch["state"][:, channels:2 * channels]
    out = {}
    for name in ("yaw", "pitch", "smile", "lid_l", "breath", "zoom", "pan_x", "vegetation_0", "sky_0"):
        i = CH[name]
        rms = np.sqrt((given[:, i] ** 2).mean()) + 1e-9
        out[name] = [round(float(np.sqrt(((slope(x)[:, i] - given[:, i]) ** 2).mean()) / rms), 3)
                     for x in (c, batch["coefficients"])]
    return out


def chain(motion, n, windows=4, seconds=2.5, **how):
    """Clips of several windows, joined at 0.9: what jumps at the joins, and where it all drifts."""
    photo, state = portraits(n, HELD_OUT + 80), opening_state(n, seconds)
    channels, u = len(CHANNELS), 0.9
    at, slope_at, slope_0 = (f([v])[:, 0] for f, v in ((basis, u), (basis_slope, u), (basis_slope, 0.0)))
    jumps, speeds, ends = [], [], []
    for window in range(windows):
        acts = dict(smile=0.8, look_x=0.8) if window == 0 else dict(smile=None, look_x=None)
        tags = ask(n, idle=0.5, breathe=0.7, blink=1, zoom=0.3, sway=0.7, **acts)
        c = motion.sample(tags, photo, state, noise_for(range(1000 * window, 1000 * window + n)), **how)
        given = state[:, channels:2 * channels]
        if window:
            jumps.append(np.einsum("bkc,k->bc", c, slope_0) / seconds - given)
        speeds.append(np.einsum("bkc,kp->bcp", c, basis_slope(np.linspace(0.05, 0.9, 40))) / seconds)
        state = state.copy()
        state[:, :channels] += np.einsum("bkc,k->bc", c, at)
        state[:, channels:2 * channels] = np.einsum("bkc,k->bc", c, slope_at) / seconds
        ends.append(state[:, :channels].copy())
    jump, typical = np.sqrt(np.mean(np.square(jumps), (0, 1))), np.sqrt(np.mean(np.square(speeds), (0, 1, 3)))
    names = ["yaw", "pitch", "roll", "smile", "lid_l", "gaze_x", "breath", "zoom", "hair_0", "vegetation_0"]
    return {name: dict(jump_over_speed=round(float(jump[CH[name]] / (typical[CH[name]] + 1e-9)), 3),
                       end_rms=[round(float(np.sqrt((e[:, CH[name]] ** 2).mean())), 4) for e in ends]) for name in names}


def rhythm(motion, n, **how):
    """Energy of sampled over simulated curves, per channel, low and high frequencies: 1 is alike."""
    batch = simulate.draw(np.random.default_rng(HELD_OUT + 50), n)
    tags = np.concatenate([batch["tags"], np.ones_like(batch["tags"])], 1)
    c = motion.sample(tags, batch["photo"], batch["state"], noise_seeds(n), **how)
    out = {}
    for name in CHANNELS:
        i = CH[name]
        ratio = lambda part: round(float(np.sqrt((c[:, part, i] ** 2).mean() / (batch["coefficients"][:, part, i] ** 2).mean())), 2)
        out[name] = [ratio(slice(0, 4)), ratio(slice(4, 10)), ratio(slice(10, 16))]
    return out


def seeds(motion, **how):
    """The same photo and prompt, other seeds: what happens is the same, when and how much is not."""
    n = 48
    photo = np.repeat(portraits(1), n, 0)
    x = curves(motion.sample(ask(n, smile=0.8, blink=1, look_x=0.7, idle=0.5, breathe=0.5), photo, opening_state(n, 2.5),
                             noise_seeds(n), **how))
    when = of(x, "smile").clip(0).argmax(1) / 120 * 2.5
    half = np.array([np.argmax(row > 0.5 * row.max()) for row in of(x, "smile")]) / 120 * 2.5
    return dict(smile_half_time_std=round(float(half.std()), 3), smile_peak_time_std=round(float(when.std()), 3),
                blink_time_std=round(float((of(x, "lid_l").argmax(1) / 120 * 2.5).std()), 3),
                look_peak_cv=round(float(of(x, "yaw").max(1).std() / of(x, "yaw").max(1).mean()), 3),
                look_right=round(float((of(x, "yaw").max(1) > 4 * DEGREE).mean()), 3))


def speed(path):
    out = {}
    for threads in (1, 2):
        motion = Motion(path, threads)
        feed = (np.zeros((2, 16, len(CHANNELS)), np.float32), 0.5, ask(2), portraits(2), opening_state(2, 2))
        for _ in range(10):
            motion.denoise(*feed)
        times = []
        for _ in range(100):
            begin = time.perf_counter()
            motion.denoise(*feed)
            times.append(time.perf_counter() - begin)
        out[f"{threads}_threads_ms"] = [round(1e3 * float(np.min(times)), 2), round(1e3 * float(np.median(times)), 2)]
    return out


def pictures(motion, work, **how):
    """Sampled windows in the left half, simulated ones of the same tags, photo and state in the right."""
    names = ["yaw", "pitch", "smile", "lid_l", "gaze_x", "mouth", "breath", "zoom", "hair_0", "vegetation_0"]
    n = 10
    batch = simulate.draw(np.random.default_rng(HELD_OUT + 60), 4000)
    rows = np.flatnonzero((batch["photo"][:, PH["has_face"]] > 0) & (np.abs(batch["tags"][:, :11]).sum(1) > 1.5))[:n]
    batch = {k: v[rows] for k, v in batch.items()}
    tags = np.concatenate([batch["tags"], np.ones_like(batch["tags"])], 1)
    x = curves(motion.sample(tags, batch["photo"], batch["state"], noise_seeds(n), **how))
    y = curves(batch["coefficients"])
    limit = lambda name: 1.2 * NOMINAL.get(name, NOMINAL.get(name.split("_")[0]))
    sheet([[(f"{name} {kind}", [z[i, CH[name]]], (-limit(name), limit(name))) for name in names]
           for i in range(n) for kind, z in (("model", x), ("simulator", y))], os.path.join(work, "pairs.png"))
    prompts = [("smile", dict(smile=1)), ("blink", dict(blink=1)), ("nod", dict(nod=1)), ("shake", dict(shake=1)),
               ("look right", dict(look_x=1)), ("talk", dict(talk=1)), ("wink", dict(wink=1)), ("tilt -", dict(tilt=-1)),
               ("zoom", dict(zoom=1)), ("sway ripple drift", dict(sway=1, ripple=1, drift=1)), ("still", dict(still=1))]
    photo = portraits(4, HELD_OUT + 70)
    rows = []
    for title, prompt in prompts:
        idle = {} if title == "still" else dict(idle=0.5, breathe=0.5)
        x = curves(motion.sample(ask(4, **{**idle, **prompt}), photo, opening_state(4, 2.5), noise_seeds(4), **how))
        rows.append([(f"{title}: {name}", list(x[:, CH[name]]), (-limit(name), limit(name))) for name in names])
    sheet(rows, os.path.join(work, "prompts.png"))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--work", default=os.path.join(tempfile.gettempdir(), "kinora-motion"))
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--guidance", type=float)
    parser.add_argument("--shift", type=float)
    parser.add_argument("--sweep", action="store_true", help="compare guidance, steps and time shift")
    args = parser.parse_args()
    os.makedirs(args.work, exist_ok=True)
    motion = Motion(args.model)
    if args.sweep:
        for steps, guidance, shift in [(16, g, 1.0) for g in (1.0, 1.5, 2.0, 2.5, 3.0)] + \
                [(16, 2.0, s) for s in (0.5, 0.7, 1.5, 2.0)] + [(s, 2.0, 1.0) for s in (8, 12, 24, 48)]:
            how = dict(steps=steps, guidance=guidance, shift=shift)
            told = obedience(motion, 16, only=SWEPT, **how)
            lids = blinks(motion, 24, **how)
            tags = [v for v in told.values() if isinstance(v, dict)]
            energy = np.median(list(rhythm(motion, 128, **how).values()), 0)
            print(f"steps {steps} guidance {guidance} shift {shift}: right {np.mean([v['right'] for v in tags]):.3f} "
                  f"monotone {np.mean([v['monotone'] for v in tags]):.3f} leak {np.mean([v['leak'] for v in tags]):.3f} "
                  f"reach {_reach(told):.2f} spread {np.mean([v['spread'] for v in tags]):.3f} "
                  f"blink {lids['3s']['closure_median']} p10 {lids['3s']['closure_p10']} {lids['3s']['half_width_ms']} ms "
                  f"no blink {lids['no_blink']['closure_p90']} energy {np.round(energy, 2)}", flush=True)
        return
    how = {k: getattr(args, k) for k in ("steps", "guidance", "shift")}
    figures = dict(megabytes=round(os.path.getsize(args.model) / 1e6, 3), defaults=motion.about["defaults"],
                   image_gap=image_gap(motion, 1024), blinks=blinks(motion, args.count, **how),
                   photo=photo_gates(motion, 32, **how), seeds=seeds(motion, **how),
                   continuity=continuity(motion, 256, **how), chain=chain(motion, 32, **how), rhythm=rhythm(motion, 512, **how),
                   speed=speed(args.model), tags=obedience(motion, args.count, **how))
    with open(os.path.join(args.work, "figures.json"), "w") as file:
        json.dump(figures, file, indent=1)
    for name, value in figures.items():
        print(name)
        if isinstance(value, dict):
            for key, inner in value.items():
                print("  ", key, inner)
        else:
            print("  ", value)
    pictures(motion, args.work, **how)


if __name__ == "__main__":
    main()
