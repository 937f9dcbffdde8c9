//! Frames as numbered PNG files in a folder.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder, ImageError};

use crate::clip::frame::ToRgb;
use crate::clip::target::{existing_folder, failed, folder_of, io_error, sync_folder};
use crate::clip::{Encoder, Finish, Frame, Layout, Rgb8, Target, Written};
use crate::error::{Detail, Error, Result};
use crate::scratch::part;

/// Writes `frame_0000.png`, … into a hidden folder and moves them out at the end.
pub(crate) struct PngFolder {
    folder: PathBuf,
    /// Inside `folder`, so that moving a file out never crosses disks.
    temporary: PathBuf,
    /// Says to other processes that the frames are being written.
    held: Option<File>,
    created: bool,
    finished: bool,
    next: u32,
    converted: ToRgb,
    finish: Finish,
}

impl PngFolder {
    pub(crate) fn open(folder: &Path, finish: Finish) -> Result<Self> {
        if folder.exists() && !folder.is_dir() {
            return Err(failed(
                "output.is_file",
                format!("{} is a file: give the name of a folder", folder.display()),
            ));
        }
        let created = !folder.exists();
        if created {
            existing_folder(&folder_of(folder))?;
            fs::create_dir(folder).map_err(|source| io_error(folder, source))?;
        } else {
            free_of_frames(folder)?;
        }
        // From here on dropping cleans up.
        let mut own = Self {
            folder: folder.to_path_buf(),
            temporary: PathBuf::new(),
            held: None,
            created,
            finished: false,
            next: 0,
            converted: ToRgb::new(),
            finish,
        };
        // What a killed process left here long ago; it is no reason to fail.
        _ = part::sweep(folder, part::STALE);
        let (held, temporary) = part::folder(folder).map_err(|source| io_error(folder, source))?;
        own.held = Some(held);
        own.temporary = temporary;
        Ok(own)
    }

    fn move_out(&mut self) -> Result<()> {
        // Again: another program may have put frames there meanwhile.
        free_of_frames(&self.folder)?;
        for number in 0..self.next {
            let path = self.folder.join(name(number));
            fs::rename(self.temporary.join(name(number)), &path)
                .map_err(|source| io_error(&path, source))?;
        }
        part::remove_folder(self.held.take(), &self.temporary)
            .map_err(|source| io_error(&self.folder, source))?;
        self.finished = true;
        sync_folder(&self.folder);
        Ok(())
    }
}

impl Encoder for PngFolder {
    fn layout(&self) -> Layout {
        Layout::Rgb
    }

    fn write(&mut self, frame: &Frame) -> Result<()> {
        let path = self.temporary.join(name(self.next));
        write_png(&path, self.converted.view(frame)?, &self.finish)?;
        self.next += 1;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Written> {
        self.move_out()?;
        Ok(Written::Path(self.folder.clone()))
    }
}

impl Drop for PngFolder {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        self.held = None;
        if !self.temporary.as_os_str().is_empty() {
            _ = fs::remove_dir_all(&self.temporary);
        }
        if self.created {
            // Only when it is empty, which is what this call is for.
            _ = fs::remove_dir(&self.folder);
        }
    }
}

fn name(number: u32) -> String {
    format!("frame_{number:04}.png")
}

fn write_png(path: &Path, frame: &Rgb8, finish: &Finish) -> Result<()> {
    let failure = |source| io_error(path, source);
    let mut bytes = Vec::new();
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive)
        .write_image(frame.pixels(), frame.width(), frame.height(), ExtendedColorType::Rgb8)
        .map_err(|source| match source {
            ImageError::IoError(source) => io_error(path, source),
            other => {
                let message = format!("{} could not be encoded as PNG", path.display());
                Error::Output(Detail::new("output.png", message).because(other))
            }
        })?;
    let mut whole = Target::of(bytes);
    finish.apply(&mut whole)?;
    let mut file = File::create(path).map_err(failure)?;
    file.write_all(&whole.into_bytes()).map_err(failure)?;
    file.sync_all().map_err(failure)
}

/// `output.folder_in_use` when frames of a clip already stand in `folder`.
fn free_of_frames(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(|source| io_error(folder, source))? {
        let entry = entry.map_err(|source| io_error(folder, source))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("frame_") && name.ends_with(".png") {
            return Err(failed(
                "output.folder_in_use",
                format!(
                    "{} already holds the frames of a clip: choose another folder or delete them",
                    folder.display()
                ),
            ));
        }
    }
    Ok(())
}
