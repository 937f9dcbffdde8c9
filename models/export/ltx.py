"""LTX-Video: LTXImageToVideoPipeline.

As with Wan, `condition` makes the text's keys and values and the rotary table once. The masked tokens of the text have no
weight in the attention: they are cut off there, so that the denoiser needs no mask.
"""
import math

import torch
import torch.nn.functional as F
from torch import nn

from . import ops, text
from .component import Component

TEXT_LENGTH = 128  # the pipeline pads every prompt to it, and gives the text encoder no mask


def heads_first(x, heads):
    """[1, n, heads·d] → [1, heads, n, d]."""
    return x.unflatten(2, (heads, -1)).transpose(1, 2)


class Condition(nn.Module):
    """The rotary table [tokens, dim/2] is one for all heads together; its first pairs do not turn."""

    def __init__(self, transformer, temporal, spatial):
        super().__init__()
        self.m, self.temporal, self.spatial = transformer, temporal, spatial
        rope = transformer.rope
        self.still = rope.dim % 6 // 2
        exponents = torch.linspace(0.0, 1.0, rope.dim // 6)
        self.register_buffer("speeds", rope.theta ** exponents * math.pi / 2)

    def rope(self, size, fps):
        f, h, w = (size[i] for i in range(3))
        n = (f * h * w).item()
        torch._check(n > 0)
        at, rope = torch.arange(n), self.m.rope
        t = (at // (h * w)).float() * (self.temporal / fps) / rope.base_num_frames
        y = (at // w % h).float() * (self.spatial / rope.base_height)
        x = (at % w).float() * (self.spatial / rope.base_width)
        grid = torch.stack([t, y, x], 1)
        # for each speed the three axes side by side
        angles = (self.speeds[:, None] * (grid[:, None] * 2 - 1)).flatten(1)
        return F.pad(angles.cos(), (self.still, 0), value=1.0), F.pad(angles.sin(), (self.still, 0))

    def forward(self, text, mask, latents_size, fps):
        n = mask.sum().item()
        torch._check(n > 0)
        torch._check(n <= text.shape[1])
        words = self.m.caption_projection(text[:, :n])
        out = []
        for block in self.m.transformer_blocks:
            a = block.attn2
            out += [heads_first(ops.rms_norm(a.to_k(words), a.norm_k.weight, a.norm_k.eps), a.heads),
                    heads_first(a.to_v(words), a.heads)]
        return *out, *self.rope(latents_size, fps)


class Denoiser(nn.Module):
    """At most two timesteps differ (that of the picture's frame and that of the rest): the embeddings of the lowest and
    of the highest are made, and each token takes its own."""

    def __init__(self, transformer):
        super().__init__()
        self.m = transformer
        self.dim = transformer.config.num_attention_heads * transformer.config.attention_head_dim
        self.register_buffer("ones", torch.ones(self.dim))

    def norm(self, x, layer):
        return ops.rms_norm(x, self.ones if layer.weight is None else layer.weight, layer.eps)

    def forward(self, latents, timestep, *given):
        m, layers = self.m, len(self.m.transformer_blocks)
        keys, values, (cos, sin) = given[0:2 * layers:2], given[1:2 * layers:2], given[-2:]
        _, channels, frames, height, width = latents.shape
        x = m.proj_in(latents.view(channels, frames * height * width).t())

        low, top = timestep.amin(1), timestep.amax(1)
        high = (timestep > low[:, None])[0][:, None]
        choose = lambda pair: torch.where(high, pair[1], pair[0])
        e = m.time_embed
        embedding = e.emb.timestep_embedder(e.emb.time_proj(torch.cat([low, top])))
        modulation = e.linear(F.silu(embedding)).view(2, 6, self.dim)

        for i, block in enumerate(m.transformer_blocks):
            # [6, 2, dim]
            shift, scale, gate, f_shift, f_scale, f_gate = (block.scale_shift_table + modulation).transpose(0, 1)
            a = block.attn1
            n = self.norm(x, block.norm1) * choose(1 + scale) + choose(shift)
            q = ops.rotate(ops.rms_norm(a.to_q(n), a.norm_q.weight, a.norm_q.eps)[None], cos, sin)
            k = ops.rotate(ops.rms_norm(a.to_k(n), a.norm_k.weight, a.norm_k.eps)[None], cos, sin)
            o = ops.attention(q, k, a.to_v(n)[None], a.heads)[0]
            x = x + a.to_out[0](o) * choose(gate)

            a = block.attn2
            q = ops.rms_norm(a.to_q(x), a.norm_q.weight, a.norm_q.eps)[None]
            o = ops.attention(q, keys[i], values[i], a.heads)[0]
            x = x + a.to_out[0](o)

            n = self.norm(x, block.norm2) * choose(1 + f_scale) + choose(f_shift)
            up, down = block.ff.net[0].proj, block.ff.net[2]
            x = x + down(ops.tanh_gelu(F.linear(n, up.weight), up.bias)) * choose(f_gate)

        # [2, 2, dim]
        shift, scale = (m.scale_shift_table + embedding[:, None]).transpose(0, 1)
        x = F.layer_norm(x, (self.dim,), None, None, m.norm_out.eps) * choose(1 + scale) + choose(shift)
        return m.proj_out(x).t().reshape(1, -1, frames, height, width)


class Encoder(nn.Module):
    def __init__(self, vae):
        super().__init__()
        self.vae = vae

    def forward(self, image):
        return self.vae.encoder(image)[:, :self.vae.config.latent_channels]


class Decoder(nn.Module):
    def __init__(self, vae):
        super().__init__()
        self.vae = vae

    def forward(self, latents, timestep=None):
        return self.vae.decoder(latents, timestep)


def components(pipe):
    transformer, vae, t = pipe.transformer, pipe.vae, pipe.transformer.config
    if t.patch_size != 1 or t.patch_size_t != 1 or t.activation_fn != "gelu-approximate":
        raise ValueError("only patches of one latent and the tanh GELU are known")
    if any(vae.config.decoder_inject_noise):
        raise ValueError("decoders that draw noise are not known")
    spatial, temporal = pipe.vae_spatial_compression_ratio, pipe.vae_temporal_compression_ratio
    layers, heads, head, channels = t.num_layers, t.num_attention_heads, t.attention_head_dim, t.in_channels
    given = {}
    for i in range(layers):
        given |= {f"{n}_{i}": ("f32", [1, heads, "words", head]) for n in ("key", "value")}
    given |= {f"rope_{n}": ("f32", ["tokens", heads * head // 2]) for n in ("cos", "sin")}
    latents = ("f32", [1, channels, "frames", "height", "width"])

    sizes = []
    for frames, height, width, words in ((3, 4, 6, 9), (2, 5, 3, 31)):
        sizes.append({"frames": frames, "height": height, "width": width, "tokens": frames * height * width, "words": words,
                      "text_tokens": TEXT_LENGTH, "pixel_frames": temporal * (frames - 1) + 1,
                      "pixel_height": height * spatial, "pixel_width": width * spatial})

    def condition_case(size, generator):
        words = torch.randn(1, TEXT_LENGTH, t.caption_channels, generator=generator)
        mask = torch.zeros(1, TEXT_LENGTH, dtype=torch.int64)
        mask[:, :size["words"]] = 1
        shape = [size["frames"], size["height"], size["width"]]
        kept, out = transformer.caption_projection(words)[:, :size["words"]], []
        for block in transformer.transformer_blocks:
            a = block.attn2
            out += [heads_first(a.norm_k(a.to_k(kept)), a.heads), heads_first(a.to_v(kept), a.heads)]
        cos, sin = transformer.rope(words, *shape, rope_interpolation_scale=(temporal / 24, spatial, spatial))
        inputs = {"text": words, "mask": mask, "latents_size": torch.tensor(shape), "fps": torch.tensor([24.0])}
        return inputs, [*out, cos[0, :, ::2], sin[0, :, ::2]]

    def denoiser_case(size, generator):
        inputs, out = condition_case(size, generator)
        shape = [size["frames"], size["height"], size["width"]]
        x = torch.randn(1, channels, *shape, generator=generator)
        at = torch.full([1, size["tokens"]], 637.0)
        at[:, :size["height"] * size["width"]] = 0
        prediction = transformer(x.flatten(2).transpose(1, 2), inputs["text"], at, inputs["mask"], *shape,
                                 rope_interpolation_scale=(temporal / 24, spatial, spatial), return_dict=False)[0]
        return {"latents": x, "timestep": at, **dict(zip(given, out))}, [prediction.transpose(1, 2).reshape(x.shape)]

    def encoder_case(size, generator):
        image = torch.rand(1, 3, 1, size["pixel_height"], size["pixel_width"], generator=generator) * 2 - 1
        return {"image": image}, [vae.encode(image).latent_dist.mode()]

    aware = {"timestep": ("f32", [1])} if vae.config.timestep_conditioning else {}

    def decoder_case(size, generator):
        x = torch.randn(1, channels, size["frames"], size["height"], size["width"], generator=generator)
        at = torch.tensor([0.05])
        return {"latents": x, "timestep": at}, vae.decode(x, at if aware else None, return_dict=False)

    pixels = ["pixel_height", "pixel_width"]
    return [
        text.component(pipe.text_encoder, masked=False),
        Component("vae_encoder", Encoder(vae), {"image": ("f32", [1, 3, 1, *pixels])},
                  {"latents": ("f32", [1, channels, 1, "height", "width"])}, sizes, encoder_case),
        Component("condition", Condition(transformer, temporal, spatial),
                  {"text": ("f32", [1, "text_tokens", t.caption_channels]), "mask": ("i64", [1, "text_tokens"]),
                   "latents_size": ("i64", [3]), "fps": ("f32", [1])}, given, sizes, condition_case),
        Component("denoiser", Denoiser(transformer), {"latents": latents, "timestep": ("f32", [1, "tokens"]), **given},
                  {"prediction": latents}, sizes, denoiser_case),
        Component("vae_decoder", Decoder(vae), {"latents": latents, **aware},
                  {"frames": ("f32", [1, 3, "pixel_frames", *pixels])}, sizes, decoder_case),
    ]


def settings(pipe):
    vae = pipe.vae
    spatial, temporal = pipe.vae_spatial_compression_ratio, pipe.vae_temporal_compression_ratio
    return {
        "family": "ltx", "tasks": ["image-to-video"],
        "tokenizer": {"file": "tokenizer.json", "length": TEXT_LENGTH, "pad": pipe.tokenizer.pad_token_id,
                      "end": pipe.tokenizer.eos_token_id},
        "defaults": {"steps": 50, "guidance_scale": 3.0, "width": 704, "height": 512, "frames": 161, "fps": 25,
                     "negative_prompt": "worst quality, inconsistent motion, blurry, jittery, distorted"},
        "limits": {"side_multiple": 32, "side_min": 32, "side_max": 1280, "frames_multiple": temporal,
                   "frames_offset": 1, "frames_max": 257},
        "latents": {"channels": vae.config.latent_channels, "spatial": spatial, "temporal": temporal,
                    "mean": vae.latents_mean.tolist(), "std": vae.latents_std.tolist(), "scale": vae.config.scaling_factor},
        "family_settings": {"decode_timestep": 0.05, "decode_noise_scale": 0.025,
                            "timestep_aware": bool(vae.config.timestep_conditioning)},
    }


def decode(pipe, latents):
    """Normalised latents → frames in about -1..1."""
    vae = pipe.vae
    column = lambda values: values.view(1, -1, 1, 1, 1)
    x = latents * column(vae.latents_std) / vae.config.scaling_factor + column(vae.latents_mean)
    return vae.decode(x, torch.tensor([0.05]) if vae.config.timestep_conditioning else None, return_dict=False)[0]
