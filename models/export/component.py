"""One graph of a pack: what is traced, what goes in and comes out, and what diffusers gives for the same input."""
import contextlib
import hashlib
import logging
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir
import onnxruntime
import torch
from onnx_ir.passes import common as passes
from torch import nn

from . import plain

OPSET = 20  # Gelu; ONNX Runtime knows it from 1.17 on
ALIGNMENT = 64  # of a tensor in its file: a cache line, so that weights can be used where they are mapped
INLINE = 32  # tensors with fewer numbers stay in the graph
TYPES = {"f32": torch.float32, "f16": torch.float16, "i64": torch.int64}


@dataclass
class Component:
    """`inputs` and `outputs`: name → (type, shape); a number in a shape is fixed, a string is a dynamic size.

    `sizes` are two choices of all dynamic sizes, for tracing and checking. `case` makes of a choice and a random
    generator inputs (a dictionary) and what diffusers' own modules give for them (a list, in the order of `outputs`).
    `data` names the file of the weights; components that share weights share it. `tracing` surrounds the tracing.
    `over`: output → the input over which a host may write it.
    """
    name: str
    module: nn.Module
    inputs: dict
    outputs: dict
    sizes: list
    case: Callable
    data: str | None = None
    tracing: Callable = contextlib.nullcontext
    over: dict = field(default_factory=dict)

    def __post_init__(self):
        self.data = self.data or f"{self.name}.data"

    def example(self, sizes, seed=1):
        with torch.no_grad():
            inputs, expected = self.case(sizes, torch.Generator().manual_seed(seed))
        for name, (kind, shape) in self.inputs.items():
            shape = [sizes.get(n, n) if isinstance(n, str) else n for n in shape]
            if list(inputs[name].shape) != shape or inputs[name].dtype != TYPES[kind]:
                raise AssertionError(f"{self.name}: {name} is {inputs[name].dtype} {list(inputs[name].shape)}, not {shape}")
        return {name: inputs[name] for name in self.inputs}, expected

    def fix(self, sizes):
        """Nails `sizes` down; those that are not among them stay open."""
        at = lambda shape: [sizes.get(n, n) if isinstance(n, str) else n for n in shape]
        nail = lambda values: {name: (kind, at(shape)) for name, (kind, shape) in values.items()}
        self.inputs, self.outputs = nail(self.inputs), nail(self.outputs)
        self.sizes = [{**choice, **sizes} for choice in self.sizes]


