"""Runs a pack with NumPy and ONNX Runtime alone, but for the scheduler, which is diffusers'.

    python -m export.check PACK_DIR          # against the records beside it, `PACK_DIR.record*.safetensors`

The loops below say what a host has to do; the library does the same.
"""
import argparse
import glob
import json
import os

import numpy as np
import torch
from safetensors import safe_open

from . import pack as packs
from .component import session

LATENTS_TOLERANCE = 1e-3
FRAMES_DECIBELS = 45.0


class Pack:
    def __init__(self, folder):
        self.folder = folder
        with open(os.path.join(folder, "pack.json")) as file:
            self.about = json.load(file)
        self.settings = self.about["family_settings"]
        self.sessions = {}

    def has(self, name):
        return name in self.about["components"]

    def run(self, name, **inputs):
        """The component's outputs by name. Inputs that it does not take are left out."""
        part = self.about["components"][name]
        if name not in self.sessions:
            self.sessions[name] = session(os.path.join(self.folder, part["graph"]))
        outputs = list(part["outputs"])
        values = self.sessions[name].run(outputs, {n: inputs[n] for n in part["inputs"]})
        return dict(zip(outputs, values))

    def tokenize(self, words):
        """Token ids [1, n], the end token last, without padding."""
        from tokenizers import Tokenizer
        about = self.about["tokenizer"]
        tokenizer = Tokenizer.from_file(os.path.join(self.folder, about["file"]))
        tokenizer.enable_truncation(about["length"])
        return np.array([tokenizer.encode(" ".join(words.split())).ids], np.int64)

    def scheduler(self, steps, **options):
        scheduler = packs.scheduler_from(self.about["scheduler"])
        scheduler.set_timesteps(steps, **options)
        return scheduler

    def channels(self, name, dims=5):
        """Mean or deviation per channel of the latents, channels in axis 1."""
        return np.array(self.about["latents"][name], np.float32).reshape(1, -1, *[1] * (dims - 2))

    def normalised(self, latents):
        return (latents - self.channels("mean")) / self.channels("std") * np.float32(self.about["latents"]["scale"])

    def denormalised(self, latents):
        return latents * self.channels("std") / np.float32(self.about["latents"]["scale"]) + self.channels("mean")


def step(scheduler, prediction, t, latents):
    return scheduler.step(torch.from_numpy(prediction), t, torch.from_numpy(latents), return_dict=False)[0].numpy()


def as_frames(video):
    """[1, 3, F, H, W] in -1..1 → [F, H, W, 3] in 0..1."""
    return (video[0].transpose(1, 2, 3, 0) / 2 + 0.5).clip(0, 1)


def clip_pixels(image, side, mean, std):
    """What transformers' CLIPImageProcessor makes of a picture u8 [H, W, 3]: [1, 3, side, side]."""
    from PIL import Image
    picture = Image.fromarray(image)
    scale = side / min(picture.size)
    width, height = (int(n * side / min(picture.size)) for n in picture.size)
    picture = np.asarray(picture.resize((width, height), Image.BICUBIC), np.float32) / 255
    top, left = (picture.shape[0] - side) // 2, (picture.shape[1] - side) // 2
    picture = (picture[top:top + side, left:left + side] - np.float32(mean)) / np.float32(std)
    return picture.transpose(2, 0, 1)[None]


