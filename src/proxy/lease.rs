//! A way to the upstream in use, until the answer has been read.

use super::balance::Attempt;
use super::pool::Channel;

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
    pub fn give_back(self) {
        self.attempt.place.pool.give_back(self.channel);
    }
}
