//! `replay`: recorded requests decided again under another config, and what would change.

mod report;

use std::path::PathBuf;

use clap::Args;

use report::{Change, Replayed};

use super::{Format, Outcome, read_config, say_error};
use crate::app::Reviewer;
use crate::audit::{self, Decided, Entry, RequestLine};
use crate::gateway::Rejection;

#[derive(Args, Debug)]
pub struct Arguments {
    /// Files of an audit with `evidence = true`, also rotated ones, or - for standard input
    #[arg(required = true, value_name = "AUDIT|-")]
    files: Vec<PathBuf>,
    /// The config under which requests are decided again; neither its keys nor its secrets are needed
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The form of the report
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Report also what would stay as it was
    #[arg(long)]
    all: bool,
    /// Exit with 3 where a request that was refused would be permitted
    #[arg(long)]
    forbid_widening: bool,
    /// Exit with 3 where a request that was permitted would be refused
    #[arg(long)]
    forbid_narrowing: bool,
}

/// Ends as `diff` does: with 2 for trouble.
pub fn run(arguments: &Arguments) -> Outcome {
    match replay(arguments) {
        Ok(outcome) => outcome,
        Err(error) => {
            say_error(&error);
            Outcome::Unusable
        }
    }
}

fn replay(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let config = read_config(&arguments.config)?;
    let reviewer = Reviewer::new(&config)?;
    let mut replayed = Replayed::default();
    audit::read(&arguments.files, |place, entry| {
        match entry {
            Entry::Request(line) => take(&reviewer, &line, &mut replayed),
            Entry::Event(what) => replayed.passed.line(what, place, ""),
            Entry::Unreadable(why) => replayed.passed.line("not read", place, &why),
        }
        true
    })?;
    report::print(&replayed, arguments.format, arguments.all)?;
    if replayed.lines == 0 {
        anyhow::bail!(
            "no request could be decided again, so nothing is known of what would change"
        );
    }
    let is_forbidden = arguments.forbid_widening && replayed.has(Change::Widening)
        || arguments.forbid_narrowing && replayed.has(Change::Narrowing);
    if is_forbidden {
        return Ok(Outcome::Denied);
    }
    let forbids = arguments.forbid_widening || arguments.forbid_narrowing;
    if forbids && replayed.undecided > 0 {
        let undecided = replayed.undecided;
        anyhow::bail!(
            "{undecided} requests could not be decided again: what they forbid is not proved"
        );
    }
    Ok(
        match replayed.has(Change::Widening) || replayed.has(Change::Narrowing) {
            true => Outcome::Differs,
            false => Outcome::Done,
        },
    )
}

fn take(reviewer: &Reviewer, line: &RequestLine<'_>, replayed: &mut Replayed) {
    let was_permitted = match line.decision {
        Some(Decided::Permit) => true,
        Some(Decided::Deny) => false,
        // Whose token it was, or what was asked for, was not known.
        Some(Decided::Reject) => return replayed.passed.request("rejected, which stays so", line),
        None => {
            return replayed
                .passed
                .request("given up by the client before a decision", line);
        }
    };
    let decided = reviewer
        .read(line)
        .and_then(|recorded| reviewer.decide(&recorded));
    match decided {
        Err(why) => replayed.leave_undecided(&why, line),
        Ok(decided) => {
            let change = match (was_permitted, &decided) {
                (true, Err(_)) => Change::Narrowing,
                (false, Ok(())) => Change::Widening,
                _ => Change::None,
            };
            replayed.add(change, line, decided.err().as_ref());
        }
    }
}

/// Why a request is refused, as the audit says it.
fn why(rejection: &Rejection) -> (&'static str, Vec<String>) {
    let missing = match rejection {
        Rejection::Forbidden { missing, .. } => missing.clone(),
        _ => Vec::new(),
    };
    (rejection.reason(), missing)
}
