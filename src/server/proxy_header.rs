//! The PROXY protocol, versions 1 and 2: a load balancer says whose connection it passes on.
//!
//! Only what comes from listed addresses is read this way, and there the header is required: a
//! client that could choose whether to send one could choose its address.

use std::net::IpAddr;

use proxy_header::{Error, ParseConfig, Protocol, ProxyHeader};
use tokio::io::AsyncRead;

use super::rewound::Rewound;

/// Version 2 begins with it.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The longest header of version 1.
const MAX_TEXT: usize = 107;
/// The longest header of version 2: 16 bytes and its extensions, which are not looked at.
const MAX_BINARY: usize = 16 + 4096;

/// No header, or none that can be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected a PROXY header")]
pub struct InvalidHeader;

/// Takes the header off the stream. `None` where the proxy speaks for itself, or does not know
/// (`LOCAL`, `UNKNOWN`, Unix sockets).
pub async fn read<S: AsyncRead + Unpin>(
    stream: &mut Rewound<S>,
) -> Result<Option<IpAddr>, InvalidHeader> {
    loop {
        if let Some((client, length)) = parse(stream.ahead())? {
            stream.skip(length);
            return Ok(client);
        }
        match stream.look().await {
            Ok(1..) => {}
            Ok(0) | Err(_) => return Err(InvalidHeader),
        }
    }
}

/// The client's address and the header's length; `None` as long as more is needed.
fn parse(text: &[u8]) -> Result<Option<(Option<IpAddr>, usize)>, InvalidHeader> {
    // A client that is not a proxy is refused at its first byte, not when it has sent enough.
    let begins = |expected: &[u8]| text.iter().zip(expected).all(|(one, other)| one == other);
    let most = match text {
        _ if begins(SIGNATURE) => MAX_BINARY,
        _ if begins(b"PROXY ") => MAX_TEXT,
        _ => return Err(InvalidHeader),
    };
    let config = ParseConfig {
        include_tlvs: false,
        ..ParseConfig::default()
    };
    match ProxyHeader::parse(text, config) {
        Ok((_, length)) if length > most => Err(InvalidHeader),
        Ok((header, length)) => match header.proxied_address() {
            Some(address) if address.protocol != Protocol::Stream => Err(InvalidHeader),
            address => Ok(Some((address.map(|address| address.source.ip()), length))),
        },
        Err(Error::BufferTooShort) if text.len() < most => Ok(None),
        Err(_) => Err(InvalidHeader),
    }
}

#[cfg(test)]
mod tests;
