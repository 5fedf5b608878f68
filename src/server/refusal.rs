//! Connections that end because of a limit: counted, and told of once a second at most.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::warn;

use crate::audit::PeerAddress;

/// Why a connection ends, or never begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// There are as many as may be.
    Connections,
    /// There are as many of this peer as may be.
    ConnectionsPerPeer,
    /// A head was begun and did not come to its end in time.
    HeaderTimeout,
    /// A listed proxy sent no PROXY header that can be read.
    ProxyHeader,
    /// No TLS handshake, or none in time.
    Handshake,
    /// An HTTP/2 client broke the protocol, or did too much of what costs only us.
    Http2,
    /// An HTTP/2 stream whose client opened no window for its answer.
    StalledStream,
}

impl Refusal {
    const ALL: [Self; 7] = [
        Self::Connections,
        Self::ConnectionsPerPeer,
        Self::HeaderTimeout,
        Self::ProxyHeader,
        Self::Handshake,
        Self::Http2,
        Self::StalledStream,
    ];

    /// A stable label.
    fn reason(self) -> &'static str {
        match self {
            Self::Connections => "max_connections",
            Self::ConnectionsPerPeer => "max_connections_per_peer",
            Self::HeaderTimeout => "header_timeout",
            Self::ProxyHeader => "proxy_header",
            Self::Handshake => "tls_handshake",
            Self::Http2 => "http2_error",
            Self::StalledStream => "http2_stalled",
        }
    }
}

/// How many there were, and how many of them were told of.
#[derive(Debug, Default)]
pub struct Refusals {
    counts: [AtomicU64; Refusal::ALL.len()],
    reported: [AtomicU64; Refusal::ALL.len()],
}

impl Refusals {
    pub fn count(&self, refusal: Refusal) {
        if let Some(count) = self.counts.get(refusal as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many there were, by their label.
    pub fn totals(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self
            .counts
            .iter()
            .map(|count| count.load(Ordering::Relaxed));
        Refusal::ALL.into_iter().map(Refusal::reason).zip(counts)
    }

    /// Logs what was counted since the last time; one caller at a time.
    pub fn report(&self) {
        for ((reason, total), reported) in self.totals().zip(&self.reported) {
            let closed = total - reported.swap(total, Ordering::Relaxed);
            if closed > 0 {
                warn!(
                    reason,
                    closed, "{reason} closed {closed} connections or streams"
                );
            }
        }
    }
}

/// How many connections each peer has, where that is limited.
#[derive(Debug)]
pub struct Census {
    most: Option<usize>,
    open: Mutex<HashMap<IpAddr, usize>>,
}

/// One counted connection.
#[derive(Debug)]
pub struct Seat {
    census: Arc<Census>,
    peer: Option<IpAddr>,
}

impl Census {
    pub fn new(most: Option<usize>) -> Arc<Self> {
        Arc::new(Self {
            most,
            open: Mutex::default(),
        })
    }

    /// Counts one more connection of `peer`, unless it has as many as it may.
    pub fn enter(self: &Arc<Self>, peer: PeerAddress) -> Option<Seat> {
        let peer = match (self.most, peer) {
            (Some(most), PeerAddress::Ip(address)) => {
                let peer = household(address);
                let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
                let count = open.entry(peer).or_default();
                if *count >= most {
                    return None;
                }
                *count += 1;
                Some(peer)
            }
            _ => None,
        };
        Some(Seat {
            census: Arc::clone(self),
            peer,
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some(peer) = self.peer else { return };
        let open = self.census.open.lock();
        let mut open = open.unwrap_or_else(PoisonError::into_inner);
        match open.get_mut(&peer) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(open.remove(&peer)),
        }
    }
}

/// A host of IPv6 has a network of 64 bits to itself, and with it any number of addresses.
fn household(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let network = address.to_bits() >> 64 << 64;
            Ipv6Addr::from_bits(network).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(census: &Arc<Census>, address: &str) -> Option<Seat> {
        let address = address.parse::<IpAddr>().ok()?;
        census.enter(address.into())
    }

    #[test]
    fn each_peer_has_so_many_seats() {
        let census = Census::new(Some(2));
        let first = enter(&census, "192.0.2.1");
        let second = enter(&census, "::ffff:192.0.2.1");
        assert!(first.is_some() && second.is_some());
        assert!(enter(&census, "192.0.2.1").is_none());
        assert!(enter(&census, "192.0.2.2").is_some());
        drop(first);
        let third = enter(&census, "192.0.2.1");
        assert!(third.is_some());
        assert!(enter(&census, "192.0.2.1").is_none());
        drop((second, third));
        assert!(census.open.lock().is_ok_and(|open| open.is_empty()));
    }

    #[test]
    fn a_network_of_64_bits_is_one_peer() {
        let census = Census::new(Some(1));
        let _one = enter(&census, "2001:db8::1");
        assert!(enter(&census, "2001:db8::ffff:1").is_none());
        assert!(enter(&census, "2001:db8:0:1::1").is_some());
    }

    #[test]
    fn nobody_is_counted_without_a_limit_or_an_address() {
        let census = Census::new(None);
        let _seats: Vec<_> = (0..3).map(|_| enter(&census, "192.0.2.1")).collect();
        assert!(census.open.lock().is_ok_and(|open| open.is_empty()));
        let census = Census::new(Some(1));
        let seats: Vec<_> = (0..3).map(|_| census.enter(PeerAddress::Unix)).collect();
        assert!(seats.iter().all(Option::is_some));
    }
}
