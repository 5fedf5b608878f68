//! What tells one token of an issuer from another: its id and when it was issued.

use std::time::UNIX_EPOCH;

use serde_json::{Map, Value};

use super::claims::{string, time, type_of};
use super::{Issuer, Kind, TokenError};

/// By what a token can be revoked, beside its issuer and its subject.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Issued {
    /// The `jti`; of a Keystone the audit ids, the token's own and that of the one it was made from.
    pub ids: Box<[Box<str>]>,
    /// In seconds since 1970, fractions cut off.
    pub at: Option<u64>,
}

impl Issuer {
    /// When a token with these claims was issued, and what it is called.
    ///
    /// # Errors
    ///
    /// [`TokenError::Claim`]: an id of another type could never be found in a list.
    pub fn issued_in(&self, claims: &Map<String, Value>) -> Result<Issued, TokenError> {
        match &self.kind {
            Kind::Online(online) if online.takes.keystone => {
                let token = claims.get("token");
                let issued = token.and_then(|token| token.get("issued_at"));
                let issued = issued.and_then(Value::as_str);
                // ISO 8601 as RFC 3339 has it, in UTC.
                let issued = issued.and_then(|text| humantime::parse_rfc3339(text).ok());
                let issued = issued.and_then(|issued| issued.duration_since(UNIX_EPOCH).ok());
                Ok(Issued {
                    ids: audit_ids(token.and_then(|token| token.get("audit_ids")))?,
                    at: issued.map(|issued| issued.as_secs()),
                })
            }
            Kind::KeystoneJws(_) => Ok(Issued {
                ids: audit_ids(claims.get("openstack_audit_ids"))?,
                at: time(claims, "iat")?,
            }),
            Kind::Jwt(_) | Kind::Family(_) | Kind::Online(_) => {
                let id = match claims.contains_key("jti") {
                    true => Some(string(claims, "jti")?.into()),
                    false => None,
                };
                Ok(Issued {
                    ids: id.into_iter().collect(),
                    at: time(claims, "iat")?,
                })
            }
        }
    }
}

fn audit_ids(value: Option<&Value>) -> Result<Box<[Box<str>]>, TokenError> {
    let invalid = |found| TokenError::Claim {
        claim: "audit_ids",
        found,
        expected: "an array of strings",
    };
    match value {
        None => Ok(Box::default()),
        Some(Value::Array(ids)) => {
            let ids = ids.iter().map(|id| id.as_str().map(Into::into));
            let ids: Option<Box<[Box<str>]>> = ids.collect();
            ids.ok_or_else(|| invalid("an array of other values"))
        }
        Some(other) => Err(invalid(type_of(other))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::token::testing::{SigningKey, feed};
    use crate::token::{Algorithm, JwtIssuer, KeystoneJws};

    fn issued(kind: Kind, claims: &Value) -> Result<Issued, TokenError> {
        let issuer = Issuer {
            name: "i".to_owned(),
            leeway: 0,
            kind,
        };
        issuer.issued_in(claims.as_object().unwrap())
    }

    fn of(ids: &[&str], at: Option<u64>) -> Issued {
        Issued {
            ids: ids.iter().map(|id| (*id).into()).collect(),
            at,
        }
    }

    #[test]
    fn a_jwt_is_called_by_its_jti() {
        let keys = feed(&[&SigningKey::new("k", Algorithm::EdDSA)]);
        let jwt = || {
            Kind::Jwt(JwtIssuer {
                audiences: Vec::new(),
                keys: keys.clone(),
            })
        };
        let cases = [
            (json!({"jti": "a", "iat": 7.9}), of(&["a"], Some(7))),
            (json!({}), of(&[], None)),
        ];
        for (claims, expected) in cases {
            assert_eq!(issued(jwt(), &claims), Ok(expected), "{claims}");
        }
        let error = issued(jwt(), &json!({"jti": 1})).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the token's claim `jti` is a number, expected a string"
        );
    }

    #[test]
    fn a_token_of_keystone_is_called_by_its_audit_ids() {
        let keys = feed(&[&SigningKey::new("k", Algorithm::ES256)]);
        let jws = || {
            Kind::KeystoneJws(KeystoneJws {
                keys: keys.clone(),
                algorithm: Algorithm::ES256,
                delegated: Vec::new(),
            })
        };
        let claims = json!({"openstack_audit_ids": ["own", "first"], "iat": 7, "jti": "x"});
        assert_eq!(issued(jws(), &claims), Ok(of(&["own", "first"], Some(7))));
        for (ids, found) in [
            (json!([1]), "an array of other values"),
            (json!("own"), "a string"),
        ] {
            let error = issued(jws(), &json!({"openstack_audit_ids": ids})).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("the token's claim `audit_ids` is {found}, expected an array of strings")
            );
        }
    }
}
