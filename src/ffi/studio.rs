//! The front door.

use std::sync::Arc;

use super::Result;
use super::catalogue::DoctorReport;
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

    /// What works here: a tiny network is tried on every execution provider.
    pub fn doctor(&self) -> Result<DoctorReport> {
        guard(|| Ok(self.studio.runtime().report().into()))
    }
}
