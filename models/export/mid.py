"""The same architectures at 100 million parameters and more, with random weights: for measuring speed.

    python -m export.mid --out DIR [--only NAME]

Writes condition and denoiser, as much as a step needs, no whole pack.
"""
import argparse
import os

import torch

from . import component, families, random_weights, tiny, weights


def wan():
    """Wan 2.1 1.3B has 12 heads, 8960, 30 layers."""
    from diffusers import WanPipeline, WanTransformer3DModel
    transformer = random_weights.fill(WanTransformer3DModel(
        num_attention_heads=8, attention_head_dim=128, in_channels=16, out_channels=16, text_dim=4096, freq_dim=256,
        ffn_dim=5120, num_layers=6), 1)
    return WanPipeline(**tiny.wan_parts(2, transformer, tiny.wan_vae(3, z=16)))


def svd():
    """SVD has 320, 640, 1280, 1280 channels and 5, 10, 20, 20 heads."""
    from diffusers import UNetSpatioTemporalConditionModel
    pipe = tiny.svd()
    pipe.unet = random_weights.fill(UNetSpatioTemporalConditionModel(
        block_out_channels=(128, 256, 384, 384), num_attention_heads=(2, 4, 6, 6), cross_attention_dim=1024,
        projection_class_embeddings_input_dim=768, num_frames=14), 4)
    return pipe


def ltx():
    """LTX-Video 2B has 32 heads and 28 layers."""
    from diffusers import LTXVideoTransformer3DModel
    pipe = tiny.ltx()
    pipe.transformer = random_weights.fill(LTXVideoTransformer3DModel(
        in_channels=128, out_channels=128, num_attention_heads=16, attention_head_dim=64, cross_attention_dim=1024,
        num_layers=6, caption_channels=4096), 5)
    return pipe


# name → pipeline, sizes of the latents in a step that is measured
MODELS = {
    "wan": (wan, {"frames": 5, "height": 30, "width": 52, "tokens": 5 * 15 * 26, "image_tokens": 0}),  # 416 × 240, 17 frames
    "svd": (svd, {"frames": 8, "height": 32, "width": 48}),  # 384 × 256, 8 frames
    "ltx": (ltx, {"frames": 5, "height": 12, "width": 20, "tokens": 5 * 12 * 20, "words": 20}),  # 640 × 384, 33 frames
}


def sizes_of(name):
    return MODELS[name][1]


def denoiser_of(pipe):
    return pipe.unet if hasattr(pipe, "unet") else pipe.transformer


def parts(pipe):
    family = families.FAMILIES[type(pipe).__name__]
    return [part for part in family.components(pipe) if part.name in ("condition", "denoiser")]


def write(name, folder, precision="f32", reuse=False):
    """Exports the two components; gives the pipeline and them. With `reuse` they are there already."""
    pipe = MODELS[name][0]()
    os.makedirs(folder, exist_ok=True)
    made = parts(pipe)
    for part in [] if reuse else made:
        model = component.trace(part)
        weights.store(model, precision)
        data = component.Data(folder, part.data)
        component.save(model, part, data)
        data.close()
    return pipe, made


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", required=True)
    parser.add_argument("--only", choices=MODELS)
    parser.add_argument("--precision", default="f32", choices=["f32", "f16", "int8"])
    options = parser.parse_args()
    torch.set_num_threads(2)
    for name in MODELS:
        if options.only in (None, name):
            pipe, made = write(name, os.path.join(options.out, f"{name}-{options.precision}"), options.precision)
            print(name, f"{sum(p.numel() for p in denoiser_of(pipe).parameters()) / 1e6:.0f} million parameters")


if __name__ == "__main__":
    main()
