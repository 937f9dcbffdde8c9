use std::path::PathBuf;

use crate::failure::Failure;
use crate::place::Place;
use crate::wheel::Pinned;

/// NASA's portrait of the astronaut Eileen Collins, public domain, which scikit-image ships as a
/// sample. The wheel for Linux on x86-64 serves every host, since the picture is the same in all.
const ASTRONAUT: Pinned = Pinned {
    requirement: "scikit-image==0.26.0",
    platforms: &["manylinux_2_28_x86_64", "manylinux_2_24_x86_64"],
    member: "skimage/data/astronaut.png",
    sha256: "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
};

/// The path of the portrait that the demo shows when no photo is given.
pub(crate) fn set_up(place: &Place) -> Result<PathBuf, Failure> {
    let path = place.target.join("demo").join("astronaut.png");
    ASTRONAUT.fetch(&path, "give a photo of your own: cargo xtask demo PHOTO")?;
    Ok(path)
}
