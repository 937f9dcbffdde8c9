//! The request for a file, through redirects, until a server says what it gives.

use url::Url;

use super::answer::{Start, start};
use super::part::Resume;
use super::{Download, Watch, fault};
use crate::error::Result;
use crate::transport::{Coming, Fetch, ReplyHead};

/// Redirects that are followed: a name for "the newest", a mirror, a store of files.
const REDIRECTS: usize = 5;

/// Asks for the file, or for the rest of it.
///
/// # Errors
/// `download.waiting`, `download.redirect`, what [`start`] and the connection give.
pub(super) fn ask(download: &Download, resume: Option<Resume>, watch: &Watch<'_>) -> Result<Start> {
    // The name of the file's own state goes with the wish for a part of it (RFC 9110, 13.1.5): a
    // server whose file is another one by now gives all of that.
    let headers = resume.as_ref().map_or_else(Vec::new, |resume| {
        vec![("range", format!("bytes={}-", resume.from)), ("if-range", resume.validator.clone())]
    });
    let mut url = download.url.clone();
    for _ in 0..=REDIRECTS {
        watch.look()?;
        let fetch = Fetch::begin(&download.client, url.as_str(), &headers)
            .map_err(|error| fault::transport(&url, error))?;
        let Coming::Head(head) = watch.wait(&fetch, &url)? else {
            return Err(fault::answer(&url, "no head"));
        };
        match head.status {
            301 | 302 | 303 | 307 | 308 => url = target(&url, &head)?,
            _ => return start(&url, &head, fetch, resume.as_ref(), download.limit),
        }
    }
    Err(fault::redirect(&url, "leads on and on"))
}

/// Where a redirect leads.
fn target(url: &Url, head: &ReplyHead) -> Result<Url> {
    let location = head.header("location").and_then(|location| url.join(location).ok());
    let target = location.ok_or_else(|| fault::redirect(url, "does not say where it leads"))?;
    let plain = target.username().is_empty() && target.password().is_none();
    if target.scheme() != "https" || target.host().is_none() || !plain {
        return Err(fault::redirect(url, "leads out of HTTPS"));
    }
    Ok(target)
}
