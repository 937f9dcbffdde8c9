"""CLIP's picture encoder, written out over transformers' layers."""
import torch
from torch import nn

from .component import Component


class PictureEncoder(nn.Module):
    """`pixels` [1, 3, s, s] → with `projected` the embedding [1, 1, D], else the hidden states before the last layer."""

    def __init__(self, encoder, projected):
        super().__init__()
        self.encoder, self.projected = encoder, projected

    def forward(self, pixels):
        # With a projection the network stands one level deeper.
        vision = getattr(self.encoder, "vision_model", self.encoder)
        x = vision.pre_layrnorm(vision.embeddings(pixels))
        layers = vision.encoder.layers
        for layer in layers if self.projected else layers[:-1]:
            x = layer(x, attention_mask=None)
        if self.projected:
            x = self.encoder.visual_projection(vision.post_layernorm(x[:, :1]))
        return x


def component(encoder, projected):
    side = encoder.config.image_size

    def case(size, generator):
        pixels = torch.randn(1, 3, side, side, generator=generator)
        if projected:
            return {"pixels": pixels}, [encoder(pixels).image_embeds[:, None]]
        return {"pixels": pixels}, [encoder(pixels, output_hidden_states=True).hidden_states[-2]]

    tokens = (side // encoder.config.patch_size) ** 2 + 1
    output = {"embedding": ("f32", [1, 1, encoder.config.projection_dim])} if projected else \
        {"hidden": ("f32", [1, tokens, encoder.config.hidden_size])}
    return Component("image_encoder", PictureEncoder(encoder, projected), {"pixels": ("f32", [1, 3, side, side])}, output,
                     [{}], case)
