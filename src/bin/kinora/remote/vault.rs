//! `kinora vault`: keys go in, and never come out but to their own provider.

use std::io::{IsTerminal, Read};

use clap::Subcommand;
use kinora::remote::Remote;
use kinora::vault::Secret;
use zeroize::Zeroizing;

use super::{Command, Failure};
use crate::say;

#[derive(Subcommand)]
pub(crate) enum VaultCommand {
    /// Seal a key; it is asked for, or read from standard input.
    Set {
        /// The provider, such as fal.
        provider: String,
        /// What it is: api_key, admin_key, access_key, secret_key, access_token, access_key_id,
        /// secret_access_key, session_token.
        #[arg(default_value = "api_key")]
        purpose: String,
    },
    /// List what is sealed; never the keys.
    List,
    /// Delete a key.
    Remove {
        /// The provider.
        provider: String,
        /// What it is.
        #[arg(default_value = "api_key")]
        purpose: String,
    },
}

impl Command for VaultCommand {
    fn run(self, remote: &Remote) -> Result<(), Failure> {
        let vault = remote.vault();
        match self {
            Self::Set { provider, purpose } => {
                let key = read(&format!("{purpose} of {provider}: "))?;
                vault.put(&provider, &purpose, &Secret::new(key.trim().as_bytes()))?;
                say(format_args!("sealed: {purpose} of {provider}"));
            }
            Self::List => {
                for entry in vault.entries()? {
                    say(format_args!("{} {}", entry.provider, entry.purpose));
                }
            }
            Self::Remove { provider, purpose } => {
                if !vault.remove(&provider, &purpose)? {
                    return Err(Failure::Said(format!("there is no {purpose} of {provider}")));
                }
            }
        }
        Ok(())
    }
}

fn read(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    let failed = |error: std::io::Error| Failure::Said(format!("no key was read: {error}"));
    if std::io::stdin().is_terminal() {
        return rpassword::prompt_password(prompt).map(Zeroizing::new).map_err(failed);
    }
    let mut text = Zeroizing::new(String::new());
    std::io::stdin().lock().take(64 * 1024).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}
