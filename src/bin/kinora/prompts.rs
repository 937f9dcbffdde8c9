//! `kinora prompts`: the lexicon.

use std::io::Write;
use std::process::ExitCode;

use kinora::prompt::LEXICON;

pub(crate) fn run() -> ExitCode {
    let mut out = std::io::stdout().lock();
    for entry in LEXICON {
        // A closed pipe (`| head`) is no failure.
        if writeln!(out, "{:<18} {:<9} {:+.2}", entry.phrase, entry.motion.tag(), entry.strength)
            .is_err()
        {
            break;
        }
    }
    ExitCode::SUCCESS
}
