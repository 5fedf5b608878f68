//! The list of revoked tokens.

use std::sync::Arc;

use serde::Serialize;

use crate::revocation::Health;

#[derive(Debug, Serialize)]
pub struct RevocationStatus {
    location: Arc<str>,
    state: &'static str,
    entries: Option<usize>,
    age_seconds: Option<f64>,
    last_error: Option<Arc<str>>,
    refreshes: u64,
    failures: u64,
}

impl From<Health> for RevocationStatus {
    fn from(health: Health) -> Self {
        Self {
            location: health.location,
            state: match (health.is_available, &health.last_error) {
                (false, _) => "unavailable",
                (true, Some(_)) => "stale",
                (true, None) => "ok",
            },
            entries: health.entries,
            age_seconds: health.age.map(|age| age.as_secs_f64()),
            last_error: health.last_error,
            refreshes: health.attempts,
            failures: health.failures,
        }
    }
}
