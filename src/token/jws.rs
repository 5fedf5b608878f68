//! The compact serialization of a signed token (RFC 7515 §7.1), taken apart.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::keys::{Algorithm, Key, KeySet};
use super::{Token, TokenError};
use crate::json;

/// A token whose parts are readable; nothing of it is verified yet.
pub struct Jws<'a> {
    /// Which algorithm the header claims.
    pub algorithm: Algorithm,
    /// Which key the header names.
    pub kid: Option<String>,
    /// The payload's claims.
    pub claims: Map<String, Value>,
    signed: &'a str,
    signature: &'a str,
}

/// Three parts, of which the payload is not read yet.
struct Envelope<'a> {
    algorithm: Algorithm,
    kid: Option<String>,
    kind: Option<Value>,
    payload: &'a str,
    signed: &'a str,
    signature: &'a str,
}

/// What one of `keys` has signed as a thing of this `kind`, the header's `typ`: it tells what the same
/// key signs for another purpose apart (RFC 8725 §3.11).
///
/// # Errors
///
/// A text that is not of this form, or not signed by one of them.
pub fn signed_payload(keys: &KeySet, kind: &str, text: &str) -> Result<Vec<u8>, TokenError> {
    let malformed = |what: &str| TokenError::Malformed(what.to_owned());
    let envelope = Envelope::open(text)?;
    if envelope.kind.as_ref().and_then(Value::as_str) != Some(kind) {
        return Err(malformed(&format!("its header's `typ` is not `{kind}`")));
    }
    let mut candidates = keys.candidates(envelope.kid.as_deref(), envelope.algorithm);
    if !candidates.any(|key| key.verifies(envelope.signed, envelope.signature)) {
        return Err(TokenError::Signature);
    }
    decode(envelope.payload).ok_or_else(|| malformed("its payload is not canonical base64url"))
}

impl<'a> Jws<'a> {
    /// Takes `token` apart.
    ///
    /// # Errors
    ///
    /// What is not three parts of canonical base64url without padding, the first two JSON objects
    /// with distinct members; an algorithm that is never accepted; `crit`.
    pub fn parse(token: Token<'a>) -> Result<Self, TokenError> {
        let envelope = Envelope::open(token.as_str())?;
        let claims = object(envelope.payload)
            .map_err(|what| TokenError::Malformed(format!("its payload is {what}")))?;
        Ok(Self {
            algorithm: envelope.algorithm,
            kid: envelope.kid,
            claims,
            signed: envelope.signed,
            signature: envelope.signature,
        })
    }

    /// Whether `token` is meant to be one: three parts, the first of them a JSON object. Any other is
    /// opaque.
    pub fn is_form_of(token: Token<'_>) -> bool {
        let parts: Vec<&str> = token.as_str().splitn(4, '.').collect();
        matches!(parts.as_slice(), [header, _, _] if object(header).is_ok())
    }

    /// Whether `key` made the signature.
    pub fn is_signed_by(&self, key: &Key) -> bool {
        key.verifies(self.signed, self.signature)
    }
}

impl<'a> Envelope<'a> {
    fn open(text: &'a str) -> Result<Self, TokenError> {
        let malformed = |what: &str| TokenError::Malformed(what.to_owned());
        let Some((signed, signature)) = text.rsplit_once('.') else {
            return Err(malformed("it has no dots"));
        };
        let Some((header, payload)) = signed.split_once('.') else {
            return Err(malformed("it has one dot, expected two"));
        };
        if payload.contains('.') {
            return Err(malformed("it has more than two dots"));
        }
        let mut header =
            object(header).map_err(|what| malformed(&format!("its header is {what}")))?;
        if decode(signature).is_none_or(|bytes| bytes.is_empty()) {
            return Err(malformed("its signature is not canonical base64url"));
        }
        if header.contains_key("crit") {
            return Err(TokenError::Critical);
        }
        let algorithm = match header.get("alg") {
            Some(Value::String(name)) => {
                Algorithm::from_name(name).ok_or_else(|| TokenError::Algorithm(name.clone()))?
            }
            _ => return Err(malformed("its header has no `alg` string")),
        };
        let kid = match header.remove("kid") {
            Some(Value::String(kid)) => Some(kid),
            None => None,
            Some(_) => return Err(malformed("the `kid` of its header is not a string")),
        };
        Ok(Self {
            algorithm,
            kid,
            kind: header.remove("typ"),
            payload,
            signed,
            signature,
        })
    }
}

fn object(part: &str) -> Result<Map<String, Value>, String> {
    let bytes = decode(part).ok_or("not canonical base64url")?;
    json::parse_object(&bytes).map_err(|error| error.to_string())
}

/// Refuses padding, other alphabets and stray bits at the end: a token has one spelling.
fn decode(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}
