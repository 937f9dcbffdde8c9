//! BT.709 conversion between RGB and limited-range I420.
pub(crate) const KR: f32 = 0.2126;
pub(crate) const KB: f32 = 0.0722;
pub(crate) const CB_SCALE: f32 = 224.0 / 255.0 / 2.0 / (1.0 - KB);
pub(crate) const CR_SCALE: f32 = 224.0 / 255.0 / 2.0 / (1.0 - KR);
