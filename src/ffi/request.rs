//! What a job is asked to make.

use std::fmt;
use std::sync::Arc;

use super::Result;
use super::marking::MarkingOptions;
use super::photo::Photo;
use super::remote::{RemoteChoice, Video};
use super::sink::{self, FrameSink};

/// A clip to be made. What is left out gives two seconds of the photo coming alive, at 24 frames a
/// second, on this device; of a pack, what its maker thinks best.
#[derive(Clone, uniffi::Record)]
#[uniffi::export(Display)]
pub struct GenerationRequest {
    /// The photo; packs for text-to-video and some remote models do without one.
    pub photo: Option<Arc<Photo>>,
    /// Where the clip goes; left out, an MP4 in memory, or what the package for a phone installs.
    #[uniffi(default)]
    pub output: Option<ClipOutput>,
    /// What should happen, in the words of `prompts`. Empty: a living portrait, or a slow push-in
    /// where there is no face.
    #[uniffi(default = "")]
    pub prompt: String,
    /// Length in seconds, 0.5–10; left out 2, or a pack's own length.
    #[uniffi(default)]
    pub seconds: Option<f32>,
    /// Frames a second, 1–60; left out 24, or what a pack was taught.
    #[uniffi(default)]
    pub fps: Option<f64>,
    /// The clip's longer side in pixels, up to 3840; left out the photo's, at most 1280.
    #[uniffi(default)]
    pub size: Option<u32>,
    /// The same seed gives the same clip.
    #[uniffi(default = 0)]
    pub seed: u64,
    /// Strength of all motion, 0–1.5.
    #[uniffi(default = 1.0)]
    pub strength: f32,
    /// Which faces move; left out all of them.
    #[uniffi(default)]
    pub faces: Option<FaceChoice>,
    /// Whether the clip returns to its first frame, so that it can be repeated without a jump.
    #[uniffi(default = false)]
    pub looping: bool,
    /// Denoise steps, 1–200; left out what the model was measured best with.
    #[uniffi(default)]
    pub steps: Option<u32>,
    /// Guidance scale, 0–10; left out the model's best.
    #[uniffi(default)]
    pub guidance: Option<f32>,
    /// Whether a pack decodes its frames in strips: a fraction of the memory, a little more time, and
    /// seams that are blended.
    #[uniffi(default = false)]
    pub tiled: bool,
    /// The pack that makes the clip, by its id in the folder of `StudioOptions.packs`; left out the
    /// default model does.
    #[uniffi(default)]
    pub pack: Option<String>,
    /// What should not be seen, for packs that read words; left out what the pack says.
    #[uniffi(default)]
    pub negative_prompt: Option<String>,
    /// A remote model and the consent for it; left out the clip is made on this device and nothing
    /// is sent.
    #[uniffi(default)]
    pub remote: Option<RemoteChoice>,
    /// A video in the photo's place, for remote models that take one.
    #[uniffi(default)]
    pub video: Option<Arc<Video>>,
    /// What the clip is marked with; left out what the studio marks its clips with.
    #[uniffi(default)]
    pub marking: Option<MarkingOptions>,
}

/// Where a clip goes and in which format. Files appear when they are whole.
#[derive(Clone, uniffi::Enum)]
pub enum ClipOutput {
    /// An H.264 file in MP4. On phones the package's own sink does this.
    Mp4 {
        /// The file's path.
        path: String,
    },
    /// An animated WebP file.
    Webp {
        /// The file's path.
        path: String,
    },
    /// An animated GIF file.
    Gif {
        /// The file's path.
        path: String,
    },
    /// PNG files in a folder, lossless.
    PngFolder {
        /// The folder's path.
        path: String,
    },
    /// The bytes of a file, in memory: `Clip.bytes`.
    Bytes {
        /// Its format.
        container: Container,
    },
    /// Frames, one by one.
    Sink {
        /// Who takes them.
        sink: Arc<dyn FrameSink>,
    },
}

/// A file format that holds a whole clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum Container {
    /// H.264 in MP4.
    Mp4,
    /// Animated WebP.
    Webp,
    /// Animated GIF.
    Gif,
}

/// Which faces move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum FaceChoice {
    /// Every face, each in its own way.
    All,
    /// Only the largest.
    Largest,
    /// None: only the scene and the camera.
    None,
    /// The face with this number in `Studio.faces`, from 0.
    Number {
        /// The number.
        number: u32,
    },
}

