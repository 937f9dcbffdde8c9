"""T5 and UMT5 encoders, written out over the layers of transformers' modules so that they trace with any length."""
import torch
from torch import nn

from . import ops
from .component import Component


class TextEncoder(nn.Module):
    """`ids`, `mask` i64 [1, n] → `hidden` [1, n, D]. Not `masked`, every token sees every other, whatever the mask."""

    def __init__(self, encoder, masked):
        super().__init__()
        self.masked = masked
        self.stack = encoder.encoder
        self.embedding = encoder.get_input_embeddings()
        config = encoder.config
        self.heads, self.eps = config.num_heads, config.layer_norm_epsilon

    def forward(self, ids, mask):
        x = self.embedding(ids)
        n = ids.shape[1]
        hidden = (1.0 - mask[:, None, None, :].to(x.dtype)) * torch.finfo(x.dtype).min if self.masked else 0.0
        for block in self.stack.block:
            attention, feed = block.layer[0], block.layer[-1]
            own = attention.SelfAttention
            # T5 has one table of relative positions, in its first layer; UMT5 one in every layer.
            if own.has_relative_attention_bias:
                position = own.compute_bias(n, n)
            h = ops.rms_norm(x, attention.layer_norm.weight, self.eps)
            q, k, v = (p(h).view(1, n, self.heads, -1).transpose(1, 2) for p in (own.q, own.k, own.v))
            scores = torch.softmax(q @ k.transpose(2, 3) + (position + hidden), -1)
            x = x + own.o((scores @ v).transpose(1, 2).reshape(1, n, -1))
            h = ops.rms_norm(x, feed.layer_norm.weight, self.eps)
            dense = feed.DenseReluDense
            if hasattr(dense, "wi_0"):
                h = dense.wo(dense.act(dense.wi_0(h)) * dense.wi_1(h))
            else:
                h = dense.wo(dense.act(dense.wi(h)))
            x = x + h
        return ops.rms_norm(x, self.stack.final_layer_norm.weight, self.eps)


def component(encoder, masked=True):
    def case(size, generator):
        ids = torch.randint(2, encoder.config.vocab_size, [1, size["tokens"]], generator=generator)
        mask = torch.ones_like(ids)
        mask[:, size["tokens"] // 2:] = 0
        return {"ids": ids, "mask": mask}, encoder(ids, mask if masked else None, return_dict=False)

    shape = ("i64", [1, "tokens"])
    return Component("text_encoder", TextEncoder(encoder, masked), {"ids": shape, "mask": shape},
                     {"hidden": ("f32", [1, "tokens", encoder.config.d_model])}, [{"tokens": 7}, {"tokens": 23}], case)
