"""A graph without ONNX Runtime's own operators: each is written out in standard ones.

For execution providers that know only these, CoreML above all. Slower on the CPU.
"""
import numpy as np
import onnx_ir as ir


def rewrite(model):
    graph = model.graph
    for node in list(graph):
        known = {"MultiHeadAttention": attention, "RotaryEmbedding": rotate, "SimplifiedLayerNormalization": rms_norm,
                 "SkipLayerNormalization": skip_layer_norm, "FastGelu": tanh_gelu, "BiasGelu": erf_gelu,
                 "LayerNormalization": layer_norm}.get(node.op_type)
        if known is None:
            continue
        tape = Tape(graph)
        made = known(tape, node)
        if made is None:
            continue
        graph.insert_before(node, tape.nodes)
        for old, new in zip(node.outputs, made):
            if new is None:
                continue
            new.shape, new.type = old.shape, old.type
            old.replace_all_uses_with(new)
            for i, output in enumerate(graph.outputs):
                if output is old:
                    graph.outputs[i] = new
        graph.remove(node, safe=False)


class Tape:
    """Collects nodes; `tape.Add(a, b)` gives the value of a new one."""

    def __init__(self, graph):
        self.graph, self.nodes = graph, []

    def constant(self, array):
        node = ir.node("Constant", [], {"value": ir.tensor(np.asarray(array))})
        self.nodes.append(node)
        return node.outputs[0]

    def __getattr__(self, name):
        def make(*inputs, outputs=1, **attributes):
            inputs = [x if x is None or isinstance(x, ir.Value) else self.constant(x) for x in inputs]
            node = ir.node(name, inputs, attributes, num_outputs=outputs)
            self.nodes.append(node)
            return node.outputs[0] if outputs == 1 else node.outputs
        return make


def longs(*values):
    return np.array(values, np.int64)


def single(value):
    return np.array(value, np.float32)


def attribute(node, name):
    return node.attributes[name].value


def attention(tape, node):
    q, k, v = node.inputs[:3]
    bias = node.inputs[5] if len(node.inputs) > 5 else None
    heads = attribute(node, "num_heads")

    def split(x, order):
        return tape.Transpose(tape.Reshape(x, longs(0, 0, heads, -1)), perm=order)

    q = tape.Mul(split(q, [0, 2, 1, 3]), single(attribute(node, "scale")))
    if len(k.shape) == 4:
        k = tape.Transpose(k, perm=[0, 1, 3, 2])
    else:
        k, v = split(k, [0, 2, 3, 1]), split(v, [0, 2, 1, 3])
    scores = tape.MatMul(q, k)
    if bias is not None:
        scores = tape.Add(scores, bias)
    mixed = tape.MatMul(tape.Softmax(scores, axis=-1), v)
    return [tape.Reshape(tape.Transpose(mixed, perm=[0, 2, 1, 3]), longs(0, 0, -1))]


def rotate(tape, node):
    x, _, cos, sin = node.inputs
    half = int(cos.shape[1])
    pairs = tape.Reshape(x, longs(0, 0, -1, half, 2))
    a, b = (tape.Gather(pairs, np.int64(i), axis=4) for i in range(2))
    cos, sin = (tape.Unsqueeze(t, longs(1)) for t in (cos, sin))
    turned = (tape.Sub(tape.Mul(a, cos), tape.Mul(b, sin)), tape.Add(tape.Mul(a, sin), tape.Mul(b, cos)))
    together = tape.Concat(*(tape.Unsqueeze(t, longs(4)) for t in turned), axis=4)
    return [tape.Reshape(together, longs(0, 0, -1))]


def rms_norm(tape, node):
    x, weight = node.inputs
    square = tape.ReduceMean(tape.Mul(x, x), longs(-1), keepdims=1)
    return [tape.Mul(tape.Div(x, tape.Sqrt(tape.Add(square, single(attribute(node, "epsilon"))))), weight)]


def skip_layer_norm(tape, node):
    x, skip, weight, bias, *added = node.inputs
    total = tape.Add(x, skip)
    if added and added[0] is not None:
        total = tape.Add(total, added[0])
    return [spelled_norm(tape, total, weight, bias, attribute(node, "epsilon")), None, None, total]


def layer_norm(tape, node):
    x, weight, *bias = node.inputs
    if weight.is_initializer():
        return None
    return [spelled_norm(tape, x, weight, bias[0] if bias else None, attribute(node, "epsilon"))]


def spelled_norm(tape, x, weight, bias, eps):
    """The layer norm with weights that may be computed."""
    centred = tape.Sub(x, tape.ReduceMean(x, longs(-1), keepdims=1))
    square = tape.ReduceMean(tape.Mul(centred, centred), longs(-1), keepdims=1)
    out = tape.Mul(tape.Div(centred, tape.Sqrt(tape.Add(square, single(eps)))), weight)
    return out if bias is None else tape.Add(out, bias)


def tanh_gelu(tape, node):
    return [tape.Gelu(tape.Add(*node.inputs), approximate="tanh")]


def erf_gelu(tape, node):
    return [tape.Gelu(tape.Add(*node.inputs))]
