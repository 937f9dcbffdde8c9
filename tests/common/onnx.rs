//! A reader of ONNX files, as far as a test needs it: nodes, names, shapes. The field numbers are
//! those of onnx.proto3 (ONNX 1.23), the wire format is Protocol Buffers' encoding guide.

#![allow(dead_code, reason = "each test file links its own copy and uses its own part")]

/// What a test looks at of a model.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    pub(crate) nodes: Vec<Node>,
    /// Constants by name, with their numbers where these are 64-bit integers.
    pub(crate) initialisers: Vec<(String, Vec<i64>)>,
    pub(crate) inputs: Vec<Value>,
    pub(crate) outputs: Vec<Value>,
    /// Domains and versions; "" is ai.onnx.
    pub(crate) opsets: Vec<(String, i64)>,
}

#[derive(Debug, Default)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) operator: String,
    pub(crate) domain: String,
    pub(crate) inputs: Vec<String>,
    pub(crate) outputs: Vec<String>,
    /// Attributes that are text or integers, both as text.
    pub(crate) attributes: Vec<(String, String)>,
    /// The numbers of a `Constant` of 64-bit integers.
    pub(crate) constant: Vec<i64>,
}

/// An input or output; `None` is a dimension without a number.
#[derive(Debug, Default)]
pub(crate) struct Value {
    pub(crate) name: String,
    pub(crate) shape: Vec<Option<i64>>,
}

enum Field<'b> {
    Number(u64),
    Bytes(&'b [u8]),
    Other,
}

/// Reads a model file.
pub(crate) fn read(model: &[u8]) -> Graph {
    let mut graph = Graph::default();
    for (number, field) in fields(model) {
        match (number, field) {
            (7, Field::Bytes(bytes)) => read_graph(bytes, &mut graph),
            (8, Field::Bytes(bytes)) => {
                let version = numbers(bytes, 2).first().copied().unwrap_or_default();
                graph.opsets.push((text(bytes, 1), version));
            }
            _ => {}
        }
    }
    assert!(!graph.nodes.is_empty(), "no ONNX model");
    graph
}

fn read_graph(bytes: &[u8], graph: &mut Graph) {
    for (number, field) in fields(bytes) {
        let Field::Bytes(bytes) = field else { continue };
        match number {
            1 => graph.nodes.push(read_node(bytes)),
            5 => graph.initialisers.push((text(bytes, 8), integers(bytes))),
            11 => graph.inputs.push(read_value(bytes)),
            12 => graph.outputs.push(read_value(bytes)),
            _ => {}
        }
    }
}

fn read_node(bytes: &[u8]) -> Node {
    let mut node = Node {
        name: text(bytes, 3),
        operator: text(bytes, 4),
        domain: text(bytes, 7),
        inputs: texts(bytes, 1),
        outputs: texts(bytes, 2),
        ..Node::default()
    };
    for attribute in messages(bytes, 5) {
        let name = text(attribute, 1);
        if let Some(tensor) = messages(attribute, 5).first() {
            node.constant = integers(tensor);
        }
        // s (4) is text, i (3) a number.
        let value = messages(attribute, 4).first().map_or_else(
            || numbers(attribute, 3).first().map(i64::to_string).unwrap_or_default(),
            |bytes| String::from_utf8_lossy(bytes).into_owned(),
        );
        node.attributes.push((name, value));
    }
    node
}

/// ValueInfoProto ► TypeProto (2) ► Tensor (1) ► TensorShapeProto (2) ► Dimension (1).
fn read_value(bytes: &[u8]) -> Value {
    let mut at = vec![bytes];
    for number in [2, 1, 2, 1] {
        at = at.into_iter().flat_map(|bytes| messages(bytes, number)).collect();
    }
    Value {
        name: text(bytes, 1),
        shape: at.iter().map(|d| numbers(d, 1).first().copied()).collect(),
    }
}

/// A tensor's numbers where it holds 64-bit integers (data type 7), packed or raw.
fn integers(tensor: &[u8]) -> Vec<i64> {
    if numbers(tensor, 2) != [7] {
        return Vec::new();
    }
    let raw = messages(tensor, 9);
    let raw = raw.iter().flat_map(|bytes| bytes.chunks_exact(8));
    let raw = raw.map(|eight| i64::from_le_bytes(eight.try_into().expect("eight bytes")));
    raw.chain(numbers(tensor, 7)).collect()
}

fn text(bytes: &[u8], number: u64) -> String {
    texts(bytes, number).into_iter().next().unwrap_or_default()
}

fn texts(bytes: &[u8], number: u64) -> Vec<String> {
    let all = messages(bytes, number);
    all.into_iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
}

fn messages(bytes: &[u8], wanted: u64) -> Vec<&[u8]> {
    let all = fields(bytes).into_iter().filter(|(number, _)| *number == wanted);
    all.filter_map(|(_, field)| if let Field::Bytes(bytes) = field { Some(bytes) } else { None })
        .collect()
}

/// Numbers of a field, packed or not.
fn numbers(bytes: &[u8], wanted: u64) -> Vec<i64> {
    let mut all = Vec::new();
    for (number, field) in fields(bytes) {
        match field {
            Field::Number(value) if number == wanted => all.push(value as i64),
            Field::Bytes(mut packed) if number == wanted => {
                while !packed.is_empty() {
                    all.push(varint(&mut packed) as i64);
                }
            }
            _ => {}
        }
    }
    all
}

fn fields(mut bytes: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let field = match key & 7 {
            0 => Field::Number(varint(&mut bytes)),
            1 => skip(&mut bytes, 8),
            2 => {
                let length = varint(&mut bytes) as usize;
                let (own, rest) = bytes.split_at(length);
                bytes = rest;
                Field::Bytes(own)
            }
            5 => skip(&mut bytes, 4),
            other => panic!("wire type {other}: not Protocol Buffers"),
        };
        fields.push((key >> 3, field));
    }
    fields
}

fn skip<'b>(bytes: &mut &'b [u8], count: usize) -> Field<'b> {
    *bytes = &bytes[count..];
    Field::Other
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first().expect("the file ends within a number");
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            break;
        }
    }
    value
}

/// Overwrites every weight that is a floating-point number, single or half precision, with NaN;
/// says how many bytes these are.
pub(crate) fn spoil(model: &mut [u8]) -> usize {
    // Where the weights lie: TensorProto's raw_data (9) of data types 1 and 10.
    let start = model.as_ptr() as usize;
    let mut places = Vec::new();
    for graph in messages(model, 7) {
        for tensor in messages(graph, 5) {
            let nan: &[u8] = match numbers(tensor, 2)[..] {
                [1] => &[0, 0, 0xC0, 0x7F],
                [10] => &[0, 0x7E],
                _ => continue,
            };
            for raw in messages(tensor, 9) {
                places.push((raw.as_ptr() as usize - start, raw.len(), nan.to_vec()));
            }
        }
    }
    for (at, length, nan) in &places {
        model[*at..at + length].chunks_exact_mut(nan.len()).for_each(|n| n.copy_from_slice(nan));
    }
    places.iter().map(|(_, length, _)| length).sum()
}
