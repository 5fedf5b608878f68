//! The headers that say who is calling: never what a client says.

use hyper::header::HeaderName;

/// What stands behind `x-`, and behind `x-service-` for the service that passes the request on, in
/// each header that an upstream takes for the verified identity of a caller (keystonemiddleware's
/// `auth_token` sets them), or for a credential beside the one that was verified. Sorted.
const TAILS: [&str; 24] = [
    "domain-id",
    "domain-name",
    "identity-status",
    "is-admin-project",
    "project-domain-id",
    "project-domain-name",
    "project-id",
    "project-name",
    "role",
    "roles",
    "service-catalog",
    "service-token",
    "storage-token",
    "system-scope",
    "tenant",
    "tenant-id",
    "tenant-name",
    "trust-id",
    "user",
    "user-domain-id",
    "user-domain-name",
    "user-id",
    "user-name",
    "user-roles",
];

pub const OPENSTACK_SYSTEM_SCOPE: HeaderName = HeaderName::from_static("openstack-system-scope");
pub const X_SERVICE_TOKEN: HeaderName = HeaderName::from_static("x-service-token");

/// Whether it says who is calling; `name` is in lower case.
pub fn is_identity(name: &str) -> bool {
    let Some(tail) = name.strip_prefix("x-") else {
        return *name == OPENSTACK_SYSTEM_SCOPE;
    };
    let is_tail = |tail: &str| TAILS.binary_search(&tail).is_ok();
    is_tail(tail) || tail.strip_prefix("service-").is_some_and(is_tail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::KEYSTONE_HEADERS;

    #[test]
    fn tails_are_sorted_and_each_is_found_in_both_forms() {
        assert!(TAILS.is_sorted());
        for tail in TAILS {
            assert!(is_identity(&format!("x-{tail}")), "{tail}");
            assert!(is_identity(&format!("x-service-{tail}")), "{tail}");
            assert!(!is_identity(tail) && !is_identity(&format!("x-{tail}-2")));
        }
        for name in ["x-", "x-service-", "x-auth-token", "accept", "x-service"] {
            assert!(!is_identity(name), "{name}");
        }
    }

    #[test]
    fn whatever_is_set_is_removed() {
        for name in KEYSTONE_HEADERS.iter().chain([&X_SERVICE_TOKEN]) {
            assert!(is_identity(name.as_str()), "{name}");
        }
    }
}
