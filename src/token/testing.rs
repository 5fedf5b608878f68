//! Real keys, the tokens they sign and the feeds that show them, for tests of this and later layers.
//!
//! Signs with aws-lc itself, so that the tests do not ask the crate that verifies.

use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{self as aws, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Algorithm, FetchError, KeyFeed, KeySettings, KeySource, Location};

/// Slow to make, so all tests share it.
static RSA: LazyLock<RsaKeyPair> =
    LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap());

/// A private key that signs for one algorithm.
pub struct SigningKey {
    pub kid: &'static str,
    pub algorithm: Algorithm,
    pair: Pair,
}

enum Pair {
    Rsa(&'static RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl SigningKey {
    /// A new key; but every RSA key is the same pair.
    pub fn new(kid: &'static str, algorithm: Algorithm) -> Self {
        let ec = |algorithm| Pair::Ec(EcdsaKeyPair::generate(algorithm).unwrap());
        let pair = match algorithm {
            Algorithm::ES256 => ec(&aws::ECDSA_P256_SHA256_FIXED_SIGNING),
            Algorithm::ES384 => ec(&aws::ECDSA_P384_SHA384_FIXED_SIGNING),
            Algorithm::ES512 => ec(&aws::ECDSA_P521_SHA512_FIXED_SIGNING),
            Algorithm::EdDSA => Pair::Ed(Ed25519KeyPair::generate().unwrap()),
            _ => Pair::Rsa(&RSA),
        };
        Self {
            kid,
            algorithm,
            pair,
        }
    }

    /// The public half, as a member of a key set.
    pub fn jwk(&self) -> Value {
        let mut jwk = match &self.pair {
            Pair::Rsa(_) => {
                let der = self.public();
                let (n, e) = rsa_components(&der);
                json!({"kty": "RSA", "n": encode(n), "e": encode(e)})
            }
            Pair::Ec(_) => {
                let point = self.public();
                let (x, y) = point[1..].split_at(point.len() / 2);
                let curve = match x.len() {
                    32 => "P-256",
                    48 => "P-384",
                    _ => "P-521",
                };
                json!({"kty": "EC", "crv": curve, "x": encode(x), "y": encode(y)})
            }
            Pair::Ed(_) => json!({"kty": "OKP", "crv": "Ed25519", "x": encode(self.public())}),
        };
        jwk["kid"] = json!(self.kid);
        jwk["alg"] = json!(self.algorithm.name());
        jwk["use"] = json!("sig");
        jwk
    }

    /// The public half in PEM form, as openssl writes it.
    pub fn pem(&self) -> String {
        let der: PublicKeyX509Der<'_> = match &self.pair {
            Pair::Rsa(pair) => pair.public_key().as_der().unwrap(),
            Pair::Ec(pair) => pair.public_key().as_der().unwrap(),
            Pair::Ed(pair) => pair.public_key().as_der().unwrap(),
        };
        let text = STANDARD.encode(der.as_ref());
        format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")
    }

    /// PKCS #1, an uncompressed point, or 32 bytes.
    pub fn public(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Rsa(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ec(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ed(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    /// The signature, as RFC 7518 §3 and RFC 8037 §3.1 want it.
    pub fn sign(&self, message: &str) -> Vec<u8> {
        let (random, message) = (SystemRandom::new(), message.as_bytes());
        let pair = match &self.pair {
            Pair::Rsa(pair) => pair,
            Pair::Ec(pair) => return pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Pair::Ed(pair) => return pair.sign(message).as_ref().to_vec(),
        };
        let encoding: &'static dyn aws::RsaEncoding = match self.algorithm {
            Algorithm::RS256 => &aws::RSA_PKCS1_SHA256,
            Algorithm::RS384 => &aws::RSA_PKCS1_SHA384,
            Algorithm::RS512 => &aws::RSA_PKCS1_SHA512,
            Algorithm::PS256 => &aws::RSA_PSS_SHA256,
            Algorithm::PS384 => &aws::RSA_PSS_SHA384,
            _ => &aws::RSA_PSS_SHA512,
        };
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(encoding, &random, message, &mut signature)
            .unwrap();
        signature
    }

    /// An ES256 signature as X.509 wants it, which no JWS may have.
    pub fn sign_der(&self, message: &str) -> Vec<u8> {
        let Pair::Ec(pair) = &self.pair else {
            panic!("only EC keys sign in two forms");
        };
        let pkcs8 = pair.to_pkcs8v1().unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&aws::ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref()).unwrap();
        let signature = pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        signature.as_ref().to_vec()
    }

    /// A token with the header that fits.
    pub fn token(&self, claims: &Value) -> String {
        let header = json!({"alg": self.algorithm.name(), "kid": self.kid});
        self.token_of(&header.to_string(), &claims.to_string())
    }

    /// A token of these very texts.
    pub fn token_of(&self, header: &str, claims: &str) -> String {
        self.seal(&format!("{}.{}", encode(header), encode(claims)))
    }

    /// A token of two parts that are encoded already.
    pub fn seal(&self, signed: &str) -> String {
        format!("{signed}.{}", encode(self.sign(signed)))
    }
}

/// Base64url without padding.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Modulus and exponent of the DER form (RFC 8017 §A.1.1) of a key of 2048 bits.
fn rsa_components(der: &[u8]) -> (&[u8], &[u8]) {
    let (n, e) = der
        .strip_prefix(&[0x30, 0x82, 1, 10, 2, 0x82, 1, 1, 0])
        .unwrap()
        .split_at(256);
    (n, e.strip_prefix(&[2, 3]).unwrap())
}

/// The text of a key set.
pub fn key_set(keys: &[&SigningKey]) -> String {
    let members: Vec<Value> = keys.iter().map(|key| key.jwk()).collect();
    json!({"keys": members}).to_string()
}

/// A key set in a file, and who reads it.
pub struct KeyFile {
    folder: TempDir,
    pub source: KeySource,
    pub feed: KeyFeed,
}

impl KeyFile {
    /// There is no file yet.
    pub fn new(adjust: impl FnOnce(&mut KeySettings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = KeySettings::new(Location::File(folder.path().join("jwks.json")));
        adjust(&mut settings);
        let (source, feed) = KeySource::new("https://issuer", settings).unwrap();
        Self {
            folder,
            source,
            feed,
        }
    }

    /// Replaces the file and reads it.
    pub fn put(&mut self, text: &str) -> Result<(), FetchError> {
        std::fs::write(self.folder.path().join("jwks.json"), text).unwrap();
        self.refresh()
    }

    /// Reads the file.
    pub fn refresh(&mut self) -> Result<(), FetchError> {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(self.source.refresh())
    }
}

/// A feed of these keys, which never changes.
pub fn feed(keys: &[&SigningKey]) -> KeyFeed {
    let mut file = KeyFile::new(|_| {});
    file.put(&key_set(keys)).unwrap();
    file.feed
}
