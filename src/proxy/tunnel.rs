//! Connections that change their protocol (RFC 9110 §7.8): what follows a `101` is passed on both
//! ways, unread.
//!
//! Nothing is judged any more there, so only operations that say so may do it, and no protocol in
//! which further requests could follow.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{CONNECTION, HeaderValue, UPGRADE};
use hyper::http::request;
use hyper::{HeaderMap, Version};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split};
use tokio::time::{Instant, sleep_until};

use super::Transfer;
use super::balance::Attempt;
use super::witness::Witness;

/// The most bytes that are on their way in one direction.
const PIECE: usize = 16 * 1024;

/// The upstream's end of a connection that has changed its protocol.
#[derive(Debug)]
pub struct Tunnel {
    stream: Witness,
    /// What came right behind its `101`.
    early: Bytes,
    idle_timeout: Duration,
    /// It counts as a running request.
    _attempt: Attempt,
}

/// How a tunnel came to its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TunnelEnd {
    /// The upstream was done, or either side broke off.
    Closed,
    /// Neither sent anything for too long.
    Idle,
}

/// The protocol that a client asks for, if it is one that may be let through.
///
/// Others are passed over, as RFC 9110 §7.8 allows: several to choose from, and those in which
/// requests follow that nobody would judge (HTTP, and TLS around it).
pub fn requested(head: &request::Parts) -> Option<HeaderValue> {
    let mut protocols = head.headers.get_all(UPGRADE).iter();
    let protocol = protocols.next()?;
    let is_single = protocols.next().is_none() && is_token(protocol.as_bytes());
    let is_http1 = head.version == Version::HTTP_11;
    let is_meant = is_http1 && is_single && names_upgrade(&head.headers);
    (is_meant && !carries_requests(protocol.as_bytes())).then(|| protocol.clone())
}

/// Whether a `101` is about the protocol that was asked for.
pub fn is_agreed(headers: &HeaderMap, protocol: &HeaderValue) -> bool {
    let mut protocols = headers.get_all(UPGRADE).iter();
    let agreed = protocols.next();
    let is_same = |agreed: &HeaderValue| {
        let agreed = agreed.as_bytes();
        agreed.eq_ignore_ascii_case(protocol.as_bytes())
    };
    agreed.is_some_and(is_same) && protocols.next().is_none() && names_upgrade(headers)
}

/// Says in a head, theirs or ours, that the protocol changes.
pub fn announce(headers: &mut HeaderMap, protocol: HeaderValue) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, protocol);
}

fn names_upgrade(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(CONNECTION).iter();
    let mut options = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
}

/// A protocol without a version, or with one; not a list of them.
fn is_token(text: &[u8]) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._/".contains(byte);
    !text.is_empty() && text.iter().all(is_part)
}

fn carries_requests(protocol: &[u8]) -> bool {
    let name = protocol
        .split(|byte| *byte == b'/')
        .next()
        .unwrap_or(protocol);
    let names: [&[u8]; 5] = [b"http", b"h2", b"h2c", b"h3", b"tls"];
    names.iter().any(|known| name.eq_ignore_ascii_case(known))
}

impl Tunnel {
    /// `early` is what came right behind the `101`.
    pub fn new(stream: Witness, early: Bytes, idle_timeout: Duration, attempt: Attempt) -> Self {
        Self {
            stream,
            early,
            idle_timeout,
            _attempt: attempt,
        }
    }

