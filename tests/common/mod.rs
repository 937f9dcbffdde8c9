//! What the tests share.

use std::path::{Path, PathBuf};

/// A folder of the test data (`KINORA_DATA`, else `../shared/data` beside the checkout), or none,
/// and then it is said what is skipped.
pub(crate) fn data(sub: &str) -> Option<PathBuf> {
    let root = std::env::var_os("KINORA_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
        PathBuf::from,
    );
    let folder = root.join(sub);
    if folder.exists() {
        return Some(folder);
    }
    eprintln!("skipped: no test data at {} (set KINORA_DATA)", folder.display());
    None
}
