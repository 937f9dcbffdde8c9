"""Judges the default model: `cargo xtask quality` starts this.

python -m judge --renderer PROGRAM --models DIR --judges DIR --data DIR --work DIR
                [--default-data DIR] [--quick] [--only 1,3] [--json] [--card FILE] [--self-test]
"""

import argparse
import os
import sys
import time
import traceback
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from judge import (
    asks,
    controls,
    data as d,
    gap_test,
    instrument,
    picture_tests,
    prompt_tests,
    real_test,
    report as r,
)  # noqa: E402
from judge.judges import Judges  # noqa: E402
from judge.renderer import Renderer  # noqa: E402

FULL = dict(
    prompt=14,
    prompt_simulator=5,
    prompt_control=3,
    blink=20,
    blink_control=5,
    seed_photos=4,
    seeds=8,
    gap=512,
    groups=12,
    windows=16,
    best_of=8,
    windows_simulator=8,
    windows_control=8,
    portraits=8,
    scenes=4,
    loops=3,
    judder=1,
    eye=20,
)
QUICK = dict(
    prompt=4,
    prompt_simulator=2,
    prompt_control=2,
    blink=6,
    blink_control=3,
    seed_photos=2,
    seeds=6,
    gap=128,
    groups=6,
    windows=8,
    best_of=4,
    windows_simulator=0,
    windows_control=4,
    portraits=3,
    scenes=1,
    loops=1,
    judder=1,
    eye=5,
)


