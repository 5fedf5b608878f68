//! The other end of a client connection, as the upstream is told of it.

use std::cell::RefCell;
use std::net::IpAddr;

use bytes::Bytes;
use hyper::header::HeaderValue;

/// A client connection's peer and the header values that name it, made once.
#[derive(Debug)]
pub struct Peer {
    address: IpAddr,
    forwarded_for: HeaderValue,
    /// The host of the last request and the `Forwarded` value that goes with it.
    last: RefCell<Option<(HeaderValue, HeaderValue)>>,
}

impl Peer {
    /// The peer at `address`.
    pub fn new(address: IpAddr) -> Self {
        Self {
            address,
            forwarded_for: value(address.to_string()),
            last: RefCell::default(),
        }
    }

    /// Its address.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// The value of `X-Forwarded-For`.
    pub fn forwarded_for(&self) -> HeaderValue {
        self.forwarded_for.clone()
    }

    /// The value of `Forwarded` (RFC 7239 §4) for a request to `host`.
    pub fn forwarded(&self, host: &HeaderValue) -> HeaderValue {
        let mut last = self.last.borrow_mut();
        if let Some((known, forwarded)) = &*last
            && known == host
        {
            return forwarded.clone();
        }
        let forwarded = value(self.write_forwarded(host));
        *last = Some((host.clone(), forwarded.clone()));
        forwarded
    }

    fn write_forwarded(&self, host: &HeaderValue) -> String {
        let by = match self.address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("\"[{address}]\""),
        };
        match host.to_str() {
            Ok(host) if !host.contains(['"', '\\']) => {
                format!("for={by};host=\"{host}\";proto=http")
            }
            _ => format!("for={by};proto=http"),
        }
    }
}

/// Addresses and visible characters are always a header value.
fn value(text: String) -> HeaderValue {
    let value = HeaderValue::from_maybe_shared(Bytes::from(text));
    value.unwrap_or_else(|_| HeaderValue::from_static("unknown"))
}
