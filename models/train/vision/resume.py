"""Training goes on from an exported file: folded convolutions, batch norms rebuilt around them."""
import onnx
import torch


@torch.no_grad()
def resume(network, path, batch):
    """Loads an exported file's weights into `network`.

    The export folded every batch norm into its convolution. Here each norm becomes the identity on
    `batch`: its scale is the deviation that it divides by, its shift the mean that it takes away
    plus the convolution's folded bias.
    """
    stored = {}
    for tensor in onnx.load(path).graph.initializer:
        name = tensor.name.removesuffix("_half").removeprefix("network.")
        stored[name] = torch.from_numpy(onnx.numpy_helper.to_array(tensor).copy()).float()
    folded = {}
    for name, module in network.named_modules():
        if isinstance(module, torch.nn.Sequential):
            for i in range(len(module) - 1):
                if isinstance(module[i + 1], torch.nn.BatchNorm2d):
                    folded[module[i + 1]] = stored.pop(f"{name}.{i}.bias")
    missing, _ = network.load_state_dict(stored, strict=False)
    norms = tuple(f"{n}." for n, m in network.named_modules() if isinstance(m, torch.nn.BatchNorm2d))
    lost = [name for name in missing if not name.startswith(norms)]
    if lost:
        raise ValueError(f"{path} lacks {lost}")

    def settle(norm, inputs):
        mean, deviation = inputs[0].mean((0, 2, 3)), inputs[0].std((0, 2, 3)) + 1e-3
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(deviation**2 - norm.eps)
        norm.weight.copy_(deviation)
        norm.bias.copy_(mean + folded[norm])

    hooks = [norm.register_forward_pre_hook(settle) for norm in folded]
    training = network.training
    network.eval()(batch)
    network.train(training)
    for hook in hooks:
        hook.remove()
