//! `config`: what the config says as a whole, and what it may say.

use std::path::Path;

use anyhow::anyhow;

use super::{Outcome, say};
use crate::config::{Config, SCHEMA};

pub fn show(path: &Path) -> anyhow::Result<Outcome> {
    let shown = Config::show(path);
    let shown = shown.map_err(|problems| anyhow!("the config cannot be used:\n{problems}"))?;
    say(shown.trim_matches('\n'));
    Ok(Outcome::Done)
}

pub fn schema() -> Outcome {
    say(SCHEMA.trim_end());
    Outcome::Done
}
