//! The front door.

use std::sync::Arc;

use super::Result;
use super::catalogue::DoctorReport;
use super::data::DataKept;
use super::error::guard;
use super::job::{Clip, GenerationJob, ProgressListener};
use super::marking::{LayerKind, MarkingOptions};
use super::options::StudioOptions;
use super::photo::Photo;
use super::remote::PayloadPreview;
use super::request::{ClipOutput, FaceInPhoto, GenerationRequest};
use crate::studio::{self, Maker};

/// Everything that is opened once: ONNX Runtime, the networks, the threads. One studio serves many
/// jobs at a time, from any thread. Nothing in it opens a network connection: remote jobs go through
/// the app's own transport, under a consent.
#[derive(Debug, uniffi::Object)]
pub struct Studio {
    studio: crate::Studio,
}

#[uniffi::export]
impl Studio {
    /// Opens ONNX Runtime and the networks; takes a tenth of a second or two, so not on the main
    /// thread.
    ///
    /// Fails with `runtime.…` when ONNX Runtime is not found or refused, `model.…` when a network
    /// or classifier does not fit, `safety.hash_list` for a list that cannot be read.
    #[uniffi::constructor]
    pub fn open(options: StudioOptions) -> Result<Arc<Self>> {
        guard(|| Ok(Arc::new(Self { studio: crate::Studio::open(options.into_core()?)? })))
    }

    /// Starts a job and returns at once; `listener` hears how far it is.
    ///
    /// Fails with `request.…` when the request is out of range, `safety.…` when the prompt is
    /// refused. What goes wrong later comes out of
    /// `GenerationJob.clip`.
    pub fn start(
        &self,
        request: GenerationRequest,
        listener: Option<Arc<dyn ProgressListener>>,
    ) -> Result<Arc<GenerationJob>> {
        guard(|| GenerationJob::watch(self.studio.generate(request.into_core()?)?, listener))
    }

    /// What a remote model would be sent for `request`, byte for byte. Nothing is sent; the same
    /// request then sends exactly this, unless something else was sent in between.
    #[uniffi::method(default(region = None))]
    pub fn preview(
        &self,
        request: GenerationRequest,
        model: String,
        region: Option<String>,
    ) -> Result<PayloadPreview> {
        guard(|| {
            let payload = self.studio.preview(request.into_core()?, &model, region.as_deref())?;
            Ok((&payload).into())
        })
    }

    /// Goes on with a remote job that was begun before, also before a restart; it is never sent
    /// again. `output`: an MP4 file, or its bytes.
    pub fn resume(
        &self,
        job_id: String,
        output: ClipOutput,
        listener: Option<Arc<dyn ProgressListener>>,
    ) -> Result<Arc<GenerationJob>> {
        guard(|| GenerationJob::watch(self.studio.resume(&job_id, output.into())?, listener))
    }

    /// What a job of a pack would take: its peak of memory, and its time. The first time for a pack a
    /// small clip is made for the clock: not on the main thread. `start` refuses a job that does not
    /// fit, with the same numbers, as `request.memory`.
    ///
    /// Fails as `start`; with `request.model` for a request that no pack would make.
    pub fn preflight(&self, request: GenerationRequest) -> Result<Preflight> {
        guard(|| Ok(self.studio.preflight(&request.into_core()?)?.into()))
    }

    /// Goes on with a job of a pack whose app ended, from the last denoise step that was done; the clip
    /// is, byte for byte, the one that the job would have made. `marking`: what the request said, if it
    /// did. The key store may ask the person to unlock it.
    ///
    /// Fails with `checkpoint.…` for one that is not there, damaged, running, or of another version of
    /// its pack.
    #[uniffi::method(default(marking = None))]
    pub fn resume_clip(
        &self,
        checkpoint_id: String,
        output: ClipOutput,
        listener: Option<Arc<dyn ProgressListener>>,
        marking: Option<MarkingOptions>,
    ) -> Result<Arc<GenerationJob>> {
        guard(|| {
            let marking = marking.map(MarkingOptions::into_core).transpose()?;
            let job = self.studio.resume_clip(&checkpoint_id, output.into(), marking)?;
            GenerationJob::watch(job, listener)
        })
    }

