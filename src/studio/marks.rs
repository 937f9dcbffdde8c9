//! Where a job's frames and files get their marks.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

#[cfg(feature = "uniffi")]
use super::Studio;
use super::job::{Clip, PackUsed};
use crate::clip::{Finish, Finishing, Frame, Target};
use crate::error::Result;
use crate::marking::watermark::{Embedder, WatermarkModel, WatermarkPayload};
use crate::marking::{Day, FileMarks, LayerKind, Marking, Statement};
use crate::photo::PhotoMarks;

/// The default model, as marks name it.
const MODEL: &str = "kinora/motion";
/// Its version (models/MODEL_CARD.md).
const MODEL_VERSION: &str = "2";

/// Which model made a clip.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Maker<'a> {
    Default,
    /// A provider's, by its id.
    Remote(&'a str),
    Pack(&'a PackUsed),
}

impl<'a> Maker<'a> {
    /// By what a clip remembers of it.
    pub(crate) fn of(remote_model: Option<&'a str>, pack: Option<&'a PackUsed>) -> Self {
        match (remote_model, pack) {
            (Some(model), _) => Self::Remote(model),
            (None, Some(pack)) => Self::Pack(pack),
            (None, None) => Self::Default,
        }
    }
}

impl Clip {
    /// Marks a file that the device's own encoder has written out of a sink's frames, as the job would
    /// have marked a file of its own. Says which layers the file has then; the watermark is in the
    /// frames already.
    ///
    /// # Errors
    /// As [`FileMarks::sign_file`].
    pub fn sign_file(&self, path: impl AsRef<Path>) -> Result<Vec<LayerKind>> {
        let watermarked = self.marks.contains(&LayerKind::Watermark);
        let maker = Maker::of(self.remote_model.as_deref(), self.pack.as_ref());
        let statement = statement(&self.marking, maker, self.photo_marks);
        sign(&self.marking, statement.watermarked(watermarked), path.as_ref())
    }
}

#[cfg(feature = "uniffi")]
impl Studio {
    /// [`Clip::sign_file`] for a clip that has crossed to another language, and left its marking here.
    pub(crate) fn sign_file(
        &self,
        marking: Option<&Marking>,
        maker: Maker<'_>,
        photo: PhotoMarks,
        watermarked: bool,
        path: &Path,
    ) -> Result<Vec<LayerKind>> {
        let marking = marking.unwrap_or(&self.shared.marking);
        sign(marking, statement(marking, maker, photo).watermarked(watermarked), path)
    }
}

fn sign(marking: &Marking, statement: Statement, path: &Path) -> Result<Vec<LayerKind>> {
    if !marking.in_file {
        return Ok(Vec::new());
    }
    file_marks(marking, statement).sign_file(path)
}

/// The marks of one job.
pub(super) struct ClipMarks {
    embedder: Option<Embedder>,
    file: Option<FileMarks>,
    written: Arc<Mutex<Vec<LayerKind>>>,
    lenient: bool,
}

impl ClipMarks {
    /// For a clip of the default model.
    pub(super) fn of_default(marking: &Marking, photo: PhotoMarks) -> Self {
        Self::of_frames(marking, Maker::Default, WatermarkModel::Motion, photo)
    }

    /// For a clip of a pack.
    pub(super) fn of_pack(marking: &Marking, pack: &PackUsed, photo: PhotoMarks) -> Self {
        Self::of_frames(marking, Maker::Pack(pack), WatermarkModel::of_pack(&pack.id), photo)
    }

    fn of_frames(
        marking: &Marking,
        maker: Maker<'_>,
        model: WatermarkModel,
        photo: PhotoMarks,
    ) -> Self {
        let statement = statement(marking, maker, photo);
        let embedder = marking.watermark.then(|| {
            let source_marked = !photo.is_empty();
            Embedder::new(&WatermarkPayload { model, day: statement.day, source_marked })
        });
        Self::new(marking, statement, embedder, false)
    }

    /// For a remote model's clip, which comes encoded: its frames stay as they are, and what cannot be
    /// marked was paid for all the same.
    #[cfg(feature = "remote")]
    pub(super) fn of_remote(marking: &Marking, model: &str, photo: PhotoMarks) -> Self {
        Self::new(marking, statement(marking, Maker::Remote(model), photo), None, true)
    }

    fn new(
        marking: &Marking,
        statement: Statement,
        embedder: Option<Embedder>,
        lenient: bool,
    ) -> Self {
        let statement = statement.watermarked(embedder.is_some());
        let file = marking.in_file.then(|| file_marks(marking, statement));
        Self { embedder, file, written: Arc::default(), lenient }
    }

    /// What is done to a whole file.
    pub(super) fn finish(&self) -> Finish {
        self.file.as_ref().map_or_else(Finish::none, |marks| {
            Finish::with(Recorded {
                marks: marks.clone(),
                written: Arc::clone(&self.written),
                lenient: self.lenient,
            })
        })
    }

    /// Marks one frame.
    pub(super) fn mark(&mut self, frame: &mut Frame) {
        if let Some(embedder) = &mut self.embedder {
            embedder.mark(frame);
        }
    }

    /// The layers that the finished clip has.
    pub(super) fn layers(self) -> Vec<LayerKind> {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let watermark = self.embedder.is_some().then_some(LayerKind::Watermark);
        written.iter().copied().chain(watermark).collect()
    }
}

/// Remembers which layers came into the file.
struct Recorded {
    marks: FileMarks,
    written: Arc<Mutex<Vec<LayerKind>>>,
    lenient: bool,
}

impl Finishing for Recorded {
    fn finish(&self, file: &mut Target) -> Result<()> {
        match self.marks.write(file, false) {
            Ok(layers) => {
                *self.written.lock().unwrap_or_else(PoisonError::into_inner) = layers.has;
                Ok(())
            }
            Err(error) if self.lenient && error.code().starts_with("marking.") => {
                log::warn!("a provider's clip could not be marked: {}", error.code());
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

fn statement(marking: &Marking, maker: Maker<'_>, photo: PhotoMarks) -> Statement {
    let day = marking.day.unwrap_or_else(Day::today);
    let statement = match maker {
        Maker::Default => Statement::new(MODEL, MODEL_VERSION, day),
        Maker::Remote(model) => Statement::new(model, "", day),
        Maker::Pack(PackUsed { id, version }) => {
            Statement::new(format!("kinora/{id}"), version, day)
        }
    };
    statement.photo_marks(photo)
}

fn file_marks(#[allow(unused)] marking: &Marking, statement: Statement) -> FileMarks {
    let marks = FileMarks::new(statement);
    #[cfg(feature = "c2pa")]
    if let Some(signer) = &marking.signer {
        let marks = marks.signed_by(Arc::clone(signer));
        return match &marking.photo {
            Some(photo) => marks.made_of(Arc::clone(photo)),
            None => marks,
        };
    }
    marks
}
