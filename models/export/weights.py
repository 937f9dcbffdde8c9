"""How weights are kept: as they are, in half precision, or as 8-bit integers.

f16: every larger weight lies in half precision behind a Cast. Inputs, outputs and sums stay f32: the file is half as big,
the time the same; a runtime widens the weights when it loads them.

int8: matrices of linear layers as 8-bit integers with a scale for each block of 32 inputs of an output (MatMulNBits); what
else there is (convolutions, norms, tables) as f16, and all of the autoencoder: its rounding would be seen in every frame.

w8a8: the same but for the denoiser, whose linear layers multiply 8-bit integers: a matrix has a scale for each of its outputs,
and of what goes in every token its own, found anew each time. Rounds more than int8 does, and takes less than half the time.
A scale for all tokens together, as DynamicQuantizeLinear finds it, would lose several times as much: a large value of one
token would set the step of all. What runs once (text, picture) stays as in int8: T5's tokens hold single values that are large.
"""
import numpy as np
import onnx_ir as ir

from .plain import Tape, longs, single

PRECISIONS = ("f32", "f16", "int8", "w8a8")
LEAST = 64  # smaller tensors stay f32
BLOCK = 32
LEVEL = 4  # MatMulNBits' accuracy level: a block of the activations is rounded to 8 bits, too; sums are f32


def store(model, precision, role):
    """`role`: what the component is called."""
    if precision not in PRECISIONS:
        raise ValueError(f"precision {precision}")
    if precision in ("int8", "w8a8") and not role.startswith("vae_"):
        replace_linear(model, by_tokens if precision == "w8a8" and role == "denoiser" else by_blocks)
    if precision != "f32":
        halve(model.graph)


def angles(graph):
    """The weights that sines and cosines are taken of: frequencies, which times and places are multiplied by. They stay as they are,
    for half precision holds a frequency to 0.05 %, and of an angle of a thousand that is half a radian."""
    ahead = [node for node in graph if node.op_type in ("Sin", "Cos")]
    found, exact = set(ahead), set()
    while ahead:
        for value in ahead.pop().inputs:
            if value is not None and value.is_initializer():
                exact.add(value.name)
            elif value is not None and (node := value.producer()) is not None and node not in found:
                found.add(node)
                ahead.append(node)
    return exact


def halve(graph):
    """Every larger f32 weight becomes f16 behind a Cast."""
    casts, exact = [], angles(graph)
    for value in list(graph.initializers.values()):
        tensor = value.const_value
        if tensor.dtype != ir.DataType.FLOAT or tensor.size < LEAST or value.name.endswith(".scales") or value.name in exact:
            continue
        small = tensor.numpy().astype(np.float16)
        if not np.isfinite(small).all():
            continue  # a weight beyond 65504
        name = value.name
        cast = ir.node("Cast", [initializer(graph, f"{name}.half", small)], {"to": int(ir.DataType.FLOAT)}, name=f"{name}.cast")
        cast.outputs[0].name = f"{name}.wide"
        value.replace_all_uses_with(cast.outputs[0])
        del graph.initializers[name]
        casts.append(cast)
    if casts:
        graph.insert_before(next(iter(graph)), casts)


def replace_linear(model, kind):
    """Gemm and MatMul with a constant matrix become what `kind` makes of them, where it makes anything."""
    graph, rounded, exact = model.graph, {}, angles(model.graph)
    for node in list(graph):
        if node.op_type not in ("Gemm", "MatMul") or len(node.inputs) < 2 or node.attributes.get_int("transA", 0):
            continue
        weight = node.inputs[1]
        if weight.name in exact or not weight.is_initializer() or len(weight.const_value.shape) != 2 or weight.const_value.dtype != ir.DataType.FLOAT:
            continue
        matrix = weight.const_value.numpy()  # to be [outputs, inputs]
        if not node.attributes.get_int("transB", 0):
            matrix = matrix.T
        tape = Tape(graph)
        value = kind(tape, node, matrix, rounded)
        if value is None:
            continue
        old = node.outputs[0]
        value.name, value.shape, value.type = old.name, old.shape, old.type
        old.replace_all_uses_with(value, replace_graph_outputs=True)
        graph.insert_before(node, tape.nodes)
        graph.remove(node, safe=True)  # which also lets go of the matrix
        model.opset_imports["com.microsoft"] = 1
    for name, value in list(graph.initializers.items()):
        if not value.uses():
            del graph.initializers[name]


