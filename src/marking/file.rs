//! Marks go into files: while they are still under a temporary name, or afterwards.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::Path;

use super::container::{Input, Kind, Scan, edits, payload, splice, unknown};
use super::{LARGEST_FILE, LayerKind, Statement, failed, xmp};
use crate::clip::{Finishing, Target};
use crate::error::{Detail, Error, Result};

/// Writes a [`Statement`] into files: the XMP packet and, with a signer, the C2PA manifest.
///
/// The same clip, statement and signer give the same bytes. What others wrote is carried on: a
/// packet is added to, a declaration that a model had a part stays as it is, and a manifest becomes
/// the parent of the new one. A packet that nobody can read, such as two in one file, is replaced. A
/// file with a manifest is left alone where there is no signer, since any new byte would break what
/// that manifest vouches for.
#[derive(Debug, Clone)]
pub struct FileMarks {
    statement: Statement,
    #[cfg(feature = "c2pa")]
    order: Option<super::manifest::Order>,
}

impl FileMarks {
    /// Only the XMP packet.
    pub fn new(statement: Statement) -> Self {
        Self {
            statement,
            #[cfg(feature = "c2pa")]
            order: None,
        }
    }

    /// Also a manifest by `signer`, in files that are whole clips or pictures. Frames in a folder of
    /// PNG files get the packet alone: a signature for each would be hundreds for a clip.
    #[cfg(feature = "c2pa")]
    #[must_use]
    pub fn signed_by(mut self, signer: std::sync::Arc<dyn super::ManifestSigner>) -> Self {
        self.order = Some(super::manifest::Order::new(signer));
        self
    }

    /// Names the photo in the manifest, by the hash of its file and with the manifest that it
    /// carries itself. Only for a person who wants that: the hash links the clip to the photo for
    /// everybody who has both. Without a signer it changes nothing.
    #[cfg(feature = "c2pa")]
    #[must_use]
    pub fn made_of(mut self, photo: std::sync::Arc<[u8]>) -> Self {
        self.order = self.order.map(|order| order.made_of(photo));
        self
    }

    /// What is told.
    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    /// Marks the file at `path`, such as one that a phone's encoder wrote: MP4, MOV, WebP, GIF, PNG
    /// or JPEG of up to 512 MiB. Says which layers it has now, of ours or of others. The file keeps
    /// its old bytes until the new ones are whole, and its permissions; behind a link it is the file
    /// itself that is marked.
    ///
    /// # Errors
    /// `marking.unreadable_file`, `marking.format`, `marking.damaged`, `marking.too_large`,
    /// `marking.signer`, `marking.manifest`; `output.*` where it cannot be written.
    pub fn sign_file(&self, path: impl AsRef<Path>) -> Result<Vec<LayerKind>> {
        let path = &path.as_ref();
        let unreadable = |source| {
            let message =
                format!("{} cannot be read: check its path and permissions", path.display());
            Error::Output(Detail::new("marking.unreadable_file", message).because(source))
        };
        let mut source = File::open(path).map_err(unreadable)?;
        let metadata = source.metadata().map_err(unreadable)?;
        check_length(metadata.len())?;
        let whole = path.canonicalize().map_err(unreadable)?;
        let mut file = Target::file(&whole)?;
        file.permit(metadata.permissions())?;
        std::io::copy(&mut source, &mut file).map_err(|source| file.error(source))?;
        drop(source);
        let Layers { has, changed } = self.write(&mut file, true)?;
        if changed {
            file.commit()?;
        }
        Ok(has)
    }

    /// Marks the bytes of a file, as [`FileMarks::sign_file`] does.
    ///
    /// # Errors
    /// As [`FileMarks::sign_file`].
    pub fn sign_bytes(&self, bytes: Vec<u8>) -> Result<Vec<u8>> {
        check_length(bytes.len() as u64)?;
        let mut file = Target::of(bytes);
        self.write(&mut file, true)?;
        Ok(file.into_bytes())
    }

    /// Says which layers the file has then. `alone`: the file is a clip or a picture by itself. After
    /// an error of `marking.*` the file is whole.
    pub(crate) fn write(&self, file: &mut Target, alone: bool) -> Result<Layers> {
        check_length(file.length()?)?;
        let scan = scanned(file)?;
        let signs = self.signs() && (alone || scan.kind != Kind::Png);
        if scan.manifests > 0 && !signs {
            // Whether that manifest says who made it is for a reader of manifests to tell.
            return Ok(Layers { has: vec![LayerKind::Manifest], changed: false });
        }
        #[cfg(feature = "c2pa")]
        let order = self.order.as_ref().filter(|_| signs);
        #[cfg(feature = "c2pa")]
        // Before any byte changes: a parent is judged as it came.
        let draft = order.map(|order| order.draft(file, &scan, &self.statement)).transpose()?;
        let changed = self.write_xmp(file, &scan)?;
        #[cfg(feature = "c2pa")]
        if let Some(draft) = draft {
            draft.sign(file)?;
            let has = vec![LayerKind::Xmp, LayerKind::Manifest];
            return Ok(Layers { has, changed: true });
        }
        Ok(Layers { has: vec![LayerKind::Xmp], changed })
    }

    /// Says whether anything had to be written.
    fn write_xmp(&self, file: &mut Target, scan: &Scan) -> Result<bool> {
        let packet = match &scan.xmp[..] {
            [old] if old.readable => {
                let old = payload(file, old)?;
                match xmp::merged(&old, &self.statement) {
                    Some(merged) if merged == old => return Ok(false),
                    Some(merged) => merged,
                    None => xmp::write(&self.statement),
                }
            }
            _ => xmp::write(&self.statement),
        };
        let edits = edits(file, scan, &packet)?;
        splice(file, edits)?;
        Ok(true)
    }

    fn signs(&self) -> bool {
        #[cfg(feature = "c2pa")]
        return self.order.is_some();
        #[cfg(not(feature = "c2pa"))]
        false
    }
}

/// What a file that was to be marked is like then.
pub(crate) struct Layers {
    pub(crate) has: Vec<LayerKind>,
    /// Whether any byte is new.
    pub(crate) changed: bool,
}

impl Finishing for FileMarks {
    fn finish(&self, file: &mut Target) -> Result<()> {
        self.write(file, false).map(drop)
    }
}

fn scanned(file: &mut Target) -> Result<Scan> {
    let scan = Input::new(file).and_then(|mut input| input.scan());
    let scan = scan.map_err(|source| file.error(source))?.ok_or_else(unknown)?;
    file.seek(SeekFrom::Start(0)).map_err(|source| file.error(source))?;
    Ok(scan)
}

fn check_length(length: u64) -> Result<()> {
    if length > LARGEST_FILE {
        let message = "files of more than 512 MiB are not marked: shorten the clip";
        return Err(failed("marking.too_large", message));
    }
    Ok(())
}
