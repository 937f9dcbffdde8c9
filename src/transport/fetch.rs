//! One GET whose body comes in pieces (feature `download`).

use std::io::Read;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use ureq::Agent;
use ureq::http::Request;

use super::agent::{HttpClientOptions, agent, told, withheld};
use super::{ReplyHead, TransportError};

/// Bytes that are taken at a time.
const PIECE: usize = 64 * 1024;
/// Pieces that may wait to be written.
const WAITING: usize = 16;

/// What comes of a [`Fetch`]: one head, pieces, one end.
pub(crate) enum Coming {
    Head(ReplyHead),
    Piece(Vec<u8>),
    End,
}

/// A GET that is under way, on a thread of its own: whoever waits for it can stop at any time. The
/// thread then ends with its next piece, or with the other side's silence.
pub(crate) struct Fetch {
    coming: Receiver<Result<Coming, TransportError>>,
}

impl Fetch {
    /// Asks for `url` with these headers and no others. No redirect is followed.
    ///
    /// # Errors
    /// [`TransportError::Withheld`]; where the system gives no thread.
    pub(crate) fn begin(
        client: &HttpClientOptions,
        url: &str,
        headers: &[(&str, String)],
    ) -> Result<Self, TransportError> {
        withheld()?;
        let mut request = Request::get(url);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = request
            .body(())
            .map_err(|_| TransportError::Connect("this is no address for HTTP".into()))?;
        let agent = agent(client.clone());
        let (sender, coming) = sync_channel(WAITING);
        let work = move || {
            let end = take(&agent, request, &sender).map(|()| Coming::End);
            // Nobody may be there any more.
            _ = sender.send(end);
        };
        let thread = thread::Builder::new().name("kinora-fetch".into()).spawn(work);
        thread.map_err(|error| TransportError::Broken(error.kind().to_string()))?;
        Ok(Self { coming })
    }

    /// What comes within `wait`; `None` where nothing does.
    pub(crate) fn next(&self, wait: Duration) -> Option<Result<Coming, TransportError>> {
        match self.coming.recv_timeout(wait) {
            Ok(coming) => Some(coming),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                Some(Err(TransportError::Broken("the client has gone".into())))
            }
        }
    }
}

fn take(
    agent: &Agent,
    request: Request<()>,
    sender: &SyncSender<Result<Coming, TransportError>>,
) -> Result<(), TransportError> {
    let give = |coming| sender.send(Ok(coming)).map_err(|_| TransportError::Stopped);
    let mut answer = agent.run(request).map_err(told)?;
    let headers = answer.headers().iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let head = ReplyHead { status: answer.status().as_u16(), headers: headers.collect() };
    give(Coming::Head(head))?;
    let mut body = answer.body_mut().as_reader();
    let mut piece = vec![0; PIECE];
    loop {
        match body.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(count) => give(Coming::Piece(piece[..count].to_vec()))?,
            Err(error) => return Err(told(error.into())),
        }
    }
}
