//! The client's address as a trusted proxy tells it.
//!
//! Each proxy appends the address it was called from, so only the end of a list was written by
//! proxies that are trusted; what a client wrote itself is further left. So lists are read from the
//! right, up to the first address that is not a trusted proxy's, and no further: nothing that a
//! client puts into its own header changes the answer.

use std::net::{IpAddr, SocketAddr};

use hyper::HeaderMap;
use hyper::header::{FORWARDED, HeaderName};

use super::networks::Networks;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Who a request from a trusted proxy is from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Source {
    /// The proxy, which names nobody else.
    Proxy,
    /// A client of its.
    Client(IpAddr),
    /// A client of its; which one, it does not say clearly.
    Unclear,
}

/// Reads what a trusted proxy says.
///
/// `Forwarded` (RFC 7239) and `X-Forwarded-For` may both be there. A proxy that writes one of them
/// passes on the other as the client sent it, and we cannot know which: if they differ, neither
/// counts.
pub fn source(headers: &HeaderMap, trusted: &Networks) -> Source {
    let find = |name, address_of| {
        headers
            .contains_key(&name)
            .then(|| rightmost(headers, &name, trusted, address_of))
    };
    let client = match (
        find(X_FORWARDED_FOR, bare_address),
        find(FORWARDED, for_address),
    ) {
        (None, None) => return Source::Proxy,
        (Some(one), None) | (None, Some(one)) => one,
        (Some(one), Some(other)) if one == other => one,
        _ => None,
    };
    client.map_or(Source::Unclear, Source::Client)
}

/// The last address that is not a trusted proxy's; the first of all, if they all are.
fn rightmost(
    headers: &HeaderMap,
    name: &HeaderName,
    trusted: &Networks,
    address_of: fn(&str) -> Option<IpAddr>,
) -> Option<IpAddr> {
    let mut last = None;
    for line in headers.get_all(name).iter().rev() {
        for element in Elements(Some(line.as_bytes())) {
            // One by one: what a client wrote further left need not be text at all.
            let element = std::str::from_utf8(element).ok()?;
            let address = address_of(element.trim_matches([' ', '\t']))?.to_canonical();
            if !trusted.contain(address.into()) {
                return Some(address);
            }
            last = Some(address);
        }
    }
    last
}

/// The elements of a list, last one first. Quotes are told from the right, too: one that a client
/// left open does not swallow what a proxy appended.
struct Elements<'a>(Option<&'a [u8]>);

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.0?;
        let mut is_quoted = false;
        let comma = rest.iter().rposition(|byte| {
            is_quoted ^= *byte == b'"';
            *byte == b',' && !is_quoted
        });
        match comma.and_then(|at| Some((rest.get(..at)?, rest.get(at + 1..)?))) {
            Some((before, element)) => {
                self.0 = Some(before);
                Some(element)
            }
            None => self.0.take(),
        }
    }
}

/// The address in a `for=` of a forwarded element (RFC 7239 §4); exactly one must be there.
fn for_address(element: &str) -> Option<IpAddr> {
    let mut found = None;
    for pair in element.split(';') {
        let (name, value) = pair.split_once('=')?;
        if !name.trim_matches([' ', '\t']).eq_ignore_ascii_case("for") {
            continue;
        }
        let quoted = value
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        let address = match quoted {
            Some(node) => bare_address(node)?,
            // RFC 7239 §6: brackets and colons must be quoted.
            None => value.parse().ok().filter(IpAddr::is_ipv4)?,
        };
        if found.replace(address).is_some() {
            return None;
        }
    }
    found
}

/// An address, perhaps with a port.
fn bare_address(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address);
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address.ip());
    }
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    inner.parse().ok().filter(IpAddr::is_ipv6)
}

#[cfg(test)]
mod tests;