class Context:
    def __init__(self, args):
        self.report = r.Report()
        self.judges = Judges(args.judges)
        self.work = Path(args.work)
        self.data = d.Data(
            args.data,
            self.work,
            self.judges,
            d.split_of(args.data, args.default_data or args.data + "/none"),
            self.say,
        )
        self.models = {"model": Path(args.models)}
        self.renderer = Renderer(args.renderer, self.work)
        self.leaks, self.blue, self.began = {}, None, time.time()

    def say(self, sentence):
        print(f"[{time.time() - self.began:5.0f} s] {sentence}", file=sys.stderr, flush=True)

    def median_clip(self):
        seconds = sorted(self.renderer.seconds)
        return round(seconds[len(seconds) // 2], 3) if seconds else None

    def job(self, system, photo, prompt, key=None):
        # The shipped model is rendered from what the library embeds, as its users have it.
        models = None if system == "model" else str(self.models[system])
        return dict(photo=photo.path, prompt=prompt, seed=7, models=models, key=key)


def main():
    parser = argparse.ArgumentParser(prog="judge")
    for name in ("renderer", "models", "judges", "data", "work"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--default-data")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="1,2,3,4,5,6,7")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--card")
    parser.add_argument(
        "--systems", default="", help="of the model, the simulator and the controls, judge only these"
    )
    args = parser.parse_args()
    counts, only = (QUICK if args.quick else FULL), {int(t) for t in args.only.split(",")}
    ctx = Context(args)
    report = ctx.report
    try:
        judge(ctx, counts, only, args.systems)
    finally:
        ctx.renderer.close()
    report.about.update(
        data=Path(args.data).name,
        quick=args.quick,
        seconds=round(time.time() - ctx.began),
        leaks=ctx.leaks,
        clips=ctx.renderer.number,
        median_clip_seconds=ctx.median_clip(),
    )
    if args.card:
        r.write_card(Path(args.card), card_text(ctx, args))
    print(report.json() if args.json else report.table())
    print(report.summary(), flush=True) if not args.json else print(report.summary(), file=sys.stderr)
    raise SystemExit(0 if report.ok() else 1)


def judge(ctx, n, only, wanted):
    say, report = ctx.say, ctx.report
    photos = ctx.data.portraits(max(n["prompt"], n["eye"], n["portraits"]))
    eyed = ctx.data.portraits(n["blink"], eyes_open=True)
    scenes = ctx.data.scenes(n["scenes"])
    say(f"{len(photos)} portraits, {len(eyed)} with open eyes, {len(scenes)} scenes from {ctx.data.root}")
    for what, found in (("faces/: no portrait", photos), ("photos/: no scene", scenes)):
        if not found:
            report.skip(what)
    build(ctx, photos, only)
    systems = [s for s in r.SYSTEMS if s in ctx.models and (not wanted or s in wanted.split(","))]

    if 1 in only:
        say("1 image gap")
        attempt(ctx, "image gap of the network", gap_test.network, ctx, n["gap"])
        groups = ctx.data.groups(n["groups"])
        for system in systems:
            if groups and system != "simulator":
                attempt(ctx, f"image gap, {system}", gap_test.support, ctx, system, groups)
        if not groups:
            report.skip("image gap on frames: no photo with people")
    if photos and 2 in only:
        for system in systems:
            say(f"2 prompt: {system}")
            count = (
                n["prompt"]
                if system == "model"
                else n["prompt_simulator"] if system == "simulator" else n["prompt_control"]
            )
            attempt(
                ctx,
                f"prompt, {system}",
                prompt_tests.prompt,
                ctx,
                system,
                photos[:count],
                full=system in ("model", "simulator"),
            )
    if 3 in only:
        for system in systems:
            say(f"3 blink: {system}")
            attempt(
                ctx,
                f"blink, {system}",
                prompt_tests.blink,
                ctx,
                system,
                eyed if system == "model" else eyed[: n["blink_control"]],
            )
    if photos and 4 in only:
        for system in systems:
            say(f"4 seeds: {system}")
            many = n["seed_photos"] if system == "model" else 2
            attempt(ctx, f"seeds, {system}", prompt_tests.seeds, ctx, system, photos[:many], n["seeds"])
    if 5 in only:
        say("5 real: tracking")
        found, files = attempt(ctx, "real clips", real_test.windows, ctx, n["windows"]) or ([], 0)
        if len({w["file"] for w in found}) < 3:
            report.skip(f"real: {files} clips in videos/ show a face long and large enough, 3 are needed")
        else:
            for system in systems:
                count = (
                    n["windows"]
                    if system == "model"
                    else n["windows_simulator"] if system == "simulator" else n["windows_control"]
                )
                if count and system != "average support":
                    say(f"5 real: {system}")
                    attempt(
                        ctx,
                        f"real, {system}",
                        real_test.real,
                        ctx,
                        system,
                        found[:count],
                        n["best_of"] if system == "model" else min(4, n["best_of"]),
                    )
    if (photos or scenes) and 6 in only:
        say("6 physics")
        attempt(ctx, "physics", picture_tests.physics, ctx, "model", photos[: n["portraits"]], scenes)
        if photos:
            attempt(ctx, "loops", picture_tests.loops, ctx, photos[: n["loops"]])
    if (photos or scenes) and only & {6, 7} and ctx.blue:
        say("6 physics: exact warp")
        attempt(ctx, "exact warp", picture_tests.exact, ctx, photos[: n["portraits"]], scenes)
        if photos:
            attempt(ctx, "judder", picture_tests.judder, ctx, photos[: n["judder"]])
    if photos and 7 in only:
        say("7 the eye")
        folder = ctx.work / "sheets"
        attempt(ctx, "the eye", picture_tests.eye, ctx, "model", photos[: n["eye"]], folder)
        say(f"contact sheets: {folder}")


def build(ctx, photos, only):
    """The controls; one that cannot be built is named, and the rest is judged."""
    shipped = ctx.models["model"]
    ctx.say("building the controls")
    makers = {
        "simulator": lambda: controls.simulator(ctx.work, shipped, asks.tag_sets()),
        "no motion": lambda: controls.no_motion(ctx.work, shipped),
        "training mean": lambda: controls.training_mean(ctx.work, shipped),
        "average support": lambda: controls.average_support(ctx.work, shipped, photos[:12]),
    }
    for name, make in makers.items():
        if name == "average support" and not photos:
            continue
        folder = attempt(ctx, name, make, needed=name != "simulator")
        if folder is not None:
            ctx.models[name] = folder
    ctx.blue = attempt(ctx, "exact warp", instrument.blue_eyed, ctx.work, shipped) if only & {6, 7} else None


def attempt(ctx, what, work, *args, needed=True, **how):
    """One broken part must not hide the figures of the rest; but what is broken has not been shown either."""
    try:
        return work(*args, **how)
    except Exception as error:
        traceback.print_exc()
        (ctx.report.breaks if needed else ctx.report.skip)(f"{what}: {type(error).__name__}: {error}")
        return None


def card_text(ctx, args):
    where = (
        "the pictures of shared/data that training did not see"
        if args.default_data
        else "pictures kept aside"
    )
    return (
        f"Written by `cargo xtask quality`: {ctx.renderer.number} clips rendered by the release library from {where}, judged by OpenSeeFace's "
        f"points, optical flow, the person mask and, for lids, the iris contour. docs/adr/0060 says how.\n\n{ctx.report.markdown()}\n\n{ctx.report.summary()}."
    )


if __name__ == "__main__":
    main()
