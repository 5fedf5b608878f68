//! Which headers of a request and of an answer pass.
//!
//! First what belongs to one connection or claims an identity is removed, then ours are set: a
//! client can neither forge our headers nor make us drop them.

mod check;
mod host;
mod identity;
mod media_type;

use hyper::HeaderMap;
use hyper::header::{CONNECTION, Entry, FORWARDED, HOST, HeaderName, HeaderValue, OccupiedEntry};
use uuid::Uuid;

pub use check::{InvalidHeaders, MAX_HEAD, MAX_HEADERS, check_head};
pub use host::{AllowedHost, AllowedHosts, InvalidHost};
pub use identity::{OPENSTACK_SYSTEM_SCOPE, X_SERVICE_TOKEN};
pub use media_type::{is_form, names_version};

use identity::is_identity;

use super::Origin;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// Carries the id of a request, both ways.
pub const X_OPENSTACK_REQUEST_ID: HeaderName = HeaderName::from_static("x-openstack-request-id");

/// Makes the client's headers those that go to the upstream.
pub fn prepare_request(headers: &mut HeaderMap, origin: Origin<'_>) {
    remove_named_by_connection(headers);
    remove_where(headers, |name| is_hop_by_hop(name) || is_claim(name));
    if let Some(host) = headers.get(HOST).cloned() {
        headers.insert(FORWARDED, origin.peer.forwarded(&host));
        headers.insert(X_FORWARDED_HOST, host);
    }
    headers.insert(X_FORWARDED_FOR, origin.peer.forwarded_for());
    headers.insert(X_FORWARDED_PROTO, origin.peer.forwarded_proto());
    set_request_id(headers, origin.request_id);
    if let Some(context) = origin.trace {
        context.write(headers);
    }
}

/// The client's own id, if it is one, is what every service along the way logs beside its own
/// (oslo.middleware's global request id); otherwise that is `ours`.
fn set_request_id(headers: &mut HeaderMap, ours: &HeaderValue) {
    match headers.entry(X_OPENSTACK_REQUEST_ID) {
        Entry::Occupied(sent) if is_single(&sent) && is_request_id(sent.get()) => {}
        Entry::Occupied(mut sent) => {
            sent.insert(ours.clone());
        }
        Entry::Vacant(none) => {
            none.insert(ours.clone());
        }
    }
}

fn is_single(sent: &OccupiedEntry<'_, HeaderValue>) -> bool {
    sent.iter().nth(1).is_none()
}

/// `req-` and a UUID in lower case.
fn is_request_id(value: &HeaderValue) -> bool {
    let Some(uuid) = value.as_bytes().strip_prefix(b"req-") else {
        return false;
    };
    // The spelling with hyphens is the only one of this length.
    uuid.len() == uuid::fmt::Hyphenated::LENGTH
        && !uuid.iter().any(u8::is_ascii_uppercase)
        && Uuid::try_parse_ascii(uuid).is_ok()
}

/// Removes what is meant for one connection only (RFC 9110 §7.6.1).
pub fn remove_hop_by_hop(headers: &mut HeaderMap) {
    remove_named_by_connection(headers);
    remove_where(headers, is_hop_by_hop);
}

/// Removes what any `Connection` line names, but never what is for the last receiver: the host, the
/// credential that was judged, and what says how to read the body.
fn remove_named_by_connection(headers: &mut HeaderMap) {
    let mut named: Vec<HeaderName> = Vec::new();
    for line in headers.get_all(CONNECTION) {
        // Most say no more.
        if is_connection_option(line.as_bytes()) {
            continue;
        }
        let options = line.as_bytes().split(|byte| *byte == b',');
        let options = options.map(<[u8]>::trim_ascii);
        let options = options.filter(|option| !is_connection_option(option));
        named.extend(options.filter_map(|name| HeaderName::from_bytes(name).ok()));
    }
    for name in named {
        if !is_end_to_end(name.as_str()) {
            headers.remove(name);
        }
    }
}

fn is_end_to_end(name: &str) -> bool {
    matches!(
        name,
        "authorization" | "content-length" | "content-type" | "host" | "x-auth-token"
    )
}

/// The two options that name no header.
fn is_connection_option(option: &[u8]) -> bool {
    option.eq_ignore_ascii_case(b"keep-alive") || option.eq_ignore_ascii_case(b"close")
}

fn is_hop_by_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// Whether the header says who is calling, from where, or with what method or path; only the
/// connection, the token and the request line say that. `Expect` is among them because the server
/// answers it with `100 Continue` itself, once the body is wanted; `Proxy` because CGI-like servers
/// take it for their own setting (httpoxy).
fn is_claim(name: &str) -> bool {
    match name {
        "client-ip"
        | "expect"
        | "forwarded"
        | "proxy"
        | "true-client-ip"
        | "x-client-ip"
        | "x-cluster-client-ip"
        | "x-forwarded"
        | "x-real-ip" => true,
        _ => name.starts_with("x-forwarded-") || is_other_request(name),
    }
}

/// Whether an upstream could take the request for another one, or for another caller's.
fn is_other_request(name: &str) -> bool {
    matches!(
        name,
        "x-http-method"
            | "x-http-method-override"
            | "x-method-override"
            | "x-original-url"
            | "x-rewrite-url"
    ) || is_identity(name)
}

/// Refuses what the gateway would remove and another proxy sends on: a header that tells of
/// another method, path or caller than was judged.
///
/// # Errors
///
/// [`InvalidHeaders::Claim`].
pub fn check_claims(headers: &HeaderMap) -> Result<(), InvalidHeaders> {
    match headers.keys().find(|name| is_other_request(name.as_str())) {
        Some(name) => Err(InvalidHeaders::Claim(name.clone())),
        None => Ok(()),
    }
}

fn remove_where(headers: &mut HeaderMap, is_unwanted: impl Fn(&str) -> bool) {
    let unwanted = headers.keys().filter(|name| is_unwanted(name.as_str()));
    let unwanted: Vec<HeaderName> = unwanted.cloned().collect();
    for name in unwanted {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests;
