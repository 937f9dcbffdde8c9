//! What the head of an answer means for a file of which a part may be here already (RFC 9110, 14 and
//! 15).

use url::Url;

use super::fault;
use super::part::Resume;
use crate::error::Result;
use crate::transport::{Fetch, ReplyHead};

/// Characters of the longest validator that is kept.
const LONGEST_VALIDATOR: usize = 512;

/// Where a server begins.
pub(super) enum Start {
    /// With the first byte.
    First { fetch: Fetch, total: Option<u64>, validator: Option<String> },
    /// With the one after those that are here.
    Rest { fetch: Fetch, total: Option<u64> },
    /// Nowhere: all is here.
    Whole,
    /// What is here belongs to another file, or the server gives it no sequel.
    Anew,
}

/// Reads a head that is no redirect.
///
/// # Errors
/// `download.not_found`, `download.unavailable`, `download.refused`, `download.answer`,
/// `download.too_large`.
pub(super) fn start(
    url: &Url,
    head: &ReplyHead,
    fetch: Fetch,
    resume: Option<&Resume>,
    limit: u64,
) -> Result<Start> {
    let within = |total: Option<u64>| match total {
        Some(total) if total > limit => Err(fault::too_large(url, limit)),
        _ => Ok(total),
    };
    match (head.status, resume) {
        (200, _) => {
            let length = head.header("content-length").and_then(|length| length.parse().ok());
            Ok(Start::First { fetch, total: within(length)?, validator: validator(head) })
        }
        (206, Some(resume)) => match rest(head, resume) {
            Some(total) => Ok(Start::Rest { fetch, total: within(total)? }),
            None => Ok(Start::Anew),
        },
        (416, Some(resume)) => {
            let whole =
                head.header("content-range").and_then(|range| range.strip_prefix("bytes */"));
            let is_whole = whole.and_then(|whole| whole.parse().ok()) == Some(resume.from);
            Ok(if is_whole { Start::Whole } else { Start::Anew })
        }
        (206, None) => Err(fault::answer(url, "a part of a file where all of it was asked for")),
        (status, _) => Err(fault::status(url, status)),
    }
}

/// The total that goes with a rest which continues what is here; the inner is none where the server
/// knows none.
fn rest(head: &ReplyHead, resume: &Resume) -> Option<Option<u64>> {
    let (span, total) = head.header("content-range")?.strip_prefix("bytes ")?.split_once('/')?;
    let (from, to) = span.split_once('-')?;
    let (from, to): (u64, u64) = (from.parse().ok()?, to.parse().ok()?);
    let total = if total == "*" { None } else { Some(total.parse::<u64>().ok()?) };
    let fits = from == resume.from
        && to >= from
        && total.is_none_or(|total| to < total)
        && (total.is_none() || resume.total.is_none() || total == resume.total);
    // A server that ignores `If-Range` may still say that the file is another one.
    let same = strong_tag(head)
        .is_none_or(|tag| !resume.validator.starts_with('"') || tag == resume.validator);
    (fits && same).then_some(total.or(resume.total))
}

/// What names the state of the file: a strong `ETag`, else `Last-Modified`.
fn validator(head: &ReplyHead) -> Option<String> {
    let found = strong_tag(head).or_else(|| head.header("last-modified"));
    let can_be_sent = |text: &&str| {
        let plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        plain && !text.is_empty() && text.len() <= LONGEST_VALIDATOR
    };
    found.filter(can_be_sent).map(str::to_owned)
}

/// A weak tag (`W/"…"`) says that two files are alike, not that their bytes are the same.
fn strong_tag(head: &ReplyHead) -> Option<&str> {
    head.header("etag").filter(|tag| tag.starts_with('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(headers: &[(&str, &str)]) -> ReplyHead {
        let owned = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        ReplyHead { status: 206, headers: owned.collect() }
    }

    #[test]
    fn a_rest_continues_what_is_here_or_is_none() {
        let resume = Resume { from: 5, total: Some(10), validator: "\"a\"".into() };
        let told = |range: &str| rest(&head(&[("Content-Range", range)]), &resume);
        assert_eq!(told("bytes 5-9/10"), Some(Some(10)));
        assert_eq!(told("bytes 5-7/10"), Some(Some(10)));
        assert_eq!(told("bytes 5-9/*"), Some(Some(10)));
        for wrong in [
            "bytes 4-9/10",
            "bytes 6-9/10",
            "bytes 5-10/10",
            "bytes 5-9/11",
            "bytes 5-4/10",
            "5-9/10",
            "bytes 5-9",
            "bytes */10",
            "bytes 5-9/x",
            "",
        ] {
            assert_eq!(told(wrong), None, "{wrong}");
        }
        assert_eq!(rest(&head(&[]), &resume), None);
        let tagged = |tag| head(&[("content-range", "bytes 5-9/10"), ("etag", tag)]);
        assert!(rest(&tagged("\"a\""), &resume).is_some());
        assert!(rest(&tagged("\"b\""), &resume).is_none());
        let dated = Resume { validator: "Thu, 26 Nov 2026 12:00:00 GMT".into(), ..resume };
        assert!(rest(&tagged("\"b\""), &dated).is_some());
    }

    #[test]
    fn only_what_names_bytes_is_a_validator() {
        let date = "Thu, 26 Nov 2026 12:00:00 GMT";
        let told = |headers: &[(&str, &str)]| validator(&head(headers));
        assert_eq!(told(&[("ETag", "\"a\""), ("Last-Modified", date)]).as_deref(), Some("\"a\""));
        assert_eq!(told(&[("ETag", "W/\"a\""), ("Last-Modified", date)]).as_deref(), Some(date));
        assert_eq!(told(&[("ETag", "W/\"a\"")]), None);
        assert_eq!(told(&[("ETag", "\"é\"")]), None);
        assert_eq!(told(&[("ETag", &format!("\"{}\"", "a".repeat(600)))]), None);
    }
}