    /// Marks a file that the device's own encoder has written out of a sink's frames for `clip`, as
    /// the studio marks its own files; says which layers the file has then. The watermark is in the
    /// frames already. `marking`: what the request said, if it did.
    ///
    /// Fails with `marking.…` for a file that is no clip, `output.…` where it cannot be written.
    #[uniffi::method(default(marking = None))]
    pub fn sign_file(
        &self,
        path: String,
        clip: Clip,
        marking: Option<MarkingOptions>,
    ) -> Result<Vec<LayerKind>> {
        guard(|| {
            let marking = marking.map(MarkingOptions::into_core).transpose()?;
            let watermarked = clip.marks.contains(&LayerKind::Watermark);
            let photo = clip.photo_marks.into();
            let pack = clip.pack.map(studio::PackUsed::from);
            let maker = Maker::of(clip.remote_model.as_deref(), pack.as_ref());
            let marking = marking.as_ref();
            let layers =
                self.studio.sign_file(marking, maker, photo, watermarked, path.as_ref())?;
            Ok(layers.into_iter().map(Into::into).collect())
        })
    }

    /// The faces of a photo, largest first, for a picker. Takes some 20 milliseconds.
    pub fn faces(&self, photo: Arc<Photo>) -> Result<Vec<FaceInPhoto>> {
        guard(|| {
            let faces = self.studio.faces(&photo.photo)?;
            Ok(faces.iter().enumerate().map(|(i, face)| FaceInPhoto::of(i, face)).collect())
        })
    }

    /// What is held on this device: by the remote side, and as checkpoints of packs' jobs.
    pub fn data(&self) -> Result<DataKept> {
        guard(|| Ok(self.studio.data()?.into()))
    }

    /// What works here: a tiny network is tried on every execution provider.
    pub fn doctor(&self) -> Result<DoctorReport> {
        guard(|| Ok(self.studio.runtime().report().into()))
    }
}

/// What a job of a pack would take.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct Preflight {
    /// Width of the clip in pixels.
    pub width: u32,
    /// Height of the clip in pixels.
    pub height: u32,
    /// Frames of the clip.
    pub frames: u32,
    /// Whether the job fits, as far as that is known.
    pub fits: bool,
    /// Bytes at the peak, beside what the app has already; empty for a pack that nobody has measured.
    pub peak_bytes: Option<u64>,
    /// Bytes that the app can still take; empty where neither the system nor the studio's options say
    /// it.
    pub available_bytes: Option<u64>,
    /// Seconds from start to end; empty for a pack that nobody has measured.
    pub seconds: Option<f64>,
    /// What would fit, the nearest first, where this does not.
    pub offers: Vec<Offer>,
}

/// A change that makes a request fit.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct Offer {
    /// Whether frames are decoded in strips.
    pub tiled: bool,
    /// The longer side in pixels.
    pub long_side: u32,
    /// The length in seconds.
    pub seconds: f32,
    /// Bytes at the peak then.
    pub peak_bytes: u64,
}

impl From<studio::Preflight> for Preflight {
    fn from(told: studio::Preflight) -> Self {
        let [width, height, frames] = told.size;
        let fits = told.fits();
        let offers = told.offers.into_iter().map(|offer| Offer {
            tiled: offer.tiled,
            long_side: offer.long_side,
            seconds: offer.seconds,
            peak_bytes: offer.peak_bytes,
        });
        Self {
            width,
            height,
            frames,
            fits,
            peak_bytes: told.peak_bytes,
            available_bytes: told.available_bytes,
            seconds: told.seconds,
            offers: offers.collect(),
        }
    }
}
