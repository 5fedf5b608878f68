//! The other end of a client connection, as the upstream is told of it.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::header::HeaderValue;

use crate::tls::CertificateHash;

/// A client connection's peer and the header values that name it, made once.
#[derive(Debug)]
pub struct Peer {
    address: IpAddr,
    certificate: Option<CertificateHash>,
    forwarded_for: HeaderValue,
    /// The host of the last request and the `Forwarded` value that goes with it.
    last: RefCell<Option<(HeaderValue, HeaderValue)>>,
    running: Cell<usize>,
    /// When the last exchange ended, or the connection began.
    idle_since: Cell<Instant>,
}

/// One of a connection's exchanges, for as long as it lives.
#[derive(Debug)]
pub struct Running(Rc<Peer>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.set(self.0.running.get() - 1);
        self.0.idle_since.set(Instant::now());
    }
}

impl Peer {
    /// The peer at `address`.
    pub fn new(address: IpAddr) -> Self {
        Self {
            address,
            certificate: None,
            forwarded_for: value(address.to_string()),
            last: RefCell::default(),
            running: Cell::new(0),
            idle_since: Cell::new(Instant::now()),
        }
    }

    /// The same, after it has proved in the handshake that it holds this certificate's key.
    #[must_use]
    pub fn with_certificate(mut self, certificate: CertificateHash) -> Self {
        self.certificate = Some(certificate);
        self
    }

    /// Counts an exchange as running.
    pub fn begin(self: &Rc<Self>) -> Running {
        self.running.set(self.running.get() + 1);
        Running(Rc::clone(self))
    }

    /// Whether an exchange is running.
    pub fn is_busy(&self) -> bool {
        self.running.get() > 0
    }

    /// How long no exchange has been running; `None` while one is.
    pub fn idle_for(&self) -> Option<Duration> {
        (!self.is_busy()).then(|| self.idle_since.get().elapsed())
    }

    /// Its address.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// The client certificate of the connection, verified.
    pub fn certificate(&self) -> Option<CertificateHash> {
        self.certificate
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
        // A copy: a clone would keep the whole head of the request in memory, token included.
        if let Ok(own) = HeaderValue::from_bytes(host.as_bytes()) {
            *last = Some((own, forwarded.clone()));
        }
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
