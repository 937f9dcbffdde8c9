//! Words ► tokens, with the tokenizer that a pack brings.

use tokenizers::{Tokenizer, TruncationParams};

use crate::error::{Detail, Error, Result};
use crate::pack;

/// Reads prompts.
pub(super) struct Words {
    tokenizer: Tokenizer,
}

impl Words {
    /// # Errors
    /// `pack.tokenizer` for a file that the `tokenizers` library cannot read.
    pub(super) fn open(file: &[u8], about: &pack::Tokenizer) -> Result<Self> {
        let unreadable = |error: Box<dyn std::error::Error + Send + Sync>| {
            let message = format!("{} is no tokenizer: export the pack anew ({error})", about.file);
            Error::Model(Detail::new("pack.tokenizer", message))
        };
        let mut tokenizer = Tokenizer::from_bytes(file).map_err(unreadable)?;
        let truncation =
            TruncationParams { max_length: about.length, ..TruncationParams::default() };
        tokenizer.with_truncation(Some(truncation)).map_err(unreadable)?;
        tokenizer.with_padding(None);
        Ok(Self { tokenizer })
    }

    /// The tokens of a prompt, the end's last; what is too long is cut off before it.
    ///
    /// # Errors
    /// `request.prompt` for words that the tokenizer cannot take.
    pub(super) fn tokens(&self, prompt: &str) -> Result<Vec<i64>> {
        // As the models' own programs clean what they are given.
        let clean = prompt.split_whitespace().collect::<Vec<_>>().join(" ");
        let encoding = self.tokenizer.encode(clean, true).map_err(|error| {
            let message = format!("the model cannot read these words: say it otherwise ({error})");
            Error::Request(Detail::new("request.prompt", message))
        })?;
        Ok(encoding.get_ids().iter().map(|id| i64::from(*id)).collect())
    }
}