def by_blocks(tape, node, matrix, _):
    outputs, inputs = matrix.shape
    if inputs % BLOCK:
        return None
    blocks = matrix.reshape(outputs, inputs // BLOCK, BLOCK)
    numbers, scales = in_127(blocks, -1)
    weight = node.inputs[1].name
    given = [node.inputs[0], initializer(tape.graph, f"{weight}.blocks", (numbers.astype(np.int16) + 128).astype(np.uint8)),
             initializer(tape.graph, f"{weight}.scales", scales.reshape(-1).astype(np.float32))]
    if len(node.inputs) > 2 and node.inputs[2] is not None:
        given += [None, None, node.inputs[2]]
    attributes = {"K": inputs, "N": outputs, "bits": 8, "block_size": BLOCK, "accuracy_level": LEVEL}
    return own(tape, "MatMulNBits", given, attributes)


def by_tokens(tape, node, matrix, rounded):
    """`rounded`: value → its integers and the tokens' scales; several layers read the same value (queries, keys, values)."""
    x, weight = node.inputs[0], node.inputs[1].name
    inputs = matrix.shape[1]
    if x not in rounded:
        # the largest number of each token without its sign, and no zero
        largest = tape.Max(tape.ReduceMax(x, longs(-1)), tape.Neg(tape.ReduceMin(x, longs(-1))), single(1e-30))
        scales = tape.Mul(largest, single(1 / 127))
        flat = tape.Reshape(scales, longs(-1))
        zeros = tape.Expand(np.array(128, np.uint8), tape.Shape(flat))
        numbers = tape.QuantizeLinear(tape.Reshape(x, longs(-1, inputs)), flat, zeros, axis=0)
        rounded[x] = tape.Reshape(numbers, tape.Shape(x)), scales
    tokens, scales = rounded[x]
    numbers, columns = in_127(matrix, 1)
    # the matrix's zero is said, too: ONNX Runtime aborts without it where it makes a matrix unsigned
    sums = own(tape, "MatMulIntegerToFloat", [
        tokens, initializer(tape.graph, f"{weight}.numbers", numbers.T), tape.constant(single(1)),
        initializer(tape.graph, f"{weight}.scales", columns.reshape(-1).astype(np.float32)),
        tape.constant(np.array(128, np.uint8)), tape.constant(np.array(0, np.int8))])
    product = tape.Mul(sums, scales)
    if len(node.inputs) > 2 and node.inputs[2] is not None:
        product = tape.Add(product, node.inputs[2])
    return product


def in_127(numbers, axis):
    """Integers from -127 to 127, i8, and what they are to be multiplied by: a scale per line along the axis."""
    scales = np.abs(numbers).max(axis, keepdims=True) / 127
    scales[scales == 0] = 1
    return np.round(numbers / scales).astype(np.int8), scales


def own(tape, name, inputs, attributes=None):
    """A node of ONNX Runtime's own."""
    node = ir.node(name, inputs, attributes or {}, domain="com.microsoft")
    tape.nodes.append(node)
    return node.outputs[0]


def initializer(graph, name, array):
    """The initializer of that name, which is made the first time."""
    if name not in graph.initializers:
        tensor = ir.Tensor(np.ascontiguousarray(array), name=name)
        graph.register_initializer(ir.Value(name=name, shape=tensor.shape, type=ir.TensorType(tensor.dtype), const_value=tensor))
    return graph.initializers[name]
