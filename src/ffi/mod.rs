//! The surface for Swift and Kotlin: only conversions, no thoughts of its own.
//!
//! Every export returns a `Result` whose error is [`KinoraError`], and what panics below becomes
//! `internal.panic`: neither language's caller can be brought down from here. The hand-written
//! layers in bindings/ add what is native to each language.

mod catalogue;
mod checkpoints;
mod consent;
mod data;
mod error;
mod job;
mod key_store;
mod log;
mod marking;
mod options;
mod packs;
mod photo;
mod remote;
mod request;
mod retention;
mod safety;
mod signer;
mod sink;
mod studio;
mod transport;

pub use catalogue::{DoctorReport, PromptEntry, PromptSection, ProviderStatus, prompts, version};
pub use checkpoints::{Checkpoint, Checkpoints};
pub use consent::{
    ConsentOverview, ConsentQuestion, ConsentState, DataKind, Destination, Grant, LedgerEntry,
    Notice, NoticeLine,
};
pub use data::{Copies, DataItem, DataKept, RemoteJob, RemoteJobState, VaultEntry, Withdrawal};
pub use error::KinoraError;
pub use job::{
    Clip, ClipSeconds, GenerationJob, GenerationProgress, PackUsed, Preview, ProgressListener,
    ProgressStage,
};
pub use key_store::{KeyStore, check_key_store};
pub use log::{LogLevel, LogRecord, LogSink, set_log_sink};
pub use marking::{
    LayerKind, LayerState, MarkLayer, MarkingOptions, PhotoMarks, WatermarkDetector,
    WatermarkFinding, WatermarkText, verify_file,
};
pub use options::{ExecutionProvider, StudioOptions};
pub use packs::{InstalledPack, PackAcceptance, PackStore, PackTerms, pack_terms};
pub use photo::{Photo, PhotoOrientation};
pub use remote::{
    NoticeTranslation, PayloadPreview, Remote, RemoteChoice, RemoteModel, RemoteOptions,
    RemoteSetting, Rights, Video, notice_texts,
};
pub use request::{ClipOutput, Container, FaceChoice, FaceInPhoto, GenerationRequest};
pub use retention::{KeptClip, KeptClips};
pub use safety::{
    ChannelOrder, CheckedPicture, ClassifierFile, ClassifierOptions, ClassifierScores, ClipCheck,
    ClipReport, ClipReports, NewClipReport, PictureCheck, PictureGate, PictureSide, PictureVerdict,
    ReportCategory, ReportQueue, SafetyOptions,
};
pub use signer::{ManifestSigner, SigningAlgorithm, fresh_signer, own_signer};
pub use sink::{FrameSink, VideoFormat};
pub use studio::{Offer, Preflight, Studio};
pub use transport::{HttpHeader, HttpReply, HttpRequest, HttpTransport, TransportError};

/// What prints of these in Swift and Kotlin is what prints in Rust: no words, no pictures, no faces
/// and no keys.
macro_rules! print_as_in_rust {
    ($($record:ty),+ $(,)?) => {$(
        impl std::fmt::Display for $record {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(self, f)
            }
        }
    )+};
}

print_as_in_rust!(
    CheckedPicture,
    Clip,
    ClipReport,
    FaceInPhoto,
    GenerationRequest,
    HttpHeader,
    NewClipReport,
    PayloadPreview,
    Preview,
);

type Result<T> = std::result::Result<T, KinoraError>;
