//! What can be asked to move.

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

    /// Every motion, in the order of the table.
    pub const ALL: [Self; 25] = [
        Self::Blink,
        Self::Wink,
        Self::CloseEyes,
        Self::Smile,
        Self::RaiseBrows,
        Self::GazeSideways,
        Self::GazeDown,
        Self::Talk,
        Self::Nod,
        Self::Shake,
        Self::Tilt,
        Self::LookSideways,
        Self::LookDown,
        Self::Lean,
        Self::Idle,
        Self::Breathe,
        Self::Sway,
        Self::Ripple,
        Self::Drift,
        Self::Zoom,
        Self::PanSideways,
        Self::PanDown,
        Self::Orbit,
        Self::Handheld,
        Self::Still,
    ];

    /// Whether it moves a face: neither the camera, nor the scenery, nor the breath.
    pub fn is_of_a_face(self) -> bool {
        !self.is_camera() && !self.is_scenery() && !matches!(self, Self::Breathe | Self::Idle)
    }

    /// Whether it moves what no person does: wind, waves and clouds.
    pub fn is_scenery(self) -> bool {
        matches!(self, Self::Sway | Self::Ripple | Self::Drift)
    }

    /// Whether it moves the camera and not what stands before it.
    pub fn is_camera(self) -> bool {
        matches!(
            self,
            Self::Zoom | Self::PanSideways | Self::PanDown | Self::Orbit | Self::Handheld
        )
    }
}
