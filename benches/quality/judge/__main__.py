"""Judges the default model: `cargo xtask quality` starts this.

python -m judge --renderer PROGRAM --models DIR --judges DIR --data DIR --work DIR
                [--default-data DIR] [--quick] [--only 1,3] [--json] [--card FILE] [--self-test]
"""

import argparse
import os
import shutil
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

# How many photos, windows and seeds; three numbers are for the model, the simulator and each control.
FULL = dict(
    gap=512, groups=12, prompt=(14, 5, 3), blink=(20, 5, 5), seeded=(4, 2, 2), seeds=8, windows=(16, 8, 8),
    best_of=(8, 4, 4), portraits=8, scenes=4, loops=3, judder=1, eye=20,
)  # fmt: skip
QUICK = dict(
    gap=128, groups=6, prompt=(4, 2, 2), blink=(6, 3, 3), seeded=(2, 1, 1), seeds=6, windows=(8, 4, 4),
    best_of=(4, 4, 4), portraits=3, scenes=1, loops=1, judder=1, eye=5,
)  # fmt: skip


class Context:
    def __init__(self, args):
        self.report = r.Report()
        self.judges = Judges(args.judges)
        # Two runs side by side must not take each other's frames.
        self.kept, self.work = Path(args.work), Path(args.work) / f"run-{os.getpid()}"
        self.data = d.Data(
            args.data,
            self.work,
            self.judges,
            d.split_of(args.data, args.default_data or args.data + "/none"),
            args.folders,
        )
        self.models = {"model": Path(args.models)}
        self.renderer = Renderer(args.renderer, self.work)
        self.leaks, self.blue, self.began = {}, None, time.time()

    def say(self, sentence):
        print(f"[{time.time() - self.began:5.0f} s] {sentence}", file=sys.stderr, flush=True)

    def ruler(self, system):
        """The models folder that moves coded photos as `system` moves photos; none for the controls."""
        if system == "simulator" and self.blue is not None and system in self.models:
            return instrument.blue_eyed(self.work, self.models[system], "blue_eyed_simulator")
        return self.blue if system == "model" else None

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
    parser.add_argument("--from", dest="folders", default="", help="only these folders of faces/")
    args = parser.parse_args()
    counts, only = (QUICK if args.quick else FULL), {int(t) for t in args.only.split(",")}
    ctx = Context(args)
    report = ctx.report
    try:
        judge(ctx, counts, only, args.systems)
    finally:
        ctx.renderer.close()
        shutil.rmtree(ctx.work, ignore_errors=True)
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
    photos = ctx.data.portraits(max(n["prompt"][0], n["eye"], n["portraits"]))
    scenes = ctx.data.scenes(n["scenes"])
    ctx.say(f"{len(photos)} portraits and {len(scenes)} scenes from {ctx.data.root}")
    for what, found in (("faces/: no portrait", photos), ("photos/: no scene", scenes)):
        if not found:
            ctx.report.skip(what)
    build(ctx, photos, only, wanted.split(",") if wanted else r.SYSTEMS)
    systems = [s for s in r.SYSTEMS if s in ctx.models and (not wanted or s in wanted.split(","))]
    tests = {1: image_gap, 2: prompts, 3: blinks, 4: seeds, 5: real, 6: physics, 7: eye}
    for test, measure in tests.items():
        if test in only:
            ctx.say(f"{test} {r.TESTS[test]}")
            attempt(ctx, r.TESTS[test], measure, ctx, n, systems, photos, scenes)
            told(ctx, test)


def share(counts, system):
    return counts[0 if system == "model" else 1 if system == "simulator" else 2]


def image_gap(ctx, n, systems, photos, scenes):
    attempt(ctx, "image gap of the network", gap_test.network, ctx, n["gap"])
    groups = ctx.data.groups(n["groups"])
    if not groups:
        return ctx.report.skip("image gap on frames: no photo with people")
    for system in systems:
        # The simulator is drawn in the same places as the model; only when things happen differs.
        if system != "simulator":
            gap_test.support(ctx, system, groups)


def prompts(ctx, n, systems, photos, scenes):
    for system in systems if photos else []:
        full = system in ("model", "simulator")
        prompt_tests.prompt(ctx, system, photos[: share(n["prompt"], system)], full)


def blinks(ctx, n, systems, photos, scenes):
    eyed = ctx.data.portraits(n["blink"][0], eyes_open=True)
    if not eyed:
        return ctx.report.skip("blink: no portrait with open eyes")
    for system in systems:
        prompt_tests.blink(ctx, system, eyed[: share(n["blink"], system)])


def seeds(ctx, n, systems, photos, scenes):
    for system in systems if photos else []:
        prompt_tests.seeds(ctx, system, photos[: share(n["seeded"], system)], n["seeds"])


def real(ctx, n, systems, photos, scenes):
    found, files = real_test.windows(ctx, n["windows"][0])
    if len({w["file"] for w in found}) < 3:
        return ctx.report.skip(
            f"real: {files} clips in videos/ show a face long and large enough, 3 are needed"
        )
    for system in systems:
        # Average support draws the model's own curves elsewhere: there is nothing to learn from it here.
        if system != "average support":
            real_test.real(ctx, system, found[: share(n["windows"], system)], share(n["best_of"], system))


def physics(ctx, n, systems, photos, scenes):
    if not photos and not scenes:
        return
    attempt(ctx, "frames", picture_tests.physics, ctx, "model", photos[: n["portraits"]], scenes)
    attempt(ctx, "exact warp", picture_tests.exact, ctx, photos[: n["portraits"]], scenes)
    if photos:
        attempt(ctx, "loops", picture_tests.loops, ctx, photos[: n["loops"]])
        attempt(ctx, "judder", picture_tests.judder, ctx, photos[: n["judder"]])


def eye(ctx, n, systems, photos, scenes):
    if photos:
        folder = ctx.kept / "sheets"
        picture_tests.eye(ctx, "model", photos[: n["eye"]], folder)
        ctx.say(f"  contact sheets: {folder}")


def build(ctx, photos, only, systems):
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
        if name not in systems or name == "average support" and not photos:
            continue
        folder = attempt(ctx, name, make, needed=name != "simulator")
        if folder is not None:
            ctx.models[name] = folder
    if only & {2, 6}:
        ctx.blue = attempt(ctx, "ruler", instrument.blue_eyed, ctx.work, shipped)


def told(ctx, test):
    """A run takes minutes: what is known is said."""
    for figure in ctx.report.of(test):
        values = ", ".join(f"{system} {r.cell(figure, system)}" for system in figure.values)
        missed = "  MISSED" if figure.judges() and figure.holds("model") is False else ""
        ctx.say(f"  {figure.what}: {values} ({figure.limit()}){missed}")


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
