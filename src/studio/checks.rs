//! Where a job meets the gates: its prompt, its photo, and some of its frames.

use super::{GenerationRequest, Shared, Studio};
use crate::clip::{ClipSpec, Frame, Rgb8};
use crate::error::{Detail, Error, Result};
use crate::photo::Photo;
use crate::runtime::Cancel;
use crate::safety::{Category, Checked, Picture, Side, Subject, check_prompt};

/// How many frames a second the output gates see, beside the first and the last.
const CHECKS_PER_SECOND: f64 = 2.0;

impl Studio {
    /// The prompt gate of local jobs.
    ///
    /// # Errors
    /// `safety.*`; where only a person makes the prompt a bad one, also what keeps the photo from
    /// being looked at.
    pub(super) fn check_prompt(&self, request: &GenerationRequest) -> Result<()> {
        if !self.shared.gates.check_prompts() {
            return Ok(());
        }
        let Err(why) = check_prompt(request.words(), Subject::default()) else { return Ok(()) };
        // Few prompts come here, so that few pay for a look at the photo.
        let nobody = Subject { shows_person: false };
        if check_prompt(request.words(), nobody).is_ok()
            && let Some(photo) = request.photo()
        {
            self.shared.check_photo(photo, &Cancel::new())?;
            if self.faces(photo)?.is_empty() {
                return Ok(());
            }
        }
        Err(refused(why))
    }
}

/// A prompt that the gate holds back.
fn refused(why: Category) -> Error {
    Error::Request(Detail::new(why.code(), why.what_to_do()))
}

impl Shared {
    /// The prompt's gate, where there is one.
    pub(super) fn prompt_checked(&self) -> Vec<Checked> {
        self.gates.check_prompts().then_some(Checked::Prompt).into_iter().collect()
    }

    /// Passes a photo through the input gates and says which gates it, and the prompt, have passed.
    pub(super) fn check_photo(&self, photo: &Photo, cancel: &Cancel) -> Result<Vec<Checked>> {
        let mut passed = self.prompt_checked();
        if self.gates.look_at(Side::Input) {
            let (width, height) = (photo.width(), photo.height());
            let picture = Picture::new(width, height, photo.pixels(), Side::Input);
            self.gates.check(&picture.ok_or_else(no_picture)?, cancel)?;
            passed.extend(self.gates.names(Side::Input).map(|gate| Checked::Input { gate }));
        }
        Ok(passed)
    }

    /// The output gates, which have seen so many frames.
    pub(super) fn frames_checked(&self, frames: u32) -> impl Iterator<Item = Checked> {
        self.gates.names(Side::Output).map(move |gate| Checked::Output { gate, frames })
    }
}

/// Passes some frames of a clip through the output gates.
pub(super) struct FrameChecks<'s> {
    shared: &'s Shared,
    /// Every how many frames one is looked at; `None` where nothing looks.
    every: Option<u32>,
    last: u32,
    seen: u32,
    /// For frames in another layout.
    rgb: Option<Rgb8>,
}

impl<'s> FrameChecks<'s> {
    pub(super) fn new(shared: &'s Shared, spec: &ClipSpec) -> Self {
        let every = (spec.fps.as_f64() / CHECKS_PER_SECOND).round().max(1.0) as u32;
        let every = shared.gates.look_at(Side::Output).then_some(every);
        Self { shared, every, last: spec.frames.saturating_sub(1), seen: 0, rgb: None }
    }

    /// Looks at frame `index`, counted from 0, where its turn has come.
    pub(super) fn check(&mut self, frame: &Frame, index: u32, cancel: &Cancel) -> Result<()> {
        match self.every {
            Some(every) if index.is_multiple_of(every) || index == self.last => {}
            _ => return Ok(()),
        }
        let (width, height) = frame.size();
        let rgb = match frame {
            Frame::Rgb(rgb) => rgb,
            Frame::I420(i420) => {
                let rgb = self.rgb.get_or_insert_with(|| Rgb8::new(width, height));
                rgb.convert_from(i420)?;
                rgb
            }
        };
        let picture = Picture::new(width, height, rgb.pixels(), Side::Output);
        self.shared.gates.check(&picture.ok_or_else(no_picture)?, cancel)?;
        self.seen += 1;
        Ok(())
    }

    /// How many frames were looked at.
    pub(super) fn frames(&self) -> u32 {
        self.seen
    }
}

fn no_picture() -> Error {
    Error::Internal(Detail::new("internal.picture", "a picture lacks pixels: please report it"))
}
