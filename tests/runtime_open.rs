//! ONNX Runtime is opened once, from a place that can be named, and never with a telemetry client.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use kinora::ExecutionProvider;
use kinora::runtime::{Runtime, RuntimeOptions, Telemetry};

#[test]
fn a_library_that_is_not_there_is_named_with_the_fix() {
    // Another test may have opened the real one first: then the wrong one is refused for that.
    let error = Runtime::open(&RuntimeOptions::default().library("/nowhere/it.so")).unwrap_err();
    assert!(["runtime.not_found", "runtime.other_library"].contains(&error.code()));
    assert!(error.to_string().contains("/nowhere/it.so"), "{error}");
}

#[test]
fn a_library_with_a_telemetry_client_is_not_loaded() {
    if std::env::var_os("ORT_DISABLE_TELEMETRY").is_some() {
        eprintln!("skipped a_library_with_a_telemetry_client_is_not_loaded: the host allows it");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("libonnxruntime.so");
    std::fs::write(&path, b"\x7fELF ... OneCollector/1.0 ...").unwrap();
    let error = Runtime::open(&RuntimeOptions::default().library(&path)).unwrap_err();
    assert!(["runtime.telemetry", "runtime.other_library"].contains(&error.code()));
}

#[test]
fn the_report_says_what_really_works() {
    let runtime = match Runtime::open(&RuntimeOptions::default().threads(2)) {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("skipped the_report_says_what_really_works: {error}");
            return;
        }
    };
    let report = runtime.report();
    assert_eq!(report.threads, 2);
    assert_ne!(report.telemetry, Telemetry::Unknown);
    assert!(report.library.is_file());
    assert_eq!(report.providers[0].execution_provider, ExecutionProvider::Cpu);
    for provider in &report.providers {
        assert_eq!(provider.works, provider.problem.is_none());
        if !provider.execution_provider.is_compiled_in() {
            assert!(!provider.works, "{}", provider.execution_provider);
        }
    }
    assert!(report.providers[0].works, "{:?}", report.providers[0].problem);
    // The same library again is the same runtime.
    assert!(Runtime::open(&RuntimeOptions::default().library(&report.library)).is_ok());
}
