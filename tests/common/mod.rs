//! Shared by the files of tests/.

use std::env;
use std::path::{Path, PathBuf};

/// A folder or file of the test data: below `KINORA_DATA`, by default ../shared/data beside the
/// repository. Where it is absent, says what is skipped; the test goes on with a made fixture.
#[allow(dead_code, reason = "each test file links its own copy")]
pub fn data(sub: &str) -> Option<PathBuf> {
    let root = env::var_os("KINORA_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
        PathBuf::from,
    );
    let path = root.join(sub);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: there is no {sub} in the test data (KINORA_DATA)");
//! What the tests share.

use std::path::{Path, PathBuf};

/// A folder of the test data (`KINORA_DATA`, else `../shared/data` beside the checkout), or none,
/// and then it is said what is skipped.
pub fn data(sub: &str) -> Option<PathBuf> {
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
