//! The rules of a candidate: whatever is wrong with it is told, and nothing else comes of it.

use std::panic;
use std::path::Path;
use std::sync::Arc;

use tracing::{error, info};

use super::assemble;
use crate::config::Config;
use crate::gateway::Judge;
use crate::telemetry::chain;

/// The judge of the config at `path`; nothing if it cannot be used, which is logged.
///
/// Of its issuers' keys nothing is fetched: tokens are verified by the rules in use.
pub fn load(path: &Path) -> Option<Arc<dyn Judge>> {
    let name = path.display();
    let loaded = panic::catch_unwind(|| {
        // What it would rehearse itself is not its decision.
        let config = Config::read(path).map(|config| Config {
            candidate: None,
            ..config
        });
        let config = config.map_err(|problems| problems.to_string())?;
        assemble(&config).map_err(|error| chain(&error))
    });
    match loaded {
        Ok(Ok(assembled)) => {
            let operations = assembled.rules.router().table().operations().len();
            info!(candidate = %name, operations, "the candidate {name} is rehearsed: {operations} operations");
            Some(assembled.rules)
        }
        Ok(Err(cause)) => {
            error!(candidate = %name, "the candidate {name} is not rehearsed: {cause}");
            None
        }
        Err(_) => {
            error!(candidate = %name, "the candidate {name} is not rehearsed: reading it panicked");
            None
        }
    }
}
