//! The real program under clients that mean harm, and under changes while it serves.
//!
//! Only with the feature `soak`: each test takes up to a minute, prints what it measured in one
//! line (`--nocapture`) and holds it against a bound. Wants 20 000 file descriptors (`ulimit -n`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test that cannot go on panics, and says so"
)]

mod change;
mod client;
mod flood;
#[expect(
    dead_code,
    reason = "shared with the raw requests, which use all of it"
)]
#[path = "../integration/support/frames.rs"]
mod frames;
mod gateway;
mod idle;
mod slow;
#[expect(
    dead_code,
    reason = "shared with the end-to-end tests, which use all of it"
)]
#[path = "../integration/support/token.rs"]
mod token;
mod upstream;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Far longer than one answer takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Figures are of use only where nothing else runs beside.
fn alone() -> MutexGuard<'static, ()> {
    static RUNNING: Mutex<()> = Mutex::new(());
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a future to its end on this thread.
fn run<F: Future>(future: F) -> F::Output {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap().block_on(future)
}
