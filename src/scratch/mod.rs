//! Files that are written whole or not at all, and what a crash leaves of them.

pub(crate) mod part;
#[cfg(feature = "remote")]
mod private;

#[cfg(feature = "remote")]
pub(crate) use private::{FolderLock, leftovers, private_folder, read, remove, replace, sweep};
