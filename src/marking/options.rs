//! What a clip is marked with.

use std::fmt;

use super::Day;

/// What a clip is marked with: by default the watermark in its frames and an XMP packet in its file;
/// with a signer also a C2PA manifest.
///
/// Laws (EU AI Act, Art. 50) and the rules of stores ask for marks. Whoever leaves them out has to
/// say so here, and the clip says it too: [`Clip::marks`](crate::Clip::marks).
#[derive(Clone)]
pub struct Marking {
    pub(crate) watermark: bool,
    pub(crate) in_file: bool,
    pub(crate) day: Option<Day>,
    #[cfg(feature = "c2pa")]
    pub(crate) signer: Option<std::sync::Arc<dyn super::ManifestSigner>>,
    #[cfg(feature = "c2pa")]
    pub(crate) photo: Option<std::sync::Arc<[u8]>>,
}

impl Default for Marking {
    fn default() -> Self {
        Self {
            watermark: true,
            in_file: true,
            day: None,
            #[cfg(feature = "c2pa")]
            signer: None,
            #[cfg(feature = "c2pa")]
            photo: None,
        }
    }
}

impl Marking {
    /// No mark at all.
    #[must_use]
    pub fn none() -> Self {
        Self::default().without_watermark().without_file_marks()
    }

    /// Leaves the frames as they are drawn.
    #[must_use]
    pub fn without_watermark(mut self) -> Self {
        self.watermark = false;
        self
    }

    /// Leaves the file as it is encoded: no XMP packet and no manifest.
    #[must_use]
    pub fn without_file_marks(mut self) -> Self {
        self.in_file = false;
        self
    }

    /// The day that the marks tell, for those who make the same file again; today by default.
    #[must_use]
    pub fn day(mut self, day: Day) -> Self {
        self.day = Some(day);
        self
    }

    /// Also a C2PA manifest, signed by `signer`.
    #[cfg(feature = "c2pa")]
    #[must_use]
    pub fn signed_by(mut self, signer: std::sync::Arc<dyn super::ManifestSigner>) -> Self {
        self.signer = Some(signer);
        self
    }

    /// Names the photo in the manifest: [`FileMarks::made_of`](super::FileMarks::made_of).
    #[cfg(feature = "c2pa")]
    #[must_use]
    pub fn naming_photo(mut self, photo: std::sync::Arc<[u8]>) -> Self {
        self.photo = Some(photo);
        self
    }
}

impl fmt::Debug for Marking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { watermark, in_file, day, .. } = self;
        let mut out = f.debug_struct("Marking");
        out.field("watermark", watermark).field("in_file", in_file).field("day", day);
        out.finish_non_exhaustive()
    }
}
