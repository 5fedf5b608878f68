//! Resources of a statement: the instances it is about.

use std::fmt;

use crate::grant::pattern::Dialect;
use crate::grant::wildcard;

/// `<service>:<region>:<domain>:<type>:<path>`, with wildcards in each part.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Urn {
    pub service: String,
    pub region: String,
    pub domain: String,
    pub kind: String,
    /// The path, which of an instance is its id.
    pub id: String,
}

/// The service and the type of the only resources a request can be held against.
const INSTANCE: (&str, &str) = ("ecs", "instance");
/// Upstreams have ids of 36 bytes; what is much longer is not one.
const MAX_ID_BYTES: usize = 255;

impl Urn {
    /// Reads `text`; an instance's must be made of letters that `dialect` gives a meaning.
    pub fn parse(text: &str, dialect: Dialect) -> Option<Self> {
        let parts: Vec<&str> = text.splitn(5, ':').collect();
        let [service, region, domain, kind, id] = parts.as_slice() else {
            return None;
        };
        // A variable of Version 5.0 holds a colon, so what looks like a service may be a part of one.
        if service.is_empty() || service.contains('$') || text.trim() != text {
            return None;
        }
        let is_letter = |byte: u8| {
            is_id_byte(byte) || byte == b'*' || (byte == b'?' && dialect == Dialect::IdentityPolicy)
        };
        let is_pattern = |part: &&str| !part.is_empty() && part.bytes().all(is_letter);
        let urn = Self {
            service: (*service).to_owned(),
            region: (*region).to_owned(),
            domain: (*domain).to_owned(),
            kind: (*kind).to_owned(),
            id: (*id).to_owned(),
        };
        (!urn.is_instance() || parts.iter().all(is_pattern)).then_some(urn)
    }

    /// Whether it can be of an instance.
    pub fn is_instance(&self) -> bool {
        stands_for(&self.service, INSTANCE.0) && stands_for(&self.kind, INSTANCE.1)
    }

    /// Whether it can be of nothing but an instance.
    pub fn is_no_other(&self) -> bool {
        self.is_instance() && self.kind.eq_ignore_ascii_case(INSTANCE.1)
    }
}

impl fmt::Display for Urn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            service,
            region,
            domain,
            kind,
            id,
        } = self;
        write!(f, "{service}:{region}:{domain}:{kind}:{id}")
    }
}

/// Whether a part of a URN is `part`, whatever the case: the vendor writes `ECS` and `ecs`, and a
/// Nova on `MySQL` finds a server in any spelling of its id, so a deny must.
pub fn stands_for(pattern: &str, part: &str) -> bool {
    wildcard::matches(pattern, part, char::eq_ignore_ascii_case)
}

/// Whether `id` has one spelling apart from case.
///
/// `MySQL` takes `é` for `e` where it compares without case, so that another text might reach the
/// same server: what is no plain id passes every deny's test and no allow's.
pub fn is_plain_id(id: &str) -> bool {
    (1..=MAX_ID_BYTES).contains(&id.len()) && id.bytes().all(is_id_byte)
}

fn is_id_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_refuses() {
        let (policy, identity) = (Dialect::Policy, Dialect::IdentityPolicy);
        let cases = [
            ("ecs:*:*:instance:a-1", policy, Some(true)),
            ("ECS:eu-de:d:Instance:*", policy, Some(true)),
            ("*:*:*:*:*", policy, Some(true)),
            ("ecs:*:*:instance:a?", identity, Some(true)),
            ("ecs:*:*:instance:a?", policy, None),
            ("obs:*:*:object:b/k?x: y", policy, Some(false)),
            ("iam::d:user:u", identity, Some(false)),
            ("rds:*:*:instance:a", policy, Some(false)),
            ("ecs:*:*:keypair:k", policy, Some(false)),
            ("ecs::d:instance:a", identity, None),
            ("ecs:*:*:instance:", policy, None),
            ("ecs:*:*:instance:a:b", policy, None),
            ("ecs:*:*:instance:é", policy, None),
            ("ecs:*:*:instance", policy, None),
            ("ecs:*", policy, None),
            ("", policy, None),
            (":*:*:instance:a", policy, None),
            (" ecs:*:*:instance:a", policy, None),
            ("obs:*:*:bucket:a ", policy, None),
        ];
        for (text, dialect, expected) in cases {
            let found = Urn::parse(text, dialect).map(|urn| urn.is_instance());
            assert_eq!(found, expected, "{text:?}");
        }
    }

    #[test]
    fn ids_are_compared_without_case() {
        for (pattern, id, expected) in [
            ("a-1", "A-1", true),
            ("a*", "ab", true),
            ("a?", "a", false),
            ("a", "ab", false),
        ] {
            assert_eq!(stands_for(pattern, id), expected, "{pattern} {id}");
        }
    }

    #[test]
    fn plain_ids_have_one_spelling() {
        for (id, expected) in [
            ("0a1B-_", true),
            ("", false),
            ("é", false),
            ("a%20", false),
            ("a ", false),
            ("a*", false),
        ] {
            assert_eq!(is_plain_id(id), expected, "{id:?}");
        }
        assert!(is_plain_id(&"a".repeat(255)));
        assert!(!is_plain_id(&"a".repeat(256)));
    }
}
