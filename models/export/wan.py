"""Wan 2.1 and 2.2: WanPipeline, WanImageToVideoPipeline.

The text's keys and values and the rotary table do not change from step to step: `condition` makes them once. In the
denoiser tokens are rows [n, dim], so that every linear layer is one Gemm; modulation (scale, shift) enters
LayerNormalization as its weight and bias.
"""
import contextlib
from unittest import mock

import torch
import torch.nn.functional as F
from diffusers import WanImageToVideoPipeline
from diffusers.models.autoencoders import autoencoder_kl_wan as autoencoder
from torch import nn

from . import caches, ops, picture, text
from .component import Component

TEXT_LENGTH = 512  # the pipelines pad every prompt to it
CACHE_FRAMES = 2  # a causal convolution of three frames looks two frames back


def heads_first(x, heads):
    """[1, n, heads·d] → [1, heads, n, d]."""
    return x.unflatten(2, (heads, -1)).transpose(1, 2)


class Condition(nn.Module):
    def __init__(self, transformer):
        super().__init__()
        if transformer.config.pos_embed_seq_len is not None:
            raise ValueError("first-and-last-frame models are not supported")
        self.embedder = transformer.condition_embedder
        self.blocks = transformer.blocks
        self.patch = transformer.config.patch_size
        rope = transformer.rope
        dims = [rope.t_dim, rope.h_dim, rope.w_dim]
        # diffusers keeps every angle twice, side by side
        for kind in ("cos", "sin"):
            table = getattr(rope, f"freqs_{kind}").float()
            for axis, part in zip("thw", table.split(dims, 1)):
                self.register_buffer(f"{kind}_{axis}", part[:, ::2].contiguous())

    def rope(self, size):
        f, h, w = (size[i] // self.patch[i] for i in range(3))
        n = (f * h * w).item()
        torch._check(n > 0)
        at = torch.arange(n)
        t, y, x = at // (h * w), at // w % h, at % w
        return [torch.cat([getattr(self, f"{kind}_t")[t], getattr(self, f"{kind}_h")[y], getattr(self, f"{kind}_w")[x]], 1)
                for kind in ("cos", "sin")]

    def forward(self, text, *rest):
        image, size = rest if len(rest) == 2 else (None, rest[0])
        text = self.embedder.text_embedder(text)
        out = []
        for block in self.blocks:
            a = block.attn2
            out += [heads_first(ops.rms_norm(a.to_k(text), a.norm_k.weight, a.norm_k.eps), a.heads),
                    heads_first(a.to_v(text), a.heads)]
        if image is not None:
            image = self.embedder.image_embedder(image)
            for block in self.blocks:
                a = block.attn2
                key = ops.rms_norm(a.add_k_proj(image), a.norm_added_k.weight, a.norm_added_k.eps)
                out += [heads_first(key, a.heads), heads_first(a.add_v_proj(image), a.heads)]
        return *out, *self.rope(size)


class Denoiser(nn.Module):
    """With `per_token` the timestep has a value per token, of which at most two differ (a frame that is given, and the
    rest): the embeddings of the lowest and the highest are made, and each token takes its own."""

    def __init__(self, transformer, per_token):
        super().__init__()
        self.m = transformer
        self.per_token = per_token
        self.image = transformer.config.image_dim is not None
        self.dim = transformer.config.num_attention_heads * transformer.config.attention_head_dim
        self.eps = transformer.config.eps

    def modulation(self, timestep):
        """(embedding [r, dim], per-block values [r, 6, dim], rows' choice or None); r is 1, or 2 with `per_token`."""
        e = self.m.condition_embedder
        high = None
        if self.per_token:
            low, top = timestep.amin(1), timestep.amax(1)
            high = (timestep > low[:, None])[0][:, None]
            timestep = torch.cat([low, top])
        embedding = e.time_embedder(e.timesteps_proj(timestep))
        return embedding, e.time_proj(F.silu(embedding)).unflatten(1, (6, -1)), high

    def norm(self, x, scale, shift, high):
        """LayerNorm(x) · (1 + scale) + shift; scale and shift [r, dim]."""
        if high is None:
            return F.layer_norm(x, (self.dim,), 1 + scale[0], shift[0], self.eps)
        x = F.layer_norm(x, (self.dim,), None, None, self.eps)
        return x * torch.where(high, 1 + scale[1], 1 + scale[0]) + torch.where(high, shift[1], shift[0])

    def gate(self, gate, high):
        return gate[0] if high is None else torch.where(high, gate[1], gate[0])

    def forward(self, latents, timestep, *given):
        m, layers = self.m, len(self.m.blocks)
        keys, values = given[0:2 * layers:2], given[1:2 * layers:2]
        given = given[2 * layers:]
        if self.image:
            image_keys, image_values = given[0:2 * layers:2], given[1:2 * layers:2]
        cos, sin = given[-2:]
        _, channels, frames, height, width = latents.shape
        pt, ph, pw = m.config.patch_size
        f, h, w = frames // pt, height // ph, width // pw
        x = latents.view(channels, f, pt, h, ph, w, pw).permute(1, 3, 5, 0, 2, 4, 6).reshape(f * h * w, -1)
        x = F.linear(x, m.patch_embedding.weight.flatten(1), m.patch_embedding.bias)
        embedding, modulation, high = self.modulation(timestep)

        for i, block in enumerate(m.blocks):
            # [6, r, dim]
            shift, scale, gate, c_shift, c_scale, c_gate = (block.scale_shift_table + modulation).transpose(0, 1)
            a = block.attn1
            n = self.norm(x, scale, shift, high)
            q = ops.rotate(ops.rms_norm(a.to_q(n), a.norm_q.weight, a.norm_q.eps)[None], cos, sin)
            k = ops.rotate(ops.rms_norm(a.to_k(n), a.norm_k.weight, a.norm_k.eps)[None], cos, sin)
            o = ops.attention(q, k, a.to_v(n)[None], a.heads)[0]
            o = a.to_out[0](o) * self.gate(gate, high)

            a = block.attn2
            if isinstance(block.norm2, nn.Identity):
                n = x = x + o
            else:
                n, x = ops.skip_layer_norm(x, o, block.norm2.weight, block.norm2.bias, self.eps)
            q = ops.rms_norm(a.to_q(n), a.norm_q.weight, a.norm_q.eps)[None]
            o = ops.attention(q, keys[i], values[i], a.heads)
            if self.image:
                o = o + ops.attention(q, image_keys[i], image_values[i], a.heads)
            o = F.linear(o[0], a.to_out[0].weight)
            if high is None:
                n, x = ops.skip_layer_norm(x, o, 1 + c_scale[0], c_shift[0], self.eps, a.to_out[0].bias)
            else:
                x = x + (o + a.to_out[0].bias)
                n = self.norm(x, c_scale, c_shift, high)
            up, down = block.ffn.net[0].proj, block.ffn.net[2]
            n = ops.tanh_gelu(F.linear(n, up.weight), up.bias)
            x = x + down(n) * self.gate(c_gate, high)

        # [2, r, dim]
        shift, scale = (m.scale_shift_table + embedding[:, None]).transpose(0, 1)
        x = m.proj_out(self.norm(x, scale, shift, high))
        x = x.view(f, h, w, pt, ph, pw, -1).permute(6, 0, 3, 1, 4, 2, 5)
        return x.reshape(1, -1, frames, height, width)


class Stem(nn.Module):
    """The part of the decoder that works at the latents' size, one latent frame at a time: its attention looks at the
    whole frame. What the causal convolutions remember of earlier frames goes out and comes back in."""

    def __init__(self, vae):
        super().__init__()
        self.vae = vae
        self.count = causal_convolutions(vae.decoder.conv_in, vae.decoder.mid_block)

    def forward(self, latents, *caches):
        decoder = self.vae.decoder
        caches, at = list(caches) + [None] * (self.count - len(caches)), [0]
        x = remembering(decoder.conv_in, self.vae.post_quant_conv(latents), caches, at)
        x = decoder.mid_block(x, feat_cache=caches, feat_idx=at)
        return x, *remembered(caches)


class Decoder(nn.Module):
    """The rest of the decoder, from the stem's features to pixels; a pixel depends on the features near it alone.

    A cache holds two frames: what lies before the first frame is zero, as the convolutions pad it. The temporal
    upsamplers pass the first frame by and start from zeros, too, so that every later frame takes the same graph.
    """

    def __init__(self, vae, first):
        super().__init__()
        self.vae, self.first = vae, first
        self.count = causal_convolutions(vae.decoder.up_blocks, vae.decoder.conv_out)
        self.starts = []
        for module in vae.decoder.modules():
            if getattr(module, "mode", None) == "upsample3d":
                module.register_forward_pre_hook(lambda _, given: self.starts.append(given[0]))

    def forward(self, features, *caches):
        decoder, patch = self.vae.decoder, self.vae.config.patch_size
        self.starts.clear()
        caches, at = list(caches) + [None] * (self.count - len(caches)), [0]
        x = features
        for block in decoder.up_blocks:
            x = block(x, feat_cache=caches, feat_idx=at, first_chunk=self.first)
        x = remembering(decoder.conv_out, decoder.nonlinearity(decoder.norm_out(x)), caches, at)
        if patch is not None:
            x = unpatchify(x, patch)
        starts = iter(self.starts)
        # "Rep" stands in the list where an upsampler has let the first frame by
        caches = [torch.zeros_like(next(starts)) if isinstance(c, str) else c for c in caches if c is not None]
        self.starts.clear()
        return x.clamp(-1.0, 1.0), *remembered(caches)


class Encoder(nn.Module):
    """The picture and then four frames at a time, with caches as the decoder's; gives the mean of the posterior."""

    def __init__(self, vae):
        super().__init__()
        self.vae = vae
        self.count = vae._cached_conv_counts["encoder"]

    def forward(self, image, *caches):
        vae = self.vae
        caches = list(caches) + [None] * (self.count - len(caches))
        if vae.config.patch_size is not None:
            image = patchify(image, vae.config.patch_size)
        x = vae.encoder(image, feat_cache=caches, feat_idx=[0])
        return vae.quant_conv(x).chunk(2, 1)[0], *remembered(caches)


def causal_convolutions(*modules):
    """How many there are: as many caches, or more, as the modules ask for."""
    return sum(isinstance(m, autoencoder.WanCausalConv3d) for module in modules for m in module.modules())


def remembering(convolution, x, caches, at):
    """A causal convolution that stands in no block, with its place in the caches, as diffusers' blocks run theirs."""
    before = caches[at[0]]
    caches[at[0]] = (x if before is None else torch.cat([before, x], 2))[:, :, -CACHE_FRAMES:]
    at[0] += 1
    return convolution(x, before)


# the ends of what cached convolutions have read, in their order, while a graph is traced
ENDS = []


def remembered(caches):
    """What goes out of the causal convolutions' caches.

    A host writes each over the one that came in (`caches_in_place`), so that they are in memory once: what is new has to
    come out of what the old one went into, and not out of the new frames alone, as in diffusers' own blocks.
    """
    caches = [c for c in caches if c is not None]
    if len(ENDS) == len(caches):
        caches = ENDS[:]
    ENDS.clear()
    return [two_frames(c) for c in caches]


def two_frames(cache):
    missing = CACHE_FRAMES - cache.shape[2]
    return F.pad(cache, (0, 0, 0, 0, missing, 0)) if missing else cache


def patchify(x, p):
    """[1, c, f, h·p, w·p] → [1, c·p·p, f, h, w], the column's offset before the row's."""
    _, c, f, h, w = x.shape
    x = x.view(1, c, f, h // p, p, w // p, p).permute(0, 1, 6, 4, 2, 3, 5)
    return x.reshape(1, c * p * p, f, h // p, w // p)


def unpatchify(x, p):
    """The way back."""
    _, cpp, f, h, w = x.shape
    x = x.view(1, cpp // (p * p), p, p, f, h, w).permute(0, 1, 4, 5, 3, 6, 2)
    return x.reshape(1, cpp // (p * p), f, h * p, w * p)


# What fits the graphs better than diffusers' own way, and gives the same numbers.

def channel_norm(self, x):
    """WanRMS_norm without spreading the norm over the channels first."""
    length = torch.linalg.vector_norm(x, dim=1, keepdim=True).clamp_min(1e-12)
    return x / length * (self.gamma * self.scale) + self.bias


def double(self, x):
    """Nearest neighbours, twice as high and wide."""
    return ops.double(x)


def causal(self, x, cache_x=None):
    """WanCausalConv3d, which notes for `remembered` what it has read."""
    across, down, before = self._padding[0], self._padding[2], self._padding[4]
    if cache_x is not None and before:
        x = torch.cat([cache_x, x], 2)
        before = max(before - cache_x.shape[2], 0)
        ENDS.append(x[:, :, -CACHE_FRAMES:])
    elif self.stride[0] > 1:  # the downsamplers put their one frame before the others themselves
        ENDS.append(x[:, :, -1:])
    return nn.Conv3d.forward(self, F.pad(x, (across, across, down, down, before, 0)))


def attend(self, x):
    """WanAttentionBlock by a kernel that keeps no table of all pairs of positions, which takes gigabytes for large frames."""
    height, width = x.shape[3:]
    if x.shape[2] != 1:
        raise ValueError("latent frames go through one at a time")
    rows = self.norm(x[:, :, 0]).flatten(2).transpose(1, 2)
    q, k, v = F.linear(rows, self.to_qkv.weight.flatten(1), self.to_qkv.bias).chunk(3, 2)
    o = ops.attention(q, k, v, 1).transpose(1, 2).unflatten(2, (height, width))
    return x + self.proj(o)[:, :, None]


@contextlib.contextmanager
def vae_tracing():
    with mock.patch.object(autoencoder.WanRMS_norm, "forward", channel_norm), \
            mock.patch.object(autoencoder.WanUpsample, "forward", double), \
            mock.patch.object(autoencoder.WanCausalConv3d, "forward", causal), \
            mock.patch.object(autoencoder.WanAttentionBlock, "forward", attend):
        ENDS.clear()
        yield


def components(pipe):
    """The parts of a pack in the order in which a host runs them."""
    t = pipe.transformer.config
    layers, heads, head = t.num_layers, t.num_attention_heads, t.attention_head_dim
    per_token = bool(pipe.config.expand_timesteps)
    with_image = t.image_dim is not None

    cross, images = {}, {}
    for i in range(layers):
        cross |= {f"{n}_{i}": ("f32", [1, heads, TEXT_LENGTH, head]) for n in ("key", "value")}
        if with_image:
            images |= {f"image_{n}_{i}": ("f32", [1, heads, "image_tokens", head]) for n in ("key", "value")}
    given = cross | images | {f"rope_{n}": ("f32", ["tokens", head // 2]) for n in ("cos", "sin")}
    latents = {"latents": ("f32", [1, t.in_channels, "frames", "height", "width"])}
    timestep = {"timestep": ("f32", [1, "tokens"] if per_token else [1])}
    words = {"text": ("f32", [1, TEXT_LENGTH, t.text_dim])}
    seen = {"image": ("f32", [1, "image_tokens", t.image_dim])} if with_image else {}

    sizes = []
    for frames, height, width in ((3, 6, 8), (2, 10, 4)):
        f, h, w = (n // p for n, p in zip((frames, height, width), t.patch_size))
        sizes.append({"frames": frames, "height": height, "width": width, "tokens": f * h * w, "image_tokens": 5 + frames})

    def condition_case(transformer):
        def case(size, generator):
            draw = lambda shape: torch.randn([size.get(n, n) for n in shape], generator=generator)
            inputs = {name: draw(shape) for name, (_, shape) in (words | seen).items()}
            inputs["latents_size"] = torch.tensor([size["frames"], size["height"], size["width"]])
            return inputs, reference_condition(transformer, inputs)
        return case

    def denoiser_case(transformer):
        def case(size, generator):
            inputs, out = condition_case(transformer)(size, generator)
            x = torch.randn([1, t.in_channels, size["frames"], size["height"], size["width"]], generator=generator)
            at = torch.full([1, size["tokens"]] if per_token else [1], 637.0)
            if per_token:  # the first frame is given
                at[:, :size["tokens"] // size["frames"]] = 0
            expected = transformer(x, at, inputs["text"], inputs.get("image"), return_dict=False)
            return {"latents": x, "timestep": at, **dict(zip(given, out))}, expected
        return case

    parts = [text.component(pipe.text_encoder)]
    if with_image:
        parts.append(picture.component(pipe.image_encoder, projected=False))
    models = {"": pipe.transformer, "_low": pipe.transformer_2}
    for suffix, transformer in models.items():
        if transformer is not None:
            parts.append(Component(f"condition{suffix}", Condition(transformer), words | seen | {"latents_size": ("i64", [3])},
                                   given, sizes, condition_case(transformer)))
            parts.append(Component(f"denoiser{suffix}", Denoiser(transformer, per_token), latents | timestep | given,
                                   {"prediction": ("f32", [1, t.out_channels, *latents["latents"][1][2:]])}, sizes,
                                   denoiser_case(transformer)))
    parts += decoder_components(pipe.vae)
    if per_token:
        parts += encoder_components(pipe.vae)[:1]  # the picture alone is encoded
    elif isinstance(pipe, WanImageToVideoPipeline):
        parts += encoder_components(pipe.vae)
    return parts


def reference_condition(transformer, inputs):
    """The outputs of `Condition`, by diffusers' modules."""
    embedder, out = transformer.condition_embedder, []
    words = embedder.text_embedder(inputs["text"])
    for block in transformer.blocks:
        a = block.attn2
        out += [heads_first(a.norm_k(a.to_k(words)), a.heads), heads_first(a.to_v(words), a.heads)]
    if "image" in inputs:
        picture = embedder.image_embedder(inputs["image"])
        for block in transformer.blocks:
            a = block.attn2
            out += [heads_first(a.norm_added_k(a.add_k_proj(picture)), a.heads), heads_first(a.add_v_proj(picture), a.heads)]
    cos, sin = transformer.rope(torch.empty(1, 1, *inputs["latents_size"].tolist()))
    return [*out, cos[0, :, 0, ::2], sin[0, :, 0, ::2]]


def decoder_components(vae):
    """The stem and the rest, each for the first latent frame and for later ones."""
    channels, scale = vae.config.z_dim, vae.config.scale_factor_spatial
    sizes = [{"height": 4, "width": 6}, {"height": 7, "width": 3}]
    stem, rest = lambda first: Stem(vae), lambda first: Decoder(vae, first)
    with torch.no_grad():
        features, *stem_caches = stem(True)(torch.zeros(1, channels, 1, 4, 6))
        first, *rest_caches = rest(True)(features)
        later, *_ = rest(False)(features, *rest_caches)
    latents = {"latents": ("f32", [1, channels, 1, "height", "width"])}
    between = {"features": ("f32", [1, features.shape[1], 1, "height", "width"])}
    frames = lambda clip: {"frames": ("f32", [1, clip.shape[1], clip.shape[2], "pixel_height", "pixel_width"])}

    def case(module, name, into, count):
        """Inputs for latent frame `count` and what it should give: of diffusers' decoding of the whole clip what comes
        out of the mid block or the pixels, and the caches."""
        def make(size, generator):
            z = torch.randn(1, channels, count + 1, size["height"], size["width"], generator=generator)
            seen = []
            hook = vae.decoder.mid_block.register_forward_hook(lambda _, given, out: seen.append(out))
            clip = vae.decode(z, return_dict=False)[0]
            hook.remove()
            given, kept = z.split(1, 2) if name == "latents" else seen, []
            for i in range(count + 1):
                before, (out, *kept) = kept, module(i == 0)(given[i], *kept)
            expected = seen[-1] if name == "latents" else clip[:, :, clip.shape[2] - out.shape[2]:]
            return {name: given[-1], **dict(zip(into, before))}, [expected, *kept]
        return make

    parts = []
    for role, module, given, outs, kept in (("vae_decoder_stem", stem, latents, (between, between), stem_caches),
                                            ("vae_decoder", rest, between, (frames(first), frames(later)), rest_caches)):
        kept = caches.shapes(kept, sizes[0]["height"])
        into, choices = caches.named(kept), caches.spread(sizes, kept, scale)
        make = lambda count: case(module, *given, into, count)
        parts += [
            Component(f"{role}_first", module(True), given, outs[0] | into, choices, make(0), data="vae_decoder.data",
                      tracing=vae_tracing),
            Component(f"{role}_next", module(False), given | into, outs[1] | caches.following(into),
                      choices, make(2), data="vae_decoder.data", tracing=vae_tracing, over=caches.over(into))]
    return parts


def encoder_components(vae):
    channels, scale = vae.config.z_dim, vae.config.scale_factor_spatial
    sizes = [{"height": 4, "width": 6}, {"height": 7, "width": 3}]
    example = torch.zeros(1, 3, 1, 4 * scale, 6 * scale)
    with torch.no_grad():
        _, *kept = Encoder(vae)(example)
    kept = caches.shapes(kept, sizes[0]["height"])
    into, choices = caches.named(kept), caches.spread(sizes, kept, scale)
    image = lambda count: {"image": ("f32", [1, 3, count, "pixel_height", "pixel_width"])}
    mean = {"moments_mean": ("f32", [1, channels, 1, "height", "width"])}

    def case(count):
        def make(size, generator):
            x = torch.randn(1, 3, 1 + 4 * count, size["height"] * scale, size["width"] * scale, generator=generator)
            whole = vae.encode(x).latent_dist.mode()
            kept = []
            for i in range(count + 1):
                part = x[:, :, :1] if i == 0 else x[:, :, 4 * i - 3:4 * i + 1]
                before, (_, *kept) = kept, Encoder(vae)(part, *kept)
            return {"image": part, **dict(zip(into, before))}, [whole[:, :, -1:], *kept]
        return make

    return [
        Component("vae_encoder_first", Encoder(vae), image(1), mean | into, choices, case(0),
                  data="vae_encoder.data", tracing=vae_tracing),
        Component("vae_encoder_next", Encoder(vae), image(4) | into, mean | caches.following(into),
                  choices, case(2), data="vae_encoder.data", tracing=vae_tracing, over=caches.over(into))]


def settings(pipe):
    """The parts of pack.json that the family decides."""
    t, v = pipe.transformer.config, pipe.vae.config
    side = v.scale_factor_spatial * t.patch_size[1]
    to_video = isinstance(pipe, WanImageToVideoPipeline)
    tasks = ["text-to-video", "image-to-video"] if pipe.config.expand_timesteps else \
        ["image-to-video"] if to_video else ["text-to-video"]
    with_image = t.image_dim is not None
    processor = pipe.image_processor if with_image else None
    return {
        "family": "wan",
        "tasks": tasks,
        "tokenizer": {"file": "tokenizer.json", "length": TEXT_LENGTH, "pad": pipe.tokenizer.pad_token_id,
                      "end": pipe.tokenizer.eos_token_id},
        "defaults": {"steps": 50, "guidance_scale": 5.0, "width": 832, "height": 480, "frames": 81, "fps": 16,
                     "negative_prompt": ""},
        "limits": {"side_multiple": side, "side_min": side, "side_max": 1280, "frames_multiple": v.scale_factor_temporal,
                   "frames_offset": 1, "frames_max": 121},
        "latents": {"channels": v.z_dim, "spatial": v.scale_factor_spatial, "temporal": v.scale_factor_temporal,
                    "mean": list(v.latents_mean), "std": list(v.latents_std), "scale": 1.0},
        "family_settings": {
            "expand_timesteps": bool(pipe.config.expand_timesteps),
            "image_side": processor.crop_size["height"] if with_image else None,
            "image_mean": list(processor.image_mean) if with_image else None,
            "image_std": list(processor.image_std) if with_image else None,
            "text_length": TEXT_LENGTH, "patch": list(t.patch_size),
            "mask_channels": t.in_channels - t.out_channels - v.z_dim if t.in_channels > t.out_channels else 0,
            "boundary": pipe.config.boundary_ratio, "caches_in_place": True,
        },
    }


def decode(pipe, latents):
    """Normalised latents → frames in -1..1."""
    v = pipe.vae.config
    column = lambda values: torch.tensor(values).view(1, -1, 1, 1, 1)
    return pipe.vae.decode(latents * column(v.latents_std) + column(v.latents_mean), return_dict=False)[0]
