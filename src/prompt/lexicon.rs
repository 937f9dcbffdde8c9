//! The words that Kinora understands, in one table.

/// What can be asked to move. The network knows each by [`Motion::tag`].
///
/// Left and right are the picture's, as its viewer sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Motion {
    /// Both eyes close and open.
    Blink,
    /// One eye closes and opens; + the image-right one.
    Wink,
    /// Eyes close and stay closed.
    CloseEyes,
    /// Mouth corners go up (−: down).
    Smile,
    /// Brows go up.
    RaiseBrows,
    /// Eyes look aside; + to image-right.
    GazeSideways,
    /// Eyes look down (−: up).
    GazeDown,
    /// The mouth moves as in speech.
    Talk,
    /// The head goes up and down.
    Nod,
    /// The head goes left and right.
    Shake,
    /// The head leans to a shoulder; + clockwise as seen.
    Tilt,
    /// The head turns; + to image-right.
    LookSideways,
    /// The head goes down (−: up) and stays.
    LookDown,
    /// The head comes nearer.
    Lean,
    /// Slight sway of head and eyes.
    Idle,
    /// Chest and shoulders breathe.
    Breathe,
    /// Wind in hair, cloth and leaves.
    Sway,
    /// Waves on water.
    Ripple,
    /// Clouds move; + to image-right.
    Drift,
    /// The camera comes nearer (−: draws back).
    Zoom,
    /// The camera moves aside; + to image-right.
    PanSideways,
    /// The camera moves down (−: up).
    PanDown,
    /// The camera goes round the subject.
    Orbit,
    /// The camera is held by hand.
    Handheld,
    /// Nothing of the face moves.
    Still,
}

impl Motion {
    /// The name of the network's tag.
    pub fn tag(self) -> &'static str {
        match self {
            Self::Blink => "blink",
            Self::Wink => "wink",
            Self::CloseEyes => "close",
            Self::Smile => "smile",
            Self::RaiseBrows => "brow",
            Self::GazeSideways => "gaze_x",
            Self::GazeDown => "gaze_y",
            Self::Talk => "talk",
            Self::Nod => "nod",
            Self::Shake => "shake",
            Self::Tilt => "tilt",
            Self::LookSideways => "look_x",
            Self::LookDown => "look_y",
            Self::Lean => "lean",
            Self::Idle => "idle",
            Self::Breathe => "breathe",
            Self::Sway => "sway",
            Self::Ripple => "ripple",
            Self::Drift => "drift",
            Self::Zoom => "zoom",
            Self::PanSideways => "pan_x",
            Self::PanDown => "pan_y",
            Self::Orbit => "orbit",
            Self::Handheld => "handheld",
            Self::Still => "still",
        }
    }

    /// Whether it moves the camera and not what stands before it.
    pub fn is_camera(self) -> bool {
        matches!(
            self,
            Self::Zoom | Self::PanSideways | Self::PanDown | Self::Orbit | Self::Handheld
        )
    }
}

/// A phrase and what it asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry {
    /// Words in order; small words may stand between them, and any ending is understood.
    pub phrase: &'static str,
    /// What moves.
    pub motion: Motion,
    /// How much, −1.2–1.2, before words such as "slightly".
    pub strength: f32,
}

const fn entry(phrase: &'static str, motion: Motion, strength: f32) -> Entry {
    Entry { phrase, motion, strength }
}

