//! What there is to tell: everything that the parts leave to be looked at.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use tokio::sync::watch;

use crate::audit::{self, Auditor};
use crate::gateway::Snapshot;
use crate::metrics::Registry;
use crate::server::Occupancy;
use crate::trace;

/// Everything that is told.
#[derive(Debug)]
pub struct Source {
    /// When the gateway was started.
    pub started: SystemTime,
    /// What workers count.
    pub registry: Arc<Registry>,
    /// What requests are judged by now.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// The connections of the workers.
    pub occupancy: Occupancy,
    /// What became of audit lines.
    pub audit: AuditState,
    /// What became of spans, where there are any.
    pub traces: Option<Arc<trace::Counts>>,
    /// Of the config.
    pub reloads: Arc<Reloads>,
    /// Set once the gateway has been told to stop.
    pub is_stopping: AtomicBool,
}

/// What became of the audit's lines.
#[derive(Debug)]
pub struct AuditState {
    /// Whether there is one.
    pub is_on: bool,
    /// Them.
    pub counts: Arc<audit::Counts>,
}

impl AuditState {
    /// Of the audit that `auditor` writes to.
    pub fn of(auditor: &Auditor) -> Self {
        Self {
            is_on: auditor.is_on(),
            counts: auditor.counts(),
        }
    }
}

impl Source {
    /// From now on the gateway is not ready.
    pub fn stopping(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// What requests are judged by now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshots.borrow())
    }
}

/// Which config is in use, and what became of attempts to replace it.
#[derive(Debug)]
pub struct Reloads(Mutex<ReloadState>);

/// As of now.
#[derive(Clone, Debug)]
pub struct ReloadState {
    /// The config's file, if it has one.
    pub file: Option<String>,
    /// SHA-256 of the config and the tables and policies it names, in hexadecimal.
    pub digest: String,
    /// When it was taken up.
    pub loaded: SystemTime,
    /// How often it was taken up anew.
    pub done: u64,
    /// How often it could not be.
    pub failed: u64,
    /// Why not, the last time, if it was so.
    pub last_error: Option<String>,
}

impl Reloads {
    /// The first config is in use.
    pub fn new(file: Option<&Path>, digest: String) -> Arc<Self> {
        Arc::new(Self(Mutex::new(ReloadState {
            file: file.map(|file| file.display().to_string()),
            digest,
            loaded: SystemTime::now(),
            done: 0,
            failed: 0,
            last_error: None,
        })))
    }

    /// As of now.
    pub fn state(&self) -> ReloadState {
        self.change(|state| state.clone())
    }

    /// Another config is in use.
    pub fn done(&self, digest: String) {
        self.change(|state| {
            state.digest = digest;
            state.loaded = SystemTime::now();
            state.done += 1;
            state.last_error = None;
        });
    }

    /// It stays the same, because of `error`.
    pub fn failed(&self, error: String) {
        self.change(|state| {
            state.failed += 1;
            state.last_error = Some(error);
        });
    }

    fn change<T>(&self, change: impl FnOnce(&mut ReloadState) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
