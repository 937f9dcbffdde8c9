//! Kinora turns a photo into a short video on the device that holds it.
//!
//! ```no_run
//! use kinora::{GenerationRequest, Output, Photo, Studio, StudioOptions};
//!
//! # fn main() -> kinora::Result<()> {
//! let studio = Studio::open(StudioOptions::default())?;
//! let photo = Photo::open("portrait.jpg")?;
//! let job = studio.generate(
//!     GenerationRequest::animate(photo)
//!         .prompt("she smiles, slow zoom in")
//!         .seconds(2.0)
//!         .seed(7)
//!         .output(Output::mp4("portrait.mp4")),
//! )?;
//! let clip = job.wait()?;
//! println!("{} frames, understood {:?}", clip.frames, clip.used);
//! # Ok(())
//! # }
//! ```
//!
//! A photo walks through the modules in this order: [`photo`] decodes it, [`face`] finds and
//! aligns the faces, a pipeline denoises the motion and draws frames, [`clip`] encodes them while
//! they come. [`runtime`] holds ONNX Runtime, [`prompt`] the words that are understood, and
//! [`studio`] is the front door to all of it. Gates of [`safety`] stand before and after. Nothing here
//! opens a network connection.
//!
//! With the feature `vault` long jobs of [`pack`]s survive the end of their process: `checkpoint`.
//! With the feature `remote` a provider's model can be asked for instead, under a consent that the
//! person gave and can take back: `consent`, `vault`, `remote`, `transport`. With the feature `download`
//! a pack can be fetched by a call of its own. Only `remote-http` and `download` bring a client that
//! opens connections.

mod diffusion;
mod digest;
mod error;
#[cfg(fuzzing)]
pub mod fuzzing;

mod pipeline;
mod scratch;

#[cfg(feature = "vault")]
pub mod checkpoint;
pub mod clip;
#[cfg(feature = "remote")]
pub mod consent;
pub mod face;
#[cfg(feature = "uniffi")]
pub mod ffi;
pub mod marking;
pub mod pack;
pub mod photo;
pub mod prompt;
#[cfg(feature = "remote")]
pub mod remote;
pub mod render;
pub mod retention;
pub mod runtime;
pub mod safety;
pub mod studio;
#[cfg(any(feature = "remote", feature = "download"))]
pub mod transport;
#[cfg(feature = "vault")]
pub mod vault;

pub use clip::{Container, FrameSink, Output};
pub use error::{Detail, Error, Result};
pub use face::Face;
pub use photo::{Orientation, Photo};
pub use runtime::ExecutionProvider;
pub use studio::{
    Clip, FaceChoice, GenerationJob, GenerationRequest, Model, Studio, StudioOptions,
};

/// Decoders, the reader of EXIF and the standard library free copies that nobody else can reach.
#[cfg(feature = "wipe-on-free")]
#[global_allocator]
static WIPING: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);

#[cfg(feature = "uniffi")]
uniffi::setup_scaffolding!();
