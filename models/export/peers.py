"""Packs through the library beside diffusers and OpenVINO: the same weights, in turns, in processes of their own.

    python -m export.peers --program BENCH_VIDEO --command-line KINORA --out DIR --report FILE [--quick] [--rounds N] [--only NAME]

`cargo xtask peers` starts it. Everything that is made goes below DIR; FILE is benches/PEERS.md.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from . import check, mid, noise, report

HERE = os.path.dirname(os.path.abspath(__file__))
FIXTURES = os.path.join(HERE, "../../tests/fixtures/packs")
SEED = 7
GUIDANCE = 3.0
WORDS = "a woman smiles at the camera while the wind moves her hair"
NOT = "blurry, low quality"

# what is wanted: family → the most that a ratio may be
STEP_OVER_DIFFUSERS = {"wan": 0.60, "svd": 0.69, "ltx": 0.70}
STEP_OVER_OPENVINO = 1.05
OVERHEAD = 0.01
MEMORY = 0.6
START = 0.15
LONG = 1.1
CANCEL = 0.1
ESTIMATED_TIME, ESTIMATED_MEMORY = 0.25, 0.1
REQUESTS = 20
TILED_MEMORY = 0.35
TILED_TIME = 1.25
LATENTS = 1e-3
DECIBELS = 45.0


@dataclass
class Row:
    """A line of the table; `value` is None where nothing was measured."""
    what: str
    family: str
    wanted: str
    value: float | None
    held: bool | None
    shown: str
    note: str = ""


@dataclass
class Bench:
    program: str
    command_line: str
    out: str
    rounds: int
    steps: int
    work: str
    rows: list = field(default_factory=list)
    details: list = field(default_factory=list)
    versions: dict = field(default_factory=dict)

    def folder(self, name, precision="f32"):
        return os.path.join(self.out, f"{name}-{precision}")

    def at_most(self, what, family, limit, value, note="", percent=False):
        show = (lambda x: f"{100 * x:.2f} %") if percent else (lambda x: f"{x:.3g}" if x < 0.01 else f"{x:.3f}")
        wanted = f"≤ {100 * limit:g} %" if percent else f"≤ {limit:g}"
        self.add(Row(what, family, wanted, value, None if value is None else bool(value <= limit),
                     "not measured" if value is None else show(value), note))

    def at_least(self, what, family, limit, value, unit, note=""):
        self.add(Row(what, family, f"≥ {limit:g} {unit}", value, bool(value >= limit),
                     "no difference" if value == np.inf else f"{value:.1f} {unit}", note))

    def add(self, row):
        self.rows.append(row)
        say(f"{row.what} | {row.family} | {row.wanted} | {row.shown} {row.note}")

    def photo(self, name, size):
        picture = mid.photo(name, size)
        if picture is None:
            return None
        path = os.path.join(self.work, f"{name}-{size[0]}x{size[1]}.png")
        picture.save(path)
        return path

    def ours(self, name, size, fps, steps, *more, guidance=GUIDANCE, precision="f32"):
        """A clip through the library."""
        folder, photo = self.folder(name, precision), self.photo(name, size)
        command = [self.program, "--packs", os.path.join(self.out, "store"), "--pack", os.path.join(folder, "pack"),
                   "--out", os.path.join(self.work, f"{name}.mp4"), "--size", str(max(size[:2])),
                   "--seconds", str(size[2] / fps), "--fps", str(fps), "--steps", str(steps), "--guidance", str(guidance),
                   "--seed", str(SEED), "--words", WORDS, "--not", NOT, *more]
        command += ["--photo", photo] if photo else []
        line = finished([*command, "--started", str(time.time_ns())])
        made = (line["width"], line["height"], line["frames"])
        if "--first-step" not in more and made != tuple(size):
            raise AssertionError(f"{name}: asked for {size}, made {made}")
        self.versions["ONNX Runtime in the library"] = line["runtime"]
        return line

    def peer(self, job):
        path = os.path.join(self.work, "job.json")
        with open(path, "w") as file:
            json.dump({**job, "started": time.time_ns()}, file)
        return finished([sys.executable, os.path.join(HERE, "peer.py"), path])

    def diffusers(self, name, size, fps, steps, **more):
        folder = os.path.join(self.folder(name), "diffusers")
        with open(os.path.join(folder, "model_index.json")) as file:
            kind = json.load(file)["_class_name"]
        width, height, frames = size
        return self.peer({
            "peer": "diffusers", "family": name, "class": kind, "model": folder, "width": width, "height": height,
            "frames": frames, "fps": fps, "steps": steps, "guidance": GUIDANCE, "words": WORDS, "not": NOT,
            "photo": self.photo(name, size), "first_step": False, **more})

    def openvino(self, name, steps):
        folder = os.path.join(self.folder(name), "openvino")
        with open(os.path.join(folder, "about.json")) as file:
            runs = json.load(file)["runs"]
        return self.peer({"peer": "openvino", "model": os.path.join(folder, "denoiser.xml"),
                          "inputs": os.path.join(folder, "inputs.npz"), "runs": runs, "steps": steps})


def say(text):
    print(text, file=sys.stderr, flush=True)


def finished(command):
    """The JSON that a program prints as its last line."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def turns(count, *programs):
    """Each program's results, one per round; every other round runs them the other way round."""
    results = [[] for _ in programs]
    for number in range(count):
        order = range(len(programs)) if number % 2 == 0 else reversed(range(len(programs)))
        for i in order:
            results[i].append(programs[i]())
    return results


