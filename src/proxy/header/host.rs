//! Hosts: how one is spelled, and which ones are served.

use std::net::Ipv6Addr;
use std::str::FromStr;

use super::InvalidHeaders;

/// The longest name, in bytes: what DNS has room for. Each connection remembers its last host.
const MAX_NAME: usize = 255;

/// The hosts that requests may be for; none listed means any.
///
/// Without a limit a name that somebody else points here (DNS rebinding) is as good as ours.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AllowedHosts(Vec<AllowedHost>);

/// A host that is served, with any port or with one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AllowedHost {
    name: String,
    port: Option<String>,
}

/// Why a text is not an [`AllowedHost`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("it is not a host, or a host and a port from 1 to 65535")]
pub struct InvalidHost;

impl AllowedHosts {
    /// Only these.
    pub fn new(hosts: Vec<AllowedHost>) -> Self {
        Self(hosts)
    }

    /// Holds `host`, as a `Host` header or an authority spells it, against the list.
    ///
    /// # Errors
    ///
    /// [`InvalidHeaders::Host`] or [`InvalidHeaders::UnknownHost`].
    pub fn check(&self, host: &[u8]) -> Result<(), InvalidHeaders> {
        let (name, port) = split(host).ok_or(InvalidHeaders::Host)?;
        let is_named = |allowed: &AllowedHost| {
            let is_port = |own: &String| port.is_some_and(|port| port == own.as_bytes());
            name.eq_ignore_ascii_case(allowed.name.as_bytes())
                && allowed.port.as_ref().is_none_or(is_port)
        };
        if self.0.is_empty() || self.0.iter().any(is_named) {
            return Ok(());
        }
        let host = String::from_utf8_lossy(host).into_owned();
        Err(InvalidHeaders::UnknownHost(host))
    }
}

impl FromStr for AllowedHost {
    type Err = InvalidHost;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, port) = split(text.as_bytes()).ok_or(InvalidHost)?;
        let own = |part: &[u8]| String::from_utf8_lossy(part).into_owned();
        Ok(Self {
            name: own(name),
            port: port.map(own),
        })
    }
}

/// The two parts of a host and perhaps a port (RFC 3986 §3.2, without user information, without
/// escapes and without an empty port): it goes into headers that others take apart.
fn split(text: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let (name, rest) = if text.starts_with(b"[") {
        let end = text.iter().position(|byte| *byte == b']')?;
        let (name, rest) = text.split_at_checked(end + 1)?;
        is_address(name).then_some((name, rest))?
    } else {
        let end = text.iter().position(|byte| !is_of_name(*byte));
        text.split_at_checked(end.unwrap_or(text.len()))?
    };
    match rest {
        _ if !(1..=MAX_NAME).contains(&name.len()) => None,
        [] => Some((name, None)),
        [b':', port @ ..] if is_port(port) => Some((name, Some(port))),
        _ => None,
    }
}

fn is_address(name: &[u8]) -> bool {
    let [b'[', address @ .., b']'] = name else {
        return false;
    };
    let address = std::str::from_utf8(address).ok();
    address.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn is_port(port: &[u8]) -> bool {
    let number = std::str::from_utf8(port).ok();
    let number = number.and_then(|number| number.parse::<u16>().ok());
    // `parse` would take a sign.
    port.iter().all(u8::is_ascii_digit) && number.is_some_and(|number| number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(texts: &[&str]) -> AllowedHosts {
        let hosts = texts.iter().map(|text| text.parse().unwrap());
        AllowedHosts::new(hosts.collect())
    }

    #[test]
    fn a_host_is_spelled_in_one_way() {
        let good = [
            "a",
            "API.example.com",
            "api.example.com:8080",
            "my_service:1",
            "192.0.2.1:65535",
            "[::1]",
            "[2001:db8::1]:80",
        ];
        for host in good {
            assert_eq!(hosts(&[]).check(host.as_bytes()), Ok(()), "{host}");
            assert!(host.parse::<AllowedHost>().is_ok(), "{host}");
        }
        let bad = [
            "",
            ":80",
            "a:",
            "a:0",
            "a:65536",
            "a:+1",
            "a:1x",
            "a:80:80",
            "a b",
            "a,b",
            "a/b",
            "a?b",
            "a#b",
            "a@b",
            "u:p@a",
            "a%41",
            "a\"",
            "a\\",
            "é",
            "::1",
            "[::1",
            "[::1]x",
            "[::1]:",
            "[]",
            "[a]",
            "[::1%25eth0]",
            "a[::1]",
            "http://a",
        ];
        for host in bad {
            let found = hosts(&[]).check(host.as_bytes());
            assert_eq!(found, Err(InvalidHeaders::Host), "{host}");
            assert_eq!(host.parse::<AllowedHost>(), Err(InvalidHost), "{host}");
        }
    }

    #[test]
    fn a_host_has_a_bounded_length() {
        for (length, expected) in [(255, Ok(())), (256, Err(InvalidHeaders::Host))] {
            let host = format!("{}:80", "a".repeat(length));
            assert_eq!(hosts(&[]).check(host.as_bytes()), expected, "{length}");
        }
    }

    #[test]
    fn only_listed_hosts_are_served() {
        let listed = hosts(&["API.example.com", "other:8080", "[::1]"]);
        let served = [
            "api.example.com",
            "Api.Example.Com:1",
            "api.example.com:8080",
            "OTHER:8080",
            "[::1]",
            "[::1]:80",
        ];
        for host in served {
            assert_eq!(listed.check(host.as_bytes()), Ok(()), "{host}");
        }
        let unknown = [
            "example.com",
            "api.example.com.",
            "x.api.example.com",
            "api.example.comx:80",
            "other",
            "other:80",
            "other:08080",
            "[::2]",
        ];
        for host in unknown {
            let expected = Err(InvalidHeaders::UnknownHost(host.to_owned()));
            assert_eq!(listed.check(host.as_bytes()), expected, "{host}");
        }
    }
}
