//! The headers that must not pass, listed from the catalogue and not from the code under test.

/// What keystonemiddleware reads and sets, with its deprecated doubles (its `auth_token` of several
/// releases); not copied from the code under test.
pub const SET_BY_KEYSTONE: [&str; 21] = [
    "X-Identity-Status",
    "X-User-Id",
    "X-User-Name",
    "X-User-Domain-Id",
    "X-User-Domain-Name",
    "X-Project-Id",
    "X-Project-Name",
    "X-Project-Domain-Id",
    "X-Project-Domain-Name",
    "X-Domain-Id",
    "X-Domain-Name",
    "X-Roles",
    "X-Is-Admin-Project",
    "X-System-Scope",
    "X-User",
    "X-Role",
    "X-Tenant",
    "X-Tenant-Id",
    "X-Tenant-Name",
    "X-Service-Catalog",
    "OpenStack-System-Scope",
];
pub const CREDENTIALS: [&str; 2] = ["X-Storage-Token", "X-Service-Token"];
pub const HOP_BY_HOP: [&str; 9] = [
    "Connection",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
];
pub const FORWARDING: [&str; 7] = [
    "Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Real-IP",
];
/// Some frameworks take the method or the path from these.
pub const OVERRIDES: [&str; 5] = [
    "X-HTTP-Method",
    "X-HTTP-Method-Override",
    "X-Method-Override",
    "X-Original-URL",
    "X-Rewrite-URL",
];

/// Every identity header, the service variants with `X-Service-` before the same tail.
pub fn identity() -> Vec<String> {
    let with_x = SET_BY_KEYSTONE
        .iter()
        .filter_map(|name| name.strip_prefix("X-"));
    let service = with_x.map(|tail| format!("X-Service-{tail}"));
    let plain = SET_BY_KEYSTONE.iter().chain(&CREDENTIALS);
    plain.map(ToString::to_string).chain(service).collect()
}
