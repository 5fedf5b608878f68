//! `config`: what the config says as a whole, and what it may say.

use std::path::Path;

use anyhow::anyhow;
use clap::Subcommand;

use super::{ConfigFile, Outcome, say};
use crate::config::{Config, SCHEMA};

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print every value with where it comes from: the file, a variable or the defaults
    Show(ConfigFile),
    /// Print the JSON Schema of actiongate.toml, for editors and other checkers
    Schema,
}

pub fn run(command: &ConfigCommand) -> anyhow::Result<Outcome> {
    match command {
        ConfigCommand::Show(file) => show(&file.config),
        ConfigCommand::Schema => {
            say(SCHEMA.trim_end());
            Ok(Outcome::Done)
        }
    }
}

fn show(path: &Path) -> anyhow::Result<Outcome> {
    let shown = Config::show(path);
    let shown = shown.map_err(|problems| anyhow!("the config cannot be used:\n{problems}"))?;
    say(shown.trim_matches('\n'));
    Ok(Outcome::Done)
}
