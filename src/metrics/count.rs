//! A count with one writer.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Grows by what one thread adds; any thread may read it. Two that add at once would lose some.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds, without the cost of an addition that other threads could get in between.
    pub fn add(&self, more: u64) {
        self.0.store(self.get().wrapping_add(more), Relaxed);
    }

    /// As much as was added.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}
