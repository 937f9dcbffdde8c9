//! A pack as one file: a ZIP archive without compression, so that weights can be mapped from where
//! they lie. Written and read by the crate `zip`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::members::{MANIFEST, Members, Span, unreadable};
use super::{refuse, refuse_for};
use crate::error::Result;

/// Each member begins at a multiple of this, the page size of most systems.
const ALIGNMENT: u16 = 4096;

/// Where each member's bytes lie.
///
/// # Errors
/// `pack.unreadable`; `pack.archive` for what is no archive, or one with compressed or encrypted
/// members.
pub(super) fn entries(path: &Path) -> Result<BTreeMap<String, Span>> {
    let file = File::open(path).map_err(|error| unreadable(path, error))?;
    read_entries(BufReader::new(file))
}

pub(super) fn read_entries(mut file: impl Read + Seek) -> Result<BTreeMap<String, Span>> {
    let no_archive = |error| {
        refuse_for(
            "pack.archive",
            "the file is no pack: give a folder, or a file that `kinora pack` or the exporter made",
            error,
        )
    };
    let whole = file.seek(SeekFrom::End(0)).map_err(|error| no_archive(error.into()))?;
    let mut archive = ZipArchive::new(file).map_err(no_archive)?;
    let mut entries = BTreeMap::new();
    for number in 0..archive.len() {
        let entry = archive.by_index_raw(number).map_err(no_archive)?;
        let name = entry.name().to_owned();
        let stored = entry.compression() == CompressionMethod::Stored && !entry.encrypted();
        let size = entry.size();
        let start = entry
            .data_start()
            .filter(|start| start.checked_add(size).is_some_and(|end| end <= whole));
        let (Some(offset), true) =
            (start, stored && entry.is_file() && size == entry.compressed_size())
        else {
            let message = format!(
                "{name:?} is compressed, encrypted or no file, so it cannot be mapped: store the members of a pack as they are"
            );
            return Err(refuse("pack.archive", message));
        };
        entries.insert(name, Span { offset, size });
    }
    Ok(entries)
}

/// Writes a pack's members into one file, `pack.json` first.
///
/// # Errors
/// `pack.unreadable`, `pack.write`.
pub(super) fn write(
    members: &Members,
    names: &[&str],
    file: &mut (impl Write + Seek),
) -> Result<()> {
    let failed = |error: std::io::Error| {
        refuse_for(
            "pack.write",
            "the pack cannot be written: make room and check permissions",
            error,
        )
    };
    let mut archive = ZipWriter::new(file);
    // No time: the same pack is the same file.
    let options = SimpleFileOptions::DEFAULT
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::DEFAULT)
        .unix_permissions(0o644)
        .with_alignment(ALIGNMENT);
    for name in std::iter::once(MANIFEST).chain(names.iter().copied()) {
        let large = members.locate(name)?.span.size >= u64::from(u32::MAX);
        archive
            .start_file(name, options.large_file(large))
            .map_err(|error| failed(error.into()))?;
        std::io::copy(&mut members.reader(name)?, &mut archive).map_err(failed)?;
    }
    archive.finish().map_err(|error| failed(error.into()))?;
    Ok(())
}
