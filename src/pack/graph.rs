//! ONNX graphs of packs, as far as they name other files: a graph may say which file its weights lie
//! in, and that has to be its own.

use super::manifest::LARGEST_TENSOR;
use super::members::Span;
use super::refuse;
use crate::error::{Error, Result};
use crate::runtime::onnx::{Content, Fields, Malformed, write_bytes};

/// Graphs within graphs, at most.
const DEEPEST: usize = 12;

/// Where a graph's weights lie.
pub(super) struct Weights<'a> {
    /// The name that the graph has to use.
    pub(super) name: &'a str,
    /// The file that really holds them, in the graph's folder.
    pub(super) file: &'a str,
    /// The part of that file.
    pub(super) span: Span,
}

/// The graph with its weights where they really lie.
///
/// # Errors
/// `pack.graph` for what is no graph, or weights outside the file; `pack.path` for weights in any
/// other file; `pack.too_large` for tensors beyond any model's.
pub(super) fn placed(graph: &[u8], weights: Option<&Weights<'_>>) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(graph.len() + 4096);
    rewrite(Message::Model, graph, weights, &mut out, 0)?;
    Ok(out)
}

/// The messages in which a tensor can lie.
#[derive(Clone, Copy)]
enum Message {
    Model,
    Graph,
    Function,
    Node,
    Attribute,
    Sparse,
    Tensor,
}

impl Message {
    /// What a field of it holds, where that can hold a tensor.
    fn field(self, number: u64) -> Option<Self> {
        match (self, number) {
            (Self::Model, 7) => Some(Self::Graph),
            (Self::Model, 25) => Some(Self::Function),
            (Self::Graph, 1) | (Self::Function, 7) => Some(Self::Node),
            (Self::Graph, 5) | (Self::Sparse, 1 | 2) => Some(Self::Tensor),
            (Self::Graph, 15) => Some(Self::Sparse),
            (Self::Function, 11) | (Self::Node, 5) => Some(Self::Attribute),
            (Self::Attribute, 5 | 10) => Some(Self::Tensor),
            (Self::Attribute, 6 | 11) => Some(Self::Graph),
            (Self::Attribute, 22 | 23) => Some(Self::Sparse),
            _ => None,
        }
    }
}

fn rewrite(
    message: Message,
    bytes: &[u8],
    weights: Option<&Weights<'_>>,
    out: &mut Vec<u8>,
    depth: usize,
) -> Result<()> {
    if depth > DEEPEST {
        return Err(no_graph());
    }
    if let Message::Tensor = message {
        return rewrite_tensor(bytes, weights, out);
    }
    let mut fields = Fields(bytes);
    while let Some(field) = fields.next()? {
        match (message.field(field.number), field.content) {
            (Some(inner), Content::Bytes(content)) => {
                let mut changed = Vec::with_capacity(content.len() + 64);
                rewrite(inner, content, weights, &mut changed, depth + 1)?;
                write_bytes(field.number, &changed, out);
            }
            _ => out.extend_from_slice(field.whole),
        }
    }
    Ok(())
}

/// TensorProto: dims 1, data_type 2, external_data 13.
fn rewrite_tensor(bytes: &[u8], weights: Option<&Weights<'_>>, out: &mut Vec<u8>) -> Result<()> {
    let mut elements = Some(1u64);
    let mut kind = 0;
    let mut external = External::default();
    let mut fields = Fields(bytes);
    while let Some(field) = fields.next()? {
        match (field.number, field.content) {
            (1, Content::Number(size)) => elements = times(elements, size),
            (1, Content::Bytes(packed)) => {
                let mut sizes = Fields(packed);
                while !sizes.0.is_empty() {
                    elements = times(elements, sizes.number()?);
                }
            }
            (2, Content::Number(number)) => kind = number,
            (13, Content::Bytes(entry)) => {
                external.add(entry)?;
                continue;
            }
            _ => {}
        }
        out.extend_from_slice(field.whole);
    }
    let Some(elements) = elements.filter(|elements| *elements <= LARGEST_TENSOR) else {
        return Err(refuse(
            "pack.too_large",
            "a graph of the pack has a tensor that is larger than any model's: export the pack anew",
        ));
    };
    if !external.is_there {
        return Ok(());
    }
    let Some(weights) = weights.filter(|weights| external.location == weights.name) else {
        return Err(refuse(
            "pack.path",
            format!(
                "a graph of the pack wants weights out of {:?}, which is not its own file: do not use this pack",
                external.location
            ),
        ));
    };
    let length = bits(kind).and_then(|bits| Some(elements.checked_mul(bits)?.div_ceil(8)));
    let end = length.and_then(|length| external.offset.checked_add(length));
    let (Some(length), Some(end)) = (length, end) else { return Err(no_graph()) };
    if external.length.is_some_and(|told| told != length) || end > weights.span.size {
        return Err(refuse(
            "pack.graph",
            "a graph of the pack wants weights beyond its file: copy or download the pack again",
        ));
    }
    for (key, value) in [
        ("location", weights.file.to_owned()),
        ("offset", (weights.span.offset + external.offset).to_string()),
        ("length", length.to_string()),
    ] {
        let mut entry = Vec::new();
        write_bytes(1, key.as_bytes(), &mut entry);
        write_bytes(2, value.as_bytes(), &mut entry);
        write_bytes(13, &entry, out);
    }
    Ok(())
}

