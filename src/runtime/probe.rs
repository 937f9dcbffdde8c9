//! A network made of nothing but matrix products, written byte by byte: it needs no file.

use super::onnx::{write_bytes, write_number};

/// A network with input `x`, `size`×`size`, and output `y`: `x` times itself, `layers` times over.
///
/// The message layout is that of `onnx.proto3` (IR version 8, operator set 17).
pub(super) fn model(size: usize, layers: usize) -> Vec<u8> {
    let mut graph = Vec::new();
    for layer in 0..layers {
        let from = if layer == 0 { "x".to_owned() } else { format!("h{layer}") };
        let to = if layer + 1 == layers { "y".to_owned() } else { format!("h{}", layer + 1) };
        let mut node = Vec::new();
        write_bytes(1, from.as_bytes(), &mut node);
        write_bytes(1, b"x", &mut node);
        write_bytes(2, to.as_bytes(), &mut node);
        write_bytes(4, b"MatMul", &mut node);
        write_bytes(1, &node, &mut graph);
    }
    write_bytes(2, b"probe", &mut graph);
    write_bytes(11, &value_info("x", size), &mut graph);
    write_bytes(12, &value_info("y", size), &mut graph);

    let mut opset = Vec::new();
    write_number(2, 17, &mut opset);
    let mut model = Vec::new();
    write_number(1, 8, &mut model);
    write_bytes(7, &graph, &mut model);
    write_bytes(8, &opset, &mut model);
    let mut note = Vec::new();
    write_bytes(1, b"kinora.probe", &mut note);
    write_bytes(2, b"1", &mut note);
    write_bytes(14, &note, &mut model);
    model
}

fn value_info(name: &str, size: usize) -> Vec<u8> {
    const FLOAT: u64 = 1;
    let mut dimension = Vec::new();
    write_number(1, size as u64, &mut dimension);
    let mut shape = Vec::new();
    write_bytes(1, &dimension, &mut shape);
    write_bytes(1, &dimension, &mut shape);
    let mut tensor = Vec::new();
    write_number(1, FLOAT, &mut tensor);
    write_bytes(2, &shape, &mut tensor);
    let mut kind = Vec::new();
    write_bytes(1, &tensor, &mut kind);
    let mut info = Vec::new();
    write_bytes(1, name.as_bytes(), &mut info);
    write_bytes(2, &kind, &mut info);
    info
}
