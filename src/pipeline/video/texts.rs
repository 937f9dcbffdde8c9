//! Prompts as a text encoder's hidden states, kept for the next clip of the same words.

use std::sync::{Mutex, PoisonError};

use ndarray::{Array2, Array3, Ix3};
use zeroize::{Zeroize, Zeroizing};

use super::words::Words;
use crate::error::{Detail, Error, Result};
use crate::pack::{Pack, Tokenizer};
use crate::runtime::{Cancel, Session};

/// Prompts that are kept: that of the clip and its negative one, twice.
const KEPT: usize = 4;

/// A pack's words, and what its text encoder made of the last ones.
pub(super) struct Texts {
    words: Words,
    length: usize,
    pad: i64,
    kept: Mutex<Vec<Kept>>,
}

/// A prompt as its model's text encoder sees it.
#[derive(Clone)]
pub(super) struct Text {
    /// Hidden states, (1, tokens, D).
    pub(super) hidden: Array3<f32>,
    /// Tokens of the words; those after them fill up.
    pub(super) tokens: usize,
}

/// Whether a text encoder is given tokens that fill up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filling {
    None,
    ToLength,
}

struct Kept {
    prompt: Zeroizing<String>,
    text: Text,
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(values) = self.text.hidden.as_slice_mut() {
            values.zeroize();
        }
    }
}

impl Texts {
    /// # Errors
    /// `pack.*` for a tokenizer that cannot be read.
    pub(super) fn open(pack: &Pack, about: &Tokenizer) -> Result<Self> {
        let words = Words::open(&pack.read(&about.file)?, about)?;
        Ok(Self { words, length: about.length, pad: about.pad, kept: Mutex::default() })
    }

    /// Each prompt as the text encoder sees it. That is opened with `open` where one of them is new, and
    /// closed again.
    ///
    /// # Errors
    /// `request.prompt`, `pack.*`, `runtime.run`, [`Error::Cancelled`].
    pub(super) fn of(
        &self,
        prompts: &[&str],
        filling: Filling,
        open: impl FnOnce() -> Result<Session>,
        cancel: &Cancel,
    ) -> Result<Vec<Text>> {
        let known = |prompt: &str| {
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.iter().find(|kept| *kept.prompt == prompt).map(|kept| kept.text.clone())
        };
        let mut found: Vec<_> = prompts.iter().map(|prompt| known(prompt)).collect();
        if found.iter().any(Option::is_none) {
            let session = open()?;
            for (found, prompt) in
                found.iter_mut().zip(prompts).filter(|(found, _)| found.is_none())
            {
                let text = self.encode(prompt, filling, &session, cancel)?;
                let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.truncate(KEPT - 1);
                let prompt = Zeroizing::new((*prompt).to_owned());
                kept.insert(0, Kept { prompt, text: text.clone() });
                *found = Some(text);
            }
        }
        Ok(found.into_iter().flatten().collect())
    }

    fn encode(
        &self,
        prompt: &str,
        filling: Filling,
        session: &Session,
        cancel: &Cancel,
    ) -> Result<Text> {
        let mut ids = self.words.tokens(prompt)?;
        let tokens = ids.len();
        if filling == Filling::ToLength {
            ids.resize(self.length.max(tokens), self.pad);
        }
        let mask = mask(tokens, ids.len());
        let ids = Array2::from_shape_vec((1, ids.len()), ids).map_err(|_| shape("ids"))?;
        let outputs = session.run(&[("ids", (&ids).into()), ("mask", (&mask).into())], cancel)?;
        let hidden = outputs.view("hidden")?.into_dimensionality::<Ix3>();
        Ok(Text { hidden: hidden.map_err(|_| shape("hidden"))?.to_owned(), tokens })
    }

    #[cfg(test)]
    pub(super) fn tokens(&self, prompt: &str) -> Result<Vec<i64>> {
        self.words.tokens(prompt)
    }
}

/// Ones for the words' tokens, zeros for those that fill up: (1, length).
pub(super) fn mask(tokens: usize, length: usize) -> Array2<i64> {
    Array2::from_shape_fn((1, length), |(_, at)| i64::from(at < tokens))
}

/// An output of other sizes than `pack.json` says.
pub(super) fn shape(name: &str) -> Error {
    let message =
        format!("`{name}` of the pack has other sizes than its family's should: export it anew");
    Error::Model(Detail::new("model.output", message))
}