/// What StringStringEntryProtos say about where a tensor lies.
#[derive(Default)]
struct External {
    is_there: bool,
    location: String,
    offset: u64,
    length: Option<u64>,
}

impl External {
    fn add(&mut self, entry: &[u8]) -> Result<()> {
        self.is_there = true;
        let (mut key, mut value) = ("", "");
        let mut fields = Fields(entry);
        while let Some(field) = fields.next()? {
            let Content::Bytes(content) = field.content else { continue };
            let text = std::str::from_utf8(content).map_err(|_| no_graph())?;
            match field.number {
                1 => key = text,
                2 => value = text,
                _ => {}
            }
        }
        let number = || value.parse::<u64>().map_err(|_| no_graph());
        match key {
            "location" => value.clone_into(&mut self.location),
            "offset" => self.offset = number()?,
            "length" => self.length = Some(number()?),
            // The whole file's digest is checked; SHA-1 of parts of it says nothing more.
            _ => {}
        }
        Ok(())
    }
}

fn times(elements: Option<u64>, size: u64) -> Option<u64> {
    // A negative size is a large one here.
    elements?.checked_mul(size)
}

/// Bits of an element (TensorProto.DataType).
fn bits(kind: u64) -> Option<u64> {
    match kind {
        11 | 7 | 13 => Some(64),
        1 | 6 | 12 => Some(32),
        4 | 5 | 10 | 16 => Some(16),
        2 | 3 | 9 | 17..=20 => Some(8),
        21 | 22 => Some(4),
        _ => None,
    }
}

impl From<Malformed> for Error {
    fn from(_: Malformed) -> Self {
        no_graph()
    }
}

fn no_graph() -> Error {
    refuse("pack.graph", "a graph of the pack is no ONNX model: copy or download the pack again")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::onnx::write_number;

    /// A model with one initializer of `sizes` in a file `location`.
    fn model(sizes: &[u64], location: &str, offset: &str) -> Vec<u8> {
        let mut tensor = Vec::new();
        for size in sizes {
            write_number(1, *size, &mut tensor);
        }
        write_number(2, 1, &mut tensor);
        for (key, value) in [("location", location), ("offset", offset)] {
            let mut entry = Vec::new();
            write_bytes(1, key.as_bytes(), &mut entry);
            write_bytes(2, value.as_bytes(), &mut entry);
            write_bytes(13, &entry, &mut tensor);
        }
        let (mut graph, mut model) = (Vec::new(), Vec::new());
        write_bytes(5, &tensor, &mut graph);
        write_bytes(7, &graph, &mut model);
        model
    }

    fn code(model: &[u8], size: u64) -> &'static str {
        let span = Span { offset: 8192, size };
        let weights = Weights { name: "w.data", file: "one.kinora-pack", span };
        placed(model, Some(&weights)).map_or_else(|error| error.code(), |_| "placed")
    }

    #[test]
    fn weights_are_looked_for_where_they_lie() {
        let whole = model(&[3, 5], "w.data", "64");
        assert_eq!(code(&whole, 124), "placed");
        let span = Span { offset: 8192, size: 124 };
        let weights = Weights { name: "w.data", file: "one.kinora-pack", span };
        let text = String::from_utf8_lossy(&placed(&whole, Some(&weights)).unwrap()).into_owned();
        assert!(
            text.contains("one.kinora-pack") && text.contains("8256") && !text.contains("w.data")
        );
    }

    #[test]
    fn other_files_and_impossible_sizes_are_refused() {
        for location in ["../w.data", "/etc/passwd", "other.data", ""] {
            assert_eq!(code(&model(&[3, 5], location, "0"), 1000), "pack.path", "{location}");
        }
        assert_eq!(code(&model(&[3, 5], "w.data", "64"), 123), "pack.graph");
        assert_eq!(code(&model(&[3, 5], "w.data", "18446744073709551615"), 1000), "pack.graph");
        assert_eq!(code(&model(&[3, 5], "w.data", "-1"), 1000), "pack.graph");
        assert_eq!(code(&model(&[1 << 20, 1 << 20], "w.data", "0"), 1000), "pack.too_large");
        assert_eq!(code(&model(&[u64::MAX], "w.data", "0"), 1000), "pack.too_large");
        assert_eq!(placed(&model(&[1], "w.data", "0"), None).unwrap_err().code(), "pack.path");
    }

    #[test]
    fn what_is_no_graph_is_refused() {
        let whole = model(&[3, 5], "w.data", "0");
        for end in 1..whole.len() {
            assert_ne!(code(&whole[..end], 1000), "placed", "{end}");
        }
    }
}
