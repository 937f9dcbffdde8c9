"""What the three trainings share: seeds, a clock, the learning rate, averaging, export."""

import copy
import math
import time

import numpy as np
import onnx
import torch


def prepare(seed):
    """One thread (the machine is shared) and a fixed seed for weights and data."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    return np.random.default_rng(seed)


class Clock:
    """Progress from 0 to 1, by processor time when a limit in minutes is given.

    Processor time and not wall time: a run gets its share however busy the machine is, and may be
    paused with SIGSTOP. `wall` bounds the minutes by the clock on the wall as well. A limit in steps
    makes a run repeatable to the bit.
    """

    def __init__(self, minutes, steps=None, wall=None):
        self.minutes, self.steps, self.wall, self.step = minutes, steps, wall, 0
        self.start = time.process_time(), time.time()

    def progress(self):
        if self.steps:
            return self.step / self.steps
        shares = [(time.process_time() - self.start[0]) / 60 / self.minutes]
        if self.wall:
            shares.append((time.time() - self.start[1]) / 60 / self.wall)
        return max(shares)


def learning_rate(progress, peak, warm_up=0.04, floor=0.01):
    """Linear warm-up, then a cosine down to `floor` of the peak."""
    if progress < warm_up:
        return peak * (0.05 + 0.95 * progress / warm_up)
    fall = 0.5 + 0.5 * math.cos(math.pi * min(1.0, (progress - warm_up) / (1 - warm_up)))
    return peak * (floor + (1 - floor) * fall)


def optimizer(network, decay=0.02):
    """AdamW; biases and norms do not decay."""
    heavy = [p for p in network.parameters() if p.ndim > 1]
    light = [p for p in network.parameters() if p.ndim <= 1]
    return torch.optim.AdamW(
        [{"params": heavy, "weight_decay": decay}, {"params": light, "weight_decay": 0.0}],
        lr=1e-3,
        betas=(0.9, 0.99),
    )


class Average:
    """Exponential moving average of weights and norm statistics: what is exported."""

    def __init__(self, network, decay=0.998):
        self.network, self.decay, self.count = copy.deepcopy(network).eval(), decay, 0

    @torch.no_grad()
    def update(self, network):
        self.count += 1
        decay = min(self.decay, (1 + self.count) / (10 + self.count))
        for mine, theirs in zip(self.network.state_dict().values(), network.state_dict().values()):
            if mine.is_floating_point():
                mine.lerp_(theirs, 1 - decay)
            else:
                mine.copy_(theirs)


def step(network, optimiser, average, loss, rate, clip=5.0):
    """One descent step; returns the loss as a float, skipping what is not finite."""
    value = float(loss.detach())
    if not math.isfinite(value):
        return value
    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), clip)
    optimiser.step()
    average.update(network)
    return value


class Pool:
    """Recent samples (picture, target), drawn from at random: each serves about `echo` times.

    Making a sample (warping, painting, a teacher) costs as much as learning from it; echoing
    (Choi et al., 2019) divides that.
    """

    def __init__(self, loader, batch, echo, size, rng):
        self.source, self.batch, self.fresh = iter(loader), batch, batch // echo
        self.size, self.rng, self.images, self.targets = size, rng, [], []

    def next(self):
        for image, target in zip(*next(self.source)):
            if len(self.images) < self.size:
                self.images.append(image)
                self.targets.append(target)
            else:
                i = self.rng.integers(self.size)
                self.images[i], self.targets[i] = image, target
        chosen = self.rng.choice(len(self.images), self.batch, replace=len(self.images) < self.batch)
        pick = lambda rows: torch.stack([rows[i] for i in chosen])
        images = pick(self.images).float().contiguous(memory_format=torch.channels_last)
        return images, pick(self.targets)


def conv(inputs, outputs, kernel=3, stride=1, groups=1, activate=True, dilation=1):
    """Convolution, batch norm, ReLU: everything a phone's accelerator runs."""
    layers = [
        torch.nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2 * dilation, dilation, groups,
                        bias=False),
        torch.nn.BatchNorm2d(outputs),
    ]
    return torch.nn.Sequential(*layers, *([torch.nn.ReLU(inplace=True)] if activate else []))


class Separable(torch.nn.Module):
    """Pointwise then depthwise convolution, with a shortcut where the shape allows it."""

    def __init__(self, inputs, outputs, stride=1, kernel=3, dilation=1):
        super().__init__()
        self.point = conv(inputs, outputs, 1)
        self.depth = conv(outputs, outputs, kernel, stride, groups=outputs, dilation=dilation)
        self.shortcut = inputs == outputs and stride == 1

    def forward(self, x):
        y = self.depth(self.point(x))
        return x + y if self.shortcut else y


def fold(network):
    """Batch norms folded into their convolutions (a copy, for export)."""
    network = copy.deepcopy(network).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.Sequential):
            for i in range(len(module) - 1):
                if isinstance(module[i + 1], torch.nn.BatchNorm2d):
                    module[i] = torch.nn.utils.fusion.fuse_conv_bn_eval(module[i], module[i + 1])
                    module[i + 1] = torch.nn.Identity()
    return network


