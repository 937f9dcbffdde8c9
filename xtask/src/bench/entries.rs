//! What is held against what: add an entry here.
//!
//! A figure comes from one of two places:
//! - a criterion bench: its mean, in seconds, under its id (`group/function`);
//! - a line `figure NAME NUMBER` on the standard output of a bench or of a script in benches/peers,
//!   for what criterion does not measure or what another program does.

/// One row of the table.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: &'static str,
    /// Ours.
    pub(super) figure: Source,
    /// Theirs, in the same unit; without one the figure stands for itself.
    pub(super) over: Option<Source>,
    /// The largest value that keeps the promise.
    pub(super) limit: f64,
}

#[derive(Debug)]
#[allow(dead_code, reason = "an entry takes the kind that its figure has")]
pub(super) enum Source {
    /// A criterion id, for instance `render/warp_720p`.
    Criterion(&'static str),
    /// A name that a `figure` line prints.
    Printed(&'static str),
}

impl Source {
    /// The key among all figures; the two kinds may not hide each other.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Criterion(id) => format!("criterion:{id}"),
            Self::Printed(name) => format!("printed:{name}"),
        }
    }
}

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        name: "faces, photo in memory, over OpenCV (YuNet)",
        figure: Source::Printed("opencv_faces.ratio"),
        over: None,
        limit: 0.6,
    },
    Entry {
        name: "warp 1280×720 bicubic, over cv2.remap",
        figure: Source::Printed("opencv_warp.ratio"),
        over: None,
        limit: 1.0,
    },
    Entry {
        name: "48 frames 1280×720, s per s of video, warm",
        figure: Source::Printed("clip.warm"),
        over: None,
        limit: 0.6,
    },
    Entry {
        name: "the same from process start",
        figure: Source::Printed("clip.cold"),
        over: None,
        limit: 1.0,
    },
    Entry {
        name: "total over the sum of its stages",
        figure: Source::Printed("clip.overlap"),
        over: None,
        limit: 1.05,
    },
];
