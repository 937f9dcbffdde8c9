//! Networks through which a clip goes part by part, with what their convolutions remember of the parts before.

use std::sync::Arc;

use super::decoders::Decoders;
use super::texts::shape;
use crate::error::Result;
use crate::runtime::{Cancel, Kept, Session, Tensor};

/// What comes out as next_cache_7 goes in as cache_7.
const NEXT: &str = "next_";

/// A role of two graphs: `_first`, where nothing is remembered, and `_next`.
pub(super) struct Remembering<'p> {
    networks: Arc<Decoders<'p>>,
    role: &'static str,
    session: Option<Arc<Session>>,
    parts: usize,
    /// By the names by which it goes in.
    remembered: Vec<(String, Kept)>,
    /// Whether what a part leaves may be written over what it found.
    in_place: bool,
}

impl<'p> Remembering<'p> {
    pub(super) fn new(networks: Arc<Decoders<'p>>, role: &'static str, in_place: bool) -> Self {
        Self { networks, role, session: None, parts: 0, remembered: Vec::new(), in_place }
    }

    /// Runs the next part, and gives the output `wanted`.
    ///
    /// # Errors
    /// `pack.*`, `runtime.run`, `model.output`, [`Error::Cancelled`](crate::Error::Cancelled).
    pub(super) fn run(
        &mut self,
        inputs: &[(&str, Tensor<'_>)],
        wanted: &str,
        cancel: &Cancel,
    ) -> Result<Kept> {
        let session = match (&mut self.session, self.parts) {
            (Some(session), 2..) => session,
            (session, parts) => {
                *session = None;
                let which = if parts == 0 { "first" } else { "next" };
                session.insert(self.networks.open(&format!("{}_{which}", self.role))?)
            }
        };
        let remembered = std::mem::take(&mut self.remembered);
        let outputs = if self.in_place {
            let over = remembered.into_iter();
            let over = over.map(|(name, kept)| (name.clone(), format!("{NEXT}{name}"), kept));
            session.run_over(inputs, over.collect(), cancel)?
        } else {
            let mut inputs: Vec<_> = inputs.iter().map(|(name, x)| (*name, x.view())).collect();
            inputs.extend(remembered.iter().map(|(name, kept)| (name.as_str(), kept.into())));
            session.run(&inputs, cancel)?
        };
        let mut out = None;
        for (name, kept) in outputs.keep() {
            if name == wanted {
                out = Some(kept);
                continue;
            }
            let name = name.strip_prefix(NEXT).unwrap_or(&name);
            if name.starts_with("cache_") {
                let closing = self.parts == 0 && !self.networks.stay();
                let kept = if closing { kept.apart()? } else { kept };
                self.remembered.push((name.to_owned(), kept));
            }
        }
        self.parts += 1;
        // Who takes the one clip of the batch need not ask whether there is one.
        out.filter(|out| out.side(0) == Some(1)).ok_or_else(|| shape(wanted))
    }
}
