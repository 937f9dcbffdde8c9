//! Reports of clips that a person objects to: kept on the device, never sent by Kinora.
//!
//! Each report is a file of its own, written whole, with a checksum: what a crash or a bad disk
//! does to one leaves the others.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::error::{Detail, Error, Result};
use crate::scratch::{self, FolderLock};

/// The longest text of a report, characters.
pub const MAX_REPORT_CHARS: usize = 2_000;
/// The longest name of a clip, characters: a SHA-256 in hexadecimal digits has 64.
pub const MAX_CLIP_CHARS: usize = 200;
/// The largest picture that a report may hold, bytes.
pub const MAX_REPORT_PICTURE: usize = 16 << 20;
/// The largest file of a report without its picture.
const LARGEST: u64 = 64 << 10;
/// Unread reports of one millisecond; nobody files more.
const MOST_AT_ONCE: u32 = 10_000;

/// What a person objects to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReportCategory {
    /// It is sexual, or shows somebody undressed.
    Sexual,
    /// It endangers or sexualises a child.
    Child,
    /// It is violent or cruel.
    Violence,
    /// It shows a real person who has not agreed, or in what they never did.
    RealPerson,
    /// It attacks people for what they are.
    Hate,
    /// Something else: the text says what.
    Other,
}

impl ReportCategory {
    const ALL: [Self; 6] =
        [Self::Sexual, Self::Child, Self::Violence, Self::RealPerson, Self::Hate, Self::Other];

    /// Its stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sexual => "sexual",
            Self::Child => "child",
            Self::Violence => "violence",
            Self::RealPerson => "real_person",
            Self::Hate => "hate",
            Self::Other => "other",
        }
    }
}

/// A report as it is filed.
///
/// It holds no picture unless one is given with [`NewReport::picture`].
#[derive(Clone)]
pub struct NewReport {
    clip: String,
    category: ReportCategory,
    text: String,
    picture: Option<Vec<u8>>,
}

impl NewReport {
    /// `clip`: the app's name for the clip, such as its number or SHA-256, at most 200 characters.
    pub fn new(clip: impl Into<String>, category: ReportCategory) -> Self {
        Self { clip: clip.into(), category, text: String::new(), picture: None }
    }

    /// What the person says, at most [`MAX_REPORT_CHARS`] characters.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }

    /// A picture to go with it, as the bytes of a file of at most 16 MiB. Only with the person's
    /// yes: it stays until the report is deleted.
    #[must_use]
    pub fn picture(mut self, bytes: Vec<u8>) -> Self {
        self.picture = Some(bytes);
        self
    }
}

/// Neither the words nor the picture.
impl fmt::Debug for NewReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewReport({})", self.category.name())
    }
}

/// A report that was filed.
#[derive(Clone, PartialEq, Eq)]
pub struct Report {
    /// Its number, which sorts by time.
    pub id: String,
    /// The app's name for the clip.
    pub clip: String,
    /// What it objects to.
    pub category: ReportCategory,
    /// What the person says.
    pub text: String,
    /// When it was filed, to the millisecond.
    pub filed: SystemTime,
    /// When it was marked as handled.
    pub handled: Option<SystemTime>,
    /// Whether there is a picture: [`ReportQueue::picture`].
    pub has_picture: bool,
}

/// Neither the words nor the clip.
impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.handled.is_some() { "handled" } else { "open" };
        write!(f, "Report({}, {}, {state})", self.id, self.category.name())
    }
}

/// What is in a queue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reports {
    /// The reports, oldest first.
    pub reports: Vec<Report>,
    /// Numbers of reports whose files are damaged; they can still be deleted.
    pub damaged: Vec<String>,
}

/// Reports on this device, in a folder that only its owner may enter.
///
/// It serves the duty of stores to let people object to what was generated: the app shows its own
/// form, files the answer here, and sees to it. Kinora sends nothing and reads nothing of it.
#[derive(Debug, Clone)]
pub struct ReportQueue {
    folder: PathBuf,
}

