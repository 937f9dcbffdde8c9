//! Remote jobs through the same door: the studio sees whether there is a face, and nothing of it
//! goes further than that one bit.

use std::time::Instant;

use super::Studio;
use super::job::{Clip, GenerationJob, Made, StageSeconds, panicked, spawn};
use super::marks::ClipMarks;
use super::progress::{Board, Stage};
use super::request::GenerationRequest;
use crate::clip::{FilePlace, Fps, Output, Written};
use crate::consent::Grant;
use crate::error::{Detail, Error, Result};
use crate::marking::Marking;
use crate::remote::{DataKept, Fetched, Payload, Remote, RemoteProgress};
use crate::runtime::Cancel;
use crate::safety::{Checked, Side};

impl Studio {
    /// The same studio, whose remote jobs go through `remote`. The networks are shared.
    #[must_use]
    pub fn with_remote(&self, remote: Remote) -> Self {
        Self { shared: std::sync::Arc::clone(&self.shared), remote: Some(remote) }
    }

    /// What a remote model would be sent for `request`, byte for byte. Nothing is sent; the same
    /// request then sends exactly this, unless something else was sent in between.
    ///
    /// `region`: one of the provider's; without, its first.
    ///
    /// # Errors
    /// `remote.none` without [`StudioOptions::remote`](super::StudioOptions::remote), `safety.*` for
    /// a prompt that the gate holds back, `remote.*` for what the model does not take.
    pub fn preview(
        &self,
        request: GenerationRequest,
        model: &str,
        region: Option<&str>,
    ) -> Result<Payload> {
        let remote = self.remote()?;
        let person = self.shows_person(&request)?;
        // A preview goes nowhere, so it needs no place.
        let order = request.output(Output::bytes(crate::Container::Mp4)).into_remote(person)?;
        remote.payload(model, region, order.asked)
    }

    pub(super) fn generate_remotely(
        &self,
        request: GenerationRequest,
        model: &str,
        grant: Grant,
    ) -> Result<GenerationJob> {
        let remote = self.remote()?.clone();
        let person = self.shows_person(&request)?;
        let checks = self.checks(&remote, &request);
        let marking = request.asked_marking().unwrap_or(&self.shared.marking).clone();
        let order = request.into_remote(person)?;
        let (rights, seed) = (order.rights, order.seed);
        let payload = remote.payload(model, Some(grant.destination().region()), order.asked)?;
        remote.ready(&payload, &grant, rights)?;
        // Opened first: a place that cannot be written is known before anything is sent.
        let place = FilePlace::open(order.output)?;
        spawn(move |board, cancel| {
            let started = Instant::now();
            let tell = &mut |progress| show(board, progress);
            let fetched = remote.make(&payload, &grant, rights, seed, cancel, tell)?;
            drop(payload);
            finish(&remote, fetched, place, &marking, checks, started)
        })
    }

    /// Goes on with a remote job that was begun before, also before a restart. It is looked for and
    /// followed, and never sent again. Its clip is marked as the studio's options say.
    ///
    /// # Errors
    /// `remote.no_job`, `remote.over`, `output.*`; later `consent.*` and `remote.*` from
    /// [`GenerationJob::wait`].
    pub fn resume(&self, id: &str, output: Output) -> Result<GenerationJob> {
        let remote = self.remote()?.clone();
        remote.resumable(id)?;
        let place = FilePlace::open(output)?;
        let (id, marking) = (id.to_owned(), self.shared.marking.clone());
        spawn(move |board, cancel| {
            let started = Instant::now();
            let fetched = remote.go_on(&id, cancel, &mut |progress| show(board, progress))?;
            // What was checked before a restart is not known any more.
            finish(&remote, fetched, place, &marking, Vec::new(), started)
        })
    }

