//! A remote job from its permit to its clip.

use std::time::{Duration, Instant};

use super::fault::Fault;
use super::jobs::{Copies, Record, RemoteJobState};
use super::payload::{Payload, Rights};
use super::send::{Pardon, Sender, jitter};
use super::wire::{Call, Context, Handle, Media, Progress, Reply, Wire, wire};
use super::{Remote, failed};
use crate::clip::movie::{self, Movie};
use crate::consent::{Grant, Pass, Permit};
use crate::error::{Error, Result};
use crate::photo::PhotoMarks;
use crate::runtime::Cancel;
use crate::transport::{Errand, TransportError};

/// The pauses between two looks at a job: they grow from the first to the longest.
const FIRST_LOOK: Duration = Duration::from_secs(2);
const LONGEST_LOOK: Duration = Duration::from_secs(15);
/// A job that takes longer is left to be resumed.
const PATIENCE: Duration = Duration::from_secs(30 * 60);
/// A submit that was not taken is repeated so often.
const SUBMITS: u32 = 5;
/// Looks for a job whose submit got no answer.
const SEARCHES: u32 = 3;

/// How far a remote job is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum RemoteProgress {
    Sending,
    /// How many jobs are before it, where the provider says so.
    Queued(Option<u32>),
    /// The share that is done, where the provider says so.
    Running(Option<f32>),
    Fetching,
}

/// A clip that has come.
pub(crate) struct Fetched {
    pub(crate) id: String,
    pub(crate) model: String,
    pub(crate) seed: u64,
    pub(crate) photo_marks: PhotoMarks,
    pub(crate) bytes: Vec<u8>,
    pub(crate) movie: Movie,
}

/// What a job tells while it runs.
pub(crate) type Tell<'a> = &'a mut dyn FnMut(RemoteProgress);

impl Remote {
    /// Everything that can be refused before anything is sent: the grant, the rights question, the
    /// keys, the transport.
    pub(crate) fn ready(
        &self,
        payload: &Payload,
        grant: &Grant,
        rights: Option<Rights>,
    ) -> Result<()> {
        self.permit(payload, grant, rights)?;
        self.inner.transport()?;
        let model = self.inner.models.model(&payload.model)?;
        for purpose in wire(model.wire).credentials() {
            if !self.inner.vault.contains(model.provider(), purpose)? {
                return Err(Error::Vault(crate::error::Detail::new(
                    "vault.missing",
                    format!(
                        "there is no {purpose} for {} in the vault: put it there first",
                        model.provider()
                    ),
                )));
            }
        }
        Ok(())
    }

    fn permit(&self, payload: &Payload, grant: &Grant, rights: Option<Rights>) -> Result<Permit> {
        if self.inner.rights_question && payload.asks_for_rights() && rights.is_none() {
            return Err(failed(
                "remote.rights",
                "the photo shows a person: ask whether it may be used, and give the answer with \
                 GenerationRequest::rights",
            ));
        }
        if grant.destination() != &payload.destination {
            return Err(failed("remote.other_grant", "the grant is for another destination"));
        }
        self.inner.consent.permit(grant, payload.contents(rights))
    }

    /// Sends `payload` and waits for its clip.
    pub(crate) fn make(
        &self,
        payload: &Payload,
        grant: &Grant,
        rights: Option<Rights>,
        seed: u64,
        cancel: &Cancel,
        tell: Tell<'_>,
    ) -> Result<Fetched> {
        let permit = self.permit(payload, grant, rights)?;
        match self.inner.jobs.load(&payload.key) {
            Err(error) if error.code() == "remote.no_job" => {}
            Err(error) => return Err(error),
            Ok(_) => return Err(failed("remote.twice", "this very request is being sent already")),
        }
        let inner = &*self.inner;
        let mut record = Record::new(
            &payload.key,
            &payload.model,
            payload.destination.region(),
            payload.sha256(),
            seed,
            inner.clock.now(),
        )
        .of_photo(payload.photo_marks);
        inner.jobs.save(&record)?;
        self.job(&mut record, cancel, |job, record| {
            tell(RemoteProgress::Sending);
            let (handle, pass) = job.submit(permit, payload, record)?;
            record.handle = Some(handle.clone());
            record.state = RemoteJobState::Sent;
            job.remote.inner.jobs.update(record)?;
            job.follow(&handle, &pass, record, tell)
        })
    }

