"""The same architectures at 100 million parameters and more in the denoiser, with random weights: for measuring.

    python -m export.mid --out DIR [--only NAME] [--precision f32|f16|int8|w8a8]

Makes DIR/NAME-PRECISION/ with `pack`, complete, and `diffusers`, the same weights as diffusers loads them. What was made
from the same sources is left as it is.
"""
import argparse
import glob
import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass

import torch
from PIL import Image

from . import families, tiny, weights


def wan():
    """Wan 2.1 1.3B has 12 heads, 8960, 30 layers, and an autoencoder of 96."""
    from diffusers import WanPipeline
    transformer = tiny.wan_transformer(
        1, num_attention_heads=8, attention_head_dim=128, in_channels=16, out_channels=16, freq_dim=256, ffn_dim=5120,
        num_layers=6, rope_max_seq_len=1024)
    vae = tiny.wan_vae(3, z=16, base_dim=32, dim_mult=[1, 2, 4, 4], num_res_blocks=2)
    return WanPipeline(**tiny.wan_parts(2, transformer, vae))


def svd():
    """SVD has 320, 640, 1280, 1280 channels and 5, 10, 20, 20 heads, and an autoencoder of 128, 256, 512, 512."""
    down, up = "CrossAttnDownBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"
    return tiny.svd(
        dim=64,
        unet=dict(block_out_channels=(128, 256, 384, 384), down_block_types=(down,) * 3 + ("DownBlockSpatioTemporal",),
                  up_block_types=("UpBlockSpatioTemporal",) + (up,) * 3, num_attention_heads=(2, 4, 6, 6), num_frames=14,
                  layers_per_block=2, addition_time_embed_dim=256, projection_class_embeddings_input_dim=768),
        vae=dict(block_out_channels=(32, 64, 128, 128), down_block_types=("DownEncoderBlock2D",) * 4, layers_per_block=2))


def ltx():
    """LTX-Video 2B has 32 heads and 28 layers, and a decoder of 256, 512, 1024, halved where it upsamples."""
    scaling = (True, True, True)
    return tiny.ltx(
        transformer=dict(in_channels=128, out_channels=128, num_attention_heads=16, attention_head_dim=64,
                         cross_attention_dim=1024, num_layers=6),
        vae=dict(latent_channels=128, block_out_channels=(32, 64, 128, 128), decoder_block_out_channels=(64, 128, 256),
                 layers_per_block=(2, 1, 1, 1, 1), decoder_layers_per_block=(2, 2, 2, 2),
                 spatio_temporal_scaling=(*scaling, False), decoder_spatio_temporal_scaling=scaling,
                 decoder_inject_noise=(False,) * 4, down_block_types=("LTXVideoDownBlock3D",) * 4,
                 downsample_type=("conv",) * 4, upsample_residual=(True,) * 3, upsample_factor=(2,) * 3, patch_size=4))


@dataclass
class Mid:
    """Width, height, frames of the clip whose steps are measured, of one so small that its steps take no time, of a short
    one and of one with about eight times as many frames, and of one that is decoded in strips."""
    pipe: Callable
    fps: int
    step: tuple
    start: tuple
    short: tuple
    long: tuple
    tiled: tuple


# without a photo a clip is as wide for its height as the pack's defaults: Wan's sizes follow from its longer sides
MODELS = {
    "wan": Mid(wan, 16, (416, 240, 17), (64, 32, 9), (256, 144, 17), (256, 144, 129), (1280, 736, 5)),
    "svd": Mid(svd, 7, (384, 256, 8), (96, 64, 4), (192, 128, 16), (192, 128, 128), (1280, 704, 4)),
    "ltx": Mid(ltx, 24, (640, 384, 33), (64, 32, 17), (448, 256, 17), (448, 256, 129), (1280, 704, 9)),
}


def denoiser_of(pipe):
    return pipe.unet if hasattr(pipe, "unet") else pipe.transformer


def component(pipe, name):
    return next(part for part in families.FAMILIES[type(pipe).__name__].components(pipe) if part.name == name)


def latents_sizes(name, about):
    """The dynamic sizes of the denoiser in a step that is measured; `about` is pack.json."""
    width, height, frames = MODELS[name].step
    latents, patch = about["latents"], about["family_settings"].get("patch", [1, 1, 1])
    sizes = {"frames": (frames - 1) // latents["temporal"] + 1, "height": height // latents["spatial"],
             "width": width // latents["spatial"], "words": 20, "image_tokens": 0}
    shape = (sizes["frames"] // patch[0], sizes["height"] // patch[1], sizes["width"] // patch[2])
    return sizes | {"tokens": shape[0] * shape[1] * shape[2]}


def photo(name, size):
    """The picture that becomes a clip, the same for all programs; Wan's clips are made of words alone."""
    return None if name == "wan" else Image.fromarray(tiny.portrait(*size[:2]))


# what decides of no graph
ASIDE = {"__main__", "check", "convert", "noise", "peer", "peers", "report", "speed"}


def sources(name):
    """A sum of what decides what is made."""
    here, digest = os.path.dirname(__file__), hashlib.sha256()
    for path in sorted(glob.glob(os.path.join(here, "*.py"))) + [os.path.join(here, "requirements.txt")]:
        if os.path.splitext(os.path.basename(path))[0] not in ASIDE | set(MODELS) - {name}:
            with open(path, "rb") as file:
                digest.update(file.read())
    return digest.hexdigest()


def make(name, out, precision="f32"):
    """The folder with the pack and the pipeline, made where it is not there as these sources make it."""
    folder = os.path.join(out, f"{name}-{precision}")
    stamp, wanted = os.path.join(folder, "sources"), sources(name)
    if os.path.exists(stamp) and open(stamp).read() == wanted:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    pipe = MODELS[name].pipe()
    width, height, frames = MODELS[name].step
    about = {"id": f"mid-{name}" if precision == "f32" else f"mid-{name}-{precision}", "name": f"Mid {name}", "version": "1.0.0", "licence": tiny.LICENCE,
             "source": "random weights"}
    families.export(pipe, os.path.join(folder, "pack"), about, limits={"frames_max": 129}, precision=precision,
                    defaults={"width": width, "height": height, "frames": frames, "fps": MODELS[name].fps})
    pipe.save_pretrained(os.path.join(folder, "diffusers"))
    print(name, f"{sum(p.numel() for p in denoiser_of(pipe).parameters()) / 1e6:.0f} million parameters", flush=True)
    with open(stamp, "w") as file:
        file.write(wanted)
    return folder


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", required=True)
    parser.add_argument("--only", choices=MODELS)
    parser.add_argument("--precision", default="f32", choices=weights.PRECISIONS)
    options = parser.parse_args()
    torch.set_num_threads(2)
    for name in MODELS:
        if options.only in (None, name):
            print(make(name, options.out, options.precision))


if __name__ == "__main__":
    main()
