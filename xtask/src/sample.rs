//! A sample of the training data: a few files of each folder, as links.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Folders of pictures, and how many are taken from each; `*` stands for every folder in it.
const PICTURES: &[(&str, usize)] = &[
    ("faces/kaggle_facemask/images_jpg90", 30),
    ("faces/synthetic", 60),
    ("faces/caltech_faces", 24),
    ("faces/dlib_faces", 13),
    ("faces/imageio", 9),
    ("faces/pillow_hopper", 9),
    ("photos/*", 4),
];
/// Folders of clips, and how many: the smallest files.
const CLIPS: &[(&str, usize)] = &[("videos/*", 2)];
/// What is taken whole: annotations and teachers.
const WHOLE: &[&str] = &["faces/labels", "models"];

/// Links a sample of `data` into the new folder `to`; the same sample each time.
pub(crate) fn draw(data: &Path, to: &Path) -> Result<PathBuf, Failure> {
    for whole in WHOLE {
        if data.join(whole).exists() {
            link(&data.join(whole), &to.join(whole))?;
        }
    }
    for (folders, count) in PICTURES.iter().chain(CLIPS) {
        for folder in expand(data, folders) {
            let files = files(&data.join(&folder));
            let clips = CLIPS.iter().any(|(clips, _)| clips == folders);
            let chosen = if clips { smallest(files, *count) } else { spread(files, *count) };
            for file in chosen {
                let Some(name) = file.file_name() else { continue };
                link(&file, &to.join(&folder).join(name))?;
            }
        }
    }
    Ok(to.to_owned())
}

/// A portrait of the data that anyone may be shown.
pub(crate) fn portrait(data: &Path) -> Result<PathBuf, Failure> {
    ["faces/imageio", "faces/pillow_hopper", "faces/synthetic"]
        .iter()
        .flat_map(|folder| files(&data.join(folder)))
        .find(|file| file.extension().is_some_and(|e| e == "png" || e == "jpg"))
        .ok_or_else(|| Failure::new(format!("{} holds no portrait", data.display())))
}

fn expand(data: &Path, folders: &str) -> Vec<PathBuf> {
    let Some(parent) = folders.strip_suffix("/*") else { return vec![folders.into()] };
    let mut inner: Vec<PathBuf> = fs::read_dir(data.join(parent))
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter(|entry| entry.path().is_dir())
        .map(|entry| Path::new(parent).join(entry.file_name()))
        .collect();
    inner.sort();
    inner
}

/// The files of a folder by name; none where it is absent.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut files: Vec<PathBuf> = entries.map(|e| e.path()).filter(|path| path.is_file()).collect();
    files.sort();
    files
}

/// `count` of them, evenly over the list: the first and the last ones are among them.
fn spread(files: Vec<PathBuf>, count: usize) -> Vec<PathBuf> {
    let all = files.len();
    if all <= count {
        return files;
    }
    (0..count).map(|i| files[i * (all - 1) / (count - 1)].clone()).collect()
}

fn smallest(mut files: Vec<PathBuf>, count: usize) -> Vec<PathBuf> {
    files.sort_by_key(|file| fs::metadata(file).map_or(u64::MAX, |about| about.len()));
    files.truncate(count);
    files
}

fn link(from: &Path, to: &Path) -> Result<(), Failure> {
    let parent = to.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent)
        .map_err(Failure::while_doing(format!("cannot make {}", parent.display())))?;
    #[cfg(unix)]
    let linked = std::os::unix::fs::symlink(from, to);
    #[cfg(not(unix))]
    let linked = Err::<(), _>(std::io::Error::from(std::io::ErrorKind::Unsupported));
    linked.map_err(Failure::while_doing(format!("cannot link {}", to.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_spread_over_the_list() {
        let files: Vec<PathBuf> = (0..100).map(|i| format!("{i:03}").into()).collect();
        let some = spread(files.clone(), 10);
        assert_eq!((some.len(), &some[0], &some[9]), (10, &files[0], &files[99]));
        assert_eq!(spread(files.clone(), 100), files);
    }
}
