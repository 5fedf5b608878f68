//! A deadline that runs only while something is waited for.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

/// See the module.
#[derive(Debug)]
pub struct Pause {
    limit: Duration,
    running: Option<Pin<Box<Sleep>>>,
}

impl Pause {
    /// Not running yet.
    pub fn new(limit: Duration) -> Self {
        Self {
            limit,
            running: None,
        }
    }

    /// Ready when the wait has been too long.
    pub fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.poll_within(context, |limit| limit)
    }

    /// The same where there may be less time, which `left` says.
    pub fn poll_within(
        &mut self,
        context: &mut Context<'_>,
        left: impl FnOnce(Duration) -> Duration,
    ) -> Poll<()> {
        let limit = self.limit;
        let running = self
            .running
            .get_or_insert_with(|| Box::pin(sleep(left(limit))));
        running.as_mut().poll(context)
    }

    /// Nothing is waited for any longer.
    pub fn end(&mut self) {
        self.running = None;
    }
}
