"""Tiny pipelines with random weights: packs for the tests, and what diffusers gives for them.

    python -m export.tiny --out DIR [--only NAME]
"""
import argparse
import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from unittest import mock

import numpy as np
import torch
from diffusers.pipelines.stable_video_diffusion import pipeline_stable_video_diffusion as pipeline_svd
from PIL import Image
from safetensors.numpy import save_file

from . import check, component, families, pack, random_weights, tokens, weights

PROMPT = "a woman smiles at the camera while the wind moves her hair"
NEGATIVE = "blurry, low quality"
STEPS = 8
LICENCE = {"name": "Apache License 2.0", "spdx": "Apache-2.0",
           "url": "https://www.apache.org/licenses/LICENSE-2.0", "open": True}


def text_encoder(kind, config, seed, **extra):
    encoder = kind(config(vocab_size=256, d_model=24, d_kv=8, d_ff=32, num_layers=2, num_heads=2,
                          relative_attention_num_buckets=8, relative_attention_max_distance=20,
                          feed_forward_proj="gated-gelu", pad_token_id=0, eos_token_id=1, **extra))
    return random_weights.fill(encoder, seed)


def wan_vae(seed, z=8, **extra):
    from diffusers import AutoencoderKLWan
    drawn = torch.Generator().manual_seed(seed)
    settings = dict(base_dim=8, z_dim=z, dim_mult=[1, 1, 1, 1], num_res_blocks=1,
                    latents_mean=(0.5 * torch.randn(z, generator=drawn)).tolist(),
                    latents_std=(0.7 + torch.rand(z, generator=drawn)).tolist())
    vae = AutoencoderKLWan(**settings | extra)
    random_weights.fill(vae, seed)
    z = torch.randn(1, z, 3, 8, 8, generator=drawn)
    with torch.no_grad():
        out = unclamped(vae, z)
        random_weights.rescale(vae.decoder.conv_out, out, 0.45)
        vae.decoder.conv_out.bias.sub_(unclamped(vae, z).mean())
        moments = vae._encode(torch.rand(1, 3, 5, 64, 64, generator=drawn) * 2 - 1)
        random_weights.rescale(vae.quant_conv, moments, 1.0)
    return vae


def unclamped(vae, z):
    """What the decoder gives before its values are cut to -1..1."""
    with mock.patch.object(torch, "clamp", lambda x, **_: x):
        return vae.decode(z, return_dict=False)[0]


def wan_transformer(seed, **extra):
    from diffusers import WanTransformer3DModel
    settings = dict(num_attention_heads=2, attention_head_dim=16, in_channels=8, out_channels=8, text_dim=24, freq_dim=32,
                    ffn_dim=64, num_layers=2, rope_max_seq_len=64)
    settings |= extra
    model = random_weights.fill(WanTransformer3DModel(**settings), seed)
    drawn = torch.Generator().manual_seed(seed)
    image = torch.randn(1, 9, 16, generator=drawn) if model.config.image_dim else None
    with torch.no_grad():
        out = model(torch.randn(1, model.config.in_channels, 2, 6, 8, generator=drawn), torch.tensor([500.0]),
                    torch.randn(1, 512, 24, generator=drawn), image, return_dict=False)[0]
        random_weights.rescale(model.proj_out, out, 1.0)
    return model


def wan_parts(seed, transformer, vae):
    """What all Wan pipelines have."""
    from diffusers import UniPCMultistepScheduler
    from transformers import T5TokenizerFast, UMT5Config, UMT5EncoderModel
    scheduler = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0)
    return dict(tokenizer=tokens.make(T5TokenizerFast), text_encoder=text_encoder(UMT5EncoderModel, UMT5Config, seed),
                vae=vae, scheduler=scheduler, transformer=transformer)


def wan_t2v():
    from diffusers import WanPipeline
    return WanPipeline(**wan_parts(12, wan_transformer(11), wan_vae(13)))


