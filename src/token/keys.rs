//! Key sets (RFC 7517): which key may verify what.
//!
//! The key decides the algorithm, the token's header only has to agree. A member that cannot be
//! used is skipped and counted; it does not take the others with it.

mod algorithm;
mod pem;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519,
    ParsedPublicKey, RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde_json::{Map, Value};

pub use algorithm::Algorithm;

use crate::json::{self, InvalidJson};

/// The fewest bits of an RSA modulus (RFC 7518 §3.3).
const MIN_RSA_BITS: usize = 2048;
/// The most bits of an RSA modulus that the crypto library verifies.
const MAX_RSA_BITS: usize = 8192;
/// The most bytes of an RSA exponent.
const MAX_EXPONENT: usize = 4;
/// Members beyond these are skipped.
const MAX_KEYS: usize = 100;
/// How many keys a token without `kid` is tried with.
const MAX_CANDIDATES: usize = 8;

/// A public key and the one algorithm it serves.
#[derive(Debug)]
pub struct Key {
    /// Its name in the set.
    pub kid: Option<String>,
    /// The only algorithm it verifies.
    pub algorithm: Algorithm,
    public: Public,
}

#[derive(Debug)]
enum Public {
    Jwt(DecodingKey),
    /// Of ES512, which `jsonwebtoken` does not know, and of RSA, which it parses anew for every token:
    /// that takes half as long as the verification itself.
    Parsed(ParsedPublicKey),
}

impl Key {
    /// Whether `signature`, in base64url, is this key's of `message`.
    pub fn verifies(&self, message: &str, signature: &str) -> bool {
        let message = message.as_bytes();
        let verified = match (&self.public, self.algorithm.for_signatures()) {
            (Public::Jwt(key), Some(algorithm)) => {
                jsonwebtoken::crypto::verify(signature, message, key, algorithm).ok()
            }
            (Public::Parsed(key), None) => URL_SAFE_NO_PAD
                .decode(signature)
                .ok()
                .map(|signature| key.verify_sig(message, &signature).is_ok()),
            _ => None,
        };
        verified.unwrap_or(false)
    }
}

/// The usable keys of one issuer.
#[derive(Debug)]
pub struct KeySet {
    keys: Vec<Key>,
    skipped: Vec<SkippedKey>,
}

/// A member of a key set that cannot be used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SkippedKey {
    /// Its place in the set, from 0.
    pub index: usize,
    /// Its `kid`, if it has one.
    pub kid: Option<String>,
    /// Why not.
    pub reason: String,
}

/// Why a text is not a key set of any use.
#[derive(Debug, thiserror::Error)]
pub enum InvalidKeySet {
    /// Not an object, or with a repeated member.
    #[error(transparent)]
    Json(#[from] InvalidJson),
    /// No `keys`.
    #[error("there is no array `keys`, expected a JWK set (RFC 7517 §5)")]
    NoKeys,
    /// Every member was skipped.
    #[error("none of its {} keys can be used{}", .0.len(), first(.0))]
    NoneUsable(Vec<SkippedKey>),
}

fn first(skipped: &[SkippedKey]) -> String {
    skipped
        .first()
        .map_or_else(String::new, |key| format!("; the first: {}", key.reason))
}

impl KeySet {
    /// Reads a JWK set.
    ///
    /// # Errors
    ///
    /// Text that is not a JWK set, or one without a usable key.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidKeySet> {
        let mut object = json::parse_object(bytes)?;
        let Some(Value::Array(members)) = object.remove("keys") else {
            return Err(InvalidKeySet::NoKeys);
        };
        let mut set = Self {
            keys: Vec::new(),
            skipped: Vec::new(),
        };
        for (index, member) in members.iter().enumerate() {
            let key = match member {
                _ if index >= MAX_KEYS => Err(format!("only the first {MAX_KEYS} keys are read")),
                Value::Object(member) => parse_key(member),
                _ => Err("it is not an object".to_owned()),
            };
            match key {
                Ok(key) => set.keys.push(key),
                Err(reason) => set.skipped.push(SkippedKey {
                    index,
                    kid: member.get("kid").and_then(Value::as_str).map(str::to_owned),
                    reason,
                }),
            }
        }
        if set.keys.is_empty() {
            return Err(InvalidKeySet::NoneUsable(set.skipped));
        }
        Ok(set)
    }

