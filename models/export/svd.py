"""Stable Video Diffusion: StableVideoDiffusionPipeline.

The softmax over one key is 1, so a cross attention adds the same vector to every token: to_out(to_v(embedding)). Those
vectors come out of `condition`. In the denoiser the transformers work on rows [frames·height·width, channels].
"""
import torch
import torch.nn.functional as F
from torch import nn

from . import caches, ops, picture
from .component import Component


def unet_transformers(unet):
    """The UNet's spatio-temporal transformers in the order in which they run."""
    blocks = [*unet.down_blocks, unet.mid_block, *unet.up_blocks]
    return [attention for block in blocks for attention in getattr(block, "attentions", [])]


def cross_attentions(unet):
    out = []
    for model in unet_transformers(unet):
        for spatial, temporal in zip(model.transformer_blocks, model.temporal_transformer_blocks):
            out += [spatial.attn2, temporal.attn2]
    return out


class Condition(nn.Module):
    def __init__(self, unet):
        super().__init__()
        self.unet = unet

    def forward(self, embedding, time_ids):
        unet = self.unet
        added = unet.add_embedding(unet.add_time_proj(time_ids).reshape(1, -1))
        return added, *(a.to_out[0](a.to_v(embedding[0])) for a in cross_attentions(unet))


def linear(weight, bias=None):
    """A layer with its own copy of numbers that were made from another's."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    layer.weight = nn.Parameter(weight.detach().clone(), requires_grad=False)
    if bias is not None:
        layer.bias = nn.Parameter(bias.detach().clone(), requires_grad=False)
    return layer


class Spatial(nn.Module):
    """ResnetBlock2D on [frames, c, h, w]; `embedding` [1, e] is the same for all frames."""

    def __init__(self, block):
        super().__init__()
        self.block = block
        self.step = block.upsample is not None or block.downsample is not None

    def forward(self, x, embedding, norm):
        b = self.block
        if self.step:
            raise ValueError("a resnet that resamples is not known")
        h = b.conv1(F.silu(norm(x, b.norm1)))
        if b.time_emb_proj is not None:
            h = h + b.time_emb_proj(F.silu(embedding))[:, :, None, None]
        h = b.conv2(F.silu(norm(h, b.norm2)))
        return (x if b.conv_shortcut is None else b.conv_shortcut(x)) + h


class Temporal(nn.Module):
    """The temporal half of SpatioTemporalResBlock with its mixing: x + (1 − α)·h, with 1 − α inside the last weights.

    A convolution over three frames is one over the rows of [1, c, frames, h·w].
    """

    def __init__(self, block):
        super().__init__()
        t, mixer = block.temporal_res_block, block.time_mixer
        if t.conv_shortcut is not None:
            raise ValueError("a temporal shortcut is not known")
        alpha = torch.sigmoid(mixer.mix_factor.detach())
        share = alpha if mixer.switch_spatial_to_temporal_mix else 1 - alpha
        self.t = t
        self.register_buffer("kernel1", t.conv1.weight.detach()[..., 0])
        self.register_buffer("kernel2", share * t.conv2.weight.detach()[..., 0])
        self.register_buffer("bias2", share * t.conv2.bias.detach())

    def forward(self, x, embedding, norm):
        t = self.t
        frames, channels, height, width = x.shape
        h = x.transpose(0, 1).reshape(1, channels, frames, height * width)
        h = F.conv2d(F.silu(norm(h, t.norm1)), self.kernel1, t.conv1.bias, padding=(1, 0))
        if t.time_emb_proj is not None:
            h = h + t.time_emb_proj(F.silu(embedding))[:, :, None, None]
        h = F.conv2d(F.silu(norm(h, t.norm2)), self.kernel2, self.bias2, padding=(1, 0))
        return x + h.view(channels, frames, height, width).transpose(0, 1)


class Residual(nn.Module):
    """SpatioTemporalResBlock."""

    def __init__(self, block):
        super().__init__()
        self.spatial, self.temporal = Spatial(block.spatial_res_block), Temporal(block)

    def forward(self, x, embedding=None, norm=ops.group_norm):
        return self.temporal(self.spatial(x, embedding, norm), embedding, norm)


class Feed(nn.Module):
    """GEGLU and the way back without its bias; value and gate have a matrix each, so that nothing has to be split."""

    def __init__(self, feed):
        super().__init__()
        projection, self.down = feed.net[0].proj, feed.net[2]
        half = projection.out_features // 2
        self.value = linear(projection.weight[:half], projection.bias[:half])
        self.gate = linear(projection.weight[half:])
        self.register_buffer("gate_bias", projection.bias.detach()[half:].clone())

    def forward(self, x):
        return F.linear(self.value(x) * ops.erf_gelu(self.gate(x), self.gate_bias), self.down.weight)


def norm(x, layer):
    return F.layer_norm(x, layer.normalized_shape, layer.weight, layer.bias, layer.eps)


def self_attention(a, x):
    """Attention over axis 1 of [groups, n, c], its output matrix without the bias."""
    o = ops.attention(a.to_q(x), a.to_k(x), a.to_v(x), a.heads, a.scale)
    return F.linear(o, a.to_out[0].weight)


class Transformer(nn.Module):
    """TransformerSpatioTemporalModel, the constant vectors of its cross attentions given."""

    def __init__(self, model):
        super().__init__()
        self.m = model
        self.feeds = nn.ModuleList(Feed(b.ff) for b in model.transformer_blocks)
        self.feeds_in = nn.ModuleList(Feed(b.ff_in) for b in model.temporal_transformer_blocks)
        self.feeds_out = nn.ModuleList(Feed(b.ff) for b in model.temporal_transformer_blocks)
        self.alpha = torch.sigmoid(model.time_mixer.mix_factor.detach()).item()

    def forward(self, x, contexts):
        m = self.m
        frames, channels, height, width = x.shape
        residual, n = x, height * width
        x = ops.group_norm(x, m.norm).permute(0, 2, 3, 1).reshape(frames, n, channels)
        x = m.proj_in(x)
        position = m.time_pos_embed(m.time_proj(torch.arange(frames)))[:, None]
        blocks = zip(m.transformer_blocks, m.temporal_transformer_blocks, self.feeds, self.feeds_in, self.feeds_out)
        for spatial, temporal, feed, feed_in, feed_out in blocks:
            a, b = spatial.attn1, spatial.norm3
            o = self_attention(a, norm(x, spatial.norm1))
            h, x = ops.skip_layer_norm(x, o, b.weight, b.bias, b.eps, a.to_out[0].bias + next(contexts)[0])
            x = x + (feed(h) + feed.down.bias)

            # the frames of each pixel, one pixel after the other
            y = (x + position).transpose(0, 1)
            b = temporal.norm1
            h, y = ops.skip_layer_norm(y, feed_in(norm(y, temporal.norm_in)), b.weight, b.bias, b.eps, feed_in.down.bias)
            a, b = temporal.attn1, temporal.norm3
            o = self_attention(a, h)
            h, y = ops.skip_layer_norm(y, o, b.weight, b.bias, b.eps, a.to_out[0].bias + next(contexts)[0])
            y = y + (feed_out(h) + feed_out.down.bias)
            x = x * self.alpha + y.transpose(0, 1) * (1 - self.alpha)
        x = m.proj_out(x).view(frames, height, width, channels).permute(0, 3, 1, 2)
        return x + residual


class Denoiser(nn.Module):
    def __init__(self, unet):
        super().__init__()
        self.u = unet
        blocks = [*unet.down_blocks, unet.mid_block, *unet.up_blocks]
        if any(not t.is_res for model in unet_transformers(unet) for t in model.temporal_transformer_blocks):
            raise ValueError("temporal blocks of another width are not known")
        # in the order in which they run
        self.residuals = nn.ModuleList(Residual(r) for block in blocks for r in block.resnets)
        self.transformers = nn.ModuleList(map(Transformer, unet_transformers(unet)))

    def forward(self, latents, image_latents, timestep, added_embedding, *contexts):
        u, contexts = self.u, iter(contexts)
        x = torch.cat([latents[0], image_latents.expand(latents.shape[1], -1, -1, -1)], 1)
        embedding = u.time_embedding(u.time_proj(timestep)) + added_embedding
        x = u.conv_in(x)
        kept = [x]
        residuals, transformers = iter(self.residuals), iter(self.transformers)
        for block in u.down_blocks:
            for _ in block.resnets:
                x = next(residuals)(x, embedding)
                if hasattr(block, "attentions"):
                    x = next(transformers)(x, contexts)
                kept.append(x)
            for down in block.downsamplers or []:
                x = down.conv(x)
                kept.append(x)
        x = next(residuals)(x, embedding)
        for _ in u.mid_block.attentions:
            x = next(residuals)(next(transformers)(x, contexts), embedding)
        for block in u.up_blocks:
            for _ in block.resnets:
                x = next(residuals)(torch.cat([x, kept.pop()], 1), embedding)
                if hasattr(block, "attentions"):
                    x = next(transformers)(x, contexts)
            for up in block.upsamplers or []:
                # A side that was odd on the way down is so again: its last row or column was made of one.
                height, width = kept[-1].shape[2:]
                x = up.conv(ops.double(x)[:, :, :height, :width])
        n = u.conv_norm_out
        return u.conv_out(F.silu(ops.group_norm(x, n)))[None]


class Encoder(nn.Module):
    def __init__(self, vae):
        super().__init__()
        self.vae = vae

    def forward(self, image):
        return self.vae.quant_conv(self.vae.encoder(image)).chunk(2, 1)[0]


class Stem(nn.Module):
    """The decoder's attention and its coarser half, up to the last but one of its upsamplers: of a chunk of frames, as a whole.

    What lies before and after the chunk counts as zero, as in diffusers.
    """

    def __init__(self, vae):
        super().__init__()
        self.d, self.count = vae.decoder, stem_blocks(vae)
        self.middle = residuals(self.d.mid_block)
        self.up = nn.ModuleList(map(residuals, self.d.up_blocks[:self.count + 1]))

    def attention(self, a, x):
        frames, channels, height, width = x.shape
        h = ops.group_norm(x, a.group_norm).flatten(2).transpose(1, 2)
        o = a.to_out[0](ops.attention(a.to_q(h), a.to_k(h), a.to_v(h), a.heads, a.scale))
        return x + o.transpose(1, 2).reshape(frames, channels, height, width)

    def forward(self, latents):
        d = self.d
        x = self.middle[0](d.conv_in(latents))
        for resnet, a in zip(self.middle[1:], d.mid_block.attentions):
            x = resnet(self.attention(a, x))
        for i, resnets in enumerate(self.up):
            for resnet in resnets:
                x = resnet(x)
            if i < self.count:
                x = upsampled(d.up_blocks[i], x)
        return x


def stem_blocks(vae):
    """The block whose upsampler comes after the stem."""
    return max(len(vae.decoder.up_blocks) - 3, 0)


def feature_scale(vae):
    """The stem's features to a latent along each side."""
    return 2 ** stem_blocks(vae)


