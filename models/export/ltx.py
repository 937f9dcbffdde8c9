"""LTX-Video: LTXImageToVideoPipeline.

As with Wan, `condition` makes the text's keys and values and the rotary table once. The masked tokens of the text have no
weight in the attention: they are cut off there, so that the denoiser needs no mask.
"""
import math

import torch
import torch.nn.functional as F
from torch import nn

from . import caches, ops, text
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
        # each token's line of a pair as a product with (1, 0) or (0, 1): exact, and several times as fast as Where
        which = torch.cat([~high, high], 1).to(x.dtype)
        choose = lambda pair: which @ pair
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


class Stem(nn.Module):
    """The decoder before its last two upsamplers: it looks far in space and time, and is small. It takes a whole clip."""

    def __init__(self, vae):
        super().__init__()
        self.d = vae.decoder
        self.blocks = vae.decoder.up_blocks[:upsampling(vae.decoder)[0]]

    def forward(self, latents, timestep=None):
        d, timestep = self.d, scaled(self.d, timestep)
        x, conditioned = d.conv_in(latents), conditions(d.mid_block, timestep)
        for r in d.mid_block.resnets:
            x = self.resnet(r, x, conditioned)
        for block in self.blocks:
            x = through(block, x, timestep, self.resnet, lambda up, x: up(x))
        return x

    @staticmethod
    def resnet(r, x, timestep):
        first, second = adjustments(r, timestep)
        h = r.conv2(adjusted(r.conv1(adjusted(x, r.norm1, *first)), r.norm2, *second))
        return h + shortcut(r, x)


def upsampling(decoder):
    """The last two blocks that upsample; those without an upsampler go with the block before them."""
    blocks = [i for i, block in enumerate(decoder.up_blocks) if block.upsamplers]
    if len(blocks) < 2:
        raise ValueError("decoders that upsample less than twice are not known")
    return blocks[-2:]


def feature_scale(vae):
    """The stem's features to a latent along each side; of n latent frames it makes scale·(n − 1) + 1."""
    return 2 ** sum(bool(block.upsamplers) for block in vae.decoder.up_blocks[:upsampling(vae.decoder)[0]])


