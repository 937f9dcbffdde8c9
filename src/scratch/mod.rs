//! Files that are written whole or not at all, and what a crash leaves of them.

pub(crate) mod part;
mod private;

#[cfg(feature = "remote")]
pub(crate) use private::leftovers;
#[cfg(feature = "download")]
pub(crate) use private::sync_folder;
pub(crate) use private::{FolderLock, private_folder, read, remove, replace, sweep};
