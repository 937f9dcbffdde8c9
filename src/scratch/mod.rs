//! Files that are written whole or not at all, and what a crash leaves of them.

pub(crate) mod part;
mod private;

pub(crate) use private::{FolderLock, leftovers, private_folder, read, remove, replace, sweep};