/// A face of a photo, for a picker. Coordinates are pixels of the upright photo, from its top left.
#[derive(Clone, uniffi::Record)]
#[uniffi::export(Display)]
pub struct FaceInPhoto {
    /// What `FaceChoice` calls it: 0 is the largest face.
    pub number: u32,
    /// Left edge of the box around it; it may lie outside the photo.
    pub left: f32,
    /// Top edge.
    pub top: f32,
    /// Width of the box.
    pub width: f32,
    /// Height of the box.
    pub height: f32,
    /// How sure the detector is, 0 to 1.
    pub score: f32,
}

impl GenerationRequest {
    pub(super) fn into_core(self) -> Result<crate::GenerationRequest> {
        let output = self.output.unwrap_or(ClipOutput::Bytes { container: Container::Mp4 });
        let made_of = match (&self.photo, &self.video) {
            (Some(photo), _) => crate::GenerationRequest::animate(photo.photo.clone()),
            (None, Some(video)) => crate::GenerationRequest::edit(video.video.clone()),
            (None, None) => crate::GenerationRequest::imagine(""),
        };
        let mut request = made_of
            .output(output.into())
            .prompt(self.prompt)
            .seed(self.seed)
            .strength(self.strength)
            .looping(self.looping);
        if let Some(seconds) = self.seconds {
            request = request.seconds(seconds);
        }
        if let Some(fps) = self.fps {
            request = request.fps(fps);
        }
        if let Some(words) = self.negative_prompt {
            request = request.negative_prompt(words);
        }
        if let Some(id) = self.pack {
            request = request.model(crate::Model::Pack { id });
        }
        if let Some(size) = self.size {
            request = request.size(size);
        }
        if let Some(faces) = self.faces {
            request = request.faces(faces.into());
        }
        if let Some(steps) = self.steps {
            request = request.steps(steps as usize);
        }
        request = request.tiled(self.tiled);
        if let Some(guidance) = self.guidance {
            request = request.guidance(guidance);
        }
        if let Some(RemoteChoice { model, grant, rights }) = self.remote {
            request = request.model(crate::Model::Remote { model, grant: grant.grant.clone() });
            if let Some(rights) = rights {
                request = request.rights(rights.into());
            }
        }
        if let Some(marking) = self.marking {
            request = request.marking(marking.into_core()?);
        }
        Ok(request)
    }
}

impl FaceInPhoto {
    pub(super) fn of(number: usize, face: &crate::Face) -> Self {
        let [left, top, width, height] = *face.bounds();
        Self { number: number as u32, left, top, width, height, score: face.score() }
    }
}

impl From<ClipOutput> for crate::Output {
    fn from(output: ClipOutput) -> Self {
        match output {
            ClipOutput::Mp4 { path } => Self::mp4(path),
            ClipOutput::Webp { path } => Self::webp(path),
            ClipOutput::Gif { path } => Self::gif(path),
            ClipOutput::PngFolder { path } => Self::png_folder(path),
            ClipOutput::Bytes { container } => Self::bytes(container.into()),
            ClipOutput::Sink { sink } => Self::sink(sink::forward(sink)),
        }
    }
}

impl From<Container> for crate::Container {
    fn from(container: Container) -> Self {
        match container {
            Container::Mp4 => Self::Mp4,
            Container::Webp => Self::Webp,
            Container::Gif => Self::Gif,
        }
    }
}

impl From<FaceChoice> for crate::FaceChoice {
    fn from(choice: FaceChoice) -> Self {
        match choice {
            FaceChoice::All => Self::All,
            FaceChoice::Largest => Self::Largest,
            FaceChoice::None => Self::None,
            FaceChoice::Number { number } => Self::Number(number as usize),
        }
    }
}

impl fmt::Debug for ClipOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mp4 { .. } => "MP4 file",
            Self::Webp { .. } => "WebP file",
            Self::Gif { .. } => "GIF file",
            Self::PngFolder { .. } => "PNG files",
            Self::Bytes { .. } => "bytes",
            Self::Sink { .. } => "sink",
        })
    }
}

/// Neither the words nor the picture.
impl fmt::Debug for GenerationRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GenerationRequest({:?} s, {:?} a second)", self.seconds, self.fps)
    }
}

/// The numbers do not print, as those of a [`crate::Face`] do not.
impl fmt::Debug for FaceInPhoto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaceInPhoto(..)")
    }
}
