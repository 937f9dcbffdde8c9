//! How long clips stay that the app asked Kinora to keep.
//!
//! Kinora keeps nothing by itself: a clip goes where its [`Output`] says, and is the app's. An app
//! that wants a gallery hands such clips to [`KeptClips`], a folder from which they go by themselves.
//!
//! A clip's age is time that was seen to pass, written down at each sweep, and never the difference of
//! two dates: a clock that is set back makes no clip younger, and one that was wrong when a clip was
//! made says nothing about it later.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::clip::{Container, Output};
use crate::error::{Detail, Error, Result};
use crate::scratch::{self, FolderLock, part};

const DAY: Duration = Duration::from_secs(86_400);
/// A leap of that much is no time that passed: the clock had lost its battery and was put right.
const PUT_RIGHT: Duration = Duration::from_secs(10 * 365 * 86_400);
/// The file of ages.
const AGES: &str = "ages.json";
/// The largest file of ages that is read: some 400,000 clips.
const LARGEST: u64 = 16 << 20;
const PREFIX: &str = "clip-";
const ENDINGS: [(Container, &str); 3] =
    [(Container::Mp4, ".mp4"), (Container::Webp, ".webp"), (Container::Gif, ".gif")];

/// How long a kept clip stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Retention {
    /// Until the folder is opened or swept the next time, or a clip is put beside it.
    #[default]
    Immediately,
    /// So many days of 24 hours, counted while the folder is swept now and then.
    Keep(u32),
}

impl Retention {
    fn age(self) -> Duration {
        match self {
            Self::Immediately => Duration::ZERO,
            Self::Keep(days) => DAY * days,
        }
    }
}

/// A clip in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeptClip {
    /// Where it lies.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// How long it stays at least, as far as was counted at the last sweep.
    pub left: Duration,
}

/// Clips in a folder that only its owner may enter, each until its time is over.
///
/// Only files that have a name of [`KeptClips::output`] are ever removed. What is removed is unlinked:
/// flash memory may hold its blocks until it needs them, behind the device's own encryption.
#[derive(Debug, Clone)]
pub struct KeptClips {
    folder: PathBuf,
    retention: Retention,
}

impl KeptClips {
    /// Opens the folder, makes it where it is not there, and sweeps it: also what another retention or
    /// a crash has left.
    ///
    /// # Errors
    /// `retention.folder` when the folder cannot be used.
    pub fn open(folder: impl Into<PathBuf>, retention: Retention) -> Result<Self> {
        let clips = Self { folder: folder.into(), retention };
        scratch::private_folder(&clips.folder).map_err(|error| clips.unusable(error))?;
        clips.sweep()?;
        Ok(clips)
    }

    /// Where a new clip goes; sweeps first, so the folder holds what is due even in an app that is
    /// never opened anew.
    ///
    /// # Errors
    /// `retention.folder`.
    pub fn output(&self, container: Container) -> Result<Output> {
        Output::from_path(self.place(container)?)
    }

    /// The path behind [`KeptClips::output`], for a phone's own encoder.
    ///
    /// # Errors
    /// `retention.folder`.
    pub fn place(&self, container: Container) -> Result<PathBuf> {
        self.sweep()?;
        let ending = ENDINGS.iter().find(|(known, _)| *known == container).map_or("", |(_, e)| e);
        loop {
            // Seeded by the system anew for each.
            let number = RandomState::new().hash_one(0);
            let path = self.folder.join(format!("{PREFIX}{number:016x}{ending}"));
            if !path.exists() {
                return Ok(path);
            }
        }
    }

    /// Removes the clips whose time is over and says how many they were.
    ///
    /// # Errors
    /// `retention.folder`: one that cannot be removed does not keep the others.
    pub fn sweep(&self) -> Result<usize> {
        self.sweep_at(SystemTime::now())
    }

    /// The clips, by name.
    ///
    /// # Errors
    /// `retention.folder`.
    pub fn list(&self) -> Result<Vec<KeptClip>> {
        let _lock = self.lock()?;
        let ages = self.ages()?.clips;
        let clips = self.names()?.into_iter().filter_map(|name| {
            let path = self.folder.join(&name);
            let bytes = fs::metadata(&path).ok()?.len();
            let age = ages.get(&name).copied().unwrap_or_default();
            Some(KeptClip { path, bytes, left: self.retention.age().saturating_sub(age) })
        });
        Ok(clips.collect())
    }