class Listed(nn.Module):
    """Takes the inputs as one list, so that any number of them has its dynamic sizes."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, inputs):
        return self.module(*inputs)


def trace(component, attention="fused"):
    """The component as an ONNX graph in memory, cleaned up."""
    example, _ = component.example(component.sizes[0])
    dynamic = [{i: torch.export.Dim.DYNAMIC for i, n in enumerate(shape) if isinstance(n, str)}
               for _, shape in component.inputs.values()]
    component.module.eval()
    with torch.no_grad(), component.tracing(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program = torch.onnx.export(Listed(component.module), (list(example.values()),), dynamo=True,
                                    dynamic_shapes=(dynamic,),
                                    input_names=list(component.inputs), output_names=list(component.outputs),
                                    opset_version=OPSET, external_data=False, optimize=True, verbose=False)
    model = program.model
    if attention == "plain":
        plain.rewrite(model)
    clean(model, component)
    if component.over:
        order(model.graph, component)
        check_order(model.graph, component)
    return model


def order(graph, component):
    """Lets each output that is written over an input be made as soon as it can be.

    ONNX Runtime starts at the last node whose output no other node takes, and goes back to all that it needs; then at the
    one before it. Were the frames the last, everything of which such an output is made would lie in memory until they are
    done. A Clip behind a convolution is avoided because the two become one new node, and new nodes come last.
    """
    for node in list(graph):
        if node.op_type == "Clip" and node.outputs[0].is_graph_output():
            value, low, high = node.inputs
            below = ir.node("Min", [value, high], name=f"{node.name}.min")
            within = ir.node("Max", [below.outputs[0], low], name=f"{node.name}.max")
            below.outputs[0].name = f"{node.name}.below"
            graph.insert_before(node, [below, within])
            old, new = node.outputs[0], within.outputs[0]
            new.name, new.shape, new.type = old.name, old.shape, old.type
            graph.outputs[list(graph.outputs).index(old)] = new
            graph.remove(node, safe=True)
    made = {value.name: value.producer() for value in graph.outputs}
    for name in reversed(component.over):
        graph.remove(made[name])
        graph.append(made[name])


def check_order(graph, component):
    """Nothing may still want an input that is written over: all that reads it lies before what makes the output."""
    for late, early in component.over.items():
        output = next(value for value in graph.outputs if value.name == late)
        # sizes stay what they were
        readers = {node for value in graph.inputs if value.name == early for node in value.consumers() if node.op_type != "Shape"}
        ahead, found = [output.producer()], set()
        while ahead:
            node = ahead.pop()
            if node is not None and node not in found:
                found.add(node)
                ahead += [value.producer() for value in node.inputs if value is not None]
        if not readers or not readers <= found - {output.producer()}:
            raise AssertionError(f"{component.name}: {late} may be made before {early} was read")


def clean(model, component):
    """Leaves what a runtime needs: no traces of the source, short names that are the same every time."""
    for step in (passes.RemoveUnusedNodesPass(), passes.DeduplicateInitializersPass(size_limit=1 << 40),
                 passes.CommonSubexpressionEliminationPass(), passes.IdentityEliminationPass(),
                 passes.RemoveUnusedNodesPass(), passes.RemoveUnusedFunctionsPass(),
                 passes.RemoveUnusedOpsetsPass()):
        step(model)
    graph = model.graph
    model.producer_name, model.producer_version, model.doc_string = "kinora", None, None
    model.metadata_props.clear()
    graph.name, graph.doc_string = component.name, None
    graph.metadata_props.clear()
    kept = {id(v) for v in [*graph.inputs, *graph.outputs]}
    for i, value in enumerate(list(graph.initializers.values())):
        value.metadata_props.clear()
        value.name = f"w{i}"
    for i, node in enumerate(graph):
        node.metadata_props.clear()
        node.doc_string = None
        node.name = f"n{i}"
        for j, value in enumerate(node.outputs):
            value.metadata_props.clear()
            if id(value) not in kept and value.name:
                value.name = f"v{i}.{j}" if j else f"v{i}"
                value.shape, value.type = None, None  # a runtime infers them
    declare(graph.inputs, component.inputs)
    declare(graph.outputs, component.outputs)
    if "" not in model.opset_imports:
        model.opset_imports[""] = OPSET
    if any(node.domain == "com.microsoft" for node in graph):
        model.opset_imports["com.microsoft"] = 1
    return model


def declare(values, shapes):
    for value, (name, (_, shape)) in zip(values, shapes.items(), strict=True):
        value.metadata_props.clear()
        value.name = name
        value.shape = ir.Shape(shape)


class Data:
    """A file of weights that is written once, whichever graphs use it: equal tensors share their place."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.file = open(os.path.join(folder, name), "wb")
        self.places = {}

    def place(self, tensor):
        """Where the tensor lies, as a tensor that reads from there."""
        array = np.ascontiguousarray(tensor.numpy())
        content = memoryview(array).cast("B")
        key = (str(tensor.dtype), tuple(tensor.shape), hashlib.sha256(content).digest())
        if key not in self.places:
            self.file.write(b"\0" * (-self.file.tell() % ALIGNMENT))
            self.places[key] = self.file.tell()
            self.file.write(content)
        return ir.ExternalTensor(self.name, self.places[key], content.nbytes, tensor.dtype, shape=tensor.shape,
                                 name=tensor.name, base_dir=self.folder)

    def close(self):
        self.file.close()


def save(model, component, data):
    """Writes the graph beside its `data`; gives the bytes of its weights."""
    total = 0
    for value in model.graph.initializers.values():
        tensor = value.const_value
        total += tensor.nbytes
        if tensor.size >= INLINE:
            value.const_value = data.place(tensor)
        else:
            value.const_value = ir.Tensor(tensor.numpy(), name=value.name)
    data.file.flush()
    ir.save(model, os.path.join(data.folder, f"{component.name}.onnx"))
    return total


def session(path, threads=2, profile=None):
    """`profile`: where the times of its nodes go, up to a date that ONNX Runtime adds."""
    options = onnxruntime.SessionOptions()
    if profile:
        options.enable_profiling, options.profile_file_prefix = True, profile
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def compare(component, folder):
    """The largest difference from diffusers, per choice of sizes: absolute, or in deviations where one is above 1."""
    runner = session(os.path.join(folder, f"{component.name}.onnx"))
    names = {i.name for i in runner.get_inputs()}
    worst = []
    for sizes in component.sizes:
        example, expected = component.example(sizes, seed=2)
        got = runner.run(list(component.outputs), {k: v.numpy() for k, v in example.items() if k in names})
        differences = []
        for name, a, b in zip(component.outputs, got, expected, strict=True):
            b = b.numpy()
            if a.shape != b.shape:
                raise AssertionError(f"{component.name}: {name} has shape {a.shape}, diffusers gives {b.shape}")
            differences.append(float(np.abs(a - b).max() / max(1.0, b.std())))
        worst.append(max(differences))
    return worst
