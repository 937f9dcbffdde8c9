//! Promise: the models run on the phones' execution providers. Every shape has numbers, and every
//! operator is one that ONNX Runtime documents for CoreML (MLProgram) and for WebGPU; what XNNPACK,
//! which knows only the heavy ones, leaves to the CPU is known.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "common/onnx.rs"]
mod onnx;

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use onnx::{Graph, Node};

const MODELS: [&str; 4] =
    ["face_detector.onnx", "face_points.onnx", "perception.onnx", "motion.onnx"];

/// ONNX Runtime 1.28.0, CoreML as MLProgram: `tools/mobile_helpers/coreml_supported_mlprogram_ops.md`
/// of the Python package, and the builders of its macOS library.
const COREML: &str = "Add And ArgMax AveragePool Cast Clip Concat Conv ConvTranspose Cos \
    DepthToSpace Ceil Div Elu Erf Exp GatherND Gemm Gelu GlobalAveragePool GlobalMaxPool \
    GridSample GroupNormalization HardSigmoid Identity InstanceNormalization LayerNormalization \
    LeakyRelu MatMul MaxPool Max Mul Pow PRelu Reciprocal ReduceSum ReduceMean ReduceMax Relu \
    Reshape Resize Round Shape Sin Slice Softplus Split Sub Sigmoid Softmax Sqrt Squeeze Tanh Tile \
    Transpose Unsqueeze Where";

/// WebGPU: `docs/webgpu-operators.md` of onnxruntime-web 1.27.0 (1.28 was not published there).
/// Without Shape, which the table has with "no GPU kernel".
const WEBGPU: &str = "Abs Acos Acosh Add ArgMax ArgMin Asin Asinh Atan Atanh AveragePool \
    BatchNormalization Cast Ceil Clip Concat Conv ConvTranspose Cos Cosh CumSum DepthToSpace \
    DequantizeLinear Div Einsum Elu Equal Erf Exp Expand Flatten Floor Gather GatherElements \
    GatherND Gelu Gemm GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual GridSample \
    HardSigmoid If InstanceNormalization LayerNormalization LeakyRelu Less LessOrEqual Log MatMul \
    MaxPool Mul Neg Not Pad Pow Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp \
    ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize \
    ScatterND Sigmoid Sin Sinh Slice Softmax Split Sqrt Squeeze Sub Tan Tanh ThresholdedRelu Tile \
    Transpose Unsqueeze Where";

/// XNNPACK: the page "XNNPACK Execution Provider" of onnxruntime.ai, which names no newer release
/// than 1.14 (Relu and Clip are fused into the convolution before them).
const XNNPACK: &str = "AveragePool Conv ConvTranspose MaxPool Softmax Resize Gemm MatMul Relu Clip";

/// What XNNPACK leaves to the CPU, which is its neighbour in memory: light work between heavy one.
const BESIDE_XNNPACK: &str = "Add Concat Div Erf Exp LayerNormalization Mul Pow ReduceMean \
    ReduceSum Reshape Sigmoid Slice Split Sqrt Sub Tanh Transpose Unsqueeze";

fn model(name: &str) -> Graph {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(name);
    onnx::read(&fs::read(path).expect("the models lie in models/"))
}

fn list(words: &str) -> BTreeSet<&str> {
    words.split_whitespace().collect()
}

/// The nodes that are left when what only depends on constants has been folded at load, and what
/// is constant.
fn folded(graph: &Graph) -> (Vec<&Node>, HashMap<&str, &[i64]>) {
    let mut constants: HashMap<&str, &[i64]> =
        graph.initialisers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    let mut left = Vec::new();
    // The nodes of a model are in topological order.
    for node in &graph.nodes {
        let known = |name: &String| name.is_empty() || constants.contains_key(name.as_str());
        if node.inputs.iter().all(known) {
            for output in &node.outputs {
                constants.insert(output, &node.constant);
            }
        } else {
            left.push(node);
        }
    }
    (left, constants)
}