def ratio(ours, theirs, figure):
    """The median of the ratios of neighbours."""
    ratios = [figure(a) / figure(b) for a, b in zip(ours, theirs)]
    return statistics.median(ratios), f"{len(ratios)} rounds, {min(ratios):.3f} to {max(ratios):.3f}"


def pictures(folder):
    """The PNG files of a folder, u8 [F, H, W, 3]."""
    return np.stack([np.asarray(Image.open(os.path.join(folder, file)).convert("RGB")) for file in sorted(os.listdir(folder))])


def step_seconds(line):
    return statistics.median(line["steps"])


def mib(size):
    return "?" if size is None else f"{size / 2 ** 20:.0f} MiB"


def steps_and_memory(bench, name):
    model = mid.MODELS[name]
    ours, theirs, openvino = turns(
        bench.rounds, lambda: bench.ours(name, model.step, model.fps, bench.steps),
        lambda: bench.diffusers(name, model.step, model.fps, bench.steps), lambda: bench.openvino(name, bench.steps))
    value, note = ratio(ours, theirs, step_seconds)
    bench.at_most("denoise step / diffusers", name, STEP_OVER_DIFFUSERS[name], value, note)
    value, note = ratio(ours, openvino, step_seconds)
    bench.at_most("denoise step / OpenVINO", name, STEP_OVER_OPENVINO, value, note)
    overheads = [line["overhead"] for line in ours if line["overhead"] is not None]
    bench.at_most("denoise loop over its `Session.run`s", name, OVERHEAD, statistics.median(overheads) if overheads else None,
                  "" if overheads else "the library does not say it", percent=True)
    value, note = ratio(ours, theirs, lambda line: line["peak"])
    bench.at_most("peak memory of a job / diffusers", name, MEMORY, value, note)
    middle = lambda lines, key: statistics.median(line[key] for line in lines)
    width, height, frames = model.step
    bench.details.append(
        f"| {name} | {width} × {height} × {frames} | {statistics.median(map(step_seconds, ours)):.2f} s | "
        f"{statistics.median(map(step_seconds, theirs)):.2f} s | {statistics.median(map(step_seconds, openvino)):.2f} s | "
        f"{middle(ours, 'decoding'):.1f} s | {middle(theirs, 'decoding'):.1f} s | "
        f"{mib(middle(ours, 'peak_denoising'))} | {mib(middle(ours, 'peak'))} | {mib(middle(theirs, 'peak_denoising'))} | "
        f"{mib(middle(theirs, 'peak'))} |")


