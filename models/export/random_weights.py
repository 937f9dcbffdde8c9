"""Random weights under which a network still behaves: signals keep their size from layer to layer."""
import math

import torch


def fill(module, seed, gain=1.0):
    """Every matrix and kernel N(0, gain²/inputs), norms' weights about 1, biases small."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(module.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            if "norm" in name and name.endswith(("weight", "gamma")):
                parameter.copy_(1 + 0.1 * noise)
            elif name.endswith("scale_shift_table"):
                parameter.copy_(0.3 * noise)
            elif "embed_tokens" in name or "shared" in name or "relative_attention_bias" in name:
                parameter.copy_(noise)
            elif parameter.dim() < 2:
                parameter.copy_(0.1 * noise)
            else:
                parameter.copy_(noise * gain / math.sqrt(parameter[0].numel()))
    return module.eval()


def rescale(layer, output, spread, centre=None):
    """Changes a last layer's weights so that `output`, what it gives now, has that deviation (and no mean)."""
    factor = spread / output.std()
    with torch.no_grad():
        layer.weight.mul_(factor)
        layer.bias.mul_(factor)
        if centre is not None:
            layer.bias.sub_(factor * output.mean(centre))
