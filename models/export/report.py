"""benches/PEERS.md: what was measured, and how."""
import datetime
import os
import platform
import re
from importlib import metadata

PACKAGES = ("diffusers", "torch", "transformers", "openvino", "onnxruntime", "numpy")

TEXT = """\
# Packs beside diffusers and OpenVINO

`cargo xtask peers` wrote this file, {DATE}: {COUNTS}.{QUICK}

{MACHINE}; two threads for each program. The machine's load was {LOAD} when it began, {LOAD_END} at the end (0 is quiet).
{VERSIONS}.

| what | family | wanted | measured | held | |
|---|---|---|---|---|---|
{ROWS}

## The steps in seconds

Medians of {ROUNDS} rounds. Decoding is what comes after the last step, here to the MP4 file and there to an array.

| family | clip | step | diffusers | OpenVINO | decoding | diffusers | peak at last step | peak of the job | diffusers at last step | diffusers |
|---|---|---|---|---|---|---|---|---|---|---|
{DETAILS}

## What is measured

Models of each family's architecture with random weights, f32, over 100 million parameters in the denoiser
(`models/export/mid.py`); text and picture encoders are tiny, the autoencoders small. `python -m export` makes packs of
them, `save_pretrained` keeps the same weights for diffusers. Real models have larger text encoders: a pack closes its
own before it denoises, so what is said of memory here is the less favourable case.

- **Programs in turns.** Each figure is of processes of their own, one after another: `bench_video`
  (benches/peers/video.rs, the public API alone), diffusers' pipeline, OpenVINO. Every other round goes the other way
  round. A ratio is that of neighbours, and the figure the median of all rounds; the last column has the least and the most.
- **A step** is a whole one: both runs of guidance, guidance itself and the scheduler. Ours is from one `Denoising` progress to the
  next, diffusers' from one `callback_on_step_end` to the next; the first step counts in neither. OpenVINO's is its denoiser's
  runs alone, without scheduler. {STEPS} steps a clip.
- **What no graph can save**: `python -m export.speed` says how much of a denoiser's run is matrix products, attention and
  convolutions. Where both libraries multiply as fast as the processor can, that part is as long for diffusers.
- **diffusers** runs eagerly in f32, in `torch.inference_mode`, with `torch.set_num_threads(2)`.
- **OpenVINO** runs what its own converter makes of diffusers' module at that very size, with the hints LATENCY and f32,
  two threads, one stream, and the inputs of diffusers' first step.
- **Of 8 bits**: a pack of the same model with `--precision w8a8`, whose linear layers multiply 8-bit integers, against
  diffusers' f32 all the same. How fast a processor multiplies those differs more than how fast it multiplies f32, so the figure is for
  this one; it wants AMX or VNNI, or a phone's dot products (ARMv8.2).
- **Over its `Session.run`s**: what the denoise loop takes beside the network, from what the library logs of itself.
- **Peak memory** is VmHWM at the end of a process that made one clip, mapped weights included. Ours goes on to write the MP4
  file, diffusers ends with an array of frames.
- **Process start**: from the moment at which the process is asked for to the end of the first denoise step, of a
  clip so small that the step takes next to no time ({STARTS}): imports, opening, weights. diffusers loads with `from_pretrained`. Files are warm
  for both, and the pack was put into its store before.
- **Same noise**: the latents and frames of tiny packs (tests/fixtures/packs and, but for `--quick`, packs that are exported
  anew) against diffusers' records, by `export.check`; the library's own loops hold the same in `cargo test --lib -- video`.
  And clips of the larger models through the library, PNG files without marks against diffusers' frames,
  whose pipeline starts from the library's numbers (`models/export/noise.py`).
- **Decode to MP4**: the most memory that is resident from when the denoiser is gone to the end, of two clips, made in turns.
- **Cancelled**: jobs are cancelled in their second step, each at another moment of it; the time until they have ended, weights closed.
- **Foretold**: `kinora pack measure` measures the pack; then random sizes, lengths and steps are
  reckoned by `Studio::preflight` in one process and made in another. Time is from the job's begin to its end, memory its peak less
  what the process had before.
- **Decode in strips**: the same of a clip with `GenerationRequest::tiled` over one without, the seconds from the last step to
  the file, and the PSNR of the one's PNG files against the other's.

## How to run it

```sh
cargo xtask peers                 # everything; an hour or two on two cores
cargo xtask peers --quick         # fewer rounds, no packs made anew
cargo xtask peers --rounds 9 --only ltx --parts steps,start
```

It makes a Python environment in the build folder (several gigabytes, once), models in `peers-video/` there, and
this file. Nothing else should run on the machine. With `--only` or `--parts` the report goes to the build folder instead.
"""


# what matrix products take their speed from, the widest first
VECTORS = {"amx_tile": "AMX", "avx512_vnni": "AVX-512 with VNNI", "avx512f": "AVX-512", "avx2": "AVX2"}


def machine():
    with open("/proc/cpuinfo") as file:
        about = dict(re.split(r"\s*:\s*", line.strip(), maxsplit=1) for line in file if ":" in line)
    model = about.get("model name") or platform.processor() or platform.machine()
    flags = about.get("flags", "").split()
    model += next((f" ({name})" for flag, name in VECTORS.items() if flag in flags), "")
    with open("/proc/meminfo") as file:
        memory = int(file.readline().split()[1]) / 2 ** 20
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB of memory, {platform.system()} on {platform.machine()}"


def written(rows, details, versions, words, quick):
    """The whole file. `rows`: see peers.Row; `details`: lines of the second table; `words`: what stands in braces."""
    held = {True: "yes", False: "**no**", None: "—"}
    count = lambda state: sum(row.held is state for row in rows)
    versions = [f"{name} {version}" for name, version in versions.items()]
    versions += [f"{name} {metadata.version(name)}" for name in PACKAGES] + [f"Python {platform.python_version()}"]
    words |= {
        "QUICK": " A quick run: few rounds, coarse figures." if quick else "",
        "COUNTS": f"{count(True)} figures held, {count(False)} missed, {count(None)} not measured",
        "ROWS": "\n".join(f"| {r.what} | {r.family} | {r.wanted} | {r.shown} | {held[r.held]} | {r.note} |" for r in rows),
        "DETAILS": "\n".join(details), "MACHINE": machine(), "VERSIONS": ", ".join(versions),
        "DATE": datetime.date.today().isoformat()}
    text = TEXT
    for name, value in words.items():
        text = text.replace("{" + name + "}", value)
    return text
