"""Operators that a traced module asks for by name.

ONNX Runtime has kernels (domain com.microsoft) that do in one pass what PyTorch does in many. A module that calls these
functions can be traced, not run: the values come from ONNX Runtime. `plain.py` writes the same graph without them.
"""
import torch
from torch.onnx.ops import symbolic, symbolic_multi_out

CONTRIB = "com.microsoft"


def attention(query, key, value, heads, scale=None, bias=None):
    """Softmax(q kᵀ · scale + bias) v. `query` [1, n, heads·d]; `key`, `value` either alike or [1, heads, m, d]."""
    attributes = {"num_heads": heads, "scale": float(scale or (query.shape[-1] // heads) ** -0.5)}
    inputs = [query, key, value] if bias is None else [query, key, value, None, None, bias]
    return symbolic(f"{CONTRIB}::MultiHeadAttention", inputs, attributes, dtype=query.dtype, shape=query.shape, version=1)


def rotate(x, cos, sin):
    """Rotates neighbouring pairs (x₀ x₁) by the angles of `cos`, `sin` [n, d/2], every d columns alike; `x` [1, n, c]."""
    start = torch.zeros(1, dtype=torch.int64)
    return symbolic(f"{CONTRIB}::RotaryEmbedding", [x, start, cos, sin], {"interleaved": 1}, dtype=x.dtype, shape=x.shape,
                    version=1)


def rms_norm(x, weight, eps):
    """x / √(mean x² + eps) · weight over the last axis."""
    return symbolic("SimplifiedLayerNormalization", [x, weight], {"axis": -1, "epsilon": float(eps), "stash_type": 1},
                    dtype=x.dtype, shape=x.shape, version=1)


def skip_layer_norm(x, skip, weight, bias, eps, added=None):
    """The sum s = x + skip + added, and its layer norm: (norm, s)."""
    inputs = [x, skip, weight, bias] + ([] if added is None else [added])
    out = symbolic_multi_out(f"{CONTRIB}::SkipLayerNormalization", inputs, {"epsilon": float(eps)},
                             dtypes=[x.dtype] * 4, shapes=[x.shape, [1], [1], x.shape], version=1)
    return out[0], out[3]


def tanh_gelu(x, bias):
    """GELU in its tanh form of x + bias."""
    return symbolic(f"{CONTRIB}::FastGelu", [x, bias], {}, dtype=x.dtype, shape=x.shape, version=1)


def erf_gelu(x, bias):
    """GELU of x + bias."""
    return symbolic(f"{CONTRIB}::BiasGelu", [x, bias], {}, dtype=x.dtype, shape=x.shape, version=1)


def double(x):
    """Each pixel of [..., h, w] as two by two."""
    return symbolic("Resize", [x, None, torch.tensor([1.0, 1.0, 2.0, 2.0])],
                    {"coordinate_transformation_mode": "asymmetric", "mode": "nearest", "nearest_mode": "floor"},
                    dtype=x.dtype, shape=[*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3]], version=18)


def group_norm(x, layer):
    """GroupNorm over [n, c, h, w]."""
    return torch.nn.functional.group_norm(x, layer.num_groups, layer.weight, layer.bias, layer.eps)
