//! `kinora doctor`: what works on this machine.

use std::process::ExitCode;

use clap::Args;
use kinora::runtime::{Runtime, RuntimeOptions, Telemetry};
use serde_json::json;

use crate::complain;

#[derive(Args)]
pub(crate) struct Doctor {
    /// One line of JSON.
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub(crate) fn run(self) -> ExitCode {
        let runtime = match Runtime::open(&RuntimeOptions::default()) {
            Ok(runtime) => runtime,
            Err(error) => return complain(&error),
        };
        let report = runtime.report();
        let mut system = sysinfo::System::new();
        system.refresh_memory();
        const MIB: u64 = 1 << 20;
        let (total, free) = (system.total_memory() / MIB, system.available_memory() / MIB);
        let models = if cfg!(feature = "embedded-models") { "embedded" } else { "none embedded" };
        let h264 = if cfg!(feature = "openh264") { "openh264" } else { "none" };
        let telemetry = telemetry(report.telemetry);
        let library = report.library.display().to_string();
        let version = report.version.as_deref().unwrap_or("unknown");
        if self.json {
            let providers: Vec<_> = report
                .providers
                .iter()
                .map(|p| {
                    json!({
                        "execution_provider": p.execution_provider.to_string(),
                        "works": p.works,
                        "problem": p.problem,
                    })
                })
                .collect();
            println!(
                "{}",
                json!({
                    "kinora": env!("CARGO_PKG_VERSION"),
                    "models": models,
                    "h264": h264,
                    "onnxruntime": {
                        "version": version,
                        "library": library,
                        "telemetry": telemetry,
                    },
                    "providers": providers,
                    "threads": report.threads,
                    "memory_mib": {"total": total, "available": free},
                })
            );
            return ExitCode::SUCCESS;
        }
        println!("kinora       {}, models: {models}, H.264: {h264}", env!("CARGO_PKG_VERSION"));
        println!("ONNX Runtime {version}, {library}");
        println!("telemetry    {telemetry}");
        for provider in &report.providers {
            let state = match &provider.problem {
                _ if provider.works => "works".to_owned(),
                Some(problem) => problem.clone(),
                None => "does not work".to_owned(),
            };
            println!("{:<12} {state}", provider.execution_provider.to_string());
        }
        println!("threads      {}", report.threads);
        println!("memory       {free} MiB available of {total} MiB");
        ExitCode::SUCCESS
    }
}

fn telemetry(state: Telemetry) -> &'static str {
    match state {
        Telemetry::Absent => "absent: the library holds no client for it",
        Telemetry::Disabled => "disabled by ORT_DISABLE_TELEMETRY=1",
        _ => "unknown: the library could not be looked into",
    }
}
