//! What the motion network speaks of, by name and in its order; models/README.md has the units.

/// Coefficients of each channel in time.
pub(crate) const COEFFICIENTS: usize = 16;

/// Rig channels: one number each per moment.
pub(crate) const RIG: [&str; 19] = [
    "yaw",
    "pitch",
    "roll",
    "shift_x",
    "shift_y",
    "scale",
    "lid_l",
    "lid_r",
    "gaze_x",
    "gaze_y",
    "brow",
    "smile",
    "mouth",
    "breath",
    "zoom",
    "pan_x",
    "pan_y",
    "orbit",
    "camera_roll",
];

/// Classes of the residual modes and how many each has, in order behind the rig channels.
pub(crate) const RESIDUAL: [(&str, usize); 5] =
    [("hair", 4), ("cloth", 4), ("vegetation", 8), ("water", 8), ("sky", 2)];

/// Channels in all.
pub(crate) const CHANNELS: usize = RIG.len() + 26;

/// What the network is told of the photo.
pub(crate) const PHOTO: [&str; 15] = [
    "has_face",
    "person",
    "head",
    "hair",
    "sky",
    "vegetation",
    "water",
    "face_size",
    "open_l",
    "open_r",
    "mouth_open",
    "yaw",
    "pitch",
    "roll",
    "smile",
];

/// Values of all channels at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pose(pub(crate) [f32; CHANNELS]);

macro_rules! rig {
    ($($name:ident = $index:literal),* $(,)?) => {
        impl Pose {
            $(pub(crate) fn $name(&self) -> f32 { self.0[$index] })*
        }
    };
}

rig! {
    yaw = 0, pitch = 1, roll = 2, shift_x = 3, shift_y = 4, scale = 5, lid_l = 6, lid_r = 7,
    gaze_x = 8, gaze_y = 9, brow = 10, smile = 11, mouth = 12, breath = 13,
    zoom = 14, pan_x = 15, pan_y = 16, orbit = 17, camera_roll = 18,
}

impl Pose {
    /// The photo as it is.
    pub(crate) const REST: Self = Self([0.0; CHANNELS]);

    /// Values of the residual modes, in the order of the network's list of modes.
    pub(crate) fn modes(&self) -> &[f32] {
        &self.0[RIG.len()..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accessors_and_names_agree() {
        let pose = Pose(std::array::from_fn(|i| i as f32));
        let index = |name: &str| RIG.iter().position(|n| *n == name).unwrap() as f32;
        assert_eq!(pose.yaw(), index("yaw"));
        assert_eq!(pose.lid_r(), index("lid_r"));
        assert_eq!(pose.breath(), index("breath"));
        assert_eq!(pose.camera_roll(), index("camera_roll"));
        assert_eq!(pose.modes().len(), RESIDUAL.iter().map(|(_, n)| n).sum::<usize>());
    }
}
