//! Which requests are refused for their headers: those that an upstream could read in another way
//! than we do.
//!
//! What belongs to one connection is malformed in HTTP/2 (RFC 9113 §8.2.2); its parser refuses that
//! by itself.

use hyper::header::{COOKIE, HOST, HeaderName, HeaderValue};
use hyper::http::request;
use hyper::{HeaderMap, Version};

use super::AllowedHosts;

/// The largest head of a request, in bytes as HTTP/1.1 would send it.
pub const MAX_HEAD: usize = 64 * 1024;
/// The most header lines of a request.
pub const MAX_HEADERS: usize = 100;

/// `: ` and the end of the line.
const LINE_OVERHEAD: usize = 4;

/// Why the headers of a request are refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidHeaders {
    /// WSGI servers read `X_Roles` as `X-Roles`.
    #[error("the header name `{0}` has `_`, which some servers read as `-`")]
    Underscore(String),
    /// None or several; which one counts is anybody's guess.
    #[error("expected exactly one `Host` header, with a host and perhaps a port")]
    Host,
    /// Two hosts: the upstream may take either.
    #[error("the `Host` header is not the host of the request target")]
    HostMismatch,
    /// A host that is somebody else's.
    #[error("the host `{0}` is not served here")]
    UnknownHost(String),
    /// Repeated where one alone has a meaning.
    #[error("expected at most one `{0}` header")]
    Repeated(HeaderName),
    /// Says something else than what is judged, and only the gateway would remove it.
    #[error("expected no `{0}` header: an upstream could take the request for another one")]
    Claim(HeaderName),
    /// No number of bytes.
    #[error("expected digits only as the `Content-Length`")]
    ContentLength,
    /// Codings beside `chunked`, which would be lost on the way, or any in HTTP/2.
    #[error("expected no `Transfer-Encoding` other than `chunked`")]
    TransferEncoding,
    /// More lines than are looked at.
    #[error("the request has more than {MAX_HEADERS} header lines")]
    TooMany,
    /// More bytes than are kept.
    #[error("the request line and the headers have more than {MAX_HEAD} bytes")]
    TooLarge,
}

/// Refuses a request whose headers an upstream could read in another way than we do, or that is not
/// for one of `hosts`. Afterwards there is exactly one `Host`: HTTP/2 may say it in the target only.
///
/// # Errors
///
/// The first reason.
pub fn check_head(head: &mut request::Parts, hosts: &AllowedHosts) -> Result<(), InvalidHeaders> {
    let is_http2 = head.version == Version::HTTP_2;
    if is_http2 {
        join_cookie(&mut head.headers);
    }
    let host = find_host(head, is_http2)?;
    match (host, head.uri.authority()) {
        (Some(host), None) => hosts.check(host.as_bytes()),
        (Some(host), Some(authority)) => {
            let authority = authority.as_str().as_bytes();
            if !host.as_bytes().eq_ignore_ascii_case(authority) {
                return Err(InvalidHeaders::HostMismatch);
            }
            hosts.check(authority)
        }
        (None, Some(authority)) if is_http2 => {
            hosts.check(authority.as_str().as_bytes())?;
            let host = HeaderValue::from_str(authority.as_str());
            let host = host.map_err(|_| InvalidHeaders::Host)?;
            head.headers.insert(HOST, host);
            Ok(())
        }
        (None, _) => Err(InvalidHeaders::Host),
    }
}

/// HTTP/2 may send a cookie in crumbs; for all others it is one line (RFC 9113 §8.2.3).
fn join_cookie(headers: &mut HeaderMap) {
    let crumbs = headers.get_all(COOKIE).iter();
    let crumbs: Vec<&[u8]> = crumbs.map(HeaderValue::as_bytes).collect();
    if crumbs.len() > 1
        && let Ok(cookie) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..]))
    {
        headers.insert(COOKIE, cookie);
    }
}

/// Looks at every line, once; the answer is the `Host` header.
fn find_host(
    head: &request::Parts,
    is_http2: bool,
) -> Result<Option<&HeaderValue>, InvalidHeaders> {
    if head.headers.len() > MAX_HEADERS {
        return Err(InvalidHeaders::TooMany);
    }
    let mut size = request_line(head);
    let mut host = None;
    let (mut has_type, mut has_length, mut has_coding) = (false, false, false);
    for (name, value) in &head.headers {
        size += name.as_str().len() + value.len() + LINE_OVERHEAD;
        match name.as_str() {
            "host" if host.is_some() => return Err(InvalidHeaders::Host),
            "host" => host = Some(value),
            "content-type" => mark(&mut has_type, name)?,
            "content-length" if !is_length(value.as_bytes()) => {
                return Err(InvalidHeaders::ContentLength);
            }
            "content-length" => mark(&mut has_length, name)?,
            "transfer-encoding" if is_http2 || has_coding || !is_chunked(value) => {
                return Err(InvalidHeaders::TransferEncoding);
            }
            "transfer-encoding" => has_coding = true,
            other if other.as_bytes().contains(&b'_') => {
                return Err(InvalidHeaders::Underscore(other.to_owned()));
            }
            _ => {}
        }
    }
    match size {
        0..=MAX_HEAD => Ok(host),
        _ => Err(InvalidHeaders::TooLarge),
    }
}

/// How long the request line is that goes to the upstream.
fn request_line(head: &request::Parts) -> usize {
    let target = head.uri.path_and_query();
    let target = target.map_or(0, |target| target.as_str().len());
    head.method.as_str().len() + target + "  HTTP/1.1\r\n".len()
}

/// Marks a header as seen, that may be there once.
fn mark(seen: &mut bool, name: &HeaderName) -> Result<(), InvalidHeaders> {
    match std::mem::replace(seen, true) {
        true => Err(InvalidHeaders::Repeated(name.clone())),
        false => Ok(()),
    }
}

/// RFC 9110 §8.6, without the lists that some take for one length.
fn is_length(value: &[u8]) -> bool {
    !value.is_empty() && value.iter().all(u8::is_ascii_digit)
}

fn is_chunked(value: &HeaderValue) -> bool {
    value.as_bytes().eq_ignore_ascii_case(b"chunked")
}
