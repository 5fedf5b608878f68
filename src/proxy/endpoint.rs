//! One address of the upstream, and what all workers know of its health.
//!
//! Only atomics: a worker asks before each request, and never waits for another.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use hyper::http::uri::Scheme;
use tracing::{info, warn};

use super::report::{EndpointReport, State, Totals};
use super::settings::{HealthCheck, Security};

/// The longest that an endpoint is left alone.
const LONGEST_EJECTION: Duration = Duration::from_mins(5);

/// What a connection is made to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Address {
    /// Over TCP.
    Tcp {
        /// The address.
        address: SocketAddr,
        /// The host as the config names it, for TLS.
        host: Arc<str>,
        /// Whether the connection is encrypted.
        security: Security,
    },
    /// Over a Unix socket.
    Unix(PathBuf),
}

impl Address {
    /// The scheme of a URI there.
    pub fn scheme(&self) -> Scheme {
        match self {
            Self::Tcp {
                security: Security::Tls,
                ..
            } => Scheme::HTTPS,
            Self::Tcp { .. } | Self::Unix(_) => Scheme::HTTP,
        }
    }

    /// The TCP address; none for a Unix socket.
    pub fn socket(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp { address, .. } => Some(*address),
            Self::Unix(_) => None,
        }
    }

    /// The TCP port; 0 for a Unix socket.
    pub fn port(&self) -> u16 {
        match self {
            Self::Tcp { address, .. } => address.port(),
            Self::Unix(_) => 0,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { address, .. } => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// One address of the upstream.
///
/// It is ejected after so many failures in a row, for a time that doubles with each ejection. Then
/// one request at a time is its trial: a good answer restores it.
#[derive(Debug)]
pub struct Endpoint {
    /// Where it is.
    pub address: Address,
    /// What its times are counted from.
    born: Instant,
    /// Requests of all workers that run there.
    pending: AtomicUsize,
    /// How many requests in a row have failed.
    failures: AtomicU32,
    /// How many times in a row it was ejected.
    ejections: AtomicU32,
    /// Until when it is ejected, in milliseconds; 0 when it is not.
    ejected_until: AtomicU64,
    /// Whether a trial is under way.
    is_on_trial: AtomicBool,
    /// Whether checks found it unwell.
    is_unhealthy: AtomicBool,
    /// Checks in a row that speak against its present state.
    checks: AtomicU32,
    totals: Totals,
}

/// Whether a request may be sent to an endpoint.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Admission {
    /// As to any other.
    Open,
    /// As its one trial.
    Trial,
    /// Not now.
    Closed,
}

/// When endpoints are ejected, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Ejection {
    /// After how many failures in a row.
    pub after: u32,
    /// For how long the first time.
    pub time: Duration,
}

impl Endpoint {
    /// Nothing is known of it yet.
    pub fn new(address: Address) -> Self {
        Self {
            address,
            born: Instant::now(),
            pending: AtomicUsize::new(0),
            failures: AtomicU32::new(0),
            ejections: AtomicU32::new(0),
            ejected_until: AtomicU64::new(0),
            is_on_trial: AtomicBool::new(false),
            is_unhealthy: AtomicBool::new(false),
            checks: AtomicU32::new(0),
            totals: Totals::default(),
        }
    }

    /// Whether a request may be sent there now. [`Admission::Trial`] is given once until
    /// [`Endpoint::end_trial`].
    pub fn admit(&self, now: Instant) -> Admission {
        if self.is_unhealthy.load(Relaxed) {
            return Admission::Closed;
        }
        let until = self.ejected_until.load(Relaxed);
        if until == 0 {
            return Admission::Open;
        }
        if self.at(now) < until || self.is_on_trial.swap(true, Relaxed) {
            return Admission::Closed;
        }
        Admission::Trial
    }

    /// Ends the trial, whatever came of it.
    pub fn end_trial(&self) {
        self.is_on_trial.store(false, Relaxed);
    }

    /// A request was answered.
    pub fn succeeded(&self) {
        // Both: another worker may eject it right after a good answer.
        if self.failures.load(Relaxed) == 0 && self.ejected_until.load(Relaxed) == 0 {
            return;
        }
        self.failures.store(0, Relaxed);
        if self.ejected_until.swap(0, Relaxed) != 0 {
            self.ejections.store(0, Relaxed);
            info!(endpoint = %self.address, "the upstream's endpoint {} is used again", self.address);
        }
    }

    /// A request failed for a reason that speaks against the endpoint.
    pub fn failed(&self, now: Instant, ejection: Ejection) {
        self.totals.failures.fetch_add(1, Relaxed);
        let failures = self.failures.fetch_add(1, Relaxed).saturating_add(1);
        let before = self.ejected_until.load(Relaxed);
        // While it is ejected, only what runs there since before fails, or is sent there because no
        // endpoint is left; then a trial.
        let is_due = match before {
            0 => failures >= ejection.after,
            _ => self.at(now) >= before,
        };
        if !is_due {
            return;
        }
        let times = self.ejections.load(Relaxed).min(16);
        let time = ejection
            .time
            .saturating_mul(1 << times)
            .min(LONGEST_EJECTION.max(ejection.time));
        let until = self.at(now + time).max(1);
        let swapped = self
            .ejected_until
            .compare_exchange(before, until, Relaxed, Relaxed);
        if swapped.is_err() {
            // Another worker has just done it.
            return;
        }
        self.ejections.fetch_add(1, Relaxed);
        self.totals.ejections.fetch_add(1, Relaxed);
        let address = &self.address;
        warn!(endpoint = %address, failures, "the upstream's endpoint {address} is left alone for {time:?} after {failures} failures in a row");
    }