    /// Whether a job can be gone on with.
    pub(crate) fn resumable(&self, id: &str) -> Result<()> {
        match self.inner.jobs.load(id)?.state {
            RemoteJobState::Sending | RemoteJobState::Sent => Ok(()),
            RemoteJobState::Done | RemoteJobState::Ended => {
                Err(failed("remote.over", "this job has ended: start a new one"))
            }
        }
    }

    /// Goes on with a job from before; it is never submitted again.
    pub(crate) fn go_on(&self, id: &str, cancel: &Cancel, tell: Tell<'_>) -> Result<Fetched> {
        self.resumable(id)?;
        let mut record = self.inner.jobs.load(id)?;
        self.job(&mut record, cancel, |job, record| {
            let pass = job.remote.inner.consent.resume(job.destination, &record.payload()?)?;
            let handle = match &record.handle {
                Some(handle) => handle.clone(),
                None => {
                    // Killed while it was being sent: it is looked for, and not sent again.
                    let handle = job.search(&pass, &record.id)?.ok_or_else(unknown_outcome)?;
                    record.handle = Some(handle.clone());
                    record.state = RemoteJobState::Sent;
                    job.remote.inner.jobs.update(record)?;
                    handle
                }
            };
            job.follow(&handle, &pass, record, tell)
        })
    }

    /// Runs `body` with everything that belongs to a record, and keeps how it ended.
    fn job(
        &self,
        record: &mut Record,
        cancel: &Cancel,
        body: impl FnOnce(&Job<'_>, &mut Record) -> Result<Fetched, Fault>,
    ) -> Result<Fetched> {
        let inner = &*self.inner;
        let model = inner.models.model(&record.model)?;
        let destination = self.destination(&record.model, Some(&record.region))?;
        let context = inner.context(model, &destination)?;
        let provider = inner.consent.sheets().provider(model.provider())?.name.clone();
        let sender = Sender::new(inner, &context, cancel);
        let job = Job {
            remote: self,
            destination: &destination,
            context: &context,
            wire: wire(model.wire),
            sender,
        };
        let result = body(&job, record);
        let error = match result {
            Ok(fetched) => return Ok(fetched),
            Err(fault) => fault.error(&provider),
        };
        match &error {
            Error::Cancelled => {
                // The person wants it no more: neither does the provider need it.
                record.state = RemoteJobState::Ended;
                record.error = Some("cancelled".to_owned());
                inner.jobs.update(record)?;
                _ = self.end_copies(record);
            }
            error if ends(error.code()) => {
                record.state = RemoteJobState::Ended;
                record.error = Some(error.code().to_owned());
                if record.handle.is_none() && error.code() != "remote.unknown_outcome" {
                    // Nothing was taken, so there is nothing to be deleted.
                    record.copies = Copies::Deleted;
                }
                inner.jobs.update(record)?;
            }
            // It may be resumed.
            _ => {}
        }
        Err(error)
    }
}

/// Whether an error is the end of a job; after any other it can be resumed.
fn ends(code: &str) -> bool {
    !matches!(
        code,
        "remote.no_connection"
            | "remote.interrupted"
            | "remote.unavailable"
            | "remote.rate_limited"
            | "remote.early"
            | "remote.patience"
            | "remote.certificate"
            | "remote.withheld"
            | "remote.no_transport"
            | "remote.unauthorised"
            | "remote.unknown_outcome"
            | "remote.job_file"
    ) && !code.starts_with("vault.")
        && (!code.starts_with("consent.") || code == "consent.unknown_job")
        && !code.starts_with("output.")
}

fn unknown_outcome() -> Error {
    failed(
        "remote.unknown_outcome",
        "the connection broke while the request was being sent, and the provider does not say \
         whether it arrived: look into the account there before you send it again",
    )
}

/// One job and all that it needs.
struct Job<'a> {
    remote: &'a Remote,
    destination: &'a crate::consent::Destination,
    context: &'a Context<'a>,
    wire: &'static dyn Wire,
    sender: Sender<'a>,
}

