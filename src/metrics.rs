//! Counts of what became of requests, for whoever looks at them.
//!
//! Every worker adds to counts of its own and a look adds them up: no lock, nothing that two cores write.
//! Each count grows for as long as the process lives, over every reload.

mod count;
mod histogram;
mod operation;
mod reason;
mod refused;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use count::Count;
pub use histogram::{BOUNDS, Histogram, Reading};
pub use operation::{OperationCounts, Totals};
pub use reason::Reasons;
pub use refused::{Refused, Subjects};

use operation::Operations;
use refused::LastRefused;

use crate::audit::{Decision, Record};

/// What a request's end is counted under.
pub const DECISIONS: [(Option<Decision>, &str); 4] = [
    (Some(Decision::Permit), "permit"),
    (Some(Decision::Deny), "deny"),
    (Some(Decision::Reject), "reject"),
    (None, "none"),
];

/// The place of a decision in [`DECISIONS`].
fn place(decision: Option<Decision>) -> usize {
    match decision {
        Some(Decision::Permit) => 0,
        Some(Decision::Deny) => 1,
        Some(Decision::Reject) => 2,
        None => 3,
    }
}

/// What one worker counts.
#[derive(Debug, Default)]
pub struct WorkerCounts {
    /// Requests that have begun.
    pub begun: Count,
    /// Requests that have ended, by how and why.
    pub reasons: Reasons,
    /// Answers by the first digit of their status, from 1.
    pub statuses: [Count; 5],
    /// From the head of a request to the end of its answer.
    pub total: Histogram,
    /// From the head of a request to the first byte sent upstream, or to the end of a refusal.
    pub own: Histogram,
    /// From the first byte sent upstream to the head of the answer.
    pub upstream: Histogram,
    /// Body bytes from clients.
    pub received: Count,
    /// Body bytes to clients.
    pub sent: Count,
    /// The cache of verified callers.
    pub cache: CacheCounts,
    /// What a candidate would have decided, by [`Rehearsed`].
    pub rehearsed: [Count; Rehearsed::ALL.len()],
    /// Requests that were let through though the rules refuse them.
    pub reported: Count,
}

/// How a candidate's decision compares with the one that was made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Rehearsed {
    /// Both are permits, or both refusals.
    Same,
    /// It would have let the request through.
    Widens,
    /// It would have refused the request.
    Narrows,
    /// It would have to know more of the request.
    Unknown,
    /// It has panicked.
    Failed,
}

impl Rehearsed {
    /// In the order of their counts.
    pub const ALL: [Self; 5] = [
        Self::Same,
        Self::Widens,
        Self::Narrows,
        Self::Unknown,
        Self::Failed,
    ];

    /// As metrics call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Widens => "widens",
            Self::Narrows => "narrows",
            Self::Unknown => "unknown",
            Self::Failed => "failed",
        }
    }
}

impl WorkerCounts {
    /// Counts one more of this kind.
    pub fn rehearsed(&self, found: Rehearsed) {
        if let Some(count) = self.rehearsed.get(found as usize) {
            count.add(1);
        }
    }
}

/// What became of the tokens that a worker looked for in its cache.
#[derive(Debug, Default)]
pub struct CacheCounts {
    /// Those that were there and still good.
    pub hits: Count,
    /// The others.
    pub misses: Count,
    /// Callers that had to go because there were too many.
    pub evictions: Count,
}

/// All counts.
#[derive(Debug)]
pub struct Registry {
    workers: Mutex<Vec<Arc<WorkerCounts>>>,
    operations: Mutex<Operations>,
    refused: LastRefused,
}

impl Registry {
    /// Nothing has been counted yet; of refused callers `subjects` are shown so.
    pub fn new(subjects: Subjects) -> Arc<Self> {
        Arc::new(Self {
            workers: Mutex::default(),
            operations: Mutex::default(),
            refused: LastRefused::new(subjects),
        })
    }

    /// The counts of one more worker.
    pub fn worker(&self) -> Arc<WorkerCounts> {
        let counts = Arc::new(WorkerCounts::default());
        lock(&self.workers).push(Arc::clone(&counts));
        counts
    }

    /// One worker's counts for the operations with these labels.
    pub fn operations(&self, labels: Arc<[Arc<str>]>) -> Arc<OperationCounts> {
        lock(&self.operations).add(labels)
    }

    /// What each worker has counted.
    pub fn workers(&self) -> Vec<Arc<WorkerCounts>> {
        lock(&self.workers).clone()
    }

    /// What all workers have counted for each operation that there is or was, by its label.
    pub fn by_operation(&self) -> Vec<(Arc<str>, Totals)> {
        lock(&self.operations).totals()
    }

    /// The last refusals, the newest first.
    pub fn refused(&self) -> Vec<Refused> {
        self.refused.list()
    }
}

/// Counts the requests of one worker under one set of rules.
#[derive(Debug)]
pub struct Meter {
    registry: Arc<Registry>,
    /// The worker's.
    pub counts: Arc<WorkerCounts>,
    operations: Arc<OperationCounts>,
}

impl Meter {
    /// For a worker whose rules have operations with these labels.
    pub fn new(
        registry: &Arc<Registry>,
        counts: &Arc<WorkerCounts>,
        labels: Arc<[Arc<str>]>,
    ) -> Self {
        Self {
            registry: Arc::clone(registry),
            counts: Arc::clone(counts),
            operations: registry.operations(labels),
        }
    }

    /// Counts the end of a request: of the operation at this place in the table, if it was one's, on
    /// which the gateway itself spent `own`.
    pub fn ended(&self, record: &Record, operation: Option<usize>, own: Duration) {
        let counts = &self.counts;
        let place = place(record.decision);
        counts.reasons.add(record.reason, place);
        if let Some(operation) = operation {
            self.operations.add(operation, place);
        }
        let class = record.status.map(|status| usize::from(status / 100));
        if let Some(count) = class.and_then(|class| counts.statuses.get(class.wrapping_sub(1))) {
            count.add(1);
        }
        counts.total.observe(record.total_time);
        counts.own.observe(own);
        if let Some(time) = record.upstream_time {
            counts.upstream.observe(time);
        }
        counts.received.add(record.bytes_received);
        counts.sent.add(record.bytes_sent);
        if matches!(record.decision, Some(Decision::Deny | Decision::Reject)) {
            self.registry.refused.note(record);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What a panic may leave behind are counts, whole ones.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