/// All phrases. Where several fit, the one with more words counts.
pub const LEXICON: &[Entry] = &[
    entry("blink", Motion::Blink, 1.0),
    entry("wink", Motion::Wink, 1.0),
    entry("wink left", Motion::Wink, -1.0),
    entry("wink right", Motion::Wink, 1.0),
    entry("close eyes", Motion::CloseEyes, 1.0),
    entry("eyes close", Motion::CloseEyes, 1.0),
    entry("smile", Motion::Smile, 0.9),
    entry("grin", Motion::Smile, 1.1),
    entry("laugh", Motion::Smile, 1.2),
    entry("happy", Motion::Smile, 0.8),
    entry("frown", Motion::Smile, -0.9),
    entry("sad", Motion::Smile, -0.8),
    entry("raise brows", Motion::RaiseBrows, 1.0),
    entry("raise eyebrows", Motion::RaiseBrows, 1.0),
    entry("eyebrows up", Motion::RaiseBrows, 1.0),
    entry("surprised", Motion::RaiseBrows, 1.1),
    entry("eyes left", Motion::GazeSideways, -1.0),
    entry("eyes right", Motion::GazeSideways, 1.0),
    entry("eyes up", Motion::GazeDown, -1.0),
    entry("eyes down", Motion::GazeDown, 1.0),
    entry("glance left", Motion::GazeSideways, -1.0),
    entry("glance right", Motion::GazeSideways, 1.0),
    entry("glance up", Motion::GazeDown, -1.0),
    entry("glance down", Motion::GazeDown, 1.0),
    entry("glance", Motion::GazeSideways, 1.0),
    entry("talk", Motion::Talk, 1.0),
    entry("speak", Motion::Talk, 1.0),
    entry("say", Motion::Talk, 0.9),
    entry("sing", Motion::Talk, 1.1),
    entry("nod", Motion::Nod, 1.0),
    entry("shake", Motion::Shake, 1.0),
    entry("tilt", Motion::Tilt, 0.9),
    entry("tilt left", Motion::Tilt, -0.9),
    entry("tilt right", Motion::Tilt, 0.9),
    entry("turn", Motion::LookSideways, 0.8),
    entry("turn left", Motion::LookSideways, -1.0),
    entry("turn right", Motion::LookSideways, 1.0),
    entry("look left", Motion::LookSideways, -1.0),
    entry("look right", Motion::LookSideways, 1.0),
    entry("look up", Motion::LookDown, -1.0),
    entry("look down", Motion::LookDown, 1.0),
    entry("look around", Motion::LookSideways, 0.9),
    entry("lean in", Motion::Lean, 1.0),
    entry("lean forward", Motion::Lean, 1.0),
    entry("lean back", Motion::Lean, -1.0),
    entry("alive", Motion::Idle, 0.8),
    entry("living", Motion::Idle, 0.8),
    entry("move", Motion::Idle, 1.0),
    entry("breathe", Motion::Breathe, 1.0),
    entry("sway", Motion::Sway, 1.0),
    entry("wind", Motion::Sway, 1.0),
    entry("breeze", Motion::Sway, 0.7),
    entry("windy", Motion::Sway, 1.1),
    entry("flutter", Motion::Sway, 0.9),
    entry("ripple", Motion::Ripple, 1.0),
    entry("waves", Motion::Ripple, 1.0),
    entry("water moves", Motion::Ripple, 1.0),
    entry("water flows", Motion::Ripple, 1.0),
    entry("clouds", Motion::Drift, 1.0),
    entry("clouds left", Motion::Drift, -1.0),
    entry("clouds right", Motion::Drift, 1.0),
    entry("clouds drift", Motion::Drift, 1.0),
    entry("clouds move", Motion::Drift, 1.0),
    entry("zoom", Motion::Zoom, 0.9),
    entry("zoom in", Motion::Zoom, 0.9),
    entry("zoom out", Motion::Zoom, -0.9),
    entry("push in", Motion::Zoom, 0.8),
    entry("pull out", Motion::Zoom, -0.8),
    entry("pull back", Motion::Zoom, -0.8),
    entry("dolly in", Motion::Zoom, 0.9),
    entry("dolly out", Motion::Zoom, -0.9),
    entry("pan", Motion::PanSideways, 0.8),
    entry("pan left", Motion::PanSideways, -0.8),
    entry("pan right", Motion::PanSideways, 0.8),
    entry("pan up", Motion::PanDown, -0.8),
    entry("pan down", Motion::PanDown, 0.8),
    entry("camera left", Motion::PanSideways, -0.8),
    entry("camera right", Motion::PanSideways, 0.8),
    entry("camera up", Motion::PanDown, -0.8),
    entry("camera down", Motion::PanDown, 0.8),
    entry("orbit", Motion::Orbit, 1.0),
    entry("orbit left", Motion::Orbit, -1.0),
    entry("orbit right", Motion::Orbit, 1.0),
    entry("parallax", Motion::Orbit, 0.8),
    entry("handheld", Motion::Handheld, 1.0),
    entry("hand held", Motion::Handheld, 1.0),
    entry("shaky camera", Motion::Handheld, 1.2),
    entry("still", Motion::Still, 1.0),
    entry("motionless", Motion::Still, 1.0),
    entry("freeze", Motion::Still, 1.0),
];

/// Words that make what they stand beside weaker or stronger.
pub(super) const STRENGTHS: &[(&str, f32)] = &[
    ("slightly", 0.5),
    ("slight", 0.5),
    ("little", 0.55),
    ("bit", 0.55),
    ("gently", 0.6),
    ("gentle", 0.6),
    ("softly", 0.6),
    ("soft", 0.6),
    ("subtle", 0.45),
    ("subtly", 0.45),
    ("faint", 0.4),
    ("faintly", 0.4),
    ("slow", 0.7),
    ("slowly", 0.7),
    ("strongly", 1.25),
    ("strong", 1.25),
    ("very", 1.25),
    ("lot", 1.25),
    ("big", 1.2),
    ("broad", 1.2),
    ("broadly", 1.2),
    ("wide", 1.2),
    ("widely", 1.2),
    ("fast", 1.2),
    ("quickly", 1.2),
    ("quick", 1.2),
];

/// Words that turn a motion off.
pub(super) const NEGATIONS: &[&str] = &["no", "not", "without", "never", "dont", "doesnt", "stop"];

/// Words that part a prompt into clauses.
pub(super) const JOINTS: &[&str] = &["and", "then", "while", "first", "but", "with", "as", "when"];

/// Words that say nothing of motion and may stand anywhere.
pub(super) const FILLERS: &[&str] = &[
    "a", "an", "the", "she", "he", "it", "they", "her", "his", "its", "their", "him", "them",
    "woman", "man", "girl", "boy", "person", "child", "baby", "lady", "guy", "people", "someone",
    "head", "face", "to", "toward", "towards", "of", "on", "at", "is", "are", "be", "being",
    "does", "do", "should", "please", "make", "let", "in", "out", "into", "from", "this", "that",
    "some", "his", "camera", "side", "way", "hair", "leaves", "tree", "trees", "eyes", "eye",
    "mouth", "lips", "brows", "eyebrows", "photo", "picture", "video", "portrait", "water", "sea",
    "lake", "river", "sky", "grass", "plants", "flowers", "flower", "once", "for", "by", "there",
    "just", "only", "so", "also", "i", "you", "me", "my", "your", "keep", "stay", "up", "down",
    "left", "right", "both", "all", "s", "movement", "motion",
];