def eight_bits(bench, name):
    """Steps whose linear layers multiply 8-bit integers, over diffusers' in f32."""
    model = mid.MODELS[name]
    folders = {precision: os.path.join(bench.work, f"{name}-{precision}") for precision in ("f32", "w8a8")}
    for precision, folder in folders.items():
        shutil.rmtree(folder, ignore_errors=True)
        bench.ours(name, model.short, model.fps, 8, "--frames", folder, precision=precision)
    near = check.decibels(*(pictures(folder) / 255.0 for folder in folders.values()))
    ours, theirs = turns(bench.rounds, lambda: bench.ours(name, model.step, model.fps, bench.steps, precision="w8a8"),
                         lambda: bench.diffusers(name, model.step, model.fps, bench.steps))
    value, note = ratio(ours, theirs, step_seconds)
    bench.at_most("denoise step of 8 bits / diffusers", name, STEP_OVER_DIFFUSERS[name], value,
                  f"{note}; w8a8 against f32; frames {near:.1f} dB from those of our f32")
    value, note = ratio(ours, theirs, lambda line: line["peak"])
    bench.at_most("peak memory of a job of 8 bits / diffusers", name, MEMORY, value, note)


def start(bench, name):
    model = mid.MODELS[name]
    ours, theirs = turns(
        max(3, bench.rounds), lambda: bench.ours(name, model.start, model.fps, 2, "--first-step"),
        lambda: bench.diffusers(name, model.start, model.fps, 2, first_step=True))
    value, note = ratio(ours, theirs, lambda line: line["first_step"])
    middle = lambda lines: statistics.median(line["first_step"] for line in lines)
    bench.at_most("process start to first step / diffusers", name, START, value,
                  f"{note}; {middle(ours):.2f} s, {middle(theirs):.2f} s")


def long_clips(bench, name):
    """Memory from the end of denoising on, of a long clip over a short one."""
    model = mid.MODELS[name]
    # a step without guidance: nothing but decoding is looked at; how its memory grows differs from run to run
    watched = lambda size: lambda: bench.ours(name, size, 24, 1, "--watch", guidance=1.0)
    longs, shorts = turns(max(3, bench.rounds), watched(model.long), watched(model.short))
    peaks = [[line["peak_decoding"] for line in lines] for lines in (longs, shorts)]
    if None in peaks[0] + peaks[1]:
        return bench.at_most("decode to MP4, memory of 128 frames / 16", name, LONG, None)
    value, note = ratio(longs, shorts, lambda line: line["peak_decoding"])
    bench.at_most("decode to MP4, memory of 128 frames / 16", name, LONG, value,
                  f"{note}; {model.long[2]} and {model.short[2]} frames; {mib(statistics.median(peaks[0]))}, "
                  f"{mib(statistics.median(peaks[1]))}")