def exported_weights(path):
    """An exported file's weights as float32 tensors, by the network's own names."""
    weights = {}
    for tensor in onnx.load(path).graph.initializer:
        name = tensor.name.removesuffix("_half").removeprefix("network.")
        weights[name] = torch.from_numpy(onnx.numpy_helper.to_array(tensor).astype(np.float32))
    return weights


def mix(first, second, share, out):
    """Writes the mean of two exported files of one network, `share` of it the second's.

    Two stints of one run lie in one basin: the mean of their weights (Izmailov et al., 2018) is
    better than either. Folded norms are affine, so folded weights may be averaged as they are.
    """
    model = onnx.load(second)
    before = {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(first).graph.initializer}
    for tensor in model.graph.initializer:
        value = onnx.numpy_helper.to_array(tensor)
        if np.issubdtype(value.dtype, np.floating):
            mean = (1 - share) * before[tensor.name] + share * value
            tensor.CopyFrom(onnx.numpy_helper.from_array(mean.astype(value.dtype), tensor.name))
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, out)


@torch.no_grad()
def resume(network, path, batches):
    """Goes on from an exported file; returns the names of layers that are new since then.

    An exported file has its batch norms folded away. Each is put back as the identity on real
    activations: its statistics are those of the activations that `batches` (input tensors, a few
    hundred pictures) cause, its scale and shift undo them. So the network says what the file says,
    and learns on as if it had never been folded. Layers that the file lacks keep their values.
    """
    stored, new, norms = exported_weights(path), [], {}
    follower = {}
    for module in network.modules():
        if isinstance(module, torch.nn.Sequential):
            for first, second in zip(module, list(module)[1:]):
                if isinstance(second, torch.nn.BatchNorm2d):
                    follower[first] = second
    for name, module in network.named_modules():
        if not isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
            continue
        weight, bias = stored.get(f"{name}.weight"), stored.get(f"{name}.bias")
        if weight is None or weight.shape != module.weight.shape:
            new.append(name)
            continue
        module.weight.copy_(weight)
        norm = follower.get(module)
        if norm is None:
            module.bias.copy_(bias)
            continue
        norm.running_mean.zero_()
        norm.running_var.fill_(1 - norm.eps)
        norm.weight.fill_(1)
        norm.bias.copy_(bias)
        norms[norm] = (bias, [])
    hooks = [
        norm.register_forward_pre_hook(
            lambda _, inputs, seen=seen: seen.append(
                (inputs[0].float().mean((0, 2, 3)), inputs[0].float().square().mean((0, 2, 3)))
            )
        )
        for norm, (_, seen) in norms.items()
    ]
    training_before = network.training
    network.eval()
    for batch in batches:
        network(batch)
    network.train(training_before)
    for hook in hooks:
        hook.remove()
    for norm, (bias, seen) in norms.items():
        mean, square = (torch.stack(part).mean(0) for part in zip(*seen))
        variance = (square - mean.square()).clamp(min=0)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.copy_(mean + bias)
    return new


def halve_weights(model):
    """Weights stored as float16 with a Cast before their use: half the file, the same float32 sums.

    ONNX Runtime folds the casts when it loads the file.
    """
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT and np.prod(tensor.dims) >= 256:
            name, values = tensor.name, onnx.numpy_helper.to_array(tensor)
            stored = onnx.numpy_helper.from_array(values.astype(np.float16), name + "_half")
            tensor.CopyFrom(stored)
            casts.append(onnx.helper.make_node(
                "Cast", [stored.name], [name], name + "_cast", to=onnx.TensorProto.FLOAT))
    nodes = casts + list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def export(network, example, path, inputs, outputs, dynamic=None, note="", half=False):
    """ONNX, opset 17, standard operators, checked. `note` goes into the file's description."""
    folded = fold(network)
    with torch.no_grad():
        shapes = folded(example)
    shapes = [tuple(o.shape) for o in (shapes if isinstance(shapes, tuple) else (shapes,))]
    torch.onnx.export(
        folded,
        (example,),
        str(path),
        input_names=inputs,
        output_names=outputs,
        dynamic_axes=dynamic,
        opset_version=17,
        do_constant_folding=True,
        dynamo=False,
    )
    model = onnx.load(path)
    model.producer_name, model.producer_version = "kinora models/train", ""
    model.doc_string = note
    # Only what is dynamic stays symbolic; the tracer names more dimensions than that.
    for output, shape in zip(model.graph.output, shapes):
        for axis, dimension in enumerate(output.type.tensor_type.shape.dim):
            if axis not in (dynamic or {}).get(output.name, {}):
                dimension.dim_value = shape[axis]
    # PyTorch leaves its source lines in the nodes: they would carry this machine's paths.
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    if half:
        halve_weights(model)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    return sum(int(np.prod(t.dims)) for t in model.graph.initializer)