impl ReportQueue {
    /// Opens the queue in `folder`, which is made where it is not there, and removes what a crash has
    /// left half written.
    ///
    /// # Errors
    /// `safety.report_folder` when the folder cannot be used.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self> {
        let queue = Self { folder: folder.into() };
        scratch::private_folder(&queue.folder).map_err(|error| queue.unusable(error))?;
        let _lock = queue.lock()?;
        scratch::sweep(&queue.folder).map_err(|error| queue.unusable(error))?;
        // A picture is written before its report and removed after it.
        for id in queue.names(PICTURE)? {
            if !queue.path(&id, REPORT).exists() {
                scratch::remove(&queue.path(&id, PICTURE)).map_err(|e| queue.unusable(e))?;
            }
        }
        Ok(queue)
    }

    /// Files a report and says its number.
    ///
    /// # Errors
    /// `safety.report_text`, `safety.report_picture` for what is too long; `safety.report_folder`.
    pub fn add(&self, report: NewReport) -> Result<String> {
        let NewReport { clip, category, text, picture } = report;
        if text.chars().count() > MAX_REPORT_CHARS || clip.chars().count() > MAX_CLIP_CHARS {
            let message = "a report's text has at most 2,000 characters and a clip's name 200";
            return Err(Error::Request(Detail::new("safety.report_text", message)));
        }
        if picture.as_ref().is_some_and(|picture| picture.len() > MAX_REPORT_PICTURE) {
            let message = "a report's picture may have at most 16 MiB: give a smaller one";
            return Err(Error::Request(Detail::new("safety.report_picture", message)));
        }
        let _lock = self.lock()?;
        let filed = SystemTime::now();
        let time = millis(filed);
        let id = (0..MOST_AT_ONCE)
            .map(|number| format!("{time:013}-{number:04}"))
            .find(|id| !self.path(id, REPORT).exists())
            .ok_or_else(|| self.unusable(std::io::ErrorKind::AlreadyExists.into()))?;
        let has_picture = picture.is_some();
        if let Some(picture) = picture {
            self.write(&id, PICTURE, &picture)?;
        }
        let report = Report { id, clip, category, text, filed, handled: None, has_picture };
        self.put(&report)?;
        Ok(report.id)
    }

    /// All reports, and the numbers of those that cannot be read.
    ///
    /// # Errors
    /// `safety.report_folder` when the folder cannot be read.
    pub fn list(&self) -> Result<Reports> {
        let _lock = self.lock()?;
        let mut out = Reports::default();
        for id in self.names(REPORT)? {
            match self.get(&id) {
                Ok(report) => out.reports.push(report),
                Err(_) => out.damaged.push(id),
            }
        }
        Ok(out)
    }

    /// Marks a report as handled, now; one that is already stays as it is.
    ///
    /// # Errors
    /// `safety.no_report`, `safety.report_damaged`, `safety.report_folder`.
    pub fn mark_handled(&self, id: &str) -> Result<()> {
        let _lock = self.lock()?;
        let mut report = self.get(id)?;
        if report.handled.is_some() {
            return Ok(());
        }
        report.handled = Some(SystemTime::now());
        self.put(&report)
    }

    /// The picture that was filed with a report.
    ///
    /// # Errors
    /// `safety.no_report` where there is none, `safety.report_damaged`, `safety.report_folder`.
    pub fn picture(&self, id: &str) -> Result<Vec<u8>> {
        let _lock = self.lock()?;
        self.read(id, PICTURE, MAX_REPORT_PICTURE as u64 + CHECKSUM as u64)
    }

    /// Deletes a report and its picture, also a damaged one. One that is not there is no error.
    ///
    /// # Errors
    /// `safety.no_report` for what can be no number, `safety.report_folder`.
    pub fn delete(&self, id: &str) -> Result<()> {
        if !is_id(id) {
            return Err(no_report());
        }
        let _lock = self.lock()?;
        for kind in [REPORT, PICTURE] {
            scratch::remove(&self.path(id, kind)).map_err(|error| self.unusable(error))?;
        }
        Ok(())
    }

    /// Deletes every report, read or not.
    ///
    /// # Errors
    /// `safety.report_folder`.
    pub fn delete_all(&self) -> Result<()> {
        let _lock = self.lock()?;
        for kind in [REPORT, PICTURE] {
            for id in self.names(kind)? {
                scratch::remove(&self.path(&id, kind)).map_err(|error| self.unusable(error))?;
            }
        }
        Ok(())
    }

    /// The folder that it lies in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn put(&self, report: &Report) -> Result<()> {
        let json = json!({
            "clip": report.clip,
            "category": report.category.name(),
            "text": report.text,
            "filed": millis(report.filed),
            "handled": report.handled.map(millis),
            "picture": report.has_picture,
        });
        self.write(&report.id, REPORT, json.to_string().as_bytes())
    }

    fn get(&self, id: &str) -> Result<Report> {
        let bytes = self.read(id, REPORT, LARGEST)?;
        let json: Value = serde_json::from_slice(&bytes).map_err(|_| damaged())?;
        parse(id, &json).ok_or_else(damaged)
    }

    /// The checksum, then the bytes.
    fn write(&self, id: &str, kind: &str, bytes: &[u8]) -> Result<()> {
        let mut file = format!("{:08x}\n", crc32fast::hash(bytes)).into_bytes();
        file.extend_from_slice(bytes);
        scratch::replace(&self.path(id, kind), &file).map_err(|error| self.unusable(error))
    }

    fn read(&self, id: &str, kind: &str, limit: u64) -> Result<Vec<u8>> {
        if !is_id(id) {
            return Err(no_report());
        }
        let file = scratch::read(&self.path(id, kind), limit).map_err(|error| {
            match error.kind() == std::io::ErrorKind::InvalidData {
                true => damaged(),
                false => self.unusable(error),
            }
        })?;
        let file = file.ok_or_else(no_report)?;
        let (sum, bytes) = file.split_at_checked(CHECKSUM).ok_or_else(damaged)?;
        if sum != format!("{:08x}\n", crc32fast::hash(bytes)).as_bytes() {
            return Err(damaged());
        }
        Ok(bytes.to_vec())
    }

    /// Numbers of the files of a kind, oldest first.
    fn names(&self, kind: &str) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(|error| self.unusable(error))? {
            let name = entry.map_err(|error| self.unusable(error))?.file_name();
            let id = name.to_str().and_then(|name| name.strip_suffix(kind));
            names.extend(id.filter(|id| is_id(id)).map(str::to_owned));
        }
        names.sort_unstable();
        Ok(names)
    }

    fn path(&self, id: &str, kind: &str) -> PathBuf {
        self.folder.join(format!("{id}{kind}"))
    }

    fn lock(&self) -> Result<FolderLock> {
        FolderLock::take(&self.folder).map_err(|error| self.unusable(error))
    }

    fn unusable(&self, error: std::io::Error) -> Error {
        let folder = self.folder.display();
        let message = format!("reports cannot be kept in {folder}: free some room or give another");
        Error::Output(Detail::new("safety.report_folder", message).because(error))
    }
}