    /// Takes in the outcome of a check.
    pub fn checked(&self, is_well: bool, check: &HealthCheck) {
        let was_unhealthy = self.is_unhealthy.load(Relaxed);
        if is_well != was_unhealthy {
            self.checks.store(0, Relaxed);
            return;
        }
        let against = self.checks.fetch_add(1, Relaxed) + 1;
        let limit = match is_well {
            true => check.healthy_after,
            false => check.unhealthy_after,
        };
        if against < limit {
            return;
        }
        self.checks.store(0, Relaxed);
        self.is_unhealthy.store(!is_well, Relaxed);
        let address = &self.address;
        match is_well {
            true => info!(endpoint = %address, "the upstream's endpoint {address} is healthy"),
            false => warn!(endpoint = %address, "the upstream's endpoint {address} is unhealthy"),
        }
    }

    /// How many requests run there.
    pub fn pending(&self) -> usize {
        self.pending.load(Relaxed)
    }

    /// Counts a request as running there.
    pub fn begin(&self) {
        self.pending.fetch_add(1, Relaxed);
        self.totals.requests.fetch_add(1, Relaxed);
    }

    /// Counts a request as running there no longer.
    pub fn end(&self) {
        self.pending.fetch_sub(1, Relaxed);
    }

    /// Counts a connection that was made.
    pub fn connected(&self) {
        self.totals.connections.fetch_add(1, Relaxed);
    }

    /// Counts a request that is sent again because it failed here.
    pub fn retried(&self) {
        self.totals.retries.fetch_add(1, Relaxed);
    }

    /// How it is doing.
    pub fn report(&self, now: Instant) -> EndpointReport {
        let until = self.ejected_until.load(Relaxed);
        let state = match self.is_unhealthy.load(Relaxed) {
            true => State::Unhealthy,
            false if until != 0 && self.at(now) < until => State::Ejected,
            false => State::Up,
        };
        EndpointReport {
            address: self.address.to_string(),
            state,
            pending: self.pending(),
            requests: self.totals.requests.load(Relaxed),
            connections: self.totals.connections.load(Relaxed),
            failures: self.totals.failures.load(Relaxed),
            retries: self.totals.retries.load(Relaxed),
            ejections: self.totals.ejections.load(Relaxed),
        }
    }

    fn at(&self, time: Instant) -> u64 {
        let since = time.saturating_duration_since(self.born).as_millis();
        u64::try_from(since).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EJECTION: Ejection = Ejection {
        after: 3,
        time: Duration::from_secs(10),
    };

    fn endpoint() -> Endpoint {
        Endpoint::new(Address::Unix("/x".into()))
    }

    #[test]
    fn failures_in_a_row_eject_and_one_trial_restores() {
        let endpoint = endpoint();
        let now = Instant::now();
        endpoint.failed(now, EJECTION);
        endpoint.failed(now, EJECTION);
        endpoint.succeeded();
        endpoint.failed(now, EJECTION);
        endpoint.failed(now, EJECTION);
        assert_eq!(endpoint.admit(now), Admission::Open);
        endpoint.failed(now, EJECTION);
        assert_eq!(endpoint.admit(now), Admission::Closed);
        let later = now + Duration::from_secs(11);
        assert_eq!(endpoint.admit(later), Admission::Trial);
        assert_eq!(endpoint.admit(later), Admission::Closed);
        endpoint.end_trial();
        assert_eq!(endpoint.admit(later), Admission::Trial);
        endpoint.succeeded();
        endpoint.end_trial();
        assert_eq!(endpoint.admit(later), Admission::Open);
    }

    #[test]
    fn an_answer_just_before_the_ejection_does_not_make_it_last() {
        let endpoint = endpoint();
        let now = Instant::now();
        for _ in 0..3 {
            endpoint.failed(now, EJECTION);
        }
        // As when another worker has an answer while this one is ejecting.
        endpoint.failures.store(0, Relaxed);
        let later = now + Duration::from_secs(11);
        assert_eq!(endpoint.admit(later), Admission::Trial);
        endpoint.succeeded();
        endpoint.end_trial();
        assert_eq!(endpoint.admit(later), Admission::Open);
    }

    #[test]
    fn each_failed_trial_doubles_the_time_up_to_a_bound() {
        let endpoint = endpoint();
        let mut now = Instant::now();
        for _ in 0..3 {
            endpoint.failed(now, EJECTION);
        }
        for seconds in [10, 20, 40, 80, 160, 300, 300] {
            // What ran there before does not count again.
            endpoint.failed(now, EJECTION);
            let before = now + Duration::from_millis(seconds * 1000 - 10);
            assert_eq!(endpoint.admit(before), Admission::Closed, "{seconds}");
            now += Duration::from_millis(seconds * 1000 + 10);
            assert_eq!(endpoint.admit(now), Admission::Trial, "{seconds}");
            endpoint.failed(now, EJECTION);
            endpoint.end_trial();
        }
    }

    #[test]
    fn checks_in_a_row_close_and_open() {
        let endpoint = endpoint();
        let mut check = HealthCheck::new("/".parse().unwrap());
        (check.healthy_after, check.unhealthy_after) = (2, 3);
        let now = Instant::now();
        let cases = [
            (false, Admission::Open),
            (false, Admission::Open),
            (true, Admission::Open),
            (false, Admission::Open),
            (false, Admission::Open),
            (false, Admission::Closed),
            (true, Admission::Closed),
            (false, Admission::Closed),
            (true, Admission::Closed),
            (true, Admission::Open),
        ];
        for (index, (is_well, expected)) in cases.into_iter().enumerate() {
            endpoint.checked(is_well, &check);
            assert_eq!(endpoint.admit(now), expected, "{index}");
        }
    }
}
