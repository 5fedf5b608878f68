//! A connection that speaks another protocol from here on, until its end.

use tokio::io::{AsyncRead, AsyncWrite};

use super::exchange::Exchange;
use crate::proxy::{Tunnel, TunnelEnd};

/// Both ends of it, and the exchange that made it; its audit line is written at the end.
#[derive(Debug)]
pub struct Upgrade {
    tunnel: Tunnel,
    exchange: Exchange,
}

impl Upgrade {
    /// If it is dropped before its end, the exchange is one that was cut off.
    pub fn new(tunnel: Tunnel, mut exchange: Exchange) -> Self {
        exchange.set_outcome(None);
        Self { tunnel, exchange }
    }

    /// Passes on what comes on either side, once the client has got its `101`.
    pub async fn run(self, client: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
        let Self {
            tunnel,
            mut exchange,
        } = self;
        let end = tunnel.run(client, exchange.transfer()).await;
        exchange.set_outcome(Some(match end {
            TunnelEnd::Closed => "ok",
            TunnelEnd::Idle => "tunnel_timeout",
        }));
    }

    /// Ends it, because the client did not wait for the `101`: what it has sent may be a request, to
    /// somebody who did not see that the protocol was to change.
    pub fn refuse(mut self) {
        self.exchange.set_outcome(Some("upgrade_early_bytes"));
    }
}
