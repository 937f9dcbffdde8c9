//! Answers of providers that mean no good, and tables of anybody.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::Models;
use super::fault::Fault;
use super::jobs::Record;
use super::wire::{Context, Handle, Media, Progress, Reply, Wire, wire};
use crate::clip::movie;
use crate::consent::Sheets;
use crate::transport::ReplyHead;

/// Statuses with a meaning of their own somewhere.
const STATUSES: [u16; 16] =
    [200, 201, 202, 204, 302, 400, 401, 402, 403, 404, 408, 410, 422, 429, 500, 503];

/// One answer, by three bytes and text: the model, the question, the status; headers, an empty
/// line, the body.
pub fn reply(bytes: &[u8]) {
    static TABLES: OnceLock<Option<(Models, Sheets)>> = OnceLock::new();
    let tables = TABLES.get_or_init(|| Some((Models::shipped().ok()?, Sheets::shipped().ok()?)));
    let (Some((models, sheets)), [model, question, status, text @ ..]) = (tables, bytes) else {
        return;
    };
    let model = &models.all()[usize::from(*model) % models.all().len()];
    let Ok(destination) = models.destination(model, sheets, None) else { return };
    let Ok(hosts) = models.hosts(&destination) else { return };
    let settings = ["project", "bucket", "location", "workspace"];
    let settings: BTreeMap<_, _> =
        settings.map(|name| (name.to_owned(), "kinora".to_owned())).into();
    let context = Context { model, hosts, region: destination.region(), settings: &settings };
    let wire = wire(model.wire);
    let end = text.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = end.map_or((&[][..], text), |end| (&text[..end], &text[end + 2..]));
    let head = String::from_utf8_lossy(head);
    let headers = head.lines().filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let status = STATUSES[usize::from(*status) % STATUSES.len()];
    let reply = Reply { head: ReplyHead { status, headers }, body: body.to_vec() };
    answer(wire, &context, *question, &reply);
}

fn answer(wire: &dyn Wire, context: &Context<'_>, question: u8, reply: &Reply) {
    let any = Handle { id: "kinora-1".to_owned(), more: BTreeMap::new() };
    match question % 5 {
        0 => match wire.submitted(context, &context.hosts.api, reply) {
            Ok(handle) => follow(wire, context, &handle, reply),
            Err(fault) => fails(fault),
        },
        1 => follow(wire, context, &any, reply),
        2 => match wire.looked(context, &any, reply) {
            Ok(media) => take(context, media),
            Err(fault) => fails(fault),
        },
        3 => match wire.found(context, "kinora-1", reply) {
            Ok(Some(handle)) => follow(wire, context, &handle, reply),
            Ok(None) => {}
            Err(fault) => fails(fault),
        },
        _ => fails(wire.fault(reply)),
    }
}

/// All that is done with a job's handle, which is kept on the disk in between.
fn follow(wire: &dyn Wire, context: &Context<'_>, handle: &Handle, reply: &Reply) {
    let kept = serde_json::to_vec(handle).ok();
    let back = kept.and_then(|bytes| serde_json::from_slice::<Handle>(&bytes).ok());
    assert_eq!(back.as_ref(), Some(handle));
    _ = wire.poll(context, handle);
    _ = wire.cancel(context, handle);
    _ = wire.delete(context, handle);
    match wire.polled(context, handle, reply) {
        Ok(Progress::Ready(media)) => take(context, media),
        Ok(Progress::Running(Some(share))) => assert!(!share.is_nan()),
        Ok(_) => {}
        Err(fault) => fails(fault),
    }
}

fn take(context: &Context<'_>, media: Media) {
    match media {
        Media::Url(url) => _ = context.hosts.is_media(&url),
        Media::Call(call) => _ = context.hosts.is_own(&call.url),
        Media::Bytes(bytes) => _ = movie::read(&bytes),
    }
}

fn fails(fault: Fault) {
    _ = fault.again();
    let error = fault.error("a provider");
    assert!(!error.code().is_empty());
}

/// Tables of models and data sheets that an app brings, and records of jobs.
pub fn tables(bytes: &[u8]) {
    _ = serde_json::from_slice::<Record>(bytes).map(|record| record.payload().is_ok());
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(models) = Models::from_json(text) {
        for model in models.all() {
            assert!(models.model(&model.id).is_ok());
            assert!(!model.seconds.is_empty());
        }
    }
    if let Ok(sheets) = Sheets::from_json(text) {
        for sheet in sheets.providers() {
            assert!(sheets.provider(&sheet.id).is_ok());
        }
    }
}
