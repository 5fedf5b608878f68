//! `audit`: whether an audit's files are whole, and what a line is.

use std::io;
use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::{Outcome, say, say_error};
use crate::audit::{self, Finding, SCHEMA, Verified};
use crate::token::Secret;

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Prove that nothing in chained files was changed, cut or removed
    ///
    /// Each line carries a digest of the one before, so a change, a missing line or a swap shows at the line
    /// behind it. Two things no chain can show by itself: without a key whoever changes a file can compute
    /// all digests anew; and lines that are missing at the very end leave no trace. Keep the digest of the
    /// end, which is printed, where the files' owner cannot change it, and give it as --expect-end later.
    ///
    /// Exit codes: 0 whole; 1 something is missing or was changed; 2 trouble.
    Verify {
        /// The file of the key, where the digests have one
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        /// The digest that the last line should have
        #[arg(long, value_name = "DIGEST")]
        expect_end: Option<String>,
        /// The files, the oldest first: audit.jsonl.2 audit.jsonl.1 audit.jsonl
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Print the JSON Schema of a line
    Schema,
}

pub fn run(command: &AuditCommand) -> Outcome {
    match command {
        AuditCommand::Verify {
            key,
            expect_end,
            files,
        } => verify(files, key.as_deref(), expect_end.as_deref()),
        AuditCommand::Schema => {
            say(SCHEMA.trim_end());
            Outcome::Done
        }
    }
}

/// Ends as `diff` does: with 2 for trouble.
fn verify(files: &[PathBuf], key: Option<&Path>, expected_end: Option<&str>) -> Outcome {
    match read(files, key) {
        Ok(verified) => report(&verified, expected_end),
        Err(error) => {
            say_error(&error.into());
            Outcome::Unusable
        }
    }
}

fn read(files: &[PathBuf], key: Option<&Path>) -> io::Result<Verified> {
    let key = key
        .map(Secret::read)
        .transpose()
        .map_err(io::Error::other)?;
    audit::verify(files, key.as_ref().map(|key| key.reveal().as_bytes()))
}

fn report(verified: &Verified, expected_end: Option<&str>) -> Outcome {
    for Finding {
        file,
        line,
        message,
        is_broken,
    } in &verified.findings
    {
        let kind = if *is_broken { "BROKEN" } else { "note" };
        say(format_args!("{}:{line}: {kind}: {message}", file.display()));
    }
    let mut is_whole = verified.is_whole();
    if verified.lines == 0 {
        say("BROKEN: no line carries a digest, as they do with `chain = true` in [audit]");
        is_whole = false;
    }
    if let Some((first, last)) = &verified.times {
        say(format_args!(
            "lines         {} from {first} to {last}",
            verified.lines
        ));
    }
    let end = verified.end.as_deref().unwrap_or("(none)");
    say(format_args!("end           {end}"));
    if let Some(expected) = expected_end.filter(|expected| *expected != end) {
        say(format_args!(
            "BROKEN: expected the end {expected}: lines are missing or were added"
        ));
        is_whole = false;
    }
    match is_whole {
        true => {
            say("whole         nothing was changed, cut or removed");
            Outcome::Done
        }
        false => Outcome::Differs,
    }
}
