"""How weights are kept: as they are, in half precision, or as 8-bit integers.

f16: every larger weight lies in half precision behind a Cast. Inputs, outputs and sums stay f32: the file is half as big,
the time the same; a runtime widens the weights when it loads them.

int8: matrices of linear layers as 8-bit integers with a scale for each block of 32 inputs of an output (MatMulNBits); what
else there is (convolutions, norms, tables) as f16. A scale for a whole tensor, as MatMulInteger wants it, loses several
times as much, and it rounds a token's values by the largest of all tokens.
"""
import numpy as np
import onnx_ir as ir

LEAST = 64  # smaller tensors stay f32
BLOCK = 32
LEVEL = 4  # MatMulNBits' accuracy level: a block of the activations is rounded to 8 bits, too; sums are f32


def store(model, precision):
    if precision == "int8":
        quantise(model)
    if precision in ("f16", "int8"):
        halve(model.graph)
    elif precision != "f32":
        raise ValueError(f"precision {precision}")


def halve(graph):
    """Every larger f32 weight becomes f16 behind a Cast."""
    casts = []
    for value in list(graph.initializers.values()):
        tensor = value.const_value
        if tensor.dtype != ir.DataType.FLOAT or tensor.size < LEAST or value.name.endswith(".scales"):
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


def quantise(model):
    """Gemm and MatMul with a constant matrix become MatMulNBits."""
    graph = model.graph
    for node in list(graph):
        if node.op_type not in ("Gemm", "MatMul") or len(node.inputs) < 2:
            continue
        weight = node.inputs[1]
        if not weight.is_initializer() or len(weight.const_value.shape) != 2 or weight.const_value.dtype != ir.DataType.FLOAT:
            continue
        matrix = weight.const_value.numpy()  # to be [outputs, inputs]
        if node.op_type == "MatMul":
            matrix = matrix.T
        elif not node.attributes.get_int("transB", 0):
            matrix = matrix.T
        outputs, inputs = matrix.shape
        if inputs % BLOCK or node.op_type == "Gemm" and node.attributes.get_int("transA", 0):
            continue
        blocks = matrix.reshape(outputs, inputs // BLOCK, BLOCK)
        scales = np.abs(blocks).max(-1, keepdims=True) / 127
        scales[scales == 0] = 1
        numbers = (np.round(blocks / scales) + 128).astype(np.uint8)
        new = [node.inputs[0], initializer(graph, f"{weight.name}.blocks", numbers),
               initializer(graph, f"{weight.name}.scales", scales.reshape(-1).astype(np.float32))]
        if len(node.inputs) > 2 and node.inputs[2] is not None:
            new += [None, None, node.inputs[2]]
        attributes = {"K": inputs, "N": outputs, "bits": 8, "block_size": BLOCK, "accuracy_level": LEVEL}
        made = ir.node("MatMulNBits", new, attributes, domain="com.microsoft", name=node.name)
        made.outputs[0].name = node.outputs[0].name
        node.outputs[0].replace_all_uses_with(made.outputs[0])
        for i, output in enumerate(graph.outputs):
            if output is node.outputs[0]:
                made.outputs[0].shape, made.outputs[0].type = output.shape, output.type
                graph.outputs[i] = made.outputs[0]
        graph.insert_before(node, made)
        graph.remove(node, safe=False)
        model.opset_imports["com.microsoft"] = 1
    for name, value in list(graph.initializers.items()):
        if not value.uses():
            del graph.initializers[name]


def initializer(graph, name, array):
    """The initializer of that name, which is made the first time."""
    if name not in graph.initializers:
        tensor = ir.Tensor(np.ascontiguousarray(array), name=name)
        graph.register_initializer(ir.Value(name=name, shape=tensor.shape, type=ir.TensorType(tensor.dtype), const_value=tensor))
    return graph.initializers[name]
