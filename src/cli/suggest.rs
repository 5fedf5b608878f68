//! `suggest`: least privilege, from what was used.

mod gather;
mod report;

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use gather::Gathered;

use super::{Outcome, read_config, say_error};
use crate::app::{self, Demands, Reviewer};
use crate::audit::{self, Entry};
use crate::router::Router;
use crate::table::Source;

#[derive(Args, Debug)]
pub struct Arguments {
    /// Files of an audit with `evidence = true`, also rotated ones, or - for standard input
    #[arg(required = true, value_name = "AUDIT|-")]
    files: Vec<PathBuf>,
    /// The config whose table, roles and policies tell what was granted [default: the built-in table, and
    /// nothing is known of grants]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Whose use is looked at; a role's is that of everybody who had it
    #[arg(long, value_enum, default_value_t = By::Subject)]
    by: By,
    /// Only requests of this caller
    #[arg(long, value_name = "NAME")]
    subject: Option<String>,
    /// Days between the first and the last request without which nothing is suggested
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    min_days: u64,
    /// Write a pattern where it selects no action but those that were used; of a table with more actions
    /// it may select more
    #[arg(long)]
    wildcards: bool,
    /// Suggest also what no evidence tells how it was granted, as if that had asked for nothing
    #[arg(long)]
    unproven: bool,
    /// The form of the report
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum By {
    Subject,
    Role,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    Text,
    Json,
}

/// Ends with 2 for trouble, as `replay` does.
pub fn run(arguments: &Arguments) -> Outcome {
    match suggest(arguments) {
        Ok(outcome) => outcome,
        Err(error) => {
            say_error(&error);
            Outcome::Unusable
        }
    }
}

fn suggest(arguments: &Arguments) -> anyhow::Result<Outcome> {
    if arguments.by == By::Role && arguments.config.is_none() {
        anyhow::bail!("--by role needs --config, which tells what roles there are");
    }
    let config = arguments.config.as_deref().map(read_config).transpose()?;
    let reviewer = config.as_ref().map(Reviewer::new).transpose()?;
    let builtin = match &reviewer {
        Some(_) => None,
        None => Some(app::route(&Source::builtin(), Demands::Actions)?),
    };
    let known = reviewer.as_ref().map(Reviewer::table);
    let Some(table) = known.or(builtin.as_ref().map(Router::table)) else {
        anyhow::bail!("there is no table");
    };
    let mut gathered = Gathered::new(reviewer.as_ref(), table, arguments.by);
    audit::read(&arguments.files, |place, entry| {
        match entry {
            Entry::Request(line) => {
                let subject = arguments.subject.as_deref();
                if subject.is_none() || line.subject.as_deref() == subject {
                    gathered.take(&line);
                }
            }
            Entry::Event(what) => gathered.passed.line(what, place, ""),
            Entry::Unreadable(why) => gathered.passed.line("not read", place, &why),
        }
        true
    })?;
    let reports = report::reports(&gathered, arguments)?;
    report::print(&reports, &gathered.passed, arguments.format)?;
    Ok(match reports.iter().any(report::Report::has_document) {
        true => Outcome::Done,
        false => Outcome::Failed,
    })
}