    /// Passes on what either side sends, until the upstream is done, either breaks off, or neither
    /// sends anything for too long; counted in `transfer`. The client's end is left open.
    pub async fn run(
        self,
        client: &mut (impl AsyncRead + AsyncWrite + Unpin),
        transfer: &Transfer,
    ) -> TunnelEnd {
        let (mut client_reader, mut client_writer) = split(client);
        let (mut upstream_reader, mut upstream_writer) = split(self.stream);
        let moved = Rc::new(Cell::new(Instant::now()));
        let up = async {
            let count = |count| {
                transfer.received.set(transfer.received.get() + count);
                moved.set(Instant::now());
            };
            pass_on(&mut client_reader, &mut upstream_writer, count).await?;
            // A client that is done may still be answered.
            upstream_writer.shutdown().await?;
            std::future::pending::<io::Result<()>>().await
        };
        let down = async {
            let count = |count| {
                transfer.sent.set(transfer.sent.get() + count);
                moved.set(Instant::now());
            };
            client_writer.write_all(&self.early).await?;
            count(self.early.len() as u64);
            pass_on(&mut upstream_reader, &mut client_writer, count).await
        };
        let idle = async {
            loop {
                let end = moved.get() + self.idle_timeout;
                if Instant::now() >= end {
                    return;
                }
                sleep_until(end).await;
            }
        };
        tokio::select! {
            _ = up => TunnelEnd::Closed,
            _ = down => TunnelEnd::Closed,
            () = idle => TunnelEnd::Idle,
        }
    }
}

/// Passes on until the end of `from`.
async fn pass_on(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    count: impl Fn(u64),
) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        let length = from.read(&mut piece).await?;
        let Some(read @ [_, ..]) = piece.get(..length) else {
            return Ok(());
        };
        to.write_all(read).await?;
        to.flush().await?;
        count(length as u64);
    }
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn head(version: Version, lines: &[(&str, &str)]) -> request::Parts {
        let mut request = Request::builder().version(version);
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn only_protocols_without_requests_are_let_through() {
        let asks = |protocol| [("connection", "keep-alive, Upgrade"), ("upgrade", protocol)];
        for protocol in ["websocket", "WebSocket", "binary", "a-b/1.0"] {
            let found = requested(&head(Version::HTTP_11, &asks(protocol)));
            assert_eq!(found.unwrap(), protocol);
        }
        let refused = [
            "h2c",
            "H2C",
            "h2",
            "h3",
            "HTTP/2.0",
            "http/1.1",
            "TLS/1.0",
            "tls",
            "websocket, h2c",
            "h2c, websocket",
            "",
            "a b",
        ];
        for protocol in refused {
            let found = requested(&head(Version::HTTP_11, &asks(protocol)));
            assert_eq!(found, None, "{protocol}");
        }
        let websocket = ("upgrade", "websocket");
        let cases: [(Version, &[(&str, &str)]); 5] = [
            (Version::HTTP_10, &[("connection", "upgrade"), websocket]),
            (Version::HTTP_2, &[("connection", "upgrade"), websocket]),
            (Version::HTTP_11, &[websocket]),
            (Version::HTTP_11, &[("connection", "keep-alive"), websocket]),
            (
                Version::HTTP_11,
                &[("connection", "upgrade"), websocket, ("upgrade", "h2c")],
            ),
        ];
        for (version, lines) in cases {
            assert_eq!(
                requested(&head(version, lines)),
                None,
                "{version:?} {lines:?}"
            );
        }
    }

    #[test]
    fn the_upstream_changes_to_what_was_asked_for_or_not_at_all() {
        let asked = HeaderValue::from_static("websocket");
        let cases: [(&[(&str, &str)], bool); 6] = [
            (&[("connection", "Upgrade"), ("upgrade", "WebSocket")], true),
            (&[("connection", "upgrade"), ("upgrade", "h2c")], false),
            (&[("connection", "upgrade")], false),
            (&[("upgrade", "websocket")], false),
            (&[("connection", "close"), ("upgrade", "websocket")], false),
            (
                &[
                    ("connection", "upgrade"),
                    ("upgrade", "websocket"),
                    ("upgrade", "h2c"),
                ],
                false,
            ),
        ];
        for (lines, expected) in cases {
            let headers = head(Version::HTTP_11, lines).headers;
            assert_eq!(is_agreed(&headers, &asked), expected, "{lines:?}");
        }
    }
}