    /// Removes every clip, due or not.
    ///
    /// # Errors
    /// `retention.folder`: one that cannot be removed does not keep the others.
    pub fn delete_all(&self) -> Result<usize> {
        let _lock = self.lock()?;
        // Also what a job was writing when it was killed.
        part::sweep(&self.folder, Duration::ZERO).map_err(|error| self.unusable(error))?;
        let names = self.names()?;
        let mut failed = None;
        for name in names.iter().map(String::as_str).chain([AGES]) {
            failed = scratch::remove(&self.folder.join(name)).err().or(failed);
        }
        failed.map_or(Ok(names.len()), |error| Err(self.unusable(error)))
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn sweep_at(&self, now: SystemTime) -> Result<usize> {
        let _lock = self.lock()?;
        part::sweep(&self.folder, part::STALE).map_err(|error| self.unusable(error))?;
        let known = self.ages()?;
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        // In whole seconds throughout, so that no sweep loses a part of one.
        let now = Duration::from_secs(now.as_secs());
        // Nothing has passed, as far as one knows, on a clock that was set back or put right.
        let passed = known.seen.and_then(|seen| now.checked_sub(seen));
        let passed = passed.filter(|passed| *passed < PUT_RIGHT).unwrap_or_default();
        let (mut clips, mut removed, mut failed) = (BTreeMap::new(), 0, None);
        for name in self.names()? {
            // What is seen for the first time is new.
            let age =
                known.clips.get(&name).map_or(Duration::ZERO, |age| age.saturating_add(passed));
            if age < self.retention.age() {
                clips.insert(name, age);
                continue;
            }
            match scratch::remove(&self.folder.join(&name)) {
                Ok(()) => removed += 1,
                // It stays as old as it is, and is due again.
                Err(error) => {
                    clips.insert(name, age);
                    failed = Some(error);
                }
            }
        }
        if !clips.is_empty() || known.seen.is_some() {
            self.write(&Ages { seen: Some(now), clips })?;
        }
        failed.map_or(Ok(removed), |error| Err(self.unusable(error)))
    }

    /// Names of clips, and of nothing else.
    fn names(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(|error| self.unusable(error))? {
            let name = entry.map_err(|error| self.unusable(error))?.file_name();
            names.extend(name.to_str().filter(|name| is_clip(name)).map(str::to_owned));
        }
        names.sort_unstable();
        Ok(names)
    }

    /// One that is damaged or missing knows no clip: all are new again. One that cannot be read now
    /// may be read later.
    fn ages(&self) -> Result<Ages> {
        let bytes = match scratch::read(&self.folder.join(AGES), LARGEST) {
            Err(error) if error.kind() != ErrorKind::InvalidData => {
                return Err(self.unusable(error));
            }
            bytes => bytes.ok().flatten(),
        };
        Ok(bytes.and_then(|bytes| Ages::read(&bytes)).unwrap_or_default())
    }

    fn write(&self, ages: &Ages) -> Result<()> {
        let clips: serde_json::Map<_, _> =
            ages.clips.iter().map(|(name, age)| (name.clone(), json!(age.as_secs()))).collect();
        let json = json!({ "seen": ages.seen.map(|seen| seen.as_secs()), "clips": clips });
        scratch::replace(&self.folder.join(AGES), json.to_string().as_bytes())
            .map_err(|error| self.unusable(error))
    }

    fn lock(&self) -> Result<FolderLock> {
        FolderLock::take(&self.folder).map_err(|error| self.unusable(error))
    }

    fn unusable(&self, source: std::io::Error) -> Error {
        let folder = self.folder.display();
        let message =
            format!("the folder of kept clips cannot be used: check {folder} and its permissions");
        Error::Output(Detail::new("retention.folder", message).because(source))
    }
}

/// What is known of the clips.
#[derive(Default)]
struct Ages {
    /// When the clock was read last, since 1970.
    seen: Option<Duration>,
    /// How old each was then.
    clips: BTreeMap<String, Duration>,
}

impl Ages {
    fn read(bytes: &[u8]) -> Option<Self> {
        let json: Value = serde_json::from_slice(bytes).ok()?;
        let clips = json.get("clips")?.as_object()?.iter();
        Some(Self {
            seen: Some(Duration::from_secs(json.get("seen")?.as_u64()?)),
            clips: clips
                .filter_map(|(name, age)| Some((name.clone(), Duration::from_secs(age.as_u64()?))))
                .collect(),
        })
    }
}

fn is_clip(name: &str) -> bool {
    let Some(rest) = name.strip_prefix(PREFIX) else { return false };
    let number = ENDINGS.iter().find_map(|(_, ending)| rest.strip_suffix(ending));
    number.is_some_and(|number| number.len() == 16 && number.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP: Retention = Retention::Keep(7);

    fn at(days: f64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs_f64(86_400.0 * (20_000.0 + days))
    }

    fn open(folder: &Path, retention: Retention) -> KeptClips {
        KeptClips { folder: folder.to_owned(), retention }
    }

    fn put(clips: &KeptClips) -> PathBuf {
        let path =
            clips.folder.join(format!("{PREFIX}{:016x}.mp4", RandomState::new().hash_one(0)));
        fs::write(&path, "a clip").unwrap();
        path
    }

    #[test]
    fn clips_stay_for_their_days_and_go_then() {
        let folder = tempfile::tempdir().unwrap();
        let clips = open(folder.path(), KEEP);
        assert_eq!(clips.sweep_at(at(0.0)).unwrap(), 0);
        let first = put(&clips);
        clips.sweep_at(at(0.1)).unwrap();
        let second = put(&clips);
        clips.sweep_at(at(3.0)).unwrap();
        assert_eq!(clips.list().unwrap()[0].bytes, 6);
        assert_eq!(clips.sweep_at(at(7.0)).unwrap(), 0);
        assert_eq!(clips.sweep_at(at(7.2)).unwrap(), 1);
        assert!(!first.exists() && second.exists());
        assert_eq!(clips.sweep_at(at(10.1)).unwrap(), 1);
        assert!(clips.list().unwrap().is_empty());
    }

    #[test]
    fn a_clock_that_jumps_makes_no_clip_younger() {
        let folder = tempfile::tempdir().unwrap();
        let clips = open(folder.path(), KEEP);
        put(&clips);
        clips.sweep_at(at(0.0)).unwrap();
        clips.sweep_at(at(5.0)).unwrap();
        // Back by years, as after a flat battery, and right again.
        clips.sweep_at(UNIX_EPOCH).unwrap();
        clips.sweep_at(UNIX_EPOCH + DAY).unwrap();
        assert_eq!(clips.list().unwrap()[0].left, DAY);
        assert_eq!(clips.sweep_at(UNIX_EPOCH + DAY * 2).unwrap(), 1);
        // One that was made while the clock was wrong does not go when it is right.
        let path = put(&clips);
        clips.sweep_at(UNIX_EPOCH + DAY * 3).unwrap();
        clips.sweep_at(at(9.0)).unwrap();
        clips.sweep_at(at(10.0)).unwrap();
        assert!(path.exists());
    }

    #[test]
    fn what_cannot_be_removed_stays_due_and_keeps_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let clips = open(folder.path(), KEEP);
        let clip = put(&clips);
        // A folder cannot be removed as a file.
        let stuck = folder.path().join(format!("{PREFIX}{:016x}.gif", 7));
        fs::create_dir(&stuck).unwrap();
        clips.sweep_at(at(0.0)).unwrap();
        assert_eq!(clips.sweep_at(at(8.0)).unwrap_err().code(), "retention.folder");
        assert!(!clip.exists());
        assert_eq!(clips.list().unwrap()[0].left, Duration::ZERO);
        let another = put(&clips);
        assert_eq!(clips.delete_all().unwrap_err().code(), "retention.folder");
        assert!(!another.exists());
        fs::remove_dir(&stuck).unwrap();
        clips.sweep_at(at(0.0)).unwrap();
        fs::write(&stuck, "now it can").unwrap();
        clips.sweep_at(at(0.5)).unwrap();
        assert_eq!(clips.sweep_at(at(8.0)).unwrap(), 1);
        // An age beyond all bounds is an age.
        put(&clips);
        let name = clips.names().unwrap().remove(0);
        let ages = json!({ "seen": 1, "clips": { name: u64::MAX } }).to_string();
        fs::write(folder.path().join(AGES), ages).unwrap();
        assert_eq!(clips.sweep_at(at(9.0)).unwrap(), 1);
    }

    #[test]
    fn immediately_is_at_the_next_sweep_and_only_clips_go() {
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join("clip-of-my-own.mp4");
        fs::write(&other, "mine").unwrap();
        let clips = KeptClips::open(folder.path(), Retention::default()).unwrap();
        let path = clips.place(Container::Gif).unwrap();
        fs::write(&path, "a clip").unwrap();
        assert_eq!(clips.list().unwrap().len(), 1);
        let next = clips.place(Container::Gif).unwrap();
        assert!(!path.exists() && next != path && other.exists());
    }

    #[test]
    fn a_crash_at_any_point_leaves_a_folder_that_works() {
        let folder = tempfile::tempdir().unwrap();
        let clips = open(folder.path(), KEEP);
        let path = put(&clips);
        clips.sweep_at(at(0.0)).unwrap();
        clips.sweep_at(at(6.0)).unwrap();
        let ages = fs::read(folder.path().join(AGES)).unwrap();
        for length in 0..ages.len() {
            fs::write(folder.path().join(AGES), &ages[..length]).unwrap();
            assert_eq!(clips.sweep_at(at(6.5)).unwrap(), 0);
        }
        assert!(path.exists());
        // It is new again, and goes in its time.
        clips.sweep_at(at(7.0)).unwrap();
        assert_eq!(clips.sweep_at(at(14.0)).unwrap(), 1);
        let path = put(&clips);
        clips.delete_all().unwrap();
        assert!(!path.exists() && !folder.path().join(AGES).exists());
    }
}
