//! The other end of a client connection, as the upstream is told of it.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;

use bytes::Bytes;
use hyper::header::HeaderValue;

use super::activity::{Activity, Running};
use crate::audit::PeerAddress;
use crate::grant::Address;
use crate::tls::CertificateHash;
use crate::trace::Caller;

/// A client and the header values that name it, made once.
#[derive(Debug)]
pub struct Peer {
    address: PeerAddress,
    client: Address,
    scheme: Scheme,
    certificate: Option<CertificateHash>,
    /// Whether it is a trusted proxy, or a client of one.
    caller: Caller,
    forwarded_for: HeaderValue,
    /// The host of the last request and the `Forwarded` value that goes with it.
    last: RefCell<Option<(HeaderValue, HeaderValue)>>,
    activity: Rc<Activity>,
}

/// How the client speaks to us.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl Peer {
    /// The client at `address`, in the clear, on a connection of its own.
    pub fn new(address: impl Into<PeerAddress>) -> Self {
        Self::on(Rc::default(), address.into(), Scheme::Http)
    }

    /// The client at `address` on a connection with this activity.
    pub fn on(activity: Rc<Activity>, address: PeerAddress, scheme: Scheme) -> Self {
        Self {
            address,
            client: address.ip().into(),
            scheme,
            certificate: None,
            caller: Caller::Unknown,
            forwarded_for: value(match address {
                PeerAddress::Ip(address) => address.to_string(),
                PeerAddress::Unix => "unknown".to_owned(),
            }),
            last: RefCell::default(),
            activity,
        }
    }

    /// The same, after it has proved in the handshake that it holds this certificate's key.
    #[must_use]
    pub fn with_certificate(mut self, certificate: CertificateHash) -> Self {
        self.certificate = Some(certificate);
        self
    }

    /// The same, which is a trusted proxy.
    #[must_use]
    pub fn trusted(mut self) -> Self {
        self.caller = Caller::Trusted;
        self
    }

    /// A client of the proxy that this peer is. The certificate is the proxy's and proves nothing
    /// about the client.
    #[must_use]
    pub fn behind(&self, address: impl Into<PeerAddress>) -> Self {
        Self {
            caller: self.caller,
            ..Self::on(Rc::clone(&self.activity), address.into(), self.scheme)
        }
    }

    /// A client of the proxy that this peer is, which it does not name clearly: at the proxy's address
    /// for the upstream and the audit, at none for decisions.
    #[must_use]
    pub fn behind_unclear(&self) -> Self {
        Self {
            client: Address::Unclear,
            ..self.behind(self.address)
        }
    }

    /// Counts an exchange as running.
    pub fn begin(&self, has_body: bool) -> Running {
        self.activity.begin(has_body)
    }

    /// Its address.
    pub fn address(&self) -> PeerAddress {
        self.address
    }

    /// What decisions may take for the client's address.
    pub fn client(&self) -> Address {
        self.client
    }

    /// The client certificate of the connection, verified.
    pub fn certificate(&self) -> Option<CertificateHash> {
        self.certificate
    }

    /// Whether its requests come through a trusted proxy.
    pub fn caller(&self) -> Caller {
        self.caller
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        self.scheme.name()
    }

    /// The value of `X-Forwarded-For`.
    pub fn forwarded_for(&self) -> HeaderValue {
        self.forwarded_for.clone()
    }

    /// The value of `X-Forwarded-Proto`.
    pub fn forwarded_proto(&self) -> HeaderValue {
        HeaderValue::from_static(self.scheme.name())
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
            PeerAddress::Ip(IpAddr::V4(address)) => address.to_string(),
            PeerAddress::Ip(IpAddr::V6(address)) => format!("\"[{address}]\""),
            // RFC 7239 §6.2.
            PeerAddress::Unix => "unknown".to_owned(),
        };
        let proto = self.scheme.name();
        match host.to_str() {
            Ok(host) if !host.contains(['"', '\\']) => {
                format!("for={by};host=\"{host}\";proto={proto}")
            }
            _ => format!("for={by};proto={proto}"),
        }
    }
}

/// Addresses and visible characters are always a header value.
fn value(text: String) -> HeaderValue {
    let value = HeaderValue::from_maybe_shared(Bytes::from(text));
    value.unwrap_or_else(|_| HeaderValue::from_static("unknown"))
}