/// Notes of the CoreML list on operators that it knows only in part.
fn in_part(node: &Node, constants: &HashMap<&str, &[i64]>) -> Option<String> {
    let constant = |input: usize| match node.inputs.get(input) {
        Some(name) => name.is_empty() || constants.contains_key(name.as_str()),
        None => true,
    };
    let attribute = |name: &str| node.attributes.iter().find(|(n, _)| n == name).map(|(_, v)| &**v);
    let unless = |fine: bool, why: &str| (!fine).then(|| why.to_owned());
    match node.operator.as_str() {
        "Conv" => unless(constant(1) && constant(2), "weights and bias must be constant"),
        "Gemm" => unless(constant(1), "input B must be constant"),
        "Slice" => {
            let steps = node.inputs.get(4).and_then(|name| constants.get(name.as_str()));
            let forward = steps.is_none_or(|steps| steps.iter().all(|step| *step > 0));
            let known = (1..5).all(constant);
            unless(known, "starts, ends, axes and steps must be constant")
                .or_else(|| unless(forward, "a step goes backwards"))
        }
        "Split" => unless(constant(1), "splits must be constant"),
        "Reshape" => unless(constant(1), "the shape must be constant"),
        "Resize" => {
            let mode = attribute("mode").unwrap_or("nearest");
            let grid = attribute("coordinate_transformation_mode").unwrap_or("half_pixel");
            let fine = matches!(
                (mode, grid),
                ("nearest", "asymmetric")
                    | ("linear", "half_pixel" | "asymmetric" | "align_corners")
            );
            unless(fine && (1..4).all(constant), &format!("{mode} on {grid} is not for it"))
        }
        _ => None,
    }
}

#[test]
fn every_shape_has_numbers() {
    let mut open = Vec::new();
    for name in MODELS {
        let graph = model(name);
        for value in graph.inputs.iter().chain(&graph.outputs) {
            assert!(!value.shape.is_empty(), "{name}: `{}` has no shape", value.name);
            if value.shape.iter().any(|side| side.is_none_or(|side| side <= 0)) {
                open.push(format!("{name}: `{}` is {:?}", value.name, value.shape));
            }
        }
    }
    assert!(open.is_empty(), "dimensions without a number:\n{}", open.join("\n"));
}

#[test]
fn coreml_and_webgpu_run_every_node() {
    let (coreml, webgpu) = (list(COREML), list(WEBGPU));
    let mut fallen = Vec::new();
    for name in MODELS {
        let graph = model(name);
        for (domain, version) in &graph.opsets {
            assert!(domain.is_empty() && (13..=20).contains(version), "{name}: {domain} {version}");
        }
        let (nodes, constants) = folded(&graph);
        assert!(nodes.len() > 20, "{name}: {} nodes are left", nodes.len());
        for node in nodes {
            let operator = node.operator.as_str();
            let mut fall = |to: &str, why: &str| {
                fallen.push(format!("{name}: {operator} `{}` is not for {to}: {why}", node.name));
            };
            if !node.domain.is_empty() || !coreml.contains(operator) {
                fall("CoreML", "not in its list");
            } else if let Some(why) = in_part(node, &constants) {
                fall("CoreML", &why);
            }
            if !node.domain.is_empty() || !webgpu.contains(operator) {
                fall("WebGPU", "not in its list");
            }
        }
    }
    assert!(fallen.is_empty(), "these would run on the CPU:\n{}", fallen.join("\n"));
}

#[test]
fn what_xnnpack_leaves_to_the_cpu_is_known() {
    let (xnnpack, beside) = (list(XNNPACK), list(BESIDE_XNNPACK));
    for name in MODELS {
        let graph = model(name);
        let (nodes, _) = folded(&graph);
        let (own, left): (Vec<&Node>, Vec<&Node>) =
            nodes.iter().partition(|node| xnnpack.contains(node.operator.as_str()));
        let operators: BTreeSet<&str> = left.iter().map(|node| node.operator.as_str()).collect();
        eprintln!("{name}: XNNPACK {} nodes, CPU {}: {operators:?}", own.len(), left.len());
        let surprises: Vec<_> = operators.difference(&beside).collect();
        assert!(surprises.is_empty(), "{name}: also on the CPU: {surprises:?}");
        assert!(own.len() > 10, "{name}: XNNPACK would run {} nodes", own.len());
    }
}

#[test]
fn the_reader_reads_what_the_runtime_reads() {
    let graph = model("perception.onnx");
    let shape = |value: &onnx::Value| value.shape.iter().map(|d| d.unwrap()).collect::<Vec<_>>();
    assert_eq!(
        (graph.inputs[0].name.as_str(), shape(&graph.inputs[0])),
        ("image", vec![1, 3, 256, 256])
    );
    assert_eq!(
        (graph.outputs[0].name.as_str(), shape(&graph.outputs[0])),
        ("maps", vec![1, 7, 64, 64])
    );
    // Each weight of the networks is stored once, by name.
    let names: BTreeSet<_> = graph.initialisers.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), graph.initialisers.len());
    let convolution = graph.nodes.iter().find(|node| node.operator == "Conv").unwrap();
    assert!(convolution.inputs.len() >= 2 && convolution.outputs.len() == 1);
}