def residuals(block):
    return nn.ModuleList(Residual(resnet) for resnet in block.resnets)


def upsampled(block, x):
    for up in block.upsamplers or []:
        x = up.conv(ops.double(x))
    return x


class Decoder(nn.Module):
    """What comes after the stem. It looks a few positions far, but for its group norms, which look at all there are."""

    def __init__(self, vae):
        super().__init__()
        self.d, self.count = vae.decoder, stem_blocks(vae)
        self.up = nn.ModuleList(map(residuals, self.d.up_blocks[self.count + 1:]))

    def body(self, features, norm):
        """Up to the last norm."""
        d = self.d
        x = upsampled(d.up_blocks[self.count], features)
        for block, resnets in zip(d.up_blocks[self.count + 1:], self.up):
            for resnet in resnets:
                x = resnet(x, norm=norm)
            x = upsampled(block, x)
        return norm(x, d.conv_norm_out)

    def forward(self, features, norm=ops.group_norm):
        d = self.d
        x = d.conv_out(F.silu(self.body(features, norm)))
        frames, channels, height, width = x.shape
        x = x.transpose(0, 1).reshape(1, channels, frames, height * width)
        x = F.conv2d(x, d.time_conv_out.weight[..., 0], d.time_conv_out.bias, padding=(1, 0))
        return x.view(channels, frames, height, width).transpose(0, 1)