def wan_i2v():
    from diffusers import WanImageToVideoPipeline
    from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModel
    # beside the noise come a mask of four channels and the picture's latents
    transformer = wan_transformer(41, in_channels=8 + 4 + 8, image_dim=16, added_kv_proj_dim=32)
    parts = wan_parts(42, transformer, wan_vae(43))
    encoder = clip_vision(CLIPVisionModel, CLIPVisionConfig, 44)
    for module in (transformer, parts["vae"], parts["text_encoder"], encoder):
        module.half().float()
    return WanImageToVideoPipeline(**parts, image_encoder=encoder, image_processor=CLIPImageProcessor())


def wan_ti2v():
    from diffusers import WanImageToVideoPipeline
    vae = wan_vae(53, is_residual=True, patch_size=2, in_channels=12, out_channels=12, scale_factor_spatial=16)
    parts = wan_parts(52, wan_transformer(51), vae)
    for module in (parts["transformer"], vae, parts["text_encoder"]):
        module.half().float()
    return WanImageToVideoPipeline(**parts, image_encoder=None, image_processor=None, expand_timesteps=True)


def clip_vision(kind, config, seed, **extra):
    encoder = kind(config(hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=224,
                          patch_size=16, hidden_act="gelu", **extra))
    return random_weights.fill(encoder, seed)


