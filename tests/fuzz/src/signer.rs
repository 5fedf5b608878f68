//! Keys that sign tokens, and that check signatures without the crate that the program asks.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair,
    Ed25519KeyPair, KeyPair as _, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// A key pair with a name, for one algorithm.
#[derive(Debug)]
pub struct Signer {
    /// Its `kid`.
    pub kid: &'static str,
    pair: Pair,
}

#[derive(Debug)]
enum Pair {
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Signer {
    /// A new key for ES256.
    pub fn es256(kid: &'static str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        Self {
            kid,
            pair: Pair::Ec(pair),
        }
    }

    /// A new key for `EdDSA`.
    pub fn ed25519(kid: &'static str) -> Self {
        let pair = Ed25519KeyPair::generate().expect("a key");
        Self {
            kid,
            pair: Pair::Ed(pair),
        }
    }

    /// The `alg` of its tokens.
    pub fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Ec(_) => "ES256",
            Pair::Ed(_) => "EdDSA",
        }
    }

    /// The public half, as a member of a key set.
    pub fn jwk(&self) -> Value {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match &self.pair {
            Pair::Ec(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "kid": self.kid, "x": encode(x), "y": encode(y)})
            }
            Pair::Ed(pair) => {
                let x = encode(pair.public_key().as_ref());
                json!({"kty": "OKP", "crv": "Ed25519", "kid": self.kid, "x": x})
            }
        }
    }

    /// The public half as a `PUBLIC KEY` in PEM form (RFC 5480 §2, RFC 8410 §4).
    pub fn pem(&self) -> String {
        // All before the key: its length, its algorithm, the head of the bit string.
        let (head, key): (&[u8], &[u8]) = match &self.pair {
            Pair::Ec(pair) => (
                b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00",
                pair.public_key().as_ref(),
            ),
            Pair::Ed(pair) => (
                b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00",
                pair.public_key().as_ref(),
            ),
        };
        let der = STANDARD.encode([head, key].concat());
        format!("-----BEGIN PUBLIC KEY-----\n{der}\n-----END PUBLIC KEY-----\n")
    }

    /// A token of these texts, whatever they say.
    pub fn token(&self, header: &[u8], claims: &[u8]) -> String {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let signed = format!("{}.{}", encode(header), encode(claims));
        let signature = match &self.pair {
            Pair::Ec(pair) => {
                let signature = pair.sign(&SystemRandom::new(), signed.as_bytes());
                encode(signature.expect("a signature").as_ref())
            }
            Pair::Ed(pair) => encode(pair.sign(signed.as_bytes()).as_ref()),
        };
        format!("{signed}.{signature}")
    }

    /// Whether it made this signature.
    pub fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match &self.pair {
            Pair::Ec(pair) => {
                let public = pair.public_key().as_ref();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public).verify(message, signature)
            }
            Pair::Ed(pair) => {
                let public = pair.public_key().as_ref();
                UnparsedPublicKey::new(&ED25519, public).verify(message, signature)
            }
        };
        verified.is_ok()
    }
}
