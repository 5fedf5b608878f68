//! Tokens taken apart by an independent reader, and what those of a Keystone say.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserializer as _;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

/// Only the spelling that an encoder would choose.
pub fn decode(part: &str) -> Vec<u8> {
    let mut bits = 0_u32;
    let mut count = 0;
    let mut bytes = Vec::new();
    for digit in part.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => panic!("{part} is not base64url"),
        };
        bits = (bits << 6 | u32::from(value)) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count).to_le_bytes()[0]);
        }
    }
    assert_eq!(URL_SAFE_NO_PAD.encode(&bytes), part, "a second spelling");
    bytes
}

/// The members of an object, each of them once.
pub fn object(part: &str) -> Map<String, Value> {
    struct Names;
    impl<'de> Visitor<'de> for Names {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Vec<String>, A::Error> {
            let mut names = Vec::new();
            while let Some((name, _)) = members.next_entry::<String, IgnoredAny>()? {
                names.push(name);
            }
            Ok(names)
        }
    }
    let bytes = decode(part);
    let names = serde_json::Deserializer::from_slice(&bytes).deserialize_map(Names);
    let object: Map<String, Value> = serde_json::from_slice(&bytes).expect("an object");
    assert_eq!(
        names.expect("an object").len(),
        object.len(),
        "a member is repeated"
    );
    object
}

/// What Keystone puts into every token, one scope at most, and nothing delegated but by a trust.
pub fn check_keystone(text: &str, claims: &Map<String, Value>, is_bound: bool) {
    let is_text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    assert!(is_text(&claims["sub"]), "{text} is of nobody");
    assert!(claims.contains_key("iat"), "{text} was never issued");
    for claim in ["openstack_methods", "openstack_audit_ids"] {
        let items = claims[claim].as_array().expect("an array");
        assert!(items.iter().all(Value::is_string), "{text}");
    }
    let scopes = [
        "openstack_project_id",
        "openstack_domain_id",
        "openstack_system",
    ];
    let scopes: Vec<&Value> = scopes
        .iter()
        .filter_map(|claim| claims.get(*claim))
        .collect();
    assert!(
        scopes.len() <= 1 && scopes.into_iter().all(is_text),
        "{text} has scopes"
    );
    for claim in ["openstack_app_cred_id", "openstack_access_token_id"] {
        assert!(!claims.contains_key(claim), "{text} is delegated");
    }
    assert_eq!(
        is_bound,
        claims.contains_key("openstack_thumbprint"),
        "{text} is bound"
    );
}