    /// What is held on this device: by the remote side, and as checkpoints of packs' jobs, which
    /// [`Checkpoints`](crate::checkpoint::Checkpoints) removes. Without either nothing is, since local
    /// jobs leave nothing but their clips.
    ///
    /// # Errors
    /// As [`Remote::data`]; `checkpoint.folder`.
    pub fn data(&self) -> Result<DataKept> {
        let mut held =
            self.remote.as_ref().map_or_else(|| Ok(DataKept::default()), Remote::data)?;
        if let Some(checkpoints) = &self.shared.checkpoints {
            held.checkpoints = checkpoints.list()?;
        }
        Ok(held)
    }

    /// The remote side that the studio was opened with.
    ///
    /// # Errors
    /// `remote.none`.
    pub fn remote(&self) -> Result<&Remote> {
        self.remote.as_ref().ok_or_else(|| {
            Error::Remote(Detail::new(
                "remote.none",
                "this studio has no remote side: open it with StudioOptions::remote",
            ))
        })
    }

    /// Whether somebody may be seen; the photo passes the input gates first. In a video nobody looks,
    /// so somebody may.
    ///
    /// # Errors
    /// `safety.*`; `safety.unchecked` for a video where there are input gates.
    fn shows_person(&self, request: &GenerationRequest) -> Result<bool> {
        let gates = &self.shared.gates;
        match request.photo() {
            Some(photo) => {
                self.shared.check_photo(photo, &Cancel::new())?;
                Ok(!self.faces(photo)?.is_empty())
            }
            None if request.is_video() && gates.look_at(Side::Input) => {
                let message = "this app checks what is sent, and the pictures of a video cannot be \
                               checked: give a photo";
                Err(Error::Request(Detail::new("safety.unchecked", message)))
            }
            None => Ok(request.is_video()),
        }
    }

    /// The gates that a request for a remote model has passed once it is sent.
    fn checks(&self, remote: &Remote, request: &GenerationRequest) -> Vec<Checked> {
        let names = self.shared.gates.names(Side::Input);
        let photo = names.filter(|_| request.photo().is_some());
        let prompt = remote.checks_prompts().then_some(Checked::Prompt);
        prompt.into_iter().chain(photo.map(|gate| Checked::Input { gate })).collect()
    }
}

/// The clip to where it was asked for; then the provider's copies go.
fn finish(
    remote: &Remote,
    fetched: Fetched,
    place: FilePlace,
    marking: &Marking,
    checks: Vec<Checked>,
    started: Instant,
) -> Result<Clip> {
    let Fetched { id, model, seed, photo_marks, bytes, movie } = fetched;
    let marks = ClipMarks::of_remote(marking, &model, photo_marks);
    let made = match place.put(&bytes, &marks.finish())? {
        Written::Path(path) => Made::Path(path),
        Written::Bytes(bytes) => Made::Bytes(bytes),
        Written::Sink => return Err(panicked()),
    };
    if let Err(error) = remote.finish(&id) {
        // The clip is there; what could not be deleted stands in `Remote::data`.
        log::warn!("remote: the provider's copies stay for now: {}", error.code());
    }
    Ok(Clip {
        made,
        frames: movie.frames,
        fps: Fps::new(movie.fps.0, movie.fps.1)?,
        width: movie.width,
        height: movie.height,
        seed,
        faces: 0,
        execution_provider: None,
        remote_model: Some(model),
        pack: None,
        used: Vec::new(),
        ignored: Vec::new(),
        steps_asked: 0,
        steps: 0,
        checks,
        marks: marks.layers(),
        photo_marks,
        seconds: StageSeconds { total: started.elapsed().as_secs_f64(), ..StageSeconds::default() },
        marking: marking.clone(),
    })
}

fn show(board: &Board, progress: RemoteProgress) {
    match progress {
        RemoteProgress::Sending => board.set(Stage::Sending, 0, 1),
        RemoteProgress::Queued(before) => board.set(Stage::Queued, 0, 1 + before.unwrap_or(0)),
        RemoteProgress::Running(share) => {
            board.set(Stage::Working, (100.0 * share.unwrap_or(0.0)) as u32, 100);
        }
        RemoteProgress::Fetching => board.set(Stage::Fetching, 0, 1),
    }
}