    /// Reads the public keys in `files`, PEM (RFC 7468) with their names, of which `algorithm` uses some.
    ///
    /// # Errors
    ///
    /// No usable key.
    pub fn from_pem(
        files: &[(String, impl AsRef<[u8]>)],
        algorithm: Algorithm,
    ) -> Result<Self, InvalidKeySet> {
        let mut set = Self {
            keys: Vec::new(),
            skipped: Vec::new(),
        };
        for (index, (name, text)) in files.iter().enumerate() {
            let key = match pem::parse(text.as_ref()) {
                _ if set.keys.len() == MAX_CANDIDATES => {
                    Err(format!("only {MAX_CANDIDATES} keys are tried"))
                }
                Ok(key) if key.algorithm != algorithm => Err(format!(
                    "it is a key for {}, not {algorithm}",
                    key.algorithm
                )),
                key => key,
            };
            match key {
                Ok(key) => set.keys.push(key),
                Err(reason) => set.skipped.push(SkippedKey {
                    index,
                    kid: Some(name.clone()),
                    reason,
                }),
            }
        }
        match set.keys.is_empty() {
            true => Err(InvalidKeySet::NoneUsable(set.skipped)),
            false => Ok(set),
        }
    }

    /// The usable keys, in the order of the set.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The members that cannot be used.
    pub fn skipped(&self) -> &[SkippedKey] {
        &self.skipped
    }

    /// The keys that a token naming `kid` and `algorithm` may be signed with: those of that name only.
    /// A token that names none may be signed with any, of which a few are tried.
    pub fn candidates(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = &Key> {
        self.named(kid)
            .filter(move |key| key.algorithm == algorithm)
            .take(MAX_CANDIDATES)
    }

    /// The keys called `kid`, all of them where it is `None`, whatever they serve.
    pub fn named(&self, kid: Option<&str>) -> impl Iterator<Item = &Key> {
        let keys = self.keys.iter();
        keys.filter(move |key| kid.is_none() || key.kid.as_deref() == kid)
    }
}

fn parse_key(member: &Map<String, Value>) -> Result<Key, String> {
    let text = |name: &str| match member.get(name) {
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(format!("its `{name}` is not a string")),
        None => Ok(None),
    };
    if let Some(purpose) = text("use")?
        && purpose != "sig"
    {
        return Err(format!("its `use` is `{purpose}`, not `sig`"));
    }
    match member.get("key_ops") {
        None => {}
        Some(Value::Array(operations)) if operations.contains(&Value::from("verify")) => {}
        Some(_) => return Err("its `key_ops` do not allow `verify`".to_owned()),
    }
    if member.contains_key("d") || member.contains_key("k") {
        return Err("it holds a secret; a key set is for public keys".to_owned());
    }
    let required = |name: &str| text(name)?.ok_or_else(|| format!("it has no `{name}`"));
    let kind = required("kty")?;
    let curve = text("crv")?;
    let (algorithm, public) = match (kind, curve) {
        ("RSA", _) => rsa_key(required("n")?, required("e")?, text("alg")?)?,
        ("EC", Some("P-256")) => ec_key(required("x")?, required("y")?, 32, Algorithm::ES256)?,
        ("EC", Some("P-384")) => ec_key(required("x")?, required("y")?, 48, Algorithm::ES384)?,
        ("EC", Some("P-521")) => p521_key(required("x")?, required("y")?)?,
        ("OKP", Some("Ed25519")) => ed_key(required("x")?)?,
        (kind, Some(curve)) => {
            return Err(format!("keys of type {kind} on {curve} are not used here"));
        }
        (kind, None) => return Err(format!("keys of type {kind} are not used here")),
    };
    if let Some(name) = text("alg")?
        && name != algorithm.name()
    {
        return Err(format!(
            "its `alg` is `{name}`, which a key of this type does not serve here"
        ));
    }
    Ok(Key {
        kid: text("kid")?.map(str::to_owned),
        algorithm,
        public,
    })
}

/// An RSA key serves the algorithm it names, or RS256 where it names none.
fn rsa_key(n: &str, e: &str, alg: Option<&str>) -> Result<(Algorithm, Public), String> {
    let name = alg.unwrap_or(Algorithm::RS256.name());
    let algorithm = Algorithm::from_name(name);
    let served = algorithm.and_then(|algorithm| Some((algorithm, algorithm.of_rsa()?)));
    let (algorithm, parameters) = served
        .ok_or_else(|| format!("its `alg` is `{name}`, which an RSA key does not serve here"))?;
    let (modulus, exponent) = (number(n)?, number(e)?);
    let leading = modulus.first().map_or(0, |byte| byte.leading_zeros());
    let bits = modulus.len() * 8 - leading as usize;
    if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits) {
        return Err(format!(
            "it has {bits} bits, expected {MIN_RSA_BITS} to {MAX_RSA_BITS}"
        ));
    }
    let is_odd = exponent.last().is_some_and(|byte| byte % 2 == 1);
    if !is_odd || exponent == [1] || exponent.len() > MAX_EXPONENT {
        return Err("its exponent is not an odd number from 3 on".to_owned());
    }
    let components = RsaPublicKeyComponents {
        n: modulus,
        e: exponent,
    };
    let parsed = components.to_parsed_public_key(parameters);
    let parsed = parsed.map_err(|_| "its numbers are no RSA key".to_owned())?;
    Ok((algorithm, Public::Parsed(parsed)))
}