def svd(unet=None, vae=None, dim=16):
    """`unet` and `vae`: what is other than in the tiny networks; `dim`: the length of a picture's embedding."""
    from diffusers import (AutoencoderKLTemporalDecoder, EulerDiscreteScheduler, StableVideoDiffusionPipeline,
                           UNetSpatioTemporalConditionModel)
    from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection
    # GroupNorm has 32 groups here, whatever the configuration says: 32 channels are the fewest.
    settings = dict(
        block_out_channels=(32, 32), down_block_types=("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
        up_block_types=("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"), num_attention_heads=(2, 2),
        cross_attention_dim=dim, addition_time_embed_dim=8, projection_class_embeddings_input_dim=24, layers_per_block=1,
        num_frames=6)
    unet = random_weights.fill(UNetSpatioTemporalConditionModel(**settings | (unet or {})), 21)
    settings = dict(
        block_out_channels=(32, 32), down_block_types=("DownEncoderBlock2D",) * 2, layers_per_block=1, latent_channels=4)
    vae = random_weights.fill(AutoencoderKLTemporalDecoder(**settings | (vae or {})), 22)
    for module, sign in ((unet, 1), (vae, -1)):
        # Shares of the mixing that change no digit of the weights into which they are multiplied: a half or a quarter.
        for i, name in enumerate(n for n, _ in module.named_parameters() if n.endswith("mix_factor")):
            module.get_parameter(name).data.fill_(sign * np.log(3) * (i % 2))
    drawn = torch.Generator().manual_seed(23)
    with torch.no_grad():
        out = unet(torch.randn(1, 3, 8, 8, 8, generator=drawn), torch.tensor(0.3), torch.randn(1, 1, dim, generator=drawn),
                   torch.tensor([[6.0, 127.0, 0.02]]), return_dict=False)[0]
        random_weights.rescale(unet.conv_out, out, 1.0)
        image = torch.rand(1, 3, 48, 64, generator=drawn) * 2 - 1
        random_weights.rescale(vae.quant_conv, vae.quant_conv(vae.encoder(image)), 1.0 / vae.config.scaling_factor)
        latents = torch.randn(3, 4, 8, 8, generator=drawn) / vae.config.scaling_factor
        out = vae.decode(latents, num_frames=3).sample
        random_weights.rescale(vae.decoder.time_conv_out, out, 0.45)
        vae.decoder.time_conv_out.bias.sub_(vae.decode(latents, num_frames=3).sample.mean())
    for module in (unet, vae):
        module.half().float()  # the pack keeps them as f16, and loses nothing
    encoder = clip_vision(CLIPVisionModelWithProjection, CLIPVisionConfig, 24, projection_dim=dim).half().float()
    scheduler = EulerDiscreteScheduler(
        beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, interpolation_type="linear",
        prediction_type="v_prediction", sigma_max=700.0, sigma_min=0.002, steps_offset=1, timestep_spacing="leading",
        timestep_type="continuous", use_karras_sigmas=True)
    return StableVideoDiffusionPipeline(vae, encoder, unet, scheduler, CLIPImageProcessor())


def ltx(transformer=None, vae=None):
    """`transformer` and `vae`: what is other than in the tiny networks."""
    from diffusers import (AutoencoderKLLTXVideo, FlowMatchEulerDiscreteScheduler, LTXImageToVideoPipeline,
                           LTXVideoTransformer3DModel)
    from transformers import T5Config, T5EncoderModel, T5TokenizerFast
    drawn = torch.Generator().manual_seed(33)
    settings = dict(
        in_channels=8, out_channels=8, num_attention_heads=2, attention_head_dim=16, cross_attention_dim=32, num_layers=2,
        caption_channels=24)
    transformer = random_weights.fill(LTXVideoTransformer3DModel(**settings | (transformer or {})), 31)
    settings = dict(
        latent_channels=8, block_out_channels=(8, 8), decoder_block_out_channels=(8, 8), layers_per_block=(1, 1, 1),
        decoder_layers_per_block=(1, 1, 1), spatio_temporal_scaling=(True, True), decoder_inject_noise=(False,) * 3,
        decoder_spatio_temporal_scaling=(True, True), down_block_types=("LTXVideoDownBlock3D",) * 2,
        downsample_type=("conv", "conv"), upsample_residual=(False, False), upsample_factor=(1, 1), patch_size=2,
        timestep_conditioning=True)
    vae = random_weights.fill(AutoencoderKLLTXVideo(**settings | (vae or {})), 32)
    channels = vae.config.latent_channels
    vae.latents_mean.copy_(0.5 * torch.randn(channels, generator=drawn))
    vae.latents_std.copy_(0.7 + torch.rand(channels, generator=drawn))
    with torch.no_grad():
        shape, side = (2, 6, 8), (6 * vae.spatial_compression_ratio, 8 * vae.spatial_compression_ratio)
        out = transformer(torch.randn(1, 96, channels, generator=drawn), torch.randn(1, 128, 24, generator=drawn),
                          torch.full([1, 96], 500.0), torch.ones(1, 128), *shape, return_dict=False)[0]
        random_weights.rescale(transformer.proj_out, out, 1.0)
        moments = vae.encoder(torch.rand(1, 3, 1, *side, generator=drawn) * 2 - 1)
        random_weights.rescale(vae.encoder.conv_out.conv, moments[:, :channels], 1.0)
        x, at = torch.randn(1, channels, 3, 6, 8, generator=drawn), torch.tensor([0.05])
        random_weights.rescale(vae.decoder.conv_out.conv, vae.decode(x, at).sample, 0.45)
        vae.decoder.conv_out.conv.bias.sub_(vae.decode(x, at).sample.mean())
    scheduler = FlowMatchEulerDiscreteScheduler(
        use_dynamic_shifting=True, base_shift=0.95, max_shift=2.05, base_image_seq_len=1024, max_image_seq_len=4096,
        shift_terminal=0.1)
    return LTXImageToVideoPipeline(scheduler, vae, text_encoder(T5EncoderModel, T5Config, 34),
                                   tokens.make(T5TokenizerFast), transformer)


def portrait(width, height):
    """A smooth picture with shapes: a sky, a hill, a face with eyes. u8 [H, W, 3]."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    u, v = (x + 0.5) / width * 2 - 1, (y + 0.5) / height * 2 - 1
    soft = lambda d: 0.5 + 0.5 * np.tanh(d * 6)
    image = np.stack([0.35 + 0.25 * v, 0.55 + 0.15 * v, 0.85 - 0.2 * v], -1)
    paint = lambda mask, colour: image * (1 - mask[..., None]) + mask[..., None] * np.array(colour, np.float32)
    image = paint(soft(v - 0.35 - 0.2 * np.sin(3 * u)), (0.2, 0.45, 0.2))
    image = paint(soft(0.5 - np.hypot(u / 0.8, v)), (0.9, 0.7, 0.55))
    for side in (-0.17, 0.17):
        image = paint(soft((0.09 - np.hypot(u - side, v + 0.1)) * 4), (0.15, 0.1, 0.1))
    image = paint(soft((0.08 - np.abs(v - 0.22 - 0.2 * u * u) - np.maximum(np.abs(u) - 0.2, 0)) * 4), (0.7, 0.25, 0.25))
    return np.round(image.clip(0, 1) * 255).astype(np.uint8)


@contextlib.contextmanager
def watched(pipe):
    """Collects the first guided prediction that the scheduler is given."""
    seen = {}
    step = pipe.scheduler.step

    def watching(prediction, *rest, **named):
        seen.setdefault("prediction_0", prediction.detach().clone())
        return step(prediction, *rest, **named)

    with mock.patch.object(pipe.scheduler, "step", watching):
        yield seen


def words(pipe, prompt, length=None):
    """Ids of a prompt without padding, and hidden states: of those, or of the ids padded to `length` and no mask."""
    given = pipe.tokenizer(prompt, return_tensors="pt")
    with torch.no_grad():
        if length is None:
            hidden = pipe.text_encoder(given.input_ids, given.attention_mask).last_hidden_state
        else:
            padded = pipe.tokenizer(prompt, return_tensors="pt", padding="max_length", max_length=length)
            hidden = pipe.text_encoder(padded.input_ids).last_hidden_state
    return {"ids": given.input_ids, "hidden": hidden}


def record_wan(pipe, request, seed):
    v = pipe.vae.config
    size = [1, v.z_dim, (request["frames"] - 1) // v.scale_factor_temporal + 1,
            request["height"] // v.scale_factor_spatial, request["width"] // v.scale_factor_spatial]
    noise = torch.randn(size, generator=torch.Generator().manual_seed(seed))
    request |= {"prompt": PROMPT, "negative_prompt": NEGATIVE, "fps": 16, "steps": STEPS, "guidance_scale": 3.0}
    call = dict(prompt=PROMPT, negative_prompt=NEGATIVE, width=request["width"], height=request["height"],
                num_frames=request["frames"], num_inference_steps=STEPS, guidance_scale=3.0, return_dict=False)
    image = {}
    if type(pipe).__name__ == "WanImageToVideoPipeline":
        image = {"image": portrait(request["width"], request["height"])}
        call["image"] = Image.fromarray(image["image"])
    with watched(pipe) as seen:
        latents = pipe(**call, latents=noise.clone(), output_type="latent")[0]
    frames = pipe(**call, latents=noise.clone(), output_type="np")[0][0]
    return {"noise": noise, **image, **seen, "latents": latents, "frames": frames, **words(pipe, PROMPT)}


def record_svd(pipe, request, seed):
    scale = pipe.vae_scale_factor
    size = [1, request["frames"], pipe.unet.config.out_channels, request["height"] // scale, request["width"] // scale]
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(size, generator=generator)
    augmentation = torch.randn(1, 3, request["height"], request["width"], generator=generator)
    image = portrait(request["width"], request["height"])
    request |= {"fps": 7, "steps": STEPS, "guidance_scale": 3.0, "guidance_first": 1.0, "guidance_last": 3.0,
                "motion_bucket": 127, "noise_augmentation": 0.02, "decode_chunk": 4}
    call = dict(image=Image.fromarray(image), width=request["width"], height=request["height"], num_frames=request["frames"],
                num_inference_steps=STEPS, min_guidance_scale=1.0, max_guidance_scale=3.0, fps=7, motion_bucket_id=127,
                noise_aug_strength=0.02, decode_chunk_size=4, return_dict=False)
    # The pipeline draws once: the noise that is added to the picture.
    with mock.patch.object(pipeline_svd, "randn_tensor", lambda shape, **_: augmentation.clone()), watched(pipe) as seen:
        latents = pipe(**call, latents=noise.clone(), output_type="latent")
        frames = pipe(**call, latents=noise.clone(), output_type="np")[0]
        with torch.no_grad():
            embedding = pipe._encode_image(Image.fromarray(image), "cpu", 1, False)
    return {"image": image, "noise": noise, "augmentation_noise": augmentation, **seen, "latents": latents,
            "frames": frames, "hidden": embedding}


def record_ltx(pipe, request, seed):
    spatial, temporal = pipe.vae_spatial_compression_ratio, pipe.vae_temporal_compression_ratio
    channels = pipe.transformer.config.in_channels
    size = [1, channels, (request["frames"] - 1) // temporal + 1, request["height"] // spatial, request["width"] // spatial]
    noise = torch.randn(size, generator=torch.Generator().manual_seed(seed))
    decode_noise = torch.randn(size, generator=torch.Generator().manual_seed(seed + 1))
    image = portrait(request["width"], request["height"])
    request |= {"prompt": PROMPT, "negative_prompt": NEGATIVE, "fps": 24, "steps": STEPS, "guidance_scale": 3.0,
                "decode_timestep": 0.05, "decode_noise_scale": 0.025}
    # The pipeline would sample the posterior of the picture's latents: it is given their mean, as the library takes it.
    pixels = pipe.video_processor.preprocess(Image.fromarray(image))[:, :, None]
    with torch.no_grad():
        first = pipe._normalize_latents(pipe.vae.encode(pixels).latent_dist.mode(), pipe.vae.latents_mean, pipe.vae.latents_std)
    start = torch.cat([first, noise[:, :, 1:]], 2).flatten(2).transpose(1, 2)
    call = lambda output: pipe(
        image=Image.fromarray(image), prompt=PROMPT, negative_prompt=NEGATIVE, width=request["width"],
        height=request["height"], num_frames=request["frames"], frame_rate=24, num_inference_steps=STEPS, guidance_scale=3.0,
        decode_timestep=0.05, decode_noise_scale=0.025, generator=torch.Generator().manual_seed(seed + 1),
        latents=start.clone(), output_type=output, return_dict=False)[0]
    guided = {}

    def keep(module, given, out):
        guided.setdefault("both", out[0].detach().clone())

    hook = pipe.transformer.register_forward_hook(keep)
    latents = call("latent").transpose(1, 2).reshape(size)
    hook.remove()
    without, asked = guided["both"].chunk(2)
    prediction = (without + 3.0 * (asked - without)).transpose(1, 2).reshape(size)
    text = words(pipe, PROMPT, length=128)
    return {"image": image, "noise": noise, "decode_noise": decode_noise, "prediction_0": prediction, "latents": latents,
            "frames": call("np")[0], **text}


def write_record(path, request, tensors):
    """Asserts that the record can tell right from wrong before it is written."""
    arrays = {name: np.ascontiguousarray(t.detach() if torch.is_tensor(t) else t) for name, t in tensors.items()}
    frames, spread = arrays["frames"], float(arrays["prediction_0"].std())
    clipped = float(((frames <= 0) | (frames >= 1)).mean())
    moving = float(np.abs(np.diff(frames, axis=0)).mean())
    figures = f"prediction {spread:.2f}, latents {arrays['latents'].std():.2f}, frames {frames.std():.3f}, clipped {clipped:.1%}, moving {moving:.3f}"
    assert 0.3 < spread < 4 and 0.3 < arrays["latents"].std() < 6, figures
    assert frames.std() > 0.08 and clipped < 0.25 and moving > 0.01, figures
    print(os.path.basename(path), figures)
    arrays["frames"] = np.round(frames * 255).astype(np.uint8)
    save_file(arrays, path, metadata={"request": json.dumps(request)})
    os.chmod(path, 0o644)


@dataclass
class Tiny:
    """`even` and `odd`: (width, height, frames) of the two records."""
    pipe: Callable
    record: Callable
    even: tuple
    odd: tuple
    precision: str = "f32"


PIPELINES = {
    "svd": Tiny(svd, record_svd, (48, 32, 4), (40, 24, 5), "f16"),
    "wan-t2v": Tiny(wan_t2v, record_wan, (64, 48, 9), (48, 80, 13)),
    "wan-i2v": Tiny(wan_i2v, record_wan, (64, 48, 5), (48, 80, 9), "f16"),
    "wan-ti2v": Tiny(wan_ti2v, record_wan, (64, 32, 5), (32, 96, 9), "f16"),
    "ltx": Tiny(ltx, record_ltx, (64, 32, 9), (32, 96, 13)),
}


LAYER = "eight-bits"


def eight_bits(path):
    """A linear layer of 8 bits, and beside it the same in f32: `y` and `exact` of `x` [tokens, 64], f32.

    A column of its matrix holds nothing but the largest number: on a processor that adds in 16 bits it overflows.
    """
    import onnx_ir as ir
    matrix = np.random.default_rng(8).integers(-127, 128, (64, 32)).astype(np.float32) / 127
    matrix[:, 0] = 1
    matrix[0] = 1  # so that no column is rounded
    bias = np.linspace(-1, 1, 32, dtype=np.float32)
    x = ir.Value(name="x", shape=ir.Shape(["tokens", 64]), type=ir.TensorType(ir.DataType.FLOAT))
    graph = ir.Graph([x], [], nodes=[], name="eight bits", opset_imports={"": component.OPSET})
    model = ir.Model(graph, ir_version=10, producer_name="kinora")
    weight, offset = weights.initializer(graph, "matrix", matrix), weights.initializer(graph, "bias", bias)
    for name in ("y", "exact"):
        node = ir.node("Gemm", [x, weight, offset])
        node.outputs[0].name, node.outputs[0].type = name, x.type
        node.outputs[0].shape = ir.Shape(["tokens", 32])
        graph.append(node)
        graph.outputs.append(node.outputs[0])
        if name == "y":
            weights.store(model, "w8a8", "denoiser")
            weight, offset = weights.initializer(graph, "matrix", matrix), weights.initializer(graph, "bias", bias)
    ir.save(model, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", required=True)
    parser.add_argument("--only", choices=[*PIPELINES, LAYER])
    parser.add_argument("--records", action="store_true", help="leave the packs and write the records again")
    options = parser.parse_args()
    torch.set_num_threads(2)
    if options.only in (None, LAYER):
        eight_bits(os.path.join(options.out, f"{LAYER}.onnx"))
    for name, tiny in PIPELINES.items():
        if options.only not in (None, name):
            continue
        folder = os.path.join(options.out, name)
        pipe = tiny.pipe()
        pipe.set_progress_bar_config(disable=True)
        width, height, frames = tiny.even
        if not options.records:
            about = {"id": f"tiny-{name}", "name": f"Tiny {name}", "version": "1.0.0", "licence": LICENCE,
                     "source": "random weights"}
            differences = families.export(
                pipe, folder, about, limits={"side_max": 256, "frames_max": 33}, precision=tiny.precision,
                defaults={"steps": STEPS, "width": width, "height": height, "frames": frames})
            assert max(map(max, differences.values())) <= pack.TOLERANCE, differences
        for seed, file, (width, height, frames) in ((100, "record", tiny.even), (101, "record-odd", tiny.odd)):
            # beside the pack: nothing lies in a pack that its pack.json does not list
            path = f"{folder}.{file}.safetensors"
            request = {"width": width, "height": height, "frames": frames}
            write_record(path, request, tiny.record(pipe, request, seed))
            good, figures = check.check(folder, path)
            print(name, file, figures)
            assert good, figures


if __name__ == "__main__":
    main()
