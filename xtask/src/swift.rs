use std::path::Path;

use crate::place::Place;
use crate::steps::Steps;

/// The Swift package's tests, on macOS or in a chroot with Debian's Swift.
pub(crate) fn test(_place: &Place, _runtime: &Path, _require: bool, _steps: &mut Steps) {}
