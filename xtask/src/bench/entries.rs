//! What is held against what: add a peer and its entries here.
//!
//! A figure comes from one of two places:
//! - a criterion bench: its mean, in seconds, under its id (`group/function`);
//! - the standard output of a bench or a peer: a line of flat JSON with a `"what"`, whose numbers are
//!   named `what.key`, or a line `figure NAME NUMBER`.

/// An example of the crate that measures us beside another program.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) name: &'static str,
    pub(super) example: &'static str,
    /// Its arguments; one that starts with `data:` is a path below the test data.
    pub(super) args: &'static [&'static str],
    /// Files of the repository without which it is named as missing.
    pub(super) needs: &'static [&'static str],
}

pub(super) const PEERS: &[Peer] = &[
    Peer {
        name: "faces beside OpenCV: time",
        example: "bench_faces",
        args: &[
            "time",
            "data:models/yunet/yunet_n_640_640.onnx",
            "data:faces/imageio/astronaut.png",
        ],
        needs: &["benches/peers/faces.rs", "benches/peers/opencv_faces.py"],
    },
    Peer {
        name: "faces beside OpenCV: agreement",
        example: "bench_faces",
        args: &["parity", "data:models/yunet/yunet_n_640_640.onnx", "data:faces"],
        needs: &["benches/peers/faces.rs", "benches/peers/opencv_faces.py"],
    },
    Peer {
        name: "warp beside OpenCV",
        example: "bench_warp",
        args: &[],
        needs: &["benches/peers/warp.rs", "benches/peers/opencv_warp.py"],
    },
    // It stands beside nobody: its figures are held against the clock.
    Peer {
        name: "a whole clip",
        example: "bench_clip",
        args: &[],
        needs: &["benches/peers/clip.rs"],
    },
    Peer {
        name: "the foreign surface beside pure Rust",
        example: "bench_surface",
        args: &[],
        needs: &["benches/peers/surface.rs"],
    },
];

/// One row of the table.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: &'static str,
    /// Ours.
    pub(super) figure: Source,
    /// Theirs, in the same unit; without one the figure stands for itself.
    pub(super) over: Option<Source>,
    pub(super) limit: Limit,
}

/// What keeps the promise.
#[derive(Debug, Clone, Copy)]
pub(super) enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

#[derive(Debug)]
#[allow(dead_code, reason = "an entry takes the kind that its figure has")]
pub(super) enum Source {
    /// A criterion id, for instance `render/warp_720p`.
    Criterion(&'static str),
    /// A printed figure, for instance `face_time.ratio`.
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
        figure: Source::Printed("face_time.ratio"),
        over: None,
        limit: Limit::AtMost(0.6),
    },
    Entry {
        name: "faces that agree with OpenCV, share",
        figure: Source::Printed("face_parity.share"),
        over: None,
        limit: Limit::AtLeast(0.99),
    },
    Entry {
        name: "warp 1280×720 bicubic, over cv2.remap",
        figure: Source::Printed("warp_time.ratio"),
        over: None,
        limit: Limit::AtMost(1.0),
    },
    Entry {
        name: "48 frames 1280×720, s per s of video, warm",
        figure: Source::Printed("clip.warm"),
        over: None,
        limit: Limit::AtMost(0.6),
    },
    Entry {
        name: "the same from process start",
        figure: Source::Printed("clip.cold"),
        over: None,
        limit: Limit::AtMost(1.0),
    },
    Entry {
        name: "total over the sum of its stages",
        figure: Source::Printed("clip.overlap"),
        over: None,
        limit: Limit::AtMost(1.05),
    },
    Entry {
        name: "that clip with its marks, over one without",
        figure: Source::Printed("clip.marks"),
        over: None,
        limit: Limit::AtMost(1.03),
    },
    Entry {
        name: "peak memory of that clip, MiB",
        figure: Source::Printed("clip.peak_mib"),
        over: None,
        limit: Limit::AtMost(400.0),
    },
    Entry {
        name: "peak memory, 128 frames over 16",
        figure: Source::Printed("clip.memory_ratio"),
        over: None,
        limit: Limit::AtMost(1.05),
    },
    Entry {
        name: "cancel to return, ms, p95 of 100",
        figure: Source::Printed("clip.cancel_p95_ms"),
        over: None,
        limit: Limit::AtMost(100.0),
    },
    Entry {
        name: "the same clip through uniffi, over pure Rust",
        figure: Source::Printed("surface.ratio"),
        over: None,
        limit: Limit::AtMost(1.02),
    },
];