def wan(pack, request, record):
    settings, size = pack.settings, record["noise"].shape[2:]
    patch = settings["patch"]

    # words ► keys, values; with guidance twice
    conditions, seen = [], {}
    for prompt in (request["prompt"], request["negative_prompt"])[:2 if request["guidance_scale"] > 1 else 1]:
        ids = pack.tokenize(prompt)
        hidden = pack.run("text_encoder", ids=ids, mask=np.ones_like(ids))["hidden"]
        seen.setdefault("ids", ids)
        seen.setdefault("hidden", hidden)
        given = {"text": np.pad(hidden, ((0, 0), (0, settings["text_length"] - hidden.shape[1]), (0, 0))),
                 "latents_size": np.array(size, np.int64)}
        if pack.has("image_encoder"):
            pixels = clip_pixels(record["image"], settings["image_side"], settings["image_mean"], settings["image_std"])
            given["image"] = pack.run("image_encoder", pixels=pixels)["hidden"]
        conditions.append(pack.run("condition", **given))

    # picture ► latents
    known = None
    if "image" in record:
        frames = 1 if settings["expand_timesteps"] else request["frames"]
        pixels = np.zeros((1, 3, frames, *record["image"].shape[:2]), np.float32)
        pixels[0, :, 0] = record["image"].transpose(2, 0, 1).astype(np.float32) / 127.5 - 1
        known = pack.normalised(wan_encode(pack, pixels))

    latents = record["noise"]
    scheduler = pack.scheduler(request["steps"])
    for i, t in enumerate(scheduler.timesteps):
        if settings["expand_timesteps"]:
            # each token has its time; those of the picture's frame have none left to go
            at = np.full([n // p for n, p in zip(size, patch)], float(t), np.float32)
            given = latents
            if known is not None:
                at[0] = 0
                given = np.concatenate([known, latents[:, :, 1:]], 2)
            at = at.reshape(1, -1)
        else:
            at = np.array([float(t)], np.float32)
            given = latents
            if known is not None:
                mask = np.zeros((1, settings["mask_channels"], *size), np.float32)
                mask[:, :, 0] = 1
                given = np.concatenate([latents, mask, known], 1)
        predictions = [pack.run("denoiser", latents=given, timestep=at, **c)["prediction"] for c in conditions]
        prediction = predictions[0]
        if len(predictions) == 2:
            prediction = predictions[1] + request["guidance_scale"] * (predictions[0] - predictions[1])
        seen.setdefault("prediction_0", prediction)
        latents = step(scheduler, prediction, t, latents)
    if settings["expand_timesteps"] and known is not None:
        latents = np.concatenate([known, latents[:, :, 1:]], 2)
    return {**seen, "latents": latents, "frames": as_frames(wan_decode(pack, pack.denormalised(latents)))}


def remembered(out):
    """The caches for the next frame: what came out as next_cache_7, or as cache_7 at first, goes in as cache_7."""
    caches = {name.removeprefix("next_"): value for name, value in out.items()}
    return {name: value for name, value in caches.items() if name.startswith("cache_")}


def wan_decode(pack, latents):
    """The stem sees the whole frame; what follows would give the same for a part of its features, but for the edges."""
    clip, stem, rest = [], {}, {}
    for i in range(latents.shape[2]):
        which = "next" if i else "first"
        stem = pack.run(f"vae_decoder_stem_{which}", latents=latents[:, :, i:i + 1], **remembered(stem))
        rest = pack.run(f"vae_decoder_{which}", features=stem["features"], **remembered(rest))
        clip.append(rest["frames"])
    return np.concatenate(clip, 2)


def wan_encode(pack, image):
    latents = []
    for i in range(1 + (image.shape[2] - 1) // 4):
        if i == 0:
            out = pack.run("vae_encoder_first", image=image[:, :, :1])
        else:
            out = pack.run("vae_encoder_next", image=image[:, :, 4 * i - 3:4 * i + 1], **remembered(out))
        latents.append(out["moments_mean"])
    return np.concatenate(latents, 2)


def svd_pixels(image, side, mean, std):
    """The picture u8 [H, W, 3] as SVD's CLIP sees it: blurred where it shrinks, then bicubic, both ends aligned."""
    x = torch.from_numpy(image.transpose(2, 0, 1)[None].astype(np.float32) / 255) * 2 - 1
    for axis, length in ((3, x.shape[3]), (2, x.shape[2])):
        sigma = max((length / side - 1) / 2, 0.001)
        taps = int(max(4 * sigma, 3)) | 1
        at = torch.arange(taps, dtype=torch.float32) - taps // 2
        weights = torch.exp(-at ** 2 / (2 * sigma ** 2))
        shape = [1, 1, 1, taps] if axis == 3 else [1, 1, taps, 1]
        kernel = (weights / weights.sum()).reshape(shape).expand(3, -1, -1, -1)
        edge = taps // 2
        padded = torch.nn.functional.pad(x, (edge, edge, 0, 0) if axis == 3 else (0, 0, edge, edge), mode="reflect")
        x = torch.nn.functional.conv2d(padded, kernel, groups=3)
    x = torch.nn.functional.interpolate(x, size=(side, side), mode="bicubic", align_corners=True).numpy()
    column = lambda values: np.array(values, np.float32).reshape(1, 3, 1, 1)
    return ((x + 1) / 2 - column(mean)) / column(std)


def svd(pack, request, record):
    settings, about = pack.settings, pack.about["latents"]
    guided = request["guidance_last"] > 1
    image = record["image"].transpose(2, 0, 1)[None].astype(np.float32) / 127.5 - 1

    # picture ► embedding, latents; without guidance's other half both are zero
    embedding = pack.run("image_encoder", pixels=svd_pixels(
        record["image"], settings["image_side"], settings["image_mean"], settings["image_std"]))["embedding"]
    noisy = image + np.float32(request["noise_augmentation"]) * record["augmentation_noise"]
    first = pack.run("vae_encoder", image=noisy)["latents"]
    time_ids = np.array([request["fps"] - 1, request["motion_bucket"], request["noise_augmentation"]], np.float32)
    conditions = [{"image_latents": first * x, **pack.run("condition", embedding=embedding * x, time_ids=time_ids)}
                  for x in ((np.float32(1), np.float32(0)) if guided else (np.float32(1),))]

    scheduler = pack.scheduler(request["steps"])
    latents = record["noise"] * np.float32(scheduler.init_noise_sigma)
    scale = np.linspace(request["guidance_first"], request["guidance_last"], latents.shape[1], dtype=np.float32)
    scale = scale.reshape(1, -1, 1, 1, 1)
    seen = {"hidden": embedding}
    for t in scheduler.timesteps:
        scaled = scheduler.scale_model_input(torch.from_numpy(latents), t).numpy()
        predictions = [pack.run("denoiser", latents=scaled, timestep=np.array([float(t)], np.float32), **c)["prediction"]
                       for c in conditions]
        prediction = predictions[0]
        if guided:
            prediction = predictions[1] + scale * (predictions[0] - predictions[1])
        seen.setdefault("prediction_0", prediction)
        latents = step(scheduler, prediction, t, latents)

    chunk, clip = request["decode_chunk"], latents[0] / np.float32(about["scale"])
    parts = [clip[i:i + chunk] for i in range(0, len(clip), chunk)]
    frames = [pack.run("vae_decoder", **pack.run("vae_decoder_stem", latents=part))["frames"] for part in parts]
    return {**seen, "latents": latents, "frames": as_frames(np.concatenate(frames).transpose(1, 0, 2, 3)[None])}


def ltx(pack, request, record):
    settings, size = pack.settings, record["noise"].shape[2:]
    length, pad = pack.about["tokenizer"]["length"], pack.about["tokenizer"]["pad"]

    conditions, seen = [], {}
    for prompt in (request["prompt"], request["negative_prompt"])[:2 if request["guidance_scale"] > 1 else 1]:
        ids = pack.tokenize(prompt)
        seen.setdefault("ids", ids)
        mask = np.zeros((1, length), np.int64)
        mask[:, :ids.shape[1]] = 1
        ids = np.pad(ids, ((0, 0), (0, length - ids.shape[1])), constant_values=pad)
        hidden = pack.run("text_encoder", ids=ids, mask=mask)["hidden"]
        seen.setdefault("hidden", hidden)
        conditions.append(pack.run("condition", text=hidden, mask=mask, latents_size=np.array(size, np.int64),
                                   fps=np.array([request["fps"]], np.float32)))

    image = record["image"].transpose(2, 0, 1)[None, :, None].astype(np.float32) / 127.5 - 1
    first = pack.normalised(pack.run("vae_encoder", image=image)["latents"])
    latents = np.concatenate([first, record["noise"][:, :, 1:]], 2)

    # The schedule is shifted by the count of tokens.
    about = pack.about["scheduler"]
    slope = (about["max_shift"] - about["base_shift"]) / (about["max_image_seq_len"] - about["base_image_seq_len"])
    shift = about["base_shift"] + slope * (np.prod(size) - about["base_image_seq_len"])
    steps = request["steps"]
    scheduler = pack.scheduler(None, sigmas=np.linspace(1.0, 1 / steps, steps), mu=float(shift))
    for t in scheduler.timesteps:
        at = np.full(size, float(t), np.float32)
        at[0] = 0
        predictions = [pack.run("denoiser", latents=latents, timestep=at.reshape(1, -1), **c)["prediction"]
                       for c in conditions]
        prediction = predictions[0]
        if len(predictions) == 2:
            prediction = predictions[1] + request["guidance_scale"] * (predictions[0] - predictions[1])
        seen.setdefault("prediction_0", prediction)
        latents = np.concatenate([first, step(scheduler, prediction[:, :, 1:], t, latents[:, :, 1:])], 2)

    x, given = pack.denormalised(latents), {}
    if settings["timestep_aware"]:
        scale = np.float32(request["decode_noise_scale"])
        x = (1 - scale) * x + scale * record["decode_noise"]
        given["timestep"] = np.array([request["decode_timestep"]], np.float32)
    return {**seen, "latents": latents, "frames": as_frames(ltx_decode(pack, x, given))}


def ltx_decode(pack, latents, given):
    """The stem takes the whole clip. Of what follows each half takes some frames at a time, and gives twice as many that lag
    behind: the first of them lie before the clip, and what goes in after the clip's last brings out the last."""
    features = pack.run("vae_decoder_stem", latents=latents, **given)["features"]
    count, settings, step = features.shape[2], pack.settings, pack.settings["decoder_step"]
    lags, clip, middle, rest = settings["decoder_lags"], [], {}, {}
    of = 4 * (count - 1) + 1
    for at in range(0, count + sum(lags), step):
        which = "next" if at else "first"
        part = features[:, :, np.minimum(np.arange(at, at + step), count - 1)]
        middle = pack.run(f"vae_decoder_middle_{which}", features=part, position=np.array([at]), count=np.array([count]),
                          **given, **remembered(middle))
        rest = pack.run(f"vae_decoder_{which}", fine_features=middle["fine_features"], position=np.array([2 * at - lags[0]]),
                        count=np.array([2 * count - 1]), **given, **remembered(rest))
        clip.append(rest["frames"])
    return np.concatenate(clip, 2)[:, :, 2 * lags[0] + lags[1]:][:, :, :of]


FAMILIES = {"ltx": ltx, "svd": svd, "wan": wan}


def read_record(path):
    with safe_open(path, "np") as file:
        return json.loads(file.metadata()["request"]), {name: file.get_tensor(name) for name in file.keys()}


def decibels(a, b):
    """Peak signal-to-noise ratio of pictures in 0..1."""
    error = np.mean((a.astype(np.float64) - b) ** 2)
    return np.inf if error == 0 else -10 * np.log10(error)


def check(folder, record_path, latents_tolerance=LATENTS_TOLERANCE, frames_decibels=FRAMES_DECIBELS):
    pack = Pack(folder)
    request, record = read_record(record_path)
    got = FAMILIES[pack.about["family"]](pack, request, record)
    figures = {}
    for name in ("hidden", "prediction_0", "latents"):
        if name in record:
            figures[name] = float(np.abs(got[name] - record[name]).max())
    if "ids" in record:
        assert np.array_equal(got["ids"].ravel(), record["ids"].ravel()), "token ids differ"
    frames = np.round(got["frames"] * 255) / 255
    figures["frames_decibels"] = float(decibels(frames, record["frames"].astype(np.float64) / 255))
    good = figures["latents"] <= latents_tolerance and figures["frames_decibels"] >= frames_decibels
    return good, figures


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("packs", nargs="+")
    parser.add_argument("--latents-tolerance", type=float, default=LATENTS_TOLERANCE)
    parser.add_argument("--frames-decibels", type=float, default=FRAMES_DECIBELS)
    options = parser.parse_args()
    failed = False
    for folder in options.packs:
        for path in sorted(glob.glob(f"{os.path.normpath(folder)}.record*.safetensors")):
            good, figures = check(folder, path, options.latents_tolerance, options.frames_decibels)
            failed |= not good
            print(folder, os.path.basename(path), "ok" if good else "FAILED",
                  " ".join(f"{name}={value:.2g}" for name, value in figures.items()))
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
