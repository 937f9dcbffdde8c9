//! A network made of nothing but matrix products, written byte by byte: it needs no file.

/// A network with input `x`, `size`×`size`, and output `y`: `x` times itself, `layers` times over.
///
/// The message layout is that of `onnx.proto3` (IR version 8, operator set 17).
pub(super) fn model(size: usize, layers: usize) -> Vec<u8> {
    let mut graph = Vec::new();
    for layer in 0..layers {
        let from = if layer == 0 { "x".to_owned() } else { format!("h{layer}") };
        let to = if layer + 1 == layers { "y".to_owned() } else { format!("h{}", layer + 1) };
        let mut node = Vec::new();
        field(&mut node, 1, from.as_bytes());
        field(&mut node, 1, b"x");
        field(&mut node, 2, to.as_bytes());
        field(&mut node, 4, b"MatMul");
        field(&mut graph, 1, &node);
    }
    field(&mut graph, 2, b"probe");
    field(&mut graph, 11, &value_info("x", size));
    field(&mut graph, 12, &value_info("y", size));

    let mut opset = Vec::new();
    number(&mut opset, 2, 17);
    let mut model = Vec::new();
    number(&mut model, 1, 8);
    field(&mut model, 7, &graph);
    field(&mut model, 8, &opset);
    let mut note = Vec::new();
    field(&mut note, 1, b"kinora.probe");
    field(&mut note, 2, b"1");
    field(&mut model, 14, &note);
    model
}

fn value_info(name: &str, size: usize) -> Vec<u8> {
    const FLOAT: u64 = 1;
    let mut dimension = Vec::new();
    number(&mut dimension, 1, size as u64);
    let mut shape = Vec::new();
    field(&mut shape, 1, &dimension);
    field(&mut shape, 1, &dimension);
    let mut tensor = Vec::new();
    number(&mut tensor, 1, FLOAT);
    field(&mut tensor, 2, &shape);
    let mut kind = Vec::new();
    field(&mut kind, 1, &tensor);
    let mut info = Vec::new();
    field(&mut info, 1, name.as_bytes());
    field(&mut info, 2, &kind);
    info
}

fn field(out: &mut Vec<u8>, tag: u64, bytes: &[u8]) {
    varint(out, tag << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn number(out: &mut Vec<u8>, tag: u64, value: u64) {
    varint(out, tag << 3);
    varint(out, value);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
