//! Whose word is taken for where a client is.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

use crate::audit::PeerAddress;

/// Networks, and perhaps the Unix sockets of this machine; nobody by default.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Networks(Vec<Network>);

/// One entry: an address, a network as in `10.0.0.0/8`, or `unix`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Network {
    /// Hosts.
    Ip(IpNet),
    /// Whoever can open our Unix sockets.
    Unix,
}

/// Not a [`Network`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidNetwork {
    /// Neither of the three.
    #[error("it is neither an address nor a network")]
    Form,
    /// `10.0.0.1/8`: perhaps one host was meant, perhaps all.
    #[error("the network's own address is `{0}`")]
    HostBits(IpNet),
}

impl Network {
    /// Whether no host is outside of it.
    pub fn is_everybody(&self) -> bool {
        matches!(self, Self::Ip(network) if network.prefix_len() == 0)
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        if text == "unix" {
            return Ok(Self::Unix);
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::Ip(IpNet::from(IpAddr::to_canonical(&address))));
        }
        let network: IpNet = text.parse().map_err(|_| InvalidNetwork::Form)?;
        match network.trunc() {
            trunk if trunk == network => Ok(Self::Ip(to_canonical(network))),
            trunk => Err(InvalidNetwork::HostBits(trunk)),
        }
    }
}

/// A network of IPv4 addresses as IPv6 writes them, as IPv4 does: so are peers.
fn to_canonical(network: IpNet) -> IpNet {
    let length = network.prefix_len().checked_sub(96);
    match (network, length) {
        (IpNet::V6(mapped), Some(length)) => {
            let address = mapped.addr().to_ipv4_mapped().map(IpAddr::from);
            let canonical = address.and_then(|address| IpNet::new(address, length).ok());
            canonical.unwrap_or(network)
        }
        _ => network,
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(network) => network.fmt(f),
            Self::Unix => f.write_str("unix"),
        }
    }
}

impl Networks {
    /// Whether the peer is in one of them.
    pub fn contain(&self, peer: PeerAddress) -> bool {
        self.0.iter().any(|network| match (network, peer) {
            (Network::Ip(network), PeerAddress::Ip(address)) => network.contains(&address),
            (Network::Unix, PeerAddress::Unix) => true,
            _ => false,
        })
    }
}

impl FromIterator<Network> for Networks {
    fn from_iter<I: IntoIterator<Item = Network>>(networks: I) -> Self {
        Self(networks.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_addresses_and_networks() {
        for text in ["10.0.0.0/8", "fd00::/8", "192.0.2.1/32", "unix"] {
            let read = text.parse::<Network>().map(|network| network.to_string());
            assert_eq!(read.as_deref(), Ok(text));
        }
        let read = "192.0.2.1".parse::<Network>().map(|one| one.to_string());
        assert_eq!(read.as_deref(), Ok("192.0.2.1/32"));
        for text in ["", "10.0.0.0/33", "10.0.0", "localhost", "10.0.0.0/8 "] {
            assert_eq!(
                text.parse::<Network>(),
                Err(InvalidNetwork::Form),
                "{text:?}"
            );
        }
        let error = "10.0.0.1/8".parse::<Network>().err();
        let error = error.map(|error| error.to_string());
        assert_eq!(
            error.as_deref(),
            Some("the network's own address is `10.0.0.0/8`")
        );
    }

    #[test]
    fn contain_only_their_own() {
        let networks = ["10.0.0.0/8", "2001:db8::/32", "::ffff:192.0.2.0/120"];
        let networks = networks.map(str::parse::<Network>);
        let networks: Networks = networks.into_iter().filter_map(Result::ok).collect();
        let cases = [
            ("10.255.0.1", true),
            ("::ffff:10.0.0.1", true),
            ("11.0.0.1", false),
            ("2001:db8::1", true),
            ("2001:db9::1", false),
            ("192.0.2.255", true),
            ("192.0.3.0", false),
        ];
        for (address, expected) in cases {
            let address = address.parse::<IpAddr>().ok().map(PeerAddress::from);
            let contained = address.map(|address| networks.contain(address));
            assert_eq!(contained, Some(expected), "{address:?}");
        }
        assert!(!networks.contain(PeerAddress::Unix));
        assert!(Networks(vec![Network::Unix]).contain(PeerAddress::Unix));
    }
}
