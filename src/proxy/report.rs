//! How the upstream's endpoints are doing, for others to look at.

use std::sync::atomic::AtomicU64;

/// What there was since an address became an endpoint.
#[derive(Debug, Default)]
pub struct Totals {
    pub requests: AtomicU64,
    pub connections: AtomicU64,
    pub failures: AtomicU64,
    pub retries: AtomicU64,
    pub ejections: AtomicU64,
}

/// Whether an endpoint is used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// It is.
    Up,
    /// Not for a time, after failures in a row.
    Ejected,
    /// Not while its health checks fail.
    Unhealthy,
}

impl State {
    /// A stable label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Ejected => "ejected",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// One endpoint, as it was looked at; its counts are of the time since it became one.
#[derive(Clone, Debug)]
pub struct EndpointReport {
    /// `IP:PORT` or `unix:PATH`.
    pub address: String,
    /// Whether it is used.
    pub state: State,
    /// Requests that run there now.
    pub pending: usize,
    /// Requests it was chosen for, sent again ones included.
    pub requests: u64,
    /// Connections that were made to it.
    pub connections: u64,
    /// Connections, requests and health checks that failed in a way that speaks against it.
    pub failures: u64,
    /// Requests that were sent again, here or elsewhere, after they had failed here.
    pub retries: u64,
    /// How often it was left alone after failures in a row.
    pub ejections: u64,
}