impl Job<'_> {
    /// Hands the payload over: once, and again only after an answer that says that it was not taken
    /// or when no connection came about.
    fn submit(
        &self,
        permit: Permit,
        payload: &Payload,
        record: &mut Record,
    ) -> Result<(Handle, Pass), Fault> {
        let (mut leave, pass) = permit.submit()?;
        let mut attempt = 0;
        let mut mended = false;
        loop {
            attempt += 1;
            let fault = match self.sender.once(&payload.call, leave) {
                Ok(reply) => match self.wire.submitted(self.context, &payload.call.url, &reply) {
                    Ok(handle) => return Ok((handle, pass)),
                    Err(Fault::ClockSkew) if !mended && self.sender.mend_clock(&reply) => {
                        mended = true;
                        leave = pass.submit_again(reply.head.status)?;
                        continue;
                    }
                    Err(Fault::RateLimited(after))
                        if attempt < SUBMITS && reply.head.status == 429 =>
                    {
                        self.sender.pause(attempt, after)?;
                        leave = pass.submit_again(429)?;
                        continue;
                    }
                    Err(fault) if taken(&reply, &fault) => fault,
                    Err(fault) => return Err(fault),
                },
                Err(Fault::Transport(error)) if !error.may_have_arrived() => {
                    if attempt < SUBMITS && matches!(error, TransportError::Connect(_)) {
                        self.sender.pause(attempt, None)?;
                        leave = pass.submit_unsent(&error)?;
                        continue;
                    }
                    return Err(Fault::Transport(error));
                }
                Err(fault @ Fault::Transport(_)) => fault,
                Err(fault) => return Err(fault),
            };
            // It may have arrived, and may cost money: it is looked for and never sent again.
            log::info!("remote: the answer to a submit was lost, looking for the job");
            record.state = RemoteJobState::Sending;
            if matches!(fault, Fault::Transport(TransportError::Stopped)) {
                // Whoever stopped it does not wait for a search; what may be there is cleaned up.
                return Err(fault);
            }
            let found = self.search(&pass, &payload.key)?;
            return found.map(|handle| (handle, pass)).ok_or_else(|| unknown_outcome().into());
        }
    }

    /// Looks for a job by our own number, where the provider lets us.
    fn search(&self, pass: &Pass, key: &str) -> Result<Option<Handle>, Fault> {
        let Some(call) = self.wire.find(self.context, key)? else { return Ok(None) };
        for attempt in 1..=SEARCHES {
            let found = self.sender.ask(&Pardon::Pass(pass), Errand::Poll, &call, |reply| {
                self.wire.found(self.context, key, reply)
            })?;
            if found.is_some() {
                return Ok(found);
            }
            // A job shows up a little after it was made.
            self.sender.pause(attempt, None)?;
        }
        Ok(None)
    }

    /// Waits for the clip and gets it.
    fn follow(
        &self,
        handle: &Handle,
        pass: &Pass,
        record: &mut Record,
        tell: Tell<'_>,
    ) -> Result<Fetched, Fault> {
        let pardon = Pardon::Pass(pass);
        // Added up and not read off a calendar, which may jump meanwhile.
        let mut waited = Duration::ZERO;
        let mut pause = FIRST_LOOK;
        let media = loop {
            let call = self.wire.poll(self.context, handle)?;
            let asked = Instant::now();
            let progress = self.sender.ask(&pardon, Errand::Poll, &call, |reply| {
                self.wire.polled(self.context, handle, reply)
            })?;
            match progress {
                Progress::Queued(before) => tell(RemoteProgress::Queued(before)),
                Progress::Running(share) => tell(RemoteProgress::Running(share)),
                Progress::Ready(media) => break media,
                Progress::Look(call) => {
                    break self.sender.ask(&pardon, Errand::Fetch, &call, |reply| {
                        self.wire.looked(self.context, handle, reply)
                    })?;
                }
            }
            let pausing = pause.mul_f64(jitter());
            waited += asked.elapsed() + pausing;
            if waited > PATIENCE {
                return Err(Fault::Own(failed(
                    "remote.patience",
                    "the provider takes very long: resume the job later",
                )));
            }
            // A withdrawal ends the job now and not at the next look, which then says why.
            self.sender.wait_unless(pausing, &|| pass.is_over())?;
            pause = pause.mul_f64(1.25).min(LONGEST_LOOK);
        };
        tell(RemoteProgress::Fetching);
        let bytes = match media {
            Media::Bytes(bytes) => bytes,
            Media::Url(url) => {
                let call = Call::download(url, super::wire::Auth::None);
                self.sender.download(&pardon, call)?
            }
            Media::Call(call) => self.sender.download(&pardon, call)?,
        };
        let movie = movie::read(&bytes).map_err(|_| Fault::Unreadable)?;
        let (id, model) = (record.id.clone(), record.model.clone());
        let (seed, photo_marks) = (record.seed, record.photo_marks());
        Ok(Fetched { id, model, seed, photo_marks, bytes, movie })
    }
}

