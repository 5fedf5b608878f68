//! A token service: private keys, key sets of their public halves, and the tokens they sign.

use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::Folder;

pub const ISSUER: &str = "https://iam.example.com";
pub const CONFIG: &str = r#"[listen]
address = "127.0.0.1:0"

[upstream]
url = "http://127.0.0.1:9"

[[issuer]]
name = "https://iam.example.com"
audiences = ["ecs"]
keys = "jwks.json"

[issuer.claims]
project = "/project_id"
actions = "/actions"
"#;
/// 2100-01-01.
pub const LATER: u64 = 4_102_444_800;

/// A kind of key, and how one is made.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub algorithm: &'static str,
    generate: fn() -> Pair,
}

pub const ED25519: Kind = Kind {
    algorithm: "EdDSA",
    generate: ed25519,
};
/// Every key of this kind is the same.
pub const RSA: Kind = Kind {
    algorithm: "RS256",
    generate: rsa,
};
pub const P256: Kind = Kind {
    algorithm: "ES256",
    generate: || ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING),
};
pub const P384: Kind = Kind {
    algorithm: "ES384",
    generate: || ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING),
};

/// Both halves in DER form: PKCS #8 (RFC 5958), and that of a certificate (RFC 5280 §4.1).
struct Pair {
    private: Vec<u8>,
    public: Vec<u8>,
}

impl Pair {
    fn new(private: &[u8], public: &impl AsDer<PublicKeyX509Der<'static>>) -> Self {
        Self {
            private: private.to_vec(),
            public: public.as_der().unwrap().as_ref().to_vec(),
        }
    }
}

fn ed25519() -> Pair {
    let pair = Ed25519KeyPair::generate().unwrap();
    Pair::new(pair.to_pkcs8().unwrap().as_ref(), pair.public_key())
}

fn rsa() -> Pair {
    // Slow to make, so all tests share it.
    static PAIR: LazyLock<RsaKeyPair> =
        LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap());
    let private: Pkcs8V1Der = PAIR.as_der().unwrap();
    Pair::new(private.as_ref(), PAIR.public_key())
}

fn ecdsa(algorithm: &'static EcdsaSigningAlgorithm) -> Pair {
    let pair = EcdsaKeyPair::generate(algorithm).unwrap();
    Pair::new(pair.to_pkcs8v1().unwrap().as_ref(), pair.public_key())
}

/// A folder with `key.pem`, `public.pem` and all that [`trust`] writes.
pub fn issuer(kind: Kind) -> Folder {
    let folder = Folder::new();
    let pair = (kind.generate)();
    folder.write("key.pem", &pem("PRIVATE KEY", &pair.private));
    folder.write("public.pem", &pem("PUBLIC KEY", &pair.public));
    trust(&folder, kind, &pair.public);
    folder
}

/// Writes `actiongate.toml` and the `jwks.json` that calls this public key `k1`.
pub fn trust(folder: &Folder, kind: Kind, public: &[u8]) {
    let mut key = public_key(kind, public);
    key["kid"] = json!("k1");
    folder.write("jwks.json", &json!({"keys": [key]}).to_string());
    folder.write("actiongate.toml", CONFIG);
}

/// Writes a key that no key set has.
pub fn make_key(folder: &Folder, kind: Kind, name: &str) {
    folder.write(name, &pem("PRIVATE KEY", &(kind.generate)().private));
}

/// RFC 7468.
pub fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines = text.as_bytes().chunks(64);
    let lines: Vec<&str> = lines.map(|line| str::from_utf8(line).unwrap()).collect();
    let lines = lines.join("\n");
    format!("-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n")
}

/// A public key in DER form as a JWK (RFC 7517).
fn public_key(kind: Kind, der: &[u8]) -> Value {
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    // The bit string of the key ends the DER form.
    let tail = |length: usize| &der[der.len() - length..];
    let point = |size: usize| {
        assert_eq!(tail(2 * size + 1)[0], 4, "an uncompressed point");
        let (x, y) = tail(2 * size).split_at(size);
        (encode(x), encode(y))
    };
    match kind.algorithm {
        "EdDSA" => json!({"kty": "OKP", "crv": "Ed25519", "x": encode(tail(32))}),
        "ES256" => json!({"kty": "EC", "crv": "P-256", "x": point(32).0, "y": point(32).1}),
        "ES384" => json!({"kty": "EC", "crv": "P-384", "x": point(48).0, "y": point(48).1}),
        _ => {
            // 2048 bits, then the integer 65537 in DER form.
            let (modulus, exponent) = tail(256 + 5).split_at(256);
            assert_eq!(exponent, [2, 3, 1, 0, 1], "a usual exponent");
            json!({"kty": "RSA", "n": encode(modulus), "e": encode(&exponent[2..])})
        }
    }
}

/// Claims of a token that `CONFIG` accepts, with these actions in project `a1`.
pub fn claims(actions: &[&str]) -> Value {
    json!({
        "iss": ISSUER,
        "aud": "ecs",
        "sub": "alice",
        "exp": LATER,
        "project_id": "a1",
        "actions": actions,
    })
}

/// The same with one claim changed, or taken away by null.
pub fn claims_but(claim: &str, value: Value) -> Value {
    let mut claims = claims(&["ecs:*:*"]);
    match value {
        Value::Null => drop(claims.as_object_mut().unwrap().remove(claim)),
        value => claims[claim] = value,
    }
    claims
}

/// Signs with `key.pem` as `k1`.
pub fn sign(folder: &Folder, claims: &Value) -> String {
    sign_with(folder, "key.pem", "k1", claims)
}

pub fn sign_with(folder: &Folder, key: &str, kid: &str, claims: &Value) -> String {
    let claims = claims.to_string();
    let arguments = [
        "token", "sign", "--key", key, "--kid", kid, "--claims", &claims,
    ];
    let ran = folder.actiongate(&arguments).ended(0);
    ran.out.trim().to_owned()
}
