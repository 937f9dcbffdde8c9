"""The trained denoiser as ONNX: half-precision weights behind casts, float32 arithmetic, static shapes, metadata.

    python -m motion.export WORK/motion.pt OUT.onnx [--full]     a checkpoint; --full keeps the weights in float32

Batch is 2: one face as asked, and the same face without tags.
"""
import argparse
import json
import os

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from .contract import CHANNELS, COEFFICIENTS, MODES, PHOTO, RIG, STATE, TAGS
from .network import Denoiser, Exported

INPUTS = ["latents", "time", "tags", "photo", "state"]
OUTPUTS = ["denoised", "coefficients"]
# What `motion.evaluate --sweep` measured to be best.
DEFAULTS = dict(steps=16, guidance=1.3, shift=0.7, window=1.5)


def _is_weight(name):
    return not name.endswith(("scale", "slope", "pull", "bends", "knots"))


def _halve(model, least=1000):
    """Stores weights as float16 and casts them back; runtimes fold the cast on loading.

    Scales keep their precision: they span decades and multiply what leaves the network.
    """
    casts, kept = [], []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < least or not _is_weight(tensor.name):
            kept.append(tensor)
            continue
        half = numpy_helper.to_array(tensor).astype(np.float16)
        kept.append(numpy_helper.from_array(half, tensor.name + "_half"))
        casts.append(helper.make_node("Cast", [tensor.name + "_half"], [tensor.name], to=TensorProto.FLOAT))
    nodes = casts + list(model.graph.node)
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(kept)
    model.graph.node.extend(nodes)


def export(net, path, full=False, amounts=None):
    net = Exported(net, amounts).eval()
    sizes = [(2, COEFFICIENTS, len(CHANNELS)), (2,), (2, 2 * len(TAGS)), (2, len(PHOTO)), (2, len(STATE))]
    example = tuple(torch.rand(size) for size in sizes)
    program = torch.onnx.export(net, example, input_names=INPUTS, output_names=OUTPUTS, opset_version=18, dynamo=True,
                                verbose=False)
    model = program.model_proto
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for entry in (model.graph, *model.graph.value_info, *model.graph.input, *model.graph.output):
        del entry.metadata_props[:]
    del model.metadata_props[:], model.graph.value_info[:]
    if not full:
        _halve(model)
    about = dict(version=1, channels=CHANNELS, rig=len(RIG), tags=TAGS, photo=PHOTO, state=STATE, modes=MODES,
                 coefficients=COEFFICIENTS, seconds=[0.5, 3.0], defaults=DEFAULTS)
    entry = model.metadata_props.add()
    entry.key, entry.value = "kinora.motion", json.dumps(about)
    model.producer_name, model.producer_version = "kinora", ""
    onnx.checker.check_model(model)
    partial = f"{path}.partial"
    onnx.save(model, partial)
    os.replace(partial, path)  # the library may be reading the last one
    return os.path.getsize(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint")
    parser.add_argument("out")
    parser.add_argument("--full", action="store_true", help="weights in float32")
    parser.add_argument("--calibrate", action="store_true", help="strengths made linear by measuring (motion.calibrate)")
    args = parser.parse_args()
    held = torch.load(args.checkpoint)
    net = Denoiser(**held["config"])
    net.load_state_dict(held["ema"])
    amounts = None
    if args.calibrate:
        from .calibrate import slopes
        amounts = slopes(net.eval())
    size = export(net, args.out, args.full, amounts)
    print(f"{args.out}: {size / 1e6:.2f} MB after {held['step']} steps")


if __name__ == "__main__":
    main()
