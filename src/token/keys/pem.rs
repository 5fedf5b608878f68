//! Public keys in PEM form: `SubjectPublicKeyInfo` (RFC 7468 §13, RFC 5480, RFC 8410), as Keystone keeps
//! them and openssl writes them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject as _;
use x509_parser::prelude::{FromDer as _, SubjectPublicKeyInfo};

use super::{Algorithm, Key, ec_key, ed_key, p521_key};

const EC: &str = "1.2.840.10045.2.1";
const P256: &str = "1.2.840.10045.3.1.7";
const P384: &str = "1.3.132.0.34";
const P521: &str = "1.3.132.0.35";
const ED25519: &str = "1.3.101.112";

/// Reads the one key of a file.
pub fn parse(text: &[u8]) -> Result<Key, String> {
    let secret = b"PRIVATE KEY-----";
    if text.windows(secret.len()).any(|window| window == secret) {
        return Err("it holds a private key; the folder is for public keys".to_owned());
    }
    let mut found = SubjectPublicKeyInfoDer::pem_slice_iter(text);
    let der = match (found.next(), found.next()) {
        (Some(Ok(der)), None) => der,
        (Some(Ok(_)), Some(_)) => return Err("it holds more than one key".to_owned()),
        _ => return Err("it is not a public key in PEM form (`BEGIN PUBLIC KEY`)".to_owned()),
    };
    let Ok((&[], info)) = SubjectPublicKeyInfo::from_der(&der) else {
        return Err("its key cannot be read".to_owned());
    };
    let kind = info.algorithm.algorithm.to_id_string();
    let curve = info.algorithm.parameters.as_ref();
    let curve = curve.and_then(|curve| curve.as_oid().ok());
    let curve = curve.map(|curve| curve.to_id_string());
    let key = info.subject_public_key.data.as_ref();
    let point = |size| coordinates(key, size);
    let (algorithm, public) = match (kind.as_str(), curve.as_deref()) {
        (EC, Some(P256)) => {
            let (x, y) = point(32)?;
            ec_key(&x, &y, 32, Algorithm::ES256)?
        }
        (EC, Some(P384)) => {
            let (x, y) = point(48)?;
            ec_key(&x, &y, 48, Algorithm::ES384)?
        }
        (EC, Some(P521)) => {
            let (x, y) = point(66)?;
            p521_key(&x, &y)?
        }
        (ED25519, None) => ed_key(&URL_SAFE_NO_PAD.encode(key))?,
        _ => return Err("keys of its type are not used here".to_owned()),
    };
    Ok(Key {
        kid: None,
        algorithm,
        public,
    })
}

/// Those of an uncompressed point (SEC 1 §2.3.3), as JWKs write them.
fn coordinates(point: &[u8], size: usize) -> Result<(String, String), String> {
    let halves = point.strip_prefix(&[4]);
    let halves = halves.filter(|halves| halves.len() == 2 * size);
    let (x, y) = halves
        .and_then(|halves| halves.split_at_checked(size))
        .ok_or("its point is not uncompressed")?;
    Ok((URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y)))
}

#[cfg(test)]
mod tests;
