//! The front door: a [`Studio`] is opened once and makes clips, each in a [`GenerationJob`].

mod checks;
mod drawing;
mod job;
mod marks;
mod measure;
mod options;
mod packs;
mod preflight;
mod progress;
#[cfg(feature = "remote")]
mod remote;
mod request;
#[cfg(feature = "vault")]
mod resuming;

use std::sync::Arc;

use crate::error::{Detail, Error, Result};
use crate::face::{Detector, DetectorOptions, Face};
use crate::marking::Marking;
use crate::pack::DefaultModel;
use crate::photo::Photo;
use crate::pipeline::motion::{MotionModels, MotionPipeline};
use crate::runtime::{Cancel, Runtime};
use crate::safety::Gates;
use packs::Packs;

pub use job::{Clip, GenerationJob, Made, PackUsed, StageSeconds};
#[cfg(feature = "uniffi")]
pub(crate) use marks::Maker;
pub use measure::{Cost, Measured};
pub use options::StudioOptions;
pub use preflight::{Offer, Preflight};
pub use progress::{Preview, Progress, Stage};
pub use request::{FaceChoice, GenerationRequest, LONGEST_SIDE, MAX_SECONDS, MIN_SECONDS, Model};

/// The least score of a face for the default detector: models/MODEL_CARD.md has what it finds and
/// misses there.
const DETECTOR_SCORE: f32 = 0.55;
/// The same for a face whose shorter side is a tenth of the photo or more, with that share: what is
/// unsure in a street is mostly a face; what is unsure and large is a dog or a door.
const DETECTOR_LARGE_SCORE: f32 = 0.66;
const DETECTOR_LARGE_SHARE: f32 = 0.11;
/// The size of its second look, in shares of the first: measured in models/train/vision.
const DETECTOR_SECOND_LOOK: f32 = 0.7;

/// Everything that is opened once: ONNX Runtime, the networks, the threads.
///
/// Clones share it; one studio serves many jobs at a time.
#[derive(Clone)]
pub struct Studio {
    shared: Arc<Shared>,
    #[cfg(feature = "remote")]
    remote: Option<crate::remote::Remote>,
}

struct Shared {
    runtime: Runtime,
    detector: Detector,
    motion: MotionPipeline,
    gates: Gates,
    marking: Marking,
    packs: Packs,
    memory_limit: Option<u64>,
    #[cfg(feature = "vault")]
    checkpoints: Option<crate::checkpoint::Checkpoints>,
    threads: rayon::ThreadPool,
}

impl Studio {
    /// Opens ONNX Runtime and the networks. Nothing touches the network.
    ///
    /// # Errors
    /// `runtime.*` when ONNX Runtime is not found or refused, `model.*` when a network or a
    /// classifier of [`StudioOptions::safety`] does not fit, `pack.store` when the folder of packs
    /// cannot be used.
    pub fn open(mut options: StudioOptions) -> Result<Self> {
        #[cfg(feature = "remote")]
        let remote = options.take_remote();
        let runtime = Runtime::open(options.runtime_options())?;
        let models = DefaultModel::load(options.models_folder())?;
        let detector = Detector::open(
            &runtime,
            &models.detector,
            DetectorOptions::default()
                .score(DETECTOR_SCORE)
                .large_score(DETECTOR_LARGE_SCORE, DETECTOR_LARGE_SHARE)
                .nested(false)
                .second_look(DETECTOR_SECOND_LOOK),
        )?;
        let motion = MotionPipeline::open(
            &runtime,
            MotionModels {
                perception: &models.perception,
                points: &models.points,
                motion: &models.motion,
            },
        )?;
        let gates = Gates::open(options.take_safety(), &runtime)?;
        let marking = options.take_marking();
        let packs = Packs::open(options.packs_folder())?;
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(runtime.threads())
            .thread_name(|i| format!("kinora-{i}"))
            .build()
            .map_err(|error| {
                let message = "no threads could be started: close other work and try again";
                Error::Runtime(Detail::new("runtime.threads", message).because(error))
            })?;
        log::info!(
            "studio opened: ONNX Runtime {} on {}, {} threads",
            runtime.version().unwrap_or("of an unknown version"),
            motion.execution_provider(),
            runtime.threads()
        );
        Ok(Self {
            shared: Arc::new(Shared {
                runtime,
                detector,
                motion,
                gates,
                marking,
                packs,
                memory_limit: options.memory_limit_bytes(),
                #[cfg(feature = "vault")]
                checkpoints: options.take_checkpoints(),
                threads,
            }),
            #[cfg(feature = "remote")]
            remote,
        })
    }

    /// Starts a job; it runs on a thread of its own and ends when the [`GenerationJob`] is dropped.
    ///
    /// With [`Model::Default`], which every request has unless it says otherwise, nothing leaves the
    /// device.
    ///
    /// # Errors
    /// `request.*` when the request is out of range, `safety.*` when the prompt is refused; for a pack
    /// `pack.*` when it is not there; for a remote model also `safety.*` for the photo, `consent.*`, `vault.*` and `remote.*`, before
    /// anything is sent. What goes wrong later comes out of [`GenerationJob::wait`], a photo or frame
    /// that is refused on this device too.
    pub fn generate(&self, request: GenerationRequest) -> Result<GenerationJob> {
        match request.asked_model() {
            Model::Default if request.is_words() => {
                let id = self.shared.packs.for_words()?;
                self.generate_with_pack(request, &id)
            }
            Model::Default => {
                self.check_prompt(&request)?;
                job::start(Arc::clone(&self.shared), request.check()?)
            }
            Model::Pack { id } => {
                let id = id.clone();
                self.generate_with_pack(request, &id)
            }
            #[cfg(feature = "remote")]
            Model::Remote { model, grant } => {
                let (model, grant) = (model.clone(), grant.clone());
                self.generate_remotely(request, &model, grant)
            }
        }
    }

    /// The faces of a photo, largest first, for a picker.
    ///
    /// # Errors
    /// `runtime.run` when ONNX Runtime gives up.
    pub fn faces(&self, photo: &Photo) -> Result<Vec<Face>> {
        self.shared.threads.install(|| self.shared.detector.detect(photo, &Cancel::new()))
    }

    /// The runtime that this studio works with.
    pub fn runtime(&self) -> &Runtime {
        &self.shared.runtime
    }
}

impl std::fmt::Debug for Studio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Studio").field("runtime", &self.shared.runtime).finish_non_exhaustive()
    }
}