def tiled(bench, name):
    """Decoding in strips over decoding whole frames."""
    model = mid.MODELS[name]
    size, folders = model.tiled, [os.path.join(bench.work, f"{name}-{which}") for which in ("whole", "tiled")]

    def clip(folder, *more):
        shutil.rmtree(folder, ignore_errors=True)
        return bench.ours(name, size, 8, 1, "--watch", "--frames", folder, *more, guidance=1.0)

    whole, strips = turns(max(1, bench.rounds // 2), lambda: clip(folders[0]), lambda: clip(folders[1], "--tiled"))
    note = f"{size[0]} × {size[1]} × {size[2]}"
    peaks = [statistics.median(line["peak_decoding"] for line in lines) for lines in (strips, whole)]
    bench.at_most("decode in strips / whole: memory", name, TILED_MEMORY, peaks[0] / peaks[1],
                  f"{note}; {mib(peaks[0])}, {mib(peaks[1])}")
    value, spread = ratio(strips, whole, lambda line: line["decoding"])
    bench.at_most("decode in strips / whole: time", name, TILED_TIME, value, f"{note}; {spread}")
    bench.at_least("decode in strips / whole: frames", name, DECIBELS,
                   check.decibels(*(pictures(folder) / 255.0 for folder in folders)), "dB", note)


def cancel(bench, name):
    """How long a job goes on after it was cancelled in the middle of a step."""
    model, folder = mid.MODELS[name], bench.folder(name)
    photo = bench.photo(name, model.step)
    width, height, frames = model.step
    line = finished([bench.program, "--packs", os.path.join(bench.out, "store"), "--pack", os.path.join(folder, "pack"),
                     "--out", os.path.join(bench.work, "never.mp4"), "--size", str(max(width, height)),
                     "--seconds", str(frames / model.fps), "--fps", str(model.fps), "--steps", "50",
                     "--guidance", str(GUIDANCE), "--words", WORDS, "--cancel", str(4 * bench.rounds + 1),
                     *(["--photo", photo] if photo else [])])
    ends = sorted(line["ends"])
    value = ends[min(len(ends) - 1, int(np.ceil(0.95 * len(ends))) - 1)] / line["step"]
    bench.at_most("cancelled in a step, p95 of a step", name, CANCEL, value,
                  f"{len(ends)} jobs; a step takes {line['step']:.2f} s", percent=True)


def preflight(bench, name):
    """What the library foretells of random requests, and what they take."""
    model, pack = mid.MODELS[name], os.path.join(bench.folder(name), "pack")
    ask = lambda *more: finished([bench.program, "--pack", pack, *more])
    subprocess.run([bench.command_line, "pack", "measure", pack, "--threads", "2"], check=True)
    # the store has the pack without its estimate
    shutil.rmtree(os.path.join(bench.out, "store", f"mid-{name}"), ignore_errors=True)
    drawn, width, height = np.random.default_rng(5), *model.step[:2]
    step = 16 if name != "ltx" else 32
    times, peaks = [], []
    for _ in range(REQUESTS):
        side, frames = drawn.uniform(0.5, 1.0), drawn.uniform(0.3, 1.0)
        size = [max(step, int(round(side * w / step)) * step) for w in (width, height)]
        size += [max(5, int(frames * model.step[2]))]
        more = ["--packs", os.path.join(bench.out, "store"), "--out", os.path.join(bench.work, "random.mp4"),
                "--size", str(max(size[:2])), "--seconds", str(max(0.5, size[2] / model.fps)), "--fps", str(model.fps),
                "--steps", str(drawn.integers(2, 5)), "--guidance", str(GUIDANCE), "--words", WORDS]
        photo = bench.photo(name, size)
        more += ["--photo", photo] if photo else []
        told, took = ask(*more, "--preflight"), ask(*more)
        times.append(abs(told["seconds"] / took["total"] - 1))
        peaks.append(abs(told["peak"] / (took["peak"] - took["before"]) - 1))
    # the worst but one in twenty
    p95 = lambda errors: sorted(errors)[int(np.ceil(0.95 * len(errors))) - 1]
    for what, limit, errors in (("time", ESTIMATED_TIME, times), ("memory", ESTIMATED_MEMORY, peaks)):
        bench.at_most(f"foretold {what}, error", name, limit, p95(errors),
                      f"{len(errors)} random requests, p95; median {100 * statistics.median(errors):.1f} %", percent=True)


def same_noise(bench, name):
    """A whole clip of eight steps through the library, and by diffusers from the same noise."""
    model, (width, height, frames) = mid.MODELS[name], mid.MODELS[name].short
    with open(os.path.join(bench.folder(name), "pack", "pack.json")) as file:
        about = json.load(file)["latents"]
    f, h, w = (frames - 1) // about["temporal"] + 1, height // about["spatial"], width // about["spatial"]
    shape = (1, f, about["channels"], h, w) if name == "svd" else (1, about["channels"], f, h, w)
    drawn = {"latents": noise.draw(SEED, noise.LATENTS, shape)}
    if name == "svd":
        drawn["augmentation"] = noise.draw(SEED, noise.AUGMENTATION, (1, 3, height, width))
    if name == "ltx":
        drawn["decode"] = noise.draw(SEED, noise.DECODE, shape)
    paths = {key: os.path.join(bench.work, f"{name}-{key}") for key in ("noise.npz", "frames", "frames.npy")}
    np.savez(paths["noise.npz"], **drawn)
    shutil.rmtree(paths["frames"], ignore_errors=True)
    fps = 24 if name == "svd" else model.fps
    bench.ours(name, model.short, fps, 8, "--frames", paths["frames"])
    bench.diffusers(name, model.short, fps, 8, noise=paths["noise.npz"], frames_out=paths["frames.npy"])
    ours = pictures(paths["frames"])
    theirs = np.round(np.load(paths["frames.npy"]) * 255)
    value = check.decibels(ours / 255.0, theirs / 255.0)
    bench.at_least("whole clip from the same noise: frames", name, DECIBELS, value, "dB",
                   f"through the library, {width} × {height} × {frames}, 8 steps")


def tiny_packs(bench, again):
    """The packs of the tests against their records; with `again` also packs that are made now, against theirs."""
    folders = {"of the tests": FIXTURES}
    if again:
        folders["made anew"] = os.path.join(bench.work, "tiny")
        shutil.rmtree(folders["made anew"], ignore_errors=True)
        made = subprocess.run([sys.executable, "-m", "export.tiny", "--out", folders["made anew"]],
                              cwd=os.path.dirname(HERE), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if made.returncode:
            raise SystemExit(made.stdout)
    for which, folder in folders.items():
        for name in ("svd", "wan-t2v", "wan-i2v", "wan-ti2v", "ltx"):
            records = [os.path.join(folder, f"{name}.{record}.safetensors") for record in ("record", "record-odd")]
            figures = [check.check(os.path.join(folder, name), path)[1] for path in records]
            note = f"tiny pack {which}, 2 sizes, 8 steps"
            bench.at_most("whole pipeline from the same noise: latents", name, LATENTS,
                          max(f["latents"] for f in figures), note)
            bench.at_least("whole pipeline from the same noise: frames", name, DECIBELS,
                           min(f["frames_decibels"] for f in figures), "dB", note)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", required=True, help="the example bench_video")
    parser.add_argument("--command-line", required=True, help="the program kinora")
    parser.add_argument("--out", required=True)
    parser.add_argument("--report", required=True)
    parser.add_argument("--quick", action="store_true", help="two rounds, and no packs of the tests made anew")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--only", choices=mid.MODELS)
    parser.add_argument("--parts", default="steps,w8a8,start,cancel,preflight,tiled,long,noise,tiny")
    options = parser.parse_args()
    names = [name for name in mid.MODELS if options.only in (None, name)]
    parts = options.parts.split(",")
    out = os.path.abspath(options.out)
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as work:
        bench = Bench(os.path.abspath(options.program), os.path.abspath(options.command_line), out, options.rounds or (2 if options.quick else 5),
                      options.steps or (3 if options.quick else 4), work)
        for name in names:
            # in processes of their own, whose memory is gone when it is measured
            makers = [["mid"], ["convert"]] + [["mid", "--precision", "w8a8"]] * ("w8a8" in parts)
            for module, *more in makers:
                subprocess.run([sys.executable, "-m", f"export.{module}", "--out", out, "--only", name, *more],
                               cwd=os.path.dirname(HERE), check=True, stdout=sys.stderr)
        # packs that were made anew go in anew
        shutil.rmtree(os.path.join(out, "store"), ignore_errors=True)

        def write():
            words = {"ROUNDS": str(bench.rounds), "STEPS": str(bench.steps), "LOAD": f"{load:.1f}",
                     "LOAD_END": f"{os.getloadavg()[0]:.1f}",
                     "STARTS": ", ".join(f"{name} {w} × {h} × {f}" for name, (w, h, f) in
                                         ((name, mid.MODELS[name].start) for name in names))}
            with open(options.report, "w") as file:
                file.write(report.written(bench.rows, bench.details, bench.versions, words, options.quick))

        # after each part, so that a run that is ended early has told what it found
        for part in parts:
            if part == "tiny":
                tiny_packs(bench, again=not options.quick)
                write()
                continue
            for name in names:
                PARTS[part](bench, name)
                write()


PARTS = {"steps": steps_and_memory, "w8a8": eight_bits, "start": start, "cancel": cancel, "preflight": preflight, "tiled": tiled,
         "long": long_clips, "noise": same_noise}


if __name__ == "__main__":
    main()
