//! `check`: everything that `run` would refuse, without running.

mod note;

use std::path::Path;

use note::Note;

use super::{Outcome, say};
use crate::app::{self, StartError};
use crate::audit;
use crate::config::Config;
use crate::proxy::Upstream;
use crate::revocation;
use crate::table::ActionTable;
use crate::tls;
use crate::token::{KeySettings, KeySource, ValidatorService, unix_time};
use crate::trace;

/// Notes of the built-in table are only counted, unless `all` are wanted; `strict` fails with any
/// that are told.
pub fn run(path: &Path, all: bool, strict: bool) -> Outcome {
    let (config, found) = Config::survey(path);
    let mut problems: Vec<String> = found.0.iter().map(ToString::to_string).collect();
    let summary = config.map(|config| check_parts(&config, &mut problems));
    if let (Some(Some((summary, notes))), true) = (&summary, problems.is_empty()) {
        let (untold, told): (Vec<&Note>, Vec<&Note>) =
            notes.iter().partition(|note| note.is_builtin && !all);
        for note in &told {
            say(note);
        }
        let untold = match untold.len() {
            0 => String::new(),
            count => format!("; {count} notes on the built-in table (--all)"),
        };
        say(format_args!("{}: {summary}{untold}", path.display()));
        return match strict && !told.is_empty() {
            true => Outcome::Failed,
            false => Outcome::Done,
        };
    }
    for problem in &problems {
        say(problem);
    }
    let count = problems.len();
    let noun = if count == 1 { "problem" } else { "problems" };
    say(format_args!("{}: {count} {noun}", path.display()));
    Outcome::Failed
}

/// Adds what is wrong with the files that `config` names; sums it up where the table is good.
fn check_parts(config: &Config, problems: &mut Vec<String>) -> Option<(String, Vec<Note>)> {
    let summary = match app::route(&config.table, config.into()) {
        Ok(router) => {
            let table = router.table();
            let roles = app::compile_roles(config, table).unwrap_or_else(|found| {
                problems.extend(found.0.iter().map(ToString::to_string));
                Vec::new()
            });
            Some((summary(table, config), note::notes(table, config, &roles)))
        }
        Err(StartError::Table(found)) => {
            problems.extend(found.0.iter().map(ToString::to_string));
            None
        }
        Err(error) => {
            problems.push(format!("{:#}", anyhow::Error::from(error)));
            None
        }
    };
    for issuer in &config.issuers {
        if let Some(settings) = issuer.kind.validator()
            // It is not asked, only made.
            && let Err(error) = ValidatorService::new(&issuer.name, &settings, unix_time)
        {
            let error = anyhow::Error::from(error);
            problems.push(format!(
                "{} cannot be asked about tokens: {error:#}",
                issuer.name
            ));
        }
        let Some(keys) = issuer.kind.keys() else {
            continue;
        };
        if let Err(error) = check_keys(&issuer.name, keys) {
            let location = &keys.location;
            problems.push(format!(
                "{location}: the keys of {} cannot be used: {error:#}",
                issuer.name
            ));
        }
    }
    if let Some(settings) = &config.revocation
        && let Err(error) = check_list(settings)
    {
        let location = &settings.location;
        problems.push(format!(
            "{location}: the list of revoked tokens cannot be used: {error:#}"
        ));
    }
    problems.extend(check_tls(config));
    if let Err(error) = audit::probe(&config.audit.target) {
        problems.push(format!("the audit cannot be written: {error}"));
    }
    summary
}

/// A URL is not asked: whether it answers today says nothing about the config.
fn check_keys(issuer: &str, keys: &KeySettings) -> anyhow::Result<()> {
    let (mut source, _feed) = KeySource::new(issuer, keys.clone())?;
    if source.location().path().is_some() {
        app::fetch_once(&mut source)?;
    }
    Ok(())
}

/// As of keys, only a file is read.
fn check_list(settings: &revocation::Settings) -> anyhow::Result<()> {
    let (mut source, _feed) = revocation::Source::new(settings.clone())?;
    if source.location().is_file() {
        app::look_once(&mut source)?;
    }
    Ok(())
}

/// The message names the file.
fn check_tls(config: &Config) -> Vec<String> {
    let server = config.listen.tls.as_ref();
    let server = server.and_then(|settings| tls::Server::load(settings).err());
    let client = config.upstream.tls.as_ref();
    let client = client.and_then(|settings| tls::Client::load(settings, &[]).err());
    // The rest of what the upstream needs, where its certificates are good.
    let upstream = match client {
        None => Upstream::new(&config.upstream).err(),
        Some(_) => None,
    };
    let collector = config.tracing.as_ref();
    let collector = collector.and_then(|settings| trace::probe(settings).err());
    let authorizers = config.authorizers.iter().filter_map(|settings| {
        let error = tls::Server::load(settings.tls.as_ref()?).err()?;
        Some(format!(
            "[authorizer.tls] of {} cannot be used: {:#}",
            settings.address,
            anyhow::Error::from(error)
        ))
    });
    let found = [
        ("tracing", collector.map(anyhow::Error::from)),
        ("listen.tls", server.map(anyhow::Error::from)),
        ("upstream.tls", client.map(anyhow::Error::from)),
        ("upstream", upstream.map(anyhow::Error::from)),
    ];
    let found = found.into_iter().filter_map(|(section, error)| {
        let error = error?;
        Some(format!("[{section}] cannot be used: {error:#}"))
    });
    authorizers.chain(found).collect()
}

fn summary(table: &ActionTable, config: &Config) -> String {
    let operations = table.operations();
    let routes: usize = operations
        .iter()
        .map(|operation| operation.routes.len())
        .sum();
    format!(
        "good: {} operations, {routes} routes, {} actions, {} issuer{}",
        operations.len(),
        table.actions().count(),
        config.issuers.len(),
        if config.issuers.len() == 1 { "" } else { "s" },
    )
}