class Half(nn.Module):
    """What comes after the stem, by halves: up to the last upsampler, or from there on to the frames. Some frames of a clip go
    through at a time, and each convolution remembers the last two of what it read.

    The convolutions look a frame ahead: each gives its frames one later than it reads them, and what comes out lags behind.
    A frame before a clip's first counts as the first and one after the last as the last, for every convolution anew, as
    diffusers pads: that takes the place of a frame in the clip, and the clip's length. Frames that lie before or behind the
    clip come out too, and mean nothing.
    """

    def __init__(self, vae, last, first):
        """`last`: the half that gives frames. `first`: the graph for a clip's first frames."""
        super().__init__()
        if vae.config.decoder_causal or vae.config.patch_size_t != 1:
            raise ValueError("causal decoders and patches in time are not known")
        self.d, self.last, self.first, self.patch = vae.decoder, last, first, vae.config.patch_size
        self.blocks = half(vae.decoder, last)

    def forward(self, features, position, count, *rest):
        d = self.d
        timestep, *before = rest if d.time_embedder is not None else (None, *rest)
        timestep, feeding = scaled(d, timestep), Feeding(position[0], count[0], None if self.first else before)
        x = features
        for block in self.blocks:
            x = through(block, x, timestep, lambda r, x, t: self.resnet(r, x, t, feeding),
                        lambda up, x: self.upsampled(up, x, feeding))
        if not self.last:
            return x, *feeding.after
        x = channel_norm(x, d.norm_out)
        if timestep is not None:
            shift, scale = (embedded(d.time_embedder, timestep, 2) + d.scale_shift_table)[..., None, None, None]
            x = x * (1 + scale) + shift
        x = feeding.convolution(d.conv_out, feeding.window(F.silu(x)), 2)
        return unpatchify(x, self.patch), *feeding.after

    def resnet(self, r, x, timestep, feeding):
        frames, (first, second) = x.shape[2], adjustments(r, timestep)
        skip = feeding.window(x)  # two frames behind, as what it is added to
        x = feeding.convolution(r.conv1, adjusted(skip, r.norm1, *first), 2)
        x = feeding.convolution(r.conv2, feeding.window(adjusted(x, r.norm2, *second)), 2)
        return x + shortcut(r, skip[:, :, :frames])

    def upsampled(self, up, x, feeding):
        """Twice as many frames, rows and columns. Of the two frames that a clip's first becomes the earlier lies before
        the clip."""
        if tuple(up.stride) != (2, 2, 2):
            raise ValueError("only upsamplers of 2 × 2 × 2 are known")
        frames, window = x.shape[2], feeding.window(x)
        x = spread(feeding.convolution(up.conv, window, 2))
        if up.residual:
            x = x + spread(window[:, :, 1:frames + 1]).repeat(1, 8 // up.upscale_factor, 1, 1, 1)
        feeding.doubled()
        return x


class Feeding:
    """Where the frames at hand lie in the clip, and what the convolutions remember: `before` (None: nothing yet) and
    `after` this run."""

    def __init__(self, position, count, before):
        self.position, self.count = position, count
        self.before, self.after = before, []

    def window(self, x):
        """The frames with the two before them."""
        if self.before is None:
            before = x.new_zeros(1, x.shape[1], CACHE_FRAMES, *x.shape[3:])
        else:
            before = self.before.pop(0)
        window = torch.cat([before, x], 2)
        self.after.append(window[:, :, -CACHE_FRAMES:])
        return window

    def convolution(self, layer, window, before):
        """Over a window that begins `before` frames earlier than those at hand; what comes out is a frame later than that."""
        if layer.kernel_size[0] != 3 or layer.is_causal:
            raise ValueError("only convolutions of three frames are known")
        begin, length = self.position - before, window.shape[2]
        at = (torch.arange(length) + begin).clamp_min(0).minimum(self.count - 1) - begin
        self.position = begin + 1
        return layer.conv(window.index_select(2, at.clamp(0, length - 1)))

    def doubled(self):
        self.position, self.count = 2 * self.position - 1, 2 * self.count - 1


CACHE_FRAMES = 2  # a convolution of three frames that gives its frames one late
DECODER_STEP = 2  # of the stem's frames go through at a time
FINE = "fine_features"  # what comes out of the middle


def through(block, x, timestep, resnet, upsampled):
    """LTXVideoUpBlock3d, with a way of its own for each of its layers."""
    if block.conv_in is not None:
        x = resnet(block.conv_in, x, timestep)
    timestep = conditions(block, timestep)
    for up in block.upsamplers or []:
        x = upsampled(up, x)
    for r in block.resnets:
        x = resnet(r, x, timestep)
    return x


def conditions(block, timestep):
    return timestep if block.time_embedder is None else embedded(block.time_embedder, timestep, 4)


def adjustments(r, timestep):
    """Shift and scale of a resnet's two norms."""
    if r.scale_shift_table is None:
        return (None, None), (None, None)
    table = (timestep + r.scale_shift_table)[..., None, None, None]
    return table[:2], table[2:]


def adjusted(x, norm, shift, scale):
    x = channel_norm(x, norm)
    return F.silu(x if scale is None else x * (1 + scale) + shift)


def shortcut(r, x):
    if r.norm3 is not None:
        x = r.norm3(x.movedim(1, -1)).movedim(-1, 1)
    return x if r.conv_shortcut is None else r.conv_shortcut.conv(x)


def channel_norm(x, norm):
    """RMSNorm over the channels of [1, c, f, h, w]."""
    if norm.weight is not None:
        raise ValueError("norms with weights are not known here")
    return x * torch.rsqrt(x.square().mean(1, keepdim=True) + norm.eps)


def scaled(decoder, timestep):
    """The decoder's timestep as its blocks take it."""
    return timestep if decoder.timestep_scale_multiplier is None else timestep * decoder.timestep_scale_multiplier


def embedded(embedder, timestep, parts):
    """[parts, channels]"""
    made = embedder(timestep=timestep.flatten(), resolution=None, aspect_ratio=None, batch_size=1, hidden_dtype=torch.float32)
    return made.view(parts, -1)


def spread(x):
    """[1, c·8, f, h, w] → [1, c, 2f, 2h, 2w]"""
    _, channels, f, h, w = x.shape
    x = x.view(channels // 8, 2, 2, 2, f, h, w).permute(0, 4, 1, 5, 2, 6, 3)
    return x.reshape(1, channels // 8, 2 * f, 2 * h, 2 * w)


def unpatchify(x, p):
    """[1, c·p·p, f, h, w] → [1, c, f, h·p, w·p], the column's offset before the row's."""
    _, channels, f, h, w = x.shape
    x = x.view(channels // (p * p), p, p, f, h, w).permute(0, 3, 4, 2, 5, 1)
    return x.reshape(1, channels // (p * p), f, h * p, w * p)


def half(decoder, last):
    begin, middle = upsampling(decoder)
    return decoder.up_blocks[middle:] if last else decoder.up_blocks[begin:middle]


def lag(vae, last):
    """How many frames come out before the clip's first; convolutions give theirs one late, upsamplers double that."""
    frames = 0
    for block in half(vae.decoder, last):
        frames += 2 * (block.conv_in is not None)
        for _ in block.upsamplers or []:
            frames = 2 * (frames + 1) + 1
        frames += 2 * len(block.resnets)
    return frames + last


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
        *decoder_components(vae),
    ]


def decoder_components(vae):
    """The stem, and each half of the rest for a clip's first frames and for later ones."""
    channels, scale, spatial = vae.config.latent_channels, feature_scale(vae), vae.spatial_compression_ratio
    at = torch.tensor([0.05]) if vae.config.timestep_conditioning else None
    aware = {"timestep": ("f32", [1])} if vae.config.timestep_conditioning else {}
    sizes = [{"step": DECODER_STEP, "height": 4, "width": 6}, {"step": DECODER_STEP + 1, "height": 5, "width": 3}]
    middle = upsampling(vae.decoder)[1]

    def decoded(size, generator):
        """Latents of a clip, and what diffusers makes of them: before the last upsampler, and frames."""
        seen, x = [], torch.randn(1, channels, 9, size["height"], size["width"], generator=generator)
        hook = vae.decoder.up_blocks[middle - 1].register_forward_hook(lambda _, given, out: seen.append(out))
        clip = vae.decode(x, at, return_dict=False)[0]
        hook.remove()
        return x, seen[0], clip

    def stem_case(size, generator):
        x, _, _ = decoded(size, generator)
        return {"latents": x, "timestep": at}, [Stem(vae)(x, at)]

    def case(last, runs):
        """Inputs of the last of so many runs, and what it should give: what diffusers has there, and the caches."""
        def make(size, generator):
            x, between, clip = decoded(size, generator)
            step, kept = size["step"] * (1 + last), []
            features, whole = (between, clip) if last else (Stem(vae)(x, at), between)
            name = FINE if last else "features"
            for run in range(runs):
                given = {name: features[:, :, run * step:(run + 1) * step], "position": torch.tensor([run * step]),
                         "count": torch.tensor([features.shape[2]]), **({"timestep": at} if aware else {}),
                         **{f"cache_{i}": cache for i, cache in enumerate(kept)}}
                out, *kept = Half(vae, last, run == 0)(*given.values())
            begin = 2 * (runs - 1) * step - lag(vae, last)
            outside = max(-begin, 0)  # frames that mean nothing
            if outside < out.shape[2]:
                out = torch.cat([out[:, :, :outside], whole[:, :, begin + outside:begin + out.shape[2]]], 2)
            return given, [out, *kept]
        return make

    latents = ("f32", [1, channels, "latent_frames", "height", "width"])
    with torch.no_grad():
        x, seen, _ = decoded(sizes[0], torch.Generator())
        features = Stem(vae)(x, at)
    shape = lambda tensor, frames: ("f32", [1, tensor.shape[1], frames, *caches.sides(tensor.shape[3] // sizes[0]["height"])])
    first, between = shape(features, "step"), shape(seen, "double_step")
    frames = ("f32", [1, 3, "quadruple_step", "pixel_height", "pixel_width"])
    choices = caches.spread(sizes, [first, between], spatial)
    for size in choices:
        step = size["step"]
        size |= {"latent_frames": 9, "feature_frames": 8 * scale + 1, "double_step": 2 * step, "quadruple_step": 4 * step}
    parts = [Component("vae_decoder_stem", Stem(vae), {"latents": latents, **aware},
                       {"features": shape(features, "feature_frames")}, choices, stem_case, data="vae_decoder.data")]
    for role, last, given, made in (("vae_decoder_middle", False, {"features": first}, {FINE: between}),
                                    ("vae_decoder", True, {FINE: between}, {"frames": frames})):
        inputs = given | {"position": ("i64", [1]), "count": ("i64", [1]), **aware}
        with torch.no_grad():
            _, (_, *kept) = case(last, 1)(sizes[0], torch.Generator())
        kept = caches.shapes(kept, sizes[0]["height"])
        into, more = caches.named(kept), caches.spread(choices, kept, spatial)
        later = -(-lag(vae, last) // (2 * DECODER_STEP * (1 + last))) + 1
        parts += [
            Component(f"{role}_first", Half(vae, last, True), inputs, made | into, more, case(last, 1),
                      data="vae_decoder.data"),
            Component(f"{role}_next", Half(vae, last, False), inputs | into, made | caches.following(into), more,
                      case(last, later), data="vae_decoder.data", over=caches.over(into))]
    return parts


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
                            "timestep_aware": bool(vae.config.timestep_conditioning),
                            "feature_scale": feature_scale(vae), "decoder_lags": [lag(vae, False), lag(vae, True)],
                            "decoder_step": DECODER_STEP},
    }


def decode(pipe, latents):
    """Normalised latents → frames in about -1..1."""
    vae = pipe.vae
    column = lambda values: values.view(1, -1, 1, 1, 1)
    x = latents * column(vae.latents_std) / vae.config.scaling_factor + column(vae.latents_mean)
    return vae.decode(x, torch.tensor([0.05]) if vae.config.timestep_conditioning else None, return_dict=False)[0]