class Statistics(Decoder):
    """Means and variances that the group norms find, [norms, frames, 2, groups]: a part of the positions tells them nearly."""

    def forward(self, features):
        found = []

        def norm(x, layer):
            mean, variance = moments(x, layer)
            found.append(torch.stack([mean, variance], 1).expand(features.shape[0], -1, -1))
            return normalised(x, layer, mean, variance)

        self.body(features, norm)
        return torch.stack(found)


class Strip(Decoder):
    """The decoder where the statistics of whole frames are given: it gives the same for a part of the features, but for the
    edges."""

    def forward(self, features, statistics):
        rows = iter(range(norms(self)))

        def norm(x, layer):
            # a temporal norm has one row for all frames
            mean, variance = statistics[next(rows)][:x.shape[0]].unbind(1)
            return normalised(x, layer, mean, variance)

        return super().forward(features, norm)


def norms(decoder):
    return 4 * sum(map(len, decoder.up)) + 1


def moments(x, layer):
    """Mean and variance of each group of [n, c, h, w], [n, groups] each."""
    x = x.reshape(x.shape[0], layer.num_groups, -1)
    mean = x.mean(2)
    return mean, torch.linalg.vector_norm(x - mean[:, :, None], dim=2).square() / x.shape[2]


def normalised(x, layer, mean, variance):
    spread = lambda values: values.repeat_interleave(layer.num_channels // layer.num_groups, 1)[:, :, None, None]
    scale = spread(torch.rsqrt(variance + layer.eps)) * layer.weight[:, None, None]
    return x * scale + (layer.bias[:, None, None] - spread(mean) * scale)


def components(pipe):
    unet, vae, u = pipe.unet, pipe.vae, pipe.unet.config
    scale = 2 ** (len(vae.config.block_out_channels) - 1)
    channels, out = vae.config.latent_channels, u.out_channels
    dim = pipe.image_encoder.config.projection_dim
    added = u.block_out_channels[0] * 4
    contexts = {f"context_{i}": ("f32", [1, a.to_out[0].out_features]) for i, a in enumerate(cross_attentions(unet))}
    given = {"added_embedding": ("f32", [1, added]), **contexts}
    # On the lowest level no side may be 1 where the graph is traced: it would stay 1 for good.
    k = 2 ** max(0, len(u.block_out_channels) - 2)
    sizes = [{"frames": 3, "height": 6 * k, "width": 8 * k}, {"frames": 2, "height": 8 * k + 1, "width": 4 * k + 1}]
    spread = [s | {"pixel_height": s["height"] * scale, "pixel_width": s["width"] * scale} for s in sizes]

    def condition_case(size, generator):
        embedding = torch.randn(1, 1, dim, generator=generator)
        time_ids = torch.tensor([6.0, 127.0, 0.02])
        expected = [unet.add_embedding(unet.add_time_proj(time_ids).reshape(1, -1))]
        for a in cross_attentions(unet):
            expected.append(a(torch.randn(1, 1, a.to_q.in_features, generator=generator), encoder_hidden_states=embedding)[0])
        return {"embedding": embedding, "time_ids": time_ids}, expected

    def denoiser_case(size, generator):
        inputs, expected = condition_case(size, generator)
        x = torch.randn(1, size["frames"], out, size["height"], size["width"], generator=generator)
        first = torch.randn(1, channels, size["height"], size["width"], generator=generator)
        at = torch.tensor([0.25 * 1.3])
        whole = torch.cat([x, first[None].expand(-1, size["frames"], -1, -1, -1)], 2)
        prediction = unet(whole, at[0], inputs["embedding"], inputs["time_ids"][None], return_dict=False)
        return {"latents": x, "image_latents": first, "timestep": at, **dict(zip(given, expected))}, prediction

    def encoder_case(size, generator):
        image = torch.rand(1, 3, size["pixel_height"], size["pixel_width"], generator=generator) * 2 - 1
        return {"image": image}, [vae.encode(image).latent_dist.mode()]

    latents = ("f32", [1, "frames", out, "height", "width"])
    pixels = [3, "pixel_height", "pixel_width"]
    return [
        picture.component(pipe.image_encoder, projected=True),
        Component("vae_encoder", Encoder(vae), {"image": ("f32", [1, *pixels])},
                  {"latents": ("f32", [1, channels, "height", "width"])}, spread, encoder_case),
        Component("condition", Condition(unet), {"embedding": ("f32", [1, 1, dim]), "time_ids": ("f32", [3])}, given, [{}],
                  condition_case),
        Component("denoiser", Denoiser(unet),
                  {"latents": latents, "image_latents": ("f32", [1, channels, "height", "width"]), "timestep": ("f32", [1]),
                   **given}, {"prediction": latents}, sizes, denoiser_case),
        *decoder_components(vae, spread),
    ]


def decoder_components(vae, sizes):
    """The stem, the rest, and the two by which the rest can be cut into strips."""
    channels, scale = vae.config.latent_channels, feature_scale(vae)
    d, count = vae.decoder, stem_blocks(vae)
    norms = [m for block in [*d.up_blocks[count + 1:], d.conv_norm_out] for m in block.modules() if isinstance(m, nn.GroupNorm)]

    def case(wanted):
        def make(size, generator):
            """Diffusers decodes; what the parts give is noted on the way."""
            x = torch.randn(size["frames"], channels, size["height"], size["width"], generator=generator)
            seen, found = [], []
            hooks = [d.up_blocks[count].resnets[-1].register_forward_hook(lambda _, given, out: seen.append(out))]
            hooks += [n.register_forward_hook(lambda n, given, _: found.append(torch.stack(moments(given[0], n), 1)))
                      for n in norms]
            clip = vae.decode(x, num_frames=size["frames"], return_dict=False)[0]
            for hook in hooks:
                hook.remove()
            statistics = torch.stack([part.expand(size["frames"], -1, -1) for part in found])
            made = {"features": seen[0], "statistics": statistics, "frames": clip}
            return {"latents": x, **made}, [made[wanted]]
        return make

    with torch.no_grad():
        between = case("features")(sizes[0], torch.Generator())[1][0].shape[1]
    latents = ("f32", ["frames", channels, "height", "width"])
    features = ("f32", ["frames", between, *caches.sides(scale)])
    statistics = ("f32", [len(norms), "frames", 2, d.conv_norm_out.num_groups])
    frames = ("f32", ["frames", 3, "pixel_height", "pixel_width"])
    sizes = caches.spread(sizes, [features], 2 ** (len(vae.config.block_out_channels) - 1))
    part = lambda name, module, given, wanted, made: Component(
        f"vae_decoder{name}", module, given, {wanted: made}, sizes, case(wanted), data="vae_decoder.data")
    return [
        part("_stem", Stem(vae), {"latents": latents}, "features", features),
        part("", Decoder(vae), {"features": features}, "frames", frames),
        part("_statistics", Statistics(vae), {"features": features}, "statistics", statistics),
        part("_strip", Strip(vae), {"features": features, "statistics": statistics}, "frames", frames)]


def settings(pipe):
    scale = 2 ** (len(pipe.vae.config.block_out_channels) - 1)
    channels, processor = pipe.vae.config.latent_channels, pipe.feature_extractor
    return {
        "family": "svd", "tasks": ["image-to-video"], "tokenizer": None,
        "defaults": {"steps": 25, "guidance_scale": 3.0, "width": 1024, "height": 576, "frames": pipe.unet.config.num_frames,
                     "fps": 7, "negative_prompt": ""},
        "limits": {"side_multiple": scale, "side_min": 8 * scale, "side_max": 1280, "frames_multiple": 1, "frames_offset": 0,
                   "frames_max": 25},
        "latents": {"channels": channels, "spatial": scale, "temporal": 1, "mean": [0.0] * channels, "std": [1.0] * channels,
                    "scale": pipe.vae.config.scaling_factor},
        "family_settings": {
            "motion_bucket": 127, "noise_augmentation": 0.02, "guidance_first": 1.0, "guidance_last": 3.0, "decode_chunk": 8,
            "feature_scale": feature_scale(pipe.vae),
            "image_mean": list(processor.image_mean), "image_std": list(processor.image_std),
            "image_side": pipe.image_encoder.config.image_size},
    }


def decode(pipe, latents):
    """Normalised latents [1, c, f, h, w] → frames [1, 3, F, H, W] in about -1..1."""
    x = latents[0].transpose(0, 1) / pipe.vae.config.scaling_factor
    return pipe.vae.decode(x, num_frames=len(x)).sample.transpose(0, 1)[None]