/// Whether an answer leaves open that the payload was taken.
fn taken(reply: &Reply, fault: &Fault) -> bool {
    let broken = matches!(fault, Fault::Unreadable | Fault::Unavailable(_));
    reply.ok() && broken || reply.head.status >= 500
}

impl Remote {
    /// The clip is safe with the host: the job is done, and the provider's copies can go.
    pub(crate) fn finish(&self, id: &str) -> Result<Copies> {
        let mut record = self.inner.jobs.load(id)?;
        record.state = RemoteJobState::Done;
        self.inner.jobs.update(&record)?;
        self.end_copies(&mut record)
    }

    /// Ends a job at its provider and has its copies deleted there, as far as that can be done;
    /// says what is left.
    ///
    /// It works after a withdrawal too. Whatever is sent goes into the ledger.
    ///
    /// # Errors
    /// `remote.no_job`; `remote.*` and `vault.*` when the provider could not be asked;
    /// `consent.unknown_job` when the ledger was erased meanwhile: call it once more.
    pub fn clean_up(&self, id: &str) -> Result<Copies> {
        let mut record = self.inner.jobs.load(id)?;
        if matches!(record.state, RemoteJobState::Sending | RemoteJobState::Sent) {
            record.state = RemoteJobState::Ended;
            record.error = Some("cancelled".to_owned());
            self.inner.jobs.update(&record)?;
        }
        self.end_copies(&mut record)
    }

    fn end_copies(&self, record: &mut Record) -> Result<Copies> {
        if record.copies == Copies::Deleted {
            return Ok(record.copies);
        }
        let Some(handle) = record.handle.clone() else {
            // Whether there is anything is not known, and without its number nobody can ask.
            record.copies = Copies::Expire;
            self.inner.jobs.update(record)?;
            return Ok(record.copies);
        };
        let inner = &*self.inner;
        let model = inner.models.model(&record.model)?;
        let destination = self.destination(&record.model, Some(&record.region))?;
        let context = inner.context(model, &destination)?;
        let wire = wire(model.wire);
        let cancel = Cancel::new();
        let sender = Sender::new(inner, &context, &cancel);
        let clean_up = inner.consent.clean_up(&destination, &record.payload()?)?;
        // Who deletes a record sees to its copies, and erases the ledger after it: a record that is
        // still here now is known to the ledger that the clean-up is bound to.
        inner.jobs.load(&record.id)?;
        let provider = &inner.consent.sheets().provider(model.provider())?.name;
        let send = |errand, call: Option<Call>| -> Result<bool> {
            let Some(call) = call else { return Ok(false) };
            let answer = sender.ask(&Pardon::CleanUp(&clean_up), errand, &call, |reply| {
                // What is not there any more need not be ended or deleted.
                let gone = matches!(reply.head.status, 404 | 410);
                if reply.ok() || gone { Ok(()) } else { Err(wire.fault(reply)) }
            });
            match answer {
                Ok(()) => Ok(true),
                // A key for this is not kept on every device.
                Err(Fault::Own(error)) if error.code() == "vault.missing" => Ok(false),
                Err(fault) => Err(fault.error(provider)),
            }
        };
        if record.state == RemoteJobState::Ended {
            // One that has ended there too answers with a refusal, which is as good.
            _ = send(Errand::Cancel, wire.cancel(&context, &handle)?);
        }
        record.copies = match send(Errand::Delete, wire.delete(&context, &handle)?) {
            Ok(true) => Copies::Deleted,
            Ok(false) => Copies::Expire,
            Err(error) => {
                log::info!("remote: copies were not deleted: {}", error.code());
                return Err(error);
            }
        };
        inner.jobs.update(record)?;
        Ok(record.copies)
    }
}
