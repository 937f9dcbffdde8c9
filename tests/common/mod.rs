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
    None
}