const REPORT: &str = ".report";
const PICTURE: &str = ".picture";
/// Eight digits and a line end.
const CHECKSUM: usize = 9;

/// Digits and one hyphen: nothing that leads out of the folder.
fn is_id(id: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    id.len() < 40 && id.split_once('-').is_some_and(|(time, number)| digits(time) && digits(number))
}

fn parse(id: &str, json: &Value) -> Option<Report> {
    let category = json["category"].as_str()?;
    let time = |millis: &Value| UNIX_EPOCH.checked_add(Duration::from_millis(millis.as_u64()?));
    Some(Report {
        id: id.to_owned(),
        clip: json["clip"].as_str()?.to_owned(),
        category: ReportCategory::ALL.into_iter().find(|known| known.name() == category)?,
        text: json["text"].as_str()?.to_owned(),
        filed: time(&json["filed"])?,
        handled: if json["handled"].is_null() { None } else { Some(time(&json["handled"])?) },
        has_picture: json["picture"].as_bool()?,
    })
}

fn millis(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

fn no_report() -> Error {
    Error::Request(Detail::new("safety.no_report", "there is no report with this number"))
}

fn damaged() -> Error {
    let message = "the report's file is damaged: it can only be deleted";
    Error::Request(Detail::new("safety.report_damaged", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue() -> (tempfile::TempDir, ReportQueue) {
        let folder = tempfile::tempdir().unwrap();
        let queue = ReportQueue::open(folder.path().join("reports")).unwrap();
        (folder, queue)
    }

    fn names(queue: &ReportQueue) -> usize {
        fs::read_dir(queue.folder())
            .unwrap()
            .filter(|e| e.as_ref().unwrap().file_name() != "lock")
            .count()
    }

    #[test]
    fn reports_are_filed_listed_handled_and_deleted() {
        let (_folder, queue) = queue();
        let one = NewReport::new("clip-7", ReportCategory::RealPerson).text("That is „me“.\n");
        let one = queue.add(one).unwrap();
        let two = NewReport::new("clip-8", ReportCategory::Other).picture(vec![1, 2, 3]);
        let two = queue.add(two).unwrap();
        assert!(one < two);
        queue.mark_handled(&one).unwrap();

        // Another opening sees the same: nothing is held in memory.
        let queue = ReportQueue::open(queue.folder()).unwrap();
        let all = queue.list().unwrap();
        assert_eq!((all.reports.len(), all.damaged.len()), (2, 0));
        let [first, second] = [&all.reports[0], &all.reports[1]];
        assert_eq!((first.id.as_str(), first.clip.as_str()), (one.as_str(), "clip-7"));
        assert_eq!(
            (first.category, first.text.as_str()),
            (ReportCategory::RealPerson, "That is „me“.\n")
        );
        assert!(first.handled.is_some() && second.handled.is_none());
        assert!(!first.has_picture && second.has_picture);
        assert_eq!(queue.picture(&two).unwrap(), [1, 2, 3]);
        assert_eq!(queue.picture(&one).unwrap_err().code(), "safety.no_report");
        assert_eq!(format!("{first:?}"), format!("Report({one}, real_person, handled)"));

        queue.delete(&two).unwrap();
        queue.delete(&two).unwrap();
        assert_eq!((queue.list().unwrap().reports.len(), names(&queue)), (1, 1));
        queue.delete_all().unwrap();
        assert_eq!(names(&queue), 0);
    }

    #[test]
    fn what_is_too_long_or_no_number_is_refused() {
        let (_folder, queue) = queue();
        let long = NewReport::new("c", ReportCategory::Hate).text("é".repeat(MAX_REPORT_CHARS + 1));
        assert_eq!(queue.add(long).unwrap_err().code(), "safety.report_text");
        let long = NewReport::new("c".repeat(MAX_CLIP_CHARS + 1), ReportCategory::Hate);
        assert_eq!(queue.add(long).unwrap_err().code(), "safety.report_text");
        let big =
            NewReport::new("c", ReportCategory::Hate).picture(vec![0; MAX_REPORT_PICTURE + 1]);
        assert_eq!(queue.add(big).unwrap_err().code(), "safety.report_picture");
        for id in ["", "../lock", "1", "1-", "-1", "1-2/3", "1-2.report"] {
            assert_eq!(queue.delete(id).unwrap_err().code(), "safety.no_report", "{id}");
            assert_eq!(queue.mark_handled(id).unwrap_err().code(), "safety.no_report", "{id}");
        }
        assert_eq!(names(&queue), 0);
    }

    #[test]
    fn damage_to_one_report_leaves_the_others() {
        let (_folder, queue) = queue();
        let whole = queue.add(NewReport::new("a", ReportCategory::Child)).unwrap();
        let hurt = queue.add(NewReport::new("b", ReportCategory::Child).text("x")).unwrap();
        let path = queue.path(&hurt, REPORT);
        let bytes = fs::read(&path).unwrap();
        let only_whole = |what: &str| {
            let all = queue.list().unwrap();
            assert_eq!(all.damaged, std::slice::from_ref(&hurt), "{what}");
            assert_eq!(all.reports.iter().map(|r| &r.id).collect::<Vec<_>>(), [&whole], "{what}");
        };
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, flipped).unwrap();
            only_whole(&format!("bit {bit}"));
        }
        for length in 0..bytes.len() {
            fs::write(&path, &bytes[..length]).unwrap();
            only_whole(&format!("cut to {length}"));
        }
        fs::write(&path, vec![b'x'; 1 << 20]).unwrap();
        only_whole("too long");
        assert_eq!(queue.mark_handled(&hurt).unwrap_err().code(), "safety.report_damaged");
        queue.delete(&hurt).unwrap();
        assert!(queue.list().unwrap().damaged.is_empty());
    }

    #[test]
    fn what_a_crash_left_is_swept() {
        let (_folder, queue) = queue();
        let kept = queue.add(NewReport::new("a", ReportCategory::Other).picture(vec![9])).unwrap();
        // Killed between picture and report, and in the middle of a file.
        fs::write(queue.path("5-0000", PICTURE), "orphan").unwrap();
        fs::write(queue.folder().join(".kinora-x.part"), "half").unwrap();
        let queue = ReportQueue::open(queue.folder()).unwrap();
        assert_eq!((names(&queue), queue.picture(&kept).unwrap()), (2, vec![9]));
    }
}
