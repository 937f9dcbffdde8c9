"""An exported motion.onnx back into the network, so that training can go on from it (`--resume FILE.onnx`)."""
import math

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from .network import TIME_BUMPS


def weights(path, net):
    """Fills `net` with what the file holds. A file from before the time bumps gets them fitted to its sines."""
    graph = onnx.load(path).graph
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Cast" and node.input[0] in held:
            held[node.output[0]] = held[node.input[0]].astype(np.float32)
    # Tokens' linear layers are stored as MatMul by the transposed weight, then Add of the named bias.
    product = {node.output[0]: node.input[1] for node in graph.node if node.op_type == "MatMul"}
    for node in graph.node:
        bias = next((i for i in node.input if i.endswith(".bias")), None)
        other = next((i for i in node.input if i in product), None)
        if node.op_type == "Add" and bias and other and product[other] in held:
            held[bias[:-len("bias")] + "weight"] = held[product[other]].T
    state = net.state_dict()
    for name in state:
        if f"net.{name}" in held:
            value = torch.from_numpy(np.array(held[f"net.{name}"], np.float32))
        elif name in ("moments", "see.index"):
            continue
        else:
            raise SystemExit(f"{path} lacks {name}")
        if name == "embed_all.0.weight" and any(node.op_type == "Sin" for node in graph.node):
            value = torch.cat([_bumps_for(net, value[:, :32]), value[:, 32:]], 1)
        state[name] = value.reshape(state[name].shape)
    net.load_state_dict(state)


def _bumps_for(net, sines):
    """Weights on the time bumps that act as these weights on 16 sines and 16 cosines did."""
    time = torch.linspace(0, 1, 400)
    angle = time[:, None] * (0.5 * torch.exp(torch.arange(16) * (math.log(200) / 15)))[None]
    want = torch.cat([angle.sin(), angle.cos()], 1) @ sines.T
    bumps = net.bumps(time)
    assert bumps.shape[1] == TIME_BUMPS
    ridge = 1e-3 * torch.eye(TIME_BUMPS)
    return torch.linalg.solve(bumps.T @ bumps + ridge, bumps.T @ want).T