fn ec_key(
    x: &str,
    y: &str,
    size: usize,
    algorithm: Algorithm,
) -> Result<(Algorithm, Public), String> {
    coordinate(x, size)?;
    coordinate(y, size)?;
    let public = DecodingKey::from_ec_components(x, y).map_err(|error| error.to_string())?;
    on_curve(algorithm, public)
}

fn p521_key(x: &str, y: &str) -> Result<(Algorithm, Public), String> {
    coordinate(x, 66)?;
    coordinate(y, 66)?;
    // Uncompressed (SEC 1 §2.3.3).
    let point = [[4].as_slice(), &decode(x)?, &decode(y)?].concat();
    let parsed = ParsedPublicKey::new(&ECDSA_P521_SHA512_FIXED, point);
    let parsed = parsed.map_err(|_| "its point is not on its curve".to_owned())?;
    Ok((Algorithm::ES512, Public::Parsed(parsed)))
}

fn ed_key(x: &str) -> Result<(Algorithm, Public), String> {
    coordinate(x, 32)?;
    let public = DecodingKey::from_ed_components(x).map_err(|error| error.to_string())?;
    on_curve(Algorithm::EdDSA, public)
}

/// A point elsewhere verifies nothing; found here, it is a skipped key and not a forged token.
fn on_curve(algorithm: Algorithm, public: DecodingKey) -> Result<(Algorithm, Public), String> {
    let point = public
        .try_get_as_bytes()
        .map_err(|error| error.to_string())?;
    let parsed = match algorithm {
        Algorithm::ES256 => ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point),
        Algorithm::ES384 => ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point),
        _ => ParsedPublicKey::new(&ED25519, point),
    };
    match parsed {
        Ok(_) => Ok((algorithm, Public::Jwt(public))),
        Err(_) => Err("its point is not on its curve".to_owned()),
    }
}

/// RFC 7518 §6.2.1.2: a coordinate has the full size of the field.
fn coordinate(text: &str, size: usize) -> Result<(), String> {
    match decode(text)?.len() {
        length if length == size => Ok(()),
        length => Err(format!("a coordinate has {length} bytes, expected {size}")),
    }
}

/// The digits of a number, without the zeros that some libraries put before them (RFC 7518 §6.3.1.1).
fn number(text: &str) -> Result<Vec<u8>, String> {
    let digits = decode(text)?.into_iter();
    Ok(digits.skip_while(|digit| *digit == 0).collect())
}

fn decode(text: &str) -> Result<Vec<u8>, String> {
    let decoded = URL_SAFE_NO_PAD.decode(text);
    decoded.map_err(|_| "a value is not canonical base64url".to_owned())
}

#[cfg(test)]
mod tests;
