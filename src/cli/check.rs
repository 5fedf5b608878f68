//! `check`: everything that `run` would refuse, without running.

use std::path::Path;

use super::{Outcome, say};
use crate::app;
use crate::config::Config;
use crate::token::Location;

pub fn run(path: &Path) -> Outcome {
    let (config, mut problems) = match Config::read(path) {
        Ok(config) => (Some(config), Vec::new()),
        Err(problems) => (None, problems.0.iter().map(ToString::to_string).collect()),
    };
    if let Some(config) = config {
        match check_parts(&config) {
            Ok(summary) => {
                say(format_args!("{}: {summary}", path.display()));
                return Outcome::Done;
            }
            Err(found) => problems = found,
        }
    }
    for problem in &problems {
        say(problem);
    }
    let count = problems.len();
    let noun = if count == 1 { "problem" } else { "problems" };
    say(format_args!("{}: {count} {noun}", path.display()));
    Outcome::Failed
}

fn check_parts(config: &Config) -> Result<String, Vec<String>> {
    let assembled = app::assemble(config).map_err(|error| lines(&error.into()))?;
    let mut problems = Vec::new();
    for (mut source, issuer) in assembled.sources.into_iter().zip(&config.issuers) {
        // A URL is not asked: whether it answers today says nothing about the config.
        if let Location::File(path) = source.location().clone()
            && let Err(error) = app::fetch_once(&mut source)
        {
            let (path, error) = (path.display(), anyhow::Error::from(error));
            problems.push(format!(
                "{path}: the keys of {} cannot be used: {error:#}",
                issuer.name
            ));
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let table = assembled.rules.router().table();
    let routes: usize = table
        .operations()
        .iter()
        .map(|operation| operation.routes.len())
        .sum();
    Ok(format!(
        "good: {} operations, {routes} routes, {} actions, {} issuers",
        table.operations().len(),
        table.actions().count(),
        config.issuers.len()
    ))
}

fn lines(error: &anyhow::Error) -> Vec<String> {
    format!("{error:#}").lines().map(str::to_owned).collect()
}
