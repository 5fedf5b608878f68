//! A way to the upstream in use, until the answer has been read.

use std::time::Instant;

use super::Transfer;
use super::balance::Attempt;
use super::pool::{Channel, SETTLE};

/// Dropping it closes the connection, or resets the stream.
#[derive(Debug)]
pub struct Lease {
    channel: Channel,
    attempt: Attempt,
}

impl Lease {
    /// Lends `channel` out.
    pub fn new(channel: Channel, attempt: Attempt) -> Self {
        Self { channel, attempt }
    }

    /// Gives it back once the answer has been read to its end.
    pub fn give_back(self, transfer: &Transfer) {
        // Over HTTP/1.1 the connection waits for the rest of the request's body, for as long.
        if let Channel::Http2(_) = self.channel {
            transfer.end_by(Instant::now() + SETTLE);
        }
        self.attempt.place.pool.give_back(self.channel);
    }
}
