//! What commands know without anybody's keys: of a config, or what is built in.

use std::sync::Arc;

use crate::app::{self, Demands};
use crate::config::Config;
use crate::grant::{NamedPolicy, system_policies};
use crate::router::Router;
use crate::table::Source;

/// The table, routed.
pub fn router(config: Option<&Config>) -> anyhow::Result<Router> {
    Ok(match config {
        Some(config) => app::route(&config.table, config.into())?,
        None => app::route(&Source::builtin(), Demands::Actions)?,
    })
}

/// Every policy that a role may have.
pub fn policies(config: Option<&Config>) -> anyhow::Result<Vec<Arc<NamedPolicy>>> {
    if let Some(config) = config {
        return Ok(config.policies.clone());
    }
    let read = |(name, document): (&str, &str)| {
        NamedPolicy::read(name.to_owned(), document.as_bytes()).map(Arc::new)
    };
    Ok(system_policies().map(read).collect::<Result<_, _>>()?)
}
