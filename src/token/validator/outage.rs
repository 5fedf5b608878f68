//! Says in the log when an issuer goes away and when it is back, once each.

use std::sync::atomic::{AtomicBool, Ordering};

use tracing::{info, warn};

use super::error::AskError;
use crate::telemetry::chain;

/// Of one issuer.
#[derive(Debug)]
pub struct Outage {
    issuer: String,
    is_away: AtomicBool,
}

impl Outage {
    pub fn new(issuer: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            is_away: AtomicBool::new(false),
        }
    }

    /// It has answered as it should.
    pub fn end(&self) {
        if self.is_away.swap(false, Ordering::Relaxed) {
            let issuer = &self.issuer;
            info!(issuer, "{issuer} can be asked about tokens again");
        }
    }

    /// It has not.
    pub fn begin(&self, error: &AskError) {
        if !self.is_away.swap(true, Ordering::Relaxed) {
            let (issuer, cause) = (&self.issuer, chain(error));
            warn!(
                issuer,
                "{issuer} cannot be asked about tokens, those not yet known get 503: {cause}"
            );
        }
    }
}
