//! A checkpoint's bytes: a line that says what it is, the wrapped key, and the rest sealed.

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::error::{Detail, Error, Result};
use crate::vault::DataKey;

/// What a file begins with; the number is the version of the format.
const MAGIC: &[u8] = b"kinora checkpoint 1\n";
const MAGIC_OF_ALL: &[u8] = b"kinora checkpoint ";

/// What a job makes, in numbers that another process understands; wiped when dropped.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    pub(crate) pack: String,
    /// Of the pack's `pack.json`: another version makes another clip.
    pub(crate) fingerprint: String,
    pub(crate) prompt: String,
    pub(crate) negative_prompt: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) frames: u32,
    /// Frames, and in how many seconds.
    pub(crate) fps: [u32; 2],
    pub(crate) steps: usize,
    pub(crate) guidance_scale: f32,
    pub(crate) tiled: bool,
    pub(crate) seed: u64,
    /// Of the marks: since 1970, whether in the frames, and whether in the file.
    pub(crate) day: u32,
    pub(crate) watermark: bool,
    pub(crate) in_file: bool,
    /// Of the photo's file: whether a model had a part in it, and whether it has a manifest.
    pub(crate) generated: bool,
    pub(crate) manifest: bool,
    /// The photo at the clip's size, RGB; it follows the JSON.
    #[serde(skip)]
    pub(crate) picture: Option<Vec<u8>>,
}

/// Where the steps are.
pub(crate) struct State {
    pub(crate) done: usize,
    pub(crate) latents: Vec<f32>,
    pub(crate) scheduler: Vec<Vec<f32>>,
}

/// What follows the JSON, in numbers of its own.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sizes {
    done: usize,
    picture: Option<usize>,
    latents: usize,
    scheduler: Vec<usize>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head<O> {
    order: O,
    sizes: Sizes,
}

pub(super) fn join(wrapped: &[u8], sealed: &[u8]) -> Vec<u8> {
    let length = (wrapped.len() as u32).to_le_bytes();
    [MAGIC, &length, wrapped, sealed].concat()
}

/// The wrapped key and what is sealed.
pub(super) fn split(bytes: &[u8]) -> Result<(&[u8], &[u8])> {
    let Some(rest) = bytes.strip_prefix(MAGIC) else {
        if bytes.starts_with(MAGIC_OF_ALL) {
            let message =
                "another version of Kinora wrote this checkpoint: remove it and begin anew";
            return Err(Error::Request(Detail::new("checkpoint.version", message)));
        }
        return Err(damaged());
    };
    let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(damaged)?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(damaged)
}

pub(super) fn seal(
    key: &DataKey,
    id: &str,
    order: &Order,
    done: usize,
    latents: &[f32],
    scheduler: &[&[f32]],
) -> Result<Vec<u8>> {
    let sizes = Sizes {
        done,
        picture: order.picture.as_ref().map(Vec::len),
        latents: latents.len(),
        scheduler: scheduler.iter().map(|values| values.len()).collect(),
    };
    let floats = latents.len() + sizes.scheduler.iter().sum::<usize>();
    let head = Zeroizing::new(serde_json::to_vec(&Head { order, sizes }).map_err(|error| {
        let message = "a checkpoint could not be written down: report it";
        Error::Internal(Detail::new("internal.checkpoint", message).because(error))
    })?);
    let picture = order.picture.as_deref().unwrap_or_default();
    // As long as it gets: a buffer that grows leaves its old pieces behind.
    let length = 4 + head.len() + picture.len() + 4 * floats;
    let mut plain = Zeroizing::new(Vec::with_capacity(length));
    plain.extend((head.len() as u32).to_le_bytes());
    plain.extend_from_slice(&head);
    plain.extend_from_slice(picture);
    for values in [latents].into_iter().chain(scheduler.iter().copied()) {
        plain.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }
    key.seal_as(&name(id), &plain)
}

pub(super) fn open(key: &DataKey, id: &str, sealed: &[u8]) -> Result<(Order, State)> {
    let plain = key.open_as(&name(id), sealed).ok_or_else(damaged)?;
    // Nobody else can have sealed it, so what does not fit is a fault; it is refused all the same.
    parse(&plain).ok_or_else(damaged)
}

fn parse(plain: &[u8]) -> Option<(Order, State)> {
    let (length, rest) = plain.split_first_chunk::<4>()?;
    let (head, mut rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    let Head { mut order, sizes } = serde_json::from_slice::<Head<Order>>(head).ok()?;
    if let Some(length) = sizes.picture {
        let (picture, after) = rest.split_at_checked(length)?;
        order.picture = Some(picture.to_vec());
        rest = after;
    }
    let mut floats = |count: usize| {
        let (bytes, after) = rest.split_at_checked(count.checked_mul(4)?)?;
        rest = after;
        let (numbers, _) = bytes.as_chunks::<4>();
        Some(numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect::<Vec<_>>())
    };
    let latents = floats(sizes.latents)?;
    let scheduler = sizes.scheduler.into_iter().map(&mut floats).collect::<Option<Vec<_>>>()?;
    rest.is_empty().then_some((order, State { done: sizes.done, latents, scheduler }))
}

/// What a checkpoint is sealed as: it opens under no other number.
fn name(id: &str) -> Vec<u8> {
    [MAGIC, id.as_bytes()].concat()
}

fn damaged() -> Error {
    let message = "the checkpoint is damaged: remove it and begin anew";
    Error::Request(Detail::new("checkpoint.damaged", message))
}
